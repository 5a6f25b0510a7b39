"""Pieces as batches of windows: bounded memory, and an order that is the seed's and the epoch's.

Everything here is NumPy. What an epoch brings depends on the settings, the seed and the epoch's
number alone, so that training can be resumed at any epoch and go on as if it had not stopped.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.notetext import text_of, token_of
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import ModelError, TrainingError
from music21_lstm.model.config import END, EventsConfig
from music21_lstm.model.features import encode
from music21_lstm.model.settings import EventsSettings, PostSettings

__all__ = [
    "Batch",
    "EventsData",
    "Pieces",
    "PostData",
    "Split",
    "digest_of",
    "related",
    "split_pieces",
    "vocabulary_of",
]

Batch = dict[str, NDArray[np.generic]]
Pieces = Sequence[tuple[str, Performance]]
Ints = NDArray[np.int32]

_GRAM = 8
"""How many melody intervals in a row are looked for in another piece."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which pieces are trained on and which are held out, and how many have a relative."""

    train: tuple[int, ...]
    held_out: tuple[int, ...]
    related: int


def digest_of(performance: Performance) -> str:
    """The SHA-256 of a performance: that of its notetext."""
    return hashlib.sha256(text_of(performance).encode()).hexdigest()


def _melody(performance: Performance) -> list[int]:
    """The intervals of the highest notes: what stays when a piece is transposed."""
    line: list[int] = []
    held = -1
    for note in sorted(performance.notes, key=lambda note: (note.onset, -note.pitch)):
        if note.onset >= held or note.pitch >= line[-1]:
            line.append(note.pitch)
            held = note.end
    return [later - earlier for earlier, later in pairwise(line)]


def related(pieces: Pieces, share: float = 0.3) -> list[int]:
    """The group of each piece: two are of one if their melodies are largely the same.

    Largely: of the runs of eight intervals of the shorter, at least *share* stand in the other,
    whatever the key and the rhythm. So a chorale that occurs under two numbers, and another
    harmonisation of its melody, are of one group. A group is named by its first piece.
    """
    runs = []
    for _, performance in pieces:
        line = _melody(performance)
        runs.append({tuple(line[i : i + _GRAM]) for i in range(len(line) - _GRAM + 1)})
    holders: dict[tuple[int, ...], list[int]] = defaultdict(list)
    group = list(range(len(pieces)))
    for place, found in enumerate(runs):
        common = Counter(other for run in found for other in holders[run])
        for other, count in common.items():
            if count >= share * min(len(found), len(runs[other])):
                joined = {group[place], group[other]}
                group = [min(joined) if name in joined else name for name in group]
        for run in found:
            holders[run].append(place)
    return group


def split_pieces(pieces: Pieces, share: float, seed: int) -> Split:
    """Hold out about a *share* of the pieces, drawn by *seed*, relatives always on one side.

    At least one piece is left to train on; of few pieces it may be that none can be held out.
    """
    group = related(pieces)
    sizes = Counter(group)
    names = sorted(sizes)
    np.random.default_rng([seed, 1]).shuffle(names)
    wanted, held = min(round(share * len(pieces)), len(pieces) - 1), set[int]()
    for name in names:
        if sum(sizes[one] for one in held) + sizes[name] <= wanted:
            held.add(name)
    train = tuple(i for i, name in enumerate(group) if name not in held)
    return Split(
        train,
        tuple(i for i, name in enumerate(group) if name in held),
        sum(size for size in sizes.values() if size > 1),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Encoded:
    """A piece as training keeps it: (T, 5) fields, and the sounding pitches as bits, (T, 16)."""

    steps: Ints
    sounding: NDArray[np.uint8]
    low: int
    high: int

    def __len__(self) -> int:
        return len(self.steps) - 1


class EventsData:
    """Windows of pieces for the recipe ``events``.

    A batch maps ``delta key velocity position remaining`` to (B, T) int32 of the inputs,
    ``next_…`` of the same names to what follows each, ``sounding`` to (B, T, 128) uint8 and
    ``counts`` to (B, T) float32, 0 where a window is shorter than the batch.
    """

    COLUMNS = ("delta", "key", "velocity", "position", "remaining")

    def __init__(self, pieces: Pieces, settings: EventsSettings) -> None:
        self._settings = settings
        self._pieces = [_encoded(name, piece, settings.model) for name, piece in pieces]
        self._low = min((piece.low for piece in self._pieces), default=0)
        self._high = max((piece.high for piece in self._pieces), default=127)

    def __len__(self) -> int:
        return sum(len(piece) for piece in self._pieces)

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        windows = sum(-(-len(piece) // self._settings.window) for piece in self._pieces)
        return -(-windows // self._settings.batch_size)

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch *number*: all windows, in a random order and transposition.

        A piece is covered by as few windows as will do; the first begins at its START, the last
        ends at its END, and those between move about by chance. A transposition keeps the piece
        within the range of all of the pieces.
        """
        settings = self._settings
        rng = np.random.default_rng([settings.seed, 2, number])
        windows = []
        for place, piece in enumerate(self._pieces):
            low = max(-settings.transpose, self._low - piece.low)
            high = min(settings.transpose, self._high - piece.high)
            for start in _starts(len(piece), settings.window, rng):
                windows.append((place, start, int(rng.integers(low, high + 1))))
        rng.shuffle(windows)
        for first in range(0, len(windows), settings.batch_size):
            chosen = windows[first : first + settings.batch_size]
            yield self._batch(chosen, settings.window)

    def whole(self, batch_size: int = 8) -> Iterator[Batch]:
        """Every piece from START to END as it is, those of like length together."""
        order = sorted(range(len(self._pieces)), key=lambda place: len(self._pieces[place]))
        for first in range(0, len(order), batch_size):
            places = order[first : first + batch_size]
            longest = max(len(self._pieces[place]) for place in places)
            yield self._batch([(place, 0, 0) for place in places], longest)

    def _batch(self, windows: Sequence[tuple[int, int, int]], length: int) -> Batch:
        steps = np.zeros((len(windows), length + 1, 5), np.int32)
        sounding = np.zeros((len(windows), length, 128), np.uint8)
        counts = np.zeros((len(windows), length), np.float32)
        for row, (place, start, shift) in enumerate(windows):
            piece = self._pieces[place]
            part = piece.steps[start : start + length + 1]
            kept = len(part) - 1
            steps[row, : kept + 1] = part
            steps[row, : kept + 1, 1] += shift * (part[:, 1] < END)
            bits = np.unpackbits(piece.sounding[start : start + kept], axis=1)
            sounding[row, :kept] = np.roll(bits, shift, axis=1)
            counts[row, :kept] = 1
        batch: Batch = {"sounding": sounding, "counts": counts}
        for column, name in enumerate(self.COLUMNS):
            batch[name] = steps[:, :-1, column]
            batch[f"next_{name}"] = steps[:, 1:, column]
        return batch


def _encoded(name: str, performance: Performance, config: EventsConfig) -> _Encoded:
    try:
        rows = encode(performance, config, end=True)
    except ModelError as error:
        raise TrainingError(f"{name}: {error}") from None
    steps = np.stack([getattr(rows, column) for column in EventsData.COLUMNS], axis=1)
    pitches = rows.key[rows.key < END] % 128
    packed = np.packbits(rows.sounding, axis=1)
    return _Encoded(steps, packed, int(pitches.min()), int(pitches.max()))


def _starts(length: int, window: int, rng: np.random.Generator) -> list[int]:
    """Where the windows of a piece begin."""
    count = -(-length // window)
    if count == 1:
        return [0]
    even = np.linspace(0, length - window, count)
    slack = (window - even[1]) / 2
    moved = even + rng.uniform(-slack, slack, count)
    moved[0], moved[-1] = 0, length - window
    return [int(start) for start in moved.round().clip(0, length - window)]


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

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
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
