"""The networks' forward pass, one event at a time, in NumPy.

docs/model.md says what is computed, and :mod:`~music21_lstm.generation.arranged` how the weights stand.
Of one stream the products are cheap enough for each small operation beside them to count: so results
go to arrays that are there already, and what is not asked of an event is not computed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from music21_lstm.generation.arranged import TRACES, Weights, gates_arranged, heard, weights_of
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import NORM_EPSILON, EventsConfig, PostConfig

__all__ = ["EventCells", "PostCell"]

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]
Rows = NDArray[np.intp] | Sequence[int]
Arrays = Mapping[str, Floats]
Columns = Mapping[str, Rows]

_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)


class _Layer:
    """The state of one LSTM layer of *streams*: their gates o, i, f, c, and then what they carry."""

    def __init__(self, streams: int, units: int) -> None:
        self.all = np.zeros((streams, 5 * units), np.float32)
        self.gates = self.all[:, : 4 * units]
        self._sigmoids = self.all[:, : 3 * units]
        self._out = self.all[:, :units]
        self._enters, self._stays = (
            self.all[:, units : 2 * units],
            self.all[:, 2 * units : 3 * units],
        )
        self._shares, self._parts = self.all[:, units : 3 * units], self.all[:, 3 * units :]
        self._carried = self.all[:, 4 * units :]

    def step(self, out: Floats) -> None:
        """One step from the :attr:`gates`, in place; *out*, (streams, units), is twice the output."""
        np.tanh(self.gates, self.gates)
        np.add(self._sigmoids, _ONE, self._sigmoids)
        np.multiply(self._shares, self._parts, self._shares)
        np.add(self._enters, self._stays, self._carried)
        np.multiply(self._carried, _HALF, self._carried)
        np.tanh(self._carried, out)
        np.multiply(out, self._out, out)


class EventCells:
    """The factored network with its carried state, for *streams* side by side.

    Call :meth:`advance` with an event of each, then ask for the logits of the next event's delta, of
    its key given the delta, and so on. New cells are in the zero state; feed them the START row
    first. What a stream gives does not depend on the others, but for
    the rounding of the last digits.
    """

    def __init__(self, config: EventsConfig, arrays: Arrays, streams: int = 1) -> None:
        self._begin(Weights.of(config, arrays), streams)

    @classmethod
    def of(cls, checkpoint: Checkpoint, config: EventsConfig, streams: int = 1) -> EventCells:
        """Those of a *checkpoint*, whose weights are arranged once for all that it plays and scores."""
        cells = cls.__new__(cls)
        cells._begin(weights_of(checkpoint, config), streams)
        return cells

    def _begin(self, weights: Weights, streams: int) -> None:
        self.weights, self.config = weights, weights.config
        self._units, self._width = self.config.units, self.config.head_units
        self._places = {name: i * self._width for i, name in enumerate(weights.heads)}
        self.reset(streams)

    def reset(self, streams: int = 1) -> None:
        """Go back to the zero state, of so many streams."""
        units, width, weights = self._units, self._width, self.weights
        count = self.config.layers
        self._layers = [_Layer(streams, units) for _ in range(count)]
        # Of each layer what it gives and what of that the next one hears: with a norm two things.
        norm = self.config.norm
        self._out = np.zeros((streams, (1 + norm) * count * units), np.float32)
        parts = [self._out[:, n * units : (n + 1) * units] for n in range((1 + norm) * count)]
        self._outs, self._given = parts[:: 1 + norm], parts[norm :: 1 + norm]
        self._heard = [self._outs[0]]
        for n in range(1, count):
            first = (n * (1 + norm) - 1) * units
            self._heard.append(self._out[:, first : first + 2 * units])
        self._product = np.empty((streams, 4 * units), np.float32)
        self._terms = np.empty((len(weights.names) + 129, weights.table.shape[1]), np.float32)
        self._sums = np.zeros((streams, weights.table.shape[1]), np.float32)
        self._gates, self._adds = self._sums[:, : 4 * units], self._sums[:, 4 * units :]
        self._of_both = self._adds[:, : 2 * width]
        self._both = np.empty((streams, 2 * width), np.float32)
        self._seen = np.zeros((streams, 2 * width), np.float32)
        self._of_delta, self._of_key = self._seen[:, :width], self._seen[:, width:]
        self._hidden = np.empty((streams, width), np.float32)
        self._sounding = np.zeros((streams, 128), np.float32)
        self._since = np.zeros((streams, 128), np.uint8)
        self._traces = np.zeros((streams, 128, 2), np.float32)
        self._of_struck = self._traces.reshape(streams, 256)
        self._planes = np.zeros((streams, 3 * 128), np.float32)
        self._ages, self._fading = self._planes[:, :128], self._planes[:, 128:]

    def chosen(self, streams: Sequence[int]) -> EventCells:
        """Some of the streams, each where it is; one may stand there several times."""
        other = copy.copy(self)
        places = list(streams)
        other.reset(len(places))
        for mine, its in zip(self._layers, other._layers, strict=True):
            its.all[:] = mine.all[places]
        for name in ("_out", "_sums", "_seen", "_sounding", "_since", "_traces"):
            getattr(other, name)[:] = getattr(self, name)[places]
        return other

    def advance(self, columns: Columns, sounding: Codes, since: Codes | None = None) -> None:
        """Take an event of each stream into the state.

        *columns*: the row of each embedding, (streams,), by name, as
        :func:`~music21_lstm.model.context.observe` gives it; those of steering may be missing: no
        wish. *sounding* and *since*: (streams, 128).
        """
        nothing = [0] * len(sounding)
        told = [columns.get(name, nothing) for name in self.weights.names]
        self.hear([[int(row) for row in rows] for rows in zip(*told, strict=True)], sounding, since)

    def hear(
        self, events: Sequence[Sequence[int]], sounding: Codes, since: Codes | None = None
    ) -> None:
        """The same of each stream's *events* as rows in the order of ``weights.names``.

        Rows of the last names may be missing.
        """
        self._sum(events, sounding)
        self.weights.layers[0].times(self._heard[0], self._product)
        np.add(self._product, self._gates, self._layers[0].gates)
        self._layers[0].step(self._outs[0])
        self._norm(0)
        for layer in range(1, len(self._layers)):
            self.weights.layers[layer].times(self._heard[layer], self._product)
            np.add(self._product, self.weights.biases[layer], self._layers[layer].gates)
            self._layers[layer].step(self._outs[layer])
            self._norm(layer)
        self.weights.both.times(self._given[-1], self._both)
        np.add(self._both, self._of_both, self._seen)
        if self.config.ages and since is not None:
            np.copyto(self._sounding, sounding)
            self._since = since
            TRACES.take(since, 0, self._traces, "clip")

    def _norm(self, layer: int) -> None:
        """What is heard of a *layer* where there is a norm: deviations from its mean, of size 1."""
        if not self.config.norm:
            return
        out, given = self._outs[layer], self._given[layer]
        np.subtract(out, np.add.reduce(out, 1, keepdims=True) / np.float32(self._units), given)
        variance = np.einsum("su,su->s", given, given) / np.float32(self._units)
        # (What is normed is twice the output, so its variance is four times as large.)
        scale = _ONE / np.sqrt(variance + np.float32(4 * NORM_EPSILON))
        np.multiply(given, scale[:, None], given)

    def _sum(self, events: Sequence[Sequence[int]], sounding: Codes) -> None:
        """What the rows and the pitches that sound add, each stream's to its row of the sums."""
        starts, table = self.weights.starts, self.weights.table
        for event, sounds, found in zip(events, sounding, self._sums, strict=True):
            places = sounds.nonzero()[0].tolist()
            places.append(128)
            places += [start + row for start, row in zip(starts, event, strict=False) if row]
            terms = self._terms[: len(places)]
            # (Not "raise": that would fill a second array first.)
            table.take(places, 0, terms, "clip")
            np.add.reduce(terms, 0, out=found)

    def delta_logits(self) -> Floats:
        """Logits of the next events' delta bins, (streams, bins)."""
        np.maximum(self._of_delta, _ZERO, out=self._hidden)
        return self._logits("delta", self._hidden)

    def key_logits(self, delta: Rows, position: Rows, remaining: Rows) -> Floats:
        """Logits of the next events' keys, (streams, 257), given the delta and place of each."""
        nexts, hidden = self.weights.heads["key"].nexts, self._hidden
        np.add(self._of_key, _rows(nexts["next_delta"], delta), hidden)
        if self.config.has_bar:
            np.add(hidden, _rows(nexts["next_position"], position), hidden)
            np.add(hidden, _rows(nexts["next_remaining"], remaining), hidden)
        if self.config.ages:
            self._age(delta)
            np.add(hidden, self.weights.planes.times(self._planes), hidden)
        np.maximum(hidden, _ZERO, out=hidden)
        return self._logits("key", hidden)

    def _age(self, delta: Rows) -> None:
        """What is known of each pitch at the time of the next event: ages, and fading traces."""
        weights, ages = self.weights, self._ages
        if len(delta) == 1:
            weights.ages[delta[0]].take(self._since, None, ages, "clip")
        else:
            codes = np.multiply(delta, 256, dtype=np.intp)[:, None] + self._since
            ages = weights.ages.take(codes)
        np.multiply(ages, self._sounding, self._ages)
        np.multiply(self._of_struck, _rows(weights.fades, delta), self._fading)

    def velocity_logits(
        self, key: Rows, delta: Rows, streams: Sequence[int] | None = None
    ) -> Floats:
        """Logits of the next events' velocities, given key and delta: class i is bin i + 1.

        Of some of the *streams* only, if they are given: key and delta are theirs.
        """
        return self._said("velocity", key, delta, streams)

    def pedal_logits(self, key: Rows, delta: Rows, streams: Sequence[int] | None = None) -> Floats:
        """Logits of what the pedal does before the next events, (streams, 65); *streams* as above."""
        return self._said("pedal", key, delta, streams)

    def _said(self, head: str, key: Rows, delta: Rows, streams: Sequence[int] | None) -> Floats:
        """The logits of a *head* that is not asked of every event."""
        found, place = self.weights.heads[head], self._places[head]
        out, adds = self._given[-1], self._adds[:, place : place + self._width]
        if streams is not None and len(streams) < len(out):
            out, adds = out[streams], adds[streams]
        hidden = found.hidden.times(out)
        np.add(hidden, adds, hidden)
        np.add(hidden, _rows(found.nexts["next_key"], key), hidden)
        np.add(hidden, _rows(found.nexts["next_delta"], delta), hidden)
        np.maximum(hidden, _ZERO, out=hidden)
        return self._logits(head, hidden)

    def _logits(self, head: str, hidden: Floats) -> Floats:
        found = self.weights.heads[head]
        result: Floats = np.dot(hidden, found.kernel)
        np.add(result, found.bias, result)
        return result


def _rows(table: Floats, places: Rows) -> Floats:
    """The rows of a *table* at so many *places*; of one, a view."""
    found: Floats = table[places[0]] if len(places) == 1 else table.take(places, 0)
    return found


class PostCell:
    """The post's network, for one stream, with its window honoured.

    It was trained on windows of *window* tokens from a state of zero, so that is what it must see.
    Instead of running the last 15 tokens again for each new one, 15 states run side by side, each
    started one token later: a token costs one matrix product, and the oldest state has always
    seen just the window.
    """

    def __init__(self, config: PostConfig, arrays: Arrays) -> None:
        self.config = config
        self._kernel = gates_arranged(arrays["lstm_0/kernel"])
        self._kernel += gates_arranged(arrays["lstm_0/bias"])
        self._recurrent = heard(gates_arranged(arrays["lstm_0/recurrent"]))
        self._dense = heard(arrays["dense/kernel"])
        self._bias = arrays["dense/bias"]
        self.reset()

    def reset(self) -> None:
        """Forget all tokens."""
        window, units = self.config.window, self.config.units
        self._out = np.zeros((window, units), np.float32)
        self._product = np.empty((window, 4 * units), np.float32)
        self._layer = _Layer(window, units)
        self._seen = 0

    def advance(self, token: int) -> None:
        """Take the number of one token into every state."""
        window = self.config.window
        # The state whose window is over starts again; then each takes the token.
        fresh = self._seen % window
        self._out[fresh] = 0
        self._layer.all[fresh] = 0
        self._seen += 1
        np.dot(self._out, self._recurrent, self._product)
        np.add(self._product, self._kernel[token], self._layer.gates)
        self._layer.step(self._out)

    def logits(self) -> Floats:
        """Logits of the next token, (vocabulary,); before any token, those of the zero state."""
        window = self.config.window
        oldest = self._seen % window if self._seen >= window else 0
        result: Floats = self._out[oldest] @ self._dense
        result += self._bias
        return result
