"""What a music21 note remembers of the performed note that it came from."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ORNAMENT_KEY", "TRACE_KEY", "OrnamentNote", "PerformedTrace"]

TRACE_KEY = "performed"
"""The key of ``note.editorial`` under which the trace rides along."""

ORNAMENT_KEY = "ornament"
"""The key of ``note.editorial`` for the notes that its sign stands for: a tuple of OrnamentNote."""


class PerformedTrace(NamedTuple):
    """Ties a notated note to its two events, so that an unedited note is written back exactly.

    The shifts are what the notation rounded away: the performed onset is the notated onset in ticks
    plus *onset_shift*, the performed end is the notated end (of the last tied piece) plus
    *end_shift*. So a note that a user moves, lengthens or transposes keeps its human timing at its
    new place. All pieces of a tied note share one trace. Where the page has its own beats, notated
    places become ticks by the clock of their bar (see ``music21_lstm.streams.clock``).
    """

    on: int
    """Place of the note on in ``Performance.events``; it settles the order inside one tick."""
    off: int | None
    """Place of the note off, or None for a note that was never released."""
    onset_shift: int
    end_shift: int
    release_velocity: int
    spelled_off_as_note_on: bool


class OrnamentNote(NamedTuple):
    """A performed note that the page shows as a sign at another note, such as the notes of a trill.

    Both shifts of its trace count from the onset of the note that has the sign. If a user moves,
    transposes or deletes that note, these go with it.
    """

    trace: PerformedTrace
    interval: int
    """Semitones above the written note."""
    velocity: int
