"""Who plays what, and when: parts with their instruments, in seconds, and where the beats fall.

A :class:`Performance` is one player. A score or a MIDI file has several, each with an instrument;
an :class:`Ensemble` holds them side by side in real time, so that a tempo map, a fermata or swing
has already been worked out by whoever made it, once and for all parts alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple, overload

import numpy as np

from music21_lstm.encoding.events import ControlChange, NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.performance import Loss, Performance
from music21_lstm.errors import AudioError

__all__ = [
    "CLICK",
    "Beat",
    "Ensemble",
    "Message",
    "Messages",
    "SoundingPart",
    "Status",
    "beat_ticks",
    "beats_at",
    "ensemble_of",
    "part_of",
]

CLICK = "Click"
"""The name of the part that beats time."""

_DOWNBEAT, _UPBEAT = (76, 110), (77, 80)
"""Key and velocity on the percussion kit: the high and the low wood block."""

_CLICK_SECONDS = 0.05
_MOST_BARS = 16
_MOST_BEATS = 100_000  # Enough for hours; a broken file may ask for milliards.


class Status(IntEnum):
    """The kind of a MIDI message: the upper half of its status byte."""

    NOTE_OFF = 0x80
    NOTE_ON = 0x90
    CONTROL = 0xB0
    PROGRAM = 0xC0
    PRESSURE = 0xD0
    BEND = 0xE0


class Message(NamedTuple):
    """A MIDI message at a *time* in seconds; *first* and *second* are its data.

    They are a note's pitch and velocity, a controller's number and value, or bank and program; a
    bend (0 to 16383, the middle is 8192) and a pressure are in *first*.
    """

    time: float
    status: Status
    first: int
    second: int


_ROW = struct.Struct("<dBhh")
_STATUSES = {status.value: status for status in Status}


class Messages(Sequence[Message]):
    """Messages that do not change, packed: an hour of a piano is 74,000, a tenth of it as tuples.

    >>> Messages([Message(0.5, Status.BEND, 16383, 0)])[-1].first
    16383
    """

    __slots__ = ("_rows",)

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        if isinstance(messages, Messages):
            self._rows: bytes = messages._rows
        else:
            rows = bytearray()
            for message in messages:
                rows += _ROW.pack(*message)
            self._rows = bytes(rows)

    def __len__(self) -> int:
        return len(self._rows) // _ROW.size

    def __iter__(self) -> Iterator[Message]:
        for time, status, first, second in _ROW.iter_unpack(self._rows):
            yield Message(time, _STATUSES[status], first, second)

    @overload
    def __getitem__(self, place: int) -> Message: ...

    @overload
    def __getitem__(self, place: slice) -> Messages: ...

    def __getitem__(self, place: int | slice) -> Message | Messages:
        if isinstance(place, slice):
            return Messages(self[at] for at in range(len(self))[place])
        time, status, first, second = _ROW.unpack_from(
            self._rows, range(len(self))[place] * _ROW.size
        )
        return Message(time, _STATUSES[status], first, second)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Messages) and self._rows == other._rows

    def __hash__(self) -> int:
        return hash(self._rows)

    def __repr__(self) -> str:
        return f"<{len(self)} messages>"


@dataclass(frozen=True, slots=True)
class SoundingPart:
    """One player: a General MIDI *program* from 0 or a drum kit, and *messages* in order."""

    messages: Sequence[Message]
    program: int = 0
    percussion: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "messages", Messages(self.messages))

    @property
    def sounds(self) -> bool:
        """Whether there is a note to hear."""
        return any(message.status is Status.NOTE_ON for message in self.messages)

    def delayed(self, seconds: float) -> SoundingPart:
        """The same, so much later."""
        later = (m._replace(time=m.time + seconds) for m in self.messages)
        return replace(self, messages=Messages(later))


class Beat(NamedTuple):
    """A beat at a *time* in seconds; *first* says that a bar starts with it."""

    time: float
    first: bool


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Parts that sound together, the *beats* of their metre, and what was lost on the way.

    *title*, *composer* and *comment* are what the source says of itself: the tags of a file.
    """

    parts: tuple[SoundingPart, ...]
    beats: tuple[Beat, ...] = ()
    losses: tuple[Loss, ...] = ()
    title: str = ""
    composer: str = ""
    comment: str = ""

    @property
    def seconds(self) -> float:
        """Seconds from the start to the last message."""
        return max((p.messages[-1].time for p in self.parts if p.messages), default=0.0)

    def with_program(self, program: int) -> Ensemble:
        """All but the percussion played by *program*, whatever the parts ask for."""
        parts = tuple(
            part
            if part.percussion
            else replace(
                part,
                program=program,
                messages=Messages(m for m in part.messages if m.status is not Status.PROGRAM),
            )
            for part in self.parts
        )
        return replace(self, parts=parts)

    def with_click(self) -> Ensemble:
        """One part more, which beats time on wood blocks: the high one where a bar starts."""
        return replace(self, parts=(*self.parts, _click(self.beats)))

    def counted_in(self, bars: int) -> Ensemble:
        """*bars* of clicks in front, in the metre and the tempo of the first bar.

        Raises :class:`~music21_lstm.errors.AudioError` for a number of bars beyond 16.

        >>> beats = tuple(Beat(i / 2, i % 3 == 0) for i in range(6))
        >>> waltz = Ensemble((SoundingPart((Message(0.0, Status.NOTE_ON, 60, 80),)),), beats)
        >>> [part.messages[0].time for part in waltz.counted_in(2).parts]
        [3.0, 0.0]
        """
        if not 1 <= bars <= _MOST_BARS:
            raise AudioError(f"count_in is {bars}; it must be 1 to {_MOST_BARS} bars")
        length, step = _first_bar(self.beats)
        count = bars * length
        start = self.beats[0].time if self.beats else 0.0
        lead = max(0.0, count * step - start)
        clicks = [Beat(lead + start - (count - i) * step, i % length == 0) for i in range(count)]
        parts = [part.delayed(lead) for part in self.parts]
        later = tuple(beat._replace(time=beat.time + lead) for beat in self.beats)
        return replace(self, parts=(*parts, _click(clicks)), beats=later)


def _first_bar(beats: Sequence[Beat]) -> tuple[int, float]:
    """How many beats the first whole bar has, and the seconds between the first two beats."""
    step = beats[1].time - beats[0].time if len(beats) > 1 else 0.5
    firsts = [place for place, beat in enumerate(beats) if beat.first]
    bars = [after - before for before, after in pairwise(firsts)]
    if not bars:
        return len(beats) or 4, step
    return max(bars[:2]), step


def _click(beats: Iterable[Beat]) -> SoundingPart:
    messages: list[Message] = []
    for time, first in beats:
        key, velocity = _DOWNBEAT if first else _UPBEAT
        messages.append(Message(time, Status.NOTE_ON, key, velocity))
        messages.append(Message(time + _CLICK_SECONDS, Status.NOTE_OFF, key, 64))
    return SoundingPart(sorted(messages), percussion=True, name=CLICK)


def ensemble_of(
    performance: Performance, *, program: int = 0, percussion: bool = False
) -> Ensemble:
    """A performance as an ensemble of one, by its own tempo map.

    >>> tune = Performance(480, [NoteOn(0, 60, 80), NoteOff(960, 60)])
    >>> for message in ensemble_of(tune, program=40).parts[0].messages:
    ...     print(message.time, message.status.name, message.first, message.second)
    0.0 NOTE_ON 60 80
    1.0 NOTE_OFF 60 64
    """
    part = part_of(performance, performance.times, program=program, percussion=percussion)
    ticks = performance.ticks
    metres = [
        (tick, event.numerator, event.denominator)
        for tick, event in zip(ticks, performance.events, strict=True)
        if isinstance(event, TimeSignature)
    ]
    beats = beats_at(performance.resolution, metres, ticks, performance.times)
    return Ensemble((part,), beats, performance.losses)


def part_of(
    performance: Performance,
    times: Iterable[float],
    *,
    program: int = 0,
    percussion: bool = False,
    name: str = "",
) -> SoundingPart:
    """A performance as one part, each of its events at the time in seconds that *times* says.

    Control changes of any channel act on it, since the notes of a performance have none.
    """
    messages: list[Message] = []
    for time, event in zip(times, performance.events, strict=True):
        match event:
            case NoteOn(_, pitch, velocity):
                messages.append(Message(time, Status.NOTE_ON, pitch, velocity))
            case NoteOff(_, pitch, velocity):
                messages.append(Message(time, Status.NOTE_OFF, pitch, velocity))
            case ControlChange(_, _, control, value):
                messages.append(Message(time, Status.CONTROL, control, value))
    return SoundingPart(messages, program, percussion, name)


def beats_at(
    resolution: int,
    metres: Sequence[tuple[int, int, int]],
    ticks: Sequence[int],
    times: Sequence[float],
) -> tuple[Beat, ...]:
    """The beats of music whose events stand at *ticks*, that is at *times* in seconds.

    *metres* are ticks with numerator and denominator. Between two events the tempo is steady.
    """
    if not ticks:
        return ()
    beats = [*beat_ticks(resolution, metres, ticks[-1])]
    found = np.interp([tick for tick, _ in beats], [0, *ticks], [0.0, *times])
    return tuple(Beat(float(time), first) for (_, first), time in zip(beats, found, strict=True))


def beat_ticks(
    resolution: int, metres: Sequence[tuple[int, int, int]], end: int
) -> Iterator[tuple[int, bool]]:
    """The beats before the tick *end*, with whether a bar starts there.

    *metres* are ticks with numerator and denominator; before the first it is 4/4. In compound time
    (6/8, 9/8, 12/8) the beat is the dotted note.

    >>> list(beat_ticks(480, [(0, 6, 8)], 1500))
    [(0, True), (720, False), (1440, True)]
    """
    changes = sorted({tick: (above, below) for tick, above, below in metres}.items())
    if not changes or changes[0][0] > 0:
        changes.insert(0, (0, (4, 4)))
    for (start, (above, below)), stop in zip(
        changes, [*(tick for tick, _ in changes[1:]), end], strict=True
    ):
        compound = below >= 8 and above > 3 and above % 3 == 0
        beat = Fraction(4 * resolution, below) * (3 if compound else 1)
        in_bar = above // 3 if compound else above
        count = 0
        while count < _MOST_BEATS and (tick := start + count * beat) < min(stop, end):
            yield round(tick), count % in_bar == 0
            count += 1
