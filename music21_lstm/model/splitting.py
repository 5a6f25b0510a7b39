"""Which pieces are held out: whole works, with all that is related to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from music21_lstm.model.pieces import Piece

__all__ = ["Split", "groups_of", "listed_split", "related", "split_pieces"]

Ints = NDArray[np.int64]

_MELODY = 8
"""How many intervals of the melody in a row are looked for in another piece."""

_OUTLINE = 12
"""How many intervals of the outline in a row."""

_OUTLINE_SHARE, _OUTLINE_RUNS = 0.08, 8
"""From which share, and how many, common runs of the outline two performances are of one piece.

Measured on 481 performances (piano-midi.de, GiantMIDI-Piano, Vienna 4x22): two of one excerpt by two
pianists have 0.09 and more in nine of ten cases, half of them 0.3 to 0.65; a sequenced and a played
one of a whole piece 0.09 to 0.6; two of different pieces 0.05 at most.
"""

_TOGETHER = 0.16
"""Onsets within this part of a quarter are struck together: 80 ms as played. With half of it the
runs of different pianists are hardly ever the same."""

_HOLDERS = 64
"""In how many pieces a run is looked up, at most: more have it only where it is a scale."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which pieces are trained on and which are held out, and how many have a relative."""

    train: tuple[int, ...]
    held_out: tuple[int, ...]
    related: int


def related(pieces: Sequence[Piece], share: float = 0.3) -> list[int]:
    """The group of each piece: two are of one if they are largely the same music.

    That is so if their melodies are: of the runs of eight intervals of the shorter, at least *share*
    stand in the other, whatever the key and the rhythm. So a chorale that occurs under two numbers,
    and another harmonisation of its melody, are of one group. Two pieces as played are also of one
    if their outlines are alike, the highest of what is struck together: a legato breaks the melody
    of one performance here and of another there. A group is named by its first piece.
    """
    group = list(range(len(pieces)))
    melodies = [_runs(_melody(piece), _MELODY) for piece in pieces]
    outlines = [
        _runs(_outline(piece) if piece.time_base == "played" else (), _OUTLINE) for piece in pieces
    ]
    for runs, least, part in ((melodies, 1, share), (outlines, _OUTLINE_RUNS, _OUTLINE_SHARE)):
        sizes = np.array([len(found) for found in runs])
        for place, common in enumerate(_common(runs)):
            wanted = np.maximum(least, part * np.minimum(sizes[:place], sizes[place]))
            for other in np.flatnonzero(common >= wanted).tolist():
                _join(group, place, other)
    return group


def groups_of(pieces: Sequence[Piece]) -> list[int]:
    """The group of each piece: those that are :func:`related`, of one work, or of one file."""
    group = related(pieces)
    first: dict[str, int] = {}
    for place, piece in enumerate(pieces):
        for name in filter(None, (f"work {piece.work}" * bool(piece.work), piece.sha256)):
            _join(group, place, first.setdefault(name, place))
    return group


def split_pieces(
    pieces: Sequence[Piece], share: float, seed: int, learned: Collection[str] = ()
) -> Split:
    """Hold out about a *share* of the pieces, drawn by *seed*, each group on one side.

    If every group is larger than that, as where a few works have many movements, it is the smallest
    that is held out, unless more than half of the pieces are of it: of few pieces it may be that none
    can be. A group with a piece whose SHA-256 is among the *learned* is held out only where others do
    not suffice: by what is known already nothing could be told.
    """
    group = groups_of(pieces)
    sizes = Counter(group)
    names = sorted(sizes)
    np.random.default_rng([seed, 1]).shuffle(names)
    known = {name for name, piece in zip(group, pieces, strict=True) if piece.sha256 in learned}
    names.sort(key=known.__contains__)
    wanted, held = min(round(share * len(pieces)), len(pieces) - 1), set[int]()
    for name in names:
        if sum(sizes[one] for one in held) + sizes[name] <= wanted:
            held.add(name)
    smallest = min(names, key=sizes.__getitem__, default=0)
    if wanted and not held and 2 * sizes[smallest] <= len(pieces):
        held.add(smallest)
    return _split([name in held for name in group], sizes)


def listed_split(pieces: Sequence[Piece], held_out: Collection[str]) -> Split:
    """The split in which the files whose SHA-256 is in *held_out* are held out, and no others."""
    listed = [piece.sha256 in held_out for piece in pieces]
    return _split(listed, Counter(groups_of(pieces)))


def _split(held: Sequence[bool], sizes: Counter[int]) -> Split:
    return Split(
        tuple(place for place, out in enumerate(held) if not out),
        tuple(place for place, out in enumerate(held) if out),
        sum(size for size in sizes.values() if size > 1),
    )


def _join(group: list[int], place: int, other: int) -> None:
    """Make the groups of two pieces one, named by its first."""
    low, high = sorted((group[place], group[other]))
    if low != high:
        group[:] = [low if name == high else name for name in group]


def _melody(piece: Piece) -> list[int]:
    """The intervals of the highest notes: what stays when a piece is transposed."""
    line: list[int] = []
    held = -1
    order = np.lexsort((-piece.notes[:, 2], piece.notes[:, 0]))
    for onset, end, pitch, _ in piece.notes[order].tolist():
        if onset >= held or pitch >= line[-1]:
            line.append(pitch)
            held = end
    return [later - earlier for earlier, later in pairwise(line)]


def _outline(piece: Piece) -> list[int]:
    """The intervals between the highest notes of what is struck together."""
    line: list[int] = []
    gap, start = _TOGETHER * piece.resolution, -1e9
    for onset, _, pitch, _ in piece.notes.tolist():
        if onset - start > gap:
            start = onset
            line.append(pitch)
        else:
            line[-1] = max(line[-1], pitch)
    return [later - earlier for earlier, later in pairwise(line)]


def _runs(intervals: Sequence[int], length: int) -> Ints:
    """Each different run of *length* intervals as one number."""
    if len(intervals) < length:
        return np.empty(0, np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(np.array(intervals, np.int64), length)
    # Modulo 2^64: an odd factor keeps the runs of different content apart, but for a chance of 2^-40.
    factors = np.array([pow(1_000_003, place, 2**63) for place in range(length)], np.int64)
    with np.errstate(over="ignore"):
        return np.unique((windows * factors).sum(axis=1))


def _common(runs: Sequence[Ints]) -> Iterator[Ints]:
    """For each piece, how many of its runs each piece before it has."""
    sizes = [len(found) for found in runs]
    number = np.unique(np.concatenate([np.empty(0, np.int64), *runs]), return_inverse=True)[1]
    holder = np.repeat(np.arange(len(runs)), sizes)
    order = np.argsort(number, kind="stable")
    starts = np.searchsorted(number[order], np.arange(number.max(initial=-1) + 2))
    counts = np.minimum(np.diff(starts), _HOLDERS)
    ends = np.cumsum(sizes)
    for place, (size, end) in enumerate(zip(sizes, ends.tolist(), strict=True)):
        own = number[end - size : end]
        many = counts[own]
        first = np.repeat(starts[own] - np.cumsum(many) + many, many)
        found = holder[order[first + np.arange(len(first))]]
        yield np.bincount(found[found < place], minlength=place)[:place]
