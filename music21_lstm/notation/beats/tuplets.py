"""Tuplets, beat by beat: a beat is divided in two or in three (or five, or seven), never in both.

The lattice has already put each chord near its place. Here the chords of one beat are put on one
grid: the one that fits them best, with a bonus for what the lattice heard and for what the beat
before was divided in, so that no triplets come and go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.bars import Section, locate
from music21_lstm.notation.beats.counting import Count
from music21_lstm.notation.beats.tables import SLOT
from music21_lstm.notation.metre import UNIT

__all__ = ["settle"]

Array = npt.NDArray[Any]

_COSTS = {1: 0.0, 2: 0.5, 4: 1.5, 3: 2.0, 6: 3.5, 8: 4.0, 5: 7.0, 7: 9.0, 12: 9.0, 16: 10.0}
"""What each division costs, in nats, before it fits any better than a plainer one."""

_HEARD = 4.0
"""The bonus of the division that the lattice chose."""

_AS_BEFORE = 1.5
"""The bonus of the kind of division that the beat before had."""

_TOGETHER = 4.0
"""What it costs that two chords fall on one place."""


def settle(count: Count, times: Array) -> Array:
    """The place of each chord in units, on one grid a beat; in order.

    *times* are the chords' seconds. A chord that was rolled stays with the one before it.
    """
    known, which = np.unique(count.slots, return_inverse=True)
    seconds = np.maximum.accumulate(np.bincount(which, times) / np.bincount(which))
    # The last beat ends where the tempo says.
    known = np.append(known, known[-1] + SLOT)
    seconds = np.append(seconds, seconds[-1] + count.paces[-1])
    frames: dict[tuple[int, int], list[int]] = {}
    for chord, slot in enumerate(count.slots.tolist()):
        if not count.rolled[chord]:
            frames.setdefault(_frame(count.sections, slot), []).append(chord)
    places = count.slots * (UNIT // SLOT)
    kind = 1
    for (start, length), chords in frames.items():
        ours = count.slots[chords] - start
        if ours.any():
            edges = np.interp([start, start + length], known, seconds)
            parts = _parts(ours, times[chords], edges, length, kind)
            kind = parts // (parts & -parts)
            inside = _nearest(times[chords], edges, parts, ours / length)
            places[chords] = (start * UNIT + inside * length * UNIT // parts) // SLOT
    held = np.maximum.accumulate(np.where(count.rolled, 0, np.arange(len(places))))
    ordered: Array = np.maximum.accumulate(places[held])
    return ordered


def _frame(sections: Sequence[Section], slot: int) -> tuple[int, int]:
    """Start and length of the beat (or what a bar line leaves of it) that holds a slot, in slots."""
    section, bar = locate(sections, slot * UNIT // SLOT)
    frame = section.metre.frame * SLOT // UNIT
    begin = bar * SLOT // UNIT
    start = begin + (slot - begin) // frame * frame
    return start, min(frame, begin + section.metre.length * SLOT // UNIT - start)


def _parts(ours: Array, times: Array, edges: Array, length: int, before: int) -> int:
    """The division of a beat with chords at *times* that the lattice put at the slots *ours*."""
    second = max(0.05, float(edges[1] - edges[0]))
    spread = (0.015 + 0.04 * second) / second
    heard = next((n for n in (1, 2, 3, 4, 6, 8) if not (ours * n % length).any()), 12)
    part = np.clip((times - edges[0]) / second, 0, 1)
    best, least = 4, np.inf
    for parts, cost in _COSTS.items():
        if length * UNIT % (SLOT * parts) or (parts > 12 and length < SLOT):
            continue
        place = _nearest(times, edges, parts, ours / length)
        cost += float(0.5 * (((place / parts - part) / spread) ** 2).sum())
        cost += _TOGETHER * (len(place) - len(np.unique(place)))
        cost -= _HEARD * (parts == heard) + _AS_BEFORE * (parts // (parts & -parts) == before)
        if cost < least:
            best, least = parts, cost
    return best


def _nearest(times: Array, edges: Array, parts: int, heard: Array) -> Array:
    """The nearest part for each chord; where the lattice was exact, its own."""
    part = np.clip((times - edges[0]) / max(0.05, float(edges[1] - edges[0])), 0, 1)
    exact = np.abs(heard * parts - np.round(heard * parts)) < 1e-9
    found = np.where(exact, np.round(heard * parts), np.round(part * parts))
    return np.clip(found, 0, parts - 1).astype(np.int64)
