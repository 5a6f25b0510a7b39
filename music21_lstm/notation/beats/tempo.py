"""The tempo of a played performance: seconds to places on the page and back, and its pauses."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from music21_lstm.notation.metre import UNIT

__all__ = ["Pause", "Tempo"]

_DEFAULT_PACE = 0.5
"""Seconds a quarter where nothing tells: 120 beats a minute, as MIDI has it."""


class Pause(NamedTuple):
    """After the onset at *place* (units), the music waits *seconds* longer than its tempo says."""

    place: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo curve, by what is played at known *places* (units, rising) at known *seconds* (rising).

    *paces*: seconds a quarter at each of them, in which a pause does not count. *swing*: how many times
    as long the first eighth of a beat was as the second, if the places are those of straight eighths.

    >>> tempo = Tempo((0, UNIT, 2 * UNIT), (0.0, 0.5, 1.5), (0.5, 0.5, 0.5), (Pause(UNIT, 0.5),))
    >>> tempo.second(3 * UNIT // 2), tempo.place(1.0) == 3 * UNIT // 2, tempo.pace(UNIT)
    (1.0, True, 0.5)
    """

    places: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()
    paces: tuple[float, ...] = ()
    pauses: tuple[Pause, ...] = ()
    swing: float | None = None

    def pace(self, place: int) -> float:
        """Seconds a quarter at a place."""
        if not self.places:
            return _DEFAULT_PACE
        return self.paces[max(0, bisect_right(self.places, place) - 1)]

    def second(self, place: float) -> float:
        """When a place is played, in seconds; beyond the ends at the tempo there."""
        after = bisect_right(self.places, place)
        if not 0 < after < len(self.places):
            known = (
                (self.places[after and -1], self.seconds[after and -1]) if self.places else (0, 0)
            )
            return known[1] + (place - known[0]) / UNIT * self.pace(int(place))
        left, right = self.places[after - 1], self.places[after]
        began, ended = self.seconds[after - 1], self.seconds[after]
        return began + (ended - began) * (place - left) / (right - left)

    def place(self, second: float) -> int:
        """Where on the page something played at *second* is, in units; see :meth:`second`."""
        after = bisect_right(self.seconds, second)
        if not 0 < after < len(self.places):
            at = after and -1
            known = (self.places[at], self.seconds[at], self.paces[at]) if self.places else None
            place, began, pace = known or (0, 0.0, _DEFAULT_PACE)
            return round(place + (second - began) / pace * UNIT)
        left, right = self.places[after - 1], self.places[after]
        began, ended = self.seconds[after - 1], self.seconds[after]
        return round(left + (right - left) * (second - began) / (ended - began))

    def moved(self, places: Mapping[int, int]) -> Tempo:
        """The same with each place where *places* says that it is now.

        A place between two of them keeps its distance from the first; one that is left out goes.
        """
        known = sorted(places)
        kept: list[tuple[int, float, float]] = []
        for place, second, pace in zip(self.places, self.seconds, self.paces, strict=True):
            after = bisect_right(known, place)
            now = place + (places[known[after - 1]] - known[after - 1] if after else 0)
            if after == len(known) or not after or now < places[known[after]]:
                kept.append((now, second, pace))
        return replace(
            self,
            places=tuple(now for now, _, _ in kept),
            seconds=tuple(second for _, second, _ in kept),
            paces=tuple(pace for _, _, pace in kept),
            pauses=tuple(Pause(places[pause.place], pause.seconds) for pause in self.pauses),
        )
