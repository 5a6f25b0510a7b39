"""Performances made of notes, for the tests."""

from __future__ import annotations

from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.encoding.performance import with_deltas


def of_notes(notes, resolution=480, signs=()):
    """A performance of (onset, end, pitch, velocity) in ticks, and of *signs*: (tick, event).

    At one tick the signs come first, then what ends, then what starts.
    """
    timed = [(tick, 0, event) for tick, event in signs]
    for onset, end, pitch, velocity in notes:
        timed += [(onset, 2, NoteOn(0, pitch, velocity)), (end, 1, NoteOff(0, pitch))]
    timed.sort(key=lambda entry: entry[:2])
    return Performance(resolution, with_deltas((tick, event) for tick, _, event in timed))
