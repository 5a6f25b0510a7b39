"""Sharing the notes that one hand played between two voices, by how long the keys were held.

A key's release tells little: what a pianist holds for a third of its value may be a detached
quarter, and what outlasts the next note may be a legato. So the voices are found first, and a note
lasts until the next of its voice; what each way to share costs is how badly the lengths that were
played agree with the lengths that come out. The weights were tuned on the Vienna 4x22 corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from math import log2
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import Placed

__all__ = ["Chord", "shared"]

Chord = tuple[Placed, ...]
"""Notes that start together in one voice, from low to high."""

_BEAM = 10
"""How many ways of going on are kept at each onset."""

_ENTERING = 0.29
_SECOND_VOICE, _GOING_ON = 0.8, 0.15
_CROSSING = 2.5
_LEAP = 0.003
_CUT = 0.85
_BROKEN = 0.375
_GAP = 0.27

_LEGATO = 0.25
"""Octaves of time by which a note may outlast the next of its voice for nothing."""

_HELD_RATIO, _HELD_LENGTH = 2.25, UNIT // 2
"""A held note lasts so many times longer than until the next onset, and so much."""

_NESTED = 0.4
"""The share of the notes begun during it that a held note outlasts."""

_SLACK = 0.1
"""Releases within this share of a note's length are at once."""

_MOST = 4096
"""More notes than start together."""

_FURTHEST = 64
"""So many later notes tell whether a note is held; a hand cannot hold one under more."""


class _Struck(NamedTuple):
    """A chord as the search sees it: its outer pitches, its end, and what tells it from others."""

    chord: Chord
    low: int
    high: int
    end: int
    state: int


_NONE = _Struck((), 0, 0, 0, -1)

_Step = tuple[_Struck, _Struck]
"""What the upper and the lower voice strike at one onset."""


_Way = tuple[float, _Struck, _Struck, _Step, Any]
"""One way to have shared the notes so far: what it costs, the last chord of the upper and of the lower
voice, the last step, and the way that it goes on from, or None."""

_End = tuple[float, bool]
"""How a voice ends where another onset is: what that costs, and whether it still sounds."""


def shared(placed: Sequence[Placed]) -> tuple[list[Chord], list[Chord]]:
    """The chords of the upper and of the lower voice, in order.

    A beam search, one step an onset. *placed* must be in order of onset and pitch; the ends in the
    result are those that count: a legato's is the next onset.
    """
    upper: list[Chord] = []
    lower: list[Chord] = []
    ways: list[_Way] = [(0.0, _NONE, _NONE, (_NONE, _NONE), None)]
    for onset, group in groupby(_without_legato(placed), key=attrgetter("onset")):
        ways = _next(ways, onset, list(_splits(tuple(group))))
    way: _Way | None = ways[0]
    while way is not None:
        for struck, voice in zip(way[3], (upper, lower), strict=True):
            if struck.chord:
                voice.append(struck.chord)
        way = way[4]
    return upper[::-1], lower[::-1]


def _next(ways: Sequence[_Way], onset: int, splits: Sequence[_Step]) -> list[_Way]:
    """The cheapest of *ways*, gone on with at one onset more."""
    best: dict[tuple[int, int], _Way] = {}
    ends: dict[int, _End] = {}
    known = best.get
    steps = [(step, *step, bool(step[0].chord), bool(step[1].chord)) for step in splits]
    for way in ways:
        cost, above, below, before, _ = way
        _, above_low, above_high, _, _ = above
        _, below_low, below_high, _, _ = below
        for old in (above, below):
            if id(old) not in ends:
                ends[id(old)] = _left(old.chord, onset), old.end > onset
        over, above_sounds = ends[id(above)]
        under, below_sounds = ends[id(below)]
        with_lower = cost + (_GOING_ON if before[1].chord else _SECOND_VOICE)
        leaps_above, leaps_below = _LEAP * bool(above.chord), _LEAP * bool(below.chord)
        for step, new_above, new_below, has_above, has_below in steps:
            if has_below:
                total = with_lower + (under + leaps_below * abs(below_low - new_below.low))
                if not has_above and not above_sounds:
                    total += _ENTERING
            else:
                total = cost
                if below_sounds and new_above.low < below_high:
                    total += _CROSSING
                new_below = below
            if has_above:
                total += over + leaps_above * abs(above_high - new_above.high)
            else:
                if above_sounds and new_below.high > above_low:
                    total += _CROSSING
                new_above = above
            key = new_above.state, new_below.state
            other = known(key)
            if other is None or total < other[0]:
                best[key] = total, new_above, new_below, step, way
    return sorted(best.values(), key=itemgetter(0))[:_BEAM]


def _without_legato(placed: Sequence[Placed]) -> Iterator[Placed]:
    """The notes, those that only overlap the next as in a legato ending where it starts.

    A note is really held if others come and go while it sounds, or if its end is no guess.
    """
    following = dict(pairwise(sorted({p.onset for p in placed})))
    for i, p in enumerate(placed):
        after = following.get(p.onset, p.end)
        if p.end > after and not p.sure and not _held(p, after, placed[i + 1 : i + 1 + _FURTHEST]):
            p = p._replace(end=after)
        yield p


def _held(p: Placed, after: int, later: Sequence[Placed]) -> bool:
    length = p.end - p.onset
    if length < _HELD_RATIO * (after - p.onset) or p.end - after < _HELD_LENGTH:
        return False
    slack = int(_SLACK * length)
    begun = [q.end for q in later if p.onset < q.onset < p.end - slack]
    return sum(end <= p.end + slack for end in begun) >= _NESTED * len(begun)


def _struck(chord: Chord) -> _Struck:
    pitches = chord[0].note.pitch, chord[-1].note.pitch
    end = chord[0].end if len(chord) == 1 else max(p.end for p in chord)
    return _Struck(chord, *pitches, end, chord[0].onset * _MOST + len(chord))


def _splits(group: Chord) -> Iterator[_Step]:
    """The ways to split notes that start together: by pitch, near the outer notes."""
    whole = _struck(group)
    yield whole, _NONE
    yield _NONE, whole
    count = len(group)
    for cut in sorted({1, 2, count - 2, count - 1}):
        if 0 < cut < count:
            yield _struck(group[cut:]), _struck(group[:cut])


def _left(chord: Chord, onset: int) -> float:
    """What it costs that a chord lasts until *onset*, when the next of its voice starts."""
    cost = 0.0
    for _, start, end, sure in chord:
        cost += _mismatch(end - start, onset - start, sure)
    return cost


@lru_cache(maxsize=65536)
def _mismatch(played: int, written: int, sure: bool) -> float:
    """What it costs to write so long what was held so long."""
    if played > written:
        octaves = log2(played / written) - (0.0 if sure else _LEGATO)
        if octaves <= 0:
            return 0.0
        return _BROKEN + _CUT * octaves * min(1.0, (played - written) / UNIT)
    return _GAP * max(0.0, log2(written / max(1, played)) - 2)
