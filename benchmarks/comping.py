"""Solos over held chords on the page, with and without the chords being believed to stand on beats.

``python -m benchmarks comping DATA``: every thirtieth solo of the Weimar Jazz Database
(jazz/solo_chords) and six pieces of the preset ``jazz``, those that have such chords.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import music21_lstm as ml
from benchmarks.notation.counters import counters
from music21_lstm.encoding import Performance
from music21_lstm.notation.bars import locate
from music21_lstm.notation.beats import placing
from music21_lstm.notation.beats.comping import comping
from music21_lstm.notation.metre import UNIT

SOLOS, FIRST, SEEDS = 30, 5, (1, 2, 3, 5, 6, 7)
SHOWN = ("ties", "rests", "tuplets")


def measured(performance: Performance, target: Path) -> dict[str, float]:
    """Ties, rests and tuplets a note, and the shares of the chords on beats, half bars and bars."""
    ml.write(performance, target)
    found = counters(target)
    placed, sections, _ = placing.place_played(performance)
    comped = comping(placing.table_of(performance))
    chords = [p.onset for p, one in zip(placed, comped, strict=True) if one]
    places = [(onset, *locate(sections, onset)) for onset in chords]
    return {
        **{name: found[name] for name in SHOWN},
        "beats": float(
            np.mean([(at - bar) % section.metre.beat == 0 for at, section, bar in places])
        ),
        "halves": float(np.mean([(at - bar) % (2 * UNIT) == 0 for at, _, bar in places])),
        "bars": float(np.mean([at == bar for at, _, bar in places])),
    }


def main() -> None:
    folder = next((Path(word) for word in sys.argv[1:] if Path(word).is_dir()), None)
    if folder is None:
        print("name the folder of the data: python -m benchmarks comping FOLDER")
        return
    pieces = [ml.read(path) for path in sorted(folder.glob("jazz/solo_chords/*.mid"))[FIRST::SOLOS]]
    generator = ml.load("jazz")
    pieces += [generator.perform(seed=seed) for seed in SEEDS]
    played = [piece.played() for piece in pieces]
    played = [piece for piece in played if comping(placing.table_of(piece)).any()]
    print(f"means of {len(played)} pieces")
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary) / "page.musicxml"
        for name, told in (("without", False), ("with", True)):
            if not told:
                placing.comping = lambda table: np.zeros(len(table), bool)
            try:
                rows = [measured(piece, target) for piece in played]
            finally:
                placing.comping = comping
            means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
            print(f"{name:8}", "  ".join(f"{key} {value:.3f}" for key, value in means.items()))


if __name__ == "__main__":
    main()
