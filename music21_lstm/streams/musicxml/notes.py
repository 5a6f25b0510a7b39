"""Notes, chords and rests as MusicXML: one line each."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

from music21 import articulations, chord, note, style
from music21.duration import GraceDuration, typeToDuration
from music21.musicxml.m21ToXml import typeToMusicXMLType
from music21.musicxml.xmlObjects import MusicXMLExportException

from music21_lstm.streams.musicxml.lines import (
    LINKS,
    Head,
    Value,
    note_line,
    rest_line,
    whole_rest_line,
)
from music21_lstm.streams.musicxml.rare import DIVISIONS, NotPlainError, Rare, raise_octaves, xml_of

__all__ = ["NoteWriter", "divisions_of"]

_BEAMS = {
    ("start", None): "begin",
    ("continue", None): "continue",
    ("stop", None): "end",
    ("partial", "left"): "backward hook",
    ("partial", "right"): "forward hook",
}
_GRACE = '<grace slash="yes"/>'
_STEMS = {"up": "up", "down": "down", "double": "double", "noStem": "none", "unspecified": None}
_ARTICULATIONS = (
    articulations.Staccato,
    articulations.Staccatissimo,
    articulations.Accent,
    articulations.Tenuto,
    articulations.StrongAccent,
)
_PLAIN_STYLES = {made: vars(made()) for made in (style.Style, style.NoteStyle)}


def divisions_of(quarters: Any) -> int:
    """*quarters* in divisions, exactly."""
    exact = quarters * DIVISIONS
    whole: int = round(exact)
    if abs(exact - whole) > 1e-6:
        raise NotPlainError(f"{quarters} quarters are no whole number of divisions")
    return whole


class NoteWriter:
    """Writes notes; the texts that come again and again are made once."""

    def __init__(self, rare: Rare) -> None:
        self.rare = rare
        self.values: dict[Any, Value] = {}
        self.names: dict[Any, str] = {}
        self.marks: dict[Any, str] = {}

    def write(
        self,
        element: Any,
        voice: str,
        staff: int | None,
        attached: Sequence[Any] = (),
        *,
        sole: bool = False,
        short_bar: bool = False,
        needed: Container[int] = (),
    ) -> str:
        """The lines of one note, chord or rest.

        *sole*: it is alone in its voice of the bar, a *short_bar* or a full one. *needed*: the
        ``id`` of each note that wants an accidental where none was said to be shown or hidden.
        """
        if attached or not _plain(element):
            return self.rare.note(element, voice, staff, attached)
        in_voice = f"<voice>{voice}</voice>"
        in_staff = "" if staff is None else f"<staff>{staff}</staff>"
        if isinstance(element, note.Rest):
            return self._rest(element, in_voice, in_staff, sole, short_bar)
        beams, marks = self._beams(element), self._notations(element)
        members = [element]
        if isinstance(element, chord.Chord):
            members = sorted(element.notes, key=lambda one: one.pitch.ps)
        value = self.value(element.duration)
        lines = []
        for number, one in enumerate(members):
            head = Head(
                _velocity(one),
                _hidden(one),
                self.pitch(one.pitch),
                self._accidental(one, needed),
                one.tie.type if one.tie else None,
                _STEMS[one.stemDirection if number else element.stemDirection],
            )
            lines.append(note_line(head, value, in_voice, in_staff, beams, marks, first=not number))
        return "\n".join(lines)

    def _rest(
        self, rest: note.Rest, in_voice: str, in_staff: str, sole: bool, short_bar: bool
    ) -> str:
        hidden = _hidden(rest)
        whole = rest.fullMeasure in (True, "always") or (sole and rest.fullMeasure == "auto")
        # Readers, music21 among them, take the rest of a whole bar for as long as the metre says.
        if whole and not (short_bar and rest.duration.type in typeToDuration):
            length = divisions_of(rest.duration.quarterLength)
            return whole_rest_line(length, in_voice, in_staff, hidden=hidden)
        marks = self._notations(rest)
        return rest_line(self.value(rest.duration), in_voice, in_staff, marks, hidden=hidden)

    def value(self, duration: Any) -> Value:
        """How a duration is written."""
        tuplets = duration.tuplets
        ratio = [(t.numberNotesActual, t.numberNotesNormal, t.durationNormal) for t in tuplets]
        key = duration.quarterLength, duration.type, duration.dots, duration.isGrace, *ratio
        if key not in self.values:
            try:
                shape = f"<type>{typeToMusicXMLType(duration.type)}</type>"
            except MusicXMLExportException as error:
                raise NotPlainError(str(error)) from None
            length = divisions_of(duration.quarterLength)
            modification = (
                xml_of(self.rare.element("tupletToTimeModification", tuplets[0])) if tuplets else ""
            )
            dots = "<dot/>" * duration.dots
            if duration.isGrace:
                self.values[key] = Value("", shape + dots, "", _GRACE)
                return self.values[key]
            self.values[key] = Value(f"<duration>{length}</duration>", shape + dots, modification)
        return self.values[key]

    def pitch(self, pitch: Any) -> str:
        """The name of a note."""
        alter = pitch.accidental.alter if pitch.accidental is not None else None
        key = pitch.step, pitch.implicitOctave, alter
        if key not in self.names:
            made = self.rare.element("pitchToXml", pitch)
            raise_octaves(made)
            self.names[key] = xml_of(made)
        return self.names[key]

    def _accidental(self, one: note.Note, needed: Container[int]) -> str:
        accidental = one.pitch.accidental
        status = accidental.displayStatus if accidental is not None else None
        if not (id(one) in needed if status is None else status):
            return ""
        return self.accidental(accidental)

    def accidental(self, accidental: Any) -> str:
        """The sign of an accidental, or of none: a natural."""
        if accidental is None:
            return "<accidental>natural</accidental>"
        key = accidental.name, accidental.displayStyle
        if key not in self.names:
            self.names[key] = xml_of(self.rare.element("accidentalToMx", accidental))
        return self.names[key]

    def _beams(self, element: Any) -> str:
        return self.beams(tuple((beam.type, beam.direction) for beam in element.beams.beamsList))

    def beams(self, kinds: tuple[Any, ...]) -> str:
        """The beams of a note, by the kind and the direction of each."""
        if kinds not in self.marks:
            self.marks[kinds] = "".join(
                f'<beam number="{number}">{_BEAMS[kind]}</beam>'
                for number, kind in enumerate(kinds, 1)
            )
        return self.marks[kinds]

    def _notations(self, element: Any) -> str:
        return self.notations(element.duration.tuplets, element.articulations)

    def notations(self, tuplets: Iterable[Any], articulations: Iterable[Any]) -> str:
        """Tuplet brackets and articulations."""
        text = ""
        for tuplet in tuplets:
            if tuplet.type:
                text += "".join(map(xml_of, self.rare.exporter.tupletToXmlTuplet(tuplet, 1)))
        inner = ""
        for mark in articulations:
            key = type(mark), mark.placement
            if key not in self.marks:
                made = self.rare.element("articulationToXmlArticulation", mark)
                self.marks[key] = xml_of(made)
            inner += self.marks[key]
        return text + (f"<articulations>{inner}</articulations>" if inner else "")


def _velocity(one: note.Note) -> int | None:
    return one.volume.velocity if one.hasVolumeInformation() else None


def _hidden(one: note.GeneralNote) -> bool:
    """Whether a note has no head; then its tie sounds, but has no arc."""
    return bool(one.hasStyleInformation and one.style.hideObjectOnPrint)


def _plain(element: Any) -> bool:
    """Whether *element* has nothing but what is written here."""
    if element.__class__ is note.Rest:
        members: Sequence[Any] = (element,)
        if element.stepShift:
            return False
    elif element.__class__ is note.Note:
        members = (element,)
    elif element.__class__ is chord.Chord:
        members = (element, *element.notes)
    else:
        return False
    if element.lyrics or element.expressions or not _plain_duration(element.duration):
        return False
    return all(map(_plain_mark, element.articulations)) and all(map(_plain_head, members))


def _plain_duration(duration: Any) -> bool:
    """Whether a duration is at most one tuplet's, or that of a grace note with a slash."""
    if not duration.isGrace:
        return len(duration.tuplets) <= 1
    steals = duration.stealTimePrevious, duration.stealTimeFollowing
    if type(duration) is not GraceDuration or steals != (None, None):
        return False
    return duration.slash is True and not duration.makeTime and not duration.tuplets


def _plain_mark(mark: Any) -> bool:
    return type(mark) in _ARTICULATIONS and not mark.hasStyleInformation


def _plain_head(one: Any) -> bool:
    """Whether a note's head, tie, style and editorial are plain."""
    if one.hasStyleInformation:
        made = one.style
        plain = _PLAIN_STYLES.get(type(made))
        hidden = {"hideObjectOnPrint": made.hideObjectOnPrint}
        if plain is None or vars(made) != {**plain, **hidden}:
            return False
    if one.hasEditorialInformation and (
        "footnotes" in one.editorial or "comments" in one.editorial
    ):
        return False
    tie = one.tie
    if tie is not None and (tie.type not in LINKS or tie.style != "normal" or tie.placement):
        return False
    if isinstance(one, note.NotRest):
        return (
            one.notehead == "normal"
            and one.noteheadFill is None
            and not one.noteheadParenthesis
            and all((b.type, b.direction) in _BEAMS for b in one.beams.beamsList)
        )
    return True
