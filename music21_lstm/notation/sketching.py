"""Writing one staff for a file alone: measures, and beside them plain notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from music21 import stream

from music21_lstm.notation.bars import Bar
from music21_lstm.notation.pieces import Piece
from music21_lstm.notation.plain import PlainHead, PlainNote
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.voices import Sounding
from music21_lstm.notation.writing import TIES, Element, Flow, StaffWriter

__all__ = ["SketchWriter"]


class SketchWriter(StaffWriter):
    """Writes measures that hold their signs alone; *flows* has their notes.

    Those are plain wherever they can be, and *flows* has the voices of each measure by its ``id``, a
    name and what it holds.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.flows: dict[int, list[tuple[str, Flow]]] = {}

    def _fill(self, measure: stream.Measure, flows: Sequence[Flow]) -> None:
        names = self.voice_ids or ("", "")
        named = zip(names, flows, strict=True)
        self.flows[id(measure)] = [(name, flow) for name, flow in named if flow]

    def _rest(self, piece: Piece, bar: Bar, *, fermata: bool) -> Element:
        if fermata:
            return super()._rest(piece, bar, fermata=fermata)
        whole = piece.start == 0 and piece.end == bar.length
        return PlainNote(piece.end - piece.start, hidden=not piece.visible, whole=whole)

    def _grace(self, placed: Placed) -> Element:
        return PlainNote(0, [PlainHead(*self._head(placed, tied=False), placed.note.velocity)])

    def _note(
        self, piece: Piece, sounding: Sounding, stem: str | None, *, fermata: bool
    ) -> Element:
        if fermata or (not piece.tied_before and (sounding.arpeggio or sounding.ornament)):
            return super()._note(piece, sounding, stem, fermata=fermata)
        heads: list[PlainHead] = []
        before = -1
        for placed in sounding.notes:
            midi = placed.note.pitch
            named = self._head(placed, tied=piece.tied_before)
            heads.append(PlainHead(*named, placed.note.velocity, midi == before))
            before = midi
        return PlainNote(
            piece.end - piece.start,
            heads,
            TIES[piece.tied_before, piece.tied_after],
            stem,
            () if piece.tied_before else self._marks(sounding),
        )
