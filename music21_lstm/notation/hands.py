"""Which hand plays which note: a split of the keyboard that moves with the music."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby

import numpy as np
from numpy.typing import NDArray

from music21_lstm.notation.quantize import Placed

__all__ = ["four_part_voices", "split_hands"]

Floats = NDArray[np.float64]

_LOWEST, _HIGHEST = 40, 81
"""Where the split may be: from the E below the bass staff's middle to the A above the treble's."""

_CENTRE = 60
_SPAN = 11
"""What a hand holds with ease, in semitones; an octave and more cost something."""


_MIXED = 0.5
"""What it costs if notes that a hand starts together end apart."""


def split_hands(placed: Sequence[Placed]) -> list[bool]:
    """Whether each note belongs to the right hand.

    Dynamic programming (Viterbi) over the pitch at which the keyboard is split, one step an
    onset: a split is cheap where no hand spans much, where it falls in a gap, near middle C, and
    where it was before. *placed* must be in order of onset.
    """
    if not placed:
        return []
    order = sorted(range(len(placed)), key=lambda i: placed[i].onset)
    groups = [list(group) for _, group in groupby(order, key=lambda i: placed[i].onset)]
    splits = np.arange(_LOWEST, _HIGHEST + 1)
    costs = _costs([sorted(placed[i].note.pitch for i in g) for g in _with_held(groups, placed)])
    costs += _mixed([[(placed[i].note.pitch, placed[i].end) for i in g] for g in groups])
    gaps = np.diff([placed[g[0]].onset for g in groups], prepend=placed[groups[0][0]].onset)
    path = _cheapest_path(costs, gaps / 3360)
    right = [False] * len(placed)
    for group, state in zip(groups, path, strict=True):
        for i in group:
            right[i] = bool(placed[i].note.pitch >= splits[state])
    return right


def _with_held(groups: list[list[int]], placed: Sequence[Placed]) -> Iterator[list[int]]:
    """Each group with the notes that still sound, for a hand holds them too (at most eight)."""
    held: list[int] = []
    for group in groups:
        now = placed[group[0]].onset
        held = [i for i in held if placed[i].end > now][-8:]
        yield held + group
        held += group


def _costs(chords: list[list[int]]) -> Floats:
    """The cost of each split (columns) for each chord (rows)."""
    splits = np.arange(_LOWEST, _HIGHEST + 1)
    by_count: dict[int, dict[tuple[int, ...], None]] = {}
    keys = [tuple(chord) for chord in chords]
    for key in keys:
        by_count.setdefault(len(key), {})[key] = None
    known: dict[tuple[int, ...], Floats] = {}
    for same in by_count.values():
        known.update(zip(same, _cost(np.array(list(same)), splits), strict=True))
    return np.array([known[key] for key in keys])


def _cost(chords: NDArray[np.int_], splits: NDArray[np.int_]) -> Floats:
    """The cost of each split (columns) for chords of as many notes (rows), in order of pitch."""
    below = (chords[:, :, None] < splits).sum(axis=1)
    count = chords.shape[1]
    lowest, highest = chords[:, :1], chords[:, -1:]
    under = np.take_along_axis(chords, np.maximum(below - 1, 0), axis=1)
    over = np.take_along_axis(chords, np.minimum(below, count - 1), axis=1)
    top_left = np.where(below > 0, under, splits - 6)
    low_right = np.where(below < count, over, splits + 6)
    left_span = np.where(below > 0, top_left - lowest, 0)
    right_span = np.where(below < count, highest - low_right, 0)
    cost = 0.012 * np.abs(splits - _CENTRE) + 0.6 * ((below == 0) | (below == count))
    for span in (left_span, right_span):
        cost = cost + 1.2 * np.maximum(span - _SPAN, 0) + 0.006 * span
    # A split in the middle of the gap between the hands, and the wider the gap the better.
    cost = cost + 0.009 * np.abs((top_left + low_right + 1) / 2 - splits)
    cost = cost - 0.06 * np.minimum(low_right - top_left, 10)
    # Notes far outside a hand's own staff.
    cost = cost + 0.15 * np.maximum(top_left - 72, 0) * (below > 0)
    cost = cost + 0.15 * np.maximum(59 - low_right, 0) * (below < count)
    crowd = np.maximum(below - 8, 0) + np.maximum(count - below - 8, 0)
    return np.asarray(cost + 1.9 * crowd)


def _mixed(chords: list[list[tuple[int, int]]]) -> Floats:
    """The cost of each split (columns) for each chord (rows) of giving a hand several values.

    Notes that start together and end together are mostly played by one hand.
    """
    costs = np.zeros((len(chords), _HIGHEST - _LOWEST + 1))
    for row, chord in enumerate(chords):
        if len({end for _, end in chord}) < 2:
            continue
        # Between two pitches of the chord all splits are the same.
        first = _LOWEST
        for split in (*sorted({pitch + 1 for pitch, _ in chord}), _HIGHEST + 1):
            last = min(max(split, _LOWEST), _HIGHEST + 1)
            if last > first:
                left = {end for pitch, end in chord if pitch < first}
                right = {end for pitch, end in chord if pitch >= first}
                mixed = max(0, len(left) - 1) + max(0, len(right) - 1)
                costs[row, first - _LOWEST : last - _LOWEST] = _MIXED * mixed
                first = last
    return costs


def _cheapest_path(costs: Floats, gaps: Floats) -> list[int]:
    """Viterbi: the cheapest state at each step; moving costs less after a pause."""
    states = np.arange(costs.shape[1])
    distance = np.abs(states[:, None] - states[None, :])
    moves = 0.44 / (1 + 0.36 * gaps)
    totals = np.empty_like(costs)
    totals[0] = costs[0]
    reach = np.empty(distance.shape)
    for step, move in enumerate(moves[1:].tolist(), 1):
        np.multiply(distance, move, out=reach)
        reach += totals[step - 1]
        np.add(reach.min(axis=1), costs[step], out=totals[step])
    # The way back is found again: of one state a step, not of all.
    path = [int(totals[-1].argmin())]
    for step in range(len(costs) - 1, 0, -1):
        path.append(int((totals[step - 1] + distance[path[-1]] * moves[step]).argmin()))
    return path[::-1]


def four_part_voices(placed: Sequence[Placed]) -> list[int] | None:
    """The part of each note in a four-part chorale: 0 soprano, 1 alto, 2 tenor, 3 bass.

    None if the music is not in four parts: that is, unless four notes sound for most of the time,
    hardly ever more, and all within the compass of a choir. A new note goes to a free part so that
    the parts move least and do not cross.
    """
    if not _is_four_part(placed):
        return None
    parts = [0] * len(placed)
    free_at = [0, 0, 0, 0]
    last = [67, 62, 57, 48]
    following = _following(placed)
    order = sorted(
        range(len(placed)),
        key=lambda i: (placed[i].onset, -placed[i].note.pitch, -following[i]),
    )
    for onset, group in groupby(order, key=lambda i: placed[i].onset):
        new = list(group)
        free = [part for part in range(4) if free_at[part] <= onset]
        while len(free) < min(4, len(new)):  # a fifth note ends the part nearest its end
            busy = [part for part in range(4) if part not in free]
            free.append(min(busy, key=lambda part: free_at[part]))
        free.sort()
        chosen = _assign([placed[i].note.pitch for i in new[:4]], free, last, free_at, onset)
        for i, part in zip(new, [*chosen, *(3 for _ in new[4:])], strict=True):
            parts[i] = part
            free_at[part] = max(free_at[part], placed[i].end)
            last[part] = placed[i].note.pitch
    return parts


def _following(placed: Sequence[Placed]) -> list[int]:
    """For each note the nearest pitch that starts as it ends: of a unison, that tells the parts."""
    starting: dict[int, list[int]] = {}
    for p in placed:
        starting.setdefault(p.onset, []).append(p.note.pitch)
    return [
        min(starting.get(p.end, [p.note.pitch]), key=lambda pitch: abs(pitch - p.note.pitch))
        for p in placed
    ]


def _assign(
    pitches: list[int], free: list[int], last: list[int], free_at: list[int], onset: int
) -> tuple[int, ...]:
    """Parts for *pitches* (highest first), in order, moving least and crossing no held part."""

    def cost(parts: tuple[int, ...]) -> int:
        moves = sum(abs(pitch - last[part]) for pitch, part in zip(pitches, parts, strict=True))
        crossings = 0
        for pitch, part in zip(pitches, parts, strict=True):
            for held in range(4):
                if held not in parts and free_at[held] > onset:
                    over = last[held] - pitch if held > part else pitch - last[held]
                    crossings += max(0, over)
        return moves + 8 * crossings

    return min(combinations(free, len(pitches)), key=cost)


def _is_four_part(placed: Sequence[Placed]) -> bool:
    if len(placed) < 16 or any(not 36 <= p.note.pitch <= 84 for p in placed):
        return False
    changes = sorted([(p.onset, 1) for p in placed] + [(p.end, -1) for p in placed])
    time = dict.fromkeys(range(8), 0)
    sounding = last = 0
    for place, change in changes:
        time[min(sounding, 7)] += place - last
        sounding, last = sounding + change, place
    heard = sum(time.values()) - time[0]
    return time[4] >= 0.7 * heard and time[5] + time[6] + time[7] <= 0.02 * heard
