"""What a synthesizer is told, and when: a performance as MIDI messages at frames of sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from music21_lstm.encoding.events import ControlChange, NoteOff, NoteOn
from music21_lstm.encoding.performance import Performance

__all__ = ["GRAIN", "Status", "SynthEvent", "timeline"]

GRAIN = 64
"""FluidSynth computes 64 frames at a time, and hears of events only between: 1.5 ms at 44.1 kHz."""

REVERB_SEND = 91
REVERB = 80
PEDALS = (64, 66)
"""Sustain and sostenuto: they hold notes whose keys were let go."""

UNRELEASED_SECONDS = 0.5
"""The least that a note without a note off sounds, where the performance ends before."""

_UNHEARD = frozenset({0, 32, 124, 125, 126, 127})
"""Controllers that would set the synthesizer up anew: bank select, and the channel modes."""


class Status(IntEnum):
    """The kind of a MIDI message: the upper half of its status byte."""

    NOTE_OFF = 0x80
    NOTE_ON = 0x90
    CONTROL = 0xB0
    PROGRAM = 0xC0


class SynthEvent(NamedTuple):
    """A MIDI message for a *channel* at a *frame*; *first* and *second* are its data.

    They are a note's pitch and velocity, a controller's number and value, or bank and program.
    """

    frame: int
    channel: int
    status: Status
    first: int
    second: int


def timeline(
    performance: Performance,
    sample_rate: int,
    *,
    program: int = 0,
    channel: int = 0,
    until: float | None = None,
) -> list[SynthEvent]:
    """A performance as messages for one *channel*, in order, by its own tempo map.

    Each message stands at the multiple of :data:`GRAIN` frames that is nearest to its time. Of a
    pitch that is struck again while it sounds the first note off is the first note's, as in
    :attr:`Performance.notes`, so its key is let go with the last. Control changes of any channel
    act on this one, since the notes of a performance have none. At the end, which comes after
    *until* seconds if not before, every key and pedal is let go. Unless the performance has a
    reverb send of its own (controller 91), a moderate one comes first: a bank may leave its piano
    dry.

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> tune = Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60)])
    >>> for message in timeline(tune, 48000)[2:4]:
    ...     print(message.frame, message.status.name, message.first, message.second)
    0 NOTE_ON 60 80
    24000 NOTE_OFF 60 64
    """
    messages = [SynthEvent(0, channel, Status.PROGRAM, 0, program)]
    if not any(e.__class__ is ControlChange and e.control == REVERB_SEND for e in performance):
        messages.append(SynthEvent(0, channel, Status.CONTROL, REVERB_SEND, REVERB))
    struck: Counter[int] = Counter()
    shortest = _grain(UNRELEASED_SECONDS, sample_rate)
    end, earliest = 0, 0
    for time, event in zip(performance.times, performance.events, strict=True):
        if until is not None and time >= until:
            end = earliest = _grain(until, sample_rate)
            break
        end = frame = _grain(time, sample_rate)
        match event:
            case NoteOn(_, pitch, velocity):
                struck[pitch] += 1
                earliest = frame + shortest
                messages.append(SynthEvent(frame, channel, Status.NOTE_ON, pitch, velocity))
            case NoteOff(_, pitch, velocity) if struck[pitch]:
                struck[pitch] -= 1
                if not struck[pitch]:
                    messages.append(SynthEvent(frame, channel, Status.NOTE_OFF, pitch, velocity))
            case ControlChange(_, _, control, value) if control not in _UNHEARD:
                messages.append(SynthEvent(frame, channel, Status.CONTROL, control, value))
    left = [(channel, pitch) for pitch, count in struck.items() if count]
    messages += releases(max(end, earliest) if left else end, left, [channel])
    return messages


def releases(frame: int, keys: list[tuple[int, int]], channels: list[int]) -> Iterator[SynthEvent]:
    """The messages that let go the *keys*, ``(channel, pitch)``, and the pedals of *channels*."""
    for channel, pitch in keys:
        yield SynthEvent(frame, channel, Status.NOTE_OFF, pitch, 64)
    for channel in channels:
        for pedal in PEDALS:
            yield SynthEvent(frame, channel, Status.CONTROL, pedal, 0)


def _grain(seconds: float, sample_rate: int) -> int:
    return round(seconds * sample_rate / GRAIN) * GRAIN
