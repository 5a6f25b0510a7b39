"""Which one is the LSTM? A page for a class: chorales by Bach and by a model.

Each model's chorale goes on from the opening of one by Bach, and the opening is left out. All are of
one length, engraved alike and played on one piano; the answers are hidden until they are asked for.
The page is one file that needs no network.

    python examples/class_quiz.py made
    python examples/class_quiz.py made --pairs 5 --measures 12 --seed 2
"""

import argparse
from pathlib import Path

from music21 import corpus

import music21_lstm as ml

CHORALES = [
    "bach/bwv66.6",
    "bach/bwv269",
    "bach/bwv253",
    "bach/bwv255",
    "bach/bwv318",
    "bach/bwv324",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--pairs", type=int, default=3, help="chorales by each (at most six)")
    parser.add_argument("--measures", type=int, default=8, help="how long each is")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()

    generator = ml.load("chorale")
    pieces = []
    for number, name in enumerate(CHORALES[: given.pairs]):
        chorale = corpus.parse(name)
        pieces.append(ml.Piece(chorale.measures(0, given.measures), f"Bach, {name}", "J. S. Bach"))
        pieces += ml.improvised(
            generator,
            chorale.measures(0, 2),
            title=f"The LSTM, after the opening of {name}",
            measures=given.measures,
            temperature=0.8,
            include_primer=False,
            max_copy=16,
            seed=given.seed + 10 * number,
        )

    given.folder.mkdir(parents=True, exist_ok=True)
    page = ml.page(pieces, quiz=True, seed=given.seed)
    page.write(given.folder / "quiz.html")
    print(f"{len(pieces)} pieces, {len(page.html) / 1e6:.1f} MB: {given.folder / 'quiz.html'}")


if __name__ == "__main__":
    main()
