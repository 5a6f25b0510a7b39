"""Comping: chords of an accompaniment that are held until the next, under a line that moves freely.

So is a lead sheet played, and so are the solos that ``jazz`` was trained on: the chords of the Weimar
Jazz Database stand on beats, and most begin a bar or half of one. The soloist is ahead of the beat or
behind it by 60 ms and more, which is no rhythm to be written.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.metre import COMMON_TIME, Metre

__all__ = ["COMPED", "beats_of", "comping", "joined"]

Array = npt.NDArray[Any]

COMPED = (Metre(3, 4), COMMON_TIME)
"""The metres of such music."""

_NOTES, _SECONDS = 3, 0.3
"""A chord of the accompaniment has so many notes or more, and lasts so long."""

_AT_ONCE = 0.012
"""Seconds; its notes begin and end together: nobody plays them but a machine."""

_CHORDS, _FOLLOWING = 8, 0.5
"""There are so many such chords, and of them this share ends where the next begins."""

_COVERED, _ALONE = 0.4, 0.78
"""They sound for this share of the time, and this share of the other notes begins alone: a line. None
of 337 pieces of piano-midi.de is so (the nearest has a share of 0.77), and 56 of 76 solos."""

_NEXT = 0.03
"""Seconds within which one begins where the other ends."""

_LATE = 0.06
"""Seconds by which a line's note may miss its chord."""

_LEVELS = (3.0, 1.5, -3.0, -5.0)
"""What such a chord says, in nats, for a downbeat, a beat, half of one and anything finer."""


def comping(notes: Array) -> Array:
    """Which *notes* are chords of an accompaniment; none where the music is not of that kind.

    *notes* is ``(notes, 2)`` or wider, at least one: onset and end in seconds, in order of onset.
    """
    found = np.zeros(len(notes), bool)
    spans: dict[tuple[int, int], list[int]] = {}
    for index, (onset, end) in enumerate(np.round(notes[:, :2] / _AT_ONCE).astype(int).tolist()):
        spans.setdefault((onset, end), []).append(index)
    chords = [
        held
        for held in spans.values()
        if len(held) >= _NOTES and notes[held[0], 1] - notes[held[0], 0] >= _SECONDS
    ]
    if len(chords) < _CHORDS:
        return found
    chords.sort(key=lambda held: float(notes[held[0], 0]))
    following = [
        abs(notes[after[0], 0] - notes[before[0], 1]) <= _NEXT for before, after in pairwise(chords)
    ]
    if np.mean(following) < _FOLLOWING:
        return found
    found[[index for held in chords for index in held]] = True
    sounding = sum(float(notes[held[0], 1] - notes[held[0], 0]) for held in chords)
    covered = sounding >= _COVERED * float(notes[:, 1].max() - notes[0, 0])
    _, together = np.unique(np.round(notes[~found, 0] / _AT_ONCE), return_counts=True)
    alone = int((together == 1).sum()) >= _ALONE * int((~found).sum())
    return found & (covered and alone)


def joined(onsets: Array, comped: Array) -> Array:
    """The *onsets* (seconds), those of a line that nearly meet a comped chord at the chord's own."""
    chords = np.unique(onsets[comped])
    found: Array = onsets.copy()
    if not len(chords):
        return found
    line = np.flatnonzero(~comped)
    for chord in chords.tolist():
        first, last = np.searchsorted(onsets[line], (chord - _LATE, chord + _LATE))
        near = line[first:last]
        if len(near):
            nearest = onsets[near[np.abs(onsets[near] - chord).argmin()]]
            found[near[onsets[near] == nearest]] = chord
    return found


def beats_of(member: Array, comped: Array) -> Array:
    """What the comped notes say for each chord, ``(chords, 4)``; *member* is each note's chord."""
    found = np.zeros((int(member[-1]) + 1, len(_LEVELS)), np.float32)
    found[np.unique(member[comped])] = _LEVELS
    return found
