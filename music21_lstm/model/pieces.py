"""A piece of a corpus: what training needs of a performance, as a few whole-number arrays.

400 long piano pieces of a million notes are 16 MB of notes: a corpus is held in memory whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import ControlChange, Event, NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.performance import PLAYED_RESOLUTION, Performance, with_deltas
from music21_lstm.errors import TrainingError
from music21_lstm.model.config import TimeBase
from music21_lstm.model.pedal import SUSTAIN, changes_of

__all__ = ["Piece", "data_digest", "performance_of", "piece_of"]

Ints = NDArray[np.int32]

_LONGEST = 2**31 - 1
"""Ticks that a piece lasts at most: they are kept as int32."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece on the grid of a time base, in ticks of *resolution* to the quarter.

    *name* is what reports call it, *work* what it belongs to
    (:func:`~music21_lstm.model.works.work_of`), *sha256* its file's. For ``played`` a quarter is
    half a second, so that at resolution 500 a tick is a millisecond.

    *notes*: (N, 4) int32 of onset, end, pitch and velocity, in order of onset and pitch; *pedal*:
    (P, 2) int32 of tick and 1 or 0, where the sustain pedal goes down or up; *metre*: (M, 3) int32
    of tick, numerator and denominator.
    """

    name: str
    work: str
    sha256: str
    time_base: TimeBase
    resolution: int
    notes: Ints
    pedal: Ints
    metre: Ints

    def __len__(self) -> int:
        """How many notes it has."""
        return len(self.notes)


def piece_of(
    performance: Performance,
    *,
    name: str = "",
    work: str = "",
    sha256: str = "",
    time_base: TimeBase = "played",
    resolution: int = PLAYED_RESOLUTION,
) -> Piece:
    """The piece that *performance* is on a grid (lossy): its notes, pedal and metre.

    The pedal is down while it is down on any channel. Raises
    :class:`~music21_lstm.errors.TrainingError` for what lasts too long to count (24 days, played).

    >>> piece_of(Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60)])).notes.tolist()
    [[0, 500, 60, 80]]
    """
    if time_base == "played":
        performance = performance.played()
    grid = performance.rescaled(resolution)
    if grid.duration > _LONGEST:
        raise TrainingError(
            f"{name or 'the piece'} lasts {grid.duration} ticks; train on what has {_LONGEST} at most"
        )
    notes = sorted((note.onset, note.pitch, note.end, note.velocity) for note in grid.notes)
    rows = [(onset, end, pitch, velocity) for onset, pitch, end, velocity in notes]
    metre = [
        (tick, event.numerator, event.denominator)
        for tick, event in zip(grid.ticks, grid.events, strict=True)
        if isinstance(event, TimeSignature)
    ]
    arrays = (_table(rows, 4), _table(changes_of(grid), 2), _table(metre, 3))
    return Piece(name, work, sha256, time_base, resolution, *arrays)


def performance_of(piece: Piece) -> Performance:
    """The performance of a *piece*, at its resolution; the inverse of :func:`piece_of`."""
    timed: list[tuple[int, int, Event]] = []
    for tick, numerator, denominator in piece.metre.tolist():
        timed.append((tick, 0, TimeSignature(0, numerator, denominator)))
    for tick, down in piece.pedal.tolist():
        timed.append((tick, 1, ControlChange(0, 0, SUSTAIN, 127 * down)))
    for onset, end, pitch, velocity in piece.notes.tolist():
        # A note that ends where it starts must come on before it goes off.
        timed.append((onset, 3, NoteOn(0, pitch, velocity)))
        timed.append((end, 2 if end > onset else 4, NoteOff(0, pitch)))
    timed.sort(key=lambda item: item[:2])
    return Performance(piece.resolution, with_deltas((tick, event) for tick, _, event in timed))


def data_digest(pieces: Iterable[Piece]) -> str:
    """The SHA-256 of the pieces' own, whatever their order: which data was trained on."""
    return hashlib.sha256("".join(sorted(piece.sha256 for piece in pieces)).encode()).hexdigest()


def _table(rows: Sequence[tuple[int, ...]], columns: int) -> Ints:
    return np.array(rows, np.int32).reshape(-1, columns)
