"""Tempo: a metronome mark with its word, and the few changes that a reader must be told of.

A performer's rubato is no tempo mark. What is printed is the tempo of a long stretch, a clear
slowing down with its return, and a note that is clearly held beyond its value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import SetTempo
from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.levels import steady_levels
from music21_lstm.notation.metre import UNIT, Metre
from music21_lstm.notation.places import Places

__all__ = ["TempoMark", "TempoPage", "beat_of", "tempo_heard", "tempo_set", "word_for"]

_WORDS = (
    (42, "Grave"),
    (60, "Largo"),
    (76, "Adagio"),
    (108, "Andante"),
    (120, "Moderato"),
    (156, "Allegro"),
    (176, "Vivace"),
)

_NOTICEABLE = 0.04
"""A set tempo that differs less from the last mark is not written."""

_LEVELS = np.log(20.0) + 0.06 * np.arange(52)
"""Tempi that a stretch may have, in log quarters a minute: 20 to 430."""

_CHANGE = 14.0
"""The price of a new tempo, in bars that are off by a tenth."""

_NEW_TEMPO = 1.25
"""A stretch must be so many times as fast or slow as the one before to have a mark of its own."""

_SHORTEST = 8
"""Bars that a new tempo must last."""

_SLOWER, _SLOWED = 0.9, 0.64
"""A bar is part of a ritardando below the first, and one is printed if a bar is below the second."""

_SLOWED_AT_END = 0.74

_HELD, _HELD_SECONDS = 2.2, 1.2
"""A fermata: so many times the note's value, and so many seconds more than it."""

_SPACING = 8
"""Bars for each ritardando or fermata that is printed; only the clearest of them are."""


class TempoMark(NamedTuple):
    """A mark at a *place* in units: *word*, and *bpm* quarter notes a minute if it has a number."""

    place: int
    bpm: float | None
    word: str = ""


@dataclass(frozen=True, slots=True)
class TempoPage:
    """What the page says of the tempo: marks in order, and where notes have a fermata (units)."""

    marks: tuple[TempoMark, ...] = ()
    fermatas: tuple[int, ...] = ()


def word_for(beats_a_minute: float) -> str:
    """The Italian word for a tempo.

    >>> word_for(50), word_for(100), word_for(138), word_for(200)
    ('Largo', 'Andante', 'Allegro', 'Presto')
    """
    return next((word for limit, word in _WORDS if beats_a_minute < limit), "Presto")


def beat_of(metre: Metre) -> int:
    """The note value that a metronome mark counts, in units."""
    return metre.beat if metre.compound or metre.denominator <= 2 else UNIT


def tempo_set(
    performance: Performance, places: Places, bars: Sequence[Bar]
) -> list[TempoMark] | None:
    """The marks of a score's own tempo map; None if the map is a performer's rubato.

    A tempo counts if it lasts two bars or more and differs noticeably from the one before. More
    changes than four, and than one in four bars, are rubato.
    """
    tempi: list[tuple[int, int]] = []
    tick = 0
    for event in performance.events:
        tick += event.delta
        if isinstance(event, SetTempo) and not (tempi and tempi[-1][1] == event.mpqn):
            if tempi and tempi[-1][0] == tick:
                tempi.pop()
            tempi.append((tick, event.mpqn))
    if len(tempi) > max(4, len(bars) // 4):
        return None
    starts = [bar.start for bar in bars]
    found: dict[int, float] = {}
    for at, mpqn in tempi:
        found[max(0, bisect_right(starts, places.place(at) + UNIT // 8) - 1)] = 60e6 / mpqn
    marks: list[TempoMark] = []
    for index, following in pairwise([*sorted(found), len(bars) + 2]):
        bpm, last = found[index], marks[-1].bpm if marks else None
        changed = last is None or abs(bpm - last) > _NOTICEABLE * last
        if changed and (following - index >= 2 or not marks):
            marks.append(_named(bars[index], bpm, marks))
    return marks


def _named(bar: Bar, bpm: float, before: Sequence[TempoMark]) -> TempoMark:
    """A mark at a bar line; its word only if it is another than the last one."""
    word = word_for(bpm * UNIT / beat_of(bar.metre))
    last = next((mark.word for mark in reversed(before) if mark.word), "")
    return TempoMark(bar.start, bpm, "" if word == last else word)


def tempo_heard(places: Places, bars: Sequence[Bar]) -> TempoPage:
    """The marks by ear: what the page says of a performance that was played freely."""
    bars = [bar for bar in bars if bar.start < places.units[-1]]
    if len(places.onsets) < 2 or not bars:
        return TempoPage()
    held, fermatas = _fermatas(places, bars)
    seconds = np.array([places.second(bar.end) - places.second(bar.start) for bar in bars]) - held
    lengths = np.array([bar.length for bar in bars])
    tempi = np.log(np.clip(60.0 * lengths / UNIT / np.maximum(seconds, 1e-3), 10.0, 500.0))
    # Before the first note and after the last one nothing says how time goes.
    if bars[0].start < places.onsets[0] and len(tempi) > 1:
        tempi[0] = tempi[1]
    if places.onsets[-1] < bars[-1].start + bars[-1].length // 2 and len(tempi) > 1:
        tempi[-1] = tempi[-2]
    marks: list[TempoMark] = []
    for first, last in _stretches(tempi):
        usual = float(np.median(tempi[first:last]))
        marks.append(_named(bars[first], round(float(np.exp(usual)), 3), marks))
        at_end = last == len(bars)
        marks += _ritardandi(bars, tempi - usual, first, last, at_end=at_end)
    return TempoPage(tuple(sorted(marks, key=lambda mark: mark.place)), fermatas)


def _stretches(tempi: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Stretches of bars of one tempo: few changes, each where it pays."""
    away = np.minimum(np.abs(tempi[:, None] - _LEVELS[None, :]) / 0.1, 4.0)
    stretches: list[tuple[int, int]] = []
    start = 0
    for _, run in groupby(steady_levels(away, _CHANGE)):
        end = start + len(list(run))
        before = stretches[-1] if stretches else None
        if before and (end - start < _SHORTEST or not _differ(tempi, before, (start, end))):
            stretches[-1] = (before[0], end)
        else:
            stretches.append((start, end))
        start = end
    return stretches


def _differ(tempi: NDArray[np.float64], before: tuple[int, int], after: tuple[int, int]) -> bool:
    change = np.median(tempi[slice(*after)]) - np.median(tempi[slice(*before)])
    return bool(abs(change) >= np.log(_NEW_TEMPO))


def _ritardandi(
    bars: Sequence[Bar], away: NDArray[np.float64], first: int, last: int, *, at_end: bool
) -> list[TempoMark]:
    """The clear slowings in a stretch of one tempo, each with its return; *away* is log tempo."""
    found: list[tuple[float, int, int]] = []
    at = first
    for slow, run in groupby(away[first:last] < np.log(_SLOWER)):
        end = at + len(list(run))
        depth = float(away[at:end].min())
        limit = _SLOWED_AT_END if end == last and at_end else _SLOWED
        if slow and at > first and end - at <= 4 and depth < np.log(limit):
            found.append((depth, at, end))
        at = end
    marks = []
    for _, at, end in sorted(sorted(found)[: 1 + (last - first) // _SPACING]):
        marks.append(TempoMark(bars[at].start, None, "rit."))
        if end < last:
            marks.append(TempoMark(bars[end].start, None, "a tempo"))
    return marks


def _fermatas(places: Places, bars: Sequence[Bar]) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """The seconds in each bar by which notes are held too long, and the places of those notes."""
    held = np.zeros(len(bars))
    onsets = np.array(places.onsets, dtype=float)
    times = np.array([places.second(place) for place in places.onsets])
    gaps, spans = np.diff(times), np.diff(onsets)
    pace = gaps / spans
    # The pace around each note, without the note itself: the median of some twenty others.
    reach = 10
    padded = np.pad(pace, reach, mode="reflect" if len(pace) > reach else "edge")
    usual = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
    extra = gaps - usual * spans
    clear = (gaps > _HELD * usual * spans) & (extra > _HELD_SECONDS) & (spans >= UNIT / 2)
    order = [int(i) for i in np.flatnonzero(clear)]
    chosen = sorted(order, key=lambda i: -extra[i])[: 1 + len(bars) // _SPACING]
    starts = [bar.start for bar in bars]
    for i in chosen:
        held[max(0, bisect_right(starts, places.onsets[i]) - 1)] += extra[i]
    return held, tuple(sorted(places.onsets[i] for i in chosen))
