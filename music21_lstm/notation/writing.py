"""Making the music21 objects of one staff: notes, chords, rests, ties, accidentals, measures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from music21 import (
    articulations,
    base,
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

from music21_lstm.encoding.events import NoteOff
from music21_lstm.encoding.performance import Performance
from music21_lstm.encoding.trace import ORNAMENT_KEY, TRACE_KEY, OrnamentNote, PerformedTrace
from music21_lstm.notation.accidentals import Accidentals
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.beams import Written, add_beams, add_tuplets
from music21_lstm.notation.clefs import Clef
from music21_lstm.notation.keys import Key
from music21_lstm.notation.metre import quarters
from music21_lstm.notation.pieces import Piece
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.spelling import name_of
from music21_lstm.notation.voices import OrnamentSign, Sounding

__all__ = ["CLEFS", "BarPlan", "StaffWriter", "traces_of"]

_ORNAMENTS: dict[OrnamentSign, Callable[[], expressions.Expression]] = {
    "trill": expressions.Trill,
    "mordent": expressions.Mordent,
    "inverted mordent": expressions.InvertedMordent,
    "turn": expressions.Turn,
}
CLEFS = {"treble": clef.TrebleClef, "bass": clef.BassClef}


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
    place of its note on; *accents* are the places of those that stand out. *voice_ids* name the two
    voices; without them a bar has no Voice.
    """

    def __init__(
        self,
        spelled: Mapping[int, int],
        traces: Mapping[int, PerformedTrace],
        voice_ids: tuple[str, str] | None,
        accents: Collection[int] = (),
    ) -> None:
        self.spelled = spelled
        self.traces = traces
        self.voice_ids = voice_ids
        self.accents = accents
        self.accidentals = Accidentals()

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
        first, second = self._elements(plan)
        if self.voice_ids is None:
            _fill(measure, first)
        else:
            for name, voice in zip(self.voice_ids, (first, second), strict=True):
                if voice:
                    container = stream.Voice(id=name)
                    _fill(container, voice)
                    measure.coreInsert(0.0, container)
        measure.coreElementsChanged()
        measure.streamStatus.accidentals = True
        measure.streamStatus.beams = True
        measure.streamStatus.tuplets = True
        if plan.last:
            measure.rightBarline = m21bar.Barline("final")  # type: ignore[no-untyped-call]
        return measure

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

    def _elements(self, plan: BarPlan) -> tuple[list[Written], list[Written]]:
        """The written elements of both voices; accidentals are settled in reading order."""
        two = bool(plan.lower)
        voices: tuple[list[Written], list[Written]] = ([], [])
        order = sorted(
            [(piece.start, 0, piece) for piece in plan.upper]
            + [(piece.start, 1, piece) for piece in plan.lower],
            key=lambda entry: entry[:2],
        )
        for start, which, piece in order:
            shift = plan.bar.shift
            graces = [] if piece.tied_before or not piece.sounding else piece.sounding.graces
            for placed in graces:
                voices[which].append((start + shift, start + shift, self._grace(placed)))
            element = (
                self._note(piece, piece.sounding) if piece.sounding else self._rest(piece, plan.bar)
            )
            if two and not isinstance(element, note.Rest):
                element.stemDirection = "down" if which else "up"
            voices[which].append((start + shift, piece.end + shift, element))
        for voice in voices:
            add_beams(plan.bar.metre, voice)
            add_tuplets(plan.bar.metre, voice)
        return voices

    def _rest(self, piece: Piece, bar: Bar) -> note.Rest:
        rest = note.Rest()
        if piece.start == 0 and piece.end == bar.length:
            rest.duration = duration.Duration(quarters(bar.length))
            rest.fullMeasure = True
        else:
            rest.duration = _duration(piece)
        rest.style.hideObjectOnPrint = not piece.visible
        return rest

    def _note(self, piece: Piece, sounding: Sounding) -> note.Note | chord.Chord:
        notes: list[note.Note] = []
        kind = _TIES[piece.tied_before, piece.tied_after]
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
        if not piece.tied_before:
            self._add_signs(element, notes[0], sounding)
        return element

    def _single(self, placed: Placed, *, tied: bool = False) -> note.Note:
        """A note of its own or of a chord, with its velocity and its trace."""
        single = note.Note(self._pitch(placed, tied=tied))
        single.volume.velocity = placed.note.velocity
        single.volume.velocityIsRelative = False
        single.editorial[TRACE_KEY] = self.traces[placed.note.on]
        return single

    def _grace(self, placed: Placed) -> note.Note:
        grace = self._single(placed)
        grace.duration = duration.GraceDuration("eighth")
        return grace

    def _add_signs(
        self, element: note.Note | chord.Chord, first: note.Note, sounding: Sounding
    ) -> None:
        """Accent, staccato, arpeggio and ornament; *first* remembers what the ornament stands for."""
        if any(p.note.on in self.accents for p in sounding.notes):
            element.articulations.append(articulations.Accent())  # type: ignore[no-untyped-call]
        if sounding.staccato:
            element.articulations.append(articulations.Staccato())  # type: ignore[no-untyped-call]
        if sounding.arpeggio:
            element.expressions.append(expressions.ArpeggioMark("up"))
        if sounding.ornament:
            element.expressions.append(_ORNAMENTS[sounding.ornament]())
            written = sounding.notes[0].note.pitch
            first.editorial[ORNAMENT_KEY] = tuple(
                OrnamentNote(self.traces[p.note.on], p.note.pitch - written, p.note.velocity)
                for p in sounding.carried
            )

    def _pitch(self, placed: Placed, *, tied: bool) -> pitch.Pitch:
        midi = placed.note.pitch
        step, alteration = name_of(self.spelled[placed.note.on])
        octave = (midi - alteration) // 12 - 1
        made = pitch.Pitch(step=step, octave=octave)
        shown = self.accidentals.shown(step, octave, alteration, tied=tied)
        if alteration or shown:
            made.accidental = pitch.Accidental(alteration)
            made.accidental.displayStatus = shown
        return made


_TIES = {
    (False, False): None,
    (False, True): "start",
    (True, True): "continue",
    (True, False): "stop",
}


def _duration(piece: Piece) -> duration.Duration:
    return duration.Duration(quarters(piece.end - piece.start))


def _fill(container: stream.Measure | stream.Voice, voice: Sequence[Written]) -> None:
    if not voice:
        return
    begin = voice[0][0]
    for start, _, element in voice:
        container.coreInsert(quarters(start - begin), element)
    container.coreElementsChanged()
