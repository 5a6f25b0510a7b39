"""Pieces of music as windows of Performance-RNN tokens, for truncated backpropagation.

A piece is its notes on a grid of 10 ms: (N, 4) int32 of onset, end, pitch and velocity. They are
the canonical notes of the factored models, none overlapping another of its pitch, so that both kinds
of model learn from, and explain, the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.performance import PLAYED_RESOLUTION, Performance
from music21_lstm.errors import TrainingError
from music21_lstm.evaluation.performance_rnn import START, events_of, rows_of, tokens_of
from music21_lstm.files import read_bytes
from music21_lstm.generation.scoring import PLAYED_GRID, exact_config
from music21_lstm.model.bases import BASES
from music21_lstm.model.cache import read_corpus
from music21_lstm.model.dataset import EventsData
from music21_lstm.model.pieces import Piece as FinePiece
from music21_lstm.model.pieces import performance_of
from music21_lstm.model.settings import EventsSettings

__all__ = [
    "Batch",
    "endless",
    "fine_pieces",
    "notes_of",
    "pieces",
    "read_split",
    "tokens",
    "windows",
]

Ints = NDArray[np.int32]
Piece = tuple[str, Ints]
"""Name and notes."""

CHANGES = ("transpose", "stretch", "louder", "humanize")
"""The settings by which pieces are changed for each pass."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A window of B streams. *tokens* (T + 1, B) int32: inputs and, one later, what follows each.

    *counts* (T, B) float32: 0 where a piece is over; *fresh* (B,) float32: 1 where one begins.
    """

    tokens: Ints
    counts: NDArray[np.float32]
    fresh: NDArray[np.float32]


def read_split(path: Path) -> dict[str, list[str]]:
    """The files of each side, ``held`` and ``train``, of a split file."""
    sides: dict[str, list[str]] = {"held": [], "train": []}
    for number, line in enumerate(read_bytes(path).decode().splitlines(), 1):
        side, _, name = line.partition("\t")
        if side not in sides or not name:
            raise TrainingError(
                f"{path}, line {number}: {line!r} is not held or train, a tab and a file's path"
            )
        sides[side].append(name)
    return sides


def pieces(paths: Iterable[Path], workers: int = 1) -> list[Piece]:
    """The pieces of MIDI files, by way of the package's cache."""
    found = read_corpus(list(paths), resolution=PLAYED_GRID, workers=workers)
    return [(piece.name, notes_of(performance_of(piece))) for piece in found]


def notes_of(performance: Performance) -> Ints:
    """The canonical notes of *performance* in order of onset and pitch; the velocities are binned."""
    ticks, keys, velocities = events_of(performance)
    on, off = np.flatnonzero(keys >= 128), np.flatnonzero(keys < 128)
    # Notes of one pitch take turns: sorted by pitch and place, ons and offs stand in pairs.
    on, off = on[np.argsort(keys[on], kind="stable")], off[np.argsort(keys[off], kind="stable")]
    notes = np.stack([ticks[on], ticks[off], keys[on] - 128, velocities[on]], axis=1)
    return notes[np.lexsort((notes[:, 2], notes[:, 0]))].astype(np.int32)


def tokens(notes: Ints) -> Ints:
    """The tokens of a piece's notes: at one tick the offs first, each kind from low to high."""
    onset, end, pitch, velocity = notes.T
    tick, key = np.concatenate([onset, end]), np.concatenate([pitch + 128, pitch])
    order = np.lexsort((key, tick))
    return tokens_of(tick[order], key[order], np.concatenate([velocity, 0 * velocity])[order])


def fine_pieces(paths: Iterable[Path], workers: int = 1) -> list[FinePiece]:
    """The pieces of MIDI files to the millisecond, to be changed before they are put on the grid."""
    return read_corpus(list(paths), resolution=PLAYED_RESOLUTION, workers=workers)


def endless(
    corpus: Sequence[FinePiece], seed: int, first: int = 0, **changes: float
) -> Iterator[Ints]:
    """The tokens of all pieces again and again, each pass in a new order and changed anew.

    They are changed as those of the preset ``piano`` are; *changes* are settings of the recipe
    ``events`` that are other than its own. *first* is the number of the first pass.
    """
    settings: Any = {name: BASES["piano"][name] for name in CHANGES} | changes
    data = EventsData(corpus, EventsSettings(model=exact_config(), seed=seed, **settings))
    for number in count(first):
        order = np.random.default_rng([seed, 4, number]).permutation(len(corpus)).tolist()
        for fields in data.changed(number, order):
            yield tokens_of(*(column[1:-1] for column in rows_of(fields)))  # no START, no END


def windows(songs: Iterable[Ints], streams: int, length: int) -> Iterator[Batch]:
    """Windows of *length* tokens of *streams* songs at once, until there are no more songs.

    A stream's window goes on where the one before it ended; when its song is over, the next song
    begins with the next window.
    """
    source = iter(songs)
    left = [np.empty(0, np.int32)] * streams
    while True:
        batch = Batch(
            np.zeros((length + 1, streams), np.int32),
            np.zeros((length, streams), np.float32),
            np.zeros(streams, np.float32),
        )
        for stream in range(streams):
            if len(left[stream]) < 2:  # the last token has nothing after it to learn
                left[stream] = np.array([START, *next(source, ())], np.int32)
                batch.fresh[stream] = 1
            part = left[stream][: length + 1]
            batch.tokens[: len(part), stream] = part
            batch.counts[: len(part) - 1, stream] = 1
            left[stream] = left[stream][length:]
        if not batch.counts.any():
            return
        yield batch
