"""Listening: how likely each chord is to be a downbeat, a beat or neither, and how long a beat is.

A small convolutional network over the row of chords, in NumPy: five residual layers, the chords
that each sees twice as far apart as those of the layer before (van den Oord et al., *WaveNet*,
2016), so that about sixty chords on each side count. It was learnt by ``python -m benchmarks.beats``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.beats.tables import Tables

__all__ = ["LAYERS", "LEVELS", "TAPS", "Evidence", "listen"]

Array = npt.NDArray[Any]

LAYERS = (1, 2, 4, 8, 16)
"""How many chords apart the taps of each layer are."""

TAPS = 5
LEVELS = 4
"""Downbeat, beat, half of a beat (a third in compound metres), anything finer."""


class Evidence(NamedTuple):
    """For each chord, by how much (in nats) what is heard speaks for each of the possibilities.

    *level* ``(chords, 4)``, *period* ``(chords, 24)``: the length of the beat. Both are relative to
    how frequent the thing is, so 0 says nothing.
    """

    level: Array
    period: Array


def listen(features: Array, learnt: Tables) -> Evidence:
    """What the network hears in *features* ``(chords, FEATURES)``."""
    net = learnt.net
    hidden = np.maximum(features @ net["in.w"] + net["in.b"], 0)
    for layer, apart in enumerate(LAYERS):
        taps = _taps(hidden, apart)
        hidden = hidden + np.maximum(taps @ net[f"c{layer}.w"] + net[f"c{layer}.b"], 0)
    heard = hidden @ net["out.w"] + net["out.b"]
    return Evidence(
        _log_softmax(heard[:, :LEVELS]) - learnt.levels,
        _log_softmax(heard[:, LEVELS:]) - learnt.periods,
    )


def _taps(hidden: Array, apart: int) -> Array:
    """Each row beside the rows *apart* and twice as far before and after it, zeros at the ends."""
    count, width = hidden.shape
    margin = TAPS // 2 * apart
    padded = np.zeros((count + 2 * margin, width), hidden.dtype)
    padded[margin : margin + count] = hidden
    return np.concatenate([padded[tap * apart : tap * apart + count] for tap in range(TAPS)], 1)


def _log_softmax(values: Array) -> Array:
    high = values.max(1, keepdims=True, initial=-np.inf)
    shifted: Array = values - high
    total: Array = np.log(np.exp(shifted).sum(1, keepdims=True))
    return shifted - total
