"""Plain notes: what is written of a note, chord or rest that has nothing rare about it.

A page that goes straight into a file needs no music21 objects for its notes; they would take more time
than to find the beats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from music21_lstm.notation.beams import Beam, Bracket

__all__ = ["Mark", "PlainHead", "PlainNote", "TieKind"]

Mark = Literal["accent", "staccato"]
TieKind = Literal["start", "continue", "stop"]


class PlainHead(NamedTuple):
    """A note head: its line or space, its alteration in semitones, and whether that is *shown*."""

    step: str
    octave: int
    alteration: int
    shown: bool
    velocity: int
    hidden: bool = False


@dataclass(slots=True, eq=False)
class PlainNote:
    """A note, a chord or, without *heads* (from low to high), a rest.

    *length* is in units, 0 for a grace note.

    *stem*: ``"up"``, ``"down"``, or None for the reader to choose. *hidden*: a rest that is not
    printed; *whole*: one that fills its bar.
    """

    length: int
    heads: list[PlainHead] = field(default_factory=list)
    tie: TieKind | None = None
    stem: str | None = None
    marks: tuple[Mark, ...] = ()
    beams: tuple[Beam, ...] = ()
    bracket: Bracket | None = None
    hidden: bool = False
    whole: bool = False

    @property
    def is_rest(self) -> bool:
        """Whether there is no note."""
        return not self.heads
