"""music21's objects made as its constructors make them, without work that is thrown away.

music21's own constructors spend most of their time here: ``Duration(Fraction)`` compares floats
with Fractions (5 µs), ``Pitch(midi=)`` works out the same spelling again for every note (3 µs).
Half of the cost of a Stream of many notes goes with them. A test holds each of these against
music21's own result.
"""

from __future__ import annotations

from fractions import Fraction

from music21.common.types import StepName
from music21.duration import Duration
from music21.pitch import Pitch

__all__ = ["Quarters", "quick_pitch"]

_NATURALS: dict[int, StepName] = {0: "C", 2: "D", 4: "E", 5: "F", 7: "G", 9: "A", 11: "B"}


def quick_pitch(midi: int) -> Pitch:
    """``Pitch(midi=midi)``."""
    step = _NATURALS.get(midi % 12)
    if step is None:
        return Pitch(midi=midi)
    pitch = Pitch(step=step, octave=midi // 12 - 1)
    pitch.spellingIsInferred = True
    return pitch


class Quarters(dict[int, float | Fraction]):
    """Ticks to quarter lengths as music21 keeps them: floats where exact, else Fractions.

    >>> Quarters(480)[240], Quarters(480)[160]
    (0.5, Fraction(1, 3))
    """

    def __init__(self, resolution: int) -> None:
        super().__init__()
        self.resolution = resolution
        # Only multiples of the odd part of the resolution are binary fractions of a quarter.
        self._odd = resolution // (resolution & -resolution)

    def __missing__(self, tick: int) -> float | Fraction:
        exact = tick % self._odd == 0
        value = self[tick] = tick / self.resolution if exact else Fraction(tick, self.resolution)
        return value

    def duration(self, ticks: int) -> Duration:
        """``Duration(ticks / resolution)``, exactly."""
        value = self[ticks]
        if value.__class__ is float:
            return Duration(value)
        new = Duration()
        # What its setter of quarterLength does once it has found that a Fraction is no 0.0.
        new._qtrLength = value
        new._componentsNeedUpdating = True
        new.expressionIsInferred = True
        return new
