"""Guidance: what is asked for is followed more than the network alone would follow it.

The network is run twice side by side, once told what is asked and once told nothing, as it was for a
share of its training; what the wishes change of its logits is taken that many times over
(classifier-free guidance; Ho & Salimans 2022, for tokens Sanchez et al. 2023). 1 is the network as it
is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from music21_lstm.generation.cell import EventCells

__all__ = ["Cells", "GuidedCells"]

_VELOCITY = 4
"""What a wish changes of the velocities is taken so many times further than of the rest.

The network believes what it has just heard more than what it is told: asked at the usual guidance to go
from 40 to 90, ``piano`` went on softly in six of sixteen pieces, and in none of forty with this. (Three
left one soft, five four.)
"""

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]
Rows = Sequence[int]


class Cells(Protocol):
    """What is asked of :class:`~music21_lstm.generation.cell.EventCells` when events are drawn."""

    def hear(
        self, events: Sequence[Sequence[int]], sounding: Codes, since: Codes | None = None
    ) -> None:
        """Take an event of each stream into the state."""

    def chosen(self, streams: Sequence[int]) -> Cells:
        """Some of the streams, each where it is."""

    def delta_logits(self) -> Floats:
        """Logits of when."""

    def key_logits(self, delta: Rows, position: Rows, remaining: Rows) -> Floats:
        """Logits of which note goes on or off."""

    def velocity_logits(
        self, key: Rows, delta: Rows, streams: Sequence[int] | None = None
    ) -> Floats:
        """Logits of how loud."""

    def pedal_logits(self, key: Rows, delta: Rows, streams: Sequence[int] | None = None) -> Floats:
        """Logits of what the pedal does."""


class GuidedCells:
    """*streams* of *cells*, each twice: first those that are told, then the same told nothing.

    *told* is how many rows of an event say what it was; those after them say what is asked.
    """

    def __init__(self, cells: EventCells, streams: Sequence[int], told: int, guidance: float):
        self._cells = cells.chosen([*streams, *streams])
        self._streams, self._told, self._guidance = len(streams), told, np.float32(guidance)

    def chosen(self, streams: Sequence[int]) -> GuidedCells:
        """Some of the streams, each where it is."""
        other = GuidedCells.__new__(GuidedCells)
        other._cells = self._cells.chosen(self._both(streams))
        other._streams, other._told = len(streams), self._told
        other._guidance = self._guidance
        return other

    def _both(self, streams: Sequence[int]) -> list[int]:
        return [*streams, *(self._streams + place for place in streams)]

    def hear(
        self, events: Sequence[Sequence[int]], sounding: Codes, since: Codes | None = None
    ) -> None:
        """Take an event of each stream into the state, with and without what is asked."""
        untold = [event[: self._told] for event in events]
        self._cells.hear(
            [*events, *untold],
            np.concatenate([sounding, sounding]),
            None if since is None else np.concatenate([since, since]),
        )

    def delta_logits(self) -> Floats:
        """Logits of when, (streams, bins)."""
        return self._guided(self._cells.delta_logits())

    def key_logits(self, delta: Rows, position: Rows, remaining: Rows) -> Floats:
        """Logits of which note goes on or off, (streams, 257)."""
        told = ([*rows, *rows] for rows in (delta, position, remaining))
        return self._guided(self._cells.key_logits(*told))

    def velocity_logits(
        self, key: Rows, delta: Rows, streams: Sequence[int] | None = None
    ) -> Floats:
        """Logits of how loud."""
        chosen = self._both(range(self._streams) if streams is None else streams)
        logits = self._cells.velocity_logits([*key, *key], [*delta, *delta], chosen)
        further = max(np.float32(0), self._guidance - 1)
        return self._guided(logits, self._guidance + (_VELOCITY - 1) * further)

    def pedal_logits(self, key: Rows, delta: Rows, streams: Sequence[int] | None = None) -> Floats:
        """Logits of what the pedal does."""
        chosen = self._both(range(self._streams) if streams is None else streams)
        return self._guided(self._cells.pedal_logits([*key, *key], [*delta, *delta], chosen))

    def _guided(self, logits: Floats, guidance: np.float32 | None = None) -> Floats:
        """Log-probabilities told nothing, and what the wishes change of them so many times."""
        told, untold = np.split(_normed(logits), 2)
        times = self._guidance if guidance is None else guidance
        found: Floats = untold + times * (told - untold)
        return found


def _normed(logits: Floats) -> Floats:
    """Log-probabilities."""
    top = logits.max(axis=-1, keepdims=True)
    rest = np.exp(logits - top).sum(axis=-1, keepdims=True)
    found: Floats = logits - top - np.log(rest)
    return found
