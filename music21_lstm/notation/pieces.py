"""Cutting the voices of a staff at bar lines and into written values, with rests between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from music21_lstm.notation.bars import Bar
from music21_lstm.notation.metre import FINEST
from music21_lstm.notation.values import Region, regions_of, split
from music21_lstm.notation.voices import Sounding, Staff

__all__ = ["Piece", "bar_pieces"]


class Piece(NamedTuple):
    """A written value: *start* and *end* in units from the bar line.

    A rest has no *sounding*. *tied_before* and *tied_after* join the values of one note; *visible*
    is False for a rest that only fills a voice.
    """

    start: int
    end: int
    sounding: Sounding | None
    tied_before: bool = False
    tied_after: bool = False
    visible: bool = True


def bar_pieces(
    staff: Staff, bars: Sequence[Bar], *, all_rests: bool = False
) -> Iterator[tuple[list[Piece], list[Piece]]]:
    """For each bar, what its upper and its lower voice hold, each full to the bar line.

    The lower voice is an empty list in a bar where it has no note. With *all_rests* the second
    voice's rests are printed (as in a chorale) but for those that both have; without, only those in
    which the staff is silent, and those that make a tuplet whole.
    """
    upper, lower = (_cut(voice, bars) for voice in staff)
    for first, second in zip(upper, lower, strict=True):
        if not any(piece.sounding for piece in second):
            yield first, []
        elif all_rests:
            silent = {(p.start, p.end) for p in first if not p.sounding}
            yield first, [_seen(p, (p.start, p.end) not in silent) for p in second]
        else:
            covered = _covered(second)
            yield (
                [_seen(p, not covered(p)) for p in first],
                [_seen(p, False) for p in second],
            )


def _seen(piece: Piece, printed: bool) -> Piece:
    """A rest *printed* or not; a bracket over one note alone would not be understood."""
    in_tuplet = (piece.end - piece.start) % FINEST != 0
    return piece._replace(visible=piece.sounding is not None or printed or in_tuplet)


def _covered(voice: list[Piece]) -> _Cover:
    return _Cover([(p.start, p.end) for p in voice if p.sounding])


class _Cover:
    """Whether notes of a voice sound all through a rest of the other."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self.spans = spans

    def __call__(self, piece: Piece) -> bool:
        at = piece.start
        for start, end in self.spans:
            if start <= at < end:
                at = end
        return at >= piece.end


def _cut(voice: list[Sounding], bars: Sequence[Bar]) -> Iterator[list[Piece]]:
    """The voice bar by bar, gaps filled with rests."""
    place = 0
    for bar in bars:
        pieces: list[Piece] = []
        at = bar.start
        regions = _regions(voice, place, bar)
        while place < len(voice) and voice[place].onset < bar.end:
            sounding = voice[place]
            start, end = max(sounding.onset, bar.start), min(sounding.end, bar.end)
            pieces += _rests(bar, at, start, regions)
            pieces += _notes(bar, start, end, sounding, regions)
            at = end
            if sounding.end > bar.end:
                break
            place += 1
        if pieces or bar.length < bar.metre.length:
            pieces += _rests(bar, at, bar.end, regions)
        else:
            pieces = [Piece(0, bar.length, None)]
        yield pieces


def _regions(voice: list[Sounding], place: int, bar: Bar) -> tuple[Region, ...]:
    """The tuplets of a voice in a bar; *place* is the first of the voice's notes that may be in it."""
    ends: set[int] = set()
    while place < len(voice) and voice[place].onset < bar.end:
        ends |= {voice[place].onset, voice[place].end}
        place += 1
    inside = (at - bar.start + bar.shift for at in ends if bar.start < at < bar.end)
    return regions_of(bar.metre, inside)


def _rests(bar: Bar, start: int, end: int, regions: tuple[Region, ...]) -> list[Piece]:
    return [Piece(a, b, None) for a, b in _values(bar, start, end, regions, rest=True)]


def _notes(
    bar: Bar, start: int, end: int, sounding: Sounding, regions: tuple[Region, ...]
) -> list[Piece]:
    first, last = sounding.onset - bar.start, sounding.end - bar.start
    return [
        Piece(a, b, sounding, a > first, b < last)
        for a, b in _values(bar, start, end, regions, rest=False)
    ]


def _values(
    bar: Bar, start: int, end: int, regions: tuple[Region, ...], *, rest: bool
) -> list[tuple[int, int]]:
    """The written values of a stretch, in units from the bar line."""
    shift = bar.shift
    first, last = start - bar.start + shift, end - bar.start + shift
    pieces = split(bar.metre, first, last, rest=rest, regions=regions)
    return [(a - shift, b - shift) for a, b in pieces]
