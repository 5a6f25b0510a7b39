"""A performance as the whole numbers that the factored network reads, and back.

An event is three fields: a *delta* bin, a *key* (which note goes off or on, or the end) and a
*velocity* bin. Events stand in one canonical order, so that there is one way to say a passage:
see :mod:`music21_lstm.model.canonical`. :class:`~music21_lstm.model.tracker.Tracker` is the same
knowledge event by event, for whoever generates.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import ModelError
from music21_lstm.model.canonical import canonical
from music21_lstm.model.config import END, START, EventsConfig
from music21_lstm.model.pedal import changes_of, gestures

__all__ = [
    "Bars",
    "Fields",
    "bar_rows",
    "bar_ticks",
    "decode",
    "decode_event",
    "delta_bin",
    "encode",
    "encode_notes",
    "gridded",
    "velocity_bin",
    "velocity_of",
]

Ints = NDArray[np.int32]
Ticks = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """A performance as arrays, one row an event; T rows.

    All but *sounding* are (T,) int32. *velocity* is 0 for all but note ons. *position* is grid ticks
    since the bar line at the time of the event, *remaining* grid ticks to the next one, less one; both
    are rows of their embeddings, so they never reach ``config.bar_positions``. *gesture* is what the
    sustain pedal did since the event before, and *pedal* the row of how it is now
    (:mod:`music21_lstm.model.pedal`). *sounding*: (T, 128) uint8, 1 for each pitch that sounds after
    the event.
    """

    delta: Ints
    key: Ints
    velocity: Ints
    position: Ints
    remaining: Ints
    gesture: Ints
    pedal: Ints
    sounding: NDArray[np.uint8]

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
        timed = zip(performance.ticks, performance.events, strict=True)
        found = [(tick, event) for tick, event in timed if isinstance(event, TimeSignature)]
        self._read([(tick, event.numerator, event.denominator) for tick, event in found], config)

    @classmethod
    def of_metre(cls, metre: Iterable[tuple[int, int, int]], config: EventsConfig) -> Bars:
        """Those of time signatures: grid tick, numerator and denominator of each."""
        bars = cls.__new__(cls)
        bars._read(metre, config)
        return bars

    def _read(self, metre: Iterable[tuple[int, int, int]], config: EventsConfig) -> None:
        spans = {0: bar_ticks(4, 4, config)}
        spans |= {tick: bar_ticks(over, under, config) for tick, over, under in metre}
        self._limit = config.bar_positions
        self._starts = sorted(spans)
        self._bars = [spans[start] for start in self._starts]
        if len(self._starts) > 1 and 0 < self._starts[1] < self._bars[1]:
            self._starts[0], self._bars[0] = self._starts[1] - self._bars[1], self._bars[1]

    def at(self, tick: int) -> tuple[int, int]:
        """Ticks since the bar line, and the length of the bar, at a *tick*."""
        span = max(0, bisect_right(self._starts, tick) - 1)
        return (tick - self._starts[span]) % self._bars[span], self._bars[span]

    def rows(self, ticks: Ticks) -> tuple[Ticks, Ticks]:
        """*position* and *remaining* at *ticks*, as :class:`Fields` has them."""
        if not self._limit:
            return np.zeros_like(ticks), np.zeros_like(ticks)
        span = np.maximum(0, np.searchsorted(self._starts, ticks, side="right") - 1)
        bar = np.array(self._bars)[span]
        position = (ticks - np.array(self._starts)[span]) % bar
        return np.minimum(position, self._limit - 1), np.minimum(bar - position, self._limit) - 1


def bar_rows(position: int, bar: int, limit: int) -> tuple[int, int]:
    """*position* and *remaining*, as :class:`Fields` has them, so far into a *bar*."""
    if not limit:
        return 0, 0
    return min(position, limit - 1), min(bar - position, limit) - 1


def encode(
    performance: Performance, config: EventsConfig, *, start: bool = True, end: bool = False
) -> Fields:
    """The fields of *performance*; :func:`decode` inverts it, on the grid and in canonical order.

    With *start* the first row is the START input that stands before the first event; with *end*
    the last is END, as in training. All but notes, metre and sustain pedal is left out; a note that
    is never released ends with the performance. Raises :class:`~music21_lstm.errors.ModelError` if
    there is no note.
    """
    grid = gridded(performance, config)
    notes = np.array(
        [(note.onset, note.end, note.pitch, note.velocity) for note in grid.notes], np.int64
    ).reshape(-1, 4)
    if not len(notes):
        raise ModelError("no notes to encode; give a performance with at least one note")
    pedal = changes_of(grid) if config.pedal else ()
    return encode_notes(notes, Bars(grid, config), config, pedal=pedal, start=start, end=end)


def encode_notes(
    notes: NDArray[np.integer],
    bars: Bars,
    config: EventsConfig,
    *,
    pedal: Sequence[tuple[int, int]] = (),
    start: bool = True,
    end: bool = False,
) -> Fields:
    """The fields of *notes* on the model's grid: (N, 4) of onset, end, pitch and velocity, N > 0.

    *pedal*: tick and new state of each change of the sustain pedal.
    """
    ticks, key, velocity = canonical(notes)
    delta, lag = _deltas(ticks, bars, config)
    level = np.where(key >= 128, 1 + velocity * config.velocity_bins // 128, 0)
    if start:
        key, delta, level = np.append(START, key), np.append(0, delta), np.append(0, level)
        ticks, lag = np.append(0, ticks), np.append(0, lag)
    if end:
        key, delta, level = np.append(key, END), np.append(delta, 0), np.append(level, 0)
        ticks, lag = np.append(ticks, ticks[-1]), np.append(lag, lag[-1])
    gaps = np.array(config.delta_edges)[delta]
    moved, row = gestures(ticks.tolist(), gaps.tolist(), pedal) if config.pedal else (0, 0)
    told = (delta, key, level, *bars.rows(ticks - lag), np.array(moved), np.array(row))
    columns: list[Any] = [np.array(np.broadcast_to(one, key.shape), np.int32) for one in told]
    columns.append(_sounding(columns[1]))
    return Fields(*columns)


def _deltas(ticks: Ticks, bars: Bars, config: EventsConfig) -> tuple[Ticks, Ticks]:
    """The delta bins of events at *ticks*, and by how many ticks each is told too early.

    Where bins are wider than a tick, what is lost is made up by the next delta.
    """
    steps = np.diff(ticks, prepend=0)
    edges = np.array(config.delta_edges)
    bins: Ticks = np.searchsorted(edges, steps, side="right") - 1
    exact = edges[bins] == steps
    lags = np.zeros_like(ticks)
    if exact.all():
        return bins, lags
    lag = 0
    for at in np.flatnonzero(steps).tolist():
        if exact[at] and not lag:
            continue
        step = _fold(int(steps[at]), bars.at(int(ticks[at] - steps[at]))[1], config)
        bins[at] = delta_bin(step + lag, config)
        lag += step - config.delta_edges[bins[at]]
        lags[at] = lag
    moved = np.maximum.accumulate(np.where(steps > 0, np.arange(len(steps)), 0))
    return bins, lags[moved]


def _fold(step: int, bar: int, config: EventsConfig) -> int:
    """A rest that is longer than the longest delta, made shorter; by whole bars if that will do."""
    longest = config.delta_edges[-1]
    if step <= longest:
        return step
    if config.has_bar and bar <= longest:
        return step - bar * -(-(step - longest) // bar)
    return longest


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
