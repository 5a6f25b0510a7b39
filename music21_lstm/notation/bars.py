"""Where the bar lines are: from time signatures at ticks to numbered bars of units."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from music21_lstm.encoding.events import TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.metre import COMMON_TIME, FINEST, UNIT, Metre

__all__ = ["Bar", "Section", "bars_of", "locate", "sections_of", "shorten", "starts_anew"]

LONGEST_GAP = 64
"""Bars in a row in which no note starts or ends; the page leaves out any more of them."""


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of one metre; its first bar starts at *start*, in units."""

    start: int
    metre: Metre


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: *start* and *length* in units; *shift* is the place in the metre where it starts.

    A pick-up has number 0, and a shift; a bar cut short by a change of metre is simply shorter.
    """

    number: int
    start: int
    length: int
    metre: Metre
    new_metre: bool
    shift: int = 0

    @property
    def end(self) -> int:
        """Where the next bar starts, in units."""
        return self.start + self.length

    @property
    def missing(self) -> int:
        """How much shorter it is than its metre says, in units."""
        return self.metre.length - self.length


def sections_of(performance: Performance, override: Metre | None = None) -> list[Section]:
    """The stretches of one metre, by the performance's time signatures or by *override* alone.

    A time signature starts a bar wherever it stands, on the nearest sixteenth if it is on no
    finer grid. Metres that no page can show (bars shorter than a sixteenth) are passed over.
    """
    if override is not None:
        return [Section(0, override)]
    found: dict[int, Metre] = {0: COMMON_TIME}
    tick = 0
    for event in performance.events:
        tick += event.delta
        if isinstance(event, TimeSignature):
            metre = Metre(event.numerator, event.denominator)
            if metre.writable:
                found[_place(tick, performance.resolution)] = metre
    sections = [Section(start, found[start]) for start in sorted(found)]
    return [
        section
        for before, section in zip([None, *sections], sections, strict=False)
        if before is None or starts_anew(before, section)
    ]


def starts_anew(before: Section, section: Section) -> bool:
    """Whether a time signature changes anything: another metre, or a bar line out of step."""
    on_bar_line = (section.start - before.start) % before.metre.length == 0
    return section.metre != before.metre or not on_bar_line


def _place(tick: int, resolution: int) -> int:
    """A tick in units: exactly if it is on the finest grid, else on the nearest sixteenth."""
    if tick * UNIT % (FINEST * resolution) == 0:
        return tick * UNIT // resolution
    step = UNIT // 4
    return (2 * tick * UNIT // (step * resolution) + 1) // 2 * step


def locate(sections: Sequence[Section], place: int) -> tuple[Section, int]:
    """The section that holds *place*, and the start of the bar that does, in units."""
    section = sections[max(0, bisect_right(sections, place, key=lambda s: s.start) - 1)]
    offset = place - section.start
    return section, section.start + offset - offset % section.metre.length


def shorten(
    sections: Sequence[Section], points: Iterable[int]
) -> tuple[list[Section], dict[int, int]]:
    """Leave out bars where nothing happens for more than :data:`LONGEST_GAP` bars.

    Returns the sections on the page, and the place on the page of each of *points* (units). A
    file may hold a silence of years; without this, one would be written out.
    """
    starts = {section.start: section for section in sections}
    moved: dict[int, int] = {}
    removed, metre = 0, sections[0].metre
    last = 0
    for point in sorted({0, *points, *starts}):
        spare = (point - last) // metre.length - LONGEST_GAP
        if spare > 0:
            removed += spare * metre.length
        moved[point] = point - removed
        metre = starts[point].metre if point in starts else metre
        last = point
    return [Section(moved[s.start], s.metre) for s in sections], moved


def bars_of(sections: Sequence[Section], end: int) -> list[Bar]:
    """The numbered bars from the start to *end* (units), at least one.

    A short first section before a longer bar is a pick-up, in the metre that follows it; the last
    bar is then shorter by as much, if nothing sounds there. A bar that another of the same metre
    cuts short has a time signature of its own.

    >>> bars = bars_of([Section(0, Metre(1, 4)), Section(UNIT, Metre(4, 4))], 5 * UNIT)
    >>> [(bar.number, str(bar.metre), bar.length // UNIT) for bar in bars]
    [(0, '4/4', 1), (1, '4/4', 4)]
    """
    bars: list[Bar] = []
    sections = [s for s in sections if s.start < end] or [sections[0]]
    number = 1
    if len(sections) > 1 and _is_pick_up(*sections[:2]):
        metre, length = sections[1].metre, sections[1].start
        bars.append(Bar(0, 0, length, metre, True, metre.length - length))
        sections = sections[1:]
    last = Section(max(end, sections[-1].start + 1), sections[-1].metre)
    for section, following in pairwise([*sections, last]):
        start = section.start
        while start < following.start:
            length = section.metre.length
            if following is not last:
                length = min(length, following.start - start)
            metre = section.metre
            if length < metre.length and following.metre == metre and following is not last:
                metre = _shorter(metre, length)
            shown = not bars or bars[-1].metre != metre
            bars.append(Bar(number, start, length, metre, shown))
            number += 1
            start += length
    if bars[0].shift and end <= bars[-1].start + bars[0].shift:
        # What the pick-up took is left out at the end, so that the two make one bar.
        bars[-1] = replace(bars[-1], length=min(bars[-1].length, bars[0].shift))
    return bars


def _shorter(metre: Metre, length: int) -> Metre:
    """The metre of a single bar of *length* amid bars of *metre*; *metre* if none can be written."""
    for denominator in (metre.denominator, 8, 16, 32):
        count, odd = divmod(length * denominator, 4 * UNIT)
        if not odd and denominator >= metre.denominator and Metre(count, denominator).writable:
            return Metre(count, denominator)
    return metre


def _is_pick_up(first: Section, second: Section) -> bool:
    length = second.start - first.start
    return length <= first.metre.length and length < second.metre.length
