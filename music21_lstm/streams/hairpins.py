"""The velocity that the dynamics and the hairpins of a part ask for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from music21 import dynamics, stream

from music21_lstm.streams.ready import walk
from music21_lstm.streams.velocities import DEFAULT_VELOCITY

__all__ = ["Loudness"]

_HAIRPIN = 16
"""How much a hairpin without a dynamic at its end changes the velocity."""

_SOON = 1.0
"""Quarters after a hairpin within which a dynamic says where it leads."""


class Loudness:
    """The dynamics of *staves* that one player reads.

    A mark counts from where it stands until the next; under a hairpin the velocity goes steadily to
    the mark at its end or, without one, by 16.
    """

    def __init__(self, staves: Sequence[stream.Stream[Any]]) -> None:
        marks: dict[float, int] = {}
        wedges: list[tuple[float, float, int]] = []
        for staff in staves:
            places = {id(element): float(where) for where, element in walk(staff, 0)}
            for where, element in list(walk(staff, 0)):
                if isinstance(element, dynamics.Dynamic) and element.volumeScalar:
                    marks[float(where)] = max(1, min(127, round(element.volumeScalar * 127)))
                elif isinstance(element, dynamics.DynamicWedge):
                    spanned: list[Any] = element.getSpannedElements()  # type: ignore[no-untyped-call]
                    # A copy may span elements of what it was copied from.
                    known = [one for one in spanned if id(one) in places]
                    if known:
                        stop = places[id(known[-1])] + float(known[-1].quarterLength)
                        change = _HAIRPIN if isinstance(element, dynamics.Crescendo) else -_HAIRPIN
                        wedges.append((places[id(known[0])], stop, change))
        self._marks = sorted(marks.items())
        self._wedges: list[tuple[float, float, float]] = []
        for start, stop, change in sorted(wedges):
            target = self._target(start, stop, change)
            self._wedges.append((start, stop, target))
            if stop not in marks and not any(stop <= where <= stop + _SOON for where in marks):
                # What the hairpin led to stays.
                self._marks = sorted([*self._marks, (stop, round(target))])

    def at(self, where: float) -> float:
        """The velocity at *where*, in quarters from the start."""
        where = float(where)
        level = self._level(where)
        for start, stop, target in self._wedges:
            if start <= where < stop:
                level += (target - level) * (where - start) / (stop - start)
        return level

    def _level(self, where: float) -> float:
        place = bisect_right([offset for offset, _ in self._marks], where)
        return float(self._marks[place - 1][1] if place else DEFAULT_VELOCITY)

    def _target(self, start: float, stop: float, change: int) -> float:
        """Where a hairpin leads: to the mark at its end, if that is the way it goes."""
        before = self._level(start)
        for where, level in self._marks:
            if stop <= where <= stop + _SOON and (level - before) * change > 0:
                return float(level)
        return max(1.0, min(127.0, before + change))
