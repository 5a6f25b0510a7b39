"""A performance: timed events without bars, the value that everything else reads or makes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate

from music21_lstm.encoding.events import (
    MAX_RESOLUTION,
    Event,
    NoteOff,
    NoteOn,
    SetTempo,
)
from music21_lstm.errors import EncodingError, EventError

__all__ = [
    "DEFAULT_MPQN",
    "DEFAULT_RESOLUTION",
    "PLAYED_RESOLUTION",
    "Loss",
    "Performance",
    "PerformedNote",
    "with_deltas",
]

DEFAULT_RESOLUTION = 480
DEFAULT_MPQN = 500_000
"""Microseconds a quarter where no tempo is set: 120 beats a minute, as MIDI has it."""

PLAYED_RESOLUTION = 500
"""At 120 beats a minute and 500 ticks a quarter, one tick is one millisecond."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a source had and the encoding cannot hold: *what*, how often, *where*."""

    what: str
    count: int = 1
    where: str = ""

    def __str__(self) -> str:
        text = f"{self.count} × {self.what}"
        return f"{text} ({self.where})" if self.where else text


@dataclass(frozen=True, slots=True)
class PerformedNote:
    """A note on paired with its note off.

    *onset* and *end* are ticks from the start; *on* and *off* the places of the two events in
    ``Performance.events``. *off* is None for a note that is never released: its end is then the
    performance's.
    """

    onset: int
    end: int
    pitch: int
    velocity: int
    release_velocity: int
    on: int
    off: int | None

    @property
    def duration(self) -> int:
        """Ticks from onset to end."""
        return self.end - self.onset


@dataclass(frozen=True, slots=True, repr=False)
class Performance:
    """Events in order, with the number of ticks in a quarter note.

    *resolution* is the ticks per quarter note (PPQ); *events* carry their deltas. *losses* is the
    report of what the source had and the encoding cannot hold; it does not count in ``==``.

    >>> tune = Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60)])
    >>> tune
    <Performance: 1 notes, 2 events, 480 ticks a quarter, 0.5 s>
    >>> tune.duration, tune.seconds
    (480, 0.5)
    """

    resolution: int
    events: tuple[Event, ...]
    losses: tuple[Loss, ...] = field(default=(), compare=False, repr=False)
    _notes: tuple[PerformedNote, ...] | None = field(init=False, compare=False, repr=False)
    """The notes, from when they were first asked for."""

    def __init__(
        self, resolution: int, events: Iterable[Event] = (), losses: Iterable[Loss] = ()
    ) -> None:
        if resolution.__class__ is not int or not 1 <= resolution <= MAX_RESOLUTION:
            raise EventError(
                f"resolution is {resolution!r}; it must be a whole number of ticks per quarter "
                f"note from 1 to {MAX_RESOLUTION}"
            )
        object.__setattr__(self, "resolution", resolution)
        object.__setattr__(self, "events", tuple(events))
        object.__setattr__(self, "losses", tuple(losses))
        object.__setattr__(self, "_notes", None)

    def __repr__(self) -> str:
        kind = "event" if len(self.events) == 1 else "events"
        return (
            f"<Performance: {len(self.notes)} notes, {len(self.events)} {kind}, "
            f"{self.resolution} ticks a quarter, {self.seconds:.1f} s>"
        )

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __getitem__(self, places: slice) -> Performance:
        """A slice of the events; the first keeps its delta, so ``p[:n] + p[n:]`` is ``p``."""
        if not isinstance(places, slice):
            raise TypeError("a performance is sliced, as in p[10:20]; p.events[10] is one event")
        return Performance(self.resolution, self.events[places], self.losses)

    def __add__(self, other: Performance) -> Performance:
        """*other*'s events after these, both of the same resolution."""
        if not isinstance(other, Performance):
            return NotImplemented
        if other.resolution != self.resolution:
            raise EncodingError(
                f"performances of {self.resolution} and {other.resolution} ticks per quarter "
                "cannot be joined; bring them to one with .rescaled(resolution)"
            )
        return Performance(self.resolution, self.events + other.events, self.losses + other.losses)

    @property
    def ticks(self) -> list[int]:
        """The absolute tick of each event."""
        return list(accumulate(event.delta for event in self.events))

    @property
    def duration(self) -> int:
        """Ticks from the start to the last event."""
        return sum(event.delta for event in self.events)

    @property
    def times(self) -> list[float]:
        """The absolute time of each event in seconds, by the performance's own tempo map."""
        scale = self.resolution * 1_000_000
        return [elapsed / scale for elapsed in self._elapsed()]

    @property
    def seconds(self) -> float:
        """Seconds from the start to the last event, by the performance's own tempo map."""
        return self.times[-1] if self.events else 0.0

    @property
    def notes(self) -> list[PerformedNote]:
        """The notes in order of onset; of two of one pitch, the first on is the first off.

        A note off without a note to end is not a note and is left out here.
        """
        if self._notes is None:
            object.__setattr__(self, "_notes", tuple(self._paired()))
        return list(self._notes or ())

    def _paired(self) -> list[PerformedNote]:
        waiting: dict[int, deque[tuple[int, int, int, int]]] = defaultdict(deque)
        notes: list[PerformedNote] = []
        tick = 0
        for place, event in enumerate(self.events):
            tick += event.delta
            if event.__class__ is NoteOn:
                waiting[event.pitch].append((tick, event.pitch, event.velocity, place))
            elif event.__class__ is NoteOff and waiting[event.pitch]:
                onset, pitch, velocity, on = waiting[event.pitch].popleft()
                notes.append(PerformedNote(onset, tick, pitch, velocity, event.velocity, on, place))
        for left in waiting.values():
            for onset, pitch, velocity, on in left:
                notes.append(PerformedNote(onset, tick, pitch, velocity, 64, on, None))
        notes.sort(key=lambda note: note.on)
        return notes

    def played(self) -> Performance:
        """The performance *as played*: the tempo map baked in, one tick one millisecond.

        The result has 500 ticks a quarter and one tempo, 120 beats a minute. Each onset is rounded
        to the nearest millisecond from the exact time, so no error adds up. Set-tempo events are
        gone (their deltas are kept); everything else stays, in the same order.
        """
        ticks = [
            (2 * elapsed + 1000 * self.resolution) // (2000 * self.resolution)
            for elapsed in self._elapsed()
        ]
        timed = [
            (tick, event)
            for tick, event in zip(ticks, self.events, strict=True)
            if event.__class__ is not SetTempo
        ]
        events: list[Event] = [SetTempo.from_mpqn(0, DEFAULT_MPQN)]
        events += with_deltas(timed)
        return Performance(PLAYED_RESOLUTION, events, self.losses)

    def rescaled(self, resolution: int) -> Performance:
        """The same performance at another resolution, each tick rounded to the nearest."""
        return self._retimed(
            resolution,
            lambda tick: (2 * tick * resolution + self.resolution) // (2 * self.resolution),
        )

    def quantized(self, step: Fraction | int | float) -> Performance:
        """Snapped to a grid of *step* quarter notes (lossy): ``quantized(Fraction(1, 4))``.

        A note that would end where it starts is made one step long, so that none vanishes.
        """
        grid = Fraction(step).limit_denominator(MAX_RESOLUTION) * self.resolution
        if grid <= 0:
            raise EncodingError(f"a grid of {step} quarter notes is none; give a positive step")

        def snap(tick: int) -> int:
            return round(round(tick / grid) * grid)

        snapped = [snap(tick) for tick in self.ticks]
        for note in self.notes:
            if note.off is not None and snapped[note.off] <= snapped[note.on]:
                snapped[note.off] = snap(snapped[note.on] + max(1, round(grid)))
        order = sorted(range(len(self.events)), key=lambda i: (snapped[i], i))
        timed = [(snapped[i], self.events[i]) for i in order]
        return Performance(self.resolution, with_deltas(timed), self.losses)

    def transposed(self, semitones: int) -> Performance:
        """Every pitch moved by *semitones*; an error if one would leave 0 to 127."""

        def move(event: Event) -> Event:
            if isinstance(event, NoteOn | NoteOff):
                return replace(event, pitch=event.pitch + semitones)
            return event

        return Performance(self.resolution, map(move, self.events), self.losses)

    def _retimed(self, resolution: int, retick: Callable[[int], int]) -> Performance:
        timed = [(retick(tick), event) for tick, event in zip(self.ticks, self.events, strict=True)]
        return Performance(resolution, with_deltas(timed), self.losses)

    def _elapsed(self) -> Iterator[int]:
        """The exact time of each event, in microseconds times the resolution."""
        elapsed, mpqn = 0, DEFAULT_MPQN
        for event in self.events:
            elapsed += event.delta * mpqn
            if event.__class__ is SetTempo:
                mpqn = event.mpqn
            yield elapsed


def with_deltas(timed: Iterable[tuple[int, Event]]) -> Iterator[Event]:
    """The events of ``(absolute tick, event)`` pairs in order, each with the delta it then has."""
    last = 0
    for tick, event in timed:
        yield event if event.delta == tick - last else replace(event, delta=tick - last)
        last = tick
