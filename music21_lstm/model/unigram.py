"""The unigram-fields baseline: each field of an event by how often it occurs, whatever came before.

The counts are small enough to ride in a checkpoint's metadata, under the key ``unigram``::

    {"delta": [one number a delta bin], "key": [256 numbers: offs, ons], "velocity": [one a bin]}

START and END are not counted; velocities are those of note ons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music21_lstm.errors import ModelError
from music21_lstm.model.config import END, START, EventsConfig
from music21_lstm.model.features import Fields
from music21_lstm.model.tracker import legal_keys

__all__ = ["Unigram", "delta_width_nats", "unigram_counts"]

Counts = Mapping[str, Sequence[int]]
Nats = NDArray[np.float64]


def unigram_counts(pieces: Iterable[Fields], config: EventsConfig) -> dict[str, list[int]]:
    """How often each delta bin, key and velocity bin occurs in *pieces*, as a JSON object."""
    counts = {name: np.zeros(size, np.int64) for name, size in _sizes(config).items()}
    for rows in pieces:
        for name, values in _columns(rows).items():
            counts[name] += np.bincount(values, minlength=len(counts[name]))
    return {name: values.tolist() for name, values in counts.items()}


def delta_width_nats(config: EventsConfig) -> Nats:
    """What it costs to say the tick within a delta bin, (bins,): the logarithm of its width.

    Bins of one tick cost nothing, so that figures compare across binnings. The last bin, which has
    no end, counts as wide as the one before it.

    >>> delta_width_nats(EventsConfig(delta_edges=(0, 1, 2, 4, 8))).round(3).tolist()
    [0.0, 0.0, 0.693, 1.386, 1.386]
    """
    widths = np.diff(config.delta_edges)
    nats: Nats = np.log(np.append(widths, widths[-1]))
    return nats


@dataclass(frozen=True, slots=True, eq=False)
class Unigram:
    """The frequencies of the fields on a model's grid, each count one higher than it was (Laplace).

    Without *counts* every value is as likely as any other.
    """

    config: EventsConfig
    counts: Counts | None = None

    def __post_init__(self) -> None:
        for name, size in _sizes(self.config).items():
            if self.counts is not None and len(self.counts.get(name, ())) != size:
                raise ModelError(
                    f"unigram counts: {name} has {len(self.counts.get(name, ()))} numbers, but the "
                    f"model has {size} classes; name music to count with --train"
                )

    def nats(self, rows: Fields, *, legal: bool = False) -> dict[str, Nats]:
        """The nats of each event of *rows* by field, (T,) arrays; START and END are left out.

        With *legal* the key is one of those that may come next, as the network has it.
        """
        rows = _events(rows)
        table = {name: self._log_chances(name) for name in _sizes(self.config)}
        keys = rows.key.astype(np.intp)
        on = keys >= 128
        velocity = np.where(on, -table["velocity"][np.maximum(rows.velocity - 1, 0)], 0.0)
        key = -table["key"][keys]
        if legal:
            key += np.log(_legal_mass(rows, np.exp(table["key"])))
        delta = delta_width_nats(self.config)[rows.delta] - table["delta"][rows.delta]
        return {"delta": delta, "key": key, "velocity": velocity}

    def _log_chances(self, name: str) -> Nats:
        size = _sizes(self.config)[name]
        counts = np.ones(size) + (self.counts[name] if self.counts else 0)
        chances: Nats = np.log(counts / counts.sum())
        return chances


def _sizes(config: EventsConfig) -> dict[str, int]:
    return {"delta": config.delta_bins, "key": END, "velocity": config.velocity_bins}


def _events(rows: Fields) -> Fields:
    """Without the START and END rows."""
    first = int(rows.key[0] >= END)
    return rows[first : len(rows) - int(rows.key[-1] == END)]


def _columns(rows: Fields) -> dict[str, NDArray[np.int32]]:
    rows = _events(rows)
    return {
        "delta": rows.delta,
        "key": rows.key,
        "velocity": rows.velocity[rows.key >= 128] - 1,
    }


def _legal_mass(rows: Fields, chances: Nats) -> Nats:
    """The chance of all keys together that may come at each event."""
    silence = np.zeros((1, 128), np.uint8)
    sounding = np.concatenate([silence, rows.sounding[:-1]])
    last = np.append(START, rows.key[:-1])
    masses: Nats = legal_keys(sounding, last, rows.delta)[:, :END] @ chances
    return masses
