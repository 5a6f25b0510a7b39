"""The networks' forward pass, one event at a time, in NumPy.

docs/model.md says what is computed; here it is arranged for one stream. Embeddings are multiplied
with the kernels once, when the weights are read, so that an event's part in the input is a row of
a table. The gates are put in the order i, f, o, c and the first three halved, so that one tanh
does for all four: sigmoid(x) = (1 + tanh(x / 2)) / 2.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from music21_lstm.model.config import EventsConfig, PostConfig

__all__ = ["EventCell", "PostCell"]

Floats = NDArray[np.float32]
Arrays = Mapping[str, Floats]


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


class _Head:
    """The part of a head that is the same each time: hidden bias, logits kernel and bias."""

    def __init__(self, arrays: Arrays, name: str) -> None:
        self.kernel = np.ascontiguousarray(arrays[f"head_{name}/logits/kernel"])
        self.bias = arrays[f"head_{name}/logits/bias"]

    def logits(self, hidden: Floats) -> Floats:
        np.maximum(hidden, 0, out=hidden)
        result: Floats = hidden @ self.kernel
        result += self.bias
        return result


class EventCell:
    """The factored network with its carried state, for one stream.

    Call :meth:`advance` with an event, then ask for the logits of the next event's delta, of its key
    given the delta, and of its velocity given both. A new cell is in the zero state; feed it the
    START row first.
    """

    def __init__(self, config: EventsConfig, arrays: Arrays) -> None:
        self.config = config
        self._units, self._layers = config.units, config.layers
        self._read_inputs(arrays)
        self._read_layers(arrays)
        self._read_heads(arrays)
        self.reset()

    def reset(self) -> None:
        """Go back to the zero state."""
        units = self._units
        self._out = np.zeros(self._layers * units, np.float32)
        self._carried = np.zeros((self._layers, units), np.float32)
        self._hidden = np.zeros(0, np.float32)
        self._sounding: NDArray[np.intp] = np.zeros(0, np.intp)

    def _read_inputs(self, arrays: Arrays) -> None:
        """Each embedding times its rows of the first kernel: the input as sums of table rows."""
        config = self.config
        kernel = _gates_arranged(arrays["lstm_0/kernel"])
        sizes = [config.delta_size, config.key_size]
        sizes += [config.velocity_size] * config.has_velocity + [128]
        sizes += [config.position_size] * 2 * config.has_bar
        parts = iter(np.split(kernel, np.cumsum(sizes)[:-1]))
        self._in_delta = arrays["embed/delta"] @ next(parts)
        bias = _gates_arranged(arrays["lstm_0/bias"])
        self._in_key = arrays["embed/key"] @ next(parts) + bias
        if config.has_velocity:
            self._in_velocity = arrays["embed/velocity"] @ next(parts)
        self._in_sounding = np.ascontiguousarray(next(parts))
        if config.has_bar:
            self._in_position = arrays["embed/position"] @ next(parts)
            self._in_remaining = arrays["embed/remaining"] @ next(parts)

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
        config = self.config
        names = ["delta", "key", *(["velocity"] * config.has_velocity)]
        hidden = {name: arrays[f"head_{name}/hidden/kernel"] for name in names}
        units = config.units
        self._head_kernel = np.ascontiguousarray(
            np.concatenate([hidden[name][:units] for name in names], axis=1)
        )
        self._head_bias = np.concatenate([arrays[f"head_{name}/hidden/bias"] for name in names])
        self._heads = {name: _Head(arrays, name) for name in names}
        width = config.head_units
        self._slices = {name: slice(i * width, (i + 1) * width) for i, name in enumerate(names)}
        sizes = [config.delta_size, 128, *([config.position_size] * 2 * config.has_bar)]
        parts = iter(np.split(hidden["key"][units:], np.cumsum(sizes)[:-1]))
        self._key_delta = arrays["embed/delta"] @ next(parts)
        self._key_sounding = np.ascontiguousarray(next(parts))
        if config.has_bar:
            self._key_position = arrays["embed/position"] @ next(parts)
            self._key_remaining = arrays["embed/remaining"] @ next(parts)
        if config.has_velocity:
            key, delta = np.split(hidden["velocity"][units:], [config.key_size])
            self._velocity_key = arrays["embed/key"] @ key
            self._velocity_delta = arrays["embed/delta"] @ delta

    def advance(
        self,
        delta: int,
        key: int,
        velocity: int,
        sounding: NDArray[np.uint8],
        position: int = 0,
        remaining: int = 0,
    ) -> None:
        """Take one row of :class:`~music21_lstm.model.features.Fields` into the state."""
        units = self._units
        gates: Floats = self._out[:units] @ self._kernels[0]
        gates += self._in_delta[delta]
        gates += self._in_key[key]
        if self.config.has_velocity:
            gates += self._in_velocity[velocity]
        self._sounding = sounding.nonzero()[0]
        if len(self._sounding):
            gates += np.add.reduce(self._in_sounding[self._sounding])
        if self.config.has_bar:
            gates += self._in_position[position]
            gates += self._in_remaining[remaining]
        _lstm(gates, self._carried[0], self._out[:units])
        for layer in range(1, self._layers):
            start = (layer - 1) * units
            gates = self._out[start : start + 2 * units] @ self._kernels[layer]
            gates += self._biases[layer]
            below = self._out[start + units : start + 2 * units]
            _lstm(gates, self._carried[layer], below)
        self._hidden = self._out[-units:] @ self._head_kernel
        self._hidden += self._head_bias

    def delta_logits(self) -> Floats:
        """Logits of the next event's delta bin, (bins,)."""
        return self._heads["delta"].logits(self._hidden[self._slices["delta"]].copy())

    def key_logits(self, delta: int, position: int = 0, remaining: int = 0) -> Floats:
        """Logits of the next event's key, (257,), given its delta and where in the bar it falls."""
        hidden = self._hidden[self._slices["key"]] + self._key_delta[delta]
        if len(self._sounding):
            hidden += np.add.reduce(self._key_sounding[self._sounding])
        if self.config.has_bar:
            hidden += self._key_position[position]
            hidden += self._key_remaining[remaining]
        return self._heads["key"].logits(hidden)

    def velocity_logits(self, key: int, delta: int) -> Floats:
        """Logits of the next event's velocity, given its key and delta: class i is bin i + 1."""
        hidden = self._hidden[self._slices["velocity"]] + self._velocity_key[key]
        hidden += self._velocity_delta[delta]
        return self._heads["velocity"].logits(hidden)


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
