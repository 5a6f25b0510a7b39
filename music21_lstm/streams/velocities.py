"""The velocities of the notes of a part: their own, or what its dynamics ask for."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from music21 import base, dynamics

__all__ = ["DEFAULT_VELOCITY", "Velocities"]

DEFAULT_VELOCITY = 90
"""music21's own loudness of a note without any dynamic: 0.71 of the full scale."""


class Velocities:
    """How hard each note is struck.

    Of *written* music the dynamics count first: a note's own velocity is how it was performed.
    """

    def __init__(
        self, elements: list[tuple[Any, base.Music21Object]], *, written: bool = False
    ) -> None:
        marks = sorted(
            (offset, max(1, min(127, round(element.volumeScalar * 127))))
            for offset, element in elements
            if isinstance(element, dynamics.Dynamic) and element.volumeScalar
        )
        self._offsets = [offset for offset, _ in marks]
        self._levels = [DEFAULT_VELOCITY, *(level for _, level in marks)]
        self._by_marks = written and bool(marks)

    def of(self, member: Any, element: Any, offset: Any) -> int:
        """The velocity of a note at *offset*; *element* is itself or its chord."""
        for one in () if self._by_marks else (member, element):
            if one.hasVolumeInformation() and one.volume.velocity is not None:
                return min(127, max(1, int(one.volume.velocity)))
        level: int = self._levels[bisect_right(self._offsets, offset)]
        return level
