"""How a performance is read for copies: one line of notes, in any key and at any tempo.

Piano music has no one melody, so all notes count. Notes struck together are a chord and stand from
low to high, as far apart as fingers (and recordings) make them; so the line is the same however a
chord is spread. A note is then told by its *step*: the interval from the note before it, and whether
it belongs to the same chord or comes after a time as long as, shorter or longer than the one before
(the ratio of two inter-onset intervals, parted at √2). No key, tempo, loudness or duration is left.

A *mark* is a hash of the five steps of six notes (a shingle; Broder 1997, and Schleimer, Wilkerson
and Aiken 2003). Three marks in a row are a run of eight notes: :data:`RUN`. docs/originality.md has
the figures behind each of these choices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from music21_lstm.encoding.performance import Performance
from music21_lstm.model.config import TimeBase

__all__ = [
    "CHORD",
    "GAP",
    "MARK_NOTES",
    "RUN",
    "Line",
    "figures",
    "line_of",
    "marks",
    "shingled",
    "step_after",
]

Ints = NDArray[np.int64]
Marks = NDArray[np.uint16]

RUN = 8
"""The notes of the shortest run that is looked for."""

MARK_NOTES = 6
"""The notes that a mark is made of; ``RUN - MARK_NOTES + 1`` marks in a row are a run."""

GAP: dict[TimeBase, int] = {"played": 50, "written": 0}
"""Onsets no further apart than this belong to one chord: milliseconds as played, ticks as written.

It is measured from each onset to the next, so whether two notes are together is theirs alone to say.
"""

CHORD, EVEN, SHORTER, LONGER = range(4)
"""How a note follows: in the same chord, or after a time as long as the one before, or not."""

_ROOT = 2**0.5
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93,
     0xA0761D6478BD642F], np.uint64,
)  # fmt: skip
_MIX = np.uint64(0xFF51AFD7ED558CCD)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The notes of a performance in the order in which they are compared; each array is (n,).

    *pitch*; *step*: :data:`CHORD`, ``EVEN``, ``SHORTER`` or ``LONGER``; *note*: the place in
    ``performance.notes``. A pitch struck twice in one chord is there once.
    """

    pitch: Ints
    step: Ints
    note: Ints

    def __len__(self) -> int:
        return len(self.pitch)


def line_of(performance: Performance, time_base: TimeBase) -> Line:
    """The notes of *performance* as a :class:`Line`, on the clock of *time_base*.

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> spread = Performance(500, [NoteOn(0, 64, 80), NoteOn(9, 60, 70), NoteOn(300, 67, 80)])
    >>> line = line_of(spread, "played")
    >>> line.pitch.tolist(), line.step.tolist(), line.note.tolist()
    ([60, 64, 67], [1, 0, 1], [1, 0, 2])
    """
    notes = (performance.played() if time_base == "played" else performance).notes
    onset = np.array([note.onset for note in notes], np.int64)
    pitch = np.array([note.pitch for note in notes], np.int64)
    starts = np.diff(onset, prepend=onset[:1] - GAP[time_base] - 1) > GAP[time_base]
    chord = np.cumsum(starts) - 1
    _, places = np.unique(chord * 128 + pitch, return_index=True)
    chord, pitch = chord[places], pitch[places]
    step = _steps(onset[starts])[chord]
    step[np.diff(chord, prepend=-1) == 0] = CHORD
    return Line(pitch, step, places.astype(np.int64))


def _steps(onset: Ints) -> Ints:
    """How each chord follows the one before; *onset* is that of its first note."""
    step = np.full(len(onset), EVEN, np.int64)
    interval = np.diff(onset)
    ratio = interval[1:] / interval[:-1]
    step[2:][ratio < 1 / _ROOT] = SHORTER
    step[2:][ratio > _ROOT] = LONGER
    return step


def step_after(onsets: Sequence[int | Fraction]) -> int:
    """How the last of three chords follows the two before; of fewer, ``EVEN``.

    >>> step_after([0, 100, 200]), step_after([0, 100, 150]), step_after([0, 100])
    (1, 2, 1)
    """
    if len(onsets) < 3:
        return EVEN
    first, second, third = onsets
    ratio = float(Fraction(third - second) / Fraction(second - first))
    return SHORTER if ratio < 1 / _ROOT else LONGER if ratio > _ROOT else EVEN


def shingled(line: Line) -> Marks:
    """The mark of each note of *line* from the sixth on, (n − 5,): of it and the five before."""
    if len(line) < MARK_NOTES:
        return np.zeros(0, np.uint16)
    return marks(
        sliding_window_view(line.pitch, MARK_NOTES), sliding_window_view(line.step, MARK_NOTES)
    )


def marks(pitch: Ints, step: Ints) -> Marks:
    """The marks of windows of six notes, (k, 6) each: 1 to 65535, for 0 stands for none."""
    steps = (np.diff(pitch) * 4 + step[:, 1:]).astype(np.uint64)
    mixed = (steps * _FACTORS).sum(axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(31)
    mixed *= _MIX
    mixed ^= mixed >> np.uint64(29)
    mixed *= _MIX
    result: Marks = (mixed % np.uint64(65535) + np.uint64(1)).astype(np.uint16)
    return result


def figures(pitch: Ints) -> NDArray[np.bool_]:
    """Whether windows of eight notes, (k, 8), are mere figures, which belong to nobody.

    They have at most three different pitch classes (repeated notes and chords, trills, tremolos,
    octaves, broken triads, Alberti basses), or they go all up or all down by a semitone or a tone,
    one by one or in pairs (scales; scales in thirds, sixths, octaves).

    >>> figures(np.array([[60, 67, 64, 67, 60, 67, 64, 67], [60, 62, 64, 65, 67, 69, 71, 72],
    ...     [67, 67, 69, 67, 72, 71, 67, 67]])).tolist()
    [True, True, False]
    """
    classes = np.sort(pitch % 12, axis=1)
    few = (np.diff(classes, axis=1) != 0).sum(axis=1) < 3
    for voices in (1, 2):
        move = pitch[:, voices:] - pitch[:, :-voices]
        few |= ((move > 0) & (move <= 2)).all(axis=1) | ((move < 0) & (move >= -2)).all(axis=1)
    result: NDArray[np.bool_] = few
    return result
