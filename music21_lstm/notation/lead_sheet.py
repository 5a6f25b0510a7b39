"""Lead sheets: the melody on one staff, and the harmony under it as chord symbols."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import NamedTuple

import numpy as np
from music21 import harmony
from numpy.typing import NDArray

from music21_lstm.notation.bars import Bar
from music21_lstm.notation.keys import Key
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.spelling import name_of, spell

__all__ = ["ChordMark", "chord_symbol", "chords_played", "chords_under", "melody_of", "tops_of"]

_KINDS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("major", (0, 4, 7)),
    ("minor", (0, 3, 7)),
    ("dominant-seventh", (0, 4, 7, 10)),
    ("minor-seventh", (0, 3, 7, 10)),
    ("major-seventh", (0, 4, 7, 11)),
    ("half-diminished-seventh", (0, 3, 6, 10)),
    ("diminished-seventh", (0, 3, 6, 9)),
    ("major-sixth", (0, 4, 7, 9)),
    ("minor-sixth", (0, 3, 7, 9)),
    ("suspended-fourth", (0, 5, 7)),
    ("diminished", (0, 3, 6)),
    ("augmented", (0, 4, 8)),
)
"""MusicXML's kinds of chord, the plainest first."""

_MISSING, _FOREIGN, _RARE = 0.14, 0.9, 0.01
"""What a tone of the chord that does not sound costs, what does and is none, and a rarer kind."""

_BASS = 0.3
"""How much the bass speaks for its being the root."""

_MELODY = 0.2
"""How much the melody counts beside what accompanies it."""

_ENOUGH = 2
"""With fewer different notes there is no chord."""

_BELOW = 9
"""Accompaniment that sounds while the melody rests is so many semitones below it, or more."""


class ChordMark(NamedTuple):
    """A chord from a *place* (units) on: its *root* and *bass* as pitch classes, and its kind."""

    place: int
    root: int
    kind: str
    bass: int


def melody_of(placed: Sequence[Placed]) -> list[Placed]:
    """The highest line: the top of what starts, unless a higher note of the line still sounds."""
    line: list[Placed] = []
    for _, group in groupby(sorted(placed, key=lambda p: p.onset), key=lambda p: p.onset):
        notes = list(group)
        top = max(notes, key=lambda p: p.note.pitch)
        if line:
            last = line[-1]
            covered = last.end - top.onset > UNIT // 8 and last.note.pitch > top.note.pitch
            usual = median(p.note.pitch for p in line[-9:])
            if covered or top.note.pitch < usual - _BELOW - (4 if len(notes) == 1 else 0):
                continue
        line.append(top)
    return line


def tops_of(line: Sequence[Placed]) -> list[Placed]:
    """The highest of the notes that begin together."""
    ordered = sorted(line, key=lambda p: (p.onset, p.note.pitch))
    return [list(group)[-1] for _, group in groupby(ordered, key=lambda p: p.onset)]


def chords_played(accompaniment: Sequence[Placed]) -> list[ChordMark]:
    """The chords of an accompaniment that was found, where they change."""
    ordered = sorted(accompaniment, key=lambda p: p.onset)
    struck = [list(group) for _, group in groupby(ordered, key=lambda p: p.onset)]
    windows = [(notes[0].onset, max(p.end for p in notes)) for notes in struck]
    ends = [*(start for start, _ in windows[1:]), windows[-1][1]] if windows else []
    windows = [(start, min(end, after)) for (start, end), after in zip(windows, ends, strict=True)]
    return _marks(ordered, (), windows)


def chords_under(
    placed: Sequence[Placed], melody: Sequence[Placed], bars: Sequence[Bar]
) -> list[ChordMark]:
    """The chords of each half bar (each bar if it has no halves), where they change.

    A chord is the template that the sounding pitch classes fill best, weighed by how long they
    sound; the lowest note is its bass.
    """
    return _marks(placed, melody, [window for bar in bars for window in _windows(bar)])


def _marks(
    placed: Sequence[Placed], melody: Sequence[Placed], windows: Sequence[tuple[int, int]]
) -> list[ChordMark]:
    sung = {p.note.on for p in melody}
    weights = np.zeros((len(windows), 12))
    lowest: list[Placed | None] = [None] * len(windows)
    starts = [start for start, _ in windows]
    for p in placed:
        weight = _MELODY if p.note.on in sung else 1.0
        at = max(0, bisect_right(starts, p.onset) - 1)
        while at < len(windows) and windows[at][0] < p.end:
            start, end = windows[at]
            share = (min(end, p.end) - max(start, p.onset)) / (end - start)
            weights[at, p.note.pitch % 12] += weight * max(0.0, share)
            low = lowest[at]
            if share > 0.1 and (low is None or p.note.pitch < low.note.pitch):
                lowest[at] = p
            at += 1
    marks: list[ChordMark] = []
    for (start, _), heard, low in zip(windows, weights, lowest, strict=True):
        if low is None or np.count_nonzero(heard > 0.05 * heard.sum()) <= _ENOUGH:
            continue
        root, kind = _best(heard, low.note.pitch % 12)
        mark = ChordMark(start, root, kind, low.note.pitch % 12)
        if not marks or marks[-1][1:] != mark[1:]:
            marks.append(mark)
    return marks


def _windows(bar: Bar) -> Iterator[tuple[int, int]]:
    """The halves of a bar, or all of it."""
    half = bar.metre.length // 2
    if bar.length == bar.metre.length and half % bar.metre.beat == 0 and half >= 2 * UNIT:
        yield bar.start, bar.start + half
        yield bar.start + half, bar.end
    else:
        yield bar.start, bar.end


def _best(heard: NDArray[np.float64], bass: int) -> tuple[int, str]:
    """The root and the kind of the chord that explains *heard* best."""
    share = np.minimum(heard / max(heard.sum(), 1e-9), 0.3)
    best = (-1e9, 0, "major")
    for rarity, (kind, tones) in enumerate(_KINDS):
        for root in range(12):
            members = [(root + tone) % 12 for tone in tones]
            inside = float(share[members].sum())
            missing = sum(share[member] < 0.03 for member in members)
            fit = inside - _FOREIGN * (float(share.sum()) - inside) - _MISSING * missing
            fit += _BASS * (root == bass) - _RARE * rarity
            best = max(best, (fit, root, kind), key=lambda found: found[0])
    return best[1], best[2]


def chord_symbol(mark: ChordMark, key: Key) -> harmony.ChordSymbol:
    """The chord symbol, its notes named as the key has them; another bass after a stroke."""
    names = [_named(pitch, key) for pitch in (mark.root, mark.bass)]
    members = {(mark.root + tone) % 12 for tone in dict(_KINDS)[mark.kind]}
    slash = mark.bass != mark.root and mark.bass in members
    symbol: harmony.ChordSymbol = harmony.ChordSymbol(
        root=names[0], bass=names[1] if slash else names[0], kind=mark.kind
    )
    return symbol


def _named(pitch_class: int, key: Key) -> str:
    """The name of a pitch class in a key, as music21 has it."""
    step, alteration = name_of(spell([pitch_class], [key])[0])
    return step + ("#" * alteration if alteration > 0 else "-" * -alteration)
