"""The sustain pedal as marks: from controller 64, at the notes that a pianist thinks of."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from music21_lstm.encoding.events import ControlChange
from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.places import Places, ending

__all__ = ["PedalSpan", "pedals_of"]

_SUSTAIN = 64

_DOWN = 64
"""From this value on the pedal is down, as MIDI has it."""

_AT_ONCE = 0.35
"""Up and down again within so many seconds is a change of pedal, not a pause."""

_EARLY = 0.08
"""A pedal that goes down so many seconds before a note belongs to that note."""

_SHORTEST = UNIT // 4
"""A touch of the pedal that is shorter on the page, in units, is not printed."""


class PedalSpan(NamedTuple):
    """The pedal is down from *start* to *end*, in units; a change of pedal ends one, starts one."""

    start: int
    end: int


def pedals_of(performance: Performance, places: Places, ends: Sequence[int]) -> list[PedalSpan]:
    """The pedal marks of a performance; none without notes or without controller 64.

    A pianist lifts the pedal a little after the new chord has sounded; on the page the change
    stands at the chord. So each movement is put on the last onset before it, if there is one in
    the time of a quarter note; else, and where it is lifted, on the nearest end of a written value
    (*ends*). Pedals that would have no length on the page are merged.
    """
    stops = sorted({*places.onsets, *ends})
    spans: list[PedalSpan] = []
    if not places.onsets:
        return spans
    last_up = float("-inf")
    for down, up, pressed, released in _presses(performance):
        start = _at_note(places, down, pressed, stops)
        end = max(_nearest(places.place(up), stops), start)
        before = spans[-1] if spans else PedalSpan(0, 0)
        at_once = pressed - last_up <= _AT_ONCE or start <= before.end
        last_up = released
        if spans and at_once:
            if start - before.start < _SHORTEST or end - start < _SHORTEST:
                spans[-1] = PedalSpan(before.start, max(before.end, end))
                continue
            spans[-1] = PedalSpan(before.start, start)
        spans.append(PedalSpan(start, end))
    return [span for span in _ended(spans, ends) if span.end - span.start >= _SHORTEST]


def _ended(spans: Sequence[PedalSpan], ends: Sequence[int]) -> Iterator[PedalSpan]:
    """The pedals with ends that a page can show; one that has none is joined to the next."""
    known = set(ends)
    start: int | None = None
    for index, span in enumerate(spans):
        first = span.start if start is None else start
        last = index + 1 == len(spans)
        end = ending(first, span.end, span.end if last else spans[index + 1].start, ends)
        if end in known or last:
            yield PedalSpan(first, end)
            start = None
        else:
            start = first


def _presses(performance: Performance) -> Iterator[tuple[int, int, float, float]]:
    """Each time that the pedal is down: from tick to tick, and from second to second."""
    down: tuple[int, float] | None = None
    tick, second = 0, 0.0
    for event, second in zip(performance.events, performance.times, strict=True):
        tick += event.delta
        if event.__class__ is ControlChange and event.control == _SUSTAIN:
            if event.value >= _DOWN and down is None:
                down = (tick, second)
            elif event.value < _DOWN and down is not None:
                yield down[0], tick, down[1], second
                down = None
    if down is not None:
        yield down[0], tick, down[1], second


def _at_note(places: Places, tick: int, second: float, stops: Sequence[int]) -> int:
    """The place of the note that the pedal takes."""
    place = places.place(tick)
    after = places.next_onset(place)
    if after is not None and places.second(after) - second <= _EARLY:
        return after
    before = places.last_onset(place)
    if before is not None and place - before <= UNIT:
        return before
    return _nearest(place, stops)


def _nearest(place: int, stops: Sequence[int]) -> int:
    """The stop nearest to *place*, rather the one before it."""
    after = min(bisect_left(stops, place), len(stops) - 1)
    before = max(after - 1, 0)
    return stops[before] if place - stops[before] <= 2 * (stops[after] - place) else stops[after]
