"""The notes of an engraved score with their places, tied to the performance that it shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from music21 import note, stream

from music21_lstm.encoding.performance import Performance
from music21_lstm.encoding.trace import ORNAMENT_KEY, TRACE_KEY, OrnamentNote, PerformedTrace
from music21_lstm.streams.clock import CLOCK_KEY, BarClock, Clock, bar_clocks, clock_of, page_clock
from music21_lstm.streams.ready import plus, walk

__all__ = ["Page"]


class Page:
    """A score that was just engraved, and its performance."""

    def __init__(self, score: stream.Score, performance: Performance) -> None:
        self.score = score
        self.resolution = performance.resolution
        self.clock = Clock()
        self._ticks: dict[Any, int] = {}
        self.ticks = performance.ticks
        self.notes: list[Any] = []
        self.onsets: dict[int, Any] = {}
        self.ends: dict[int, Any] = {}
        for one, onset, end in _notes(score):
            on = one.editorial[TRACE_KEY].on
            self.notes.append(one)
            self.onsets[on] = min(onset, self.onsets.get(on, onset))
            self.ends[on] = max(end, self.ends.get(on, end))

    def tick(self, place: Any) -> int:
        """The tick at which a *place* of the page, in quarters, is played."""
        if place not in self._ticks:
            self._ticks[place] = round(self.clock(place) * self.resolution)
        return self._ticks[place]

    def place(self, tick: int) -> Any:
        """About where on the page a *tick* is."""
        exact = self.clock.place(Fraction(tick, self.resolution))
        return max(Fraction(0), Fraction(round(exact * self.resolution), self.resolution))

    def written_events(self) -> set[int | None]:
        """The places of the note ons and offs that the notes of the page, or their signs, are."""
        found: set[int | None] = set()
        for one in self.notes:
            traces = [one.editorial[TRACE_KEY], *(o.trace for o in _ornaments(one))]
            for trace in traces:
                found |= {trace.on, trace.off}
        return found

    def set_clock(self) -> None:
        """Where the page has its own beats: note them in its measures, and set the traces by them."""
        ticks: defaultdict[Any, list[int]] = defaultdict(list)
        for on, onset in self.onsets.items():
            ticks[onset].append(self.ticks[on])
        clock = page_clock(ticks, self.resolution)
        if not clock:
            return
        bars: list[BarClock] = []
        for part in self.score.parts:
            measures = list(part.getElementsByClass(stream.Measure))
            if not bars:
                starts = [part.elementOffset(measure) for measure in measures]
                last = plus(starts[-1], measures[-1].highestTime)
                spans = zip(starts, [*starts[1:], last], strict=True)
                bars = bar_clocks(clock, spans, self.resolution)
            for measure, own in zip(measures, bars, strict=True):
                measure.editorial[CLOCK_KEY] = own
        self.clock = clock_of(self.score)
        self._ticks.clear()
        self._set_traces()

    def _set_traces(self) -> None:
        made: dict[int, PerformedTrace] = {}
        for one in self.notes:
            old = one.editorial[TRACE_KEY]
            on = old.on
            if on not in made:
                made[on] = self._trace(old, self.onsets[on], self.ends[on])
            one.editorial[TRACE_KEY] = made[on]
            if signs := _ornaments(one):
                onset = self.onsets[on]
                one.editorial[ORNAMENT_KEY] = tuple(
                    sign._replace(trace=self._trace(sign.trace, onset, onset)) for sign in signs
                )

    def _trace(self, old: PerformedTrace, onset: Any, end: Any) -> PerformedTrace:
        released = self.ticks[-1 if old.off is None else old.off]
        return old._replace(
            onset_shift=self.ticks[old.on] - self.tick(onset), end_shift=released - self.tick(end)
        )


def _notes(score: stream.Score) -> Iterator[tuple[Any, Any, Any]]:
    """Each traced note of *score*, those of chords too, with its place and its end."""
    for part in score.parts:
        for onset, element in walk(part, score.elementOffset(part)):
            if not isinstance(element, note.NotRest):
                continue
            end = plus(onset, element.duration.quarterLength)
            for one in getattr(element, "notes", (element,)):
                if one.hasEditorialInformation and TRACE_KEY in one.editorial:
                    yield one, onset, end


def _ornaments(one: Any) -> tuple[OrnamentNote, ...]:
    found: tuple[OrnamentNote, ...] = one.editorial.get(ORNAMENT_KEY, ())
    return found
