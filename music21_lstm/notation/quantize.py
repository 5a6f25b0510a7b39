"""Snapping ticks to places that can be written: a grid for each beat.

If the ticks are a score's own, the result is exact. What was played to a click is rounded to the
grid that fits each beat best. What was played to none needs its beats found first
(:mod:`music21_lstm.notation.beats`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from music21_lstm.encoding.performance import PLAYED_RESOLUTION, Performance, PerformedNote
from music21_lstm.notation.bars import Section, locate, shorten
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.pulse import FEWEST, has_other_pulse

__all__ = ["Placed", "Window", "is_aligned", "is_clocked", "place_notes"]

_EXACT = (1, 2, 4, 3, 8, 6, 12, 16, 5, 7, 24, 32)
"""Parts of a quarter that a score's own ticks may stand on, the plainest first."""

_CLOSE = (1, 2, 4, 3, 8, 6, 12)
_CLOSE_ENOUGH = UNIT // 48
"""In a score with a few notes off its grid (arpeggios), so far counts as on it."""

_GRIDS = ((24, 5, 7), (12, 8), (4, 3), (2, 3), (2,))
"""Parts of the quarter that a score's onsets may stand on: the finest grid first."""

_BY_CHANCE = 0.3
"""The largest share of ticks on a grid that makes standing on it mean something."""

_MOMENTS = 0.42
"""The least share of the moments that stand on it. Of scores at 480 ticks the least is 0.45, of solos
over chords that are on the beat the most 0.38."""

_COARSE = 12
"""Ticks a quarter; nobody plays freely on so few (41 ms each at 120 beats a minute)."""

_CLOCKED = 0.6
"""How near to the click playing to one is: 1 would be on it, 0 is anywhere."""

_TRIPLET_GAIN = 0.4
"""Triplets must fit this much better than sixteenths before they are believed."""


class Placed(NamedTuple):
    """A performed note at its place on the page, in units; *sure* if its end was no guess."""

    note: PerformedNote
    onset: int
    end: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A beat (or what is left of one before a bar line), in units: what one grid is chosen for."""

    start: int
    length: int


def is_aligned(performance: Performance) -> bool:
    """Whether the ticks are those of a score: most notes begin on a grid of the quarter.

    So must many of the moments at which any do: a machine's chords on the beat, under a solo that was
    played freely, do not make it a score.

    Only grids count that few ticks are on, for any music stands on a grid of all ticks: at 50 ticks
    a quarter (10 ms at 120 beats a minute) a free performance has one onset in seven on the finest. And
    music of another even tempo stands on some grid of the ticks, too
    (:mod:`~music21_lstm.notation.pulse`).

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> is_aligned(Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60)]))
    True
    """
    resolution = performance.resolution
    onsets = np.array([note.onset for note in performance.notes], np.int64)
    stands = [onsets * parts % resolution == 0 for parts in _telling(resolution)]
    exact = np.any(stands, axis=0)
    moments, firsts = np.unique(onsets, return_index=True)
    enough = 2 * exact.sum() >= len(onsets) and exact[firsts].sum() >= _MOMENTS * len(moments)
    return bool(enough) and not has_other_pulse(performance)


def is_clocked(performance: Performance) -> bool:
    """Whether it was played near the beats of its ticks, as to a click, but not on them.

    By the mean direction of the onsets on a circle of one sixteenth (or triplet) of the quarter: it
    must point to the grid (Rayleigh's test with a known direction, Mardia and Jupp 2000). In music *as
    played* the ticks' quarter means nothing, so that a few onsets near it say nothing either: an even
    90 is near its triplets for a dozen chords.
    """
    onsets = np.unique([note.onset for note in performance.notes])
    fewest = FEWEST if performance.resolution == PLAYED_RESOLUTION else 1
    if len(onsets) < fewest:
        return False
    angles = 2 * np.pi * onsets / performance.resolution
    towards = max(float(np.cos(angles * parts).mean()) for parts in (2, 3, 4))
    near = towards >= max(_CLOCKED, 2 / len(onsets) ** 0.5)
    return near and not has_other_pulse(performance)


@lru_cache(maxsize=64)
def _telling(resolution: int) -> tuple[int, ...]:
    """The finest grid that few ticks are on by chance."""
    for grids in _GRIDS:
        by_chance = sum(_stands(tick, grids, resolution) for tick in range(resolution))
        if by_chance <= _BY_CHANCE * resolution or resolution <= _COARSE:
            return grids
    return _GRIDS[-1]


def _stands(tick: int, grids: Sequence[int], resolution: int) -> bool:
    return any(tick * parts % resolution == 0 for parts in grids)


def place_notes(
    performance: Performance, sections: Sequence[Section], divisions: Sequence[int] = (4, 3)
) -> tuple[list[Placed], list[Section]]:
    """Place each note on the page, in the order of ``performance.notes``.

    *divisions* are the parts of a quarter to choose from where ticks fit no grid exactly.
    Returns the notes and the sections; both are moved up where the page leaves out empty bars
    (see :func:`~music21_lstm.notation.bars.shorten`). No note gets shorter than its grid's step.
    """
    notes = performance.notes
    snapper = _Snapper(performance, sections, divisions)
    onsets = [snapper.onset(note.onset) for note in notes]
    ends = [snapper.end(note.end, onset) for note, onset in zip(notes, onsets, strict=True)]
    for i, note in enumerate(notes):
        if ends[i][0] <= onsets[i]:
            ends[i] = (onsets[i] + snapper.step(note.onset), False)
    sections, moved = shorten(sections, [*onsets, *(end for end, _ in ends)])
    placed = [
        Placed(note, moved[onset], moved[end], sure)
        for note, onset, (end, sure) in zip(notes, onsets, ends, strict=True)
    ]
    return placed, sections


class _Snapper:
    """The grid of each beat, chosen from the onsets in it.

    Inside, distances are units times the resolution: whole numbers, so that exact means exact.
    """

    def __init__(
        self, performance: Performance, sections: Sequence[Section], divisions: Sequence[int]
    ) -> None:
        self.resolution = performance.resolution
        self.sections = sections
        self.divisions = tuple(d for d in divisions if UNIT % d == 0) or (4,)
        self.aligned = is_aligned(performance)
        offsets: dict[Window, list[int]] = defaultdict(list)
        for note in performance.notes:
            window, offset = self.window(note.onset)
            offsets[window].append(offset)
        self.grids = {window: self.choose(window, found) for window, found in offsets.items()}

    def window(self, tick: int) -> tuple[Window, int]:
        """The beat that holds a tick, and how far into it the tick is."""
        place = tick * UNIT // self.resolution
        section, bar = locate(self.sections, place)
        frame = section.metre.frame
        start = bar + (place - bar) // frame * frame
        length = min(frame, bar + section.metre.length - start)
        return Window(start, length), tick * UNIT - start * self.resolution

    def choose(self, window: Window, offsets: list[int]) -> int:
        """The parts of a quarter for a beat with onsets at *offsets*."""
        fitting = [d for d in self.divisions if self._fits(window, d)] or [4]
        if not self.aligned:
            return self._least(offsets, fitting)
        for parts in _EXACT:
            if self._fits(window, parts) and all(self.exact(x, parts) for x in offsets):
                return parts
        limit = _CLOSE_ENOUGH * self.resolution
        for parts in _CLOSE:
            if self._fits(window, parts) and all(self.error(x, parts) <= limit for x in offsets):
                return parts
        return self._least(offsets, [*fitting, 8])

    def _fits(self, window: Window, parts: int) -> bool:
        return window.length % (UNIT // parts) == 0 or parts == 1

    def _least(self, offsets: list[int], divisions: list[int]) -> int:
        """The division with the least squared error; threefold ones must be much better."""

        def cost(parts: int) -> tuple[float, int]:
            error = sum(self.error(x, parts) ** 2 for x in offsets)
            inside = {self.nearest(x, parts) for x in offsets} - {0, UNIT}
            if parts % 2:
                few = parts > 2 and len(inside) < 2
                return (float("inf") if few else error / _TRIPLET_GAIN, parts)
            return (error * (parts / 4) ** 2, parts)

        return min(divisions, key=cost)

    def nearest(self, offset: int, parts: int) -> int:
        """The nearest place on a grid, in units from the start of the beat."""
        step = UNIT // parts
        return (2 * offset + step * self.resolution) // (2 * step * self.resolution) * step

    def error(self, offset: int, parts: int) -> int:
        """The distance from the grid, in units times the resolution."""
        return abs(offset - self.nearest(offset, parts) * self.resolution)

    def exact(self, offset: int, parts: int) -> bool:
        """Whether a tick is on the grid, or as near as whole ticks come."""
        error = self.error(offset, parts)
        return error == 0 or (2 * error <= UNIT and self.resolution >= 16 * parts)

    def onset(self, tick: int) -> int:
        """The place of an onset, in units."""
        window, offset = self.window(tick)
        return window.start + min(self.nearest(offset, self.grids[window]), window.length)

    def end(self, tick: int, onset: int) -> tuple[int, bool]:
        """The place of an end, in units, and whether it is exact rather than a guess.

        A guess is coarser the longer the note is: nobody releases a half note to the sixteenth.
        """
        window, offset = self.window(tick)
        parts = self.grids.get(window, 4)
        for exact in (parts, *(_EXACT if self.aligned else ())):
            if self._fits(window, exact) and self.exact(offset, exact):
                return window.start + self.nearest(offset, exact), exact <= max(4, parts)
        length = tick * UNIT // self.resolution - onset
        if parts % 3 or length >= UNIT:
            parts = 4
            while parts > 1 and UNIT // parts * 3 <= 2 * length and self._fits(window, parts // 2):
                parts //= 2
        return window.start + min(self.nearest(offset, parts), window.length), False

    def step(self, tick: int) -> int:
        """The shortest value in the beat that holds a tick, in units."""
        window, _ = self.window(tick)
        return UNIT // max(4, self.grids[window])
