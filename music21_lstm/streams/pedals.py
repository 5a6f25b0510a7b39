"""The pedal marks of a Stream as movements of the pedal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from music21 import base, expressions

__all__ = ["DOWN", "UP", "pedal_changes"]

DOWN, UP = 127, 0


def pedal_changes(elements: Sequence[tuple[Any, base.Music21Object]]) -> list[tuple[Any, int]]:
    """Where the sustain pedal goes down or up, with the value of its controller; in order.

    *elements* are those of a part, the marks among them, with their offsets. A mark holds from its
    first element to the end of its last; one none of whose elements is there counts for nothing.
    """
    marks: list[Any] = [one for _, one in elements if isinstance(one, expressions.PedalMark)]
    if not marks:
        return []
    places = {id(element): where for where, element in elements}
    found: list[tuple[Any, int]] = []
    for mark in marks:
        if mark.pedalType not in (None, expressions.PedalType.Sustain):
            continue
        held = [element for element in mark.getSpannedElements() if id(element) in places]
        if not held:
            continue
        bounces = [places[id(one)] for one in held if isinstance(one, expressions.PedalBounce)]
        found.append((places[id(held[0])], DOWN))
        found += [(where, value) for where in bounces for value in (UP, DOWN)]
        found.append((places[id(held[-1])] + held[-1].quarterLength, UP))
    return sorted(found)
