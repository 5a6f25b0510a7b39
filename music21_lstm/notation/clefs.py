"""Treble or bass, and 8va or 8vb: changed only where ledger lines would pile up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Literal

__all__ = ["Clef", "Reading", "Stretch", "clef_in", "octave_in", "readings_of"]

Clef = Literal["treble", "bass"]

Reading = Literal["treble", "bass", "treble 8va", "bass 8vb"]
"""How a staff is read: its clef, and whether it sounds an octave higher or lower than written."""

_READINGS: tuple[Reading, ...] = ("treble", "bass", "treble 8va", "bass 8vb")

_CHANGE, _CHANGE_INSIDE = 14.0, 24.0
"""What a change of clef costs, in ledger lines: at a bar line, and inside a bar."""

_OCTAVE = 13.0
"""What the beginning or the end of an 8va costs; a short one does not pay."""

_NEVER = 1e6
"""What costs more than all ledger lines of a piece."""

_MISPLACED = 1.0
"""What a note costs that stands under an octave line without need."""

_USUAL = 0.5
"""What a bar in the other hand's clef costs."""

# The lowest and highest pitch that need no ledger line.
_RANGES: dict[Reading, tuple[int, int]] = {
    "treble": (62, 79),
    "bass": (41, 59),
    "treble 8va": (74, 91),
    "bass 8vb": (29, 47),
}


@cache
def clef_in(reading: Reading) -> Clef:
    """The clef of a reading."""
    return "treble" if reading.startswith("treble") else "bass"


@cache
def octave_in(reading: Reading) -> str:
    """Its octave line: ``8va``, ``8vb`` or none."""
    return reading.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A bar of a staff or a part of one: its *pitches*, and whether it begins *inside* a bar.

    An octave line neither begins nor ends where a note is *held* over the beginning, and none is
    there at all where the *other* staff has one.
    """

    pitches: Sequence[int]
    inside: bool = False
    held: bool = False
    other: bool = False


def readings_of(stretches: Sequence[Stretch], usual: Clef) -> list[Reading]:
    """The reading of each stretch of a staff, from the pitches in it.

    Least ledger lines, with few changes (dynamic programming).

    >>> low, high = Stretch([48, 52]), Stretch([72, 76, 79, 84])
    >>> readings_of([low] * 4 + [high] * 8, "bass") == ["bass"] * 4 + ["treble"] * 8
    True
    """
    totals = {reading: _start(reading, usual) for reading in _READINGS}
    came: list[dict[Reading, Reading]] = []
    for stretch in stretches:
        step: dict[Reading, Reading] = {}
        costs: dict[Reading, float] = {}
        for reading, prices in _prices(stretch.inside, stretch.held):
            least = inf
            for old, price in prices:
                if totals[old] + price < least:
                    least, step[reading] = totals[old] + price, old
            other = 0.0 if clef_in(reading) == usual or stretch.inside else _USUAL
            other += _NEVER if stretch.other and octave_in(reading) else 0.0
            costs[reading] = least + _ledger_lines(stretch.pitches, reading) + other
        came.append(step)
        totals = costs
    reading = min(_READINGS, key=lambda r: (totals[r], clef_in(r) != usual))
    path: list[Reading] = []
    for step in reversed(came):
        path.append(reading)
        reading = step[reading]
    return path[::-1]


def _start(reading: Reading, usual: Clef) -> float:
    """What it costs to begin with a reading."""
    return (0.0 if clef_in(reading) == usual else _CHANGE / 2) + _OCTAVE * bool(octave_in(reading))


@cache
def _prices(inside: bool, held: bool) -> list[tuple[Reading, list[tuple[Reading, float]]]]:
    """For each reading what it costs to go to it from each, itself first: among equals it stays."""
    return [
        (new, [(old, _price(old, new, inside, held)) for old in sorted(_READINGS, key=new.__ne__)])
        for new in _READINGS
    ]


def _price(old: Reading, new: Reading, inside: bool, held: bool) -> float:
    """What it costs to go from one reading to another."""
    cost = 0.0
    if clef_in(old) != clef_in(new):
        cost += _CHANGE_INSIDE if inside else _CHANGE
    if octave_in(old) != octave_in(new):
        cost += _OCTAVE + (_NEVER if held else 0.0)
    return cost


def _ledger_lines(pitches: Sequence[int], reading: Reading) -> float:
    """How hard the notes of a stretch are to read: each ledger line after the first costs one more.

    From the fifth on they can only be counted: a single note of seven is worth a change of clef.

    Under an octave line a note that would need none or one without it is hard to read, too.
    """
    return sum(_ledger_lines_of(pitch, reading) for pitch in pitches)


@cache
def _ledger_lines_of(pitch: int, reading: Reading) -> float:
    lines = _beyond(pitch, reading)
    misplaced = bool(octave_in(reading)) and _beyond(pitch, clef_in(reading)) <= 0
    return lines * (lines + 1) // 2 + _far(lines) + _MISPLACED * misplaced


def _far(lines: int) -> int:
    return 4 * max(0, lines - 3) ** 2


def _beyond(pitch: int, reading: Reading) -> int:
    """How many ledger lines a note needs after the first; seven semitones hold two."""
    low, high = _RANGES[reading]
    distance = max(low - pitch, pitch - high, 0)
    return max(0, -(-2 * distance // 7) - 1)
