"""Repetition: how alike the beats are that lie so many beats apart tells two from three in a bar."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LAGS", "likeness"]

Array = npt.NDArray[Any]

LAGS = (1, 2, 3, 4, 5, 6, 8, 9)
"""The distances, in beats, at which beats are compared."""

_PARTS = 12


def likeness(onsets: Array, pitches: Array, beats: Array) -> Array:
    """How much more alike beats are at each of :data:`LAGS` than on average, ``(32,)``.

    Compared are, in turn, the rhythm inside the beat, the pitch classes, the register, and
    the lowest note. *onsets* are in order, *beats* longer than the longest lag, both in seconds.
    """
    count = len(beats) - 1
    beat = np.searchsorted(beats, onsets + 0.02, side="right") - 1
    inside = (beat >= 0) & (beat < count)
    beat, onset, pitch = beat[inside], onsets[inside], pitches[inside].astype(np.int64)
    length = beats[beat + 1] - beats[beat]
    part = np.clip(np.round((onset - beats[beat]) / length * _PARTS), 0, _PARTS - 1)
    rhythm = np.minimum(_counted(beat, part.astype(np.int64), count, _PARTS), 1)
    low = np.full(count, 128.0)
    np.minimum.at(low, beat, pitch)
    low = np.where(low < 128, low, 60.0)
    found = [
        5 * _less_mean([_cosine(kind, lag) for lag in LAGS])
        for kind in (
            rhythm,
            _counted(beat, pitch % 12, count, 12),
            _counted(beat, pitch // 2, count, 64),
        )
    ]
    found.append(2 * _less_mean([_correlation(low, lag) for lag in LAGS]))
    return np.concatenate(found)


def _counted(beat: Array, kind: Array, beats: int, kinds: int) -> Array:
    counts: Array = np.bincount(beat * kinds + kind, minlength=beats * kinds)
    return counts.reshape(beats, kinds)


def _less_mean(values: list[float]) -> Array:
    found: Array = np.array(values) - np.mean(values)
    return found


def _cosine(rows: Array, lag: int) -> float:
    size = np.linalg.norm(rows, axis=1)
    both = np.maximum(size[lag:] * size[:-lag], 1e-9)
    return float(((rows[lag:] * rows[:-lag]).sum(1) / both).mean())


def _correlation(values: Array, lag: int) -> float:
    after, before = values[lag:] - values[lag:].mean(), values[:-lag] - values[:-lag].mean()
    size = np.sqrt((after**2).sum() * (before**2).sum())
    return float((after * before).sum() / size) if size > 1e-9 else 0.0
