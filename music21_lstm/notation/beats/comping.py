"""Comping: chords of an accompaniment that are held until the next, under a line that moves freely.

So is a lead sheet played, and so are the solos that ``jazz`` was trained on: the chords of the Weimar
Jazz Database stand on beats, and most begin a bar or half of one. The soloist is ahead of the beat or
behind it by 60 ms and more, which is no rhythm to be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.encoding.performance import PerformedNote
from music21_lstm.notation.metre import COMMON_TIME, Metre

__all__ = ["COMPED", "beats_of", "comping", "joined", "nested", "on_time", "starts_of"]

Array = npt.NDArray[Any]

COMPED = (Metre(3, 4), COMMON_TIME)
"""The metres of such music."""

_NOTES, _SECONDS = 3, 0.3
"""A chord of the accompaniment has so many notes or more, and lasts so long."""

_AT_ONCE = 0.012
"""Seconds; its notes begin and end together: nobody plays them but a machine."""

_CHORDS, _FOLLOWING = 8, 0.5
"""There are so many such chords, and of them this share ends where the next begins."""

_COVERED = 0.4
"""They sound for this share of the time from the first to the last."""

_ALONE, _CLASSES, _CLASS = 0.875, 2.5, 0.1
"""This share of the other notes begins alone: a line; less, by a tenth for each, if the chords have
more pitch classes than so many, as jazz has. None of 337 pieces of piano-midi.de is so (Sinding's
*Rustle of Spring* has 0.86, less than 0.4 covered; the *Moonlight* 0.79), and 58 of 66 solos."""

_NEXT = 0.03
"""Seconds within which one begins where the other ends."""

_LATE = 0.06
"""Seconds by which a line's note may miss its chord."""

_LAGS: Array = np.arange(-0.05, 0.081, 0.005)
"""By how many seconds a line may lag behind its beats."""

_TOUCH = 0.025
"""Seconds; the deviation of a note that is meant for a beat."""

_LEVELS = (3.0, 1.5, -3.0, -5.0)
"""What such a chord says, in nats, for a downbeat, a beat, half of one and anything finer."""


def comping(notes: Array) -> Array:
    """Which *notes* are chords of an accompaniment; none where the music is not of that kind.

    *notes* is ``(notes, 3)`` or wider, at least one: onset and end in seconds, in order of onset, and
    pitch.
    """
    found = np.zeros(len(notes), bool)
    chords = [struck for struck in _struck_together(notes, _NOTES) if _is_held(notes, struck)]
    if len(chords) < _CHORDS:
        return found
    spans = np.array([(notes[struck[0], 0], notes[struck, 1].max()) for struck in chords])
    if np.mean(np.abs(spans[1:, 0] - spans[:-1, 1]) <= _NEXT) < _FOLLOWING:
        return found
    found[np.concatenate(chords)] = True
    first, last = spans[0, 0], spans[:, 1].max()
    covered = np.diff(spans).sum() >= _COVERED * (last - first)
    line = notes[~found, 0]
    _, together = np.unique(np.round(line / _AT_ONCE), return_counts=True)
    richer = np.mean([_classes(notes, struck) for struck in chords]) - _CLASSES
    alone = (together == 1).sum() >= (_ALONE - _CLASS * richer) * len(line)
    return _members(notes) if covered and alone else np.zeros(len(notes), bool)


def _is_held(notes: Array, struck: Array) -> bool:
    """Whether notes that begin together last, and two or more of them end together at last."""
    ends = notes[struck, 1]
    last = ends.max()
    return bool(last - notes[struck[0], 0] >= _SECONDS and (ends >= last - _AT_ONCE).sum() > 1)


def _classes(notes: Array, struck: Array) -> int:
    """How many pitch classes are held to the end of a chord."""
    held = struck[notes[struck, 1] >= notes[struck, 1].max() - _AT_ONCE]
    return len(set((notes[held, 2] % 12).tolist()))


def _members(notes: Array) -> Array:
    """The notes of an accompaniment, where there is one: also those that the line took from it.

    Of notes that begin together, those that are held to the end, and those that are let go where the
    same pitch is struck again; of three or more, if they are none such, all below the top.
    """
    after = _next_of_pitch(notes)
    taken = (after >= 0) & (notes[after, 0] <= notes[:, 1] + _AT_ONCE)
    found = np.zeros(len(notes), bool)
    for struck in _struck_together(notes, 2):
        last = notes[struck, 1].max()
        mine = struck[(notes[struck, 1] >= last - _AT_ONCE) | taken[struck]]
        if len(mine) < 2 and len(struck) >= _NOTES:
            mine = struck[notes[struck, 2] < notes[struck, 2].max()]
        if len(mine) > 1 and last - notes[struck[0], 0] >= _SECONDS:
            found[mine] = True
    return found


def _struck_together(notes: Array, least: int) -> list[Array]:
    """The places of notes that begin together, *least* or more of them."""
    bounds = np.flatnonzero(np.diff(notes[:, 0], prepend=-np.inf, append=np.inf) > _AT_ONCE)
    counts = np.diff(bounds)
    return [
        np.arange(first, first + count)
        for first, count in zip(
            bounds[:-1][counts >= least].tolist(), counts[counts >= least].tolist(), strict=True
        )
    ]


def nested(notes: Sequence[PerformedNote], table: Array, comped: Array) -> list[PerformedNote]:
    """The *notes* with the ends of a chord and of a line that struck the chord's pitches told apart.

    The first note on of a pitch is taken to be the first off; a line over a held chord begins later and
    ends earlier. So where the last of such a chain ends with the chord, that end is the chord's.
    """
    found = list(notes)
    after = _next_of_pitch(table)
    told = np.zeros(len(notes), bool)
    for struck in _struck_together(table, 2):
        if not comped[struck].any():
            continue
        end = float(table[struck[comped[struck]], 1].max())
        for index in struck.tolist():
            chain = [] if told[index] else _chain(index, after, table, end)
            sources = [found[one] for one in chain]
            for one, source in zip(chain, [*sources[-1:], *sources[:-1]], strict=True):
                told[one] = True
                found[one] = replace(
                    found[one],
                    end=source.end,
                    off=source.off,
                    release_velocity=source.release_velocity,
                )
    return found


def _next_of_pitch(notes: Array) -> Array:
    """The place of the next note of the same pitch, or -1, for each of *notes*."""
    order = np.lexsort((notes[:, 0], notes[:, 2]))
    same = notes[order[1:], 2] == notes[order[:-1], 2]
    following = np.full(len(notes), -1)
    following[order[:-1][same]] = order[1:][same]
    return following


def _chain(index: int, after: Array, table: Array, end: float) -> list[int]:
    """Note *index* and those of its pitch that overlap, each the next, until one ends at *end*.

    *after*: :func:`_next_of_pitch`. Empty if none does, or if the first does.
    """
    chain = [index]
    other = int(after[index])
    while (
        other >= 0
        and table[chain[-1], 1] < end - _AT_ONCE
        and table[other, 0] < table[chain[-1], 1]
    ):
        chain.append(other)
        other = int(after[other])
    found = len(chain) > 1 and abs(table[chain[-1], 1] - end) <= _AT_ONCE
    return chain if found else []


def starts_of(onsets: Array, comped: Array) -> Array:
    """When the chords of the accompaniment begin: each once, in order, in seconds."""
    found = np.unique(onsets[comped])
    return np.asarray(found[np.diff(found, prepend=-np.inf) > _LATE])


def on_time(onsets: Array, comped: Array, beats: Array) -> Array:
    """The *onsets* (seconds) with those of the line earlier by as much as it lags behind the *beats*.

    A soloist lays back: what is as late throughout is no rhythm. The chords stay where they are.
    """
    line = onsets[~comped]
    after = np.clip(np.searchsorted(beats, line), 1, len(beats) - 1)
    before = beats[after - 1]
    miss = np.where(line - before < beats[after] - line, line - before, line - beats[after])
    near = np.exp(-0.5 * ((miss[:, None] - _LAGS) / _TOUCH) ** 2).sum(axis=0)
    found: Array = onsets.copy()
    found[~comped] -= _LAGS[int(near.argmax())]
    return found


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
