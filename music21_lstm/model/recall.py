"""Where the last notes were heard before, and what came next then: a memory of the piece itself.

Music repeats itself, literally and at any distance, and no LSTM of this size can remember a page
of it. So the model is told: the latest place is sought to which the same pitches led, in canonical
order, the last ten of them, or six, or four; what followed there is what the model sees. While the
notes keep following, the place moves along with them. (The idea is that of a match model in data
compression: Mahoney 2005, "Adaptive weighing of context models".) With *sequences* a passage that
comes again in another key is known again, too, and three notes are enough in the same key. A note
that sounds in a passage is expected to end when it is as long as it was the first time.

Where a person plays, the notes of a chord come in another order each time, and some are wrong. With
*tolerant* the notes need not follow in the order of the first time, one that does not belong is
passed over, and three notes are told that are to come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AHEAD", "Recall"]

AHEAD = 3
"""So many notes that are to come are told, where recall is tolerant."""

_ORDERS = ((10, False), (6, False), (4, False))
"""So many notes must be the same, the most first; True: in any key."""

_SEQUENCES = ((10, False), (10, True), (6, False), (6, True), (4, False), (4, True), (3, False))
"""The same where sequences are known."""

_LONGEST = 15

_CLASSES = tuple(min(_LONGEST, 1 + round(2 * log2(length))) for length in range(1, 129))
"""The class of each length, from 1 on; what is longer is as the last."""

_REACH = 5
"""Of so many notes that are to come any may be the next, where recall is tolerant."""

_PATIENCE = 7
"""A passage is lost when so much has gone wrong: a note that does not belong counts two, and one
that does makes good for one."""


@dataclass(slots=True)
class Recall:
    """The notes struck so far and, while a passage is being repeated, the place in the first one.

    *onsets*, *pitches*, *velocities* (bins), *intervals* from the one before: of each note. *place* is
    the index of the note that is to come next, -1 for none; *length* how many notes have been
    the same; *shift* by how many semitones they are higher now.

    >>> recall = Recall()
    >>> for tick, pitch in enumerate([60, 64, 67, 72, 76, 60, 64, 67, 72]):
    ...     recall.strike(tick, pitch, 20)
    >>> recall.rows(tick=8)  # class of the length, pitch, ticks to wait, velocity
    (5, 76, 1, 20)

    In another order and with a note too many, 61:

    >>> recall = Recall(tolerant=True)
    >>> for tick, pitch in enumerate([60, 64, 67, 72, 76, 79, 60, 64, 67, 72, 79, 61]):
    ...     recall.strike(tick, pitch, 20)
    >>> recall.rows(tick=11)[1], recall.later(tick=11)
    (76, [(60, 0), (64, 1)])
    """

    sequences: bool = False
    tolerant: bool = False
    onsets: list[int] = field(default_factory=list)
    pitches: list[int] = field(default_factory=list)
    velocities: list[int] = field(default_factory=list)
    intervals: list[int] = field(default_factory=list)
    place: int = -1
    length: int = 0
    shift: int = 0
    _latest: int = -1
    """The note of the first time that was last heard again, and when it was, below."""
    _heard: int = 0
    _early: set[int] = field(default_factory=set)
    """The notes after *place* that have come already."""
    _wrong: int = 0
    _ends: list[int] = field(default_factory=list)
    _sounding: dict[int, int] = field(default_factory=dict)
    _expected: dict[int, int] = field(default_factory=dict)
    _after: tuple[dict[tuple[int, ...], tuple[int, int]], ...] = field(
        default_factory=lambda: tuple({} for _ in _SEQUENCES)
    )

    def strike(self, tick: int, pitch: int, velocity: int) -> None:
        """Take a note."""
        pitches = self.pitches
        self.intervals.append(pitch - pitches[-1] if pitches else 0)
        self.onsets.append(tick)
        pitches.append(pitch)
        self.velocities.append(velocity)
        self._sounding[pitch] = len(self._ends)
        self._ends.append(-1)
        follows = self._follow(tick, pitch)
        follows = self._seek(tick) or follows
        if self.place == len(pitches):  # all that there is has been heard again
            self._lose()
        if follows and self._ends[self._latest] >= 0:
            length = self._ends[self._latest] - self.onsets[self._latest]
            self._expected[pitch] = tick + length

    def _follow(self, tick: int, pitch: int) -> bool:
        """Whether the note that was struck was to come: the place moves along."""
        if self.place < 0:
            return False
        reach = range(self.place, min(self.place + _REACH, len(self.pitches) - 1))
        for index in reach if self.tolerant else reach[:1]:
            if self.pitches[index] + self.shift == pitch and index not in self._early:
                self._latest, self._heard = index, tick
                self._early.add(index)
                self._wrong = max(0, self._wrong - 1)
                self.length += 1
                self._move_on()
                return True
        self._wrong += 2
        self.length = max(1, self.length // 2)
        if not self.tolerant or self._wrong >= _PATIENCE:
            self._lose()
        return False

    def _move_on(self) -> None:
        """On to the next note that has not come; one is left behind if the reach is at its end."""
        while self.place in self._early or self._latest - self.place >= _REACH - 1:
            self._early.discard(self.place)
            self.place += 1

    def _lose(self) -> None:
        self.place, self.length, self.shift, self._wrong = -1, 0, 0, 0
        self._early.clear()

    def _seek(self, tick: int) -> bool:
        """Whether the last notes were heard before, if that is asked: the place is there."""
        count = len(self.pitches)
        found = False
        orders = _SEQUENCES if self.sequences else _ORDERS
        for (order, in_any_key), after in zip(orders, self._after, strict=False):
            if count < order:
                continue
            first = self.pitches[-order] if in_any_key else 0
            shape = tuple(self.intervals[1 - order :] if in_any_key else self.pitches[-order:])
            if not found and (self.place < 0 or self._wrong) and shape in after:
                self._lose()
                self.place, before = after[shape]
                self.length, self.shift = order, first - before
                self._latest, self._heard = self.place - 1, tick
                found = True
            after[shape] = count, first
        return found

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
        length = _CLASSES[min(self.length, len(_CLASSES)) - 1]
        if self.shift:
            length += 1 + _LONGEST
        return length, *self._note(self.place, tick), self.velocities[self.place]

    def later(self, tick: int) -> list[tuple[int, int]]:
        """Of the notes to come after that one: pitch, and grid ticks until it is due; two at most."""
        return [self._note(index, tick) for index in islice(self._to_come(), 1, AHEAD)]

    def _to_come(self) -> Iterator[int]:
        """The notes of the first time that are to come, in order."""
        if self.place >= 0:
            indices = range(self.place, len(self.pitches))
            yield from (index for index in indices if index not in self._early)

    def _note(self, index: int, tick: int) -> tuple[int, int]:
        """The pitch of a note of the first time as it is now, and in how many grid ticks it is due."""
        pitch = min(max(0, self.pitches[index] + self.shift), 127)
        gap = self.onsets[index] - self.onsets[self._latest]
        return pitch, max(0, self._heard + gap - tick)
