"""What is asked of the music, and from when on."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from typing import Any

import numpy as np

from music21_lstm.errors import GenerationError
from music21_lstm.model.config import STEER_ROWS
from music21_lstm.model.steering import Steering

__all__ = ["Steer", "Wishes", "character_of", "pairs_of"]

Steer = Steering | Sequence[tuple[float, Steering]]
"""One wish for all of the piece, or a list of when each begins, in rising order, and what it is."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """The *rows* of the embeddings of steering, and the grid *ticks*, rising, at which each begins."""

    ticks: tuple[float, ...] = ()
    rows: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def of(cls, steer: Steer, unit: float, first: float = 0) -> Wishes:
        """The wishes of a user, whose times are in so many grid ticks.

        *first* is where time 0 is, in grid ticks; what is asked at time 0 holds before it, too.
        """
        changes = pairs_of(steer)
        ticks = tuple(start * unit + first if start else 0.0 for start, _ in changes)
        return cls(ticks, tuple(wish.rows for _, wish in changes))

    @property
    def asked(self) -> bool:
        """Whether anything is, ever."""
        return any(map(any, self.rows))

    def at(self, tick: int) -> tuple[int, ...]:
        """The row of each embedding at a *tick* from the start of what is played."""
        place = bisect_right(self.ticks, tick) - 1
        return self.rows[place] if place >= 0 else _NOTHING


def character_of(metadata: Mapping[str, Any], seed: int) -> Steering | None:
    """The key, density, velocity level and register of a piece trained on, drawn with *seed*.

    None for a model whose *metadata* does not know them (``characters``; written by training).
    """
    known = metadata.get("characters")
    if not known:
        return None
    # Not the dice that draw the notes: a piece for which the same is asked is the same piece.
    return Steering(*known[np.random.default_rng([seed, 1]).integers(len(known))])


def pairs_of(steer: Steer) -> list[tuple[float, Steering]]:
    """When each wish begins, and what it is.

    Raises :class:`~music21_lstm.errors.GenerationError` for what is none, and for times that do not
    rise.
    """
    if isinstance(steer, Steering):
        return [(0.0, steer)]
    try:
        pairs = [(float(start), wish) for start, wish in steer]
        are_wishes = all(isinstance(wish, Steering) for _, wish in pairs)
    except (TypeError, ValueError):
        are_wishes = False
    if not are_wishes:
        raise GenerationError(
            f"steer is {steer!r}; give a Steering, or a list of (time, Steering) pairs"
        )
    starts = [start for start, _ in pairs]
    if not all(0 <= a < b for a, b in pairwise([*starts, inf])):
        raise GenerationError(f"wishes begin at {starts}; the times must rise from 0 on")
    return pairs


_NOTHING = (0,) * len(STEER_ROWS)
