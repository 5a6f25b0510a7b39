"""What was learnt of beats and bars from music whose score is known: one small file of arrays.

``python -m benchmarks.beats`` makes ``learnt.npz`` anew from piano-midi.de (its ticks are the
score's and its tempo map is the performance); docs/notation.md says from which pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.metre import Metre

__all__ = ["COMMON", "LEARNT", "PERIODS", "SLOT", "Tables", "slots_of", "tables"]

Array = npt.NDArray[Any]

LEARNT = tuple(Metre(*m) for m in ((2, 4), (3, 4), (4, 4), (3, 8), (6, 8), (9, 8), (12, 8)))
"""The metres that are listened for."""

COMMON = LEARNT[1:5]
"""Those that beats are found by, which is all the same in the others."""

SLOT = 24
"""Slots in a quarter; onsets stand on some of them."""

PERIODS = np.exp2(np.arange(24) * 0.2 - 2.4)
"""The lengths of a beat that are told apart, in seconds."""

_SIMPLE = (0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21)
_COMPOUND = (0, 3, 6, 9)


def slots_of(metre: Metre) -> Array:
    """The slots of a bar where onsets are looked for: thirty-seconds, and triplets of simple beats.

    >>> slots_of(Metre(3, 8)).tolist()
    [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33]
    """
    inside, step = (_COMPOUND, SLOT // 2) if metre.compound else (_SIMPLE, SLOT)
    length = metre.numerator * 4 * SLOT // metre.denominator
    places = [start + slot for start in range(0, length, step) for slot in inside]
    return np.array([place for place in places if place < length])


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The learnt arrays.

    *steps* and *openings*, by metre: the probability of the next onset's slot given this one's,
    ``(2, slots, slots)`` (the first for steps of at most a bar), and of the first onset's slot.
    *metres* ``(7,)``: how frequent each metre is; *tempi* ``(7, 2)``: mean and deviation of the
    logarithm of its quarter, in seconds. *net*: the weights of the listening network. *levels*,
    *periods*: log priors of what it says. *lags* ``(33, 3)``: from repetition to two, three
    or four beats a bar.
    """

    steps: dict[str, Array]
    openings: dict[str, Array]
    metres: Array
    tempi: Array
    net: dict[str, Array]
    levels: Array
    periods: Array
    lags: Array


@lru_cache(maxsize=1)
def tables() -> Tables:
    """The learnt arrays, read once."""
    source = files(__package__).joinpath("learnt.npz")
    with source.open("rb") as opened, np.load(opened, allow_pickle=False) as found:
        arrays: dict[str, Array] = {name: found[name].astype(np.float32) for name in found.files}
    net = {name[4:]: array for name, array in arrays.items() if name.startswith("net.")}
    named = [str(metre) for metre in LEARNT]
    return Tables(
        {name: arrays[f"steps.{name}"] for name in named},
        {name: arrays[f"openings.{name}"] for name in named},
        arrays["metres"],
        arrays["tempi"],
        net,
        arrays["levels"],
        arrays["periods"],
        arrays["lags"],
    )
