"""Plain notes as MusicXML: the lines that :class:`NoteWriter` gives the same notes of music21."""

from __future__ import annotations

from functools import lru_cache

from music21.duration import Duration, GraceDuration, typeToDuration

from music21_lstm.notation.metre import quarters
from music21_lstm.notation.plain import PlainNote
from music21_lstm.notation.writing import GRACE, MARKS, add_bracket, pitch_of
from music21_lstm.streams.musicxml.lines import (
    Head,
    Value,
    note_line,
    rest_line,
    whole_rest_line,
)
from music21_lstm.streams.musicxml.notes import NoteWriter, divisions_of

__all__ = ["PlainWriter", "divisions"]


@lru_cache(maxsize=4096)
def divisions(units: int) -> int:
    """*units* in divisions."""
    return divisions_of(quarters(units))


class PlainWriter:
    """Writes plain notes; each text that it needs is asked of *notes* once."""

    def __init__(self, notes: NoteWriter) -> None:
        self.notes = notes
        self.values: dict[int, Value] = {}
        self.names: dict[tuple[str, int, int, bool], tuple[str, str]] = {}
        self.marks: dict[object, str] = {}

    def write(
        self, element: PlainNote, voice: str, staff: int | None, *, sole: bool, short_bar: bool
    ) -> str:
        """The lines of one note, chord or rest; the arguments are those of ``NoteWriter.write``."""
        in_voice = f"<voice>{voice}</voice>"
        in_staff = "" if staff is None else f"<staff>{staff}</staff>"
        if element.is_rest:
            return self._rest(element, in_voice, in_staff, sole, short_bar)
        value, marks = self._value(element.length), self._marks(element)
        beams = self.notes.beams(element.beams)
        tie, stem = element.tie, element.stem
        lines = []
        first = True
        for step, octave, alteration, shown, velocity, hidden in element.heads:
            name, accidental = self._name(step, octave, alteration, shown)
            head = Head(velocity, hidden, name, accidental, tie, stem)
            lines.append(note_line(head, value, in_voice, in_staff, beams, marks, first=first))
            first, stem = False, None
        return "\n".join(lines)

    def _rest(
        self, element: PlainNote, in_voice: str, in_staff: str, sole: bool, short_bar: bool
    ) -> str:
        length, hidden = element.length, element.hidden
        if (element.whole or sole) and not (short_bar and _is_one_value(length)):
            return whole_rest_line(divisions(length), in_voice, in_staff, hidden=hidden)
        value, marks = self._value(length), self._marks(element)
        return rest_line(value, in_voice, in_staff, marks, hidden=hidden)

    def _value(self, length: int) -> Value:
        if length not in self.values:
            duration = Duration(quarters(length)) if length else GraceDuration(GRACE)
            self.values[length] = self.notes.value(duration)
        return self.values[length]

    def _name(self, step: str, octave: int, alteration: int, shown: bool) -> tuple[str, str]:
        key = step, octave, alteration, shown
        if key not in self.names:
            pitch = pitch_of(*key)
            sign = self.notes.accidental(pitch.accidental) if shown else ""
            self.names[key] = self.notes.pitch(pitch), sign
        return self.names[key]

    def _marks(self, element: PlainNote) -> str:
        bracket = element.bracket
        key = bracket and (element.length, *bracket), element.marks
        if key not in self.marks:
            tuplets = Duration(quarters(element.length)).tuplets if bracket else ()
            signs = [MARKS[mark]() for mark in element.marks]
            add_bracket(tuplets, bracket)
            self.marks[key] = self.notes.notations(tuplets, signs)
        return self.marks[key]


@lru_cache(maxsize=4096)
def _is_one_value(length: int) -> bool:
    return Duration(quarters(length)).type in typeToDuration
