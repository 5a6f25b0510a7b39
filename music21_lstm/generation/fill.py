"""Rewriting measures of a score so that they join on both sides.

Many candidates are played after what stands before; the one that the model finds least surprising,
itself and what follows it, is written.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from music21 import bar, instrument, repeat, spanner, stream

from music21_lstm.encoding.events import (
    ControlChange,
    Event,
    KeySignature,
    NoteOff,
    NoteOn,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import DEFAULT_MPQN, Performance, with_deltas
from music21_lstm.errors import GenerationError
from music21_lstm.generation.ensemble import ensemble_of
from music21_lstm.generation.joining import is_played, onsets_of
from music21_lstm.generation.passage import Gap, empty, gap_of, write
from music21_lstm.generation.request import Request, first_seed
from music21_lstm.generation.surprisal import note_nats
from music21_lstm.generation.take import Span, Take
from music21_lstm.generation.variations import play
from music21_lstm.generation.watch import Watch
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig
from music21_lstm.model.pedal import SUSTAIN
from music21_lstm.streams.elements import resolution_of
from music21_lstm.streams.encode import performance_of_stream
from music21_lstm.threads import one_thread

__all__ = ["FILL_KEY", "Filling", "filled"]

AnyStream = stream.Stream[Any]

FILL_KEY = "fill"
"""``score.editorial[FILL_KEY]``: the :class:`Filling` that was chosen."""

BEFORE_QUARTERS = 16
FOLLOWING_QUARTERS = 8
"""Candidates are ranked with so much before them as context, and by so much of what follows."""

Note = tuple[int, int, int, int]
"""Onset, end (ticks), pitch, velocity."""
Marks = list[tuple[int, Event]]


@dataclass(frozen=True, slots=True)
class Filling:
    """One candidate: its *seed*, and nats a note of the *passage* and of what is *following* it."""

    seed: int
    passage: float
    following: float

    @property
    def surprisal(self) -> float:
        """What the candidates are ranked by, the lowest first."""
        return self.passage + self.following


def filled(
    checkpoint: Checkpoint,
    source: AnyStream,
    first: int,
    last: int,
    request: Request,
    candidates: int,
) -> AnyStream:
    """A copy of *source* with the measures *first* to *last* new; see ``Generator.fill``."""
    config = checkpoint.config
    if not isinstance(config, EventsConfig):
        raise GenerationError(
            "a model of whole tokens knows no bar lines; fill with one of the recipe events"
        )
    if candidates.__class__ is not int or candidates < 1:
        raise GenerationError(f"candidates is {candidates!r}; it must be a whole number from 1 on")
    score = copy.deepcopy(source)
    gap = gap_of(score, first, last)
    _check_transposition(score)
    empty(gap)
    room = _Room.of(gap, config)
    takes, seeds = _candidates(checkpoint, config, room, request, candidates)
    with one_thread():
        pairs = zip(takes, seeds, strict=True)
        ranks = [_ranked(checkpoint, room, notes, seed) for notes, seed in pairs]
    best = min(range(len(takes)), key=lambda i: ranks[i].surprisal)
    inside = [(on - room.start, off - room.start, p, v) for on, off, p, v in takes[best]]
    write(gap, _performance(room.resolution, inside, []), traced=resolution_of(score) is not None)
    score.editorial[FILL_KEY] = ranks[best]
    return score


def _check_transposition(score: AnyStream) -> None:
    for each in score.recurse().getElementsByClass(instrument.Instrument):
        if each.transposition is not None:
            raise GenerationError(
                f"{each.instrumentName or 'an instrument'} transposes; "
                "fill score.toSoundingPitch() instead"
            )


# --- the room ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Room:
    """The gap in ticks of the score's performance, and what stands around it."""

    resolution: int
    start: int
    end: int
    marks: Marks
    notes: list[Note]
    clock: _Clock

    @classmethod
    def of(cls, gap: Gap, config: EventsConfig) -> _Room:
        """Of an emptied gap. Repeats are heard once, as the page has them."""
        performance = performance_of_stream(_without_repeats(gap.score))
        resolution = performance.resolution
        start, end = round(gap.start * resolution), round(gap.end * resolution)
        marks: Marks = [
            (tick, event)
            for tick, event in zip(performance.ticks, performance.events, strict=True)
            if isinstance(event, SetTempo | TimeSignature | KeySignature) or _is_pedal(event)
        ]
        notes = [
            # A performed note that lasts a little beyond the bar line is heard up to it.
            (
                n.onset,
                max(n.onset + 1, min(n.end, start)) if n.onset < start else n.end,
                n.pitch,
                n.velocity,
            )
            for n in performance.notes
            if not start <= n.onset < end
        ]
        return cls(resolution, start, end, marks, notes, _Clock(marks, resolution, config))

    @property
    def left(self) -> Performance | None:
        """What stands before the gap, with the metre that holds at its start."""
        notes = [note for note in self.notes if note[0] < self.start]
        marks = [(tick, event) for tick, event in self.marks if tick <= self.start]
        return _performance(self.resolution, notes, marks) if notes else None

    @property
    def metre(self) -> TimeSignature:
        """The metre at the start of the gap."""
        found = [e for t, e in self.marks if t <= self.start and isinstance(e, TimeSignature)]
        return found[-1] if found else TimeSignature(0, 4, 4)

    def around(self, notes: Sequence[Note]) -> tuple[Performance, int, int]:
        """*notes* with the context that they are ranked in, and where the gap is then."""
        bar_ticks = 4 * self.resolution * self.metre.numerator // self.metre.denominator
        bars = -(-BEFORE_QUARTERS * self.resolution // bar_ticks)
        first = max(0, self.start - bars * bar_ticks)
        last = self.end + FOLLOWING_QUARTERS * self.resolution
        near = [note for note in self.notes if first <= note[0] < last]
        shifted = [(a - first, b - first, p, v) for a, b, p, v in sorted([*near, *notes])]
        marks = [(max(0, tick - first), event) for tick, event in self.marks if tick < last]
        whole = _performance(self.resolution, shifted, marks)
        return whole, self.start - first, self.end - first


def _is_pedal(event: Event) -> bool:
    return isinstance(event, ControlChange) and event.control == SUSTAIN


def _without_repeats(score: AnyStream) -> AnyStream:
    plain = copy.deepcopy(score)
    for measure in plain.recurse().getElementsByClass(stream.Measure):
        for side in ("leftBarline", "rightBarline"):
            if isinstance(getattr(measure, side), bar.Repeat):
                setattr(measure, side, None)
    for site in [plain, *plain.recurse().getElementsByClass(stream.Stream)]:
        marks: list[Any] = [
            m for m in site.elements if isinstance(m, repeat.RepeatMark | spanner.RepeatBracket)
        ]
        site.remove(marks)
    return plain


class _Clock:
    """The model's grid against the score's ticks; by the tempo map if it hears time as played."""

    def __init__(self, marks: Marks, resolution: int, config: EventsConfig) -> None:
        ticks, mpqns = [0], [DEFAULT_MPQN]
        for tick, event in marks if is_played(config) else ():
            if isinstance(event, SetTempo):
                ticks.append(tick)
                mpqns.append(event.mpqn)
        scale = config.resolution / resolution / DEFAULT_MPQN
        self._ticks = np.array(ticks, np.float64)
        self._rates = np.array(mpqns, np.float64) * scale
        steps = np.diff(self._ticks) * self._rates[:-1]
        self._grid = np.concatenate([[0.0], steps.cumsum()])

    def grid(self, tick: int) -> int:
        """The tick of the grid nearest to a *tick* of the score."""
        place = bisect_right(self._ticks.tolist(), tick) - 1
        return round(float(self._grid[place] + (tick - self._ticks[place]) * self._rates[place]))

    def tick(self, grid: int) -> int:
        """The tick of the score nearest to a tick of the *grid*."""
        place = bisect_right(self._grid.tolist(), grid) - 1
        return round(float(self._ticks[place] + (grid - self._grid[place]) / self._rates[place]))


def _performance(resolution: int, notes: Sequence[Note], marks: Marks) -> Performance:
    timed: list[tuple[int, int, Event]] = [(tick, 0, event) for tick, event in marks]
    for onset, end, pitch, velocity in notes:
        timed += [(onset, 2, NoteOn(0, pitch, velocity)), (end, 1, NoteOff(0, pitch))]
    timed.sort(key=lambda row: row[:2])
    return Performance(resolution, with_deltas((tick, event) for tick, _, event in timed))


# --- candidates --------------------------------------------------------------------------------


def _candidates(
    checkpoint: Checkpoint, config: EventsConfig, room: _Room, request: Request, count: int
) -> tuple[list[list[Note]], list[int]]:
    """The notes of each candidate that did not collapse, in the score's ticks, and its seed."""
    left = room.left
    base = (
        room.start if left is None else max(note[1] for note in room.notes if note[0] < room.start)
    )
    origin = room.clock.grid(base)
    span = Span(room.clock.grid(room.end) - origin, room.clock.grid(room.start) - origin)
    first = first_seed(request.seed)
    seeds = list(range(first, first + count))
    with one_thread():
        dice = [np.random.default_rng(seed) for seed in seeds]
        # What stands before is heard once; each candidate goes on from there.
        steers = [request.wish] * count
        ensemble = ensemble_of(checkpoint, left, room.metre, dice, steers, request.guided)
        onsets = onsets_of(left)
        takes = [
            Take(
                config.resolution,
                span=span,
                repeats=request.repeats(config, onsets),
                watch=Watch(config.resolution),
                pedal=ensemble.pedal,
            )
            for _ in seeds
        ]
        play(ensemble, takes, request.sampling(config))
    found = [
        (_notes(t, room, origin), s) for t, s in zip(takes, seeds, strict=True) if not t.collapse
    ]
    if not found:
        raise GenerationError(
            f"every candidate collapsed ({takes[0].collapse}); try a temperature nearer to 1"
        )
    return [notes for notes, _ in found], [seed for _, seed in found]


def _notes(take: Take, room: _Room, origin: int) -> list[Note]:
    """The notes of a take, in the score's ticks, within the gap."""
    found = []
    for n in Performance(1, take.events).notes:
        onset = min(max(room.clock.tick(origin + n.onset), room.start), room.end - 1)
        end = min(max(room.clock.tick(origin + n.end), onset + 1), room.end)
        found.append((onset, end, n.pitch, n.velocity))
    return found


def _ranked(checkpoint: Checkpoint, room: _Room, notes: Sequence[Note], seed: int) -> Filling:
    """How well the model explains a candidate, and what follows given it."""
    whole, start, end = room.around(notes)
    nats = note_nats(checkpoint, whole)[0] if whole.notes else []
    inside = [cost for cost, n in zip(nats, whole.notes, strict=True) if start <= n.onset < end]
    after = [cost for cost, n in zip(nats, whole.notes, strict=True) if n.onset >= end]
    # One in which no note starts is the last choice.
    passage = sum(inside) / len(inside) if inside else inf
    return Filling(seed, passage, sum(after) / len(after) if after else 0.0)
