"""Scores played evenly at tempi that the file does not tell: even FOLDER [EVERY].

Each held-out score of piano-midi.de, its notes alone, at six even tempi in a file that is at 120. The
page's ties and triplets a note, beside those of the page whose tempo is told; and of how many the
tempo that is heard is the one that was played, or its half or double.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from music21 import tempo

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.model.corpora_listed import listed_files
from music21_lstm.notation.quantize import is_aligned

TEMPI = (72, 80, 90, 100, 108, 150)
EVERY = 6
RESOLUTION = 480


def played_evenly(score: Performance, beats_a_minute: float) -> Performance:
    """The notes of *score* at an even tempo, in the ticks of a file that is at 120."""
    scale = RESOLUTION / score.resolution * 120 / beats_a_minute
    timed = zip(score.ticks, score.events, strict=True)
    kept = [(round(t * scale), e) for t, e in timed if isinstance(e, NoteOn | NoteOff)]
    return Performance(RESOLUTION, with_deltas(kept))


def look(performance: Performance) -> tuple[float, float, float]:
    """Ties a note, the share of note heads in tuplets, and the first tempo (0: none)."""
    page = ml.engrave(performance)
    heads = [one for each in page.recurse().notes for one in getattr(each, "notes", (each,))]
    tied = sum(one.tie is not None and one.tie.type in ("start", "continue") for one in heads)
    tuplets = sum(bool(each.duration.tuplets) for each in page.recurse().notes)
    marks = [m.getQuarterBPM() or 0.0 for m in page[tempo.MetronomeMark]]
    notes = max(1, len(performance.notes))
    return tied / notes, tuplets / max(1, len(page.recurse().notes)), (marks or [0.0])[0]


def main() -> None:
    folders = [Path(word) for word in sys.argv[1:] if Path(word).is_dir()]
    every = next((int(word) for word in sys.argv[1:] if word.isdigit()), EVERY)
    listed = [f.path for f in listed_files("piano") if f.held_out and "piano-midi" in f.path]
    paths = [folder / path for folder in folders for path in listed[::every]]
    scores = [ml.read(path) for path in paths if path.exists()]
    rows = defaultdict(list)
    for score in filter(is_aligned, scores):
        rows["told"].append((*look(score)[:2], np.nan))
        for beats_a_minute in TEMPI:
            ties, tuplets, heard = look(played_evenly(score, beats_a_minute))
            ratio = np.log2(max(heard, 1e-9) / beats_a_minute)
            right = abs(ratio) < 1.1 and abs(ratio - round(ratio)) < 0.03
            rows[beats_a_minute].append((ties, tuplets, right))
    if not rows:
        print("name the folder of the data: python -m benchmarks even FOLDER")
    for name, found in rows.items():
        ties, tuplets, right = np.mean(found, axis=0)
        last = "" if name == "told" else f", the tempo or its double or half in {right:.0%}"
        print(f"{name}: {len(found)} scores, ties {ties:.3f}, in tuplets {tuplets:.3f}{last}")


if __name__ == "__main__":
    main()
