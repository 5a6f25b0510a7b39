"""The main job, end to end: a chorale in four parts, a minute of piano, and a page with both.

python examples/demo.py demo
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from music21 import corpus, stream

import music21_lstm as ml


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print *name*, and how long it took."""
    start = time.perf_counter()
    yield
    print(f"{name:<60} {time.perf_counter() - start:6.2f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"), help="where to write")
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument("--measures", type=int, default=12, help="length of the chorale")
    parser.add_argument("--seconds", type=float, default=60, help="length of the piano piece")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)

    with step("read the primer: measures 0 to 4 of bach/bwv66.6"):
        primer = corpus.parse("bach/bwv66.6").measures(0, 4)
    with step(f"preset 'chorale': improvise {given.measures} measures, engrave"):
        chorale = ml.load("chorale").generate(
            primer, measures=given.measures, temperature=0.8, seed=given.seed
        )
    chorale.metadata.title = "A chorale that begins as BWV 66.6"
    with step(f"preset 'piano': improvise {given.seconds:.0f} seconds, engrave"):
        piano = ml.load("piano").generate(seconds=given.seconds, seed=given.seed)
    piano.metadata.title = "A piano piece"

    made = []
    for name, score in (("chorale", chorale), ("piano", piano)):
        made += write(score, given.folder / name)
    made += page([chorale, piano], given.folder / "demo.html")
    print("\nLook and listen:")
    for target in made:
        print(f"  {target}  ({target.stat().st_size / 1000:.0f} kB)")


def write(score: stream.Score, target: Path) -> list[Path]:
    """*score* in all formats, beside one another."""
    made = []
    for suffix, what in [
        ("notetext", "the text"),
        ("mid", "MIDI"),
        ("musicxml", "the score, for MuseScore and others"),
        ("mp3", "the sound"),
    ]:
        made.append(target.with_suffix(f".{suffix}"))
        with step(f"{target.name}: write {what}"):
            ml.write(score, made[-1])
    return made


def page(scores: list[stream.Score], target: Path) -> list[Path]:
    """Both on one page to listen to, look at and read, if its engraver is installed."""
    try:
        with step("the page: player, score, piano roll, what surprises the model"):
            ml.page(scores, title="Improvised by music21-lstm").write(target)
    except ml.Music21LstmError as error:
        print(f"no page: {error}")
        return []
    return [target]


if __name__ == "__main__":
    main()
