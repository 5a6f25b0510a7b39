"""One object at a time through music21's own exporter: whatever is too rare for a fast way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element, indent, tostring

from music21 import base, chord, note, spanner
from music21.musicxml import helpers
from music21.musicxml.m21ToXml import MeasureExporter

__all__ = ["DIVISIONS", "NotPlainError", "Rare", "raise_octaves", "xml_of"]

DIVISIONS = 10_080
"""Divisions of a quarter, as music21 has them: 2⁵ · 3² · 5 · 7."""

_insert: Any = helpers.insertBeforeElements
_AFTER_STAFF = ["beam", "notations", "lyric", "play", "listen", "sound", "listening"]
_AFTER_OFFSET = ["footnote", "level", "voice", "staff", "sound", "listening"]


class NotPlainError(Exception):
    """A Score is not laid out as engraving does it; never leaves this package."""


def xml_of(element: Element) -> str:
    """*element* as text on one line."""
    return tostring(element, encoding="unicode")


def _lines(made: Iterable[Element]) -> str:
    """Elements as text, a line for each element in them too.

    MuseScore 3 loses the rest of a bar if nothing stands between a mordent and the end tag after it.
    """
    texts = []
    for one in made:
        indent(one, space="")
        texts.append(xml_of(one))
    return "\n".join(texts)


class Rare:
    """Asks music21's exporter for the MusicXML of one object."""

    def __init__(self) -> None:
        self.exporter: Any = MeasureExporter()

    def note(
        self, element: note.GeneralNote, voice: str, staff: int | None, attached: Iterable[Any]
    ) -> str:
        """The note elements of a note, chord or rest, with the spanners *attached* to it."""
        exporter = self._ready(attached)
        exporter.currentVoiceId = voice
        if isinstance(element, chord.ChordBase):
            exporter.chordToXml(element)
        elif isinstance(element, note.Rest):
            exporter.restToXml(element)
        elif isinstance(element, note.Unpitched):
            exporter.unpitchedToXml(element)
        else:
            exporter.noteToXml(element)
        for made in exporter.xmlRoot:
            raise_octaves(made)
            _untie_hidden(made)
            _place(made, 0, staff)
        return _lines(exporter.xmlRoot)

    def direction(
        self, method: str, element: base.Music21Object, later: int, staff: int | None
    ) -> str:
        """A direction or a harmony, *later* divisions after the place where it is written."""
        exporter = self._ready(())
        # Else music21 would work out an offset of its own.
        exporter.offsetInMeasure = element.offset
        getattr(exporter, method)(element)
        made = list(exporter.xmlRoot)
        if len(made) == 2 and made[1].find("direction-type/words") is not None:
            made = [_joined(*made)]
        for one in made:
            _place(one, later, staff)
        return _lines(made)

    def spanners(
        self, element: base.Music21Object, attached: Iterable[Any], later: int, staff: int | None
    ) -> tuple[str, str]:
        """The directions that *attached* spanners put before and after *element*."""
        found = self._ready(attached).relatedSpanners(element)
        for made in (*found[0], *found[1]):
            _place(made, later, staff)
        before, after = map(_lines, found)
        return before, after

    def element(self, method: str, *arguments: Any) -> Element:
        """What one of the exporter's methods makes."""
        made: Element = getattr(self._ready(()), method)(*arguments)
        return made

    def _ready(self, attached: Iterable[Any]) -> Any:
        self.exporter.xmlRoot = Element("measure")
        self.exporter.objectSpannerBundle = spanner.SpannerBundle(list(attached))
        return self.exporter


def raise_octaves(made: Element) -> None:
    """Put what is below the lowest octave that MusicXML has (0, from MIDI's 12 on) into that."""
    for octave in made.iter("octave"):
        if int(octave.text or 0) < 0:
            octave.text = "0"


def _untie_hidden(made: Element) -> None:
    """Take the arc from a note that has no head: its tie sounds, but readers miss the other end."""
    marks = made.find("notations")
    if marks is None or made.get("print-object") != "no":
        return
    for arc in marks.findall("tied"):
        marks.remove(arc)
    if len(marks) == 0:
        made.remove(marks)


def _place(made: Element, later: int, staff: int | None) -> None:
    """Say in which staff *made* is, and *later* by how many divisions than it is written."""
    if later:
        offset = Element("offset")
        offset.text = str(later)
        _insert(made, offset, tagList=_AFTER_OFFSET)
    if staff is not None:
        number = Element("staff")
        number.text = str(staff)
        _insert(made, number, tagList=_AFTER_STAFF)


def _joined(metronome: Element, words: Element) -> Element:
    """A tempo's word and its number as one direction, the word first: *Allegro* ♩ = 120."""
    for text in words.iter("words"):
        # music21's own place for a tempo would put it into the number; a space keeps them apart.
        text.attrib.pop("default-y", None)
        text.text = f"{text.text} "
    metronome[0:0] = list(words.findall("direction-type"))
    metronome.set("placement", "above")
    return metronome
