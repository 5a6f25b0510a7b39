"""A page as notes at exact places: what a program wrote, or what it should have written."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

__all__ = ["Bar", "Note", "Page", "beats_of", "performed_times"]

EDGE = 8
"""So many onsets at either end tell the tempo beyond it."""


class Note(NamedTuple):
    """A notated note; places and values in quarters, ties joined, grace notes of value 0.

    *fifths* is its name's place on the line of fifths (F is -1, C is 0, G is 1, F sharp is 6) and
    *upper* whether it is on the upper staff, each None if not known; *played* is the place of the
    performed note in ``Performance.notes``, None if it was not played. Only what is *sure* is judged.
    Of a true note that only ticks tell, *room* is how long it could be with a *staccato* dot.
    """

    onset: Fraction
    value: Fraction
    pitch: int
    fifths: int | None = None
    upper: bool | None = None
    played: int | None = None
    sure_onset: bool = True
    sure_value: bool = True
    staccato: bool = False
    room: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: *start* and *length* in quarters; a pick-up begins *shift* quarters into its metre."""

    start: Fraction
    length: Fraction
    metre: tuple[int, int]
    shift: Fraction = Fraction(0)

    @property
    def beat(self) -> Fraction:
        """A beat in quarters: dotted in compound time; three eighths alone are three beats."""
        numerator, denominator = self.metre
        dotted = denominator >= 8 and numerator % 3 == 0 and numerator > 3
        return Fraction(4 * (3 if dotted else 1), denominator)


@dataclass(frozen=True, slots=True)
class Page:
    """The notes in order, the bars in order, and each key signature with the place it starts at.

    >>> pick_up = Bar(Fraction(0), Fraction(1), (3, 4), shift=Fraction(2))
    >>> page = Page([], [pick_up, Bar(Fraction(1), Fraction(3), (3, 4))], [(Fraction(0), -1)])
    >>> page.position(Fraction(0)), page.position(Fraction(3)), page.sharps(Fraction(3))
    (Fraction(2, 1), Fraction(2, 1), -1)
    """

    notes: Sequence[Note]
    bars: Sequence[Bar]
    keys: Sequence[tuple[Fraction, int]]

    def bar(self, place: Fraction) -> Bar:
        """The bar that holds *place*."""
        return self.bars[max(0, bisect_right(self.bars, place, key=lambda bar: bar.start) - 1)]

    def position(self, place: Fraction) -> Fraction:
        """Where in its bar's metre *place* is, in quarters."""
        bar = self.bar(place)
        return place - bar.start + bar.shift

    def sharps(self, place: Fraction) -> int | None:
        """The key signature that holds at *place*; None before the first."""
        index = bisect_right(self.keys, place, key=lambda entry: entry[0]) - 1
        return self.keys[index][1] if index >= 0 else None


def beats_of(page: Page) -> tuple[list[Fraction], list[Fraction]]:
    """The places of the page's beats and of those that are downbeats, in quarters."""
    beats, downbeats = [], []
    for bar in page.bars:
        place = bar.start - bar.shift
        while place < bar.start + bar.length:
            if place >= bar.start:
                beats.append(place)
                if place == bar.start - bar.shift:
                    downbeats.append(place)
            place += bar.beat
    return beats, downbeats


def performed_times(page: Page, times: Sequence[float], places: Sequence[Fraction]) -> list[float]:
    """When *places* of the page were played, in seconds: between the onsets, by a straight line.

    *times* are the onsets of the performed notes. An onset of several notes was played at their
    median; beyond the first and the last, time goes on as in the :data:`EDGE` onsets next to it.
    """
    played: dict[Fraction, list[float]] = defaultdict(list)
    for note in page.notes:
        if note.played is not None and note.value and note.sure_onset:
            played[note.onset].append(times[note.played])
    if len(played) < 2 or not places:
        return []
    x = np.array(sorted(played), dtype=float)
    y = np.maximum.accumulate([float(np.median(played[onset])) for onset in sorted(played)])
    at = np.array(places, dtype=float)
    found = np.interp(at, x, y)
    found = np.where(at < x[0], y[0] + (at - x[0]) * _slope(x[:EDGE], y[:EDGE]), found)
    found = np.where(at > x[-1], y[-1] + (at - x[-1]) * _slope(x[-EDGE:], y[-EDGE:]), found)
    return [float(time) for time in found]


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    return float(y[-1] - y[0]) / float(x[-1] - x[0])
