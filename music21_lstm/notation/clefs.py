"""Treble or bass: the clef of each bar, changed only where ledger lines would pile up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

__all__ = ["Clef", "clefs_of"]

Clef = Literal["treble", "bass"]

_CHANGE = 14.0
"""What a change of clef costs, in ledger lines."""

_USUAL = 0.5
"""What a bar in the other hand's clef costs."""

# The lowest and highest pitch that need no ledger line.
_RANGES: dict[Clef, tuple[int, int]] = {"treble": (62, 79), "bass": (41, 59)}


def clefs_of(pitches: Sequence[Sequence[int]], usual: Clef) -> list[Clef]:
    """The clef of each bar, from the pitches in it: least ledger lines, with few changes.

    >>> clefs_of([[48, 52]] * 4 + [[72, 76, 79, 84]] * 8, "bass") == ["bass"] * 4 + ["treble"] * 8
    True
    """
    clefs: tuple[Clef, Clef] = ("treble", "bass")
    totals = {clef: 0.0 if clef == usual else _CHANGE / 2 for clef in clefs}
    came: list[dict[Clef, Clef]] = []
    for bar in pitches:
        step: dict[Clef, Clef] = {}
        costs: dict[Clef, float] = {}
        for clef in clefs:
            other = clefs[1 - clefs.index(clef)]
            stay = totals[clef] <= totals[other] + _CHANGE
            step[clef] = clef if stay else other
            before = totals[clef] if stay else totals[other] + _CHANGE
            costs[clef] = before + _ledger_lines(bar, clef) + (_USUAL if clef != usual else 0.0)
        came.append(step)
        totals = costs
    clef = min(clefs, key=lambda c: (totals[c], c != usual))
    path: list[Clef] = []
    for step in reversed(came):
        path.append(clef)
        clef = step[clef]
    return path[::-1]


def _ledger_lines(pitches: Sequence[int], clef: Clef) -> int:
    """How hard the notes of a bar are to read: each ledger line after the first costs one more."""
    low, high = _RANGES[clef]
    away = (low - p if p < low else p - high if p > high else 0 for p in pitches)
    beyond = (max(0, -(-2 * distance // 7) - 1) for distance in away)  # seven semitones hold two
    return sum(lines * (lines + 1) // 2 for lines in beyond)
