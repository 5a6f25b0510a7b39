"""The time of a page and the time of its performance, where they are not the same.

What is played freely is written in beats that the performer's own beats stretch and shrink. Each
measure of such a page carries its clock: which tick each of its beats was played at. So a note that
a user adds or moves is played in the rubato of the bar where it now stands, and bars that are cut
out, copied or put elsewhere take their rubato along.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median_low
from typing import Any, NamedTuple

from music21 import stream

__all__ = ["CLOCK_KEY", "BarClock", "Clock", "bar_clocks", "clock_of", "page_clock"]

CLOCK_KEY = "clock"
"""The key of ``measure.editorial`` under which its :class:`BarClock` rides along."""

Point = tuple[Fraction, Fraction]
"""A place of the page and the time it is played at, both in quarters."""


class BarClock(NamedTuple):
    """When the beats of one measure were played."""

    first: bool
    """Whether it is the first of its performance, whose start is then no bar line's."""
    resolution: int
    points: tuple[tuple[Fraction, int], ...]
    """Offsets in the bar, in quarters, with their ticks; its start and its end among them."""


class Clock:
    """Quarters of the page to quarters of the performance; without *points* they are the same.

    Between its points, and beyond the first and the last, time runs evenly.

    >>> Clock([(Fraction(0), Fraction(0)), (Fraction(2), Fraction(3))])(1)
    Fraction(3, 2)
    """

    def __init__(self, points: Sequence[Point] = ()) -> None:
        self.points = list(points)
        # Found by floats, which are quick: at a point itself both sides give the same time.
        self._places = [float(place) for place, _ in self.points]
        self._times = [float(time) for _, time in self.points]
        self._slopes = [(t - s) / (b - a) for (a, s), (b, t) in pairwise(self.points)]

    def __bool__(self) -> bool:
        return bool(self._slopes)

    def __call__(self, quarters: Any) -> Any:
        """When the place *quarters* of the page is played."""
        if not self:
            return quarters
        index = self._index(self._places, quarters)
        place, time = self.points[index]
        return time + (Fraction(quarters) - place) * self._slopes[index]

    def place(self, played: Any) -> Any:
        """The inverse: the place of the page that is played at *played*."""
        if not self:
            return played
        index = self._index(self._times, played)
        place, time = self.points[index]
        return place + (Fraction(played) - time) / self._slopes[index]

    def places(self, start: Any, end: Any) -> list[Fraction]:
        """The places of the points from *start* to before *end*, and these two."""
        low = bisect_right(self._places, float(start))
        high = bisect_right(self._places, float(end))
        within = (place for place, _ in self.points[low:high] if start < place < end)
        return [Fraction(start), *within, Fraction(end)]

    def _index(self, known: Sequence[float], value: Any) -> int:
        return min(max(0, bisect_right(known, float(value)) - 1), len(self._slopes) - 1)


def page_clock(onsets: Mapping[Any, Iterable[int]], resolution: int) -> Clock:
    """The clock of a page by the ticks of the notes at each of its places.

    The same time as the performance's, unless notes stand further from their ticks than half a
    quarter. Of the places, those on a quarter count: between them hands are not always together.
    """
    far = any(
        abs(tick - place * resolution) * 2 > resolution
        for place, ticks in onsets.items()
        for tick in ticks
    )
    if not far:
        return Clock()
    beats = [place for place in onsets if Fraction(place).denominator == 1]
    chosen = sorted(beats if len(beats) > 1 else onsets)
    points: list[Point] = []
    for place in chosen:
        time = Fraction(median_low(onsets[place]), resolution)
        if not points or time > points[-1][1]:
            points.append((Fraction(place), time))
    return Clock(points)


def bar_clocks(clock: Clock, spans: Iterable[tuple[Any, Any]], resolution: int) -> list[BarClock]:
    """The clock of each bar, of *spans* from start to end in quarters; ticks are rounded."""
    made = []
    for number, (start, end) in enumerate(spans):
        points = tuple(
            (place - Fraction(start), round(clock(place) * resolution))
            for place in clock.places(start, end)
        )
        made.append(BarClock(number == 0, resolution, points))
    return made


def clock_of(part: stream.Stream[Any], start: Any = 0) -> Clock:
    """The clock of a Stream that begins at the place *start*, by those of the measures in it.

    A Stream without measures, as ``flatten()`` makes one, has the clock of what it was made from.
    """
    seen: Any = part
    while seen is not None:
        if points := list(_increasing(_points(seen))):
            return Clock([(place + Fraction(start), time) for place, time in points])
        seen = seen.derivation.origin
    return Clock()


def _points(part: Any) -> Iterator[Point]:
    """The points of the measures one after another, each where the one before it ends."""
    staves = list(part.getElementsByClass(stream.Part))
    within = staves[0] if staves else part
    measures = [within] if isinstance(within, stream.Measure) else None
    now = Fraction(0)
    slope = Fraction(1)
    before: Fraction | None = None
    for measure in measures or within.getElementsByClass(stream.Measure):
        place = Fraction(0) if measures else Fraction(within.elementOffset(measure))
        own = measure.editorial.get(CLOCK_KEY) if measure.hasEditorialInformation else None
        if before is not None:
            now += (place - before) * slope
        before = place
        if not isinstance(own, BarClock):
            continue
        first = Fraction(own.points[0][1], own.resolution)
        if own.first and place == 0:
            now = first
        for offset, tick in own.points:
            yield place + offset, now + Fraction(tick, own.resolution) - first
        length = own.points[-1][0]
        lasted = Fraction(own.points[-1][1], own.resolution) - first
        before, now, slope = place + length, now + lasted, lasted / length


def _increasing(points: Iterable[Point]) -> Iterator[Point]:
    """Only points that lie after the one before, in both times."""
    kept: Point | None = None
    for point in points:
        if kept is None or (point[0] > kept[0] and point[1] > kept[1]):
            kept = point
            yield point
