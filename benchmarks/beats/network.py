"""The listening network's training: back-propagation through five residual layers, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.beats.pieces import Piece, live
from music21_lstm.notation.beats.chords import FEATURES, features_of, group
from music21_lstm.notation.beats.listening import LAYERS, LEVELS, TAPS
from music21_lstm.notation.beats.tables import LEARNT, PERIODS

__all__ = ["priors", "train"]

WIDTH = 40
EPOCHS = 12
LIVE = 3
"""How many times each piece is also heard as a person might play it."""

_CHUNK, _BATCH, _DROPPED, _RATE = 512, 8, 0.15, 3e-3
_HEADS = ((0, LEVELS, 1.0), (LEVELS, LEVELS + len(PERIODS), 0.25))
_HEADS += ((LEVELS + len(PERIODS), LEVELS + len(PERIODS) + len(LEARNT), 0.25),)
_OUT = _HEADS[-1][1]
Net = dict[str, np.ndarray]


def priors(pieces: Sequence[Piece]) -> dict[str, np.ndarray]:
    """Log frequencies of the levels and the beats' periods."""
    levels, periods = np.zeros(LEVELS), np.full(len(PERIODS), 5.0)
    for piece in pieces:
        targets, _ = _targets(piece.level, piece.metre, piece.period)
        levels += targets[:, :LEVELS].sum(0)
        periods += targets[:, slice(*_HEADS[1][:2])].mean(0)
    named = zip(("levels", "periods"), (levels, periods), strict=True)
    return {name: np.log(counts / counts.sum()).astype(np.float32) for name, counts in named}


def train(pieces: Sequence[Piece], seed: int = 0) -> Net:
    """The weights, in half precision: cross-entropy, Adam, a cosine of learning rates."""
    rng = np.random.default_rng(seed)
    chunks = [chunk for piece in pieces for chunk in _chunks(piece, rng)]
    net = _new(rng)
    first, second = ({name: np.zeros_like(w) for name, w in net.items()} for _ in range(2))
    total, done = EPOCHS * (len(chunks) // _BATCH), 0
    for epoch in range(EPOCHS):
        lost = 0.0
        order = rng.permutation(len(chunks))
        for start in range(0, len(order) - _BATCH + 1, _BATCH):
            batch = [
                np.stack(rows)
                for rows in zip(*(chunks[i] for i in order[start : start + _BATCH]), strict=True)
            ]
            kept = (rng.random((_BATCH, 1, WIDTH)) >= _DROPPED) / (1 - _DROPPED)
            loss, slopes = _slopes(net, *batch, kept.astype(np.float32))
            done, lost = done + 1, lost + loss
            rate = _RATE * 0.5 * (1 + np.cos(np.pi * done / total)) * min(1, done / 100)
            for name, slope in slopes.items():
                first[name] += 0.1 * (slope - first[name])
                second[name] += 0.01 * (slope**2 - second[name])
                step = first[name] / (1 - 0.9**done)
                step /= np.sqrt(second[name] / (1 - 0.99**done)) + 1e-8
                decay = 1e-3 * net[name] if name.endswith("w") else 0.0
                net[name] -= (rate * (step + decay)).astype(np.float32)
        print(f"epoch {epoch + 1} of {EPOCHS}: {lost / (len(chunks) // _BATCH):.3f}", flush=True)
    # The metre was only learnt beside the rest.
    net["out.w"], net["out.b"] = net["out.w"][:, : _HEADS[2][0]], net["out.b"][: _HEADS[2][0]]
    return {name: weights.astype(np.float16) for name, weights in net.items()}


def _chunks(piece: Piece, rng: np.random.Generator):
    heard = [(piece.notes, np.arange(len(piece.notes)), 1.0)]
    heard += [live(piece, rng) for _ in range(LIVE)]
    for notes, order, slower in heard:
        chords = group(notes[:, 0], notes[:, 2])
        features = features_of(chords, notes)
        at = chords.starts
        level = np.minimum.reduceat(piece.level[order], at)
        period = piece.period[order][at] * slower
        targets, weights = _targets(level, piece.metre[order][at], period)
        for begin in range(0, len(at) - 31, _CHUNK):
            rows = [array[begin : begin + _CHUNK] for array in (features, targets, weights)]
            yield [np.pad(row, ((0, _CHUNK - len(row)), (0, 0))) for row in rows]


def _targets(level, metre, period) -> tuple[np.ndarray, np.ndarray]:
    targets = np.zeros((len(level), _OUT), np.float32)
    weights = np.zeros((len(level), len(_HEADS)), np.float32)
    known = level >= 0
    targets[known, level[known]] = 1
    counted = np.isfinite(period)
    octaves = np.log2(period[counted].clip(0.1, 6))[:, None] - np.log2(PERIODS)
    near = np.exp(-0.5 * (octaves / 0.2) ** 2)
    targets[counted, slice(*_HEADS[1][:2])] = near / near.sum(1, keepdims=True)
    named = metre >= 0
    targets[np.flatnonzero(named), _HEADS[2][0] + metre[named]] = 1
    for head, (which, (_, _, weight)) in enumerate(
        zip((known, counted, named), _HEADS, strict=True)
    ):
        weights[which, head] = weight
    return targets, weights


def _new(rng: np.random.Generator) -> Net:
    net = {"in.w": rng.normal(0, FEATURES**-0.5, (FEATURES, WIDTH)), "in.b": np.zeros(WIDTH)}
    for layer in range(len(LAYERS)):
        net[f"c{layer}.w"] = rng.normal(0, 0.7 * (TAPS * WIDTH) ** -0.5, (TAPS * WIDTH, WIDTH))
        net[f"c{layer}.b"] = np.zeros(WIDTH)
    net |= {"out.w": rng.normal(0, 0.1 * WIDTH**-0.5, (WIDTH, _OUT)), "out.b": np.zeros(_OUT)}
    return {name: weights.astype(np.float32) for name, weights in net.items()}


def _slopes(net: Net, features, targets, weights, kept) -> tuple[float, Net]:
    """The loss of a batch ``(pieces, chords, …)`` and its gradient."""
    shape = (*features.shape[:2], WIDTH)
    seen = features.reshape(-1, FEATURES) @ net["in.w"] + net["in.b"]
    hidden = np.maximum(seen, 0).reshape(shape)
    tape = []
    for layer, apart in enumerate(LAYERS):
        taps = _taps(hidden, apart)
        seen_here = taps @ net[f"c{layer}.w"] + net[f"c{layer}.b"]
        tape.append((taps, seen_here))
        hidden = hidden + np.maximum(seen_here, 0).reshape(shape)
    last = (hidden * kept).reshape(-1, WIDTH)
    loss, error = _error(last @ net["out.w"] + net["out.b"], targets.reshape(-1, _OUT), weights)
    slopes = {"out.w": last.T @ error, "out.b": error.sum(0)}
    back = (error @ net["out.w"].T).reshape(shape) * kept
    for layer in reversed(range(len(LAYERS))):
        taps, seen_here = tape[layer]
        through = back.reshape(-1, WIDTH) * (seen_here > 0)
        slopes |= {f"c{layer}.w": taps.T @ through, f"c{layer}.b": through.sum(0)}
        back = back + _untapped(through @ net[f"c{layer}.w"].T, LAYERS[layer], shape)
    through = back.reshape(-1, WIDTH) * (seen > 0)
    slopes |= {"in.w": features.reshape(-1, FEATURES).T @ through, "in.b": through.sum(0)}
    return loss, slopes


def _error(said, targets, weights) -> tuple[float, np.ndarray]:
    error, loss = np.zeros_like(said), 0.0
    weights = weights.reshape(len(said), -1)
    for head, (begin, end, _) in enumerate(_HEADS):
        share = np.exp(said[:, begin:end] - said[:, begin:end].max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        error[:, begin:end] = (share - targets[:, begin:end]) * weights[:, head : head + 1]
        surprise = -(targets[:, begin:end] * np.log(share + 1e-9)).sum(1)
        loss += float((surprise * weights[:, head]).mean())
    return loss, error / len(said)


def _shift(apart: int, tap: int, length: int) -> tuple[slice, slice]:
    """Where the rows of a tap go, and where they come from."""
    by = (tap - TAPS // 2) * apart
    return slice(max(0, -by), length - max(0, by)), slice(max(0, by), length - max(0, -by))


def _taps(hidden: np.ndarray, apart: int) -> np.ndarray:
    pieces, length, width = hidden.shape
    taps = np.zeros((pieces, length, TAPS, width), np.float32)
    for tap in range(TAPS):
        into, source = _shift(apart, tap, length)
        taps[:, into, tap] = hidden[:, source]
    return taps.reshape(-1, TAPS * width)


def _untapped(slopes: np.ndarray, apart: int, shape: tuple[int, int, int]) -> np.ndarray:
    pieces, length, width = shape
    taps = slopes.reshape(pieces, length, TAPS, width)
    back = np.zeros(shape, np.float32)
    for tap in range(TAPS):
        into, source = _shift(apart, tap, length)
        back[:, source] += taps[:, into, tap]
    return back
