"""Counting: from chords in time to bars, beats and the place of each chord."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.beats.along import count_along
from music21_lstm.notation.beats.barring import bar_lines
from music21_lstm.notation.beats.chords import Chords, features_of
from music21_lstm.notation.beats.comping import COMPED, beats_of
from music21_lstm.notation.beats.count import Count, pick_up, sections_from
from music21_lstm.notation.beats.given import GivenBeats
from music21_lstm.notation.beats.lattice import TEMPI, Lattice, lattice_of, opening
from music21_lstm.notation.beats.listening import Evidence, listen
from music21_lstm.notation.beats.repetition import LAGS, likeness
from music21_lstm.notation.beats.tables import COMMON, LEARNT, SLOT, tables
from music21_lstm.notation.beats.viterbi import Step, Weights, decode
from music21_lstm.notation.metre import UNIT, Metre

__all__ = ["Count", "count_bars", "repetition_of"]

Array = npt.NDArray[Any]

_LEAST_BEATS = 2 * max(LAGS)
"""With fewer beats, nothing repeats itself often enough."""

_REPETITION = 0.1
"""How much repetition counts, for each chord."""

_ALIKE = 1e-6
"""Differences in likeness below this are rounding."""

_ALLA_BREVE = 0.28
"""A faster quarter than this (seconds) is not beaten: 4/4 is written 2/2."""


def count_bars(
    chords: Chords,
    notes: Array,
    metres: Sequence[Metre] | None = None,
    beats: GivenBeats | None = None,
    comped: Array | None = None,
) -> Count:
    """Find beats and bars for at least one chord.

    *notes* ``(notes, 4)``: onset and end in seconds, pitch, velocity; in order. *metres*: the ones
    that may come (all that were learnt, if None). *beats* that are given are obeyed. *comped*: which
    notes are of an accompaniment that stands on beats.
    """
    evidence = listen(features_of(chords, notes), tables())
    line = comped is not None and bool(comped.any())
    if comped is not None and line:
        evidence = evidence._replace(level=evidence.level + beats_of(chords.member, comped))
    if beats is not None:
        return count_along(chords, evidence, metres, beats, line=line)
    if line:
        metres = metres or COMPED
    lattice = lattice_of(tuple(metres or COMMON))
    path = _decoded(chords.times, lattice, evidence)
    kinds = {metre.compound for _, metre in path.bars}
    if len(kinds) == 1:
        allowed = [metre for metre in metres or LEARNT if metre.compound in kinds]
        if len(allowed) > 1 and len({metre.beat for metre in allowed}) == 1:
            path = _barred(path, chords, notes, evidence, allowed)
    return _laid_out(path)


class _Path(NamedTuple):
    """*slots*: the place of each chord, from the start of the bar that holds the first.

    *bars*: where each metre begins, the first at 0. *tempi*: the columns of the lattice.
    """

    slots: Array
    bars: list[tuple[int, Metre]]
    tempi: Array
    rolled: Array


def _decoded(times: Array, lattice: Lattice, evidence: Evidence) -> _Path:
    weights = Weights()
    other = weights.period * evidence.period[:, lattice.period].transpose(0, 2, 1)
    start = opening(lattice, tables())
    return _path(decode(times, lattice, start, evidence.level, other, None, weights), lattice)


def _path(steps: Sequence[Step], lattice: Lattice) -> _Path:
    place = int(lattice.slot[steps[0].row])
    bars = [(0, lattice.metres[lattice.metre_of[steps[0].row]])]
    slots: list[int] = []
    for step in steps:
        place += step.distance
        if step.restart:
            bars.append((place, lattice.metres[lattice.metre_of[step.row]]))
        else:
            slots.append(place)
    stepped = [step for step in steps if not step.restart]
    rolled = np.array([not step.distance for step in stepped])
    rolled[0] = False
    return _Path(np.array(slots), bars, np.array([step.tempo for step in stepped]), rolled)


def _barred(
    path: _Path, chords: Chords, notes: Array, evidence: Evidence, metres: Sequence[Metre]
) -> _Path:
    """The same beats, with the bar lines for which the whole piece speaks."""
    bias = repetition_of(path.slots, chords, notes, metres)
    if bias is None:
        return path
    first, bars, _ = bar_lines(path.slots, evidence.level, metres, bias, tables())
    return path._replace(slots=path.slots - first, bars=bars)


def repetition_of(
    slots: Array, chords: Chords, notes: Array, metres: Sequence[Metre]
) -> Array | None:
    """What repetition says for each of *metres*, in nats a chord.

    None if the music is too short, or if every beat is like every other.
    """
    times, places = _knots(chords.times, slots)
    beat = metres[0].beat * SLOT // UNIT
    marks = np.arange(-(-places[0] // beat) * beat, places[-1] + 1, beat)
    beats = np.interp(marks, places, times)
    if len(beats) < _LEAST_BEATS:
        return None
    alike = likeness(notes[:, 0], notes[:, 2], beats)
    if np.abs(alike).max() < _ALIKE:
        return None
    logits = np.append(alike, 1.0) @ tables().lags
    logs = logits - logits.max()
    logs = np.maximum(logs - np.log(np.exp(logs).sum()), -6.0)
    in_bar = [metre.length // metre.beat for metre in metres]
    found = [logs[n - 2] if n in (2, 3, 4) else logs.max() - 0.7 for n in in_bar]
    return _REPETITION * np.array(found)


def _knots(times: Array, slots: Array) -> tuple[Array, Array]:
    """The mean time of each place, and the places, both rising."""
    places, which = np.unique(slots, return_inverse=True)
    return np.bincount(which, times) / np.bincount(which), places


def _laid_out(path: _Path) -> Count:
    """The places of the chords on a page that starts with a whole bar or with a pick-up."""
    first, metre = int(path.slots[0]), path.bars[0][1]
    bar = metre.length * SLOT // UNIT
    cut, found = pick_up(first, bar), list(path.bars)
    if cut:
        found.insert(1, (bar, metre))
    paces = TEMPI[path.tempi]
    written = {metre for _, metre in found}
    if float(np.median(paces)) < _ALLA_BREVE and Metre(2, 2) not in written:
        found = [(place, Metre(2, 2) if m == Metre(4, 4) else m) for place, m in found]
    return Count(path.slots - cut, sections_from(found, cut), paces, path.rolled)
