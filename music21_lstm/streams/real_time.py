"""When what is written sounds: the tempo map, fermatas and swing, for all parts alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from music21 import base, expressions, note, tempo

from music21_lstm.audio.ensemble import Beat, beats_at
from music21_lstm.encoding.events import SetTempo, TimeSignature
from music21_lstm.encoding.performance import DEFAULT_MPQN, Performance

__all__ = ["FERMATA", "SWING", "RealTime"]

FERMATA = 2.0
"""How many times as long a note under a fermata lasts."""

SWING = 2 / 3
"""Where the second of two swung eighths starts in its beat."""

_SWUNG = re.compile(r"\b(swing|swung)\b", re.IGNORECASE)
_STRAIGHT = re.compile(r"\bstraight\b", re.IGNORECASE)

Placed = tuple[Any, base.Music21Object]
"""Offset in quarters from the start of all, and what stands there."""


class RealTime:
    """Ticks of a performance to seconds.

    The tempo is that of *whole*, the performance of all parts together. *elements* are what else is
    written: while a note lasts under a fermata (of several that start together, the shortest) time
    goes slower for everyone; under a text "Swing" the second of two eighths is late until a text
    says "straight".
    """

    def __init__(self, whole: Performance, elements: Iterable[Placed] = ()) -> None:
        elements = list(elements)
        self._whole, self._quarter = whole, whole.resolution
        self._swings = sorted(_swings(elements, self._quarter))
        held = _fermatas(elements, self._quarter)
        tempi = {0: DEFAULT_MPQN}
        for tick, event in zip(whole.ticks, whole.events, strict=True):
            if isinstance(event, SetTempo):
                tempi[tick] = event.mpqn
        last = max([whole.duration, *(stop for _, stop in held)])
        # A few quarters more, as the last note off may come after its bar.
        places = {*tempi, *(tick for span in held for tick in span), last, last + 8 * self._quarter}
        self._ticks, self._times, mpqn = [0], [0.0], DEFAULT_MPQN
        for start, stop in pairwise(sorted(places)):
            mpqn = tempi.get(start, mpqn)
            longer = FERMATA if any(a <= start < b for a, b in held) else 1.0
            self._ticks.append(stop)
            self._times.append(
                self._times[-1] + (stop - start) * mpqn * longer / (self._quarter * 1e6)
            )

    def seconds(self, ticks: Sequence[float]) -> list[float]:
        """The time of each of *ticks*."""
        swung = [self._swung(tick) for tick in ticks] if self._swings else ticks
        return [float(time) for time in np.interp(swung, self._ticks, self._times)]

    def second(self, quarters: Any) -> float:
        """The time of one place in *quarters*."""
        return self.seconds([float(quarters * self._quarter)])[0]

    def beats(self) -> tuple[Beat, ...]:
        """Where the beats fall."""
        whole = self._whole
        metres = [
            (tick, event.numerator, event.denominator)
            for tick, event in zip(whole.ticks, whole.events, strict=True)
            if isinstance(event, TimeSignature)
        ]
        known = [tick for tick in self._ticks if tick <= whole.duration]
        return beats_at(self._quarter, metres, known, self._times[: len(known)])

    def _swung(self, tick: float) -> float:
        """Where *tick* comes to stand: the half of a beat late, thirds of a beat as they are."""
        swung = False
        for where, state in self._swings:
            swung = state if tick >= where else swung
        beat, rest = divmod(tick, self._quarter)
        if not swung or (3 * rest) % self._quarter == 0:
            return tick
        part = rest / self._quarter
        part = part * 2 * SWING if part < 0.5 else SWING + (part - 0.5) * 2 * (1 - SWING)
        return (beat + part) * self._quarter


def _fermatas(elements: Iterable[Placed], quarter: int) -> list[tuple[int, int]]:
    """Start and stop in ticks of what stands under a fermata."""
    found: dict[int, int] = {}
    for where, element in elements:
        if isinstance(element, note.GeneralNote) and any(
            isinstance(mark, expressions.Fermata) for mark in element.expressions
        ):
            start = round(where * quarter)
            stop = start + round(Fraction(element.quarterLength) * quarter)
            found[start] = min(stop, found.get(start, stop))
    return sorted(found.items())


def _swings(elements: Iterable[Placed], quarter: int) -> Iterable[tuple[int, bool]]:
    """From which tick on eighths are swung, and from which they are straight again."""
    for where, element in elements:
        if isinstance(element, expressions.TextExpression):
            text = element.content
        elif isinstance(element, tempo.TempoText | tempo.MetronomeMark):
            text = element.text
        else:
            continue
        straight = _STRAIGHT.search(text or "")
        if straight or _SWUNG.search(text or ""):
            yield round(where * quarter), not straight
