"""The main job, end to end: the preset ``chorale`` improvises on the opening of Bach's BWV 66.6.

Usage: python examples/demo.py [FOLDER] [SEED]
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from music21 import corpus

import music21_lstm as ml


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print *name* and how long it took."""
    start = time.perf_counter()
    yield
    print(f"{name:<58} {time.perf_counter() - start:6.2f} s")


def main(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with step("read the primer: measures 0 to 4 of bach/bwv66.6"):
        primer = corpus.parse("bach/bwv66.6").measures(0, 4)
    with step("load the preset 'chorale'"):
        generator = ml.load("chorale")
    with step(f"improvise 12 measures (seed {seed}, temperature 0.8)"):
        performance = generator.perform(primer, measures=12, temperature=0.8, seed=seed)
    made = []
    for suffix, what in [
        ("notetext", "the text"),
        ("mid", "MIDI"),
        ("musicxml", "the score, for MuseScore and others"),
        ("mp3", "the sound"),
    ]:
        target = folder / f"chorale.{suffix}"
        with step(f"write {what}"):
            ml.write(performance, target, title=f"Chorale improvised on BWV 66.6 (seed {seed})")
        made.append(target)
    print(f"\n{len(performance.notes)} notes, {performance.seconds:.0f} seconds of music in:")
    for target in made:
        print(f"  {target}  ({target.stat().st_size / 1000:.0f} kB)")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo"),
        int(sys.argv[2]) if len(sys.argv) > 2 else 7,
    )
