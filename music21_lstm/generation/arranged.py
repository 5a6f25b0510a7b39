"""The factored network's weights, arranged so that an event takes few and large products.

Embeddings are multiplied with the kernels once, here, so that what an event adds to the first
layer's gates, and to the hidden layers of the heads, is a sum of rows of one table; of row 0 of each
embedding, the usual case of most, the sum is known beforehand. The gates are put in the order o, i, f
and c, and the first three halved, so that one tanh does for all four:
sigmoid(x) = (1 + tanh(x / 2)) / 2.
Layers hand on twice their output, so whatever hears it is halved: both are exact. What hears it after
a layer norm takes the norm's gain instead, and the norm need not know of the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from music21_lstm.generation.products import Kernel
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import (
    AGE_PLANES,
    EventsConfig,
    embeddings,
    head_parts,
    input_parts,
)
from music21_lstm.model.context import AGE_SCALE, FADE, LONG_FADE, TIMES, rows_seen

__all__ = ["TRACES", "Head", "Weights", "gates_arranged", "heard", "weights_of"]

Floats = NDArray[np.float32]
Arrays = Mapping[str, Floats]

_FADES = np.array([FADE, LONG_FADE], np.float32)

TRACES: Floats = np.exp(TIMES[:, None] / -_FADES)
"""The two traces, (codes, 2), of a pitch that was struck so long ago."""


def gates_arranged(weights: Floats) -> Floats:
    """Columns i, f, c, o put as o/2, i/2, f/2, c."""
    i, f, c, o = np.split(weights, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([o / 2, i / 2, f / 2, c], axis=-1))


def heard(kernel: Floats) -> Floats:
    """A kernel, (inputs, outputs), for what a layer hands on: twice its output."""
    return np.ascontiguousarray(kernel / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head: its hidden layer over the LSTM's output, and the *kernel* and *bias* of its logits.

    *nexts*: what the parts of the event that are said by now add to the hidden layer, as tables.
    """

    hidden: Kernel
    nexts: Mapping[str, Floats]
    kernel: Floats
    bias: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """All of it.

    *table*, (rows, width), has what adds to the gates, then what adds to each head's hidden layer.
    First come the 128 pitches that may sound; the row after them is always added; then each of *names*
    without row 0, from its place in *starts* on, less one.
    """

    config: EventsConfig
    names: tuple[str, ...]
    starts: tuple[int, ...]
    table: Floats
    layers: tuple[Kernel, ...]
    biases: tuple[Floats, ...]
    heads: Mapping[str, Head]
    both: Kernel
    """The hidden kernels of delta and key side by side: those are asked of every event."""
    planes: Kernel
    """What adds to the key's hidden layer: 128 ages, then two traces of each pitch."""
    ages: Floats
    """The age, (bins, codes), of a pitch that was struck so long ago, so much later."""
    fades: Floats
    """What the two traces of each pitch are multiplied with, (bins, 256), so much later."""

    @classmethod
    def of(cls, config: EventsConfig, arrays: Arrays) -> Weights:
        """Arrange the *arrays* of a checkpoint."""
        names = (*rows_seen(config), *(n for n in embeddings(config) if n.startswith("steer_")))
        gates = _parts(input_parts(config), gates_arranged(arrays["lstm_0/kernel"]))
        heads = {name: _head_parts(config, arrays, name) for name in config.heads}
        table, starts = _table(config, arrays, names, [gates, *heads.values()])
        edges = np.array(config.delta_edges, np.float32)[:, None]
        arranged = {name: _head(config, arrays, name, heads[name]) for name in heads}
        return cls(
            config, names, starts, table,
            layers=tuple(Kernel(_layer(arrays, layer)) for layer in range(config.layers)),
            biases=tuple(
                gates_arranged(arrays[f"lstm_{layer}/bias"]) for layer in range(config.layers)
            ),
            heads=arranged,
            both=Kernel(
                np.concatenate([arranged[name].hidden.values for name in ("delta", "key")], axis=1)
            ),
            planes=Kernel(
                _planes(heads["key"]) if config.ages else np.zeros((0, 0), np.float32)
            ),
            ages=np.log1p(TIMES + edges) / AGE_SCALE,
            fades=np.tile(np.exp(edges / -_FADES), 128),
        )  # fmt: skip


@lru_cache(maxsize=1)
def weights_of(checkpoint: Checkpoint, config: EventsConfig) -> Weights:
    """Those of a *checkpoint*, *config* its own; of the one that was last asked for they are there."""
    return Weights.of(config, checkpoint.arrays)


def _parts(widths: Mapping[str, int], kernel: Floats) -> dict[str, Floats]:
    """A *kernel*'s rows for each part of its input."""
    ends = np.cumsum([0, *widths.values()])
    slices = [kernel[first:last] for first, last in pairwise(ends.tolist())]
    return dict(zip(widths, slices, strict=True))


def _head_parts(config: EventsConfig, arrays: Arrays, name: str) -> dict[str, Floats]:
    kernel = arrays[f"head_{name}/hidden/kernel"][config.units :]
    return _parts(head_parts(config, name), kernel)


def _table(
    config: EventsConfig, arrays: Arrays, names: Sequence[str], parts: Sequence[dict[str, Floats]]
) -> tuple[Floats, tuple[int, ...]]:
    """:attr:`Weights.table`, and where each name's rows start, less one."""
    widths = [4 * config.units, *[config.head_units] * len(config.heads)]

    def adds(name: str, values: Floats) -> Floats:
        """What *values* of an embedding or a plane add to everything, side by side."""
        nothing = np.zeros((values.shape[1], 0), np.float32)
        kernels = [part.get(name, nothing) for part in parts]
        return np.concatenate(
            [values @ kernel if kernel.size else np.zeros((len(values), width), np.float32)
             for kernel, width in zip(kernels, widths, strict=True)], axis=1,
        )  # fmt: skip

    heads = [arrays[f"head_{name}/hidden/bias"] for name in config.heads]
    base = np.concatenate([gates_arranged(arrays["lstm_0/bias"]), *heads])
    rows, starts, count = [adds("sounding", np.eye(128, dtype=np.float32))], [], 129
    for name in names:
        found = adds(name, arrays[f"embed/{name}"])
        base = base + found[0]
        rows.append(found[1:] - found[0])
        starts.append(count - 1)
        count += len(found) - 1
    rows.insert(1, base[None])
    return np.concatenate(rows), tuple(starts)


def _layer(arrays: Arrays, layer: int) -> Floats:
    """One matrix a layer: above the first, kernel over recurrent, for the outputs side by side."""
    below = [arrays[f"lstm_{layer}/kernel"]] if layer else []
    below = [_hearing(arrays, layer - 1, kernel) for kernel in below]
    return gates_arranged(np.concatenate([*below, heard(arrays[f"lstm_{layer}/recurrent"])]))


def _hearing(arrays: Arrays, layer: int, kernel: Floats) -> Floats:
    """A *kernel* for what a *layer* hands on to other layers, through its norm if it has one."""
    gain = arrays.get(f"norm_{layer}/gain")
    return heard(kernel) if gain is None else np.ascontiguousarray(gain[:, None] * kernel)


def _head(config: EventsConfig, arrays: Arrays, name: str, parts: Mapping[str, Floats]) -> Head:
    nexts = {
        part: arrays[f"embed/{part.removeprefix('next_')}"] @ kernel
        for part, kernel in parts.items()
        if part.startswith("next_")
    }
    return Head(
        Kernel(
            _hearing(
                arrays, config.layers - 1, arrays[f"head_{name}/hidden/kernel"][: config.units]
            )
        ),
        nexts,
        np.ascontiguousarray(arrays[f"head_{name}/logits/kernel"]),
        arrays[f"head_{name}/logits/bias"],
    )


def _planes(parts: Mapping[str, Floats]) -> Floats:
    age, *traces = (parts[plane] for plane in AGE_PLANES)
    return np.concatenate([age, np.stack(traces, axis=1).reshape(-1, age.shape[1])])
