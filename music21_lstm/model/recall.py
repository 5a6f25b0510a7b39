"""Where the last notes were heard before, and what came next then: a memory of the piece itself.

Music repeats itself, literally and at any distance, and no LSTM of this size can remember a page
of it. So the model is told: the latest place is sought to which the same pitches led, in canonical
order, the last ten of them, or six, or four; what followed there is what the model sees. While the
notes keep following, the place moves along with them. (The idea is that of a match model in data
compression: Mahoney 2005, "Adaptive weighing of context models".) With *sequences* a passage that
comes again in another key is known again, too, and three notes are enough in the same key. A note
that sounds in a passage is expected to end when it is as long as it was the first time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2

__all__ = ["Recall"]

_ORDERS = ((10, False), (6, False), (4, False))
"""So many notes must be the same, the most first; True: in any key."""

_SEQUENCES = ((10, False), (10, True), (6, False), (6, True), (4, False), (4, True), (3, False))
"""The same where sequences are known."""

_LONGEST = 15

_CLASSES = tuple(min(_LONGEST, 1 + round(2 * log2(length))) for length in range(1, 129))
"""The class of each length, from 1 on; what is longer is as the last."""


@dataclass(slots=True)
class Recall:
    """The notes struck so far and, while a passage is being repeated, the place in the first one.

    *onsets*, *pitches*, *velocities* (bins), *intervals* from the one before: of each note. *place* is
    the index of the note that came next the first time, -1 for none; *length* how many notes have been
    the same; *shift* by how many semitones they are higher now.

    >>> recall = Recall()
    >>> for tick, pitch in enumerate([60, 64, 67, 72, 76, 60, 64, 67, 72]):
    ...     recall.strike(tick, pitch, 20)
    >>> recall.rows(tick=8)  # class of the length, pitch, ticks to wait, velocity
    (5, 76, 1, 20)
    """

    sequences: bool = False
    onsets: list[int] = field(default_factory=list)
    pitches: list[int] = field(default_factory=list)
    velocities: list[int] = field(default_factory=list)
    intervals: list[int] = field(default_factory=list)
    place: int = -1
    length: int = 0
    shift: int = 0
    _ends: list[int] = field(default_factory=list)
    _sounding: dict[int, int] = field(default_factory=dict)
    _expected: dict[int, int] = field(default_factory=dict)
    _after: tuple[dict[tuple[int, ...], tuple[int, int]], ...] = field(
        default_factory=lambda: tuple({} for _ in _SEQUENCES)
    )

    def strike(self, tick: int, pitch: int, velocity: int) -> None:
        """Take a note."""
        pitches, intervals = self.pitches, self.intervals
        intervals.append(pitch - pitches[-1] if pitches else 0)
        self.onsets.append(tick)
        pitches.append(pitch)
        self.velocities.append(velocity)
        self._sounding[pitch] = len(self._ends)
        self._ends.append(-1)
        count = len(pitches)
        if self.place >= 0 and pitches[self.place] + self.shift == pitch:
            self.place += 1
            self.length += 1
        else:
            self.place, self.length, self.shift = -1, 0, 0
        orders = _SEQUENCES if self.sequences else _ORDERS
        for (order, in_any_key), after in zip(orders, self._after, strict=False):
            if count < order:
                continue
            first = pitches[-order] if in_any_key else 0
            shape = tuple(intervals[1 - order :] if in_any_key else pitches[-order:])
            if self.place < 0 and shape in after:
                self.place, before = after[shape]
                self.length, self.shift = order, first - before
            after[shape] = count, first
        if self.place > 0 and self._ends[self.place - 1] >= 0:
            length = self._ends[self.place - 1] - self.onsets[self.place - 1]
            self._expected[pitch] = tick + length

    def release(self, tick: int, pitch: int) -> None:
        """Take the end of a note."""
        place = self._sounding.pop(pitch, None)
        if place is not None:
            self._ends[place] = tick
        self._expected.pop(pitch, None)

    def end(self, tick: int) -> tuple[int, int] | None:
        """The pitch of the note that is expected to end first, and in how many grid ticks; or None."""
        if not self._expected:
            return None
        due, pitch = min((due, pitch) for pitch, due in self._expected.items())
        return pitch, max(0, due - tick)

    def rows(self, tick: int) -> tuple[int, int, int, int]:
        """Class of the length, pitch of the note to come, grid ticks until it is due, and velocity.

        All are 0 where nothing is being repeated. The classes of what is repeated in another key are
        those from 16 on.
        """
        if self.place < 0:
            return 0, 0, 0, 0
        gap = self.onsets[self.place] - self.onsets[self.place - 1]
        due = max(0, self.onsets[-1] + gap - tick)
        length = _CLASSES[min(self.length, len(_CLASSES)) - 1]
        if self.shift:
            length += 1 + _LONGEST
        pitch = min(max(0, self.pitches[self.place] + self.shift), 127)
        return length, pitch, due, self.velocities[self.place]
