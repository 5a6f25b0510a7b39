"""The events of a MIDI performance, as frozen values.

Each event starts *delta* ticks after the event before it. The ranges are MIDI's own; an event
that breaks one cannot be made:

>>> NoteOn(0, 60, 80)
NoteOn(delta=0, pitch=60, velocity=80)
>>> NoteOn(0, 128, 80)
Traceback (most recent call last):
    ...
music21_lstm.errors.EventError: NoteOn: pitch is 128; it must be a whole number from 0 to 127
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NoReturn

from music21_lstm.errors import EventError

__all__ = [
    "MAX_DELTA",
    "MAX_RESOLUTION",
    "ControlChange",
    "Event",
    "KeySignature",
    "Mode",
    "NoteOff",
    "NoteOn",
    "SetTempo",
    "TimeSignature",
]

MAX_DELTA = 0x0FFFFFFF
"""The longest delta in ticks: the largest variable-length number of the MIDI file format."""

MAX_RESOLUTION = 0x7FFF
"""The finest resolution in ticks per quarter note: 15 bits in the header of a MIDI file."""

Mode = Literal["major", "minor"]
Ranges = tuple[tuple[str, int, int], ...]

_DELTA = ("delta", 0, MAX_DELTA)
_DENOMINATORS = (1, 2, 4, 8, 16, 32, 64, 128)


class _Ranged:
    """Checks the whole-number fields of an event against its class's table of ranges."""

    __slots__ = ()
    RANGES: ClassVar[Ranges]

    def __post_init__(self) -> None:
        for name, low, high in self.RANGES:
            value = getattr(self, name)
            if value.__class__ is not int or not low <= value <= high:
                _reject(self, name, value, f"a whole number from {low} to {high}")


def _reject(event: object, name: str, value: object, wanted: str) -> NoReturn:
    raise EventError(f"{type(event).__name__}: {name} is {value!r}; it must be {wanted}")


@dataclass(frozen=True, slots=True)
class NoteOn(_Ranged):
    """A note starts; *velocity* 0 does not exist here, it is a :class:`NoteOff`."""

    delta: int
    pitch: int
    velocity: int
    RANGES: ClassVar[Ranges] = (_DELTA, ("pitch", 0, 127), ("velocity", 1, 127))


@dataclass(frozen=True, slots=True)
class NoteOff(_Ranged):
    """A note ends, with a release *velocity*.

    *as_note_on* remembers that the source spelled it as a note on of velocity 0, as MIDI's running
    status does; it is the same event (the field does not count in ``==``), and is spelled so again.
    """

    delta: int
    pitch: int
    velocity: int = 64
    as_note_on: bool = field(default=False, compare=False, repr=False)
    RANGES: ClassVar[Ranges] = (_DELTA, ("pitch", 0, 127), ("velocity", 0, 127))


@dataclass(frozen=True, slots=True)
class ControlChange(_Ranged):
    """A controller (64 is the sustain pedal) on a *channel* (0 to 15) takes a *value*."""

    delta: int
    channel: int
    control: int
    value: int
    RANGES: ClassVar[Ranges] = (
        _DELTA,
        ("channel", 0, 15),
        ("control", 0, 127),
        ("value", 0, 127),
    )


@dataclass(frozen=True, slots=True)
class SetTempo(_Ranged):
    """The tempo changes to *mpqn* microseconds a quarter note; *bpm* is the same for people."""

    delta: int
    bpm: int
    mpqn: int
    RANGES: ClassVar[Ranges] = (_DELTA, ("bpm", 0, 60_000_000), ("mpqn", 1, 0xFFFFFF))

    @classmethod
    def from_mpqn(cls, delta: int, mpqn: int) -> SetTempo:
        """The event for *mpqn* microseconds a quarter, with the rounded beats a minute."""
        return cls(delta, round(60_000_000 / mpqn) if mpqn else 0, mpqn)


@dataclass(frozen=True, slots=True)
class TimeSignature(_Ranged):
    """The metre changes; *denominator* is a power of two, from 1 to 128."""

    delta: int
    numerator: int
    denominator: int
    RANGES: ClassVar[Ranges] = (_DELTA, ("numerator", 1, 255), ("denominator", 1, 128))

    def __post_init__(self) -> None:
        _Ranged.__post_init__(self)
        if self.denominator not in _DENOMINATORS:
            _reject(self, "denominator", self.denominator, "a power of two from 1 to 128")


@dataclass(frozen=True, slots=True)
class KeySignature(_Ranged):
    """The key changes to *sharps* (negative: flats) and a *mode*, ``major`` or ``minor``."""

    delta: int
    sharps: int
    mode: Mode = "major"
    RANGES: ClassVar[Ranges] = (_DELTA, ("sharps", -7, 7))

    def __post_init__(self) -> None:
        _Ranged.__post_init__(self)
        if self.mode not in ("major", "minor"):
            _reject(self, "mode", self.mode, "major or minor")


Event = NoteOn | NoteOff | ControlChange | SetTempo | TimeSignature | KeySignature
"""Any event of a performance."""
