"""The networks in Keras, for training; TensorFlow is imported when one is built.

Both hold their weights under the names of :func:`music21_lstm.model.config.array_shapes`, and
compute what docs/model.md defines. Generating needs none of this: it is NumPy's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music21_lstm.errors import TrainingError
from music21_lstm.model.config import (
    END,
    KEYS,
    EventsConfig,
    ModelConfig,
    PostConfig,
    array_shapes,
)

__all__ = ["EventsNetwork", "Network", "PostNetwork", "arrays_of", "build", "require_tensorflow"]

Tensor = Any
Losses = tuple[Tensor, Tensor, Tensor]
_NEVER = -1e9


def require_tensorflow() -> tuple[Any, Any]:
    """The modules ``tensorflow`` and ``keras``; one clear line if they are not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        import keras
        import tensorflow
    except ImportError as error:
        raise TrainingError(
            f"training needs TensorFlow ({error}): pip install 'music21-lstm[train]'"
        ) from None
    return tensorflow, keras


def build(config: ModelConfig, seed: int = 0) -> Network:
    """The network of *config* with weights drawn by *seed*."""
    return (PostNetwork if isinstance(config, PostConfig) else EventsNetwork)(config, seed)  # type: ignore[arg-type]


class EventsNetwork:
    """The factored network: delta, then key given it, then velocity given both."""

    FIELDS = ("delta", "key", "velocity")

    def __init__(self, config: EventsConfig, seed: int = 0) -> None:
        self._tf, self._keras = require_tensorflow()
        self._keras.utils.set_random_seed(seed)
        self.config = config
        layers = self._keras.layers
        self._lstms = [
            layers.LSTM(config.units, return_sequences=True) for _ in range(config.layers)
        ]
        self._dropout = layers.Dropout(config.dropout, seed=seed)
        self._dropout.build((None, None, config.units))
        self.variables: dict[str, Any] = {}
        for index, lstm in enumerate(self._lstms):
            lstm.build((None, None, config.units if index else config.input_size))
            cell = (lstm.cell.kernel, lstm.cell.recurrent_kernel, lstm.cell.bias)
            names = ("kernel", "recurrent", "bias")
            self.variables |= {
                f"lstm_{index}/{name}": variable for name, variable in zip(names, cell, strict=True)
            }
        for name, shape in array_shapes(config).items():
            if name not in self.variables:
                self.variables[name] = self._variable(name, shape)

    def _variable(self, name: str, shape: tuple[int, ...]) -> Any:
        draw: Any = "glorot_uniform"
        if name.startswith("embed/"):
            draw = self._keras.initializers.RandomNormal(stddev=0.1)
        elif name.endswith("/bias"):
            draw = "zeros"
        flat = name.replace("/", "_")
        return self._keras.Variable(self._keras.initializers.get(draw)(shape), name=flat)

    @property
    def state(self) -> list[Any]:
        """What is drawn from in training: the state of the dropout's random numbers."""
        return list(self._dropout.variables)

    def logits(self, batch: Mapping[str, Tensor], *, training: bool = False) -> dict[str, Tensor]:
        """The logits of what follows each event, by field: (B, T, classes), not yet masked.

        *batch* is one of :class:`~music21_lstm.model.dataset.EventsData`; the LSTM starts at zero.
        """
        tf = self._tf
        sounding = tf.cast(batch["sounding"], tf.float32)
        inputs = [self._embed("delta", batch["delta"]), self._embed("key", batch["key"])]
        if self.config.has_velocity:
            inputs.append(self._embed("velocity", batch["velocity"]))
        hidden = tf.concat([*inputs, sounding, *self._bar(batch, "")], -1)
        for lstm in self._lstms:
            hidden = self._dropout(lstm(hidden), training=training)
        delta = self._embed("delta", batch["next_delta"])
        bar = self._bar(batch, "next_")
        found = {
            "delta": self._head("delta", [hidden]),
            "key": self._head("key", [hidden, delta, sounding, *bar]),
        }
        if self.config.has_velocity:
            key = self._embed("key", batch["next_key"])
            found["velocity"] = self._head("velocity", [hidden, key, delta])
        return found

    def losses(self, batch: Mapping[str, Tensor], *, training: bool) -> Losses:
        """Nats by field, (3,), how many notes they are for, and how many events."""
        tf = self._tf
        logits = self.logits(batch, training=training)
        key, velocity = batch["next_key"], batch["next_velocity"]
        losses = [
            self._cross_entropy(batch["next_delta"], logits["delta"]),
            self._cross_entropy(key, tf.where(self._legal(batch), logits["key"], _NEVER)),
            tf.zeros_like(batch["counts"]),
        ]
        if self.config.has_velocity:
            loss = self._cross_entropy(tf.maximum(velocity - 1, 0), logits["velocity"])
            losses[2] = tf.where(velocity > 0, loss, 0.0)
        sums = tf.stack([tf.reduce_sum(loss * batch["counts"]) for loss in losses])
        notes = tf.cast((key >= 128) & (key < END), tf.float32) * batch["counts"]
        return sums, tf.reduce_sum(notes), tf.reduce_sum(batch["counts"])

    def _cross_entropy(self, classes: Tensor, logits: Tensor) -> Tensor:
        return self._tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)

    def _legal(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Which keys may follow, (B, T, 257): ``Tracker.legal`` for a whole batch."""
        tf = self._tf
        sounds = batch["sounding"] > 0
        together = batch["next_delta"][..., None] == 0
        last = batch["key"][..., None]
        end = together & (last < 128) & ~tf.reduce_any(sounds, -1, keepdims=True)
        keys = tf.concat([sounds, ~sounds, end], -1)
        early = together & (last < END) & (tf.range(KEYS) <= last)
        return keys & ~early

    def _embed(self, name: str, rows: Tensor) -> Tensor:
        return self._tf.gather(self.variables[f"embed/{name}"].value, rows)

    def _bar(self, batch: Mapping[str, Tensor], prefix: str) -> list[Tensor]:
        names = ("position", "remaining") if self.config.has_bar else ()
        return [self._embed(name, batch[prefix + name]) for name in names]

    def _head(self, field: str, inputs: list[Tensor]) -> Tensor:
        hidden = self._dense(f"head_{field}/hidden", self._tf.concat(inputs, -1))
        return self._dense(f"head_{field}/logits", self._tf.nn.relu(hidden))

    def _dense(self, name: str, inputs: Tensor) -> Tensor:
        kernel, bias = (self.variables[f"{name}/{part}"].value for part in ("kernel", "bias"))
        return self._tf.tensordot(inputs, kernel, 1) + bias


class PostNetwork:
    """The blog post's network: one-hot tokens, LSTM, Dense, softmax.

    A one-hot vector times the kernel is one row of the kernel, so the rows are looked up: the same
    numbers, without the windows of zeros (tests hold it against Keras's own layers).
    """

    FIELDS = ("token",)

    def __init__(self, config: PostConfig, seed: int = 0) -> None:
        self._tf, self._keras = require_tensorflow()
        self._keras.utils.set_random_seed(seed)
        self.config = config
        words = len(config.vocabulary)
        lstm = self._keras.layers.LSTM(config.units)
        dense = self._keras.layers.Dense(words)
        lstm.build((None, config.window, words))
        dense.build((None, config.units))
        self.state: list[Any] = []
        self.variables = {
            "lstm_0/kernel": lstm.cell.kernel,
            "lstm_0/recurrent": lstm.cell.recurrent_kernel,
            "lstm_0/bias": lstm.cell.bias,
            "dense/kernel": dense.kernel,
            "dense/bias": dense.bias,
        }

    def logits(self, batch: Mapping[str, Tensor], *, training: bool = False) -> dict[str, Tensor]:  # noqa: ARG002
        """The logits of the token that follows each window, (B, tokens)."""
        tf = self._tf
        values = {name: variable.value for name, variable in self.variables.items()}
        gates = tf.gather(values["lstm_0/kernel"], batch["tokens"]) + values["lstm_0/bias"]
        hidden = cell = tf.zeros((tf.shape(gates)[0], self.config.units))
        for step in tf.unstack(gates, self.config.window, axis=1):
            parts = tf.split(step + tf.matmul(hidden, values["lstm_0/recurrent"]), 4, axis=-1)
            enter, keep, leave = (tf.sigmoid(parts[gate]) for gate in (0, 1, 3))
            cell = keep * cell + enter * tf.tanh(parts[2])
            hidden = leave * tf.tanh(cell)
        return {"token": tf.matmul(hidden, values["dense/kernel"]) + values["dense/bias"]}

    def losses(self, batch: Mapping[str, Tensor], *, training: bool) -> Losses:
        """Nats, (1,), and, twice, how many tokens they are for."""
        tf = self._tf
        logits = self.logits(batch, training=training)["token"]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["next"], logits)
        tokens = tf.cast(tf.size(losses), tf.float32)
        return tf.reduce_sum(losses)[None], tokens, tokens


Network = EventsNetwork | PostNetwork
"""The network of either recipe."""


def arrays_of(network: Network) -> dict[str, NDArray[np.float32]]:
    """A copy of the weights of *network*, by name."""
    return {name: np.array(variable.numpy()) for name, variable in network.variables.items()}
