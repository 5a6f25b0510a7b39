"""The lattice that beats are found on: every place in the bar, of every metre, at every tempo.

Its steps are bound to where they lead from: for a number of slots gone by, the few places of the
same metre about so far back. So a step costs the same however many places there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.beats.tables import LEARNT, PERIODS, SLOT, Tables, slots_of, tables
from music21_lstm.notation.metre import UNIT, Metre

__all__ = [
    "FITS",
    "FURTHEST",
    "LONG_BARS",
    "NEVER",
    "REACH",
    "STAY",
    "STEP",
    "TEMPI",
    "WAYS",
    "Lattice",
    "lattice_of",
    "opening",
]

Array = npt.NDArray[Any]

STEP = 0.07
"""The step from one tempo to the next, as a logarithm."""

TEMPI = np.exp(np.arange(np.log(0.16), np.log(2.6), STEP))
"""Seconds a quarter: 375 to 23 beats a minute."""

FURTHEST = 10 * SLOT
"""The longest step, in slots."""

WAYS = 5
"""How many places a step may come from: the nearest, and two on each side."""

REACH = 7
"""A step leads from at most so many slots beside as far back as wanted."""

STAY = 2 * REACH + 1
"""What stands for a chord at the place of the one before, after the misses from −REACH to REACH."""

FITS = STAY + 1

NEVER = np.float32(-1e6)
_UNREACHED = -1e4
_PAUSES = (6, 12, 24, 36, 48, 72, 96)
"""The steps, in slots, that may last any longer time: pauses and fermatas."""

LONG_BARS = 1.5
"""What each whole bar without an onset costs, in nats."""


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """The places (rows) of some metres.

    *metre_of*, *slot*, *level*: what each row is. *first*: each metre's row of the bar line.
    *source*, *distance*, *weight* ``(FURTHEST, WAYS + 1, rows)``: for each number of slots gone by,
    the rows that may come before a row, how many slots away they are, and the step's log
    probability; *miss*: how many more slots than went by, plus REACH; or STAY; *place*: *miss* and
    *source* as one index, of ``(FITS, rows)``. *pause_source* and the
    other two ``(pauses, rows)``: of steps that may last longer. *period* ``(metres, tempi)``: the kind
    of beat (in ``PERIODS``) that a tempo gives.
    """

    metres: tuple[Metre, ...]
    metre_of: Array
    slot: Array
    level: Array
    first: Array
    source: Array
    distance: Array
    miss: Array
    place: Array
    weight: Array
    pause_source: Array
    pause_distance: Array
    pause_weight: Array
    period: Array

    def bar(self, metre: int) -> int:
        """The slots in a bar of a metre, by its index."""
        return self.metres[metre].length * SLOT // UNIT


@lru_cache(maxsize=16)
def lattice_of(metres: tuple[Metre, ...]) -> Lattice:
    """The lattice of *metres*, with the learnt probabilities of their steps."""
    learnt = tables()
    places = [slots_of(metre) for metre in metres]
    first = np.cumsum([0] + [len(slots) for slots in places])
    shape = (WAYS, FURTHEST, int(first[-1]))
    source = np.zeros(shape, np.int64)
    distance = np.ones(shape, np.int64)
    weight = np.full(shape, _UNREACHED, np.float32)
    for metre, slots, begin in zip(metres, places, first[:-1], strict=True):
        rows = slice(begin, begin + len(slots))
        found = _steps(metre, slots, np.log(step_table(metre, slots, learnt)))
        source[:, :, rows] = found[0] + begin
        distance[:, :, rows], weight[:, :, rows] = found[1], found[2]
    beats = np.array([metre.beat / UNIT for metre in metres])
    nearest = np.round((np.log2(TEMPI[None] * beats[:, None]) - np.log2(PERIODS[0])) / 0.2)
    source, distance, weight, miss = _by_slots(source, distance, weight)
    pause = np.array(_PAUSES)
    return Lattice(
        metres,
        np.repeat(np.arange(len(metres)), np.diff(first)),
        np.concatenate(places),
        np.concatenate([levels_of(m, slots) for m, slots in zip(metres, places, strict=True)]),
        first[:-1],
        source,
        distance,
        miss,
        miss * source.shape[2] + source,
        weight,
        source[pause, WAYS // 2],
        distance[pause, WAYS // 2],
        weight[pause, WAYS // 2],
        np.clip(nearest, 0, len(PERIODS) - 1).astype(np.int64),
    )


def _by_slots(source: Array, distance: Array, weight: Array) -> tuple[Array, Array, Array, Array]:
    """The same ``(FURTHEST, WAYS + 1, rows)``, the last way being to stay; and the misses."""
    miss = np.clip(distance - np.arange(FURTHEST)[None, :, None] + REACH, 0, 2 * REACH)
    rows = np.broadcast_to(np.arange(source.shape[2]), source.shape[1:])

    def turned(array: Array, stay: Array) -> Array:
        both = np.concatenate([array, stay[None].astype(array.dtype)])
        return np.ascontiguousarray(both.transpose(1, 0, 2))

    none = np.zeros_like(rows)
    return (
        turned(source, rows),
        turned(distance, none),
        turned(weight, none),
        turned(miss, none + STAY),
    )


def levels_of(metre: Metre, slots: Array) -> Array:
    beat = metre.beat * SLOT // UNIT
    half = beat // 3 if metre.compound else beat // 2
    finer = np.where(slots % max(1, half) == 0, 2, 3)
    return np.where(slots == 0, 0, np.where(slots % beat == 0, 1, finer))


def step_table(metre: Metre, slots: Array, learnt: Tables) -> Array:
    """The probability of each next slot, ``(2, slots, slots)``; see :class:`Tables`.

    A metre that was not learnt steps as strong and near places invite it to.
    """
    like = Metre(4, 4) if metre == Metre(2, 2) else metre
    if like in LEARNT:
        return learnt.steps[str(like)]
    wanted = np.array([8.0, 6.0, 4.0, 1.0])[levels_of(metre, slots)]
    bar = metre.length * SLOT // UNIT
    distance = (slots[None, :] - slots[:, None]) % bar
    distance[distance == 0] = bar
    both = wanted * np.exp(-np.stack([distance, distance + bar]) / SLOT)
    total: Array = both / both.sum((0, 2), keepdims=True)
    return np.maximum(total, 1e-6)


def _steps(metre: Metre, slots: Array, logs: Array) -> tuple[Array, Array, Array]:
    """Where each row's steps come from: rows, distances and log probabilities."""
    bar, count = metre.length * SLOT // UNIT, len(slots)
    wanted = slots[None, :] - np.arange(FURTHEST)[:, None]
    bars = np.floor_divide(wanted, bar)
    edge = np.append(slots, bar)
    middles = (edge[1:] + edge[:-1]) / 2
    near = np.searchsorted(middles, (wanted - bars * bar).ravel()).reshape(wanted.shape)
    place = bars * count + near + (np.arange(WAYS) - WAYS // 2)[:, None, None]
    back = np.floor_divide(place, count)
    row = place - back * count
    distance = slots - (back * bar + slots[row])
    possible = distance > 0
    whole = np.where(possible, (distance - 1) // bar, 0)
    into = np.broadcast_to(np.arange(count), row.shape)
    weight = logs[np.minimum(whole, 1), row, into] - LONG_BARS * np.maximum(whole - 1, 0)
    return row, np.where(possible, distance, 1), np.where(possible, weight, _UNREACHED)


def opening(lattice: Lattice, learnt: Tables) -> Array:
    """The log probability of beginning at each tempo and row, ``(tempi, rows)``."""
    columns = []
    for metre in lattice.metres:
        like = Metre(4, 4) if metre == Metre(2, 2) else metre
        if like in LEARNT:
            index = LEARNT.index(like)
            slots, often = np.log(learnt.openings[str(like)]), np.log(learnt.metres[index])
            mean, spread = learnt.tempi[index]
        else:
            slots = np.log(np.array([0.6, 0.3, 0.09, 0.01]))[levels_of(metre, slots_of(metre))]
            often, (mean, spread) = 0.0, learnt.tempi.mean(0)
        tempo = -0.5 * ((np.log(TEMPI) - mean) / max(0.35, spread)) ** 2
        columns.append(slots[None] + tempo[:, None] + often)
    return np.concatenate(columns, 1).astype(np.float32)
