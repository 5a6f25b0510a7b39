"""Loudness on the page: a few dynamics, hairpins where it really grows or fades, clear accents.

Velocities of a performance change with every note; a page shows the level of a phrase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from music21_lstm.notation.bars import Bar
from music21_lstm.notation.levels import steady_levels
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.places import ending
from music21_lstm.notation.quantize import Placed

__all__ = ["DynamicMark", "Hairpin", "Loudness", "loudness_of"]

_MARKS = ("ppp", "pp", "p", "mp", "mf", "f", "ff", "fff")
_LEVELS = np.array([18.0, 33.0, 47.0, 59.0, 71.0, 86.0, 103.0, 120.0])
"""The velocity that each mark stands for."""

_WIDTH = 7.0
"""A bar that is off its mark by so much costs one."""

_CHANGE = 5.0
"""The price of a new mark."""

_SHORTEST = 2
"""Bars that a mark must hold for."""

_SWELL = 15.0
"""A hairpin is for a level that changes by so much, in velocities, ..."""

_LONGEST = 4
"""... over a bar at least, and so many at most."""

_SPACING = 3
"""Bars for each hairpin that is printed; only the largest swells are."""

_LOUDER, _STANDS_OUT, _NEIGHBOURS = 26, 14, 6
"""An accent: so much louder than what is usual around it, and than each of so many chords."""

_FEW = 0.02
"""The largest share of chords with an accent: more of them are a manner of playing."""


class DynamicMark(NamedTuple):
    """A mark such as ``mf`` at a *place* in units."""

    place: int
    value: str


class Hairpin(NamedTuple):
    """A crescendo (*rising*) or diminuendo, from place to place in units."""

    start: int
    end: int
    rising: bool


@dataclass(frozen=True, slots=True)
class Loudness:
    """What the page says of loudness; *accents* are the places of notes on in the performance."""

    marks: tuple[DynamicMark, ...] = ()
    hairpins: tuple[Hairpin, ...] = ()
    accents: frozenset[int] = frozenset()


def loudness_of(
    placed: Sequence[Placed], bars: Sequence[Bar], ends: Sequence[int] = ()
) -> Loudness:
    """The dynamics, hairpins and accents of a piece; none if its velocities say nothing.

    Hairpins end at *ends*, in units, if there are any near. One or two velocities, or a spread of
    less than three, are no dynamics.
    """
    velocities = np.array([p.note.velocity for p in placed], dtype=float)
    if len(set(velocities)) < 3 or velocities.std() < 3.0:
        return Loudness()
    order = sorted(placed, key=lambda p: p.onset)
    onsets = [place for place, _ in groupby(order, key=lambda p: p.onset)]
    chords = [list(group) for _, group in groupby(order, key=lambda p: p.onset)]
    loudest = np.array([max(p.note.velocity for p in chord) for chord in chords], dtype=float)
    marks = _marks(onsets, loudest, bars)
    hairpins = _hairpins(onsets, loudest, bars)
    marks, hairpins = _reconciled(marks, hairpins)
    limits = [*(hairpin.start for hairpin in hairpins[1:]), bars[-1].end]
    ended = tuple(
        hairpin._replace(end=ending(hairpin.start, hairpin.end, limit, ends))
        for hairpin, limit in zip(hairpins, limits, strict=False)
    )
    return Loudness(tuple(marks), ended, _accents(chords, loudest))


def _marks(
    onsets: Sequence[int], loudest: NDArray[np.float64], bars: Sequence[Bar]
) -> list[DynamicMark]:
    """One mark for each stretch of bars: few changes, each where it pays."""
    starts = np.array([bar.start for bar in bars])
    rows = np.maximum(np.searchsorted(starts, onsets, side="right") - 1, 0)
    count = np.bincount(rows, minlength=len(bars))
    level = np.bincount(rows, weights=loudest, minlength=len(bars)) / np.maximum(count, 1)
    cost = np.minimum(((level[:, None] - _LEVELS) / _WIDTH) ** 2, 9.0) * (count > 0)[:, None]
    marks: list[tuple[int, int]] = []
    start = 0
    for mark, run in groupby(steady_levels(cost, _CHANGE)):
        length = len(list(run))
        if not marks or (length >= _SHORTEST and mark != marks[-1][1]):
            marks.append((start, mark))
        start += length
    found = []
    for bar, mark in marks:
        first = int(np.searchsorted(onsets, bars[bar].start))
        if first < len(onsets):
            found.append(DynamicMark(onsets[first], _MARKS[mark]))
    return found


def _hairpins(
    onsets: Sequence[int], loudest: NDArray[np.float64], bars: Sequence[Bar]
) -> list[Hairpin]:
    """Where the smoothed level rises or falls steadily, and by much, over a bar or more."""
    bar = int(np.median([bar.length for bar in bars]))
    step = max(UNIT // 2, bar // 4)
    slots = np.array(onsets) // step
    size = int(slots[-1]) + 1
    count = np.bincount(slots, minlength=size).astype(float)
    total = np.bincount(slots, weights=loudest, minlength=size)
    window = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    smooth = np.convolve(total, window)[6:-6] / np.maximum(np.convolve(count, window)[6:-6], 1e-6)
    known = np.convolve(count, window)[6:-6] > 1e-3
    found: list[tuple[float, Hairpin]] = []
    at = 0
    for rising, run in groupby(np.diff(smooth) > 0):
        end = at + len(list(run))
        change = abs(smooth[end] - smooth[at])
        # The slow beginning and end of a swell are no part of it.
        slope = np.abs(np.diff(smooth[at : end + 1]))
        clear = change >= _SWELL and bool(known[at : end + 1].all())
        steep = np.flatnonzero(slope > 0.3 * slope.max()) if clear else slope[:0]
        if len(steep):
            first, last = (at + int(steep[0])) * step, (at + int(steep[-1]) + 1) * step
            if bar <= last - first <= _LONGEST * bar:
                found.append((change, Hairpin(*_on_notes(onsets, first, last), bool(rising))))
        at = end
    found.sort(key=lambda swell: -swell[0])
    largest = (hairpin for _, hairpin in found[: 1 + len(bars) // _SPACING])
    return sorted(hairpin for hairpin in largest if hairpin.end - hairpin.start >= bar // 2)


def _on_notes(onsets: Sequence[int], first: int, last: int) -> tuple[int, int]:
    """The first and the last onset in a stretch."""
    start, end = np.searchsorted(onsets, [first, last + 1])
    return int(onsets[min(start, len(onsets) - 1)]), int(onsets[max(end - 1, 0)])


def _reconciled(
    marks: Sequence[DynamicMark], hairpins: Sequence[Hairpin]
) -> tuple[list[DynamicMark], list[Hairpin]]:
    """A mark that a hairpin leads to stands at its end; one that it contradicts takes its place."""
    order = {value: index for index, value in enumerate(_MARKS)}
    moved = list(marks)
    kept: list[Hairpin] = []
    for hairpin in hairpins:
        inside = [
            i for i, mark in enumerate(moved) if hairpin.start < mark.place <= hairpin.end and i
        ]
        agrees = [
            i
            for i in inside
            if (order[moved[i].value] > order[moved[i - 1].value]) is hairpin.rising
        ]
        if inside and len(inside) == len(agrees):
            # The hairpin says what stands between; its goal is the last of them.
            last = inside[-1]
            clear = last + 1 == len(moved) or moved[last + 1].place > hairpin.end
            if clear:
                moved[last] = moved[last]._replace(place=hairpin.end)
                del moved[inside[0] : last]
                kept.append(hairpin)
        elif not inside:
            kept.append(hairpin)
    return moved, kept


def _accents(chords: Sequence[Sequence[Placed]], loudest: NDArray[np.float64]) -> frozenset[int]:
    """The notes that stand out: by far the loudest of their neighbourhood, and few."""
    size = 2 * _NEIGHBOURS + 1
    if len(loudest) < size:
        return frozenset()
    padded = np.pad(loudest, _NEIGHBOURS, mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(padded, size)
    others = np.delete(around, _NEIGHBOURS, axis=1)
    out = (loudest - np.median(others, axis=1) >= _LOUDER) & (
        loudest - others.max(axis=1) >= _STANDS_OUT
    )
    if out.mean() > _FEW:
        return frozenset()
    return frozenset(
        p.note.on
        for index in np.flatnonzero(out)
        for p in chords[int(index)]
        if p.note.velocity >= loudest[index] - _STANDS_OUT
    )
