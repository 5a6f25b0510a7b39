"""What a Stream needs beyond music21's own objects to carry a performance.

Pickled Streams name this module: keep its path and its names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from music21 import base, key, meter, tempo
from music21 import stream as m21stream

from music21_lstm.encoding.events import (
    ControlChange,
    Event,
    KeySignature,
    Mode,
    SetTempo,
    TimeSignature,
)
from music21_lstm.errors import EventError

__all__ = [
    "INFERRED",
    "RESOLUTION_KEY",
    "Memory",
    "PedalChange",
    "PerformanceEvent",
    "element_of",
    "event_of",
    "memory_of",
    "remember",
    "resolution_of",
]

MEMORY_KEY = "performed"
"""``element.editorial[MEMORY_KEY]``: the :class:`Memory` of an element that is not a note."""

RESOLUTION_KEY = "resolution"
"""``stream.editorial[RESOLUTION_KEY]``: ticks per quarter of the performance a Stream came from."""

INFERRED = -1
"""The place of an element that notation added (a default time signature): it has no event."""


class PerformanceEvent(base.Music21Object):
    """An event that no music21 object can say, such as a control change, at its offset.

    It has no notation: exporters pass over it, and the notetext converter writes it back. Its
    delta means nothing here; the offset counts.
    """

    def __init__(self, event: Event | None = None, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.event = event

    def _reprInternal(self) -> str:  # noqa: N802 - music21's hook
        return repr(self.event)


class PedalChange(PerformanceEvent):
    """A movement of the sustain pedal that a pedal mark stands for, made while a Stream is encoded."""

    def __init__(self, value: int = 0) -> None:
        super().__init__(ControlChange(0, 0, 64, value))


def resolution_of(source: m21stream.Stream[Any]) -> int | None:
    """The ticks per quarter that *source*, a part of it or what it was derived from was made with."""
    seen: Any = source
    while seen is not None:
        if seen.hasEditorialInformation and RESOLUTION_KEY in seen.editorial:
            return int(seen.editorial[RESOLUTION_KEY])
        for part in seen.getElementsByClass(m21stream.Stream):
            if part.hasEditorialInformation and RESOLUTION_KEY in part.editorial:
                return int(part.editorial[RESOLUTION_KEY])
        seen = seen.derivation.origin or seen.activeSite
    return None


class Memory(NamedTuple):
    """The event that an element came from, and what the element said then.

    While the element still says so, the event is written back as it was; once a user has edited
    the element, what it says now.
    """

    place: int
    event: Event | None
    said: Event | None
    shift: int = 0
    """By how many ticks the event lies after the place where the element stands."""


def element_of(event: Event, place: int) -> base.Music21Object:
    """The music21 object of an event that is not a paired note; the inverse of :func:`event_of`."""
    element: Any
    if isinstance(event, SetTempo):
        element = tempo.MetronomeMark(number=60_000_000 / event.mpqn)
    elif isinstance(event, TimeSignature):
        element = meter.TimeSignature(f"{event.numerator}/{event.denominator}")
    elif isinstance(event, KeySignature):
        element = key.KeySignature(event.sharps).asKey(event.mode)
    else:
        element = PerformanceEvent(event)
    remember(element, place, event)
    made: base.Music21Object = element
    return made


def event_of(element: base.Music21Object) -> Event | None:
    """What *element* says now, with delta 0; None where it says nothing that has an event.

    Raises :class:`~music21_lstm.errors.EventError` for a value out of MIDI's range.
    """
    if isinstance(element, PerformanceEvent):
        return element.event
    if isinstance(element, tempo.MetricModulation):
        return event_of(element.newMetronome) if element.newMetronome is not None else None
    if isinstance(element, tempo.MetronomeMark):
        try:
            quarters = element.getQuarterBPM()
        except ZeroDivisionError:
            raise EventError("a tempo of 0 never gets on") from None
        return SetTempo.from_mpqn(0, round(60_000_000 / quarters)) if quarters else None
    if isinstance(element, meter.TimeSignature):
        return TimeSignature(0, element.numerator, element.denominator)
    if isinstance(element, key.KeySignature):
        mode: Mode = "minor" if getattr(element, "mode", None) == "minor" else "major"
        return KeySignature(0, element.sharps, mode)
    return None


def remember(element: base.Music21Object, place: int, event: Event | None, shift: int = 0) -> None:
    """Note on *element* which event it came from, and how many ticks later that was."""
    element.editorial[MEMORY_KEY] = Memory(place, event, event_of(element), shift)


def memory_of(element: base.Music21Object) -> Memory | None:
    """What :func:`remember` noted, or None for an element that a user made."""
    if not element.hasEditorialInformation:
        return None
    memory = element.editorial.get(MEMORY_KEY)
    return memory if isinstance(memory, Memory) else None
