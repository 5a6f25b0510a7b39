"""Counting: from chords in time to bars, beats and the place of each chord."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.bars import Section, starts_anew
from music21_lstm.notation.beats.chords import Chords, features_of
from music21_lstm.notation.beats.given import GivenBeats
from music21_lstm.notation.beats.lattice import TEMPI, Lattice, lattice_of, opening
from music21_lstm.notation.beats.listening import Evidence, listen
from music21_lstm.notation.beats.repetition import LAGS, likeness
from music21_lstm.notation.beats.tables import COMMON, LEARNT, SLOT, tables
from music21_lstm.notation.beats.viterbi import Step, Weights, decode
from music21_lstm.notation.metre import UNIT, Metre

__all__ = ["Count", "count_bars"]

Array = npt.NDArray[Any]

_LEAST_BEATS = 2 * max(LAGS)
"""With fewer beats, nothing repeats itself often enough."""

_REPETITION = 0.06
"""How much repetition counts, for each chord."""

_NEAR = 3
"""So many tempi beside the one that was found are tried when repetition is heard too."""

_ALLA_BREVE = 0.28
"""A faster quarter than this (seconds) is not beaten: 4/4 is written 2/2."""


class Count(NamedTuple):
    """*slots*: the place of each chord from the start of the page, in twenty-fourths of a quarter.

    *sections*: the metres, in units. *paces*: seconds a quarter at each chord. *rolled*: the chord
    belongs to the one before it.
    """

    slots: Array
    sections: list[Section]
    paces: Array
    rolled: Array


def count_bars(
    chords: Chords,
    notes: Array,
    metres: Sequence[Metre] | None = None,
    beats: GivenBeats | None = None,
) -> Count:
    """Find beats and bars for at least one chord.

    *notes* ``(notes, 4)``: onset and end in seconds, pitch, velocity; in order. *metres*: the ones
    that may come (all that were learnt, if None). *beats* that are given are obeyed.
    """
    evidence = listen(features_of(chords, notes), tables())
    if beats is not None:
        return _obeyed(chords, evidence, metres, beats)
    allowed = tuple(metres or LEARNT)
    lattice = lattice_of(tuple(metres or COMMON))
    steps = _decoded(chords.times, lattice, evidence)
    kinds = {lattice.metres[lattice.metre_of[step.row]].compound for step in steps}
    if len(kinds) == 1:
        again = lattice_of(tuple(metre for metre in allowed if metre.compound in kinds))
        heard = _repeated(_laid_out(steps, lattice), chords, notes, again)
        if heard is not None and len(again.metres) > 1:
            near = _corridor(steps)
            lattice, steps = again, _decoded(chords.times, again, evidence, heard, near)
    return _laid_out(steps, lattice)


def _corridor(steps: Sequence[Step]) -> Array:
    """Which tempi are near those of *steps*, ``(chords, tempi)``."""
    tempi = np.array([step.tempo for step in steps if not step.restart])
    return np.abs(tempi[:, None] - np.arange(len(TEMPI))) <= _NEAR


def _decoded(
    times: Array,
    lattice: Lattice,
    evidence: Evidence,
    bias: Array | None = None,
    corridor: Array | None = None,
) -> list[Step]:
    weights = Weights()
    other = weights.period * evidence.period[:, lattice.period].transpose(0, 2, 1)
    if bias is not None:
        other += _REPETITION * bias
    start = opening(lattice, tables())
    return decode(times, lattice, start, evidence.level, other, None, weights, corridor)


def _repeated(count: Count, chords: Chords, notes: Array, lattice: Lattice) -> Array | None:
    """What repetition says for each metre of *lattice*; None if the music is too short."""
    times, places = _knots(chords.times, count.slots)
    beat = count.sections[-1].metre.beat * SLOT // UNIT
    first = count.sections[-1].start * SLOT // UNIT % beat
    marks = np.arange(first, places[-1] + 1, beat)
    beats = np.interp(marks[marks >= places[0]], places, times)
    if len(beats) < _LEAST_BEATS:
        return None
    logits = np.append(likeness(notes[:, 0], notes[:, 2], beats), 1.0) @ tables().lags
    logs = logits - logits.max()
    logs = np.maximum(logs - np.log(np.exp(logs).sum()), -6.0)
    in_bar = [metre.length // metre.beat for metre in lattice.metres]
    return np.array([logs[n - 2] if n in (2, 3, 4) else logs.max() - 0.7 for n in in_bar])


def _knots(times: Array, slots: Array) -> tuple[Array, Array]:
    """The mean time of each place, and the places, both rising."""
    places, which = np.unique(slots, return_inverse=True)
    return np.bincount(which, times) / np.bincount(which), places


def _obeyed(
    chords: Chords, evidence: Evidence, metres: Sequence[Metre] | None, beats: GivenBeats
) -> Count:
    """Count along given beats: the tempo is known, and so is the place in the beat."""
    column = int(np.abs(TEMPI - 0.5).argmin())
    weights = Weights(walk=1e-3, change=30.0, period=0.0)
    found: list[tuple[float, Count]] = []
    for kind in beats.metres(metres):
        lattice = lattice_of(kind)
        beat = kind[0].beat / UNIT
        phase = beats.phase(chords.times)
        times = phase * beat * TEMPI[column]
        anchors = beats.anchors(chords.times, lattice)
        start = np.full((len(TEMPI), len(lattice.slot)), -1e6, np.float32)
        start[column] = opening(lattice, tables())[column]
        other = np.zeros((len(times), len(TEMPI), len(kind)), np.float32)
        steps = decode(times, lattice, start, evidence.level, other, anchors, weights)
        rows = np.array([step.row for step in steps if not step.restart])
        count = _laid_out(steps, lattice)
        paces = beats.lengths(chords.times) / beat
        fit = evidence.level[np.arange(len(rows)), lattice.level[rows]].sum()
        found.append((float(fit), count._replace(paces=paces)))
    return max(found, key=lambda pair: pair[0])[1]


def _laid_out(steps: Sequence[Step], lattice: Lattice) -> Count:
    """The places of the chords on a page that starts with a whole bar or with a pick-up."""
    row = steps[0].row
    metre = int(lattice.metre_of[row])
    place, begun = int(lattice.slot[row]), 0
    cut = 0
    found = [(0, metre)]
    if place * 2 >= lattice.bar(metre):
        # A pick-up: the page starts with it, at the sixteenth or eighth before it.
        cut = place - place % (SLOT // 4 if place % (SLOT // 2) else SLOT // 2)
        begun = lattice.bar(metre)
        found.append((begun, metre))
    slots: list[int] = []
    tempi: list[int] = []
    rolled: list[bool] = []
    for step in steps:
        place += step.distance
        if step.restart:
            found.append((place, int(lattice.metre_of[step.row])))
            tempi[-1] = step.tempo
            continue
        slots.append(place - cut)
        tempi.append(step.tempo)
        rolled.append(len(slots) > 1 and not step.distance)
    paces = TEMPI[np.array(tempi)]
    named = [lattice.metres[index] for _, index in found]
    if float(np.median(paces)) < _ALLA_BREVE and Metre(2, 2) not in lattice.metres:
        named = [Metre(2, 2) if metre == Metre(4, 4) else metre for metre in named]
    sections: list[Section] = []
    for (start, _), written in zip(found, named, strict=True):
        section = Section(max(0, start - cut) * UNIT // SLOT, written)
        if not sections or starts_anew(sections[-1], section):
            sections.append(section)
    return Count(np.array(slots), sections, paces, np.array(rolled))
