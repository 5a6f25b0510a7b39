"""What counting comes to: where each chord is on the page."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy.typing as npt

from music21_lstm.notation.bars import Section

__all__ = ["Count"]

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
