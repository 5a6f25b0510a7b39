"""Less looping: what it costs to play again what has just been played, and to dwell on one pitch.

Passages: after the sampler "DRY" for text (P. E. Weidmann, 2024), on the pitches of onsets in place of
words, and linear, so that a motif may come back and a loop wears itself out. Pitches: one that is
struck over and over with other notes about it repeats no passage, and is dull all the same.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from music21_lstm.errors import GenerationError

__all__ = ["LATELY", "MEMORY", "OFTEN", "SHORTEST_RUN", "Repeats"]

SHORTEST_RUN = 8
"""Onsets that may stand again for nothing: about a bar of a melody, two chords of a chorale."""

LONGEST_RUN = 64
"""A repeat costs no more when it gets longer than this."""

MEMORY = 512
"""How many onsets back a repeat is looked for."""


LATELY = 32
"""How many onsets back a pitch is counted."""

OFTEN = 5
"""Onsets of them that a pitch has for nothing: about a sixth."""


class Repeats:
    """Keeps up, onset by onset, which earlier passages the last onsets repeat, and what they dwell on.

    The next pitch makes the longest passage that it goes on one onset longer, n in all. It costs
    *strength* nats for each onset of it from the eighth on, ``strength × (n − 7)``, and nothing if n
    is below 8. A pitch that was struck c times in the last 32 onsets costs ``strength × (c − 5)`` more.

    >>> repeats = Repeats(0.5, [60, 62, 64, 65, 67, 69, 71, 72] * 2)
    >>> repeats.penalty()[[60, 62]].tolist()
    [1.0, 0.0]
    >>> Repeats(0.5, [60, 72] + [60, 74] + [60, 76] + [48, 60] * 4).penalty()[[60, 48]].tolist()
    [1.0, 0.0]
    """

    def __init__(self, strength: float, heard: Iterable[int] = ()) -> None:
        if not 0 <= strength <= 100:
            raise GenerationError(f"repetition is {strength}; it must be from 0 (off) to 100 nats")
        self._strength = strength
        self._heard: list[int] = []
        self._places: defaultdict[int, deque[int]] = defaultdict(deque)
        self._runs: dict[int, int] = {}
        """Where a run has come to that is the same as the last onsets, and how long it is."""
        self._lately: dict[int, int] = {}
        """How often each pitch was struck in the last onsets."""
        self._often: dict[int, float] = {}
        """What those cost that were struck often."""
        for pitch in list(heard)[-MEMORY:] if strength else ():
            self.take(pitch)

    def take(self, pitch: int) -> None:
        """Go on to an onset."""
        if not self._strength:
            return
        first = len(self._heard) - MEMORY
        places, runs = self._places[pitch], self._runs
        while places and places[0] < first:
            places.popleft()
        self._runs = {place: runs.get(place - 1, 0) + 1 if place > first else 1 for place in places}
        places.append(len(self._heard))
        self._heard.append(pitch)
        self._count(pitch, 1)
        if len(self._heard) > LATELY:
            self._count(self._heard[-1 - LATELY], -1)

    def _count(self, pitch: int, more: int) -> None:
        count = self._lately.get(pitch, 0) + more
        self._lately[pitch] = count
        if count > OFTEN:
            self._often[pitch] = self._strength * (count - OFTEN)
        else:
            self._often.pop(pitch, None)

    def penalty(self) -> NDArray[np.float32] | None:
        """What each pitch costs now, (128,); None if nothing does."""
        first, found = len(self._heard) - MEMORY, None
        for place, run in self._runs.items():
            if run >= SHORTEST_RUN - 1 and place >= first:
                if found is None:
                    found = np.zeros(128, np.float32)
                cost = self._strength * (min(run + 1, LONGEST_RUN) - (SHORTEST_RUN - 1))
                pitch = self._heard[place + 1]
                found[pitch] = max(found[pitch], cost)
        for pitch, cost in self._often.items():
            if found is None:
                found = np.zeros(128, np.float32)
            found[pitch] += cost
        return found
