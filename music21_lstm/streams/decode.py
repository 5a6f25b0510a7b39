"""Performance to Stream: the exact view, tick for tick, and the engraved view, a score to read."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from music21 import base, key, meter, note, stream, tempo
from music21.common.numberTools import opFrac

from music21_lstm.encoding.events import (
    Event,
    KeySignature,
    NoteOff,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import Performance
from music21_lstm.encoding.trace import TRACE_KEY, PerformedTrace
from music21_lstm.memory import growing
from music21_lstm.notation import engrave
from music21_lstm.streams.elements import (
    INFERRED,
    RESOLUTION_KEY,
    PerformanceEvent,
    element_of,
    event_of,
    remember,
)
from music21_lstm.streams.page import Page
from music21_lstm.streams.quick import Quarters, quick_pitch
from music21_lstm.streams.ready import plus

__all__ = ["engraved_stream", "exact_stream", "remember_performance"]


def exact_stream(performance: Performance) -> stream.Score:
    """The *exact view*: a Score of one flat Part, each element at its very tick.

    Every event is there: notes, MetronomeMarks, time and key signatures, and
    :class:`~music21_lstm.streams.PerformanceEvent` for the rest.
    :func:`~music21_lstm.streams.performance_of_stream` is the inverse.
    """
    quarters = Quarters(performance.resolution)
    part = stream.Part()  # type: ignore[no-untyped-call]
    durations = quarters.duration
    insert = part.coreInsert
    paired: set[int] = set()
    with growing():
        events = performance.events
        for played in performance.notes:
            paired.add(played.on)
            off = None if played.off is None else events[played.off]
            if played.off is not None:
                paired.add(played.off)
            new = note.Note(
                quick_pitch(played.pitch), duration=durations(played.end - played.onset)
            )
            new.volume.velocity = played.velocity
            new.volume.velocityIsRelative = False
            new.editorial[TRACE_KEY] = PerformedTrace(
                played.on,
                played.off,
                0,
                0,
                played.release_velocity,
                isinstance(off, NoteOff) and off.as_note_on,
            )
            insert(quarters[played.onset], new, ignoreSort=True)
        tick = 0
        for place, event in enumerate(events):
            tick += event.delta
            if place not in paired:
                insert(quarters[tick], element_of(event, place), ignoreSort=True)
        part.coreElementsChanged()
    return _score_of(part, performance.resolution)


def engraved_stream(performance: Performance, **options: Any) -> stream.Score:
    """The *engraved view*: a piano score to read, that still knows the performance.

    *options* go to :func:`music21_lstm.notation.engrave`. What the page cannot show rides along:
    see :func:`remember_performance`.
    """
    with growing():
        score = engrave(performance, **options)
        remember_performance(score, performance)
    return score


def remember_performance(score: stream.Score, performance: Performance) -> None:
    """Let an engraved *score* carry all of the *performance* that it shows.

    The timing of each note rides in its editorial, the performer's beats in that of the measures,
    other events as PerformanceEvents in the measures.
    """
    score.editorial[RESOLUTION_KEY] = performance.resolution
    for part in score.parts:
        part.editorial[RESOLUTION_KEY] = performance.resolution
    page = Page(score, performance)
    page.set_clock()
    _carry(performance, score, page)


def _score_of(part: stream.Part, resolution: int) -> stream.Score:
    score = stream.Score()
    # insert() would ask for the part's end, and so walk over it.
    score.coreInsert(0, part, ignoreSort=True)
    score.coreElementsChanged()
    score.editorial[RESOLUTION_KEY] = resolution
    part.editorial[RESOLUTION_KEY] = resolution
    return score


def _measures(part: stream.Part) -> list[stream.Measure]:
    return list(part.getElementsByClass(stream.Measure))


def _carry(performance: Performance, score: stream.Score, page: Page) -> None:
    """Tie the page's signatures and marks to their events, and let the other events ride along."""
    on_page = _signatures(score, page)
    part = score.parts[0]
    measures = _measures(part)
    starts = [part.elementOffset(measure) for measure in measures]
    last = max(row[-1].highestTime for row in (_measures(each) for each in score.parts))
    quarters = Quarters(performance.resolution)
    touched = set()
    written = page.written_events()
    tick = 0
    for place, event in enumerate(performance.events):
        tick += event.delta
        if place in written:
            continue
        shown = on_page.pop((tick, type(event)), None)
        if shown:
            for element in shown:
                remember(element, place, event)
            continue
        offset = page.place(tick) if page.clock else quarters[tick]
        index = max(0, bisect_right(starts, offset) - 1)
        inner = opFrac(offset - starts[index])
        if index == len(starts) - 1:
            # What comes after the last bar must not make it longer.
            inner = min(inner, last)
        carried = PerformanceEvent(event)
        remember(carried, place, event, tick - page.tick(plus(starts[index], inner)))
        measures[index].coreInsert(inner, carried)
        touched.add(index)
    for index in touched:
        measures[index].coreElementsChanged()


def _signatures(
    score: stream.Score, page: Page
) -> dict[tuple[int, type[Event]], list[base.Music21Object]]:
    """The page's marks by tick and kind of event, each taken for inferred until its event is met."""
    kinds = (
        (tempo.MetronomeMark, SetTempo),
        (meter.TimeSignature, TimeSignature),
        (key.KeySignature, KeySignature),
    )
    found: dict[tuple[int, type[Event]], list[base.Music21Object]] = {}
    for part in score.parts:
        for measure in part.getElementsByClass(stream.Measure):
            start = part.elementOffset(measure)
            for shown, kind in kinds:
                for element in measure.getElementsByClass(shown):
                    remember(element, INFERRED, event_of(element))
                    tick = page.tick(plus(start, measure.elementOffset(element)))
                    found.setdefault((tick, kind), []).append(element)
    return found
