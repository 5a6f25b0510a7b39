"""The Performance-RNN-style baseline: 388 tokens, an LSTM over them, scored in NumPy.

Tokens are those of Oore et al., "This Time with Feeling: Learning Expressive Musical Performance"
(2018), with the steps of 10 ms and the 32 velocities of its published model:

======== ===============================================
0–127    note on, by pitch
128–255  note off, by pitch
256–355  time shift of 1 to 100 steps of 10 ms
356–387  velocity of the notes from here, in bins of four
======== ===============================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import ArrayLike, NDArray
from safetensors import numpy as arrays_format

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import CheckpointError
from music21_lstm.evaluation.scores import BaselineScore
from music21_lstm.generation.scoring import exact_config
from music21_lstm.model.checkpoint import WEIGHTS_FILE
from music21_lstm.model.features import Fields, encode

__all__ = [
    "SHIFT",
    "START",
    "TOKENS",
    "VELOCITY",
    "PerformanceRnn",
    "events_of",
    "rows_of",
    "tokens_of",
]

TOKENS = 388
"""How many tokens there are to choose from."""

START = 388
"""The input before the first token; never chosen, so it is row 388 of the embedding alone."""

SHIFT = 256
"""The first time shift: one step. 355 is the longest, 100 steps: one second."""

VELOCITY = 356
"""The first velocity: 0 to 3."""

_LONGEST = VELOCITY - SHIFT

_BATCH = 64
"""Pieces that go through the network together."""

GRID = "10 ms, 32 velocities"
"""What its tokens tell apart."""

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


def tokens_of(ticks: ArrayLike, keys: ArrayLike, velocities: ArrayLike) -> Ints:
    """The tokens of T events: at most one velocity and as many shifts as needed before each.

    *ticks* (T,): steps of 10 ms since the start (absolute, rising); *keys* (T,): 0–127 note off,
    128–255 note on, as in :mod:`music21_lstm.model.features`; *velocities* (T,): 0–127, read at
    note ons. A velocity token stands only where the bin of four changes, and before the first
    note; a silence of more than 100 steps is several shifts, the longest first.

    >>> tokens_of([0, 150, 150], [128 + 60, 60, 128 + 62], [80, 0, 83]).tolist()
    [376, 60, 355, 305, 188, 62]
    """
    tokens: list[int] = []
    now, loudness = 0, -1
    rows = zip(*(np.asarray(column).tolist() for column in (ticks, keys, velocities)), strict=True)
    for tick, key, velocity in rows:
        while tick > now:
            step = min(tick - now, _LONGEST)
            tokens.append(SHIFT + step - 1)
            now += step
        if key < 128:
            tokens.append(128 + key)
            continue
        if velocity // 4 != loudness:
            loudness = velocity // 4
            tokens.append(VELOCITY + loudness)
        tokens.append(key - 128)
    return np.array(tokens, np.int32)


def events_of(performance: Performance) -> tuple[Ints, Ints, Ints]:
    """Ticks, keys and velocities of *performance* for :func:`tokens_of`.

    The canonical events of the factored models at 10 ms and 32 velocities, so that both kinds of
    model explain the same notes. A silence of more than ten seconds counts as ten.
    """
    return rows_of(encode(performance, exact_config(), start=False))


def rows_of(fields: Fields) -> tuple[Ints, Ints, Ints]:
    """The same, row by row, of what is encoded already, with the exact configuration."""
    return fields.delta.cumsum(dtype=np.int32), fields.key, 4 * np.maximum(fields.velocity - 1, 0)


@dataclass(frozen=True, slots=True, eq=False)
class PerformanceRnn:
    """The network: embedding, LSTM layers, a dense layer over the 388 tokens.

    *arrays*, float32, named as in Keras's order of gates (i, f, c, o): ``embed/token`` (389, E);
    ``lstm_i/kernel`` (E or U, 4U), ``lstm_i/recurrent`` (U, 4U), ``lstm_i/bias`` (4U,);
    ``dense/kernel`` (U, 388), ``dense/bias`` (388,).
    """

    arrays: Mapping[str, Floats]
    name: str = "performance-rnn"

    def __post_init__(self) -> None:
        shapes = {name: array.shape for name, array in self.arrays.items()}
        wanted = _shapes(shapes)
        wrong = [name for name in wanted | shapes if wanted.get(name) != shapes.get(name)]
        if wrong:
            raise CheckpointError(
                f"{self.name}: array {wrong[0]} has shape {shapes.get(wrong[0])}, not "
                f"{wanted.get(wrong[0])}; write the arrays that docs/evaluation.md lists"
            )

    @classmethod
    def load(cls, folder: Path, facts: Mapping[str, Any]) -> PerformanceRnn:
        """The network of a folder's ``weights.safetensors``; *facts* may have its ``name``."""
        try:
            stored = arrays_format.load((folder / WEIGHTS_FILE).read_bytes())
        except (OSError, safetensors.SafetensorError) as error:
            raise CheckpointError(
                f"baseline {folder}: {WEIGHTS_FILE} cannot be read ({error}); copy the folder again"
            ) from None
        arrays = {name: array.astype(np.float32) for name, array in stored.items()}
        return cls(arrays, str(facts.get("name", folder.name)))

    def score(
        self, performances: Sequence[Performance], on_piece: Callable[[], None] | None = None
    ) -> BaselineScore:
        """What *performances* cost in nats: shifts as delta, on and off as key, and velocity."""
        totals = np.zeros(3)
        notes = 0
        by_length = sorted(
            (tokens_of(*events_of(performance)) for performance in performances), key=len
        )
        for first in range(0, len(by_length), _BATCH):
            batch = by_length[first : first + _BATCH]
            for tokens, nats in zip(batch, self.nats(batch, on_piece), strict=True):
                field = np.where(tokens < SHIFT, 1, np.where(tokens < VELOCITY, 0, 2))
                totals += np.bincount(field, nats, minlength=3)
                notes += int((tokens < 128).sum())
        fields = dict(zip(("delta", "key", "velocity"), totals, strict=True))
        return BaselineScore(notes, fields, grid=GRID)

    def nats(
        self, pieces: Sequence[Ints], on_piece: Callable[[], None] | None = None
    ) -> list[NDArray[np.float64]]:
        """The nats of each token of several pieces, each from START and a state of zero.

        All pieces go through the network together; *pieces* that are over drop out.
        """
        order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i]))
        lengths = np.array([len(pieces[i]) for i in order])
        tokens = np.zeros((len(order), lengths[0] + 1), np.intp)
        for row, i in enumerate(order):
            tokens[row, : lengths[row] + 1] = (START, *pieces[i])
        costs = np.zeros((len(order), lengths[0]))
        run = _Run(self.arrays, len(order))
        for t in range(lengths[0]):
            going = int((lengths > t).sum())
            logits = run.logits(tokens[:going, t])
            chosen = tokens[:going, t + 1]
            costs[:going, t] = _cross_entropy(logits, chosen)
            if on_piece is not None:
                for _ in range(int((lengths == t + 1).sum())):
                    on_piece()
        found = dict(zip(order, costs, strict=True))
        return [found[i][: len(pieces[i])] for i in range(len(pieces))]


class _Run:
    """The network's state for several streams; those in front are still going."""

    def __init__(self, arrays: Mapping[str, Floats], streams: int) -> None:
        self._arrays = arrays
        self._layers = sum(name.endswith("/recurrent") for name in arrays)
        units = len(arrays["dense/kernel"])
        self._out = np.zeros((self._layers, streams, units), np.float32)
        self._carried = np.zeros((self._layers, streams, units), np.float32)

    def logits(self, tokens: NDArray[np.intp]) -> Floats:
        """Take *tokens*, (n,), of the first n streams; the logits of the next, (n, 388)."""
        x: Floats = self._arrays["embed/token"][tokens]
        n = len(tokens)
        for layer in range(self._layers):
            gates = x @ self._arrays[f"lstm_{layer}/kernel"]
            gates += self._out[layer, :n] @ self._arrays[f"lstm_{layer}/recurrent"]
            gates += self._arrays[f"lstm_{layer}/bias"]
            i, f, c, o = np.split(gates, 4, axis=1)
            carried = _sigmoid(f) * self._carried[layer, :n] + _sigmoid(i) * np.tanh(c)
            x = _sigmoid(o) * np.tanh(carried)
            self._carried[layer, :n], self._out[layer, :n] = carried, x
        result: Floats = x @ self._arrays["dense/kernel"] + self._arrays["dense/bias"]
        return result


def _sigmoid(x: Floats) -> Floats:
    """By way of tanh, which does not overflow."""
    half = np.float32(0.5)
    result: Floats = np.tanh(x * half) * half + half
    return result


def _cross_entropy(logits: Floats, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    nats: NDArray[np.float64] = (
        np.log(np.exp(wide).sum(axis=1)) - wide[np.arange(len(wide)), chosen]
    )
    return nats


def _shapes(found: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The arrays that a network must have, its sizes taken from those that are *found*."""
    layers = max(1, sum(name.endswith("/recurrent") for name in found))
    embedding, units = (found.get(name, (0, 0)) for name in ("embed/token", "lstm_0/recurrent"))
    size, width = embedding[-1], units[0]
    shapes: dict[str, tuple[int, ...]] = {"embed/token": (TOKENS + 1, size)}
    for layer in range(layers):
        shapes[f"lstm_{layer}/kernel"] = (width if layer else size, 4 * width)
        shapes[f"lstm_{layer}/recurrent"] = (width, 4 * width)
        shapes[f"lstm_{layer}/bias"] = (4 * width,)
    return shapes | {"dense/kernel": (width, TOKENS), "dense/bias": (TOKENS,)}
