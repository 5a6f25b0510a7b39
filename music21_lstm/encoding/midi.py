"""MIDI files to performances and back.

mido does the parsing. What a performance cannot hold is never dropped in silence: it is counted in
``Performance.losses``.
"""

from __future__ import annotations

import io
import os
import re
import struct
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import mido
from mido.midifiles.meta import KeySignatureError

from music21_lstm.encoding.events import (
    ControlChange,
    Event,
    KeySignature,
    Mode,
    NoteOff,
    NoteOn,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import DEFAULT_MPQN, Loss, Performance
from music21_lstm.errors import EventError, MidiError
from music21_lstm.files import read_bytes, write_bytes
from music21_lstm.memory import growing

__all__ = [
    "MOST_NOTES",
    "TrackSummary",
    "chosen_track",
    "is_midi",
    "midi_bytes",
    "midi_tracks",
    "named_bytes",
    "parse_midi",
    "read_midi",
    "write_midi",
]

MOST_NOTES = "most notes"
"""As *track*: the track with the most notes."""

PERCUSSION_CHANNEL = 9
"""Channel 10 as musicians count; General MIDI keeps it for percussion."""

_MAJOR = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINOR = ("Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")
_KEY_NAMES: dict[str, tuple[int, Mode]] = {
    **{name: (place - 7, "major") for place, name in enumerate(_MAJOR)},
    **{f"{name}m": (place - 7, "minor") for place, name in enumerate(_MINOR)},
}
_NAME_OF_KEY = {key: name for name, key in _KEY_NAMES.items()}

_LOSS_NAMES = {
    "pitchwheel": "pitch bend",
    "program_change": "program change",
    "aftertouch": "channel pressure",
    "polytouch": "key pressure",
    "sysex": "system exclusive message",
    "text": "text",
    "track_name": "track name",
}
_UNTIMED = frozenset({"set_tempo", "time_signature", "key_signature"})
"""Meta events that count for all tracks, whichever is chosen."""

Row = tuple[int, Any, tuple[Any, ...]]
"""Absolute tick, kind of event, its fields after the delta."""


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """One track of a MIDI file: its place from 0, *name*, counts and pitch range."""

    number: int
    name: str
    notes: int
    percussion_notes: int
    control_changes: int
    tempo_changes: int
    channels: tuple[int, ...]
    lowest: int | None
    highest: int | None


def read_midi(
    source: str | os.PathLike[str] | bytes | BinaryIO,
    *,
    track: int | str | None = None,
    percussion: bool = False,
) -> Performance:
    """Read a MIDI file of type 0, 1 or 2; the inverse of :func:`midi_bytes`.

    *track* chooses one track by number (from 0), by name, or :data:`MOST_NOTES`; otherwise all are
    merged (in a file of type 2, whose tracks are pieces of their own, they follow one another). Tempo
    map, time and key signatures are kept from any track. Channels are merged into one; channel 10 is
    left out unless *percussion* is asked for. ``losses`` of the result lists what was left out.

    Raises :class:`~music21_lstm.errors.MidiError` for what is no MIDI file or is truncated, and
    :class:`~music21_lstm.errors.FileError` for a file that cannot be read.
    """
    name, data = named_bytes(source)
    try:
        with growing():
            midi, losses = parse_midi(name, data)
            reading = _Reading(percussion)
            reading.losses.update(losses)
            rows = _rows(name, midi, track, reading)
            resolution, rows = _metric_time(midi.ticks_per_beat, rows, reading)
            return Performance(resolution, _events(rows), reading.report())
    except EventError as error:
        raise MidiError(f"{name}: {error}") from None


def midi_tracks(source: str | os.PathLike[str] | bytes | BinaryIO) -> list[TrackSummary]:
    """What each track of a MIDI file holds, to choose one by."""
    midi, _ = parse_midi(*named_bytes(source))
    return [_summary(number, track) for number, track in enumerate(midi.tracks)]


def midi_bytes(performance: Performance) -> bytes:
    """A MIDI file of type 0 with the *performance*; the inverse of :func:`read_midi`.

    Notes have no channel of their own: they go to the one that most control changes are on (0 if
    there are none, and never the percussion's), so that a pedal is heard.
    """
    used = Counter(e.channel for e in performance.events if isinstance(e, ControlChange))
    used.pop(PERCUSSION_CHANNEL, None)
    channel = min(used, key=lambda c: (-used[c], c)) if used else 0
    track = mido.MidiTrack(_message(event, channel) for event in performance.events)
    track.append(mido.MetaMessage("end_of_track", time=0))
    midi = mido.MidiFile(type=0, ticks_per_beat=performance.resolution)
    midi.tracks.append(track)
    buffer = io.BytesIO()
    midi.save(file=buffer)
    return buffer.getvalue()


def write_midi(performance: Performance, path: str | os.PathLike[str]) -> None:
    """Write :func:`midi_bytes` to *path*, whole or not at all."""
    write_bytes(path, midi_bytes(performance))


# --- reading -----------------------------------------------------------------------------------


def named_bytes(source: str | os.PathLike[str] | bytes | BinaryIO) -> tuple[str, bytes]:
    """The source's bytes, with a name for messages."""
    if isinstance(source, bytes):
        return "MIDI data", source
    if isinstance(source, str | os.PathLike):
        return str(Path(source)), read_bytes(source)
    return str(getattr(source, "name", "MIDI data")), source.read()


def is_midi(data: bytes) -> bool:
    """Whether *data* are those of a MIDI file, in a RIFF file or not."""
    return data.startswith(b"MThd") or (data[:4], data[8:12]) == (b"RIFF", b"RMID")


def parse_midi(name: str, data: bytes) -> tuple[Any, Counter[str]]:
    """Mido's reading of *data*, mending what many programs write wrongly."""
    if not data:
        raise MidiError(f"{name}: the file is empty; get a whole copy")
    data, losses = _unwrapped(data)
    if not data.startswith(b"MThd"):
        raise MidiError(
            f"{name}: not a MIDI file (it starts with {data[:8]!r}, not b'MThd'); "
            "if it is notetext, name it .notetext"
        )
    clip = False
    # Each mend is tried once: first as written, then without the fault that mido met.
    for _ in range(3):
        try:
            return mido.MidiFile(file=io.BytesIO(data), clip=clip), losses
        except KeySignatureError:
            data, count = _without_bad_key_signatures(data)
            losses["key signature that is none"] += count
        except EOFError:
            raise MidiError(
                f"{name}: the MIDI file is truncated (its last track is cut off after "
                f"{len(data)} bytes); get a whole copy"
            ) from None
        except (OSError, ValueError, LookupError, TypeError, struct.error) as error:
            if clip or "data byte" not in str(error):
                raise MidiError(
                    f"{name}: a damaged MIDI file ({error}); get a sound copy"
                ) from None
            clip = True
            losses["data bytes over 127 (clamped)"] += 1
    raise MidiError(f"{name}: a damaged MIDI file (its key signatures); get a sound copy")


def _unwrapped(data: bytes) -> tuple[bytes, Counter[str]]:
    """*data* as mido wants them: out of a RIFF file, and without chunks that are no tracks.

    The standard says to pass over those; what is after the last whole track is left for mido.
    """
    losses: Counter[str] = Counter()
    if data.startswith(b"RIFF") and data[8:16] == b"RMIDdata":
        data = data[20 : 20 + int.from_bytes(data[16:20], "little")]
    if not data.startswith(b"MThd") or len(data) < 14:
        return data, losses
    place = 8 + int.from_bytes(data[4:8], "big")
    kept, tracks = [data[:place]], 0
    while place + 8 <= len(data):
        kind, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "big")
        if kind != b"MTrk" and not (kind.isalnum() and place + 8 + length <= len(data)):
            break
        if kind == b"MTrk":
            kept.append(data[place : place + 8 + length])
            tracks += 1
        else:
            losses["chunk that is no track"] += 1
        place += 8 + length
    told = int.from_bytes(data[10:12], "big")
    if losses or told < tracks:
        kept[0] = data[:10] + tracks.to_bytes(2, "big") + data[12 : len(kept[0])]
        return b"".join(kept), losses
    return data, losses


def _without_bad_key_signatures(data: bytes) -> tuple[bytes, int]:
    """*data* with impossible key signatures turned into sequencer-specific events of equal length.

    Only for a file that mido has rejected for one; it would lose the whole file.
    """
    count = 0

    def mend(found: re.Match[bytes]) -> bytes:
        nonlocal count
        sharps, mode = struct.unpack("bb", found[1])
        if -7 <= sharps <= 7 and mode in (0, 1):
            return found[0]
        count += 1
        return b"\xff\x7f\x02" + found[1]

    return re.sub(rb"\xff\x59\x02(..)", mend, data, flags=re.DOTALL), count


@dataclass(slots=True)
class _Reading:
    """What is kept of the tracks, and the report of what is not."""

    percussion: bool
    losses: Counter[str] = field(default_factory=Counter)
    channels: set[int] = field(default_factory=set)
    note_tracks: list[str] = field(default_factory=list)
    joined: str = "track merged into one"

    def report(self) -> list[Loss]:
        losses = [Loss(what, count) for what, count in sorted(self.losses.items()) if count]
        if len(self.channels) > 1:
            numbers = ", ".join(str(channel + 1) for channel in sorted(self.channels))
            losses.append(
                Loss("channel merged into one", len(self.channels), f"channels {numbers}")
            )
        if len(self.note_tracks) > 1:
            names = ", ".join(name or "unnamed" for name in self.note_tracks)
            losses.append(Loss(self.joined, len(self.note_tracks), names))
        return losses

    def rows(self, track: Iterable[Any], *, notes: bool = True, start: int = 0) -> list[Row]:
        """The rows of one track; of a track that was not chosen only what counts for all."""
        rows: list[Row] = []
        add = rows.append
        tick, last, found = start, start, 0
        for message in track:
            tick += message.time
            kind = message.type
            if not notes and kind not in _UNTIMED:
                continue
            if kind == "note_on" or kind == "note_off":
                if message.channel == PERCUSSION_CHANNEL and not self.percussion:
                    self.losses["percussion note left out (channel 10)"] += (
                        kind == "note_on" and message.velocity > 0
                    )
                    continue
                self.channels.add(message.channel)
                found += 1
                if kind == "note_off":
                    add((tick, NoteOff, (message.note, message.velocity)))
                elif message.velocity:
                    add((tick, NoteOn, (message.note, message.velocity)))
                else:
                    add((tick, NoteOff, (message.note, 0, True)))
            elif kind == "control_change":
                if message.channel == PERCUSSION_CHANNEL and not self.percussion:
                    self.losses["percussion control change left out (channel 10)"] += 1
                    continue
                add((tick, ControlChange, (message.channel, message.control, message.value)))
            elif kind in _UNTIMED:
                row = self._signature(kind, message)
                if row is None:
                    continue
                add((tick, *row))
            elif kind == "end_of_track":
                self.losses["tick of silence after the last event"] += tick - last
                continue
            else:
                self.losses[_LOSS_NAMES.get(kind, kind.replace("_", " "))] += 1
                continue
            last = tick
        if found:
            self.note_tracks.append(_name_of(track))
        return rows

    def _signature(self, kind: str, message: Any) -> tuple[Any, tuple[Any, ...]] | None:
        if kind == "set_tempo":
            if message.tempo:
                return SetTempo, (round(60_000_000 / message.tempo), message.tempo)
            self.losses["tempo of 0 microseconds a quarter"] += 1
            return None
        if kind == "key_signature":
            return KeySignature, _KEY_NAMES[message.key]
        if message.numerator < 1 or message.denominator > 128:
            self.losses["time signature that is none"] += 1
            return None
        if message.notated_32nd_notes_per_beat != 8:
            self.losses["time signature with other than eight 32nds a quarter"] += 1
        return TimeSignature, (message.numerator, message.denominator)


def _rows(name: str, midi: Any, track: int | str | None, reading: _Reading) -> list[Row]:
    """Every kept event of the file with its absolute tick, in order."""
    if track is not None:
        chosen = chosen_track(name, midi.tracks, track)
        # The tracks of a type 2 file are independent: another's tempo map means nothing here.
        tracks = [midi.tracks[chosen]] if midi.type == 2 else midi.tracks
        rows = [
            row
            for other in tracks
            for row in reading.rows(other, notes=other is midi.tracks[chosen])
        ]
    elif midi.type == 2:
        rows, start = [], 0
        reading.joined = "piece that follows another"
        for each in midi.tracks:
            # Each track is a piece of its own, and starts in MIDI's tempo unless it says another.
            rows += [(start, SetTempo, (120, DEFAULT_MPQN))] if start else []
            rows += reading.rows(each, start=start)
            start += sum(message.time for message in each)
    else:
        rows = [row for each in midi.tracks for row in reading.rows(each)]
    if len(midi.tracks) > 1:
        rows.sort(key=lambda row: row[0])
        # Silence at the end of one track is not lost while another plays on.
        reading.losses.pop("tick of silence after the last event", None)
    return rows


def _events(rows: Iterable[Row]) -> Iterable[Event]:
    last = 0
    for tick, make, fields in rows:
        yield make(tick - last, *fields)
        last = tick


def _metric_time(division: int, rows: list[Row], reading: _Reading) -> tuple[int, list[Row]]:
    """Ticks per quarter; a division of SMPTE frames becomes its ticks a second at 60 a minute."""
    if division > 0:
        return division, rows
    frames, ticks = 256 - (division >> 8 & 0xFF), division & 0xFF
    kept = [row for row in rows if row[1] is not SetTempo]
    reading.losses["tempo in a file that counts in SMPTE frames"] += len(rows) - len(kept)
    # "29" stands for 30 frames, numbered with gaps, in 1.001 seconds.
    frames, mpqn = (30, 1_001_000) if frames == 29 else (frames, 1_000_000)
    return frames * ticks, [(0, SetTempo, (60, mpqn)), *kept]


def chosen_track(name: str, tracks: list[Any], track: int | str) -> int:
    """The number of the track that *track* names."""
    summaries = [_summary(number, each) for number, each in enumerate(tracks)]
    if track == MOST_NOTES:
        return max(summaries, key=lambda one: (one.notes, -one.number)).number
    for one in summaries:
        if track == one.number or track == one.name:
            return one.number
    known = ", ".join(f"{one.number} {one.name!r}" for one in summaries[:20])
    raise MidiError(f"{name}: no track {track!r}; it has {known}")


def _name_of(track: Any) -> str:
    """The name of a mido track, which reads any as Latin-1: as UTF-8 where it is that."""
    name = str(getattr(track, "name", ""))
    with suppress(UnicodeError):
        name = name.encode("latin-1").decode("utf-8")
    return name.strip()


def _summary(number: int, track: Any) -> TrackSummary:
    """Count what is in one mido track."""
    ons = [m for m in track if m.type == "note_on" and m.velocity]
    melodic = [m.note for m in ons if m.channel != PERCUSSION_CHANNEL]
    kinds = Counter(m.type for m in track)
    return TrackSummary(
        number=number,
        name=_name_of(track),
        notes=len(melodic),
        percussion_notes=len(ons) - len(melodic),
        control_changes=kinds["control_change"],
        tempo_changes=kinds["set_tempo"],
        channels=tuple(sorted({m.channel + 1 for m in ons})),
        lowest=min(melodic, default=None),
        highest=max(melodic, default=None),
    )


# --- writing -----------------------------------------------------------------------------------


def _message(event: Event, channel: int) -> Any:
    """The mido message of one event."""
    time = event.delta
    match event:
        case NoteOn(_, pitch, velocity):
            return mido.Message(
                "note_on", channel=channel, note=pitch, velocity=velocity, time=time
            )
        case NoteOff(_, pitch, velocity):
            kind = "note_on" if event.as_note_on and velocity == 0 else "note_off"
            return mido.Message(kind, channel=channel, note=pitch, velocity=velocity, time=time)
        case ControlChange(_, own, control, value):
            return mido.Message(
                "control_change", channel=own, control=control, value=value, time=time
            )
        case SetTempo(_, _, mpqn):
            return mido.MetaMessage("set_tempo", tempo=mpqn, time=time)
        case TimeSignature(_, numerator, denominator):
            return mido.MetaMessage(
                "time_signature", numerator=numerator, denominator=denominator, time=time
            )
        case KeySignature(_, sharps, mode):
            key = _NAME_OF_KEY[sharps, mode]
            return mido.MetaMessage("key_signature", key=key, time=time)
