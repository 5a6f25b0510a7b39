"""Bar lines of scores that say no metre: their ticks alone, against their own time signatures.

The data are piano-midi.de as written, below a FOLDER, without tempo and time signatures: the 42
files that are held out by work, on which nothing was learned, and all.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import music21_lstm as ml
from music21_lstm.encoding import Performance, SetTempo, TimeSignature
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.model.corpora_listed import listed_files
from music21_lstm.notation.bars import Section, bars_of, sections_of
from music21_lstm.notation.beats import sections_heard
from music21_lstm.notation.metre import COMMON_TIME, UNIT
from music21_lstm.notation.quantize import is_aligned


def agreement(wanted: Iterable[int], found: Iterable[int]) -> float:
    """F of the bar lines' places."""
    right, given = set(wanted), set(found)
    return 2 * len(right & given) / (len(right) + len(given))


def bare(performance: Performance) -> Performance:
    """Its ticks, without tempo and metre."""
    timed = zip(performance.ticks, performance.events, strict=True)
    kept = [(t, e) for t, e in timed if not isinstance(e, TimeSignature | SetTempo)]
    return Performance(performance.resolution, with_deltas(kept))


def main() -> None:
    folders = [Path(word) for word in sys.argv[1:] if Path(word).is_dir()]
    if not folders:
        print("name the folder of the data: python -m benchmarks metres FOLDER")
        return
    rows = []
    for file in listed_files("piano"):
        path = folders[0] / file.path
        if "piano-midi-de" not in file.path or not path.exists():
            continue
        score = ml.read(path)
        if not is_aligned(score):
            continue
        end = score.duration * UNIT // score.resolution
        wanted = [bar.start for bar in bars_of(sections_of(score), end)]
        usual = [Section(0, COMMON_TIME)]
        ways = (sections_heard(bare(score)) or usual, usual)
        found = [agreement(wanted, [b.start for b in bars_of(way, end)]) for way in ways]
        rows.append((file.held_out, *found))
    if not rows:
        print(f"{folders[0]}: no piano-midi-de/midis there; name the folder that has it")
        return
    for name, some in (("held out", [row for row in rows if row[0]]), ("all", rows)):
        heard, usual_f = np.mean([row[1:] for row in some], axis=0)
        print(f"{name}, {len(some)} files: bar lines F {heard:.3f} as heard, {usual_f:.3f} in 4/4")


if __name__ == "__main__":
    main()
