"""Where ticks and seconds are on the page: between two onsets, in proportion."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import Placed

__all__ = ["Places", "ending"]


def ending(start: int, end: int, limit: int, ends: Sequence[int]) -> int:
    """Where a line from *start* to about *end* is ended: at one of *ends*, not after *limit*.

    >>> ending(0, 5, 10, [2, 4, 8]), ending(0, 8, 7, [2, 4, 8]), ending(0, 1, 1, [2])
    (4, 4, 1)
    """
    first, last = bisect_right(ends, start), bisect_right(ends, max(limit, start))
    if first == last:
        return min(end, limit)
    at = min(max(bisect_left(ends, end), first), last - 1)
    before = max(at - 1, first)
    return ends[before] if abs(end - ends[before]) <= abs(ends[at] - end) else ends[at]


class Places:
    """Maps the ticks and the seconds of a performance to the page, through its notes.

    The page may leave bars out, and its beats may have been found by ear: only the notes know
    where they are. Between two onsets (and up to the last end) time runs evenly. *onsets* are those
    that the page shows (an ornament's own it does not), in units; by default all.
    """

    def __init__(
        self,
        performance: Performance,
        placed: Sequence[Placed],
        onsets: Iterable[int] | None = None,
    ) -> None:
        self.resolution = performance.resolution
        times = performance.times
        first: dict[int, tuple[int, float]] = {}
        for p in sorted(placed, key=lambda p: (p.onset, p.note.onset)):
            first.setdefault(p.onset, (p.note.onset, times[p.note.on]))
        last = max(placed, key=lambda p: p.note.end, default=None)
        if last is not None and last.end > max(first):
            off = last.note.off
            ended = times[-1] if off is None else times[off]
            first[last.end] = (last.note.end, ended)
        rows = [(0, 0, 0.0)] if 0 not in first else []
        for place in sorted(first):
            tick, second = first[place]
            if not rows or (tick > rows[-1][1] and second > rows[-1][2]):
                rows.append((place, tick, second))
        self.units = [row[0] for row in rows]
        self.ticks = [row[1] for row in rows]
        self.seconds = [row[2] for row in rows]
        self.onsets = sorted({p.onset for p in placed} if onsets is None else set(onsets))

    def place(self, tick: int) -> int:
        """Where a tick is on the page, in units."""
        index = bisect_right(self.ticks, tick) - 1
        if index < 0:
            return 0
        start, gone = self.units[index], tick - self.ticks[index]
        if index + 1 == len(self.ticks):
            return start + gone * UNIT // self.resolution
        ticks, units = self.ticks[index + 1] - self.ticks[index], self.units[index + 1] - start
        return start + (2 * gone * units + ticks) // (2 * ticks)

    def second(self, place: int) -> float:
        """When a place on the page sounds, in seconds."""
        if len(self.units) < 2:
            return self.seconds[0] + place / UNIT / 2
        index = min(max(1, bisect_right(self.units, place)), len(self.units) - 1)
        left, right = self.units[index - 1], self.units[index]
        share = (place - left) / (right - left)
        return self.seconds[index - 1] + share * (self.seconds[index] - self.seconds[index - 1])

    def last_onset(self, place: int) -> int | None:
        """The last onset at *place* or before it, in units."""
        index = bisect_right(self.onsets, place)
        return self.onsets[index - 1] if index else None

    def next_onset(self, place: int) -> int | None:
        """The first onset at *place* or after it, in units."""
        index = bisect_left(self.onsets, place)
        return self.onsets[index] if index < len(self.onsets) else None
