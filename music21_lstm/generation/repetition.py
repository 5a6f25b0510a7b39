"""Less looping: what it costs to play again what has just been played.

After the sampler "DRY" for text (P. E. Weidmann, 2024), on the pitches of onsets in place of words,
and linear, so that a motif may come back and a loop wears itself out.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from music21_lstm.errors import GenerationError

__all__ = ["MEMORY", "SHORTEST_RUN", "Repeats", "repetition_penalty"]

SHORTEST_RUN = 8
"""Onsets that may stand again for nothing: about a bar of a melody, two chords of a chorale."""

LONGEST_RUN = 64
"""A repeat costs no more when it gets longer than this."""

MEMORY = 512
"""How many onsets back a repeat is looked for."""

Ints = NDArray[np.int64]


def repetition_penalty(heard: Ints, runs: Ints, strength: float) -> NDArray[np.float32]:
    """What each pitch as the next onset costs, (128,), in nats.

    *heard* are the pitches of the onsets so far, (n,), and ``runs[i]`` how many of the last onsets up
    to ``heard[i]`` are the same as the very last ones. The next pitch makes the longest of those runs
    that it goes on one onset longer, n in all; it costs *strength* nats for each onset of the run
    from the eighth on, ``strength × (n − 7)``, and nothing if n is below 8.

    >>> heard, runs = np.array([60, 62, 60]), np.array([7, 0, 0])
    >>> repetition_penalty(heard, runs, 0.5)[[60, 62]].tolist()
    [0.0, 0.5]
    """
    longest = np.zeros(128, np.int64)
    np.maximum.at(longest, heard[1:], runs[:-1] + 1)
    over = np.minimum(longest, LONGEST_RUN) - (SHORTEST_RUN - 1)
    found: NDArray[np.float32] = (strength * np.maximum(over, 0)).astype(np.float32)
    return found


class Repeats:
    """Keeps up, onset by onset, which earlier passages the last onsets repeat."""

    def __init__(self, strength: float, heard: Iterable[int] = ()) -> None:
        if not 0 <= strength <= 100:
            raise GenerationError(f"repetition is {strength}; it must be from 0 (off) to 100 nats")
        self._strength = strength
        self._heard: Ints = np.zeros(0, np.int64)
        self._runs: Ints = np.zeros(0, np.int64)
        self._penalty: NDArray[np.float32] | None = None
        for pitch in list(heard)[-MEMORY:] if strength else ():
            self.take(pitch)

    def take(self, pitch: int) -> None:
        """Go on to an onset."""
        if not self._strength:
            return
        before = np.concatenate([[0], self._runs])[: len(self._runs)]
        runs = np.where(self._heard == pitch, before + 1, 0)
        self._heard = np.append(self._heard, pitch)[-MEMORY:]
        # The last onset is no repeat of itself.
        self._runs = np.append(runs, 0)[-MEMORY:]
        self._penalty = None

    def penalty(self) -> NDArray[np.float32] | None:
        """What each pitch costs now, (128,); None if nothing does."""
        if not self._strength or len(self._heard) < SHORTEST_RUN:
            return None
        if self._penalty is None:
            self._penalty = repetition_penalty(self._heard, self._runs, self._strength)
        return self._penalty
