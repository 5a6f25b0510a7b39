"""The networks in Keras, for training; TensorFlow is imported when one is built.

Both hold their weights under the names of :func:`music21_lstm.model.config.array_shapes`, and
compute what docs/model.md defines. Generating needs none of this: it is NumPy's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music21_lstm.errors import TrainingError
from music21_lstm.model.config import (
    END,
    KEYS,
    NORM_EPSILON,
    EventsConfig,
    ModelConfig,
    PostConfig,
    array_shapes,
    head_parts,
    input_parts,
)
from music21_lstm.model.context import AGE_SCALE, FADE, LONG_FADE, TIMES
from music21_lstm.model.pedal import GESTURE_LEAST
from music21_lstm.model.recurrent import lstm
from music21_lstm.model.unigram import delta_width_nats

__all__ = ["EventsNetwork", "Network", "PostNetwork", "arrays_of", "build", "require_tensorflow"]

Tensor = Any
Losses = tuple[Tensor, Tensor, Tensor, Tensor]
_NEVER = -1e9


def require_tensorflow() -> tuple[Any, Any]:
    """The modules ``tensorflow`` and ``keras``; one clear line if they are not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        with nullcontext() if "tensorflow" in sys.modules else _unheard():
            import keras
            import tensorflow
    except ImportError as error:
        raise TrainingError(
            f"training needs TensorFlow ({error}): pip install 'music21-lstm[train]'"
        ) from None
    return tensorflow, keras


@contextmanager
def _unheard() -> Iterator[None]:
    """Nothing on standard error: while it loads, TensorFlow's C++ tells of graphics cards there."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def build(config: ModelConfig, seed: int = 0, precision: str = "float32") -> Network:
    """The network of *config* with weights drawn by *seed*; the post's is always of float32."""
    if isinstance(config, PostConfig):
        return PostNetwork(config, seed)
    return EventsNetwork(config, seed, precision)


class EventsNetwork:
    """The factored network: delta, then key given it, then velocity given both, then the pedal.

    Batches are those of :class:`~music21_lstm.model.dataset.EventsData`, time first: (T, B).
    *precision* is what products are computed in, ``float32`` or ``bfloat16``; all else is float32.
    """

    def __init__(self, config: EventsConfig, seed: int = 0, precision: str = "float32") -> None:
        self._tf, self._keras = require_tensorflow()
        self._keras.utils.set_random_seed(seed)
        self.config = config
        self.fields = tuple(config.heads)
        self._kind = self._tf.as_dtype(precision)
        self._dropout = self._keras.layers.Dropout(config.dropout, seed=seed, dtype=precision)
        self._dropout.build((None, None, config.units))
        shapes = array_shapes(config).items()
        self.variables = {name: self._variable(name, shape) for name, shape in shapes}
        self._edges = self._tf.constant(config.delta_edges, self._tf.float32)
        self._width = self._tf.constant(delta_width_nats(config), self._tf.float32)

    def _variable(self, name: str, shape: tuple[int, ...]) -> Any:
        draw = self._keras.initializers
        start = draw.GlorotUniform()
        if name.startswith("embed/"):
            start = draw.RandomNormal(stddev=0.1)
        elif name.endswith("/recurrent"):
            start = draw.RandomNormal(stddev=self.config.units**-0.5)
        elif name.endswith("/bias"):
            start = draw.Zeros()
        elif name.endswith("/gain"):
            start = draw.Ones()
        variable = self._keras.Variable(start(shape), name=name.replace("/", "_"))
        if name.startswith("lstm_") and name.endswith("/bias"):
            # Gates i, f, c, o: to begin with, what is carried is kept (Jozefowicz et al. 2015).
            variable.assign(np.repeat([0.0, 1.0, 0.0, 0.0], self.config.units))
        return variable

    @property
    def state(self) -> list[Any]:
        """What is drawn from in training: the state of the dropout's random numbers."""
        return list(self._dropout.variables)

    def silence(self, streams: int) -> Tensor:
        """The state before anything is heard, (L, 2, B, U): hidden and carried of each layer."""
        return self._tf.zeros((self.config.layers, 2, streams, self.config.units))

    def logits(
        self, batch: Mapping[str, Tensor], state: Tensor, *, training: bool = False
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The logits of what follows each event, by field, (T, B, classes), and the state after all.

        The logits are not yet masked. Where ``batch["fresh"]`` is 1 a stream starts from silence.
        """
        tf, config = self._tf, self.config
        sounding = {"sounding": tf.cast(batch["sounding"], tf.float32)}
        hidden = self._join([self._part(name, batch, sounding) for name in input_parts(config)])
        state = state * (1 - batch["fresh"])[None, None, :, None]
        after = []
        for layer in range(config.layers):
            hidden, last = self._layer(layer, hidden, state[layer], training=training)
            after.append(last)
            hidden = self._dropout(hidden, training=training)
        later = self._planes(batch, tf.gather(self._edges, batch["next_delta"])[..., None])
        found = {}
        for head in config.heads:
            inputs = [self._part(name, batch, later) for name in head_parts(config, head)]
            found[head] = self._head(head, [hidden, *inputs])
        return found, tf.stack(after)

    def _layer(
        self,
        layer: int,
        inputs: Tensor,
        state: Tensor,
        *,
        training: bool,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor]:
        """The outputs of an LSTM layer, (T, B, U), and its state after them, (2, B, U)."""
        names = ("kernel", "recurrent", "bias")
        kernel, recurrent, bias = (self._value(f"lstm_{layer}/{name}") for name in names)
        gates = self._product(inputs, kernel) + self._tf.cast(bias, self._kind)
        outputs, *last = lstm(self._tf, gates, recurrent, state[0], state[1])
        if self.config.norm:
            outputs = self._tf.cast(self._normed(f"norm_{layer}", outputs), self._kind)
        return outputs, self._tf.stack(last)

    def _normed(self, name: str, values: Tensor) -> Tensor:
        """Layer norm (Ba et al. 2016) without a bias, in float32 always.

        Of each row the mean is taken away, and its deviation made the gain.
        """
        tf = self._tf
        values = tf.cast(values, tf.float32)
        mean, variance = tf.nn.moments(values, -1, keepdims=True)
        return (
            (values - mean) * tf.math.rsqrt(variance + NORM_EPSILON) * self._value(f"{name}/gain")
        )

    def losses(self, batch: Mapping[str, Tensor], state: Tensor, *, training: bool) -> Losses:
        """Nats by field, how many notes they are for, how many events, and the state after all."""
        tf = self._tf
        logits, after = self.logits(batch, state, training=training)
        key, velocity, delta = batch["next_key"], batch["next_velocity"], batch["next_delta"]
        losses = {
            "delta": self._cross_entropy(delta, logits["delta"]) + tf.gather(self._width, delta),
            "key": self._cross_entropy(key, tf.where(self._legal(batch), logits["key"], _NEVER)),
        }
        if "velocity" in logits:
            loss = self._cross_entropy(tf.maximum(velocity - 1, 0), logits["velocity"])
            losses["velocity"] = tf.where(velocity > 0, loss, 0.0)
        if "pedal" in logits:
            gap = tf.gather(self._edges, delta)[..., None]
            masked = tf.where(gap >= GESTURE_LEAST, logits["pedal"], _NEVER)
            loss = self._cross_entropy(batch["next_gesture"], masked)
            losses["pedal"] = tf.where(delta > 0, loss, 0.0)
        sums = tf.stack([tf.reduce_sum(losses[name] * batch["counts"]) for name in self.fields])
        notes = tf.cast((key >= 128) & (key < END), tf.float32) * batch["counts"]
        return sums, tf.reduce_sum(notes), tf.reduce_sum(batch["counts"]), after

    def _cross_entropy(self, classes: Tensor, logits: Tensor) -> Tensor:
        return self._tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)

    def _legal(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Which keys may follow, (T, B, 257): ``Tracker.legal`` for a whole batch."""
        tf = self._tf
        sounds = batch["sounding"] > 0
        together = batch["next_delta"][..., None] == 0
        last = batch["key"][..., None]
        end = together & (last < 128) & ~tf.reduce_any(sounds, -1, keepdims=True)
        keys = tf.concat([sounds, ~sounds, end], -1)
        early = together & (last < END) & (tf.range(KEYS) <= last)
        return keys & ~early

    def _planes(self, batch: Mapping[str, Tensor], later: Any) -> dict[str, Tensor]:
        """What is known of each pitch, (T, B, 128) each, so many grid ticks *later*."""
        tf = self._tf
        sounding = tf.cast(batch["sounding"], tf.float32)
        planes = {"sounding": sounding}
        if self.config.ages:
            times = tf.gather(tf.constant(TIMES), tf.cast(batch["since"], tf.int32)) + later
            planes["age"] = sounding * tf.math.log1p(times) / AGE_SCALE
            planes["trace"] = tf.exp(times / -FADE)
            planes["long_trace"] = tf.exp(times / -LONG_FADE)
        return planes

    def _part(self, name: str, batch: Mapping[str, Tensor], planes: dict[str, Tensor]) -> Tensor:
        """A part of an input: a plane, or the rows of an embedding."""
        if name in planes:
            return planes[name]
        return self._tf.gather(self._value(f"embed/{name.removeprefix('next_')}"), batch[name])

    def _value(self, name: str) -> Tensor:
        return self.variables[name].value

    def _join(self, parts: list[Tensor]) -> Tensor:
        return self._tf.concat([self._tf.cast(part, self._kind) for part in parts], -1)

    def _product(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Every step of *inputs*, (T, B, n), times *kernel*: one large product."""
        tf = self._tf
        shape = tf.shape(inputs)
        flat = tf.reshape(inputs, [-1, kernel.shape[0]])
        result = tf.matmul(flat, tf.cast(kernel, self._kind))
        return tf.reshape(result, [shape[0], shape[1], kernel.shape[1]])

    def _head(self, field: str, inputs: list[Tensor]) -> Tensor:
        hidden = self._tf.nn.relu(self._dense(f"head_{field}/hidden", self._join(inputs)))
        return self._dense(f"head_{field}/logits", self._tf.cast(hidden, self._kind))

    def _dense(self, name: str, inputs: Tensor) -> Tensor:
        result = self._product(inputs, self._value(f"{name}/kernel"))
        return self._tf.cast(result, self._tf.float32) + self._value(f"{name}/bias")


class PostNetwork:
    """The blog post's network: one-hot tokens, LSTM, Dense, softmax.

    A one-hot vector times the kernel is one row of the kernel, so the rows are looked up: the same
    numbers, without the windows of zeros (tests hold it against Keras's own layers).
    """

    fields = ("token",)

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

    def silence(self, streams: int) -> Tensor:  # noqa: ARG002
        """No state is carried from window to window."""
        return self._tf.zeros(())

    def logits(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
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

    def losses(self, batch: Mapping[str, Tensor], state: Tensor, *, training: bool) -> Losses:  # noqa: ARG002
        """Nats, (1,), twice how many tokens they are for, and the state as it was."""
        tf = self._tf
        logits = self.logits(batch)["token"]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(batch["next"], logits)
        tokens = tf.cast(tf.size(losses), tf.float32)
        return tf.reduce_sum(losses)[None], tokens, tokens, state


Network = EventsNetwork | PostNetwork
"""The network of either recipe."""


def arrays_of(network: Network) -> dict[str, NDArray[np.float32]]:
    """A copy of the weights of *network*, by name."""
    return {name: np.array(variable.numpy()) for name, variable in network.variables.items()}
