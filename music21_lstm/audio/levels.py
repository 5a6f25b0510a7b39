"""How loud it is: peaks, loudness after ITU-R BS.1770-4, and the gain that brings it to a target.

Sound is measured in cells of frames as it flows by: the K-weighted energy, and for a limiter, in
finer cells, the largest value at and between the samples (true peak, by four times oversampling). A
filter that looks back for ever is put as one that looks back 4096 frames, and applied by
FFT (overlap and save); after as many frames it has died away. What the cells say is enough to find
the gain and to know beforehand how loud the limited sound will be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from music21_lstm.audio.timeline import GRAIN

__all__ = ["Envelope", "Levels", "Meter", "limited"]

Cells: TypeAlias = NDArray[np.float32]
Block: TypeAlias = NDArray[np.float32]

_SIZE, _TAPS = 16384, 4096
_HOP = _SIZE - _TAPS
_LAG = _TAPS // 4  # True peaks are read away from both ends, where the FFT wraps around.
_OVERSAMPLING = 4
_CELL = 6 * GRAIN

_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_BLOCK_SECONDS, _STEP_SECONDS = 0.4, 0.1

_ATTACK_DB, _RELEASE_DB_A_SECOND = 1.5, 40.0  # A cell lasts 1.5 ms.
_MOST_GAIN_DB = 40.0
_AT_A_TIME = 1 << 16


@dataclass(frozen=True, slots=True)
class Levels:
    """What was measured of sound with *frames* at *sample_rate*.

    *peak* is the largest sample, 1 being full scale; *energies* are of cells of 384 frames,
    *true_peaks* of 64, empty where they were not measured.
    """

    sample_rate: int
    frames: int
    peak: float
    true_peaks: Cells
    energies: Cells

    @property
    def true_peak(self) -> float:
        """The largest value, between the samples too; 0 where that was not measured."""
        return float(self.true_peaks.max(initial=0.0))

    @property
    def loudness(self) -> float:
        """Integrated loudness in LUFS; minus infinity of silence."""
        return _gated(self.energies, self)


class Meter:
    """Measures blocks of sound as they flow by, with *true_peak* for a limiter."""

    def __init__(self, sample_rate: int, *, true_peak: bool = False) -> None:
        self._rate, self._true = sample_rate, true_peak
        self._filter = np.fft.rfft(_k_weighting(sample_rate), _SIZE)[:, None].astype(np.complex64)
        self._window = np.zeros((_SIZE, 2), np.float32)
        self._filled, self._frames = _TAPS, 0
        self._peak = 0.0
        # Bytes of float32: an hour is 13,000 windows, and as many small arrays are mostly headers.
        self._true_peaks, self._energies = bytearray(), bytearray()

    def add(self, block: Block) -> None:
        """Measure the frames that come next, of shape (frames, 2)."""
        self._frames += len(block)
        while len(block):
            room = _SIZE - self._filled
            part, block = block[:room], block[room:]
            self._window[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            if self._filled == _SIZE:
                self._measure()

    def finish(self) -> Levels:
        """All that was measured."""
        silence = np.zeros((_SIZE - self._filled + _HOP, 2), np.float32)
        frames = self._frames
        self.add(silence)
        lag, cells = _LAG // GRAIN, -(-frames // GRAIN)
        true = np.frombuffer(self._true_peaks, np.float32)[lag : cells + lag]
        energies = np.frombuffer(self._energies, np.float32)[: -(-frames // _CELL)]
        return Levels(self._rate, frames, self._peak, true, energies)

    def _measure(self) -> None:
        """The window is full: measure its new part and keep its end as the next one's past."""
        window = self._window
        spectrum = np.fft.rfft(window, axis=0)
        weighted = np.fft.irfft(spectrum * self._filter, axis=0)[_TAPS:]
        cells = (_HOP // _CELL, _CELL * 2)
        self._energies += np.square(weighted).reshape(cells).sum(axis=1, dtype=np.float32).data
        self._peak = max(self._peak, float(np.abs(window[_TAPS:]).max()))
        if self._true:
            fine = np.fft.irfft(spectrum, _SIZE * _OVERSAMPLING, axis=0) * _OVERSAMPLING
            start = _TAPS - _LAG
            at = np.abs(window[start : start + _HOP]).reshape(-1, GRAIN * 2)
            between = np.abs(fine[start * _OVERSAMPLING : (start + _HOP) * _OVERSAMPLING])
            peaks = between.reshape(len(at), -1).max(axis=1).astype(np.float32)
            self._true_peaks += np.maximum(peaks, at.max(axis=1)).data
        window[:_TAPS] = window[-_TAPS:].copy()
        self._filled = _TAPS


def _k_weighting(rate: int) -> NDArray[np.float64]:
    """The impulse response of the K-weighting filter (BS.1770-4, for any sample rate)."""
    impulse = np.zeros(_TAPS)
    impulse[0] = 1.0
    # The shelf that stands for the head.
    k, q, above = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196, 10**0.199992
    middle = above**0.4996667741545416
    shelf = (above + middle * k / q + k * k, 2 * (k * k - above), above - middle * k / q + k * k)
    impulse = _biquad(impulse, shelf, k, q, 1 + k / q + k * k)
    # The high pass.
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    return _biquad(impulse, (1.0, -2.0, 1.0), k, q, 1.0)


def _biquad(
    signal: NDArray[np.float64], ahead: tuple[float, float, float], k: float, q: float, scale: float
) -> NDArray[np.float64]:
    """A filter of second order: *ahead* over *scale* above, the pole of *k* and *q* below."""
    below = 1 + k / q + k * k
    a1, a2 = 2 * (k * k - 1) / below, (1 - k / q + k * k) / below
    b0, b1, b2 = (value / scale for value in ahead)
    out = np.zeros_like(signal)
    x1 = x2 = y1 = y2 = 0.0
    for place, x in enumerate(signal.tolist()):
        y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
        out[place] = y
        x1, x2, y1, y2 = x, x1, y, y1
    return out


def _gated(energies: Cells, levels: Levels) -> float:
    """Integrated loudness of cells with *energies* by the two gates of BS.1770, in LUFS."""
    frames, cell = levels.frames, _CELL
    if not frames:
        return -math.inf
    a_second = levels.sample_rate / cell
    sums = np.concatenate([[0.0], np.cumsum(energies, dtype=np.float64)])
    block = round(_BLOCK_SECONDS * a_second)
    starts = np.round(
        np.arange(0, max(1, len(energies) - block + 1), _STEP_SECONDS * a_second)
    ).astype(int)
    stops = np.minimum(starts + block, len(energies))
    # Shorter than one block is one block.
    means = (sums[stops] - sums[starts]) / (np.minimum((stops - starts) * cell, frames))
    with np.errstate(divide="ignore"):
        loud = means[_lufs(means) > _ABSOLUTE_GATE]
        if not loud.size:
            return -math.inf
        gate = _lufs(loud.mean()) + _RELATIVE_GATE
        return float(_lufs(loud[_lufs(loud) > gate].mean()))


def _lufs(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return -0.691 + 10 * np.log10(power)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The gain over time: *scale* for all, times what a limiter leaves of each cell boundary.

    *bounds* is empty where nothing is limited.
    """

    scale: float
    bounds: Cells

    def apply(self, block: Block, start: int) -> Block:
        """*block*, whose first frame is number *start*, a multiple of 64, at its new level."""
        if not self.bounds.size:
            return np.multiply(block, self.scale, dtype=np.float32)
        first = start // GRAIN
        cells = -(-len(block) // GRAIN)
        places = np.minimum(np.arange(first, first + cells + 1), len(self.bounds) - 1)
        edges = self.bounds[places]
        ramp = np.arange(GRAIN, dtype=np.float32) / GRAIN
        gains = edges[:-1, None] + np.diff(edges)[:, None] * ramp
        shape = gains.reshape(-1)[: len(block), None] * self.scale
        return np.multiply(block, shape, dtype=np.float32)


def limited(levels: Levels, target: float, ceiling: float) -> tuple[Envelope, float]:
    """The gain that makes *levels* as loud as *target* (LUFS) below a true peak of *ceiling*.

    The limiter looks ahead: it comes down 1.5 dB a cell before a peak and goes up 40 dB a second
    after it. As it takes loudness away, the gain is found by going back and forth. Returns the
    envelope and the loudness that results, which is the target unless that is out of reach.
    """
    scale, found = 10 ** ((target - levels.loudness) / 20), levels.loudness
    for _ in range(12):
        scale = min(scale, 10 ** (_MOST_GAIN_DB / 20))
        bounds = _bounds(levels, scale, ceiling)
        powers = np.square(bounds[:-1] + bounds[1:]) * (scale / 2) ** 2
        starts = np.arange(0, len(powers), _CELL // GRAIN)
        means = np.add.reduceat(powers, starts) / np.diff(starts, append=len(powers))
        energies = (levels.energies * means).astype(np.float32)
        found = _gated(energies, levels)
        if abs(found - target) < 0.01:
            break
        scale *= 10 ** ((target - found) / 20)
    return Envelope(scale, bounds), found


def _bounds(levels: Levels, scale: float, ceiling: float) -> Cells:
    """The limiter's gain at the boundaries of the cells."""
    gains = levels.true_peaks * np.float32(scale / ceiling)
    # In place from here on: an hour is 2.5 million cells.
    np.log10(np.maximum(gains, 1.0, out=gains), out=gains)
    gains *= -20
    _rise(gains, _RELEASE_DB_A_SECOND * GRAIN / levels.sample_rate)
    _rise(gains[::-1], _ATTACK_DB)
    np.power(10, np.divide(gains, 20, out=gains), out=gains)
    padded = np.concatenate([gains[:1], gains, gains[-1:]])
    # At a boundary the lower of both sides, so that no cell is louder than it may be.
    lower: Cells = np.minimum(padded[:-1], padded[1:], out=padded[:-1])
    return lower


def _rise(gains: Cells, step: float) -> None:
    """Lower *gains* (in dB) where they would rise by more than *step* from cell to cell."""
    last, ramp = 0.0, step * np.arange(1, _AT_A_TIME + 1)
    for start in range(0, len(gains), _AT_A_TIME):
        part = gains[start : start + _AT_A_TIME]
        slope = ramp[: len(part)]
        part[:] = np.minimum(np.minimum.accumulate(part - slope), last) + slope
        last = float(part[-1])
