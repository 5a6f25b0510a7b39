"""What the sustain pedal does between two events of notes, as one of 65 classes.

A *gesture* is the changes of the pedal after one event, up to and with the tick of the next: none;
one change, at one of 16 offsets; or two, up and down again (or the other way round), at 8 offsets
and 6 distances. Offsets are grid ticks since the first of the two events. Three changes or more in
one gap, one gap in 120 of piano-midi.de, are told as their first or their first two.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import ControlChange
from music21_lstm.encoding.performance import Performance
from music21_lstm.model.config import PEDAL_CLASSES

__all__ = [
    "DOWN",
    "GESTURE_LEAST",
    "SUSTAIN",
    "changes_of",
    "gesture",
    "gestures",
    "legal_gestures",
    "offsets",
    "pedal_row",
]

SUSTAIN = 64
"""The controller of the sustain pedal."""

DOWN = 64
"""From this value on the pedal is down."""

ONCE = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 26, 34, 50, 80, 130)
FIRST = (1, 2, 4, 6, 9, 14, 24, 50)
SECOND = (1, 3, 6, 10, 18, 40)

_AGES = 12


def changes_of(performance: Performance) -> list[tuple[int, int]]:
    """The tick and the new state, 1 down and 0 up, of each change of the sustain pedal.

    It is down while it is down on any channel; of changes at one tick the last counts.
    """
    latest: dict[int, int] = {}
    held: set[int] = set()
    for tick, event in zip(performance.ticks, performance.events, strict=True):
        if isinstance(event, ControlChange) and event.control == SUSTAIN:
            (held.add if event.value >= DOWN else held.discard)(event.channel)
            latest[tick] = int(bool(held))
    changes, state = [], 0
    for tick, down in latest.items():
        if down != state:
            changes.append((tick, down))
            state = down
    return changes


def gesture(found: Sequence[int]) -> int:
    """The class of the changes at the offsets *found*, rising from 1; :func:`offsets` inverts it.

    >>> gesture([]), gesture([7]), offsets(gesture([7]), 10)
    (0, 6, (6,))
    >>> gesture([2, 11]), offsets(gesture([2, 11]), 60)
    (25, (2, 8))
    """
    if not found:
        return 0
    if len(found) % 2:
        return bisect_right(ONCE, found[0])
    first = bisect_right(FIRST, found[0]) - 1
    second = bisect_right(SECOND, found[1] - found[0]) - 1
    return 1 + len(ONCE) + first * len(SECOND) + second


def offsets(index: int, gap: int) -> tuple[int, ...]:
    """When the pedal changes in a gesture, of a *gap* of so many grid ticks: at 1 to *gap*."""
    if index == 0:
        return ()
    if index <= len(ONCE):
        return (min(gap, ONCE[index - 1]),)
    first, second = divmod(index - 1 - len(ONCE), len(SECOND))
    return FIRST[first], min(gap, FIRST[first] + SECOND[second])


GESTURE_LEAST = np.array(
    [sum(offsets(index, 10**6)[-1:]) for index in range(PEDAL_CLASSES)], np.float32
)
"""How long a gap in grid ticks each gesture needs, (65,)."""


def legal_gestures(gap: int | NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which gestures have room in a *gap* of grid ticks: (65,), or (…, 65) of an array of them."""
    found: NDArray[np.bool_] = np.asarray(gap)[..., None] >= GESTURE_LEAST
    return found


def pedal_row(state: int, age: int) -> int:
    """The row of the embedding for a *state* that has lasted *age* grid ticks."""
    return 1 + _AGES * state + min(_AGES, (1 + age).bit_length()) - 1


def gestures(
    ticks: Sequence[int], gaps: Sequence[int], changes: Sequence[tuple[int, int]]
) -> tuple[list[int], list[int]]:
    """The gesture in the gap before each of the events at *ticks*, and the pedal's row at each.

    *gaps* is how long each gap is told, which may be shorter than it was; *changes* are those of
    :func:`changes_of`. The rows are those of someone who knows the gestures alone.
    """
    classes, rows = [], []
    place = before = clock = state = since = 0
    for tick, gap in zip(ticks, gaps, strict=True):
        found = []
        while gap and place < len(changes) and changes[place][0] <= tick:
            found.append(min(gap, max(1, changes[place][0] - before)))
            place += 1
        index = _parity(found)
        told = offsets(index, gap)
        if told:
            state, since = (state + len(told)) % 2, clock + told[-1]
        clock, before = clock + gap, tick
        classes.append(index)
        rows.append(pedal_row(state, clock - since))
    return classes, rows


def _parity(found: list[int]) -> int:
    """The gesture of changes, of which two may have fallen on one tick: they are none."""
    if len(found) > 1 and found[1] <= found[0]:
        return _parity(found[2:])
    return gesture(found)
