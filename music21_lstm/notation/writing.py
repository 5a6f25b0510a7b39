"""Writing one staff: notes, chords, rests, ties, accidentals, measures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar, cast

from music21 import (
    articulations,
    base,
    beam,
    chord,
    clef,
    duration,
    expressions,
    instrument,
    key,
    meter,
    note,
    pitch,
    stream,
    tie,
)
from music21 import bar as m21bar
from music21.common.types import StepName

from music21_lstm.encoding.events import NoteOff
from music21_lstm.encoding.performance import Performance
from music21_lstm.encoding.trace import ORNAMENT_KEY, TRACE_KEY, OrnamentNote, PerformedTrace
from music21_lstm.notation.accidentals import Accidentals
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.beams import Beam, Bracket, Value, beams_of, brackets_of
from music21_lstm.notation.clefs import Clef
from music21_lstm.notation.keys import Key
from music21_lstm.notation.metre import quarters
from music21_lstm.notation.pieces import Piece
from music21_lstm.notation.plain import Mark, PlainNote, TieKind
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.spelling import name_of
from music21_lstm.notation.voices import OrnamentSign, Sounding

__all__ = [
    "CLEFS",
    "ENGRAVED",
    "GRACE",
    "MARKS",
    "TIES",
    "BarPlan",
    "Element",
    "Flow",
    "StaffWriter",
    "add_bracket",
    "pitch_of",
    "traces_of",
]

_FERMATA: Callable[[], expressions.Expression] = expressions.Fermata

_ORNAMENTS: dict[OrnamentSign, Callable[[], expressions.Expression]] = {
    "trill": expressions.Trill,
    "mordent": expressions.Mordent,
    "inverted mordent": expressions.InvertedMordent,
    "turn": expressions.Turn,
}
CLEFS = {"treble": clef.TrebleClef, "bass": clef.BassClef}

MARKS: dict[Mark, type[articulations.Articulation]] = {
    "accent": articulations.Accent,
    "staccato": articulations.Staccato,
}

TIES: dict[tuple[bool, bool], TieKind | None] = {
    (False, False): None,
    (False, True): "start",
    (True, True): "continue",
    (True, False): "stop",
}

ENGRAVED = "engraved"
"""The group, as music21 calls it, of signs and words that a page of ours has of the performance."""

GRACE = "eighth"
"""What a grace note is written as."""

Element = note.GeneralNote | PlainNote
_Written = tuple[int, Element]
"""A place in the metre, in units, and what is written there."""

Flow = list[tuple[float | Fraction, Element]]
"""What a voice of a measure holds, with offsets in quarters."""


@dataclass(frozen=True, slots=True)
class BarPlan:
    """What a bar of a staff will hold: its voices and, where they are to be printed, its signs."""

    bar: Bar
    upper: list[Piece]
    lower: list[Piece]
    key: Key
    new_key: bool
    new_clef: Clef | None
    first: bool
    last: bool


def traces_of(performance: Performance, soundings: Sequence[Sounding]) -> dict[int, PerformedTrace]:
    """The trace of each note, by the place of its note on; the ends are those of *soundings*.

    Grace notes and the notes of an ornament have no length on the page: both shifts of theirs count
    from the onset of their note.
    """
    resolution = performance.resolution
    traces = {}
    for sounding in soundings:
        onset = round(quarters(sounding.onset) * resolution)
        end = round(quarters(sounding.end) * resolution)
        for placed in sounding.notes:
            traces[placed.note.on] = _trace(performance, placed, onset, end)
        for placed in (*sounding.graces, *sounding.carried):
            traces[placed.note.on] = _trace(performance, placed, onset, onset)
    return traces


def _trace(performance: Performance, placed: Placed, onset: int, end: int) -> PerformedTrace:
    performed = placed.note
    off = performance.events[performed.off] if performed.off is not None else None
    return PerformedTrace(
        performed.on,
        performed.off,
        performed.onset - onset,
        performed.end - end,
        performed.release_velocity,
        isinstance(off, NoteOff) and off.as_note_on,
    )


class StaffWriter:
    """Writes the measures of one staff.

    *spelled* is the place on the line of fifths of each note and *traces* its trace, both by the
    place of its note on; *accents* are the places of those that stand out, *fermatas* the places of
    the page where what is seen is held. *voice_ids* name the two voices; without them a bar has no
    Voice. *signs* is filled with the number of accidentals printed in each bar.
    """

    def __init__(
        self,
        spelled: Mapping[int, int],
        traces: Mapping[int, PerformedTrace],
        voice_ids: tuple[str, str] | None,
        accents: Collection[int] = (),
        fermatas: Collection[int] = (),
    ) -> None:
        self.spelled = spelled
        self.traces = traces
        self.voice_ids = voice_ids
        self.accents = accents
        self.fermatas = sorted(fermatas)
        self.accidentals = Accidentals()
        self.signs: list[int] = []

    def part(self, plans: Sequence[BarPlan], name: str) -> stream.PartStaff:
        """The whole staff."""
        part = stream.PartStaff(id=name)  # type: ignore[no-untyped-call]
        part.partName = "Piano"
        for plan in plans:
            part.coreInsert(quarters(plan.bar.start), self.measure(plan))
        part.coreElementsChanged()
        part.streamStatus.accidentals = True
        part.streamStatus.beams = True
        return part

    def measure(self, plan: BarPlan) -> stream.Measure:
        """One measure: its signs, and its notes directly or in Voices."""
        bar = plan.bar
        measure = stream.Measure(number=bar.number)
        if bar.number == 0:
            measure.paddingLeft = quarters(bar.missing)
        elif bar.missing:
            measure.paddingRight = quarters(bar.missing)
        for sign in self._signs(plan):
            measure.coreInsert(0.0, sign)
        self.accidentals.new_bar(plan.key[0])
        self.signs.append(0)
        self._fill(measure, [_flow(voice) for voice in self._elements(plan)])
        measure.coreElementsChanged()
        measure.streamStatus.accidentals = True
        measure.streamStatus.beams = True
        measure.streamStatus.tuplets = True
        if plan.last:
            measure.rightBarline = m21bar.Barline("final")  # type: ignore[no-untyped-call]
        return measure

    def _fill(self, measure: stream.Measure, flows: Sequence[Flow]) -> None:
        """Put the notes of both voices into *measure*."""
        if self.voice_ids is None:
            _insert(measure, flows[0])
            return
        for name, flow in zip(self.voice_ids, flows, strict=True):
            if flow:
                container = stream.Voice(id=name)
                _insert(container, flow)
                container.coreElementsChanged()
                measure.coreInsert(0.0, container)

    def _signs(self, plan: BarPlan) -> Iterator[base.Music21Object]:
        if plan.first:
            yield instrument.Piano()  # type: ignore[no-untyped-call]
        if plan.new_clef:
            yield CLEFS[plan.new_clef]()  # type: ignore[no-untyped-call]
        if plan.new_key:
            sharps, mode = plan.key
            yield key.KeySignature(sharps).asKey(mode)
        if plan.bar.new_metre:
            yield meter.TimeSignature(str(plan.bar.metre))

    def _elements(self, plan: BarPlan) -> tuple[list[_Written], list[_Written]]:
        """The written elements of both voices; accidentals are settled in reading order."""
        two = bool(plan.lower)
        voices: tuple[list[_Written], list[_Written]] = ([], [])
        values: tuple[list[Value], list[Value]] = ([], [])
        held = self._held(plan)
        order = sorted(
            [(piece.start, 0, piece) for piece in plan.upper]
            + [(piece.start, 1, piece) for piece in plan.lower],
            key=lambda entry: entry[:2],
        )
        for at, which, piece in order:
            start, end = at + plan.bar.shift, piece.end + plan.bar.shift
            graces = [] if piece.tied_before or not piece.sounding else piece.sounding.graces
            for placed in graces:
                voices[which].append((start, self._grace(placed)))
                values[which].append(Value(start, start, False))
            fermata = (at, which) in held
            stem = ("down" if which else "up") if two else None
            element = (
                self._note(piece, piece.sounding, stem, fermata=fermata)
                if piece.sounding
                else self._rest(piece, plan.bar, fermata=fermata)
            )
            voices[which].append((start, element))
            values[which].append(Value(start, end, piece.sounding is None))
        for written, spans in zip(voices, values, strict=True):
            for index, beams in beams_of(plan.bar.metre, spans).items():
                _add_beams(written[index][1], beams)
            for index, bracket in brackets_of(plan.bar.metre, spans).items():
                element = written[index][1]
                if isinstance(element, PlainNote):
                    element.bracket = bracket
                else:
                    add_bracket(element.duration.tuplets, bracket)
        return voices

    def _held(self, plan: BarPlan) -> set[tuple[int, int]]:
        """Where fermatas stand, once a staff each: the place in the bar, and the voice."""
        bar, found = plan.bar, set()
        first = bisect_left(self.fermatas, bar.start)
        for place in self.fermatas[first : bisect_left(self.fermatas, bar.end)]:
            for which, voice in enumerate((plan.upper, plan.lower)):
                if any(p.visible and p.start == place - bar.start for p in voice):
                    found.add((place - bar.start, which))
                    break
        return found

    def _rest(self, piece: Piece, bar: Bar, *, fermata: bool) -> Element:
        rest = note.Rest()
        if piece.start == 0 and piece.end == bar.length:
            rest.duration = duration.Duration(quarters(bar.length))
            rest.fullMeasure = True
        else:
            rest.duration = _duration(piece)
        rest.style.hideObjectOnPrint = not piece.visible
        if fermata:
            rest.expressions.append(_own(expressions.Fermata()))  # type: ignore[no-untyped-call]
        return rest

    def _note(
        self, piece: Piece, sounding: Sounding, stem: str | None, *, fermata: bool
    ) -> Element:
        notes: list[note.Note] = []
        kind = TIES[piece.tied_before, piece.tied_after]
        for placed in sounding.notes:
            single = self._single(placed, tied=piece.tied_before)
            if kind:
                single.tie = tie.Tie(kind)  # type: ignore[no-untyped-call]
            # Two keys of one pitch (both hands' tracks had it): one note head is enough.
            if notes and notes[-1].pitch.midi == placed.note.pitch:
                single.style.hideObjectOnPrint = True
            notes.append(single)
        element = notes[0] if len(notes) == 1 else chord.Chord(notes)
        element.duration = _duration(piece)
        if stem:
            element.stemDirection = stem
        if not piece.tied_before:
            self._add_signs(element, notes[0], sounding)
        if fermata:
            element.expressions.append(_own(expressions.Fermata()))  # type: ignore[no-untyped-call]
        return element

    def _single(self, placed: Placed, *, tied: bool = False) -> note.Note:
        """A note of its own or of a chord, with its velocity and its trace."""
        single = note.Note(self._pitch(placed, tied=tied))
        single.volume.velocity = placed.note.velocity
        single.volume.velocityIsRelative = False
        single.editorial[TRACE_KEY] = self.traces[placed.note.on]
        return single

    def _grace(self, placed: Placed) -> Element:
        grace = self._single(placed)
        grace.duration = duration.GraceDuration(GRACE)
        return grace

    def _marks(self, sounding: Sounding) -> tuple[Mark, ...]:
        accent = any(p.note.on in self.accents for p in sounding.notes)
        return (*(("accent",) if accent else ()), *(("staccato",) if sounding.staccato else ()))

    def _add_signs(
        self, element: note.Note | chord.Chord, first: note.Note, sounding: Sounding
    ) -> None:
        """Accent, staccato, arpeggio and ornament; *first* remembers what the ornament stands for."""
        for mark in self._marks(sounding):
            element.articulations.append(_own(MARKS[mark]()))
        if sounding.arpeggio:
            element.expressions.append(_own(expressions.ArpeggioMark("up")))
        if sounding.ornament:
            element.expressions.append(_own(_ORNAMENTS[sounding.ornament]()))
        if sounding.carried:
            written = sounding.notes[0].note.pitch
            first.editorial[ORNAMENT_KEY] = tuple(
                OrnamentNote(self.traces[p.note.on], p.note.pitch - written, p.note.velocity)
                for p in sounding.carried
            )

    def _head(self, placed: Placed, *, tied: bool) -> tuple[str, int, int, bool]:
        """Step, octave and alteration of a note, and whether the accidental is printed."""
        midi = placed.note.pitch
        step, alteration = name_of(self.spelled[placed.note.on])
        octave = (midi - alteration) // 12 - 1
        shown = self.accidentals.shown(step, octave, alteration, tied=tied)
        self.signs[-1] += shown
        return step, octave, alteration, shown

    def _pitch(self, placed: Placed, *, tied: bool) -> pitch.Pitch:
        return pitch_of(*self._head(placed, tied=tied))


def pitch_of(step: str, octave: int, alteration: int, shown: bool) -> pitch.Pitch:
    """A music21 pitch that says whether its accidental is printed."""
    made = pitch.Pitch(step=cast(StepName, step), octave=octave)
    if alteration or shown:
        made.accidental = pitch.Accidental(alteration)
        made.accidental.displayStatus = shown
    return made


_Object = TypeVar("_Object", bound=base.Music21Object)


def _own(element: _Object) -> _Object:
    """*element*, known for one that the page has made of the performance."""
    element.groups.append(ENGRAVED)
    return element


def _duration(piece: Piece) -> duration.Duration:
    return duration.Duration(quarters(piece.end - piece.start))


def _add_beams(element: Element, beams: tuple[Beam, ...]) -> None:
    if isinstance(element, PlainNote):
        element.beams = beams
        return
    made = beam.Beams()
    for kind, direction in beams:
        made.append(kind, direction)  # type: ignore[no-untyped-call]
    element.beams = made  # type: ignore[attr-defined]


def add_bracket(tuplets: Sequence[duration.Tuplet], bracket: Bracket | None) -> None:
    """Give the tuplets of a duration their part of the *bracket*."""
    if bracket is None:
        return
    for tuplet in tuplets:
        tuplet.bracket = bracket.drawn
    if bracket.end is not None:
        tuplets[0].type = bracket.end


def _flow(voice: Sequence[_Written]) -> Flow:
    """The same with offsets in quarters from the first."""
    return [(quarters(start - voice[0][0]), element) for start, element in voice]


def _insert(container: stream.Measure | stream.Voice, flow: Flow) -> None:
    for offset, element in flow:
        container.coreInsert(offset, cast(note.GeneralNote, element))
