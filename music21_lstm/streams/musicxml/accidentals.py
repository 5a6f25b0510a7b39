"""Which notes of a bar want an accidental: for those that a user has edited."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from music21 import note

from music21_lstm.notation.accidentals import Accidentals

__all__ = ["unsettled"]


def unsettled(elements: Iterable[tuple[Any, note.GeneralNote]], sharps: int) -> set[int]:
    """The ``id`` of each note that wants its accidental, of those that do not say so themselves.

    *elements* are the notes and chords of one staff of one bar with their offsets. What an
    accidental says holds to the end of the bar.
    """
    found: set[int] = set()
    known = Accidentals()
    known.new_bar(sharps)
    for _, element in sorted(elements, key=lambda pair: pair[0]):
        for one in getattr(element, "notes", (element,)):
            if not isinstance(one, note.Note):
                continue
            pitch = one.pitch
            accidental = pitch.accidental
            tied = one.tie is not None and one.tie.type in ("stop", "continue")
            alteration = accidental.alter if accidental is not None else 0
            shown = known.shown(pitch.step, pitch.implicitOctave, int(alteration), tied=tied)
            if shown and (accidental is None or accidental.displayStatus is None):
                found.add(id(one))
    return found
