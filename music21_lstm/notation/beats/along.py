"""Counting along beats that are given: which number each has in its bar, and where chords are in it.

The lattice says of each chord what part of a beat it is and, where the beats have no numbers, which
beat of the bar; which beat it is, its time says. So no beat is lost in a rest, or where the numbers
start again too early.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.beats.chords import Chords
from music21_lstm.notation.beats.count import Count, pick_up, sections_from
from music21_lstm.notation.beats.given import GivenBeats
from music21_lstm.notation.beats.lattice import TEMPI, Lattice, lattice_of, opening
from music21_lstm.notation.beats.listening import Evidence
from music21_lstm.notation.beats.tables import SLOT, tables
from music21_lstm.notation.beats.viterbi import Step, Weights, decode
from music21_lstm.notation.metre import UNIT, Metre

__all__ = ["count_along"]

Array = npt.NDArray[Any]

_NO_ROLL = 15.0
"""What it costs, in nats, that a note of a line has the place of the one before."""


def count_along(
    chords: Chords,
    evidence: Evidence,
    metres: Sequence[Metre] | None,
    beats: GivenBeats,
    *,
    line: bool = False,
) -> Count:
    """Count at least one chord along *beats*: their tempo is known, and so is the place in each.

    *metres*: the ones that may come (all that were learnt, if None). Of a *line* nothing is rolled.
    """
    column = int(np.abs(TEMPI - 0.5).argmin())
    weights = Weights(walk=1e-3, change=30.0, period=0.0)
    if line:
        weights = replace(weights, stay=_NO_ROLL)
    found: list[tuple[float, Count]] = []
    for kind in beats.metres(metres):
        lattice = lattice_of(kind)
        beat = kind[0].beat / UNIT
        phase = beats.phase(chords.times)
        start = np.full((len(TEMPI), len(lattice.slot)), -1e6, np.float32)
        start[column] = opening(lattice, tables())[column]
        other = np.zeros((len(phase), len(TEMPI), len(kind)), np.float32)
        steps = decode(
            phase * beat * TEMPI[column],
            lattice,
            start,
            evidence.level,
            other,
            beats.anchors(chords.times, lattice),
            weights,
        )
        steps = [step for step in steps if not step.restart]
        rows = np.array([step.row for step in steps])
        fit = evidence.level[np.arange(len(rows)), lattice.level[rows]].sum()
        count = _laid_out(steps, lattice, phase, beats)
        found.append((float(fit), count._replace(paces=beats.lengths(chords.times) / beat)))
    return max(found, key=lambda pair: pair[0])[1]


def _laid_out(steps: Sequence[Step], lattice: Lattice, phase: Array, beats: GivenBeats) -> Count:
    """The places of the chords on a page that starts with a whole bar or with a pick-up."""
    beat = lattice.metres[0].beat * SLOT // UNIT
    rows = np.array([step.row for step in steps])
    rolled = np.array([not step.distance for step in steps])
    rolled[0] = False
    inside = lattice.slot[rows] % beat
    which = np.rint(phase - inside / beat).astype(np.int64)
    slots = np.maximum.accumulate(which * beat + inside)
    heard = [(int(slot) // beat, int(row)) for slot, row in zip(slots, rows, strict=True)]
    bars = _bars(heard, lattice, beats)
    # The page starts with the bar of the first chord, or with what is left of it.
    first = max(index for index, (start, _) in enumerate(bars) if start <= slots[0] // beat)
    bars = [(start * beat, metre) for start, metre in bars[first:]]
    begun, metre = bars[0]
    length = metre.length * SLOT // UNIT
    cut = begun + pick_up(int(slots[0]) - begun, length)
    marks = np.arange(-1, len(beats.seconds) + 1)
    clock = marks * beat - cut, beats.second(marks)
    return Count(slots - cut, sections_from(bars, cut), np.ones(len(slots)), rolled, clock)


def _bars(
    heard: Sequence[tuple[int, int]], lattice: Lattice, beats: GivenBeats
) -> list[tuple[int, Metre]]:
    """The beat that each bar begins with, and its metre, from before the first chord to the last.

    *heard*: the beat of each chord, from the first given one on, and its row of the lattice.
    """
    last = max(heard[-1][0], len(beats.seconds)) + 1
    if beats.numbers is None:
        numbers = _as_heard(heard, lattice, last)
    else:
        numbers = {beat: int(number) for beat, number in enumerate(beats.numbers)}
    lengths = {metre.length // metre.beat: metre for metre in lattice.metres}
    usual = _usual(numbers, lattice)
    starts = _starts(numbers, usual, min(heard[0][0], 0), last)
    bars: list[tuple[int, Metre]] = []
    for start, after in pairwise(starts):
        count = after - start
        bars.append((start, lengths.get(count) or _metre(count, lattice.metres[0])))
    return bars


def _as_heard(heard: Sequence[tuple[int, int]], lattice: Lattice, last: int) -> dict[int, int]:
    """The number of each beat in its bar as the lattice has it, from the first chord on."""
    beat = lattice.metres[0].beat * SLOT // UNIT
    said = {at: (int(lattice.slot[row]) // beat + 1, row) for at, row in reversed(heard)}
    numbers: dict[int, int] = {}
    number = bar = 0
    for at in range(heard[0][0], last):
        number = number % bar + 1 if bar else 1
        if at in said:
            number, row = said[at]
            metre = lattice.metres[lattice.metre_of[row]]
            bar = metre.length // metre.beat
        numbers[at] = number
    return numbers


def _usual(numbers: dict[int, int], lattice: Lattice) -> int:
    """How many beats most bars have: the last number before a smaller one."""
    ends = Counter(a for a, b in pairwise(numbers.values()) if b <= a)
    if ends:
        return ends.most_common(1)[0][0]
    return max(*numbers.values(), lattice.metres[0].length // lattice.metres[0].beat)


def _starts(numbers: dict[int, int], usual: int, first: int, last: int) -> list[int]:
    """The beats that bars begin with: the one of beat *first* to one that begins after *last*.

    A bar of a single beat among longer ones goes to the one before it.
    """
    known = list(numbers)
    begun = known[0] - (numbers[known[0]] - 1)
    starts = [begun, *(b for a, b in pairwise(known) if numbers[b] <= numbers[a])]
    while starts[0] > first:
        starts.insert(0, starts[0] - usual)
    if usual > 2:
        single = {a for a, b in pairwise(starts) if b - a == 1}
        starts = starts[:1] + [start for start in starts[1:] if start not in single]
    while starts[-1] <= last:
        starts.append(starts[-1] + usual)
    return starts


def _metre(count: int, like: Metre) -> Metre:
    """The metre of *count* beats *like* those of another.

    >>> str(_metre(1, Metre(6, 8))), str(_metre(3, Metre(4, 4))), str(_metre(1, Metre(2, 2)))
    ('3/8', '3/4', '1/2')
    """
    if like.compound:
        return Metre(3 * count, like.denominator)
    return Metre(count, 4 * UNIT // like.beat)
