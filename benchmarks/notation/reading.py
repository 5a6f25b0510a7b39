"""What a program wrote, as a :class:`~benchmarks.notation.page.Page`: from a Score or from MusicXML."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from lxml import etree
from music21 import articulations, chord, key, meter, stream
from music21 import note as m21note

from benchmarks.notation.page import Bar, Note, Page
from music21_lstm.encoding import Performance
from music21_lstm.encoding.trace import TRACE_KEY

__all__ = ["page_of_musicxml", "page_of_score"]

_FIFTHS = "FCGDAEB"


def page_of_score(score: stream.Score, performance: Performance) -> Page:
    """An engraved Score of *performance*: each note tells by its trace which one was played."""
    played = {note.on: i for i, note in enumerate(performance.notes)}
    notes: dict[int, Note] = {}
    for staff, part in enumerate(score.parts):
        for start, element in _notes_of(part):
            for single in element.notes if isinstance(element, chord.Chord) else (element,):
                trace = single.editorial.get(TRACE_KEY)
                onset = start
                value = Fraction(element.quarterLength)
                on = trace.on if trace else -1 - len(notes)
                if before := notes.get(on):
                    onset, value = min(onset, before.onset), value + before.value
                fifths = _fifths(single.pitch.step, int(single.pitch.alter))
                notes[on] = Note(
                    onset, value, single.pitch.midi, fifths, staff == 0, played.get(on)
                )._replace(staccato=_staccato(element))
    first = score.parts[0]
    bars = list(_bars_of(first))
    keys = [
        (Fraction(measure.offset), signature.sharps)
        for measure in first.getElementsByClass(stream.Measure)
        for signature in measure.getElementsByClass(key.KeySignature)
    ]
    return Page(sorted(notes.values(), key=lambda note: note.onset), bars, keys)


def _notes_of(part: stream.Part) -> Iterator[tuple[Fraction, m21note.Note | chord.Chord]]:
    for measure in part.getElementsByClass(stream.Measure):
        for voice in measure.voices or [measure]:
            begin = Fraction(measure.offset) + (
                Fraction(voice.offset) if voice is not measure else 0
            )
            for element in voice.notes:
                yield begin + Fraction(element.offset), element


def _staccato(element: m21note.Note | chord.Chord) -> bool:
    return any(isinstance(mark, articulations.Staccato) for mark in element.articulations)


def _bars_of(part: stream.Part) -> Iterator[Bar]:
    metre, measures = (4, 4), list(part.getElementsByClass(stream.Measure))
    for measure, following in zip(measures, [*measures[1:], None], strict=True):
        for signature in measure.getElementsByClass(meter.TimeSignature):
            metre = (signature.numerator, signature.denominator)
        start = Fraction(measure.offset)
        stop = Fraction(following.offset) if following else start + Fraction(measure.highestTime)
        full = Fraction(4 * metre[0], metre[1])
        first = measure is measures[0]
        yield Bar(
            start, stop - start, metre, max(full - stop, Fraction(0)) if first else Fraction(0)
        )


def _fifths(step: str, alter: int) -> int:
    return _FIFTHS.index(step) - 1 + 7 * alter


def page_of_musicxml(path: Path) -> Page:
    """A MusicXML file (partwise), all parts together; a first bar that is too short is a pick-up."""
    root = etree.parse(
        path, etree.XMLParser(no_network=True, load_dtd=False, huge_tree=True)
    ).getroot()
    parts = [list(part.iter("measure")) for part in root.iter("part")]
    readers = [_PartReader() for _ in parts]
    bars: list[Bar] = []
    start, metre = Fraction(0), (4, 4)
    for number, measures in enumerate(zip(*parts, strict=False)):
        staff = 0
        for reader, measure in zip(readers, measures, strict=True):
            reader.measure(measure, start, staff)
            staff += reader.staves
        metre = readers[0].metre or metre
        full = Fraction(4 * metre[0], metre[1])
        length = max((reader.length for reader in readers), default=full) or full
        bars.append(
            Bar(
                start,
                length,
                metre,
                max(full - length, Fraction(0)) if number == 0 else Fraction(0),
            )
        )
        start += length
    notes = [note for reader in readers for note in reader.notes]
    return Page(
        sorted(notes, key=lambda note: note.onset), bars, readers[0].keys if readers else []
    )


class _PartReader:
    """Reads a part measure by measure; ties are joined where a note of the pitch goes on at once."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.keys: list[tuple[Fraction, int]] = []
        self.metre: tuple[int, int] | None = None
        self.staves = 1
        self.length = Fraction(0)
        self.divisions = 1
        self.open: dict[tuple[int, Fraction, str], list[int]] = defaultdict(list)

    def measure(self, measure: etree._Element, start: Fraction, staff: int) -> None:
        """Read a measure that starts at *start*; the part's first staff is the score's *staff*."""
        place = last = self.length = Fraction(0)
        for child in measure:
            if child.tag == "attributes":
                self.attributes(child, start)
            elif child.tag in ("backup", "forward"):
                moved = Fraction(int(child.findtext("duration")), self.divisions)
                place += moved if child.tag == "forward" else -moved
            elif child.tag == "note":
                value = Fraction(int(child.findtext("duration") or 0), self.divisions)
                if child.find("chord") is None:
                    last, place = place, place + value
                if child.find("pitch") is not None:
                    self.note(child, start + last, value, staff)
            self.length = max(self.length, place)

    def attributes(self, element: etree._Element, start: Fraction) -> None:
        """Read divisions, staves, key and time."""
        self.divisions = int(element.findtext("divisions") or self.divisions)
        self.staves = int(element.findtext("staves") or self.staves)
        if element.findtext("time/beats"):
            beats: Sequence[str] = element.findtext("time/beats").split("+")
            self.metre = sum(map(int, beats)), int(element.findtext("time/beat-type"))
        if element.findtext("key/fifths"):
            self.keys.append((start, int(element.findtext("key/fifths"))))

    def note(self, element: etree._Element, onset: Fraction, value: Fraction, staff: int) -> None:
        """Take up a note, or lengthen the one that it is tied to."""
        step, alter = (
            element.findtext("pitch/step"),
            int(float(element.findtext("pitch/alter") or 0)),
        )
        fifths = _fifths(step, alter)
        pitch = (
            12 * (int(element.findtext("pitch/octave")) + 1)
            + (7 * (fifths - 7 * alter)) % 12
            + alter
        )
        ties = {tie.get("type") for tie in element.findall("tie")}
        upper = staff + int(element.findtext("staff") or 1) == 1
        voice = element.findtext("voice") or "1"
        waiting = self.open[pitch, onset, voice] if "stop" in ties else []
        if not waiting:
            index = len(self.notes)
            short = element.find("notations/articulations/staccato") is not None
            self.notes.append(Note(onset, value, pitch, fifths, upper, staccato=short))
        else:
            index = waiting.pop(0)
            self.notes[index] = self.notes[index]._replace(value=self.notes[index].value + value)
        if "start" in ties:
            self.open[pitch, onset + value, voice].append(index)
