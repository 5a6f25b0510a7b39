"""The measures of one part, a piano's two staves together, as MusicXML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

from music21 import (
    bar,
    base,
    clef,
    dynamics,
    expressions,
    harmony,
    instrument,
    key,
    layout,
    meter,
    note,
    repeat,
    spanner,
    stream,
    tempo,
)

from music21_lstm.notation.metre import quarters
from music21_lstm.notation.plain import PlainNote
from music21_lstm.streams.elements import PerformanceEvent
from music21_lstm.streams.musicxml.accidentals import unsettled
from music21_lstm.streams.musicxml.attached import Attached
from music21_lstm.streams.musicxml.notes import NoteWriter, divisions_of
from music21_lstm.streams.musicxml.plain import PlainWriter, divisions
from music21_lstm.streams.musicxml.rare import DIVISIONS, NotPlainError, Rare, xml_of

__all__ = ["Beside", "elements_of", "part_xml"]

_DIRECTIONS: tuple[tuple[type, str], ...] = (
    (harmony.NoChord, "noChordToXml"),
    (harmony.ChordSymbol, "chordSymbolToXml"),
    (dynamics.Dynamic, "dynamicToXml"),
    (tempo.TempoIndication, "tempoIndicationToXml"),
    (repeat.RepeatExpression, "textExpressionToXml"),
    (expressions.TextExpression, "textExpressionToXml"),
    (expressions.RehearsalMark, "rehearsalMarkToXml"),
    (expressions.PedalObject, "pedalObjectToXml"),
)
"""What is written as a direction or a harmony, and the exporter's method for it; the first counts."""

_SIGNS = (key.KeySignature, meter.TimeSignature, clef.Clef)
_SIGN_METHODS = ("keySignatureToXml", "timeSignatureToXml", "clefToXml")
_UNWRITTEN = (PerformanceEvent, instrument.Instrument, bar.Barline)
_VALUES = (note.GeneralNote, PlainNote)
_MOST_VOICES = 4

Flow = list[tuple[Any, Any]]
"""What one voice holds, music21 objects and plain notes, with offsets from the start of the bar."""

Beside = Mapping[int, list[tuple[str, Flow]]]
"""Voices that stand beside a measure and not in it, by the ``id`` of the measure."""


def part_xml(
    staves: Sequence[stream.Part],
    spanners: Sequence[spanner.Spanner],
    beside: Beside | None = None,
) -> Iterator[str]:
    """The lines of the measures of *staves*, from the upper one; *spanners* of the score.

    With *beside* the notes are those that it has; their accidentals are settled.
    Raises :class:`NotPlainError` if the part is not laid out as engraving does it.
    """
    measures = [list(staff.getElementsByClass(stream.Measure)) for staff in staves]
    known = (stream.Measure, spanner.Spanner, instrument.Instrument)
    starts = []
    for staff, own in zip(staves, measures, strict=True):
        if not own or not all(isinstance(element, known) for element in staff):
            raise NotPlainError(f"{staff!r} is no row of measures")
        starts.append([staff.elementOffset(measure) for measure in own])
    if any(other != starts[0] for other in starts):
        raise NotPlainError("the measures of the staves do not stand together")
    writer = _BarWriter(staves, spanners, beside)
    for number, row in enumerate(zip(*measures, strict=True)):
        yield from writer.measure(row, first=number == 0)


class _BarWriter:
    """Writes one measure after another."""

    def __init__(
        self,
        staves: Sequence[stream.Part],
        spanners: Sequence[spanner.Spanner],
        beside: Beside | None,
    ) -> None:
        self.beside = beside
        self.rare = Rare()
        self.notes = NoteWriter(self.rare)
        self.plain = PlainWriter(self.notes)
        self.texts: dict[Any, tuple[str, str]] = {}
        self.sharps = [0] * len(staves)
        self.short = False
        there: set[int] = set()
        inner = list(spanners)
        for staff in staves:
            for element in elements_of(staff):
                there.add(id(element))
                if isinstance(element, spanner.Spanner):
                    inner.append(element)
        self.attached = Attached(inner, there)

    def measure(self, row: Sequence[stream.Measure], *, first: bool) -> Iterator[str]:
        """The lines of one measure of all staves."""
        upper: Any = row[0]
        hidden = upper.showNumber == stream.enums.ShowNumber.NEVER or upper.number == 0
        number = quoteattr(upper.measureNumberWithSuffix())
        yield f'<measure number={number} implicit="{"yes" if hidden else "no"}">'
        beside = self.beside
        contents = [_contents(one, None if beside is None else beside[id(one)]) for one in row]
        if contents[0].layout:
            yield from self._through(upper, "setMxPrint")
        yield from self._signs(contents, first=first)
        if upper.leftBarline is not None:
            yield from self._through(upper, "setLeftBarline")
        reached = 0
        for index, (measure, content) in enumerate(zip(row, contents, strict=True)):
            staff = index + 1 if len(row) > 1 else None
            if content.sharps is not None:
                self.sharps[index] = content.sharps
            flows = _flows(content, index)
            needed = set() if beside is not None else unsettled(_notes(flows), self.sharps[index])
            self.short = bool(measure.paddingLeft or measure.paddingRight)
            for voice, flow in flows:
                if reached:
                    yield f"<backup><duration>{reached}</duration></backup>"
                reached = 0
                for line, after in self._voice(flow, voice, staff, needed):
                    reached = after
                    yield line
        if upper.rightBarline is not None:
            yield from self._through(upper, "setRightBarline")
        yield "</measure>"

    def _through(self, measure: stream.Measure, method: str) -> Iterator[str]:
        """What one of music21's methods adds to a measure."""
        exporter = self.rare.exporter
        exporter.xmlRoot.clear()
        exporter.stream = measure
        getattr(exporter, method)()
        yield from map(xml_of, exporter.xmlRoot)

    def _signs(self, row: Sequence[_Contents], *, first: bool) -> Iterator[str]:
        """The attributes at the start of a measure."""
        kinds: list[list[str]] = [[], [], []]
        for index, content in enumerate(row, 1):
            for kind, (sign, method) in enumerate(zip(content.signs, _SIGN_METHODS, strict=True)):
                if sign is not None:
                    made = self.rare.element(method, sign)
                    if kind == 2 and len(row) > 1:
                        made.set("number", str(index))
                    kinds[kind].append(xml_of(made))
        keys, metres, clefs = kinds
        if len(set(keys)) > 1 or len(set(metres)) > 1:
            raise NotPlainError("the staves have different keys or metres")
        staves = f"<staves>{len(row)}</staves>" if first and len(row) > 1 else ""
        head = f"<divisions>{DIVISIONS}</divisions>" if first else ""
        sizes = [
            f'<staff-details number="{index}"><staff-size>{content.size:g}</staff-size></staff-details>'
            for index, content in enumerate(row, 1)
            if content.size is not None
        ]
        text = head + "".join(keys[:1] + metres[:1]) + staves + "".join(clefs + sizes)
        if text:
            yield f"<attributes>{text}</attributes>"

    def _voice(
        self, flow: Flow, voice: str, staff: int | None, needed: set[int]
    ) -> Iterator[tuple[str, int]]:
        """The lines of one voice, each with the place in divisions that it leads to."""
        place = 0
        flow = self._early(flow)
        sole = sum(isinstance(element, _VALUES) for _, element in flow) == 1
        for offset, element in flow:
            here = divisions_of(offset)
            if isinstance(element, PlainNote) and here == place:
                line = self.plain.write(element, voice, staff, sole=sole, short_bar=self.short)
                place += divisions(element.length)
                yield line, place
                continue
            directions, within = self.attached.at(element)
            written = _is_note(element)
            if written and here < place:
                raise NotPlainError(f"{element!r} starts before the note before it ends")
            if written and here > place:
                yield f"<forward><duration>{here - place}</duration></forward>", here
                place = here
            before = after = ""
            if directions:
                before, after = self._lines(element, directions, here - place, staff)
            if before:
                yield before, place
            if written and isinstance(element, note.GeneralNote):
                line = self.notes.write(
                    element,
                    voice,
                    staff,
                    within,
                    sole=sole,
                    short_bar=self.short,
                    needed=needed,
                )
                if not element.duration.isGrace:
                    place += divisions_of(element.duration.quarterLength)
                yield line, place
            else:
                for line in self._other(element, here - place, staff):
                    yield line, place
            if after:
                yield after, place

    def _lines(
        self, element: base.Music21Object, lines: list[Any], later: int, staff: int | None
    ) -> tuple[str, str]:
        """The directions of lines that start or end at *element*.

        Of those that were just made, kind and number tell all: what one gives is good for others.
        """
        if self.beside is None or len(lines) > 1:
            return self.rare.spanners(element, lines, later, staff)
        line = lines[0]
        ends = line.getFirst() is element, line.getLast() is element
        key = type(line), getattr(line, "type", None), line.idLocal, *ends, later, staff
        if key not in self.texts:
            self.texts[key] = self.rare.spanners(element, lines, later, staff)
        return self.texts[key]

    def _early(self, flow: Flow) -> Flow:
        """The flow, with the start of a line that begins within a note before that note.

        MuseScore 3 takes no notice of offsets: after the note, it would start where another ends.
        """
        ordered: Flow = []
        for offset, element in flow:
            at = len(ordered)
            if self._starts(element):
                while at and self._starts(ordered[at - 1][1]):
                    at -= 1
                at = at - 1 if at and _end_of(*ordered[at - 1]) > offset else len(ordered)
            ordered.insert(at, (offset, element))
        return ordered

    def _starts(self, element: base.Music21Object) -> bool:
        """Whether *element* is an anchor at which lines start, and none ends."""
        lines = self.attached.found.get(id(element), ())
        anchor = isinstance(element, spanner.SpannerAnchor)
        return anchor and bool(lines) and all(one.getLast() is not element for one in lines)

    def _other(self, element: base.Music21Object, later: int, staff: int | None) -> Iterator[str]:
        """An element that is no note, *later* divisions after the place reached."""
        if isinstance(element, spanner.SpannerAnchor):
            return
        for sign, method in zip(_SIGNS, _SIGN_METHODS, strict=True):
            if isinstance(element, sign):
                made = self.rare.element(method, element)
                if staff is not None:
                    made.set("number", str(staff))
                yield from _aside(f"<attributes>{xml_of(made)}</attributes>", later)
                return
        for known, method in _DIRECTIONS:
            if isinstance(element, known):
                yield self.rare.direction(method, element, later, staff)
                return
        raise NotPlainError(f"{element!r} in a measure")


def _aside(text: str, later: int) -> Iterator[str]:
    """*text* at a place *later* than the one reached, and back again."""
    there, back = ("forward", "backup") if later > 0 else ("backup", "forward")
    if later:
        yield f"<{there}><duration>{abs(later)}</duration></{there}>"
    yield text
    if later:
        yield f"<{back}><duration>{abs(later)}</duration></{back}>"


def _is_note(element: Any) -> bool:
    """Whether *element* takes its time in a voice; a chord symbol does not."""
    if isinstance(element, PlainNote):
        return True
    if isinstance(element, harmony.Harmony):
        if element.writeAsChord:
            raise NotPlainError("a chord symbol that is to be played")
        return False
    return isinstance(element, note.GeneralNote)


class _Contents(NamedTuple):
    """What a measure holds.

    Its *signs* at the start (key, metre, clef; None: none), the number of *sharps* of its key, its
    *voices* with their names, what stands *loose* beside them, whether there is *layout*, and the
    *size* of the staff from there on, in percent.
    """

    signs: Sequence[base.Music21Object | None]
    sharps: int | None
    voices: list[tuple[str, Flow]]
    loose: Flow
    layout: bool
    size: float | None


def _contents(measure: stream.Measure, beside: list[tuple[str, Flow]] | None) -> _Contents:
    signs: list[base.Music21Object | None] = [None, None, None]
    sharps: int | None = None
    voices = [(name, list(flow)) for name, flow in beside or () if name]
    loose: Flow = []
    laid_out, size = False, None
    for element in measure.elements:
        offset = measure.elementOffset(element)
        if isinstance(element, stream.Voice):
            if offset:
                raise NotPlainError("a voice that starts within its bar")
            flow = [(element.elementOffset(one), one) for one in element.elements]
            voices.append((str(element.id), flow))
        elif isinstance(element, stream.Stream):
            raise NotPlainError(f"{element!r} in a measure")
        elif isinstance(element, _SIGNS):
            if isinstance(element, key.KeySignature) and sharps is None:
                sharps = element.sharps
            kind = next(i for i, sign in enumerate(_SIGNS) if isinstance(element, sign))
            if offset:
                loose.append((offset, element))
            elif signs[kind] is None:
                signs[kind] = element
        elif isinstance(element, layout.StaffLayout) and element.distance is None:
            size = element.staffSize
        elif isinstance(element, layout.LayoutBase):
            laid_out = True
        elif not isinstance(element, _UNWRITTEN):
            loose.append((offset, element))
    # After what is in the measure: a chord symbol stands before the note under it.
    loose += [entry for name, flow in beside or () if not name for entry in flow]
    return _Contents(signs, sharps, voices, loose, laid_out, size)


def elements_of(container: stream.Stream[Any]) -> Iterator[base.Music21Object]:
    """All that is in *container*, at any depth."""
    for element in container.elements:
        yield element
        if isinstance(element, stream.Stream):
            yield from elements_of(element)


def _flows(content: _Contents, staff: int) -> list[tuple[str, Flow]]:
    """The voices of a measure with their numbers.

    What stands beside them goes with the first that has something to be seen: verovio finds no end
    of a line behind a rest that is hidden.
    """
    voices, loose = content.voices, content.loose
    if not voices:
        return [(str(4 * staff + 1), _ordered(loose))]
    if any(_is_note(element) for _, element in loose):
        raise NotPlainError("notes beside the voices of a measure")
    if len(voices) > _MOST_VOICES:
        raise NotPlainError("more than four voices in a staff")
    flows = [flow for _, flow in voices]
    seen = [any(_is_seen(one) for _, one in flow) for flow in flows]
    flows[seen.index(True) if any(seen) else 0] += loose
    return list(
        zip(_numbers([name for name, _ in voices], staff), map(_ordered, flows), strict=True)
    )


def _notes(flows: Iterable[tuple[str, Flow]]) -> list[tuple[Any, note.NotRest]]:
    """The notes and chords with their offsets; what a chord symbol stands for is not printed."""
    return [
        (at, one)
        for _, flow in flows
        for at, one in flow
        if isinstance(one, note.NotRest) and _is_note(one)
    ]


def _is_seen(element: Any) -> bool:
    if isinstance(element, PlainNote):
        return not element.hidden
    hidden = element.hasStyleInformation and element.style.hideObjectOnPrint
    return _is_note(element) and not hidden


def _end_of(offset: Any, element: Any) -> Any:
    """Where a value ends; what is none has no length."""
    if isinstance(element, PlainNote):
        return offset + quarters(element.length)
    return offset + (element.duration.quarterLength if _is_note(element) else 0)


def _numbers(own: Sequence[str], staff: int) -> list[str]:
    """The numbers of the voices: their *own* names if they are the staff's, else in order."""
    allowed = [str(4 * staff + number) for number in range(1, _MOST_VOICES + 1)]
    return (
        list(own) if len(set(own)) == len(own) and set(own) <= set(allowed) else allowed[: len(own)]
    )


def _ordered(flow: Flow) -> Flow:
    """In order of time; where several share an offset, directions stand before notes."""
    return sorted(flow, key=lambda entry: (entry[0], isinstance(entry[1], _VALUES)))
