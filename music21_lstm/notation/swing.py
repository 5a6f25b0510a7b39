"""Swing: eighths played long and short, written as straight eighths with one word."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import floor

import numpy as np

from music21_lstm.encoding.performance import Performance, with_deltas
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import Placed

__all__ = ["evened", "straightened", "swing_ratio", "swung", "unswung"]

_LEAST, _MOST = 1.3, 2.5
"""How many times as long the first eighth is as the second."""

_BEATS, _SHARE = 12, 0.3
"""So many beats must be split in two, and such a share of all that are split at all."""

_STEADY = 0.55
"""The share of them that must lie within the range of a swung eighth."""

_EARLY, _LATE = 0.45, 0.85
"""A beat is split in two if all that begins inside it begins between these."""

_ON_BEAT = 0.1
"""An onset so near to a beat is on it."""


def swing_ratio(beats: Iterable[float]) -> float | None:
    """How many times as long the first eighth of a beat is as the second; None without swing.

    *beats* are the onsets, counted in beats: 2.67 is a late eighth after the third beat. Swing is
    a ratio of 1.3 to 2.5 that holds through the piece; dotted rhythms and straight ones are none.

    >>> swing_ratio([beat + part for beat in range(16) for part in (0.0, 0.64)])
    1.78
    >>> swing_ratio([beat + part for beat in range(16) for part in (0.0, 0.5)]) is None
    True
    """
    inside = _inside(beats)
    split = [parts[0] for parts in inside.values() if _split_in_two(parts)]
    if len(split) < max(_BEATS, _SHARE * len(inside)):
        return None
    middle = float(np.median(split))
    low, high = (ratio / (1 + ratio) for ratio in (_LEAST, _MOST))
    steady = sum(low - 0.03 <= part <= high + 0.03 for part in split)
    if not low <= middle <= high or steady < _STEADY * len(split):
        return None
    return round(middle / (1 - middle), 2)


def straightened(part: float, ratio: float) -> float:
    """A place inside a swung beat (0 to 1) as it is written: the late eighth at one half.

    >>> straightened(2 / 3, 2.0), straightened(1 / 3, 2.0)
    (0.5, 0.25)
    """
    late = ratio / (1 + ratio)
    return part / late / 2 if part <= late else 1 - (1 - part) / (1 - late) / 2


def _inside(beats: Iterable[float]) -> dict[int, list[float]]:
    """Where onsets lie inside each beat that has some, in order."""
    found: dict[int, list[float]] = defaultdict(list)
    for place in sorted(beats):
        part = place - floor(place)
        if _ON_BEAT < part < 1 - _ON_BEAT:
            found[floor(place)].append(part)
    return found


def _split_in_two(parts: Sequence[float]) -> bool:
    return parts[0] >= _EARLY and parts[-1] <= _LATE and parts[-1] - parts[0] < 0.15


def unswung(performance: Performance) -> Performance | None:
    """A performance whose ticks know the beats, with its swung beats straightened; None without.

    The events keep their order and places. Triplets that are written out stand on the ticks of a
    grid and are left alone.
    """
    resolution = performance.resolution
    onsets = [note.onset for note in performance.notes]
    played = [tick for tick in onsets if 24 * tick % resolution]
    if 4 * len(played) < len(onsets):
        return None
    ratio = swing_ratio(tick / resolution for tick in onsets)
    if ratio is None:
        return None
    inside = _inside(tick / resolution for tick in onsets)
    swings = {beat for beat, parts in inside.items() if parts[0] >= _EARLY}

    def straight(tick: int) -> int:
        beat, part = divmod(tick, resolution)
        if beat not in swings:
            return tick
        return beat * resolution + round(straightened(part / resolution, ratio) * resolution)

    timed = zip(map(straight, performance.ticks), performance.events, strict=True)
    return Performance(resolution, with_deltas(timed), performance.losses)


def evened(beats: Sequence[float]) -> tuple[list[float], float | None]:
    """Onsets counted in beats, their swung eighths made straight, and how they swung; None: not at all.

    >>> places, ratio = evened([beat + part for beat in range(16) for part in (0.0, 0.64)])
    >>> ratio, [round(place, 2) for place in places[:4]]
    (1.78, [0.0, 0.5, 1.0, 1.5])
    """
    ratio = swing_ratio(beats)
    if ratio is None:
        return list(beats), None
    inside = _inside(beats)
    swings = {beat for beat, parts in inside.items() if parts[0] >= _EARLY}
    return [
        floor(place) + straightened(place - floor(place), ratio)
        if floor(place) in swings
        else place
        for place in beats
    ], ratio


def swung(placed: Sequence[Placed]) -> list[Placed] | None:
    """Notes whose beats were found by ear, with late eighths at 2/3 of a beat moved to its half.

    None if they do not swing: then nothing is to be moved.
    """
    places = {p.onset / UNIT for p in placed}
    if swing_ratio(places) is None:
        return None
    inside = _inside(places)
    swings = {beat for beat, parts in inside.items() if parts[0] >= _EARLY}

    def straight(place: int) -> int:
        beat, part = divmod(place, UNIT)
        return beat * UNIT + UNIT // 2 if beat in swings and 3 * part == 2 * UNIT else place

    moved = (p._replace(onset=straight(p.onset), end=straight(p.end)) for p in placed)
    return [p if p.end > p.onset else p._replace(end=p.onset + UNIT // 4) for p in moved]
