"""From a performance that was played freely to the places of its notes on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.encoding.events import TimeSignature
from music21_lstm.encoding.performance import Performance, PerformedNote
from music21_lstm.notation.bars import Section, locate, shorten
from music21_lstm.notation.beats.accompaniment import beats_under, numbers_under
from music21_lstm.notation.beats.chords import group, rebounds
from music21_lstm.notation.beats.comping import COMPED, comping, joined, nested, on_time, starts_of
from music21_lstm.notation.beats.counting import Count, count_bars
from music21_lstm.notation.beats.given import GivenBeats
from music21_lstm.notation.beats.tables import SLOT
from music21_lstm.notation.beats.tempo import Pause, Tempo
from music21_lstm.notation.beats.tuplets import settle
from music21_lstm.notation.metre import COMMON_TIME, UNIT, Metre
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.swing import evened
from music21_lstm.threads import one_thread

__all__ = ["Played", "accompanied", "place_played"]

Array = npt.NDArray[Any]

Played = tuple[list[Placed], list[Section], Tempo]
"""The notes on the page, in the order of ``performance.notes``; the metres; the tempo."""

_FINEST = UNIT // 8
"""The shortest value: a thirty-second."""

_ON_TICK, _ON_TICKS = 0.02, 0.95
"""So near to a quarter of the ticks, as a share of it, and so many of the chords: the ticks know."""

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
    if not performance.notes:
        return [], [Section(0, metre or COMMON_TIME)], Tempo()
    notes, table, comped = accompaniment(performance)
    metres: Sequence[Metre] | None = [metre] if metre is not None else _signatures(performance)
    swing = None
    if comped.any():
        if beats is None:
            beats = _comped(performance, table, comped, metres)
            metres = metres or COMPED
        if beats is not None:
            table[:, 0] = on_time(table[:, 0], comped, beats.seconds)
            table[~comped, 0], swing = _evened(table[~comped, 0], beats)
        table[:, 0] = joined(table[:, 0], comped)
    order = np.argsort(table[:, 0], kind="stable")
    chords = group(table[order, 0], table[order, 2], line=bool(comped.any()))
    with one_thread():
        count = count_bars(chords, table[order], metres, beats, comped[order])
    units = settle(count, chords.times, line=bool(comped.any()))
    tempo = replace(_tempo(count, chords.times, units), swing=swing)
    onsets = np.empty(len(notes), np.int64)
    onsets[order] = units[chords.member]
    # A key that bounced is where it was struck.
    onsets = onsets[rebounds(table, comped)]
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


def accompanied(performance: Performance) -> set[int]:
    """The places of the note-on events of an accompaniment's chords; none where there is no such."""
    if not performance.notes:
        return set()
    notes, _, comped = accompaniment(performance)
    return {note.on for note, one in zip(notes, comped.tolist(), strict=True) if one}


def accompaniment(performance: Performance) -> tuple[list[PerformedNote], Array, Array]:
    """The notes, :func:`table_of` them, and which of them are chords of an accompaniment, if any are.

    With such chords the notes' ends may be others than those of ``performance.notes``: see
    :func:`~music21_lstm.notation.beats.comping.nested`.
    """
    notes = performance.notes
    table = table_of(performance, notes)
    comped = comping(table)
    if comped.any():
        notes = nested(notes, table, comped)
        table = table_of(performance, notes)
        comped = comping(table)
    return notes, table, comped


def table_of(performance: Performance, notes: Sequence[PerformedNote] | None = None) -> Array:
    """Onset and end in seconds, pitch and velocity of each note."""
    times = performance.times
    return np.array(
        [
            (times[n.on], times[-1 if n.off is None else n.off], n.pitch, n.velocity)
            for n in (performance.notes if notes is None else notes)
        ],
        float,
    ).reshape(-1, 4)


def _comped(
    performance: Performance, table: Array, comped: Array, metres: Sequence[Metre] | None
) -> GivenBeats | None:
    """The beats under an accompaniment's chords: those of the ticks, if they know them.

    None where the *metres* that may come are not counted in quarters.
    """
    lengths: tuple[int, ...] = (4, 3)
    if metres is not None:
        if any(metre.beat != UNIT for metre in metres):
            return None
        lengths = tuple(metre.length // UNIT for metre in metres)
    starts = starts_of(table[:, 0], comped)
    seconds = _of_ticks(performance, starts)
    if seconds is None:
        seconds = beats_under(starts, np.unique(table[~comped, 0]), lengths)
    return GivenBeats(seconds, numbers_under(seconds, starts, lengths))


def _evened(line: Array, beats: GivenBeats) -> tuple[Array, float | None]:
    """The onsets of a line in seconds, swung eighths made straight, and the ratio, if they swing."""
    places, ratio = evened(beats.phase(line).tolist())
    if ratio is None:
        return line, None
    return beats.second(np.array(places)), ratio


def _of_ticks(performance: Performance, starts: Array) -> Array | None:
    """The quarters of the ticks, in seconds, if the chords stand on them; None if they do not."""
    ticks, times = np.array(performance.ticks), np.array(performance.times)
    quarters = np.interp(starts, times, ticks) / performance.resolution
    if np.mean(np.abs(quarters - np.rint(quarters)) < _ON_TICK) < _ON_TICKS:
        return None
    marks = np.arange(round(quarters[0]), ticks[-1] // performance.resolution + 1)
    seconds = np.interp(marks * performance.resolution, ticks, times)
    return seconds if len(seconds) > 1 and np.all(np.diff(seconds) > 0) else None


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
    """The tempo curve: through the beats that were given, or else through the chords.

    One knot an eighth at most, so that it is even.
    """
    if count.clock is not None:
        slots, seconds_of = count.clock
        lengths = np.diff(seconds_of) / np.diff(slots) * SLOT
        at = slots >= 0
        return Tempo(
            tuple((slots * (UNIT // SLOT))[at].tolist()),
            tuple(seconds_of[at].tolist()),
            tuple(np.append(lengths, lengths[-1])[at].tolist()),
        )
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
