"""From a performance that was played freely to the places of its notes on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.encoding.events import TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.bars import Section, locate, shorten
from music21_lstm.notation.beats.chords import group
from music21_lstm.notation.beats.comping import comping, joined
from music21_lstm.notation.beats.counting import Count, count_bars
from music21_lstm.notation.beats.given import GivenBeats
from music21_lstm.notation.beats.tempo import Pause, Tempo
from music21_lstm.notation.beats.tuplets import settle
from music21_lstm.notation.metre import COMMON_TIME, UNIT, Metre
from music21_lstm.notation.quantize import Placed
from music21_lstm.threads import one_thread

__all__ = ["Played", "place_played"]

Array = npt.NDArray[Any]

Played = tuple[list[Placed], list[Section], Tempo]
"""The notes on the page, in the order of ``performance.notes``; the metres; the tempo."""

_FINEST = UNIT // 8
"""The shortest value: a thirty-second."""

_PAUSE = 0.35
"""A step this much longer than its tempo says, and by so many seconds or more, is a pause."""


def place_played(
    performance: Performance, metre: Metre | None = None, beats: GivenBeats | None = None
) -> Played:
    """Find the beats of *performance* and place its notes by them.

    *metre* is obeyed; without it, time signatures in the performance say which metres may come
    (but 4/4 alone, which any file has, says nothing). The onsets are exact; the ends are where the
    tempo curve has them, on a grid the coarser the longer the note is, and none is sure.
    """
    notes = performance.notes
    if not notes:
        return [], [Section(0, metre or COMMON_TIME)], Tempo()
    table = table_of(performance)
    comped = comping(table)
    table[:, 0] = joined(table[:, 0], comped)
    order = np.argsort(table[:, 0], kind="stable")
    chords = group(table[order, 0], table[order, 2])
    metres = [metre] if metre is not None else _signatures(performance)
    with one_thread():
        count = count_bars(chords, table[order], metres, beats, comped[order])
    units = settle(count, chords.times)
    tempo = _tempo(count, chords.times, units)
    onsets = np.empty(len(notes), np.int64)
    onsets[order] = units[chords.member]
    ends = [
        _end(tempo, count.sections, int(onset), float(end))
        for onset, end in zip(onsets, table[:, 1], strict=True)
    ]
    sections, moved = shorten(count.sections, [*onsets.tolist(), *ends])
    placed = [
        Placed(note, moved[int(onset)], moved[end], False)
        for note, onset, end in zip(notes, onsets, ends, strict=True)
    ]
    return placed, sections, tempo.moved(moved)


def table_of(performance: Performance) -> Array:
    """Onset and end in seconds, pitch and velocity of each note."""
    times = performance.times
    return np.array(
        [
            (times[n.on], times[-1 if n.off is None else n.off], n.pitch, n.velocity)
            for n in performance.notes
        ]
    )


def _signatures(performance: Performance) -> list[Metre] | None:
    found = {
        Metre(event.numerator, event.denominator)
        for event in performance.events
        if isinstance(event, TimeSignature)
    }
    metres = sorted((m for m in found if m.writable and _countable(m)), key=str)
    return None if metres in ([], [COMMON_TIME]) else metres


def _countable(metre: Metre) -> bool:
    """Whether a bar is from an eighth to four whole notes: longer ones are no help."""
    return UNIT // 2 <= metre.length <= 16 * UNIT and metre.denominator <= 16


def _tempo(count: Count, times: Array, units: Array) -> Tempo:
    """The tempo curve through the chords; one knot an eighth at most, so that it is even."""
    places: list[int] = []
    seconds: list[float] = []
    paces: list[float] = []
    pauses: list[Pause] = []
    for place, second, pace in zip(
        units.tolist(), times.tolist(), count.paces.tolist(), strict=True
    ):
        if places and (place - places[-1] < UNIT // 2 or second <= seconds[-1]):
            continue
        if places:
            late = second - seconds[-1] - (place - places[-1]) / UNIT * pace
            if late > _PAUSE * (1 + pace):
                pauses.append(Pause(places[-1], late))
        places.append(place)
        seconds.append(second)
        paces.append(pace)
    return Tempo(tuple(places), tuple(seconds), tuple(paces), tuple(pauses))


def _end(tempo: Tempo, sections: Sequence[Section], onset: int, second: float) -> int:
    """Where a note ends, in units: a guess, on a grid the coarser the longer the note is."""
    length = max(tempo.place(second) - onset, _FINEST)
    section, bar = locate(sections, onset)
    frame = section.metre.frame
    start = bar + (onset - bar) // frame * frame
    inside = onset - start
    tuplet = next((n for n in (1, 2, 4, 8, 16, 3, 6, 5, 7, 12) if not inside * n % frame), 12)
    if tuplet & (tuplet - 1):
        # Inside its beat a tuplet's note ends on the tuplet's own grid, else with a beat.
        step = frame // tuplet
        end = inside + max(1, round(length / step)) * step
        return start + (end if end <= frame else round(end / frame) * frame)
    step = _FINEST
    while step < UNIT and 4 * step <= length:
        step *= 2
    end = start + round((inside + length) / step) * step
    return end if end > onset else onset + max(_FINEST, frame // tuplet)
