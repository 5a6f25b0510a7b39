"""The players of a score: their staves, their instruments, and what is written on their notes."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import Any

from music21 import chord, instrument, note, stream
from music21.exceptions21 import Music21Exception

from music21_lstm.audio.ensemble import Message, SoundingPart, Status, part_of
from music21_lstm.streams.elements import PerformanceEvent
from music21_lstm.streams.encode import performance_of_stream
from music21_lstm.streams.hairpins import Loudness
from music21_lstm.streams.pedals import pedal_changes
from music21_lstm.streams.ready import AnyStream, parts_of, walk
from music21_lstm.streams.real_time import RealTime

__all__ = ["Player", "players_of"]

_SNARE = 38
_DRUMS = 9
_SUSTAIN = 64

_ORDER = (Status.PROGRAM, Status.CONTROL, Status.NOTE_OFF, Status.NOTE_ON)
"""Of what is at one time: programs and controllers before notes, note offs before note ons."""


class Player:
    """One who plays: *staves* with their offsets in the score, which may be changed here."""

    def __init__(self, staves: list[tuple[Any, AnyStream]]) -> None:
        self._staves = staves
        self._instruments = [
            (where, one)
            for offset, staff in staves
            for where, one in walk(staff, offset)
            if isinstance(one, instrument.Instrument)
        ]
        self._percussion = any(_is_drums(one) for _, one in self._instruments) or any(
            _is_unpitched(one) for _, staff in staves for one in staff.recurse().notes
        )

    @property
    def name(self) -> str:
        """What the part is called, else its instrument."""
        called = [getattr(staff, "partName", None) for _, staff in self._staves]
        called += [one.instrumentName for _, one in self._instruments]
        return str(next(filter(None, called), ""))

    @property
    def program(self) -> int:
        """The General MIDI program of the first instrument.

        Many programs write a piano for every part: then what the part is called says more.
        """
        own = next((one.midiProgram or 0 for _, one in self._instruments), 0)
        return own or _program_called(self.name)

    def interpret(self) -> None:
        """Put dynamics and articulations into the velocities and the lengths of the notes."""
        loudness = Loudness([staff for _, staff in self._staves])
        for _, staff in self._staves:
            places = list(walk(staff, 0))
            for where, element in places:
                if isinstance(element, note.NotRest):
                    _interpret(element, loudness.at(where))

    def part(self, resolution: int, time: RealTime) -> SoundingPart:
        """What is heard of this player."""
        name = self.name
        messages: list[Message] = []
        elements = [one for offset, staff in self._staves for one in walk(staff, offset)]
        # Where no performance has brought its own, pedal marks are the only controllers.
        own = any(isinstance(element, PerformanceEvent) for _, element in elements)
        if not own:
            messages += [
                Message(time.second(where), Status.CONTROL, _SUSTAIN, value)
                for where, value in pedal_changes(elements)
            ]
        for offset, staff in self._staves:
            if self._percussion:
                _give_keys(staff)
            performance = performance_of_stream(staff, resolution=resolution)
            start = round(offset * resolution)
            times = time.seconds([tick + start for tick in performance.ticks])
            heard = part_of(performance, times).messages
            messages += [one for one in heard if own or one.status is not Status.CONTROL]
        if self._percussion:
            messages.sort(key=_order)
            return SoundingPart(tuple(messages), 0, True, name)
        messages += [
            Message(time.second(where), Status.PROGRAM, 0, one.midiProgram)
            for where, one in self._instruments
            if where > 0 and one.midiProgram is not None
        ]
        return SoundingPart(tuple(sorted(messages, key=_order)), self.program, False, name)


def players_of(score: AnyStream) -> list[Player]:
    """The players of *score*; the staves of a piano, or of an organ, are one player's."""
    parts = [(at, part) for at, part in parts_of(score) if part.recurse().notes]
    groups = groupby(
        enumerate(parts),
        lambda one: -1 if isinstance(one[1][1], stream.PartStaff) else one[0],
    )
    return [Player([placed for _, placed in group]) for _, group in groups]


@lru_cache(maxsize=256)
def _program_called(name: str) -> int:
    """The General MIDI program of an instrument called *name*, in the languages music21 knows."""
    try:
        return instrument.fromString(name).midiProgram or 0
    except Music21Exception:
        return 0


def _order(message: Message) -> tuple[float, int]:
    return message.time, _ORDER.index(message.status)


def _interpret(element: Any, base: float) -> None:
    """Give *element* its velocity and length; what a user has set himself is only stressed."""
    marks = element.articulations
    stress = 127 * sum(mark.volumeShift for mark in marks)
    for member in element.notes if isinstance(element, chord.ChordBase) else [element]:
        own = _velocity(member, element)
        struck = (base if own is None else own) + stress
        member.volume.velocity = round(min(127, max(1, struck)))
        member.volume.velocityIsRelative = False
    length = min([1.0, *(mark.lengthShift for mark in marks)])
    if length < 1 and not element.duration.isGrace:
        element.quarterLength = element.quarterLength * length


def _velocity(member: Any, element: Any) -> int | None:
    for one in (member, element):
        if one.hasVolumeInformation() and one.volume.velocity is not None:
            return int(one.volume.velocity)
    return None


def _is_drums(one: instrument.Instrument) -> bool:
    return isinstance(one, instrument.UnpitchedPercussion) or one.midiChannel == _DRUMS


def _is_unpitched(element: Any) -> bool:
    members = element.notes if isinstance(element, chord.ChordBase) else (element,)
    return any(isinstance(member, note.Unpitched) for member in members)


def _give_keys(staff: AnyStream) -> None:
    """Give what has no pitch the key that the drum kit has it on."""
    elements = [element for _, element in walk(staff, 0)]
    played: Any = None
    for element in elements:
        site: Any = element.activeSite
        if isinstance(element, instrument.Instrument):
            played = element
            site.remove(element)
        elif isinstance(element, note.NotRest) and _is_unpitched(element):
            members = element.notes if isinstance(element, chord.ChordBase) else [element]
            keys = sorted({_key(member, played) for member in members})
            new: Any = note.Note(keys[0]) if len(keys) == 1 else chord.Chord(keys)
            new.duration = element.duration
            new.volume.velocity = _velocity(members[0], element)
            site.replace(element, new)


def _key(member: Any, played: Any) -> int:
    """The key of a drum: by the note's own instrument, or the one that is *played* there."""
    if isinstance(member, note.Note):
        return int(member.pitch.midi)
    keys = (getattr(one, "percMapPitch", None) for one in (member.storedInstrument, played))
    return int(next((key for key in keys if key is not None), _SNARE))
