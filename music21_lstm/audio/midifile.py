"""A MIDI file as an ensemble: every channel with its program, drums, corners and pedals included.

:func:`music21_lstm.read` makes one performance of a MIDI file, the thing that a model learns from.
To hear a file all that a synthesizer understands is kept, each channel by itself.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from music21_lstm.audio.ensemble import Beat, Ensemble, Message, SoundingPart, Status, beats_at
from music21_lstm.encoding import midi as midifiles
from music21_lstm.encoding.performance import DEFAULT_MPQN, Loss

__all__ = ["ensemble_of_midi"]

_BANK_SELECT = 0
_DRUM_BANK = 128
_PORT_CHANNELS = 16


@dataclass(slots=True)
class _Channel:
    """One channel of one port: what it is told, and the names of the tracks that speak to it."""

    percussion: bool
    names: dict[str, None] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    bank: int = 0
    program: int | None = None


def ensemble_of_midi(
    source: str | os.PathLike[str] | bytes | BinaryIO, *, track: int | str | None = None
) -> Ensemble:
    """Read a MIDI file of type 0, 1 or 2 to be heard.

    *track* chooses one track by number, name or ``most notes``, as :func:`read_midi` does; tempo
    and metre count from any. The tracks of a type 2 file follow one another.

    Raises the errors of :func:`~music21_lstm.encoding.midi.read_midi`.
    """
    name, data = midifiles.named_bytes(source)
    parsed, mended = midifiles.parse_midi(name, data)
    chosen = None if track is None else midifiles.chosen_track(name, parsed.tracks, track)
    if parsed.type == 2:
        wanted = [(n, t) for n, t in enumerate(parsed.tracks) if chosen in (None, n)]
        pieces = [[(number, each)] for number, each in wanted]
    else:
        pieces = [list(enumerate(parsed.tracks))]
    reading = _Reading(parsed.ticks_per_beat)
    reading.losses.update(mended)
    for piece in pieces:
        reading.add(piece, chosen)
    return reading.ensemble()


class _Reading:
    """What the tracks have said so far."""

    def __init__(self, division: int) -> None:
        self.losses: Counter[str] = Counter()
        self._channels: dict[int, _Channel] = {}
        self._beats: list[Beat] = []
        self._end = 0.0
        self._mpqn: int | None = None
        self._resolution = division
        if division <= 0:
            # Counted in SMPTE frames: no tempo, and "29" is 30 frames in 1.001 seconds.
            frames, ticks = 256 - (division >> 8 & 0xFF), division & 0xFF
            self._mpqn = 1_001_000 if frames == 29 else 1_000_000
            self._resolution = (30 if frames == 29 else frames) * ticks

    def add(self, tracks: Iterable[tuple[int, Any]], chosen: int | None) -> None:
        """The *tracks* of one piece, side by side, after what was there before."""
        rows: list[tuple[int, int, str, Any]] = []
        for number, track in tracks:
            tick, port = 0, 0
            name = str(getattr(track, "name", "")).strip()
            for message in track:
                tick += message.time
                if message.type == "midi_port":
                    port = message.port
                elif message.is_meta or chosen in (None, number):
                    rows.append((tick, port, name, message))
        rows.sort(key=lambda row: row[0])
        start = time = self._end
        corners: list[tuple[int, float]] = []  # Between these the tempo is steady.
        for time, (tick, port, name, message) in zip(self._times(rows), rows, strict=True):
            self._hear(time, port, name, message)
            if message.type == "set_tempo":
                corners.append((tick, time - start))
        if rows:
            self._add_beats(rows, [*corners, (rows[-1][0], time - start)])
        self._end = time

    def _times(self, rows: Iterable[tuple[int, int, str, Any]]) -> Iterator[float]:
        """The time of each row in seconds; summed in whole numbers, so that no error adds up."""
        elapsed, last, mpqn = 0, 0, self._mpqn or DEFAULT_MPQN
        scale = self._resolution * 1_000_000
        for tick, _, _, message in rows:
            elapsed += (tick - last) * mpqn
            last = tick
            if message.type == "set_tempo" and message.tempo and self._mpqn is None:
                mpqn = message.tempo
            yield self._end + elapsed / scale

    def _hear(self, time: float, port: int, name: str, message: Any) -> None:
        """One message for its channel; what a synthesizer does not understand is counted."""
        if message.is_meta or message.type == "sysex":
            self.losses["system exclusive message"] += message.type == "sysex"
            return
        number = getattr(message, "channel", None)
        if number is None:
            return
        key = port * _PORT_CHANNELS + number
        if key not in self._channels:
            self._channels[key] = _Channel(number == midifiles.PERCUSSION_CHANNEL)
        channel = self._channels[key]
        match message.type:
            case "note_on" if message.velocity:
                channel.names.setdefault(name)
                what = Status.NOTE_ON, message.note, message.velocity
            case "note_on" | "note_off":
                what = Status.NOTE_OFF, message.note, message.velocity
            case "control_change" if message.control == _BANK_SELECT:
                channel.bank = message.value
                return
            case "control_change":
                what = Status.CONTROL, message.control, message.value
            case "program_change":
                bank = _DRUM_BANK if channel.percussion else channel.bank
                if channel.program is None:
                    channel.program = message.program
                what = Status.PROGRAM, bank, message.program
            case "pitchwheel":
                what = Status.BEND, message.pitch + 8192, 0
            case "aftertouch":
                what = Status.PRESSURE, message.value, 0
            case _:
                self.losses["key pressure"] += message.type == "polytouch"
                return
        channel.messages.append(Message(time, *what))

    def _add_beats(
        self, rows: list[tuple[int, int, str, Any]], corners: list[tuple[int, float]]
    ) -> None:
        """The beats of a piece that starts where the last one ended; *corners* are since then."""
        metres = [
            (tick, message.numerator, message.denominator)
            for tick, _, _, message in rows
            if message.type == "time_signature" and message.numerator > 0
        ]
        beats = beats_at(self._resolution, metres, *zip(*corners, strict=True))
        self._beats += [Beat(time + self._end, first) for time, first in beats]

    def ensemble(self) -> Ensemble:
        """All channels that have a note, in order."""
        parts = tuple(
            SoundingPart(
                channel.messages,
                channel.program or 0,
                channel.percussion,
                ", ".join(filter(None, channel.names)) or f"channel {key % _PORT_CHANNELS + 1}",
            )
            for key, channel in sorted(self._channels.items())
            if channel.names
        )
        losses = tuple(Loss(what, count) for what, count in sorted(self.losses.items()) if count)
        return Ensemble(parts, tuple(self._beats), losses)
