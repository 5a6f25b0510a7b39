"""Chords: notes struck together, and what can be heard of each that tells a strong beat.

Nothing here knows of bars. A performance becomes one row for each chord; a row says how long it
is until the next chord, how many notes there are, how low, loud and long they are beside their
neighbours, and how much the harmony changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CHORD", "FEATURES", "Chords", "features_of", "group", "rebounds"]

Array = npt.NDArray[Any]

CHORD = 0.035
"""Seconds within which onsets are one chord."""

SPREAD = 0.08
"""Seconds within which pianists spread a chord: 97 of 100 in the Vienna 4x22 corpus."""

_APART = 2.2
"""So many times as far as it is spread, a spread chord stands apart."""

FEATURES = 18
"""How many numbers describe a chord."""

_NEIGHBOURS = 24
"""Chords before and after that a chord is compared with."""

_SILENCE = 4.0
"""Seconds; longer times are all the same."""


_REBOUND = 0.06
"""Seconds; no key is struck again so soon: it bounced, or was heard twice."""

_FAINT, _FAINT_REBOUND = 12, 0.2
"""A note of no more velocity than this, and of a third of the one before, bounced so long after."""


_SERIES = 2.0
"""Before and after a bounce that key rests for more than so many times as long."""


@dataclass(frozen=True, slots=True)
class Chords:
    """The chords of a performance, in order.

    *times* are seconds, one a chord; *starts* the index of each chord's first note (the notes are
    in the order of their onsets), *member* the chord of each note.
    """

    times: Array
    starts: Array
    member: Array


def rebounds(notes: Array, parts: Array | None = None) -> Array:
    """The index of the note that each of *notes* is: its own, or the first's of a key that bounced.

    *notes* ``(notes, 4)``: onset and end in seconds, pitch, velocity; in order of onset. Disklaviers
    record such notes (one in the Vienna 4x22 corpus has velocity 1), and transcribers hear them. A key
    bounces once, and not in a series of its notes; nor do notes of two *parts* make a bounce.
    """
    order = np.lexsort((notes[:, 0], notes[:, 2]))
    onsets, pitches, velocities = notes[order, 0], notes[order, 2], notes[order, 3]
    same = pitches[1:] == pitches[:-1]
    gaps = np.where(same, np.diff(onsets), np.inf)
    around = np.concatenate([[np.inf], gaps, [np.inf]])
    alone = np.minimum(around[:-2], around[2:]) > _SERIES * gaps
    faint = (velocities[1:] <= _FAINT) & (3 * velocities[1:] <= velocities[:-1])
    bounced = (gaps > 0) & alone & ((gaps < _REBOUND) | (faint & (gaps < _FAINT_REBOUND)))
    if parts is not None:
        bounced &= parts[order[1:]] == parts[order[:-1]]
    firsts: Array = np.arange(len(notes))
    firsts[order[1:][bounced]] = order[:-1][bounced]
    return firsts


def group(onsets: Array, pitches: Array, *, line: bool = False) -> Chords:
    """Join notes (*onsets* in seconds, in order) that are struck together.

    Those within :data:`CHORD` of the first are. Pianists spread one chord in three further than
    that, to :data:`SPREAD`: such notes are joined if they stand apart from what is before and after,
    and none is a neighbour in pitch of another, as grace notes are. Over an accompaniment that was
    found, a *line* spreads no chords: what it plays quickly is one after the other.

    >>> group(np.array([0.0, 0.02, 0.5, 0.56, 0.9]), np.array([60, 64, 48, 67, 65])).times.tolist()
    [0.01, 0.53, 0.9]
    """
    struck = _struck(onsets.tolist())
    spread = _spread(struck, onsets.tolist(), pitches.tolist())
    begin = np.array(struck, np.int64) if line else spread
    counts = np.diff(np.append(begin, len(onsets)))
    member = np.repeat(np.arange(len(begin)), counts)
    times = np.bincount(member, onsets, len(begin)) / counts if len(begin) else np.zeros(0)
    return Chords(times, begin, member)


def _struck(onsets: list[float]) -> list[int]:
    """Where each chord starts: the notes within :data:`CHORD` of its first."""
    starts: list[int] = []
    first = -np.inf
    for index, onset in enumerate(onsets):
        if onset - first > CHORD:
            starts.append(index)
            first = onset
    return starts


def _spread(starts: list[int], onsets: list[float], pitches: list[float]) -> Array:
    """The starts without those that only go on with a spread chord."""
    kept: list[int] = []
    place, before = 0, -np.inf
    while place < len(starts):
        first = onsets[starts[place]]
        last = place
        while last + 1 < len(starts) and onsets[starts[last + 1]] - first <= SPREAD:
            last += 1
        span = onsets[starts[last]] - first
        end = starts[last + 1] if last + 1 < len(starts) else len(onsets)
        after = (onsets[end] if end < len(onsets) else np.inf) - onsets[starts[last]]
        kept.append(starts[place])
        apart = min(first - before, after) > _APART * span
        chord = sorted(pitches[starts[place] : end])
        if not (apart and all(high - low > 2 for low, high in pairwise(chord))):
            last = place
        before = onsets[starts[last]]
        place = last + 1
    return np.array(kept, dtype=np.int64)


def features_of(chords: Chords, notes: Array) -> Array:
    """What is heard of each chord: ``(chords, FEATURES)``, each number about −2 to 2.

    *notes* is ``(notes, 4)``: onset and end in seconds, pitch, velocity; in order of onset.
    """
    if not len(notes):
        return np.zeros((0, FEATURES), np.float32)
    at = chords.starts
    counts = np.diff(np.append(at, len(notes)))
    pitch, velocity = notes[:, 2], notes[:, 3]
    length = np.log2(np.clip(notes[:, 1] - notes[:, 0], 0.04, _SILENCE)) + 2
    low, high = np.minimum.reduceat(pitch, at), np.maximum.reduceat(pitch, at)
    loud = np.maximum.reduceat(velocity, at)
    lowest, highest = _ends(chords.member, pitch, at, counts)
    after = _log_time(np.diff(chords.times, append=chords.times[-1] + _SILENCE))
    before = np.append(2.0, after[:-1])
    since, until = _bass_times(low, chords.times)
    columns = [
        before,
        after,
        before - _around(before),
        after - _around(after),
        np.log2(counts) - _around(np.log2(counts)),
        (low - _around(low)) / 12,
        (high - _around(high)) / 12,
        np.diff(low, prepend=low[0]) / 12,
        np.diff(high, prepend=high[0]) / 12,
        (loud - _around(loud)) / 12,
        (velocity[lowest] - _around(loud)) / 12,
        np.maximum.reduceat(length, at) - _around(np.maximum.reduceat(length, at)),
        length[lowest],
        length[highest],
        _log_time(since),
        _log_time(until),
        _novelty(chords.member, pitch, 2),
        _novelty(chords.member, pitch, 6),
    ]
    found: Array = np.clip(np.stack(columns, 1), -3, 3).astype(np.float32)
    return found


def _ends(member: Array, pitch: Array, at: Array, counts: Array) -> tuple[Array, Array]:
    """The index of the lowest and of the highest note of each chord."""
    order = np.lexsort((pitch, member))
    return order[at], order[at + counts - 1]


def _log_time(seconds: Array) -> Array:
    """Octaves of time from a quarter of a second: absolute, so that tempo can be heard."""
    octaves: Array = np.log2(np.clip(seconds, 0.03, _SILENCE)) + 2
    return octaves


def _around(values: Array) -> Array:
    """The mean over the neighbours of each place."""
    total = np.cumsum(np.append(0.0, values))
    places = np.arange(len(values))
    first = np.maximum(places - _NEIGHBOURS, 0)
    last = np.minimum(places + _NEIGHBOURS + 1, len(values))
    mean: Array = (total[last] - total[first]) / (last - first)
    return mean


def _bass_times(low: Array, times: Array) -> tuple[Array, Array]:
    """Seconds since, and until, a chord with a bass as low or lower: a long time means a bass."""

    def since(pitches: list[float], at: list[float]) -> list[float]:
        found = []
        stack: list[tuple[float, float]] = []
        for pitch, now in zip(pitches, at, strict=True):
            while stack and stack[-1][0] > pitch:
                stack.pop()
            found.append(now - stack[-1][1] if stack else _SILENCE)
            stack.append((pitch, now))
        return found

    forward = since(low.tolist(), times.tolist())
    backward = since(low[::-1].tolist(), (-times[::-1]).tolist())[::-1]
    return np.array(forward), np.array(backward)


def _novelty(member: Array, pitch: Array, width: int) -> Array:
    """How little the pitch classes of the *width* chords from here have in common with those before.

    One less the cosine; the harmony changes on strong beats.
    """
    chroma = np.zeros((member[-1] + 1, 12))
    np.add.at(chroma, (member, pitch.astype(np.int64) % 12), 1.0)
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(chroma, 0)])
    places = np.arange(len(chroma))
    before = total[places] - total[np.maximum(places - width, 0)]
    after = total[np.minimum(places + width, len(chroma))] - total[places]
    size = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    cosine: Array = (before * after).sum(1) / np.maximum(size, 1e-9)
    return 1 - cosine
