"""Tuplets, beat by beat: a beat is divided in two or in three (or five, or seven), never in both.

The lattice has already put each chord near its place. Here the chords of one beat are put on one
grid: the one that fits them best, with a bonus for what the lattice heard and for what the beat
before was divided in, so that no triplets come and go.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log2
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.bars import Section, locate
from music21_lstm.notation.beats.counting import Count
from music21_lstm.notation.beats.tables import SLOT
from music21_lstm.notation.metre import UNIT

__all__ = ["settle"]

Array = npt.NDArray[Any]

_COSTS = {1: 0.0, 2: 0.5, 4: 1.5, 3: 2.0, 6: 3.5, 8: 6.0, 5: 7.0, 7: 9.0, 12: 9.0, 16: 10.0}
"""What each division costs, in nats, before it fits any better than a plainer one."""

_HEARD = 1.5
"""The bonus of the division that the lattice chose."""

_AS_BEFORE = 1.5
"""The bonus of the kind of division that the beat before had."""

_TOGETHER, _IN_LINE = 4.0, 9.0
"""What it costs that two chords fall on one place; and where they are single notes of a line."""

_STEP, _QUICK = 0.09, 4.0
"""Seconds; what a division of a line with steps shorter than these costs more, for each octave."""


def settle(count: Count, times: Array, *, line: bool = False) -> Array:
    """The place of each chord in units, on one grid a beat; in order.

    *times* are the chords' seconds. *line*: all but an accompaniment's are of one line.
    A chord that was rolled stays with the one before it.
    """
    known, seconds = count.clock or _knots(count, times)
    frames: dict[tuple[int, int], list[int]] = {}
    slots, seconds_of = count.slots.tolist(), times.tolist()
    for chord, (slot, rolled) in enumerate(zip(slots, count.rolled.tolist(), strict=True)):
        if not rolled:
            frames.setdefault(_frame(count.sections, slot), []).append(chord)
    bounds = np.array([(start, start + length) for start, length in frames])
    edges = np.interp(bounds, known, seconds).tolist()
    places = [slot * (UNIT // SLOT) for slot in slots]
    kind = 1
    for ((start, length), chords), (begin, end) in zip(frames.items(), edges, strict=True):
        ours = [slots[chord] - start for chord in chords]
        if any(ours):
            second = max(0.05, end - begin)
            heard = [min(max((seconds_of[chord] - begin) / second, 0.0), 1.0) for chord in chords]
            parts = _parts(ours, heard, second, length, kind, line=line)
            kind = parts // (parts & -parts)
            for chord, slot, part in zip(chords, ours, heard, strict=True):
                inside = _nearest(slot, part, parts, length)
                places[chord] = (start * UNIT + inside * length * UNIT // parts) // SLOT
    held = np.maximum.accumulate(np.where(count.rolled, 0, np.arange(len(places))))
    ordered: Array = np.maximum.accumulate(np.array(places)[held])
    return ordered


def _knots(count: Count, times: Array) -> tuple[Array, Array]:
    """The chords' places, in slots, and seconds; the last beat ends where the tempo says."""
    known, which = np.unique(count.slots, return_inverse=True)
    seconds = np.maximum.accumulate(np.bincount(which, times) / np.bincount(which))
    return np.append(known, known[-1] + SLOT), np.append(seconds, seconds[-1] + count.paces[-1])


def _frame(sections: Sequence[Section], slot: int) -> tuple[int, int]:
    """Start and length of the beat (or what a bar line leaves of it) that holds a slot, in slots."""
    section, bar = locate(sections, slot * UNIT // SLOT)
    frame = section.metre.frame * SLOT // UNIT
    begin = bar * SLOT // UNIT
    start = begin + (slot - begin) // frame * frame
    return start, min(frame, begin + section.metre.length * SLOT // UNIT - start)


def _parts(
    ours: Sequence[int],
    heard: Sequence[float],
    second: float,
    length: int,
    before: int,
    *,
    line: bool,
) -> int:
    """The division of a beat of *second* seconds, after one with *before*.

    Its chords are *heard* at these parts of it, and the lattice put them at the slots *ours*.
    """
    spread = (0.015 + 0.04 * second) / second
    lattice = next(
        (n for n in (1, 2, 3, 4, 6, 8) if not any(slot * n % length for slot in ours)), 12
    )
    best, least = 4, inf
    for parts, cost in _COSTS.items():
        if length * UNIT % (SLOT * parts) or (parts > 12 and length < SLOT):
            continue
        cost -= _HEARD * (parts == lattice) + _AS_BEFORE * (parts // (parts & -parts) == before)
        if line and parts > 2:
            cost += _QUICK * max(0.0, log2(_STEP * parts / second))
        places = set()
        for slot, part in zip(ours, heard, strict=True):
            place = _nearest(slot, part, parts, length)
            cost += 0.5 * ((place / parts - part) / spread) ** 2
            if cost >= least:
                break
            places.add(place)
        if cost >= least:
            continue
        cost += (_IN_LINE if line else _TOGETHER) * (len(ours) - len(places))
        # Two or three notes in five or seven are rubato, not a rhythm.
        if parts in (5, 7) and len(places) < parts - 1:
            continue
        if cost < least:
            best, least = parts, cost
    return best


def _nearest(slot: int, part: float, parts: int, length: int) -> int:
    """The nearest part for a chord; where the lattice was exact, its own."""
    exact, off = divmod(slot * parts, length)
    return max(0, min(round(part * parts) if off else exact, parts - 1))
