"""The two staves of what a person played: hands, ornaments, voices and note values together."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.beats import accompanied
from music21_lstm.notation.durations import played_voices
from music21_lstm.notation.hands import split_hands
from music21_lstm.notation.ornaments import Heard, dressed, heard_of, ornamented, united, unrolled
from music21_lstm.notation.quantize import Placed, is_aligned
from music21_lstm.notation.voices import Staff

__all__ = ["is_written", "played_line", "played_staves"]

_SURE = 0.98
"""If this share of the note ends stands on the grid, the note values are a score's own."""

_REST = 4.0
"""Seconds after a chord of an accompaniment in which a line still belongs to it."""

_LINE = 0.9
"""Of a line on its own this share of the notes begins alone."""


def is_written(placed: Sequence[Placed], *, aligned: bool) -> bool:
    """Whether onsets and ends are those of a score, to be written as they are."""
    return aligned and sum(p.sure for p in placed) >= _SURE * len(placed)


def played_staves(
    performance: Performance, placed: Sequence[Placed], bars: Sequence[Bar]
) -> tuple[Staff, Staff]:
    """The voices of the right and the left hand, with the ornaments recognised as such."""
    comped = accompanied(performance)
    heard = heard_of(placed, performance.times)
    carried: dict[int, tuple[Placed, ...]] = {}
    if not is_aligned(performance):
        heard, carried = united(heard, comped)
    heard, rolled = unrolled(heard)
    held = {h.placed.note.on: h.stop - h.start for h in heard}
    right = _hands(heard, comped)
    staves: list[Staff] = []
    for wanted in (True, False):
        hand = [h for h, is_right in zip(heard, right, strict=True) if is_right is wanted]
        hand, signs = unrolled(hand)
        notes, found = ornamented(hand, carried)
        upper, lower = played_voices(notes, bars, held)
        marked = rolled | signs
        staves.append((list(dressed(upper, found, marked)), list(dressed(lower, found, marked))))
    return staves[0], staves[1]


def played_line(performance: Performance, line: Sequence[Placed], bars: Sequence[Bar]) -> Staff:
    """A melody on its own, of one note at a time, each as long as a score would write it."""
    heard = heard_of(line, performance.times)
    held = {h.placed.note.on: h.stop - h.start for h in heard}
    notes, found = ornamented(heard, {})
    ends = [*(p.onset for p in notes[1:]), *(p.end for p in notes[-1:])]
    alone = [
        p._replace(end=max(p.onset + 1, min(p.end, end)))
        for p, end in zip(notes, ends, strict=True)
    ]
    upper, lower = played_voices(alone, bars, held)
    return list(dressed(upper, found, ())), list(dressed(lower, found, ()))


def _hands(heard: Sequence[Heard], comped: Collection[int]) -> list[bool]:
    """Whether each note is the right hand's; of a line over held chords all of the line is."""
    right = split_hands([h.placed for h in heard])
    if not comped:
        return right
    until = -_REST
    bare: list[int] = []
    for index, h in enumerate(heard):
        if h.placed.note.on in comped:
            _give(bare, heard, right)
            right[index], until = False, max(until, h.stop)
        elif h.start < until + _REST:
            right[index] = True
        else:
            bare.append(index)
    _give(bare, heard, right)
    return right


def _give(bare: list[int], heard: Sequence[Heard], right: list[bool]) -> None:
    """Give a stretch without chords to the right hand if it is a line; the stretch is then over."""
    onsets = {heard[index].placed.onset for index in bare}
    if len(onsets) >= _LINE * len(bare):
        for index in bare:
            right[index] = True
    bare.clear()
