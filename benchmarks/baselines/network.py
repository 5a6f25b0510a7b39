"""The network of the Performance-RNN-style baseline in TensorFlow, and its sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from music21_lstm.evaluation.performance_rnn import TOKENS
from music21_lstm.model.network import require_tensorflow
from music21_lstm.model.recurrent import lstm

__all__ = ["Network", "Settings", "parameters_of"]

Tensor = Any


@dataclass(frozen=True, slots=True)
class Settings:
    """How large the network is and how it is trained."""

    parameters: int = 4_300_000
    cpu_minutes: float = 120.0
    layers: int = 2
    embedding: int = 192
    streams: int = 32
    window: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    clip_norm: float = 1.0
    warm_up: int = 80
    dropout: float = 0.0
    measures: int = 30
    seed: int = 1

    @property
    def units(self) -> int:
        """The width of the layers, a multiple of 8, that comes nearest to the parameters wanted.

        >>> settings = Settings(parameters=2_100_000, embedding=128)
        >>> settings.units, parameters_of(settings)
        (376, 2088100)
        """
        return min(range(8, 8192, 8), key=lambda units: abs(_size(self, units) - self.parameters))


def parameters_of(settings: Settings) -> int:
    """How many numbers the network has."""
    return _size(settings, settings.units)


def _size(settings: Settings, units: int) -> int:
    return sum(math.prod(shape) for shape in _shapes(settings, units).values())


def _shapes(settings: Settings, units: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"embed/token": (TOKENS + 1, settings.embedding)}
    for layer in range(settings.layers):
        shapes[f"lstm_{layer}/kernel"] = (units if layer else settings.embedding, 4 * units)
        shapes[f"lstm_{layer}/recurrent"] = (units, 4 * units)
        shapes[f"lstm_{layer}/bias"] = (4 * units,)
    return shapes | {"dense/kernel": (units, TOKENS), "dense/bias": (TOKENS,)}


class Network:
    """An embedding, LSTM layers and a dense layer; *kind* is the type of their products.

    *variables* are by name, as in ``weights.safetensors``.
    """

    def __init__(self, settings: Settings, kind: str = "bfloat16") -> None:
        self._tf, keras = require_tensorflow()
        self._kind, self._settings, self._units = kind, settings, settings.units
        make = keras.initializers
        begin = {
            "token": make.RandomNormal(stddev=0.1, seed=settings.seed),
            "recurrent": make.Orthogonal(seed=settings.seed),
            "kernel": make.GlorotUniform(seed=settings.seed),
            "bias": make.Zeros(),
        }
        self.variables = {
            name: keras.Variable(begin[name.split("/")[1]](shape), name=name.replace("/", "_"))
            for name, shape in _shapes(settings, self._units).items()
        }
        forget = np.repeat(np.array([0, 1, 0, 0], np.float32), self._units)
        for layer in range(settings.layers):
            self.variables[f"lstm_{layer}/bias"].assign(forget)

    def silence(self, streams: int) -> Tensor:
        """The state that a piece begins in: zeros, (layers, 2, streams, units)."""
        return self._tf.zeros((self._settings.layers, 2, streams, self._units))

    def nats(self, tokens: Tensor, state: Tensor, *, training: bool) -> tuple[Tensor, Tensor]:
        """What each of *tokens* (T + 1, B) but the first costs, (T, B), and the state after them."""
        tf = self._tf
        weights = {name: variable.value for name, variable in self.variables.items()}
        # Each of the 389 inputs goes through the kernel once, not every time that it occurs.
        table = tf.matmul(weights["embed/token"], weights["lstm_0/kernel"]) + weights["lstm_0/bias"]
        product = tf.cast(tf.gather(table, tokens[:-1]), self._kind)
        after = []
        last = self._settings.layers - 1
        for layer in range(last + 1):
            x, hidden, carried = lstm(
                tf, product, weights[f"lstm_{layer}/recurrent"], state[layer, 0], state[layer, 1]
            )
            after.append((hidden, carried))
            if training and self._settings.dropout:
                x = tf.nn.dropout(x, self._settings.dropout)
            following = "dense" if layer == last else f"lstm_{layer + 1}"
            product = self._dense(x, weights[f"{following}/kernel"], weights[f"{following}/bias"])
        costs = tf.nn.sparse_softmax_cross_entropy_with_logits(
            tokens[1:], tf.cast(product, tf.float32)
        )
        return costs, tf.stack([tf.stack(pair) for pair in after])

    def _dense(self, x: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        tf = self._tf
        flat = tf.reshape(x, (-1, kernel.shape[0]))
        product = tf.matmul(flat, tf.cast(kernel, self._kind)) + tf.cast(bias, self._kind)
        return tf.reshape(product, (*tf.unstack(tf.shape(x))[:2], kernel.shape[1]))
