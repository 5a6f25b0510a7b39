"""What each bar of a staff will hold, and by which clef and octave line it is read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from itertools import pairwise

from music21_lstm.notation.bars import Bar
from music21_lstm.notation.clefs import Clef, Reading, Stretch, clef_in, octave_in, readings_of
from music21_lstm.notation.keys import Key
from music21_lstm.notation.pieces import Piece, bar_pieces
from music21_lstm.notation.tempo_words import beat_of
from music21_lstm.notation.voices import Staff
from music21_lstm.notation.writing import BarPlan

__all__ = ["ends_in", "octave_bars", "plans_of"]

_Voices = Sequence[tuple[list[Piece], list[Piece]]]


def plans_of(
    staff: Staff,
    bars: Sequence[Bar],
    keys: Sequence[Key],
    usual: Clef,
    *,
    all_rests: bool = False,
    other: Collection[int] = (),
) -> tuple[list[BarPlan], list[tuple[int, Reading]]]:
    """The bars of a staff, and its readings: each with the place, in units, that it holds from.

    *usual* is the clef of the hand; *all_rests* prints the rests of a second voice too; *other* are
    the bars in which the other staff has an octave line (:func:`octave_bars`).
    """
    voices = list(bar_pieces(staff, bars, all_rests=all_rests))
    readings = _readings(bars, voices, usual, other)
    clefs = [_clef_at(readings, bar.start) for bar in bars]
    before = [None, *(_clef_before(readings, bar.start) for bar in bars[1:])]
    plans = [
        BarPlan(
            bar,
            upper,
            lower,
            keys[i],
            new_key=i == 0 or keys[i] != keys[i - 1],
            new_clef=clefs[i] if clefs[i] != before[i] else None,
            first=i == 0,
            last=i == len(bars) - 1,
        )
        for i, (bar, (upper, lower)) in enumerate(zip(bars, voices, strict=True))
    ]
    return plans, readings


def ends_in(plans: Sequence[BarPlan]) -> list[int]:
    """Where a line at a staff can end, in units: with a value, where no other is sounding.

    MuseScore moves the ends of all others, and complains of it.
    """
    ends = set()
    for plan in plans:
        pieces = sorted(
            (piece.start, piece.end) for piece in (*plan.upper, *plan.lower) if piece.visible
        )
        latest = 0
        for (_, end), (following, _) in pairwise([*pieces, (plan.bar.length, 0)]):
            if latest <= end <= following:
                ends.add(plan.bar.start + end)
            latest = max(latest, end)
    return sorted(ends)


def _clef_at(readings: list[tuple[int, Reading]], place: int) -> Clef:
    return clef_in(readings[bisect_left(readings, place, key=lambda row: row[0])][1])


def _clef_before(readings: list[tuple[int, Reading]], place: int) -> Clef:
    """The clef that the bar before a bar line ends with."""
    return clef_in(readings[bisect_left(readings, place, key=lambda row: row[0]) - 1][1])


def octave_bars(bars: Sequence[Bar], readings: Sequence[tuple[int, Reading]]) -> set[int]:
    """The starts of the bars in which a staff has an octave line.

    Two staves never have one at a time: verovio takes an end for that of the other, and complains.
    """
    ends = [place for place, _ in readings[1:]] + [bars[-1].end]
    starts = [bar.start for bar in bars]
    found: set[int] = set()
    for (place, reading), end in zip(readings, ends, strict=True):
        if octave_in(reading):
            first = bisect_right(starts, place) - 1
            found.update(starts[first : bisect_left(starts, end)])
    return found


def _readings(
    bars: Sequence[Bar], voices: _Voices, usual: Clef, other: Collection[int]
) -> list[tuple[int, Reading]]:
    """How a staff is read from each bar line on, and from each beat on at which something sounds."""
    places: list[int] = []
    stretches: list[Stretch] = []
    for bar, (upper, lower) in zip(bars, voices, strict=True):
        beat = beat_of(bar.metre)
        heard: dict[int, list[int]] = {bar.start: []}
        sounding = [piece for piece in (*upper, *lower) if piece.sounding]
        for piece in sounding:
            start = (piece.start + bar.shift) // beat * beat - bar.shift
            pitches = [p.note.pitch for p in piece.sounding.notes] if piece.sounding else []
            heard.setdefault(bar.start + max(0, start), []).extend(pitches)
        for place in sorted(heard):
            at = place - bar.start
            held = any(
                piece.start < at < piece.end or (piece.start == at and piece.tied_before)
                for piece in sounding
            )
            places.append(place)
            stretches.append(Stretch(heard[place], at > 0, held, bar.start in other))
    readings = readings_of(stretches, usual)
    # An octave line begins at its first note and ends at its last: silent bars need none.
    for order in (range(len(places)), reversed(range(len(places)))):
        line = ""
        for index in order:
            if not stretches[index].pitches and octave_in(readings[index]) != line:
                readings[index] = clef_in(readings[index])
            line = octave_in(readings[index])
    return list(zip(places, readings, strict=True))
