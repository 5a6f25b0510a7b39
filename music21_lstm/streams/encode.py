"""Any music21 object to a Performance."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from typing import Any

from music21 import (
    base,
    stream,
)

from music21_lstm.encoding.events import Event, NoteOff, NoteOn
from music21_lstm.encoding.performance import (
    DEFAULT_RESOLUTION,
    Loss,
    Performance,
    with_deltas,
)
from music21_lstm.errors import EventError, StreamError
from music21_lstm.memory import growing
from music21_lstm.streams.collect import Collected, collect
from music21_lstm.streams.elements import (
    INFERRED,
    PerformanceEvent,
    event_of,
    memory_of,
    resolution_of,
)
from music21_lstm.streams.ready import AnyStream

__all__ = ["performance_of_stream"]

FINEST_RESOLUTION = 20_160
"""The finest resolution that is chosen for a Stream whose rhythm does not fit 480 ticks."""

# Where events share a tick: first new marks and note offs, then what remembers its order, then new
# note ons, then the note offs of new notes without length.
_BEFORE, _REMEMBERED, _AFTER, _LAST = range(4)

Key = tuple[int, int, int, int]
"""Tick, group inside the tick, place inside the group, pitch."""


def performance_of_stream(
    source: base.Music21Object, *, resolution: int | None = None, performed: bool = True
) -> Performance:
    """Encode a Stream (Score, Part, Measure, Voice, Opus …) or a single Note or Chord.

    Repeats are expanded, ties joined, grace notes played just before their note, transposing parts
    brought to sounding pitch; the scores of an Opus follow one another. A Stream that came from a
    performance and was not edited gives its events back, in order and to the tick; edits count.
    With ``performed=False`` it is played as it is written instead: notes at their places on the
    page, its own tempo marks, and the loudness of its dynamics.

    *resolution* is in ticks per quarter: by default the one that the Stream came from, else 480 if
    every onset and end fits it, else one that they fit. ``losses`` of the result lists what could
    not be encoded.

    Raises :class:`~music21_lstm.errors.StreamError` for an object that holds no music.
    """
    try:
        with growing():
            return _encode(source, resolution, performed)
    except EventError as error:
        raise StreamError(f"{source!r} cannot be encoded: {error}") from None


def _encode(source: base.Music21Object, resolution: int | None, performed: bool) -> Performance:
    if not isinstance(source, stream.Stream):
        if not isinstance(source, base.Music21Object):
            raise StreamError(
                f"{type(source).__name__} is no music21 object; give a Stream, a Note or a Chord"
            )
        single: AnyStream = stream.Part([copy.deepcopy(source)])  # type: ignore[no-untyped-call]
        source = single
    collected = collect(source, performed=performed)
    hints = {mark.resolution for mark in collected.notes if mark.resolution} or {
        hint for hint in [resolution_of(source)] if hint and performed
    }
    chosen = (
        resolution
        if resolution is not None
        else (hints.pop() if len(hints) == 1 else _fitting(collected))
    )
    hint = resolution_of(source)
    rows = [*_note_events(collected, chosen), *_mark_events(collected, chosen, hint)]
    rows.sort(key=lambda row: row[:2])
    events = with_deltas((key[0], event) for key, _, event in rows)
    losses = [Loss(what, count) for what, count in sorted(collected.losses.items()) if count]
    return Performance(chosen, events, losses)


# --- events ------------------------------------------------------------------------------------


def _note_events(collected: Collected, resolution: int) -> Iterator[tuple[Key, int, Event]]:
    """The note ons and offs with their sorting keys."""
    rounded = 0
    for count, one in enumerate(collected.notes):
        onset, inexact = _tick(one.onset, resolution)
        end, inexact_end = _tick(one.end, resolution)
        trace = one.trace
        if trace is None:
            rounded += inexact or inexact_end
            onset = max(0, onset)
            yield (onset, _AFTER, 0, one.pitch), count, NoteOn(0, one.pitch, one.velocity)
            group = _BEFORE if end > onset else _LAST
            yield (max(onset, end), group, 1, one.pitch), count, NoteOff(0, one.pitch)
            continue
        scale = Fraction(resolution, one.resolution or resolution)
        onset = max(0, onset + round(trace.onset_shift * scale))
        end = max(onset, end + round(trace.end_shift * scale))
        yield (onset, _REMEMBERED, trace.on, 0), count, NoteOn(0, one.pitch, one.velocity)
        if trace.off is not None:
            off = NoteOff(0, one.pitch, trace.release_velocity, trace.spelled_off_as_note_on)
            yield (end, _REMEMBERED, trace.off, 0), count, off
    collected.losses["onset or end rounded to the tick"] += rounded


def _mark_events(
    collected: Collected, resolution: int, hint: int | None
) -> Iterator[tuple[Key, int, Event]]:
    """The events that are not notes; one that several parts show counts once."""
    seen: dict[tuple[int, int, Any], tuple[Key, int, Event]] = {}
    for count, (offset, element) in enumerate(collected.marks):
        # A page's start may lie before that of its performance, whose first note was early.
        exact, _ = _tick(offset, resolution)
        tick = max(0, exact)
        event = event_of(element)
        memory = memory_of(element) if collected.performed else None
        if not collected.performed and type(element) is PerformanceEvent:
            continue
        edited = memory is None or event != memory.said
        if event is None or (not edited and memory is not None and memory.place == INFERRED):
            continue
        if memory is None or memory.place == INFERRED:
            seen.setdefault((tick, -1, event), ((tick, _BEFORE, 0, 0), count, event))
            continue
        tick = max(0, exact + memory.shift * resolution // (hint or resolution))
        said = event if edited or memory.event is None else memory.event
        row = ((tick, _REMEMBERED, memory.place, 0), count, said)
        if edited:
            seen[tick, memory.place, None] = row
        else:
            seen.setdefault((tick, memory.place, None), row)
    yield from seen.values()


def _tick(quarters: Any, resolution: int) -> tuple[int, bool]:
    """The nearest tick, and whether it had to be rounded."""
    exact = quarters * resolution
    tick = round(exact)
    return tick, tick != exact


def _fitting(collected: Collected) -> int:
    """The default resolution if every note fits it, else the coarsest that all fit."""
    denominators = {
        Fraction(time).denominator for one in collected.notes for time in (one.onset, one.end)
    }
    fitting = DEFAULT_RESOLUTION
    for denominator in sorted(denominators):
        if (finer := lcm(fitting, denominator)) <= FINEST_RESOLUTION:
            fitting = finer
    return fitting
