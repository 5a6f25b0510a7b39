"""Metres: how long a bar is, and how strong each place in it.

Places and lengths are whole numbers of :data:`UNIT` to a quarter note, so that sixty-fourths,
triplets, quintuplets and septuplets are all exact and no fraction is ever computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from music21.common.numberTools import opFrac

__all__ = ["BAR_LINE", "COMMON_TIME", "FINEST", "UNIT", "Metre", "quarters"]

UNIT = 3360
"""Units in a quarter note: 32 · 3 · 5 · 7."""

FINEST = UNIT // 32
"""The finest written value outside a tuplet: a 128th note."""

BAR_LINE = 20
"""The weight of a bar line; half a bar, a beat, and each halving of it weigh less and less."""

_GROUPS = {5: (2, 3), 7: (2, 2, 3), 11: (3, 3, 3, 2)}
"""How so many beats are grouped in a bar; music21 beams them so."""


@lru_cache(maxsize=65536)
def quarters(units: int) -> float | Fraction:
    """The quarter length of *units*, as music21 has it (a float, or a Fraction for tuplets).

    >>> quarters(1680), quarters(1120)
    (0.5, Fraction(1, 3))
    """
    exact: float | Fraction = opFrac(Fraction(units, UNIT))
    return exact


@dataclass(frozen=True, slots=True)
class Metre:
    """A time signature.

    >>> Metre(6, 8).compound, Metre(6, 8).length == 3 * UNIT
    (True, True)
    """

    numerator: int
    denominator: int

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    @property
    def writable(self) -> bool:
        """Whether its bars can be read on a page: none is shorter than a sixteenth note."""
        return (
            1 <= self.numerator <= 255
            and self.denominator in (1, 2, 4, 8, 16, 32)
            and self.length >= UNIT // 4
        )

    @property
    def length(self) -> int:
        """The length of a bar, in units."""
        return self.numerator * 4 * UNIT // self.denominator

    @property
    def compound(self) -> bool:
        """Whether the beats are dotted: 6/8, 9/8, 12/8, and 3/8 as one beat."""
        return self.denominator >= 8 and self.numerator % 3 == 0

    @property
    def beat(self) -> int:
        """The length of a beat, in units; additive metres count their denominator."""
        return (3 if self.compound else 1) * 4 * UNIT // self.denominator

    @property
    def frame(self) -> int:
        """What a tuplet may not cross, in units: a quarter, in compound time an eighth."""
        return min(UNIT, self.beat // 3) if self.compound else UNIT

    @property
    def levels(self) -> tuple[int, ...]:
        """The lengths of the metre's levels, in units, from the beat down."""
        return _levels(self)

    def weight(self, place: int) -> int:
        """How strong a *place* in the bar is; the bar line is strongest.

        >>> [Metre(4, 4).weight(eighth * UNIT // 2) for eighth in range(8)]
        [20, 17, 18, 17, 19, 17, 18, 17]
        """
        return _weight(self, place % self.length)

    def groups(self) -> tuple[int, ...]:
        """The places inside the bar where a larger group of beats begins."""
        return _groups(self)


COMMON_TIME = Metre(4, 4)


@lru_cache(maxsize=256)
def _groups(metre: Metre) -> tuple[int, ...]:
    beats = metre.length // metre.beat
    if beats in _GROUPS:
        sizes = _GROUPS[beats]
    elif beats % 2 == 0 and beats >= 4:
        sizes = (2,) * (beats // 2)
    else:
        return ()
    places, place = [], 0
    for size in sizes[:-1]:
        place += size * metre.beat
        places.append(place)
    return tuple(places)


@lru_cache(maxsize=256)
def _levels(metre: Metre) -> tuple[int, ...]:
    steps = [metre.beat]
    if metre.compound:
        steps.append(metre.beat // 3)
    while steps[-1] % 2 == 0 and steps[-1] > FINEST:
        steps.append(steps[-1] // 2)
    return tuple(steps)


@lru_cache(maxsize=65536)
def _weight(metre: Metre, place: int) -> int:
    if place == 0:
        return BAR_LINE
    if place in _groups(metre):
        return BAR_LINE - 1
    for depth, step in enumerate(_levels(metre)):
        if place % step == 0:
            return BAR_LINE - 2 - depth
    return 0
