"""Training the post's recipe: peak memory, against what its one-hot windows would need.

``python -m benchmarks.memory FILE`` takes another file; the largest of piano-midi.de is the hardest.
"""

import json
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).parent.parent / "tests" / "data"
SHARED = Path(__file__).parent.parent.parent / "shared" / "data" / "piano-midi-de"

TRAIN = """
import json, resource, sys, tempfile
from music21_lstm import training
from music21_lstm.encoding.midi import read_midi
from music21_lstm.model.dataset import vocabulary_of
song = read_midi(sys.argv[1])
words = len(vocabulary_of(training.steady([("song", song)])))
class Enough(Exception): pass
def stop(progress):
    if progress.step >= 100: raise Enough
with tempfile.TemporaryDirectory() as folder:
    try:
        training.train([sys.argv[1]], folder + "/model", recipe="post", epochs=1, on_progress=stop)
    except Enough:
        pass
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({"events": len(song), "words": words, "peak": peak}))
"""


def main() -> None:
    named = [Path(a) for a in sys.argv[1:] if a.endswith(".mid")]
    largest = max(SHARED.rglob("*.mid"), key=lambda p: p.stat().st_size, default=None)
    for path in named or [DATA / "maple-leaf-rag.mid", *([largest] if largest else [])]:
        out = subprocess.run(
            [sys.executable, "-c", TRAIN, str(path)], check=True, capture_output=True, text=True
        ).stdout
        found = json.loads(out.splitlines()[-1])
        windows = found["events"] * found["words"] * 15 * 4 / 1e9
        print(
            f"{path.name}: {found['events']} events, {found['words']} tokens; peak "
            f"{found['peak']:.2f} GB over 100 steps (limit 2), one-hot windows {windows:.1f} GB"
        )


if __name__ == "__main__":
    main()
