"""Only the beats and bar lines that are heard, without a page: some ten times as fast."""

from __future__ import annotations

from fractions import Fraction

from benchmarks.notation.measures import beat_measures
from benchmarks.notation.page import Bar, Note, Page
from benchmarks.notation.truth import Piece
from music21_lstm.notation.bars import bars_of
from music21_lstm.notation.beats import place_played
from music21_lstm.notation.metre import UNIT

__all__ = ["heard"]


def heard(piece: Piece) -> dict[str, float]:
    """``beat`` and ``downbeat`` of what is found in *piece*; see :func:`~.measures.measures`."""
    performance = piece.performance
    placed, sections, _ = place_played(performance)
    index = {note.on: i for i, note in enumerate(performance.notes)}
    notes = [
        Note(
            Fraction(p.onset, UNIT),
            Fraction(p.end - p.onset, UNIT),
            p.note.pitch,
            played=index[p.note.on],
        )
        for p in placed
    ]
    bars = [
        Bar(
            Fraction(bar.start, UNIT),
            Fraction(bar.length, UNIT),
            (bar.metre.numerator, bar.metre.denominator),
            Fraction(bar.shift, UNIT),
        )
        for bar in bars_of(sections, max(p.end for p in placed))
    ]
    page = Page(sorted(notes, key=lambda note: note.onset), bars, [])
    return dict(zip(("beat", "downbeat"), beat_measures(piece, page, piece.times()), strict=True))
