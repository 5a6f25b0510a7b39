"""How well a model explains music: what each event of a performance costs it, in nats.

Teacher forcing over the whole piece, from START and a state of zero to the last event. END is left
out: an excerpt has none, and no baseline can say it. What is explained is the performance in the
model's canonical encoding (:mod:`music21_lstm.model.features`), so figures compare between models
of one grid and one number of velocity bins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import NoteOff, NoteOn
from music21_lstm.encoding.notetext import event_of
from music21_lstm.encoding.performance import PLAYED_RESOLUTION, Performance
from music21_lstm.generation.cell import EventCells, PostCell
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig, PostConfig, TimeBase
from music21_lstm.model.context import observe
from music21_lstm.model.features import Fields, encode, velocity_bin
from music21_lstm.model.pedal import legal_gestures
from music21_lstm.model.tracker import legal_keys
from music21_lstm.model.unigram import Unigram, delta_width_nats

__all__ = [
    "EXPLAINED",
    "PLAYED_GRID",
    "Scored",
    "exact_config",
    "grid_of",
    "score",
    "scored",
    "scores",
]

EXPLAINED = ("delta", "key", "velocity", "escape")
"""The fields that make up a note's nats. What a model says beyond them, as the pedal, is apart."""

PLAYED_GRID = 50
"""Grid ticks a quarter of played time at 10 ms: the grid on which models are compared."""

_LONGEST = 20
"""Quarters up to which a delta is exact in :func:`exact_config`: ten seconds of played time."""

_BATCH = 16

_NEXT = ("delta", "key", "velocity", "gesture", "position", "remaining")
"""What is asked of the event to come."""

Nats = NDArray[np.float64]
Step = tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A performance as a model explains it.

    *fields*: the rows of :func:`~music21_lstm.model.features.encode` without START, T events.
    *nats*: for each field (T,) float64, what its value cost given all before it.
    """

    fields: Fields
    nats: Mapping[str, Nats]
    seconds: float
    """From the start to the end of the last note, by the performance's own tempo map."""

    @property
    def notes(self) -> int:
        """How many notes start."""
        return self.fields.notes

    @property
    def events(self) -> int:
        """How many notes start and end."""
        return len(self.fields)


def score(checkpoint: Checkpoint, performance: Performance) -> Scored:
    """What each event of *performance* costs the model: :func:`scores` of one."""
    return scores(checkpoint, [performance])[0]


def scores(checkpoint: Checkpoint, performances: Sequence[Performance]) -> list[Scored]:
    """What each event of *performances* costs the model, by field, for each of them.

    They go through the network side by side, which is much faster than one by one; that changes no
    more than the rounding of the last digits.

    A delta bin wider than one grid tick costs the logarithm of its width more
    (:func:`~music21_lstm.model.unigram.delta_width_nats`); the key's softmax is over the legal keys
    only, as in training; a velocity costs at note ons, and the pedal (``pedal``) where time passes.

    The post's recipe is scored over its note tokens; one that its vocabulary lacks costs an escape
    and then its fields as in the metadata's ``unigram`` counts, or evenly without them. The
    escape's chance is (unknown + 1) / (all + 2) over the events of the piece so far.

    Hold BLAS to one thread around this. Raises :class:`~music21_lstm.errors.ModelError` if
    one has no note.
    """
    config = checkpoint.config
    grid = grid_of(config)
    pieces = [encode(performance, grid) for performance in performances]
    if isinstance(config, PostConfig):
        nats = [_post_nats(checkpoint, config, grid, rows[1:]) for rows in pieces]
    else:
        nats = _event_nats(checkpoint, config, pieces)
    return [
        Scored(rows[1:], found, _seconds(performance))
        for rows, found, performance in zip(pieces, nats, performances, strict=True)
    ]


def scored(checkpoint: Checkpoint, performances: Sequence[Performance]) -> Iterator[Scored]:
    """:func:`scores`, some at a time: for many pieces, and for showing how far it is."""
    for first in range(0, len(performances), _BATCH):
        yield from scores(checkpoint, performances[first : first + _BATCH])


def exact_config(
    time_base: TimeBase = "played", resolution: int = PLAYED_GRID, velocity_bins: int = 32
) -> EventsConfig:
    """A grid whose deltas are exact to the tick, up to 20 quarters (10 s of played time)."""
    edges = tuple(range(_LONGEST * resolution + 1))
    return EventsConfig(
        time_base=time_base,
        resolution=resolution,
        delta_edges=edges,
        velocity_bins=velocity_bins,
        bar_positions=0,
    )


def grid_of(config: EventsConfig | PostConfig) -> EventsConfig:
    """The grid on which a model is scored: its own.

    The post's tokens count ticks and velocities one by one. A vocabulary of 50 ticks a quarter is
    taken for the 10 ms and 32 velocities of played time, and one of 500 for its milliseconds.
    """
    if isinstance(config, EventsConfig):
        return config
    played = config.resolution in (PLAYED_GRID, PLAYED_RESOLUTION)
    bins = 32 if config.resolution == PLAYED_GRID else 127
    return exact_config("played" if played else "written", config.resolution, bins)


def _seconds(performance: Performance) -> float:
    times = performance.times
    return max(times[-1 if note.off is None else note.off] for note in performance.notes)


class _Told:
    """A piece as the network is told it, row by row; row 0 is START."""

    def __init__(self, piece: Fields, config: EventsConfig) -> None:
        self.piece = piece
        self.columns = observe(piece, config)
        self.since = self.columns.pop("since", None)
        self.last = len(piece) - 1


def _event_nats(
    checkpoint: Checkpoint, config: EventsConfig, pieces: Sequence[Fields]
) -> list[dict[str, Nats]]:
    """The factored network over *pieces*, the first row of each START; those that are over drop out."""
    cells = EventCells.of(checkpoint, config, len(pieces))
    told = [_Told(piece, config) for piece in pieces]
    fields = dict.fromkeys((*EXPLAINED[:3], *config.heads))
    nats = [{name: np.zeros(one.last) for name in fields} for one in told]
    going = list(range(len(pieces)))
    for t in range(max(one.last for one in told)):
        kept = [place for place, i in enumerate(going) if t < told[i].last]
        if len(kept) < len(going):
            going, cells = [going[place] for place in kept], cells.chosen(kept)
        for name, costs in _step_costs(cells, [told[i] for i in going], t).items():
            for i, cost in zip(going, costs.tolist(), strict=True):
                nats[i][name][t] = cost
    for one, found in zip(told, nats, strict=True):
        found["delta"] += delta_width_nats(config)[one.piece.delta[1:]]
    return nats


def _step_costs(cells: EventCells, told: Sequence[_Told], t: int) -> dict[str, Nats]:
    """Tell each stream its row *t*; what the next one costs it, by field."""
    config = cells.config
    columns = {name: np.array([one.columns[name][t] for one in told]) for name in told[0].columns}
    sounding = np.array([one.piece.sounding[t] for one in told])
    since = [one.since[t] for one in told if one.since is not None]
    cells.advance(columns, sounding, np.array(since) if since else None)
    delta, key, velocity, gesture, position, remaining = (
        np.array([getattr(one.piece, name)[t + 1] for one in told], np.intp) for name in _NEXT
    )
    last = np.array([one.piece.key[t] for one in told])
    legal = legal_keys(sounding, last, delta)
    logits = cells.key_logits(delta, position, remaining)
    found = {
        "delta": _costs(cells.delta_logits(), delta),
        "key": _costs(np.where(legal, logits, -np.inf), key),
    }
    if config.has_velocity:
        costs = _costs(cells.velocity_logits(key, delta), np.maximum(velocity - 1, 0))
        found["velocity"] = np.where(key >= 128, costs, 0.0)
    if config.pedal:
        room = legal_gestures(np.array([config.delta_edges[bin_] for bin_ in delta]))
        costs = _costs(np.where(room, cells.pedal_logits(key, delta), -np.inf), gesture)
        found["pedal"] = np.where(delta > 0, costs, 0.0)
    return found


def _costs(logits: NDArray[np.floating], chosen: NDArray[np.intp]) -> Nats:
    """The cross-entropies, (n,), of *chosen* classes; of *logits* (n, classes) -inf is none."""
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    found: Nats = np.log(np.exp(wide).sum(axis=1)) - wide[np.arange(len(wide)), chosen]
    return found


def _post_nats(
    checkpoint: Checkpoint, config: PostConfig, grid: EventsConfig, rows: Fields
) -> dict[str, Nats]:
    """The post's network over *rows*, the chances of its note tokens summed up by field.

    An unknown token is passed over: the network hears the next one that it knows.
    """
    cell = PostCell(config, checkpoint.arrays)
    numbers, steps = _note_tokens(config, grid)
    places = dict(zip(map(tuple, steps.tolist()), numbers.tolist(), strict=True))
    unknown_nats = Unigram(grid, checkpoint.metadata.get("unigram")).nats(rows)
    nats = {name: np.zeros(len(rows)) for name in EXPLAINED}
    unknown = 0
    for t, step in enumerate(rows.steps):
        escape = (unknown + 1) / (t + 2)
        number = places.get(step)
        nats["escape"][t] = -np.log(1 - escape if number is not None else escape)
        if number is None:
            unknown += 1
            for name, column in unknown_nats.items():
                nats[name][t] = column[t]
            continue
        costs = _joint_costs(cell.logits()[numbers], steps, step)
        for name, cost in zip(EXPLAINED, costs, strict=False):
            nats[name][t] = cost
        cell.advance(number)
    return nats


def _note_tokens(
    config: PostConfig, grid: EventsConfig
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The note tokens of a vocabulary, (N,), and what each says on the grid, (N, 3)."""
    numbers, steps = [], []
    for number, token in enumerate(config.vocabulary):
        event = event_of(token)
        if not isinstance(event, NoteOn | NoteOff):
            continue
        on = isinstance(event, NoteOn)
        bin_ = velocity_bin(event.velocity, grid) if on else 0
        numbers.append(number)
        steps.append((min(event.delta, grid.delta_edges[-1]), event.pitch + 128 * on, bin_))
    return np.array(numbers, np.intp), np.array(steps, np.int64).reshape(-1, 3)


def _joint_costs(logits: NDArray[np.float32], steps: NDArray[np.int64], step: Step) -> list[float]:
    """The cost of each field of *step* given those before it, by the chain rule over whole tokens."""
    wide = logits.astype(np.float64)
    chances = np.exp(wide - wide.max())
    agree = np.ones(len(chances), np.bool_)
    costs, before = [], np.log(chances.sum())
    for column, value in enumerate(step):
        agree &= steps[:, column] == value
        after = np.log(chances[agree].sum())
        costs.append(float(before - after))
        before = after
    return costs
