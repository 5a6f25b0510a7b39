"""MUSTER: error rates of a transcribed score against the true one, in percent of the notes.

Nakamura, Benetos, Yoshii and Dixon, "Towards complete polyphonic music transcription", ICASSP 2018;
Hiramatsu, Nakamura and Yoshii, ISMIR 2021. Written anew after the definitions:

- *pitch*, *missing*: of the true notes; *extra*: of the estimated ones.
- *onset*: the cost of correcting the rhythm, of the matched notes. Between neighbours of the true
  score (in order of onset, then pitch) the time that passes must be the estimated one times a local
  scale; a wrong step (shift) costs 1, and so does each change of the scale, whose values are the
  ratios of 24 note values. So a score at double values, or out of step with the bar, costs little.
- *offset*: after that correction, the share of notes that do not end where the true note does. An
  end is carried over to the true score by the estimated onsets around it.
- *mean*: of the five.

Where it differs from the published tool: that one aligns the scores itself (a hidden Markov model over
pitches); here the notes are matched through the performance, so that a wrong rhythm never looks
like a wrong pitch, and ours may be a little lower. Its notes of one onset stand in the order of the
file. It divides whole numbers where fractions are kept here; and of a note that ends between two
onsets after another one it lays the whole length from the first of the two, so that even a perfect
score may have wrong ends. True notes that were not played are missing, whatever the program. Notes
whose true onset is not sure (grace notes; played ornaments, where ticks are the truth) are left out
on both sides, and so are, for the ends, those whose true value is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import lcm
from typing import NamedTuple

import numpy as np

from benchmarks.notation.page import Note

__all__ = ["Errors", "errors", "rhythm_cost"]

_VALUES = [
    Fraction(factor, 2**power)
    for factor, powers in ((1, range(6)), (Fraction(3, 2), range(6)), (Fraction(7, 4), range(6)),
                           (Fraction(2, 3), range(6)))
    for power in powers
]  # fmt: skip
"""Note values from a whole note: plain, dotted, double dotted, triplets, five times halved."""

_SCALES = sorted({a / b for a, b in product(_VALUES, repeat=2)}, key=lambda scale: scale != 1)


class Errors(NamedTuple):
    """The rates in percent: all are better if lower."""

    pitch: float
    missing: float
    extra: float
    onset: float
    offset: float

    @property
    def mean(self) -> float:
        """The mean of the five."""
        return sum(self) / len(self)


def errors(true: Sequence[Note], estimated: Sequence[Note]) -> Errors:
    """The error rates of *estimated*; notes are the same if they have the same ``played``."""
    unsure = {note.played for note in true if not note.sure_onset}
    true = [note for note in true if note.sure_onset]
    estimated = [note for note in estimated if note.played not in unsure or note.played is None]
    by_played = {note.played: note for note in estimated if note.played is not None}
    pairs = [
        (note, by_played[note.played])
        for note in sorted(true, key=lambda note: (note.onset, note.pitch))
        if note.played in by_played
    ]
    matched = max(1, len(pairs))
    cost, last_scale = rhythm_cost([a.onset for a, _ in pairs], [b.onset for _, b in pairs])
    return Errors(
        100 * sum(a.pitch != b.pitch for a, b in pairs) / max(1, len(true)),
        100 * (len(true) - len(pairs)) / max(1, len(true)),
        100 * (len(estimated) - len(pairs)) / max(1, len(estimated)),
        100 * cost / matched,
        100 * _wrong_ends(pairs, last_scale) / max(1, sum(a.sure_value for a, _ in pairs)),
    )


def rhythm_cost(true: Sequence[Fraction], estimated: Sequence[Fraction]) -> tuple[int, Fraction]:
    """The least number of shifts and changes of scale, and the scale at the end.

    >>> rhythm_cost([Fraction(i) for i in range(4)], [Fraction(i) for i in (0, 1, 3, 4)])
    (1, Fraction(1, 1))
    """
    if len(true) < 2:
        return 0, Fraction(1)
    numerators = np.array([scale.numerator for scale in _SCALES])
    denominators = np.array([scale.denominator for scale in _SCALES])
    cost = np.where(np.arange(len(_SCALES)) == 0, 0, 1)
    unit = _unit([*true, *estimated])
    for i in range(len(true) - 1):
        wanted = int((true[i + 1] - true[i]) * unit)
        found = int((estimated[i + 1] - estimated[i]) * unit)
        cost = np.minimum(cost, cost.min() + 1) + (wanted * denominators != found * numerators)
    best = int(cost.argmin())
    return int(cost[best]), _SCALES[best]


def _unit(places: Sequence[Fraction]) -> int:
    return lcm(*(place.denominator for place in places))


def _wrong_ends(pairs: Sequence[tuple[Note, Note]], last_scale: Fraction) -> int:
    """How many notes end elsewhere than the true note, the rhythm being corrected."""
    unit = _unit([place for _, b in pairs for place in (b.onset, b.value)])
    onsets = np.array([int(b.onset * unit) for _, b in pairs])
    pitches = np.array([b.pitch for _, b in pairs])
    wrong = 0
    for a, b in pairs:
        if not a.sure_value:
            continue
        end = int((b.onset + b.value) * unit)
        lower = _nearest(onsets, pitches, end, b.pitch, before=True)
        higher = _nearest(onsets, pitches, end, b.pitch, before=False)
        if higher is None or lower is None:
            carried = a.onset + b.value * last_scale
        elif onsets[lower] == onsets[higher]:
            carried = pairs[lower][0].onset
        else:
            start, stop = pairs[lower][0].onset, pairs[higher][0].onset
            passed = (
                abs(stop - start) * (end - int(onsets[lower])) / int(onsets[higher] - onsets[lower])
            )
            carried = stop if start == stop else start + passed
        wrong += carried != a.onset + a.value
    return wrong


def _nearest(
    onsets: np.ndarray, pitches: np.ndarray, end: int, pitch: int, *, before: bool
) -> int | None:
    """The note that starts last at or before *end* (or first at or after), the nearest in pitch."""
    allowed = onsets <= end if before else onsets >= end
    if not allowed.any():
        return None
    onset = onsets[allowed].max() if before else onsets[allowed].min()
    places = np.flatnonzero(onsets == onset)
    return int(places[np.abs(pitches[places] - pitch).argmin()])
