"""Key signatures by ear on piano-midi.de, its bars and values known: keys DATA [all].

The held-out pieces, or all of them: the constants of the key path were chosen on all. Signatures that
sound the same are.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.notation.page import Page
from benchmarks.notation.truth import piano_piece
from music21_lstm.encoding.performance import PerformedNote
from music21_lstm.model.corpora_listed import listed_files
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.keys import keys_heard
from music21_lstm.notation.metre import Metre
from music21_lstm.notation.quantize import Placed

QUARTER, NEAR = 96, 2


def ticks(place: object) -> int:
    return round(float(place) * QUARTER)


def heard(page: Page) -> list[int]:
    """The signature of each bar of the page, as we hear it."""
    bars = [
        Bar(number, ticks(b.start), ticks(b.length), Metre(*b.metre), new_metre=False)
        for number, b in enumerate(page.bars, 1)
    ]
    placed = []
    for note in page.notes:
        onset = ticks(note.onset)
        end = max(onset + 1, ticks(note.onset + note.value))
        placed.append(Placed(PerformedNote(onset, end, note.pitch, 64, 0, 0, 1), onset, end, True))
    return [sharps for sharps, _ in keys_heard(placed, bars)]


def main() -> None:
    data = next(Path(word) for word in sys.argv[1:] if Path(word).is_dir())
    listed = [f for f in listed_files("piano") if "piano-midi-de" in f.path]
    chosen = [f for f in listed if f.held_out or "all" in sys.argv[1:]]
    right, first, moving = [], [], []
    true_changes = found_changes = printed = 0
    for file in chosen:
        page = piano_piece(data / file.path).truth
        true = np.array([page.sharps(note.onset) or 0 for note in page.notes])
        if page.sharps(page.notes[0].onset) is None:
            continue
        starts = [bar.start for bar in page.bars]
        bar = np.maximum(np.searchsorted(starts, [n.onset for n in page.notes], "right") - 1, 0)
        ours = heard(page)
        good = (np.array(ours)[bar] - true) % 12 == 0
        right.append(good.mean())
        first.append(good[0])
        changed = [
            b for b, (one, other) in zip(bar[1:], pairwise(true), strict=True) if one != other
        ]
        if changed:
            moving.append(good.mean())
        made = [at for at, (one, other) in enumerate(pairwise(ours), 1) if (one - other) % 12]
        true_changes, printed = true_changes + len(changed), printed + len(made)
        found_changes += sum(any(abs(at - b) <= NEAR for at in made) for b in changed)
    print(
        f"{len(right)} pieces: notes under the right signature {np.mean(right):.3f}, in the "
        f"{len(moving)} whose signature changes {np.mean(moving):.3f}; the first is right in "
        f"{np.mean(first):.3f}; of {true_changes} changes {found_changes} are found to {NEAR} bars, "
        f"{printed} are printed"
    )


if __name__ == "__main__":
    main()
