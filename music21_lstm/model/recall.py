"""Where the last notes were heard before, and what came next then: a memory of the piece itself.

Music repeats itself, literally and at any distance, and no LSTM of this size can remember a page
of it. So the model is told: the latest place is sought to which the same pitches led, in canonical
order, the last ten of them, or six, or four; what followed there is what the model sees. While the
notes keep following, the place moves along with them. (The idea is that of a match model in data
compression: Mahoney 2005, "Adaptive weighing of context models".)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2

__all__ = ["Recall"]

_ORDERS = (10, 6, 4)
"""So many notes must be the same, the most first."""

_LONGEST = 15


@dataclass(slots=True)
class Recall:
    """The notes struck so far and, while a passage is being repeated, the place in the first one.

    *onsets*, *pitches*, *velocities* (bins): of each note. *place* is the index of the note that came
    next the first time, -1 for none; *length* how many notes have been the same.

    >>> recall = Recall()
    >>> for tick, pitch in enumerate([60, 64, 67, 72, 76, 60, 64, 67, 72]):
    ...     recall.strike(tick, pitch, 20)
    >>> recall.rows(tick=8)  # class of the length, pitch, ticks to wait, velocity
    (5, 76, 1, 20)
    """

    onsets: list[int] = field(default_factory=list)
    pitches: list[int] = field(default_factory=list)
    velocities: list[int] = field(default_factory=list)
    place: int = -1
    length: int = 0
    _after: tuple[dict[tuple[int, ...], int], ...] = field(
        default_factory=lambda: tuple({} for _ in _ORDERS)
    )

    def strike(self, tick: int, pitch: int, velocity: int) -> None:
        """Take a note."""
        pitches = self.pitches
        self.onsets.append(tick)
        pitches.append(pitch)
        self.velocities.append(velocity)
        count = len(pitches)
        if self.place >= 0 and pitches[self.place] == pitch:
            self.place += 1
            self.length += 1
        else:
            self.place, self.length = -1, 0
        for order, after in zip(_ORDERS, self._after, strict=True):
            if count >= order:
                last = tuple(pitches[-order:])
                if self.place < 0 and last in after:
                    self.place, self.length = after[last], order
                after[last] = count

    def rows(self, tick: int) -> tuple[int, int, int, int]:
        """Class of the length, pitch of the note to come, grid ticks until it is due, and velocity.

        All are 0 where nothing is being repeated.
        """
        if self.place < 0:
            return 0, 0, 0, 0
        gap = self.onsets[self.place] - self.onsets[self.place - 1]
        due = max(0, self.onsets[-1] + gap - tick)
        length = min(_LONGEST, 1 + round(2 * log2(self.length)))
        return length, self.pitches[self.place], due, self.velocities[self.place]
