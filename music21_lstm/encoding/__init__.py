"""The language: events, performances, their text and their MIDI files.

Needs neither music21 nor TensorFlow.
"""

from music21_lstm.encoding.events import (
    MAX_DELTA,
    MAX_RESOLUTION,
    ControlChange,
    Event,
    KeySignature,
    NoteOff,
    NoteOn,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import Loss, Performance, PerformedNote

__all__ = [
    "MAX_DELTA",
    "MAX_RESOLUTION",
    "ControlChange",
    "Event",
    "KeySignature",
    "Loss",
    "NoteOff",
    "NoteOn",
    "Performance",
    "PerformedNote",
    "SetTempo",
    "TimeSignature",
]
