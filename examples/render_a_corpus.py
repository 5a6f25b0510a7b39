"""Render a corpus: every piece of a composer in music21's corpus becomes an MP3, several at a time.

Each part sounds on its own instrument, all files are equally loud, and tags say what they are. What is
there already is passed over; a piece that cannot be rendered costs no other.

    python examples/render_a_corpus.py made --composer haydn
    python examples/render_a_corpus.py made --composer bach --count 100 --workers 4
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from music21 import corpus

import music21_lstm as ml


def render(path: Path, folder: Path, seconds: float | None) -> str:
    """Render one piece; what there is to say of it."""
    target = folder / f"{path.parent.name}-{path.stem}.mp3"
    if target.exists():
        return f"{target.name}: there already"
    try:
        score = corpus.parse(path)
        result = ml.render(score, target, normalize="loudness", max_duration=seconds)
    except Exception as error:  # Whatever it is, the others go on.
        return f"{path.name}: not rendered: {error}"
    return f"{target.name}: {result.duration:.0f} s, {result.loudness:.1f} LUFS"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--composer", default="haydn", help="a folder of the corpus")
    parser.add_argument("--count", type=int, help="no more than so many")
    parser.add_argument("--seconds", type=float, help="no more than so much of each")
    parser.add_argument("--workers", type=int, default=2, help="so many at a time")
    given = parser.parse_args()

    pieces = sorted(map(Path, corpus.getComposer(given.composer)))[: given.count]
    given.folder.mkdir(parents=True, exist_ok=True)
    work = partial(render, folder=given.folder, seconds=given.seconds)
    with ProcessPoolExecutor(given.workers, mp_context=get_context("spawn")) as pool:
        for line in pool.map(work, pieces):
            print(line, flush=True)


if __name__ == "__main__":
    main()
