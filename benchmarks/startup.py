"""Loading a preset and generating 500 events to MIDI, and ``--help``, against ``import tensorflow``."""

import subprocess
import sys
import tempfile
import time

GENERATE = (
    "import sys, music21_lstm as ml\n"
    "ml.write(ml.load('chorale').perform(events=500, seed=1), sys.argv[1] + '/new.mid')"
)


def seconds(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(3):
            ours = seconds("-c", GENERATE, folder)
            theirs = seconds("-c", "import tensorflow")
            shown = seconds("-m", "music21_lstm", "--help")
            print(
                f"500 events to MIDI {ours:.2f} s, import tensorflow {theirs:.2f} s "
                f"(ratio {ours / theirs:.2f}, limit 1); --help {shown:.2f} s (limit 1.2)"
            )


if __name__ == "__main__":
    main()
