"""What stands above and before the notes: keys at bar lines, and a few tempo marks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from music21_lstm.encoding.events import KeySignature, Mode, SetTempo
from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.spelling import estimate_key

__all__ = ["Key", "TempoMark", "keys_of", "tempo_marks"]

Key = tuple[int, Mode]
"""Sharps (negative: flats) and mode."""

_NOTICEABLE = 0.04
"""A tempo that differs less from the last mark is not written."""


@dataclass(frozen=True, slots=True)
class TempoMark:
    """A metronome mark: *bpm* quarter notes a minute, from the bar numbered *bar* (its index)."""

    bar: int
    bpm: float


def keys_of(performance: Performance, placed: Sequence[Placed], bars: Sequence[Bar]) -> list[Key]:
    """The key of each bar: by the key signatures (each at the bar line nearest to it), or guessed.

    Without key signatures the whole piece has the one key that fits it best.
    """
    anchors = _Anchors(performance, placed)
    starts = [bar.start for bar in bars]
    changes: dict[int, Key] = {}
    tick = 0
    for event in performance.events:
        tick += event.delta
        if isinstance(event, KeySignature):
            place = anchors.place(tick)
            after = min(bisect_left(starts, place), len(bars) - 1)
            nearest = after
            if after and place - starts[after - 1] <= abs(starts[after] - place):
                nearest = after - 1
            changes[nearest] = (event.sharps, event.mode)
    if not changes:
        sharps, mode = estimate_key(
            [p.note.pitch for p in placed], [p.end - p.onset for p in placed]
        )
        return [(sharps, mode)] * len(bars)
    keys = []
    key = changes[min(changes)]
    for index in range(len(bars)):
        key = changes.get(index, key)
        keys.append(key)
    return keys


def tempo_marks(
    performance: Performance, placed: Sequence[Placed], bars: Sequence[Bar]
) -> list[TempoMark]:
    """The tempo marks worth printing.

    A tempo counts if it lasts two bars or more and differs noticeably from the one before. If the
    tempo map is a performer's rubato (more changes than one in four bars, and more than four), the
    page gets a single mark: the median tempo, at the start. Without set-tempo events, none.
    """
    anchors = _Anchors(performance, placed)
    tempi: list[tuple[int, int]] = []
    tick = 0
    for event in performance.events:
        tick += event.delta
        if isinstance(event, SetTempo) and not (tempi and tempi[-1][1] == event.mpqn):
            if tempi and tempi[-1][0] == tick:
                tempi.pop()
            tempi.append((tick, event.mpqn))
    if not tempi:
        return []
    if len(tempi) > max(4, len(bars) // 4):
        return [TempoMark(0, 60_000_000 / _median(tempi, max(tick, tempi[-1][0] + 1)))]
    starts = [bar.start for bar in bars]
    found: dict[int, float] = {}
    for place, mpqn in ((anchors.place(at), mpqn) for at, mpqn in tempi):
        found[max(0, bisect_right(starts, place) - 1)] = 60_000_000 / mpqn
    marks: list[TempoMark] = []
    for index, following in pairwise([*sorted(found), len(bars) + 2]):
        bpm = found[index]
        changed = not marks or abs(bpm - marks[-1].bpm) > _NOTICEABLE * marks[-1].bpm
        if changed and (following - index >= 2 or not marks):
            marks.append(TempoMark(index, bpm))
    return marks


def _median(tempi: list[tuple[int, int]], end: int) -> int:
    """The tempo that half the piece is slower than, in microseconds a quarter."""
    spans = sorted(
        (mpqn, after - tick) for (tick, mpqn), (after, _) in pairwise([*tempi, (end, 0)])
    )
    half = sum(span for _, span in spans) / 2
    seen = accumulate(span for _, span in spans)
    return next(mpqn for (mpqn, _), reached in zip(spans, seen, strict=True) if reached >= half)


class _Anchors:
    """Ticks to units on the page, by the nearest onset before: the page may leave bars out."""

    def __init__(self, performance: Performance, placed: Sequence[Placed]) -> None:
        self.resolution = performance.resolution
        known = dict(sorted((p.note.onset, p.onset) for p in placed))
        self.ticks = [0, *known]
        self.places = [0, *known.values()]

    def place(self, tick: int) -> int:
        """Where a tick is on the page, in units; never after the next onset."""
        index = bisect_right(self.ticks, tick) - 1
        place = self.places[index] + (tick - self.ticks[index]) * UNIT // self.resolution
        following = self.places[index + 1 : index + 2]
        return min([place, *following])
