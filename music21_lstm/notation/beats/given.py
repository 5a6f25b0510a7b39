"""Beats that the user gives: where they are, and which of them are downbeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.errors import EncodingError
from music21_lstm.notation.beats.lattice import Lattice
from music21_lstm.notation.beats.tables import LEARNT, SLOT
from music21_lstm.notation.metre import UNIT, Metre

__all__ = ["Beats", "GivenBeats", "read_beats"]

Array = npt.NDArray[Any]

Beats = Sequence[float] | Sequence[tuple[float, int]]
"""The second of each beat; or of each beat with its number in the bar, 1 for downbeats."""

_NEAR = 1.5
"""How far from its place in the beat a chord may be, in slots: a deviation."""


_MOST = 64
"""A bar has no more beats than these."""


@dataclass(frozen=True, slots=True, eq=False)
class GivenBeats:
    """*seconds* of each beat, rising, two or more; *numbers* in the bar (1 is the downbeat) or None."""

    seconds: Array
    numbers: Array | None

    def phase(self, times: Array) -> Array:
        """Times in beats: 0 is the first beat; beyond the ends at the tempo there."""
        beats = np.interp(times, self.seconds, np.arange(len(self.seconds)))
        first, last = self.seconds[0], self.seconds[-1]
        before = np.minimum(times - first, 0) / (self.seconds[1] - first)
        after = np.maximum(times - last, 0) / (last - self.seconds[-2])
        phase: Array = beats + before + after
        return phase

    def second(self, phase: Array) -> Array:
        """The seconds of times in beats: what :meth:`phase` undoes."""
        last = len(self.seconds) - 1
        inside = np.interp(phase, np.arange(last + 1), self.seconds)
        before = np.minimum(phase, 0) * (self.seconds[1] - self.seconds[0])
        after = np.maximum(phase - last, 0) * (self.seconds[-1] - self.seconds[-2])
        second: Array = inside + before + after
        return second

    def lengths(self, times: Array) -> Array:
        """The length of the beat at each time, in seconds."""
        which = np.searchsorted(self.seconds, times, side="right") - 1
        lengths: Array = np.diff(self.seconds)
        return lengths[np.clip(which, 0, len(self.seconds) - 2)]

    def metres(self, allowed: Sequence[Metre] | None) -> list[tuple[Metre, ...]]:
        """The metres that the beats may be of: simple ones and compound ones apart."""
        metres = list(allowed or LEARNT)
        if self.numbers is not None and not allowed:
            count = int(self.numbers.max())
            fitting = [m for m in metres if m.length // m.beat == count and m != Metre(3, 8)]
            metres = fitting or [Metre(count, 4)]
        kinds = [[m for m in metres if not m.compound], [m for m in metres if m.compound]]
        beats = {metre.beat for metre in metres if not metre.compound}
        apart = [tuple(m for m in kinds[0] if m.beat == beat) for beat in sorted(beats)]
        return [*apart, tuple(kinds[1])] if kinds[1] else apart

    def anchors(self, times: Array, lattice: Lattice) -> Array:
        """How well each place of *lattice* fits where each time is, ``(times, rows)``."""
        phase = self.phase(times)
        beat = lattice.metres[0].beat * SLOT // UNIT
        here = phase % 1 * beat
        miss = np.abs(here[:, None] - (lattice.slot % beat)[None])
        near = np.minimum(miss, beat - miss)
        fit: Array = np.maximum(-0.5 * (near / _NEAR) ** 2, -60.0)
        if self.numbers is not None:
            fit = fit + self._numbered(phase, lattice, beat)
        return fit.astype(np.float32)

    def _numbered(self, phase: Array, lattice: Lattice, beat: int) -> Array:
        """What the numbers forbid: places more than half a beat from where the bar is."""
        numbers = self.numbers if self.numbers is not None else np.ones(1)
        which = np.floor(phase).astype(np.int64)
        known = np.clip(which, 0, len(numbers) - 1)
        here = numbers[known] - 1 + phase - known
        bars = np.array([lattice.bar(metre) // beat for metre in lattice.metre_of.tolist()])
        apart = np.abs(here[:, None] - (lattice.slot / beat)[None]) % bars
        return np.where(np.minimum(apart, bars - apart) > 0.5, -60.0, 0.0)


def read_beats(beats: Beats | None) -> GivenBeats | None:
    """*beats* as the user gives them; :class:`~music21_lstm.errors.EncodingError` if they are none.

    >>> read_beats([(0.5, 1), (1.0, 2), (1.5, 1)]).numbers.tolist()
    [1, 2, 1]
    """
    if beats is None:
        return None
    try:
        rows = np.array([np.atleast_1d(beat) for beat in beats], dtype=np.float64)
    except (TypeError, ValueError):
        rows = np.zeros((0, 1))
    seconds = rows[:, 0] if rows.ndim == 2 and len(rows) else np.zeros(0)
    numbered = rows.ndim == 2 and rows.shape[1] == 2
    wrong = len(seconds) < 2 or rows.shape[1] > 2 or not np.isfinite(rows).all()
    uncounted = numbered and not ((rows[:, 1] >= 1) & (rows[:, 1] <= _MOST)).all()
    if wrong or (np.diff(seconds) <= 0).any() or uncounted:
        raise EncodingError(
            "beats cannot be followed; give the second of each, two or more and rising, as "
            f"[0.5, 1.0, 1.5] or, with its number in the bar (1 to {_MOST}), [(0.5, 1), (1.0, 2)]"
        )
    return GivenBeats(seconds, rows[:, 1].astype(np.int64) if numbered else None)
