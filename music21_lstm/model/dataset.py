"""Pieces as batches of windows: bounded memory, and an order that is the seed's and the epoch's.

Everything here is NumPy. What an epoch brings depends on the settings, the seed and the epoch's
number alone, so that training can be resumed at any epoch and go on as if it had not stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.notetext import text_of, token_of
from music21_lstm.encoding.performance import PLAYED_RESOLUTION, Performance
from music21_lstm.errors import TrainingError
from music21_lstm.model.changes import Change, drawn_for, fields_of
from music21_lstm.model.config import STEER_ROWS, EventsConfig, embeddings
from music21_lstm.model.context import observe
from music21_lstm.model.features import Fields
from music21_lstm.model.pieces import Piece, piece_of
from music21_lstm.model.settings import EventsSettings, PostSettings
from music21_lstm.model.steering import measured

__all__ = [
    "Batch",
    "EventsData",
    "Pieces",
    "PostData",
    "digest_of",
    "pieces_for",
    "vocabulary_of",
]

Batch = dict[str, NDArray[np.generic]]
Pieces = Sequence[tuple[str, Performance]]

_PART = 8192
"""So many events are gone through in one go: a piece that is longer is cut into parts, so that no
stream goes on long after the others. What is seen of the piece at a part's start is what it was."""

_LEAST = 16
"""Where a piece is longer than what falls to a stream, parts are of half of that, so that all streams
have as much to do; but of so many windows at least."""


def digest_of(performance: Performance) -> str:
    """The SHA-256 of a performance: that of its notetext."""
    return hashlib.sha256(text_of(performance).encode()).hexdigest()


def fine_resolution(config: EventsConfig) -> int:
    """The resolution that a model's pieces are kept at: finer than its grid if it is of played time."""
    return PLAYED_RESOLUTION if config.time_base == "played" else config.resolution


def pieces_for(pieces: Pieces, config: EventsConfig) -> list[Piece]:
    """The named performances as pieces that :class:`EventsData` takes."""
    resolution = fine_resolution(config)
    return [
        piece_of(
            performance,
            name=name,
            sha256=digest_of(performance),
            time_base=config.time_base,
            resolution=resolution,
        )
        for name, performance in pieces
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """The events of a *piece* from *first* to before *last*; *ends*: the piece ends with it."""

    piece: int
    first: int
    last: int
    ends: bool = True

    def __len__(self) -> int:
        return self.last - self.first


def _parts(piece: int, length: int, most: int) -> list[_Part]:
    """A piece of so many events cut into parts of like length, of so many events at *most*."""
    cuts = np.linspace(0, length, max(1, -(-length // most)) + 1).astype(int).tolist()
    return [_Part(piece, first, last, last == length) for first, last in pairwise(cuts)]


class EventsData:
    """Pieces as streams of windows for the recipe ``events``.

    A batch has *batch_size* streams side by side, and each stream goes through whole pieces, window
    after window, so that the network's state can be carried. Time first: a batch maps the name of
    each embedding to (T, B) int32, its row at each event; ``next_…`` of the fields of an event to what
    follows; ``sounding`` and ``since`` to (T, B, 128) uint8; ``counts`` to (T, B) float32, 0 where a
    piece is over; ``fresh`` to (B,) float32, 1 where a piece begins.
    """

    NEXT = ("delta", "key", "velocity", "position", "remaining", "gesture")

    def __init__(self, pieces: Sequence[Piece], settings: EventsSettings) -> None:
        self._settings = settings
        self._pieces = pieces
        silent = [piece.name for piece in pieces if not len(piece)]
        if silent:
            raise TrainingError(f"{silent[0]}: no notes to train on; leave it out")
        lengths = [len(fields_of(piece, Change(), settings.model)[0]) - 1 for piece in pieces]
        share, most = sum(lengths) // settings.batch_size, _PART
        if max(lengths, default=0) > share:
            most = min(_PART, max(_LEAST * settings.window, share // 2))
        self._parts = [
            part for place, length in enumerate(lengths) for part in _parts(place, length, most)
        ]

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @property
    def pieces(self) -> Iterator[Fields]:
        """Every piece as it is, from START to END."""
        return (fields_of(piece, Change(), self._settings.model)[0] for piece in self._pieces)

    def steps(self, number: int) -> int:
        """How many batches epoch *number* has."""
        window = self._settings.window
        plan = self._plan(number)
        return max((sum(-(-len(part) // window) for part in line) for line in plan), default=0)

    def _plan(self, number: int) -> list[list[_Part]]:
        """Which parts of pieces each stream goes through in epoch *number*, in order.

        The order is random, but no part stands so late that its stream would go on long after the
        others: the longer, the earlier. Each goes to the stream that has least to do.
        """
        windows = -(-np.array([len(part) for part in self._parts]) // self._settings.window)
        streams: list[list[_Part]] = [[] for _ in range(self._settings.batch_size)]
        room = 1 - np.minimum(1, windows / max(1, windows.sum() / len(streams)))
        places = room * np.random.default_rng([self._settings.seed, 2, number]).random(len(windows))
        loads = [0] * len(streams)
        for index in np.argsort(places, kind="stable").tolist():
            least = loads.index(min(loads))
            streams[least].append(self._parts[index])
            loads[least] += int(windows[index])
        return streams

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch *number*: every piece once, each changed at random.

        It is transposed within the range of a piano, or its own if that is wider, stretched, made
        louder or softer, and humanized, as the settings say; and of what a user may ask for, each
        window is told some or nothing.
        """
        changes, rng = self._changes(number)
        yield from self._batches(self._plan(number), changes, self._settings.window, rng)

    def changed(self, number: int, order: Sequence[int]) -> Iterator[Fields]:
        """The pieces at the places *order* as epoch *number* changes them, each from START to END."""
        changes, _ = self._changes(number)
        return (
            fields_of(self._pieces[place], changes[place], self._settings.model)[0]
            for place in order
        )

    def _changes(self, number: int) -> tuple[list[Change], np.random.Generator]:
        """How each piece is changed in epoch *number*, and the chance that goes on from there."""
        rng = np.random.default_rng([self._settings.seed, 3, number])
        return [drawn_for(piece, self._settings, rng) for piece in self._pieces], rng

    def whole(self, streams: int = 16, window: int = 512) -> Iterator[Batch]:
        """Every piece from START to END as it is, those of like length together."""
        whole = [_Part(part.piece, 0, part.last) for part in self._parts if part.ends]
        whole.sort(key=len)
        for first in range(0, len(whole), streams):
            plan = [[part] for part in whole[first : first + streams]]
            yield from self._batches(plan, [Change()] * len(self._pieces), window, None)

    def _batches(
        self,
        plan: Sequence[Sequence[_Part]],
        changes: Sequence[Change],
        window: int,
        rng: np.random.Generator | None,
    ) -> Iterator[Batch]:
        """Windows of all streams in lock step; with *rng* some wishes are told."""
        settings = self._settings
        config = settings.model
        lines = [iter(line) for line in plan]
        scripts: list[_Script | None] = [None] * len(plan)
        while True:
            batch = _blank(config, self.NEXT, window, len(plan))
            going = False
            for stream, line in enumerate(lines):
                script = scripts[stream]
                if script is None:
                    part = next(line, None)
                    if part is None:
                        continue
                    piece, change = self._pieces[part.piece], changes[part.piece]
                    script = _Script(piece, part, change, config, measure=rng is not None)
                    batch["fresh"][stream] = 1
                going = True
                told = rng.random(5) >= settings.untold if rng is not None else None
                scripts[stream] = script if script.fill(batch, stream, window, told) else None
            if not going:
                return
            yield batch


class _Script:
    """A piece as a stream goes through it."""

    def __init__(
        self, piece: Piece, part: _Part, change: Change, config: EventsConfig, *, measure: bool
    ) -> None:
        fields, notes = fields_of(piece, change, config)
        if config.has_velocity and len(np.unique(piece.notes[:, 3])) == 1:
            # What has one velocity throughout teaches nothing of velocity: it is told to have none.
            fields.velocity[:] = 0
        rows, after = slice(part.first, part.last), slice(part.first + 1, part.last + 1)
        self._seen = {name: values[rows] for name, values in observe(fields, config).items()}
        self._nexts = {name: getattr(fields, name)[after] for name in EventsData.NEXT}
        self._sounding = fields.sounding[rows]
        self._at, self._planned = 0, len(part)
        self._wishes = None
        if config.steering and measure:
            ticks = np.cumsum(np.array(config.delta_edges)[fields.delta])
            self._wishes = measured(notes, ticks, config)[rows]

    def fill(self, batch: Batch, stream: int, window: int, told: NDArray[np.bool_] | None) -> bool:
        """Put the next window into *batch*; whether there is more.

        *told*: whether to tell anything, and each of the four wishes.
        """
        # A stretched piece may have fewer events than planned: two that fell together, or more.
        rows = slice(self._at, min(self._at + window, len(self._nexts["key"])))
        kept = max(0, rows.stop - rows.start)
        self._at += window
        for name, values in self._seen.items():
            batch[name][:kept, stream] = values[rows]
        for name, values in self._nexts.items():
            batch[f"next_{name}"][:kept, stream] = values[rows]
        batch["sounding"][:kept, stream] = self._sounding[rows]
        batch["counts"][:kept, stream] = 1
        if self._wishes is not None and told is not None and told[0]:
            for column, name in enumerate(STEER_ROWS):
                if told[1 + column]:
                    batch[f"steer_{name}"][:kept, stream] = self._wishes[rows, column]
        return self._at < self._planned


def _blank(config: EventsConfig, nexts: Sequence[str], window: int, streams: int) -> Batch:
    names = [*embeddings(config), *(f"next_{name}" for name in nexts)]
    batch: Batch = {name: np.zeros((window, streams), np.int32) for name in names}
    for name in ("sounding", *(("since",) if config.ages else ())):
        batch[name] = np.zeros((window, streams, 128), np.uint8)
    batch["counts"] = np.zeros((window, streams), np.float32)
    batch["fresh"] = np.zeros(streams, np.float32)
    return batch


def vocabulary_of(pieces: Pieces) -> tuple[str, ...]:
    """Every token of the pieces once, in order of the alphabet."""
    return tuple(sorted({token_of(event) for _, piece in pieces for event in piece.events}))


class PostData:
    """Windows of tokens for the recipe ``post``, as numbers in a *vocabulary*.

    A batch maps ``tokens`` to (B, window) int32 and ``next`` to (B,) int32. A window of a held-out
    piece that has a token outside the vocabulary is left out, and counted in *unknown*.
    """

    def __init__(self, pieces: Pieces, vocabulary: Sequence[str], settings: PostSettings) -> None:
        self._settings = settings
        window = settings.window
        numbers = {token: number for number, token in enumerate(vocabulary)}
        songs = [[numbers.get(token_of(e), -1) for e in piece.events] for _, piece in pieces]
        self._tokens = np.array([number for song in songs for number in song], np.int32)
        ends = np.cumsum([0, *map(len, songs)])
        starts = [
            np.arange(first, last - window)
            for first, last in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        ]
        every = np.concatenate([np.empty(0, np.int64), *starts])
        known = np.concatenate([[0], np.cumsum(self._tokens < 0)])
        self._starts = every[known[every + window + 1] == known[every]]
        self.unknown = len(every) - len(self._starts)

    def __len__(self) -> int:
        return len(self._starts)

    def steps(self, number: int) -> int:  # noqa: ARG002
        """How many batches an epoch has, whichever *number* it has."""
        return -(-len(self) // self._settings.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch *number*: every window once, in a random order."""
        rng = np.random.default_rng([self._settings.seed, 2, number])
        yield from self._batches(rng.permutation(self._starts), self._settings.batch_size)

    def whole(self, batch_size: int = 512) -> Iterator[Batch]:
        """Every window once, in order."""
        yield from self._batches(self._starts, batch_size)

    def _batches(self, starts: NDArray[np.int64], batch_size: int) -> Iterator[Batch]:
        for first in range(0, len(starts), batch_size):
            chosen = starts[first : first + batch_size]
            window = self._settings.window
            places = chosen[:, None] + np.arange(window)
            yield {
                "tokens": self._tokens[places],
                "next": self._tokens[chosen + self._settings.window],
            }
