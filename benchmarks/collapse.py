"""100 pieces of three minutes at a preset's default settings: how many collapse, or leave a note on."""

import sys
import time

import music21_lstm as ml
from music21_lstm.model import presets

PIECES, SECONDS, TOGETHER = 100, 180, 20


def main() -> None:
    named = [word for word in sys.argv[1:] if word in presets.names()]
    for name in named or presets.names():
        generator = ml.load(name)
        start = time.perf_counter()
        collapsed: list[str] = []
        stuck = notes = 0
        for seed in range(0, PIECES, TOGETHER):
            # A take that collapses is played again with another seed: each of those counts.
            found = generator.variations(
                seconds=SECONDS, count=TOGETHER, seed=seed, retries=TOGETHER
            )
            for one in found:
                collapsed += [str(each) for each in one.collapsed]
                stuck += sum(note.off is None for note in one.performance.notes)
                notes += len(one.performance.notes)
        print(f"{name}: {PIECES} pieces of {SECONDS} s, {notes} notes: {len(collapsed)} collapsed, "
              f"{stuck} notes stuck; {time.perf_counter() - start:.0f} s")  # fmt: skip
        for line in collapsed:
            print(f"  {line}")


if __name__ == "__main__":
    main()
