"""What counting comes to: where each chord is on the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy.typing as npt

from music21_lstm.notation.bars import Section, starts_anew
from music21_lstm.notation.beats.tables import SLOT
from music21_lstm.notation.metre import UNIT, Metre

__all__ = ["Count", "pick_up", "sections_from"]

Array = npt.NDArray[Any]


class Count(NamedTuple):
    """*slots*: the place of each chord from the start of the page, in twenty-fourths of a quarter.

    *sections*: the metres, in units. *paces*: seconds a quarter at each chord. *rolled*: the chord
    belongs to the one before it. *clock*: the slots of some beats and their seconds, both rising, where
    the beats were given.
    """

    slots: Array
    sections: list[Section]
    paces: Array
    rolled: Array
    clock: tuple[Array, Array] | None = None


def pick_up(late: int, length: int) -> int:
    """How many slots of its bar of *length* the page leaves out if the first chord is so *late* in it.

    A page whose first chord stands in the second half of a bar starts at the sixteenth or eighth before
    it; else with the bar.
    """
    if late * 2 < length:
        return 0
    return late - late % (SLOT // 4 if late % (SLOT // 2) else SLOT // 2)


def sections_from(bars: Iterable[tuple[int, Metre]], cut: int) -> list[Section]:
    """The sections of a page that starts at the slot *cut*, of *bars* or metres that begin at slots."""
    sections: list[Section] = []
    for start, metre in bars:
        section = Section(max(0, start - cut) * UNIT // SLOT, metre)
        if not sections or starts_anew(sections[-1], section):
            sections.append(section)
    return sections
