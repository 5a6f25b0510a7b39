"""From blocks of sound to an encoded file at the right level."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np

from music21_lstm.audio.ahead import ahead
from music21_lstm.audio.encoders import Encoding, decoded_blocks
from music21_lstm.audio.levels import Envelope, Levels, Meter, limited
from music21_lstm.audio.synth import BLOCK, Block
from music21_lstm.errors import AudioError

__all__ = ["LOUDNESS_LUFS", "PEAK_DBFS", "Level", "Mastered", "master"]

PEAK_DBFS = -1.0
"""The loudest sample of a normalized file, in dB relative to full scale."""

LOUDNESS_LUFS = -16.0
"""The integrated loudness of a file with ``normalize="loudness"``, as podcasts and players have it."""

Level = Literal["peak", "loudness", "limit"] | Envelope
"""How loud: the highest sample or the loudness at its target, no louder than it may be, or as said."""

_INAUDIBLE = 1e-6  # −120 dBFS: less than this is what a reverberation of nothing leaves.
_MARGIN_DB = 0.1
_TRIES = 3
_FRAME_BYTES = 8

_AS_IT_IS = Envelope(1.0, np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class Mastered:
    """What was written: *frames*, the *peak* as a factor, *loudness* in LUFS, and the *envelope*."""

    frames: int
    peak: float
    loudness: float
    envelope: Envelope


def master(blocks: Iterable[Block], path: Path, encoding: Encoding, level: Level) -> Mastered:
    """Encode *blocks* into *path* at a *level*; they are made in a thread meanwhile.

    The level is known only at the end. Keeping the sound in a file until then costs 21 MB of disk a
    minute; rendering it a second time would double the work. The file is beside the target, as a
    temporary folder may be in memory, and has no name, so that a killed process leaves none. Where
    the gain is known beforehand the encoder works while the synthesizer does.
    """
    fixed = level if isinstance(level, Envelope) else _AS_IT_IS if level == "limit" else None
    with tempfile.TemporaryFile(dir=path.parent) as raw:
        with ExitStack() as stack:
            early = stack.enter_context(encoding.open(path)) if fixed else None
            meter = Meter(encoding.sample_rate, true_peak=level == "loudness")
            frames = 0
            for block in ahead(blocks):
                meter.add(block)
                raw.write(block.data)
                if early and fixed:
                    early.write(fixed.apply(block, frames))
                frames += len(block)
        levels = meter.finish()
        if levels.peak < _INAUDIBLE:
            raise AudioError(
                "the result is silent: the soundfont has no sound for these notes, or the "
                "controllers turn it off; choose another program or soundfont"
            )
        if level == "loudness":
            return _as_loud(raw, levels, path, encoding)
        envelope = fixed or Envelope(_factor(PEAK_DBFS) / levels.peak, _AS_IT_IS.bounds)
        if fixed and levels.peak * fixed.scale > _factor(PEAK_DBFS) and level == "limit":
            envelope = Envelope(_factor(PEAK_DBFS) / levels.peak, _AS_IT_IS.bounds)
        if envelope is not fixed:
            _encode(raw, envelope, path, encoding)
        return Mastered(
            frames,
            levels.peak * envelope.scale,
            levels.loudness + _decibels(envelope.scale),
            envelope,
        )


def _as_loud(raw: IO[bytes], levels: Levels, path: Path, encoding: Encoding) -> Mastered:
    """Encode at the wanted loudness; what a lossy encoder makes of it is measured, and mended.

    Its true peak may come out higher than what went in: then the ceiling is lowered by as much.
    """
    ceiling, target = PEAK_DBFS - _MARGIN_DB, LOUDNESS_LUFS
    for attempt in range(_TRIES):
        envelope, _ = limited(levels, target, _factor(ceiling))
        _encode(raw, envelope, path, encoding)
        meter = Meter(encoding.sample_rate, true_peak=True)
        if encoding.kind.lossy:
            for block in decoded_blocks(path):
                meter.add(block)
        else:
            for block in _scaled(raw, envelope):
                meter.add(block)
        found = meter.finish()
        over = _decibels(found.true_peak) - PEAK_DBFS
        if over <= 0 or attempt == _TRIES - 1:
            break
        ceiling -= over + _MARGIN_DB
    return Mastered(levels.frames, found.true_peak, found.loudness, envelope)


def _encode(raw: IO[bytes], envelope: Envelope, path: Path, encoding: Encoding) -> None:
    """Encode the float32 frames of *raw* at the level of *envelope*."""
    with encoding.open(path) as encoder:
        for block in ahead(_scaled(raw, envelope)):
            encoder.write(block)


def _scaled(raw: IO[bytes], envelope: Envelope) -> Iterator[Block]:
    raw.seek(0)
    frames = 0
    while data := raw.read(BLOCK * _FRAME_BYTES):
        block = np.frombuffer(data, np.float32).reshape(-1, 2)
        yield envelope.apply(block, frames)
        frames += len(block)


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def _decibels(factor: float) -> float:
    return float(20 * np.log10(factor))
