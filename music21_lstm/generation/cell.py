"""The networks' forward pass, one event at a time, in NumPy.

docs/model.md says what is computed; here it is arranged for few streams. Embeddings are multiplied
with the kernels once, when the weights are read, so that an event's part in the input is a row of
a table. The gates are put in the order i, f, o, c and the first three halved, so that one tanh
does for all four: sigmoid(x) = (1 + tanh(x / 2)) / 2.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from music21_lstm.model.config import (
    AGE_PLANES,
    EventsConfig,
    PostConfig,
    head_parts,
    input_parts,
)
from music21_lstm.model.context import AGE_SCALE, FADE, LONG_FADE, TIMES

__all__ = ["EventCells", "PostCell"]

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]
Arrays = Mapping[str, Floats]
Columns = Mapping[str, Rows | Sequence[int]]

_PLANES = ("sounding", *AGE_PLANES)


def _gates_arranged(weights: Floats) -> Floats:
    """Columns i, f, c, o put as i/2, f/2, o/2, c."""
    i, f, c, o = np.split(weights, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([i / 2, f / 2, o / 2, c], axis=-1))


def _lstm(gates: Floats, carried: Floats, out: Floats) -> None:
    """One LSTM step in place: *gates* (…, 4u) arranged, *carried* (…, u), the new *out* (…, u)."""
    units = carried.shape[-1]
    np.tanh(gates, out=gates)
    sigmoids = gates[..., : 3 * units]
    sigmoids *= 0.5
    sigmoids += 0.5
    carried *= gates[..., units : 2 * units]
    gates[..., :units] *= gates[..., 3 * units :]
    carried += gates[..., :units]
    np.tanh(carried, out=out)
    out *= gates[..., 2 * units : 3 * units]


class _Tables:
    """Tables of one width, stacked, so that a row of each is looked up and added up in one go."""

    def __init__(self, tables: Mapping[str, Floats]) -> None:
        self.names = tuple(tables)
        self._starts = np.cumsum([0, *map(len, tables.values())])[:-1, None]
        self._stacked = np.concatenate(list(tables.values()))

    def sums(self, columns: Columns) -> Floats:
        """The sum, (streams, width), of the rows that *columns* names, (streams,) of each table."""
        rows = np.array([columns[name] for name in self.names])
        rows += self._starts
        found: Floats = self._stacked.take(rows, axis=0).sum(axis=0)
        return found


class _Head:
    """A head: what the parts of its input add (*tables*), and the kernel and bias of its logits."""

    def __init__(self, arrays: Arrays, name: str, parts: dict[str, Floats]) -> None:
        tables = {part: table for part, table in parts.items() if part not in _PLANES}
        self.tables = _Tables(tables) if tables else None
        planes = [table for part, table in parts.items() if part in _PLANES]
        self.planes = np.concatenate(planes) if planes else np.zeros((0, 0), np.float32)
        self.kernel = np.ascontiguousarray(arrays[f"head_{name}/logits/kernel"])
        self.bias = arrays[f"head_{name}/logits/bias"]

    def logits(self, hidden: Floats) -> Floats:
        result: Floats = np.maximum(hidden, 0) @ self.kernel
        result += self.bias
        return result


class EventCells:
    """The factored network with its carried state, for *streams* side by side.

    Call :meth:`advance` with an event of each, then ask for the logits of the next event's delta, of
    its key given the delta, and so on. New cells are in the zero state; feed them the START row
    first. What a stream gives does not depend on the others, but for
    the rounding of the last digits.
    """

    def __init__(self, config: EventsConfig, arrays: Arrays, streams: int = 1) -> None:
        self.config = config
        self._units, self._layers = config.units, config.layers
        self._edges = np.array(config.delta_edges, np.float32)
        self._read_inputs(arrays)
        self._read_layers(arrays)
        self._read_heads(arrays)
        self.reset(streams)

    def reset(self, streams: int = 1) -> None:
        """Go back to the zero state, of so many streams."""
        units = self._units
        self._out = np.zeros((streams, self._layers * units), np.float32)
        self._carried = np.zeros((self._layers, streams, units), np.float32)
        self._columns: Columns = {}
        self._sounding = self._times = np.zeros((streams, 128), np.float32)
        self._traces: list[Floats] = []
        self._seen: dict[str, Floats] = {}

    def chosen(self, streams: Sequence[int]) -> EventCells:
        """Some of the streams, each where it is; one may stand there several times."""
        other = copy.copy(self)
        places = list(streams)
        other._out, other._carried = self._out[places], self._carried[:, places]
        other._columns = {name: np.array(rows)[places] for name, rows in self._columns.items()}
        other._sounding, other._times = self._sounding[places], self._times[places]
        other._traces = [trace[places] for trace in self._traces]
        other._seen = {name: values[places] for name, values in self._seen.items()}
        return other

    def _read_inputs(self, arrays: Arrays) -> None:
        """Each embedding times its rows of the first kernel: the input as sums of table rows."""
        parts = input_parts(self.config)
        kernel = _gates_arranged(arrays["lstm_0/kernel"])
        bias = _gates_arranged(arrays["lstm_0/bias"])
        tables = _tables(parts, kernel, arrays)
        tables["key"] = tables["key"] + bias
        self._sounding_kernel = tables.pop("sounding")
        self._inputs = _Tables(tables)

    def _read_layers(self, arrays: Arrays) -> None:
        """One matrix a layer: above the first, kernel over recurrent, for the outputs side by side."""
        self._kernels: list[Floats] = []
        self._biases: list[Floats] = []
        for layer in range(self._layers):
            recurrent = arrays[f"lstm_{layer}/recurrent"]
            below = [arrays[f"lstm_{layer}/kernel"]] if layer else []
            self._kernels.append(_gates_arranged(np.concatenate([*below, recurrent])))
            self._biases.append(_gates_arranged(arrays[f"lstm_{layer}/bias"]))

    def _read_heads(self, arrays: Arrays) -> None:
        """The hidden layers of all heads side by side over the LSTM's output, the rest as tables."""
        names, units = tuple(self.config.heads), self._units
        hidden = {name: arrays[f"head_{name}/hidden/kernel"] for name in names}
        self._head_kernel = np.ascontiguousarray(
            np.concatenate([hidden[name][:units] for name in names], axis=1)
        )
        self._head_bias = np.concatenate([arrays[f"head_{name}/hidden/bias"] for name in names])
        self._heads = {
            name: _Head(
                arrays, name, _tables(head_parts(self.config, name), hidden[name][units:], arrays)
            )
            for name in names
        }
        width = self.config.head_units
        self._slices = {name: slice(i * width, (i + 1) * width) for i, name in enumerate(names)}

    def advance(
        self,
        columns: Columns,
        sounding: NDArray[np.uint8],
        since: NDArray[np.uint8] | None = None,
    ) -> None:
        """Take an event of each stream into the state.

        *columns*: the row of each embedding, (streams,), by name, as
        :func:`~music21_lstm.model.context.observe` gives it; those of steering may be missing: no
        wish. *sounding* and *since*: (streams, 128).
        """
        nothing = [0] * len(sounding)
        self._columns = {name: columns.get(name, nothing) for name in self._inputs.names}
        self._sounding = sounding.astype(np.float32)
        if since is not None:
            self._times = TIMES[since]
            self._traces = [np.exp(self._times / -fade) for fade in (FADE, LONG_FADE)]
        units = self._units
        gates: Floats = self._out[:, :units] @ self._kernels[0]
        gates += self._inputs.sums(self._columns)
        gates += _times(self._sounding, self._sounding_kernel)
        _lstm(gates, self._carried[0], self._out[:, :units])
        for layer in range(1, self._layers):
            start = (layer - 1) * units
            gates = self._out[:, start : start + 2 * units] @ self._kernels[layer]
            gates += self._biases[layer]
            _lstm(gates, self._carried[layer], self._out[:, start + units : start + 2 * units])
        found = self._out[:, -units:] @ self._head_kernel
        found += self._head_bias
        self._seen = {name: found[:, place] for name, place in self._slices.items()}

    def _planes(self, later: Floats) -> Floats:
        """What is known of each pitch so many grid ticks *later*, (streams, 1): planes side by side."""
        if not self.config.ages:
            return self._sounding
        age = self._sounding * np.log1p(self._times + later) / AGE_SCALE
        faded = [
            trace * np.exp(later / -fade)
            for trace, fade in zip(self._traces, (FADE, LONG_FADE), strict=True)
        ]
        return np.concatenate([self._sounding, age, *faded], axis=1)

    def delta_logits(self) -> Floats:
        """Logits of the next events' delta bins, (streams, bins)."""
        return self._said("delta", {})

    def key_logits(self, delta: Rows, position: Rows, remaining: Rows) -> Floats:
        """Logits of the next events' keys, (streams, 257), given the delta and place of each."""
        columns = {"next_delta": delta, "next_position": position, "next_remaining": remaining}
        return self._said("key", columns, self._planes(self._edges[delta][:, None]))

    def velocity_logits(self, key: Rows, delta: Rows) -> Floats:
        """Logits of the next events' velocities, given key and delta: class i is bin i + 1."""
        return self._said("velocity", {"next_key": key, "next_delta": delta})

    def pedal_logits(self, key: Rows, delta: Rows) -> Floats:
        """Logits of what the pedal does before the next events, (streams, 65)."""
        return self._said("pedal", {"next_key": key, "next_delta": delta})

    def _said(self, head: str, nexts: Mapping[str, Rows], planes: Floats | None = None) -> Floats:
        """The logits of a *head*, given what is known of the next event, and of each pitch."""
        found = self._heads[head]
        hidden = self._seen[head]
        if found.tables is not None:
            hidden = hidden + found.tables.sums({**self._columns, **nexts})
        if planes is not None:
            hidden = hidden + _times(planes, found.planes)
        return found.logits(hidden)


def _times(planes: Floats, table: Floats) -> Floats:
    """The product of the two; of one stream only the rows of what is not 0, if those are few."""
    if len(planes) == 1:
        some = planes[0].nonzero()[0]
        if 4 * len(some) < planes.shape[1]:
            few: Floats = planes[:, some] @ table[some]
            return few
    product: Floats = planes @ table
    return product


def _tables(parts: Mapping[str, int], kernel: Floats, arrays: Arrays) -> dict[str, Floats]:
    """What each of the *parts* of an input adds: an embedding's rows or a plane's, times *kernel*."""
    ends = np.cumsum([0, *parts.values()])
    slices = [kernel[first:last] for first, last in pairwise(ends.tolist())]
    return {
        name: np.ascontiguousarray(part)
        if name in _PLANES
        else arrays[f"embed/{name.removeprefix('next_')}"] @ part
        for name, part in zip(parts, slices, strict=True)
    }


class PostCell:
    """The post's network, for one stream, with its window honoured.

    It was trained on windows of *window* tokens from a state of zero, so that is what it must see.
    Instead of running the last 15 tokens again for each new one, 15 states run side by side, each
    started one token later: a token costs one matrix product, and the oldest state has always
    seen just the window.
    """

    def __init__(self, config: PostConfig, arrays: Arrays) -> None:
        self.config = config
        self._kernel = _gates_arranged(arrays["lstm_0/kernel"])
        self._kernel += _gates_arranged(arrays["lstm_0/bias"])
        self._recurrent = _gates_arranged(arrays["lstm_0/recurrent"])
        self._dense = np.ascontiguousarray(arrays["dense/kernel"])
        self._bias = arrays["dense/bias"]
        self.reset()

    def reset(self) -> None:
        """Forget all tokens."""
        shape = (self.config.window, self.config.units)
        self._out = np.zeros(shape, np.float32)
        self._carried = np.zeros(shape, np.float32)
        self._seen = 0

    def advance(self, token: int) -> None:
        """Take the number of one token into every state."""
        window = self.config.window
        # The state whose window is over starts again; then each takes the token.
        fresh = self._seen % window
        self._out[fresh] = 0
        self._carried[fresh] = 0
        self._seen += 1
        gates: Floats = self._out @ self._recurrent
        gates += self._kernel[token]
        _lstm(gates, self._carried, self._out)

    def logits(self) -> Floats:
        """Logits of the next token, (vocabulary,); before any token, those of the zero state."""
        window = self.config.window
        oldest = self._seen % window if self._seen >= window else 0
        result: Floats = self._out[oldest] @ self._dense
        result += self._bias
        return result
