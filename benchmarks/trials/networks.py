"""Networks that the package does not have: what a trial needs of them, and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from music21_lstm.model.config import END, EventsConfig, embeddings, head_parts, input_parts
from music21_lstm.model.network import EventsNetwork
from music21_lstm.model.pedal import GESTURE_LEAST

__all__ = ["KeyFirst", "NormedGates", "WeightDropped"]

Tensor = Any
_NEVER = -1e9


class NormedGates(EventsNetwork):
    """Layer norm inside the recurrence: of the input's and of the state's part of the gates."""

    def __init__(self, config: EventsConfig, seed: int = 0, precision: str = "float32") -> None:
        super().__init__(config, seed, precision)
        for layer in range(config.layers):
            for part in ("inputs", "state"):
                name = f"norm_{layer}_{part}/gain"
                self.variables[name] = self._variable(name, (4 * config.units,))

    def _layer(
        self,
        layer: int,
        inputs: Tensor,
        state: Tensor,
        *,
        training: bool,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor]:
        tf = self._tf
        names = ("kernel", "recurrent", "bias")
        kernel, recurrent, bias = (self._value(f"lstm_{layer}/{name}") for name in names)
        gates = self._normed(f"norm_{layer}_inputs", self._product(inputs, kernel)) + bias
        hidden, cell = state[0], state[1]
        outputs = []
        for step in tf.unstack(gates):
            normed = self._normed(f"norm_{layer}_state", tf.matmul(hidden, recurrent))
            enter, keep, new, leave = tf.split(step + normed, 4, -1)
            cell = tf.sigmoid(keep) * cell + tf.sigmoid(enter) * tf.tanh(new)
            hidden = tf.sigmoid(leave) * tf.tanh(cell)
            outputs.append(hidden)
        return tf.stack(outputs), tf.stack([hidden, cell])


class WeightDropped(EventsNetwork):
    """Recurrent dropout as in the AWD-LSTM (Merity et al. 2018): of the recurrent kernel's weights
    a tenth is left out, the same ones in all steps of a window."""

    SHARE = 0.1

    def _layer(
        self, layer: int, inputs: Tensor, state: Tensor, *, training: bool
    ) -> tuple[Tensor, Tensor]:
        variable = self.variables[f"lstm_{layer}/recurrent"]
        self._dropped = {}
        if training:
            value = self._tf.nn.dropout(variable.value, self.SHARE)
            self._dropped = {f"lstm_{layer}/recurrent": value}
        return super()._layer(layer, inputs, state, training=training)

    def _value(self, name: str) -> Tensor:
        dropped: dict[str, Tensor] = getattr(self, "_dropped", {})
        return dropped[name] if name in dropped else super()._value(name)


class KeyFirst(EventsNetwork):
    """The other order of the heads: which key, and then when, given the key.

    The key's head sees the planes as they are at the event before, and not the delta; the delta's
    sees the key. What may follow what is the same.
    """

    def __init__(self, config: EventsConfig, seed: int = 0, precision: str = "float32") -> None:
        super().__init__(config, seed, precision)
        widths = {name: width for name, (_, width) in embeddings(config).items()}
        for head, width in (("key", -widths["delta"]), ("delta", widths["key"])):
            name = f"head_{head}/hidden/kernel"
            inputs = self.variables[name].shape[0] + width
            self.variables[name] = self._variable(name, (inputs, config.head_units))

    def logits(
        self, batch: Mapping[str, Tensor], state: Tensor, *, training: bool = False
    ) -> tuple[dict[str, Tensor], Tensor]:
        tf, config = self._tf, self.config
        now = self._planes(batch, 0.0)
        hidden = self._join([self._part(name, batch, now) for name in input_parts(config)])
        state = state * (1 - batch["fresh"])[None, None, :, None]
        after = []
        for layer in range(config.layers):
            hidden, last = self._layer(layer, hidden, state[layer], training=training)
            after.append(last)
        found = {}
        for head in config.heads:
            names = [
                name for name in head_parts(config, head) if (head, name) != ("key", "next_delta")
            ]
            names += ["next_key"] * (head == "delta")
            found[head] = self._head(
                head, [hidden, *(self._part(name, batch, now) for name in names)]
            )
        return found, tf.stack(after)

    def losses(self, batch: Mapping[str, Tensor], state: Tensor, *, training: bool) -> Any:
        tf = self._tf
        logits, after = self.logits(batch, state, training=training)
        key, velocity, delta = batch["next_key"], batch["next_velocity"], batch["next_delta"]
        last, sounds = batch["key"], batch["sounding"] > 0
        end = (last < 128) & ~tf.reduce_any(sounds, -1)
        legal = tf.concat([sounds, ~sounds, end[..., None]], -1)
        # At the same tick only a higher key may follow; the end is there, and nowhere else.
        early, over = (last < END) & (key <= last), key == END
        first = tf.range(self.config.delta_bins) == 0
        barred = (early[..., None] & first) | (over[..., None] & ~first)
        losses = {
            "delta": self._cross_entropy(delta, tf.where(barred, _NEVER, logits["delta"]))
            + tf.gather(self._width, delta),
            "key": self._cross_entropy(key, tf.where(legal, logits["key"], _NEVER)),
        }
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
