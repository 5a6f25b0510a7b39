"""What is counted: steps from slot to slot, metres, tempi, and how metres repeat themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.beats.pieces import Piece
from music21_lstm.notation.beats.chords import group
from music21_lstm.notation.beats.repetition import LAGS, likeness
from music21_lstm.notation.beats.tables import LEARNT, SLOT, slots_of
from music21_lstm.notation.metre import UNIT

__all__ = ["lag_weights", "step_tables"]

_MOST = 400
"""What a piece counts at most, in chords: long ones are not all the music there is."""

_PRIOR = 20.0
"""So many steps are taken by the prior: to frequent slots, and not far."""


def step_tables(pieces: Sequence[Piece]) -> dict[str, np.ndarray]:
    """The arrays ``steps``, ``openings``, ``metres`` and ``tempi``; see ``Tables``."""
    slots = [slots_of(metre) for metre in LEARNT]
    steps = [np.zeros((2, len(s), len(s))) for s in slots]
    openings = [np.full(len(s), 0.02) for s in slots]
    metres, tempi = np.ones(len(LEARNT)), [[] for _ in LEARNT]
    for piece in pieces:
        _count(piece, slots, steps, openings, metres, tempi)
    found = {"metres": metres / metres.sum(), "tempi": np.array([_spread(t) for t in tempi])}
    for metre, places, counts, opened in zip(LEARNT, slots, steps, openings, strict=True):
        found[f"steps.{metre}"] = np.maximum(_smoothed(metre, places, counts), 1e-6).astype(
            np.float16
        )
        found[f"openings.{metre}"] = np.maximum(opened / opened.sum(), 1e-5).astype(np.float16)
    return found


def _count(piece, slots, steps, openings, metres, tempi) -> None:
    chords = group(piece.notes[:, 0], piece.notes[:, 2])
    weight = min(1.0, _MOST / len(chords.starts))
    before = None
    for number, note in enumerate(chords.starts.tolist()):
        metre = int(piece.metre[note])
        if metre < 0 or not piece.written[note]:
            before = None
            continue
        bar = LEARNT[metre].length * SLOT // UNIT
        places = slots[metre]
        apart = np.abs(np.append(places, bar) - piece.inside[note] * SLOT / UNIT)
        here = int(apart.argmin()) % len(places)
        if not number:
            openings[metre][here] += 1
            metres[metre] += 1
        if before is not None and before[0] == metre:
            gone = (piece.place[note] - before[2]) * SLOT / UNIT
            least = int(places[here] - places[before[1]]) % bar or bar
            bars = round((gone - least) / bar)
            if gone > 0.7 and 0 <= bars < 2 and abs(gone - least - bars * bar) < 2:
                steps[metre][bars, before[1], here] += weight
        if number % 10 == 0 and np.isfinite(piece.period[note]):
            quarter = piece.period[note] * UNIT / LEARNT[metre].beat
            tempi[metre].append((np.log(quarter), weight))
        before = (metre, here, piece.place[note])


def _spread(weighted: list[tuple[float, float]]) -> tuple[float, float]:
    values, weights = np.array(weighted).T
    mean = np.average(values, weights=weights)
    return mean, np.average((values - mean) ** 2, weights=weights) ** 0.5


def _smoothed(metre, places: np.ndarray, counts: np.ndarray) -> np.ndarray:
    bar = metre.length * SLOT // UNIT
    often = counts.sum((0, 1)) + 5
    distance = (places[None, :] - places[:, None]) % bar
    distance[distance == 0] = bar
    prior = often / often.sum() * np.exp(-np.stack([distance, distance + bar]) / SLOT)
    prior /= prior.sum((0, 2), keepdims=True)
    return (counts + _PRIOR * prior) / (counts.sum((0, 2), keepdims=True) + _PRIOR)


def lag_weights(pieces: Sequence[Piece]) -> np.ndarray:
    """Logistic regression from likeness at each lag to two, three or four beats a bar, ``(33, 3)``."""
    rows, kinds = [], []
    for piece in pieces:
        start, end, metre = piece.longest
        count = metre.length // metre.beat
        long = end - start > 12 * metre.length and end - start > 2 * max(LAGS) * metre.beat
        if count in (2, 3, 4) and long and metre.denominator in (4, 8):
            beats = piece.seconds(np.arange(start, end, metre.beat))
            rows.append(
                likeness(piece.notes[:, 0], piece.notes[:, 2], np.maximum.accumulate(beats))
            )
            kinds.append(count - 2)
    known, wanted = np.c_[np.array(rows), np.ones(len(rows))], np.eye(3)[kinds]
    weights = np.zeros((known.shape[1], 3))
    for _ in range(1500):
        said = known @ weights
        said = np.exp(said - said.max(1, keepdims=True))
        said /= said.sum(1, keepdims=True)
        weights -= 0.1 * (known.T @ (said - wanted) / len(rows) + 0.003 * weights)
    return weights
