"""What stands around the notes, as music21 objects in the measures: tempo, loudness, pedal."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

from music21 import base, dynamics, expressions, layout, spanner, stream, tempo

from music21_lstm.notation.bars import Bar
from music21_lstm.notation.clefs import Reading, clef_in, octave_in
from music21_lstm.notation.dynamics import Loudness
from music21_lstm.notation.keys import Key
from music21_lstm.notation.lead_sheet import ChordMark, chord_symbol
from music21_lstm.notation.metre import UNIT, quarters
from music21_lstm.notation.pedal import PedalSpan
from music21_lstm.notation.tempo_words import TempoPage, beat_of
from music21_lstm.notation.writing import CLEFS, ENGRAVED

__all__ = [
    "Directions",
    "add_chords",
    "add_directions",
    "add_readings",
    "add_staff_size",
    "add_system_breaks",
]

_FULL, _CROWDED = 50, 60
"""A bar of so many onsets may be wider than a page; of so many signs, accidentals too, it is."""

_SMALLEST = 65
"""The smallest staff that can be read, in percent."""

_TICK = UNIT // 480
"""MuseScore's tick, in units."""


@dataclass(frozen=True, slots=True)
class Directions:
    """All that is said of the tempo, the loudness and the pedal; *swing* is the word for it."""

    tempo: TempoPage = field(default_factory=TempoPage)
    loudness: Loudness = field(default_factory=Loudness)
    pedals: Sequence[PedalSpan] = ()
    swing: bool = False


def add_directions(
    parts: Sequence[stream.Part], bars: Sequence[Bar], directions: Directions
) -> None:
    """Put the directions into the measures: tempo above, loudness between the staves, pedal below.

    *parts* are the staves from top to bottom; with one staff alone all stand around it.
    """
    upper, lower = _Staff(parts[0], bars), _Staff(parts[-1], bars)
    for mark in directions.tempo.marks:
        if mark.word:
            upper.add(mark.place, _words(mark.word, bold=mark.bpm is not None))
        if mark.bpm is not None:
            upper.add(mark.place, _metronome(mark.bpm, upper.bar_at(mark.place)))
    if directions.swing:
        upper.add(bars[0].start, _words("Swing", bold=True))
    for level in directions.loudness.marks:
        shown = dynamics.Dynamic(level.value)  # type: ignore[no-untyped-call]
        shown.placement = "below"
        upper.add(level.place, shown)
    for hairpin in directions.loudness.hairpins:
        wedge = dynamics.Crescendo() if hairpin.rising else dynamics.Diminuendo()  # type: ignore[no-untyped-call]
        wedge.placement = "below"
        upper.span(wedge, hairpin.start, hairpin.end)
    for pedal in directions.pedals:
        line = expressions.PedalMark()
        line.pedalType = expressions.PedalType.Sustain
        line.pedalForm = expressions.PedalForm.Line
        line.placement = "below"
        lower.span(line, pedal.start, pedal.end)
    upper.done()
    lower.done()


def add_chords(
    part: stream.Part, bars: Sequence[Bar], keys: Sequence[Key], chords: Sequence[ChordMark]
) -> None:
    """Chord symbols above the staff."""
    staff = _Staff(part, bars)
    by_bar = {bar.start: key for bar, key in zip(bars, keys, strict=True)}
    for mark in chords:
        staff.add(mark.place, chord_symbol(mark, by_bar[staff.bar_at(mark.place).start]))
    staff.done()


def add_readings(
    part: stream.Part, bars: Sequence[Bar], readings: Sequence[tuple[int, Reading]]
) -> None:
    """The changes of clef inside bars, and the octave lines; *readings* begin at places."""
    staff = _Staff(part, bars)
    lines = {bar.start for bar in bars}
    for (_, before), (place, reading) in pairwise(readings):
        if clef_in(reading) != clef_in(before) and place not in lines:
            staff.add(place, CLEFS[clef_in(reading)]())  # type: ignore[no-untyped-call]
    ends = [place for place, _ in readings[1:]] + [bars[-1].end]
    spans = zip(readings, ends, strict=True)
    for octave, group in groupby(spans, key=lambda span: octave_in(span[0][1])):
        if octave:
            stretch = list(group)
            side = "above" if octave == "8va" else "below"
            line = spanner.Ottava(type=octave, transposing=False, placement=side)  # type: ignore[arg-type]
            staff.span(line, stretch[0][0][0], stretch[-1][1])
    staff.done()


def _words(text: str, *, bold: bool) -> expressions.TextExpression:
    """Words above the staff: bold for a tempo, italic for a change of it."""
    words = expressions.TextExpression(text)  # type: ignore[no-untyped-call]
    words.placement = "above"
    words.groups.append(ENGRAVED)
    style: Any = words.style
    style.fontWeight = "bold" if bold else "normal"
    style.fontStyle = "normal" if bold else "italic"
    return words


def _metronome(bpm: float, bar: Bar) -> tempo.MetronomeMark:
    """A metronome mark of a whole number of the metre's beats, which sounds exactly."""
    beat = beat_of(bar.metre)
    exact = bpm * UNIT / beat
    shown = tempo.MetronomeMark(number=round(exact), referent=quarters(beat))
    shown.placement = "above"  # type: ignore[assignment]
    if round(exact) != exact:
        shown.numberSounding = exact
    return shown


class _Staff:
    """The measures of a staff, to put things into at places."""

    def __init__(self, part: stream.Part, bars: Sequence[Bar]) -> None:
        self.part = part
        self.bars = bars
        self.starts = [bar.start for bar in bars]
        self.measures = list(part.getElementsByClass(stream.Measure))
        self.touched: set[int] = set()

    def _index(self, place: int) -> int:
        return max(0, bisect_right(self.starts, place) - 1)

    def bar_at(self, place: int) -> Bar:
        """The bar that holds *place*."""
        return self.bars[self._index(place)]

    def add(self, place: int, element: base.Music21Object, *, ending: bool = False) -> None:
        """Put *element* at a place; *ending* on a bar line, into the bar before it."""
        index = self._index(place)
        if ending and index and place == self.starts[index]:
            index -= 1
        offset = min(place - self.starts[index], self.bars[index].length)
        self.measures[index].coreInsert(quarters(offset), element)
        self.touched.add(index)

    def span(self, line: spanner.Spanner, start: int, end: int) -> None:
        """A line from place to place, anchored to the places and not to notes."""
        start = self._in_ticks(start)
        end = self._in_ticks(end, after=start)
        first = spanner.SpannerAnchor()  # type: ignore[no-untyped-call]
        last = spanner.SpannerAnchor()  # type: ignore[no-untyped-call]
        self.add(start, first)
        self.add(end, last, ending=True)
        line.addSpannedElements(first, last)
        self.part.coreInsert(0.0, line)

    def _in_ticks(self, place: int, *, after: int = -1) -> int:
        """*place*, or the start of its septuplet; the septuplet's end, if it must be *after* that.

        MuseScore finds no line's end within one: there are no seven parts of its 480 ticks.
        """
        bar = self.bar_at(place)
        within = (place - bar.start + bar.shift) % bar.metre.frame
        if place % _TICK == 0 or within == 0:
            return place
        first = max(place - within, bar.start)
        return first if first > after else min(place - within + bar.metre.frame, bar.end)

    def done(self) -> None:
        """Tell music21 what has changed."""
        for index in self.touched:
            self.measures[index].coreElementsChanged()
        self.part.coreElementsChanged()


def add_staff_size(
    parts: Sequence[stream.Part], columns: Sequence[int], signs: Sequence[int]
) -> None:
    """Staves so small that the fullest bar finds room on a page.

    *columns* are onsets a bar, and *signs* the accidentals that are printed.

    So do engravers choose the size of a staff. Of the pieces of piano-midi.de eight have such a
    bar: cadenzas of Liszt, and pages of Ravel and Schubert in sixty-fourths.
    """
    if max(columns, default=0) < _FULL:
        return
    fullest = max(map(sum, zip(columns, signs, strict=True)))
    if fullest <= _CROWDED:
        return
    size = max(_SMALLEST, round(100 * _CROWDED / fullest))
    for part in parts:
        measure = part.getElementsByClass(stream.Measure)[0]
        measure.insert(0, layout.StaffLayout(staffSize=size))


def add_system_breaks(part: stream.Part, columns: Sequence[int], width: float = 32.0) -> None:
    """Begin a new line every four bars, or fewer where they are dense; *columns* are onsets a bar.

    Sparse bars stand up to six in a line. The first line has less room, for its names and signs.
    """
    room = width - 4.0
    bars = 0
    for measure, count in zip(part.getElementsByClass(stream.Measure), columns, strict=True):
        need = 2.0 + 0.6 * max(1, count)
        full = (bars >= 4 and room < width / 4) or bars >= 6
        if bars and (need > room or full):
            measure.insert(0, layout.SystemLayout(isNew=True))
            room, bars = width - 2.0, 0
        room -= need
        bars += 1
