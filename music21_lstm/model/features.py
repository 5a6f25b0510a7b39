"""A performance as the whole numbers that the factored network reads, and back.

An event is three fields: a *delta* bin, a *key* (which note goes off or on, or the end) and a
*velocity* bin. Events stand in one canonical order, so that there is one way to say a passage:
notes of one pitch never overlap, each lasts at least one grid tick, and at one tick first come the
note offs and then the note ons, each from low to high. Low to high because the bass carries the
harmony: it is chosen first, and the voices above are chosen knowing it.

:class:`Tracker` is the same knowledge event by event, for whoever generates.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import ModelError
from music21_lstm.model.config import END, KEYS, START, EventsConfig

__all__ = [
    "Bars",
    "Fields",
    "Tracker",
    "bar_ticks",
    "decode",
    "decode_event",
    "delta_bin",
    "encode",
    "gridded",
    "velocity_bin",
    "velocity_of",
]

Ints = NDArray[np.int32]
Note = tuple[int, int, int, int]
"""Onset, end (grid ticks), pitch, velocity."""


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """A performance as arrays, one row an event; T rows.

    *delta*, *key*, *velocity*, *position*, *remaining*: (T,) int32. *sounding*: (T, 128) uint8, 1
    for each pitch that sounds after the event. *position* is grid ticks since the bar line at the
    time of the event, *remaining* grid ticks to the next one, less one; both are rows of their
    embeddings, so they never reach ``config.bar_positions``. *velocity* is 0 for all but note ons.
    """

    delta: Ints
    key: Ints
    velocity: Ints
    sounding: NDArray[np.uint8]
    position: Ints
    remaining: Ints

    def __len__(self) -> int:
        return len(self.key)

    def __getitem__(self, rows: slice) -> Fields:
        """The fields of some of the rows."""
        return Fields(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def notes(self) -> int:
        """How many notes start."""
        return int(((self.key >= 128) & (self.key < END)).sum())

    @property
    def steps(self) -> Iterator[tuple[int, int, int]]:
        """Delta, key and velocity of each row, as plain numbers."""
        return zip(self.delta.tolist(), self.key.tolist(), self.velocity.tolist(), strict=True)


def delta_bin(ticks: int, config: EventsConfig) -> int:
    """The bin that takes a delta of *ticks* grid ticks; ``config.delta_edges[bin]`` inverts it."""
    return bisect_right(config.delta_edges, ticks) - 1


def velocity_bin(velocity: int, config: EventsConfig) -> int:
    """The bin, from 1, of a note on's *velocity*: with 32 bins ``1 + velocity // 4``."""
    return 1 + velocity * config.velocity_bins // 128


def velocity_of(index: int, config: EventsConfig) -> int:
    """The velocity in the middle of a bin; :func:`velocity_bin` of it is *index* again.

    >>> velocity_of(20, EventsConfig()), velocity_of(1, EventsConfig(velocity_bins=1))
    (78, 64)
    """
    low, above = (-(-128 * place // config.velocity_bins) for place in (index - 1, index))
    return (low + above) // 2


def gridded(performance: Performance, config: EventsConfig) -> Performance:
    """*performance* on the model's grid: its time base and its resolution (lossy)."""
    if config.time_base == "played":
        performance = performance.played()
    return performance.rescaled(config.resolution)


def bar_ticks(numerator: int, denominator: int, config: EventsConfig) -> int:
    """The length of a bar in grid ticks, at least 1."""
    return max(1, round(4 * config.resolution * numerator / denominator))


class Bars:
    """Where the bar lines of a gridded performance are.

    Each time signature starts a bar; without one, bars are of 4/4. A first stretch shorter than
    one bar of what follows is a pickup: it is counted back from its first full bar.
    """

    def __init__(self, performance: Performance, config: EventsConfig) -> None:
        spans = {0: bar_ticks(4, 4, config)}
        for tick, event in zip(performance.ticks, performance.events, strict=True):
            if isinstance(event, TimeSignature):
                spans[tick] = bar_ticks(event.numerator, event.denominator, config)
        self._limit = config.bar_positions
        self._starts = sorted(spans)
        self._bars = [spans[start] for start in self._starts]
        if len(self._starts) > 1 and 0 < self._starts[1] < self._bars[1]:
            self._starts[0], self._bars[0] = self._starts[1] - self._bars[1], self._bars[1]

    def at(self, tick: int) -> tuple[int, int]:
        """Ticks since the bar line, and the length of the bar, at a *tick*."""
        span = max(0, bisect_right(self._starts, tick) - 1)
        return (tick - self._starts[span]) % self._bars[span], self._bars[span]

    def rows(self, tick: int) -> tuple[int, int]:
        """*position* and *remaining* at a *tick*, as :class:`Fields` has them."""
        return _bar_rows(*self.at(tick), self._limit)


def _bar_rows(position: int, bar: int, limit: int) -> tuple[int, int]:
    if not limit:
        return 0, 0
    return min(position, limit - 1), min(bar - position, limit) - 1


def encode(
    performance: Performance, config: EventsConfig, *, start: bool = True, end: bool = False
) -> Fields:
    """The fields of *performance*; :func:`decode` inverts it, on the grid and in canonical order.

    With *start* the first row is the START input that stands before the first event; with *end*
    the last is END, as in training. All but notes and metre is left out; a note that is never
    released ends with the performance. Raises :class:`~music21_lstm.errors.ModelError` if there is
    no note.
    """
    grid = gridded(performance, config)
    bars = Bars(grid, config)
    timed = _canonical(_separate(_notes(grid)))
    if not timed:
        raise ModelError("no notes to encode; give a performance with at least one note")
    rows = [(0, START, 0, *bars.rows(0))] if start else []
    tick = lag = 0
    for onset, key, velocity in timed:
        step, tick = _fold(onset - tick, bars.at(tick)[1], config), onset
        delta = delta_bin(step + lag, config) if step else 0
        lag += step - config.delta_edges[delta]
        bin_ = velocity_bin(velocity, config) if key >= 128 else 0
        rows.append((delta, key, bin_, *bars.rows(onset - lag)))
    if end:
        rows.append((0, END, 0, *rows[-1][3:]))
    columns = np.ascontiguousarray(np.array(rows, np.int32).T)
    delta, key, velocity, position, remaining = columns
    return Fields(delta, key, velocity, _sounding(key), position, remaining)


def _fold(step: int, bar: int, config: EventsConfig) -> int:
    """A rest that is longer than the longest delta, made shorter; by whole bars if that will do."""
    longest = config.delta_edges[-1]
    if step <= longest:
        return step
    if config.has_bar and bar <= longest:
        return step - bar * -(-(step - longest) // bar)
    return longest


def _notes(grid: Performance) -> Iterable[Note]:
    for note in grid.notes:
        yield note.onset, max(note.end, note.onset + 1), note.pitch, note.velocity


def _separate(notes: Iterable[Note]) -> list[Note]:
    """The notes with none overlapping another of its pitch.

    Two that start together are one; a re-strike ends the note before it, and lasts until both
    would have ended, as a pitch shared by two voices does.
    """
    by_pitch: dict[int, list[Note]] = defaultdict(list)
    for onset, end, pitch, velocity in sorted(notes):
        held = by_pitch[pitch]
        if held and held[-1][1] > onset:
            start, last, _, loudness = held[-1]
            end = max(end, last)
            if start == onset:
                held.pop()
                velocity = max(velocity, loudness)
            else:
                held[-1] = (start, onset, pitch, loudness)
        held.append((onset, end, pitch, velocity))
    return [note for held in by_pitch.values() for note in held]


def _canonical(notes: Iterable[Note]) -> list[tuple[int, int, int]]:
    """Tick, key and velocity of every note off and note on, in canonical order."""
    timed = []
    for onset, end, pitch, velocity in notes:
        timed += [(onset, 128 + pitch, velocity), (end, pitch, 0)]
    return sorted(timed)


def _sounding(keys: Ints) -> NDArray[np.uint8]:
    change = np.zeros((len(keys), 128), np.int8)
    rows = np.flatnonzero(keys < END)
    change[rows, keys[rows] % 128] = np.where(keys[rows] >= 128, 1, -1)
    return change.cumsum(0, dtype=np.int8).astype(np.uint8)


def decode_event(
    delta: int, key: int, velocity: int, config: EventsConfig
) -> NoteOn | NoteOff | None:
    """The event of one row; None for START and END.

    >>> decode_event(24, 188, 20, EventsConfig())
    NoteOn(delta=24, pitch=60, velocity=78)
    """
    if key >= END:
        return None
    ticks = config.delta_edges[delta]
    if key >= 128:
        return NoteOn(ticks, key - 128, velocity_of(velocity, config))
    return NoteOff(ticks, key)


def decode(rows: Fields | Iterable[tuple[int, int, int]], config: EventsConfig) -> Performance:
    """The performance of *rows*, each delta, key and velocity; the inverse of :func:`encode`.

    Its resolution is the grid's. It has the notes alone: no tempo, and no time signature.
    """
    steps = rows.steps if isinstance(rows, Fields) else rows
    events = (decode_event(*step, config) for step in steps)
    return Performance(config.resolution, (event for event in events if event is not None))


class Tracker:
    """What the network sees besides the event itself, kept up event by event.

    *bar* is the length of a bar and *position* where in it tick 0 is, in grid ticks. After
    :meth:`take` of the rows of :func:`encode` the attributes are those of its arrays:
    *sounding* (128,) uint8, *position*, *remaining*; and *key* is the last key taken.

    >>> tracker = Tracker(EventsConfig())
    >>> tracker.take(0, 128 + 60)
    >>> bool(tracker.legal(1)[60]), bool(tracker.legal(1)[61])
    (True, False)
    """

    __slots__ = ("_bar", "_config", "_tick", "key", "sounding")

    def __init__(self, config: EventsConfig, *, bar: int | None = None, position: int = 0) -> None:
        self._config = config
        self._bar = bar_ticks(4, 4, config) if bar is None else bar
        self._tick = position
        self.key = START
        self.sounding = np.zeros(128, np.uint8)

    @classmethod
    def after(cls, performance: Performance, config: EventsConfig) -> Tracker:
        """The tracker that has taken all of *performance*, in the metre that it ends in."""
        rows = encode(performance, config)
        grid = gridded(performance, config)
        position, bar = Bars(grid, config).at(max(note.end for note in grid.notes))
        tracker = cls(config, bar=bar, position=position)
        tracker.key, tracker.sounding = int(rows.key[-1]), rows.sounding[-1].copy()
        return tracker

    @property
    def position(self) -> int:
        """Grid ticks since the bar line, as a row of its embedding."""
        return self.rows(0)[0]

    @property
    def remaining(self) -> int:
        """Grid ticks to the next bar line, less one, as a row of its embedding."""
        return self.rows(0)[1]

    def rows(self, delta: int) -> tuple[int, int]:
        """*position* and *remaining* at the next event, if its delta bin is *delta*."""
        tick = self._tick + self._config.delta_edges[delta]
        return _bar_rows(tick % self._bar, self._bar, self._config.bar_positions)

    def together(self) -> bool:
        """Whether the next event may stand at this same tick (delta 0): some key must be left."""
        return bool(self.legal(0).any())

    def legal(self, delta: int) -> NDArray[np.bool_]:
        """Which keys may come next, (257,), if its delta bin is *delta*.

        An off only of a sounding pitch, an on only of a silent one, in canonical order within a
        tick, and END at delta 0 when nothing sounds any more. Only at delta 0 can there be none.
        """
        keys = np.empty(KEYS, np.bool_)
        np.not_equal(self.sounding, 0, out=keys[:128])
        np.logical_not(keys[:128], out=keys[128:END])
        keys[END] = delta == 0 and self.key < 128 and not keys[:128].any()
        if delta == 0 and self.key < END:
            keys[: self.key + 1] = False  # offs before ons, each from low to high
        return keys

    def take(self, delta: int, key: int, velocity: int = 0) -> None:  # noqa: ARG002
        """Go on to an event; its *velocity* changes nothing here."""
        self._tick += self._config.delta_edges[delta]
        self.key = key
        if key < END:
            self.sounding[key % 128] = key >= 128
