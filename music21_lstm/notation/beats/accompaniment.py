"""The beats under an accompaniment of held chords: each chord begins on a beat, and lasts for some.

A rhythm section keeps its tempo, and a soloist does not keep to it. So the beats are found from
the chords: the length of the beat, which changes little, and the number of beats that each chord
lasts, one step a chord (Viterbi). The line tells the beat from its half and its double, by where in
the beat its notes begin and how far apart they are. ``python -m benchmarks comping DATA --learn``
prints the tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["beats_under", "numbers_under"]

Array = npt.NDArray[Any]

_LENGTHS: Array = np.exp(np.arange(np.log(0.18), np.log(1.5), 0.0125))
"""The lengths of a beat that are tried, in seconds."""

_MOST = 64
"""Chords that last more beats than these are all alike."""

_LASTS = {1: 3.0, 2: 1.0, 3: 5.0, 4: 0.9, 6: 3.5, 8: 2.4, 12: 4.0, 16: 3.5}
_SHORT, _WHOLE_BARS, _LONGER, _OTHER = 3.0, 5.5, 6.0, 8.0
"""What it costs, in nats, that a chord lasts so many quarters of a bar of four; so many beats as of it
in bars of another length; one or two beats in any; whole bars from five on; 32 beats or more."""

_EXACT, _LOOSE = 0.012, 0.015
"""How far from its beats a chord may be: in seconds, and as a share of its length."""

_WALK = 0.02
"""How much the length of the beat changes from one to the next, as a logarithm."""

_MISSED = 12.0
"""No chord costs more than this, wherever it stands."""

_USUAL, _SPREAD = 60 / 165, 0.41
"""Seconds of a beat in the Weimar Jazz Database: the middle, and the deviation of the logarithm."""

CLASSES = (85, 135, 188, 255)
"""Beats a minute that the rows of the two tables stand for."""

PLACES = (
    (0.3, 0.0, -0.1, -0.1, -0.1, -0.1, 0.1, 0.0, -0.1, 0.0, 0.0, -0.1),
    (0.2, 0.3, 0.2, 0.0, -0.2, -0.3, -0.3, -0.1, 0.1, 0.2, -0.1, -0.2),
    (0.4, 0.5, 0.1, -0.4, -0.9, -0.9, -0.5, 0.2, 0.5, 0.2, -0.3, -0.2),
    (0.4, 0.2, -0.2, -0.5, -0.5, -0.2, 0.0, 0.2, 0.1, -0.1, -0.1, 0.2),
)
"""How likely a note of the line begins about each twelfth of a beat (log of the density)."""

EDGES = (0.2, 0.25, 0.3, 0.35, 0.42, 0.5, 0.6, 0.75, 0.9, 1.2, 1.6, 2.5)
"""The bounds, in beats, of the columns of GAPS."""

GAPS = (
    (-0.9, -0.8, -0.7, -1.2, -1.6, -1.8, -2.2, -2.8, -3.1, -2.9, -2.8, -3.2, -4.2),
    (-2.0, -1.0, -0.8, -0.9, -1.1, -1.0, -1.0, -1.4, -2.0, -2.1, -2.7, -2.9, -3.3),
    (-3.0, -1.8, -1.5, -1.2, -0.9, -0.6, -0.5, -0.9, -1.7, -1.7, -2.6, -2.9, -3.3),
    (-4.3, -2.9, -2.2, -1.5, -0.8, -0.3, -0.2, -1.0, -1.7, -1.6, -2.5, -2.9, -3.1),
)
"""How likely so long a time between two notes of the line is (log of the density of its log2)."""

_PLACE, _GAP = 1.0, 0.15
"""How much each of the two counts."""

_HALF, _ELSEWHERE, _ACROSS, _SHIFT, _NO_FOUR, _UPBEAT = 1.5, 4.0, 2.0, 9.0, 9.0, 0.5
"""What it costs, in nats, that a chord begins half a bar or on another beat than the first, that it
lasts into the next bar, that the bars shift, that they have not four beats, and that the first chord
begins no bar."""


def beats_under(chords: Array, line: Array, lengths: Sequence[int] = (4, 3)) -> Array:
    """The second of each beat from the first of *chords* to the last, and of one more; rising.

    *chords*: the onsets of two chords or more, *line*: those of the line, in seconds, each once and
    in order. *lengths*: how many beats a bar may have. The last beat but one is the last chord's onset.
    """
    spans = np.diff(chords)
    counts = np.maximum(1, np.rint(spans[:, None] / _LENGTHS)).astype(np.int64)
    costs = _fit(spans, counts, lengths) + _line(chords, line, counts)
    path = _path(costs, counts)
    beats = [float(chords[0])]
    chosen = counts[np.arange(len(spans)), path].tolist()
    for (start, end), count in zip(pairwise(chords.tolist()), chosen, strict=True):
        beats += np.linspace(start, end, count + 1)[1:].tolist()
    return np.array([*beats, beats[-1] + float(_LENGTHS[path[-1]])])


def numbers_under(beats: Array, chords: Array, lengths: Sequence[int] = (4, 3)) -> Array:
    """The number of each of *beats* in its bar, 1 for downbeats; bars have one of *lengths* throughout.

    *beats* and *chords* are those of :func:`beats_under`. Most chords begin a bar or half of one of
    four, and few that begin inside a bar last into the next.
    """
    at = np.rint(np.interp(chords, beats, np.arange(len(beats)))).astype(np.int64)
    ways = [(*_numbered(at, length), length) for length in lengths]
    _, places, length = min(ways, key=lambda way: way[0] + _NO_FOUR * (way[2] != 4))
    which = np.maximum(np.searchsorted(at, np.arange(len(beats)), side="right") - 1, 0)
    return np.asarray((places[which] + np.arange(len(beats)) - at[which]) % length + 1)


def _numbered(at: Array, length: int) -> tuple[float, Array]:
    """The cost of bars of so many beats, and where in its bar each chord begins, from 0 (Viterbi)."""
    begins = np.full(length, _ELSEWHERE)
    begins[0] = 0.0
    if length == 4:
        begins[2] = _HALF
    states = np.arange(length)
    total = begins + _UPBEAT * (states > 0)
    back = []
    for count in np.diff(at).tolist():
        crosses = (states > 0) & (states + count > length)
        moved = (states + count) % length
        leaving = total + _ACROSS * crosses
        reach = leaving[:, None] + _SHIFT * (moved[:, None] != states)
        back.append(reach.argmin(axis=0))
        total = reach.min(axis=0) + begins
    path = [int(total.argmin())]
    for row in reversed(back):
        path.append(int(row[path[-1]]))
    return float(total.min()), np.array(path[::-1])


def _fit(spans: Array, counts: Array, lengths: Sequence[int]) -> Array:
    """What each length of the beat (columns) costs for each span (rows)."""
    miss = np.log(spans[:, None] / (counts * _LENGTHS))
    spread = _EXACT / spans[:, None] + _LOOSE
    lasts = _lasts(lengths)
    usual = 0.5 * (np.log(_LENGTHS / _USUAL) / _SPREAD) ** 2
    cost = 0.5 * (miss / spread) ** 2 + lasts[np.minimum(counts, _MOST)]
    return np.asarray(np.minimum(cost, _MISSED) + usual)


def _lasts(lengths: Sequence[int]) -> Array:
    """What it costs that a chord lasts so many beats, up to ``_MOST``, in bars of *lengths*."""
    lasts = np.full(_MOST + 1, _OTHER)
    bar = 4 if 4 in lengths else lengths[0]
    lasts[5 * bar :: bar] = _WHOLE_BARS
    lasts[32:] = np.minimum(lasts[32:], _LONGER)
    for quarters, cost in _LASTS.items():
        beats, rest = divmod(quarters * bar, 4)
        if not rest and 0 < beats <= _MOST:
            lasts[beats] = cost
    lasts[1:3] = np.minimum(lasts[1:3], _SHORT)
    return lasts


def _line(chords: Array, line: Array, counts: Array) -> Array:
    """What the line costs at each length of the beat (columns) within each span (rows)."""
    places, gaps = _by_length(PLACES), _by_length(GAPS)
    columns = np.arange(len(_LENGTHS))
    found = np.zeros(counts.shape)
    span = np.searchsorted(chords, line, side="right") - 1
    inside = (span >= 0) & (span < len(found))
    span, onsets = span[inside], line[inside]
    part = (onsets - chords[span]) / np.diff(chords)[span]
    twelfths = np.rint(part[:, None] * counts[span] % 1 * 12).astype(np.int64) % 12
    np.add.at(found, span, -_PLACE * places[columns, twelfths])
    apart = np.log2(np.maximum(np.diff(onsets), 1e-3))[:, None] - np.log2(_LENGTHS)
    np.add.at(found, span[:-1], -_GAP * gaps[columns, np.digitize(apart, np.log2(EDGES))])
    return found


def _by_length(table: tuple[tuple[float, ...], ...]) -> Array:
    """The rows of a table for each length of the beat: between two classes, in proportion."""
    at = np.interp(-np.log(_LENGTHS), np.log(np.array(CLASSES) / 60), np.arange(len(CLASSES)))
    below = np.minimum(at.astype(np.int64), len(CLASSES) - 2)
    share = (at - below)[:, None]
    rows = np.array(table)
    return np.asarray((1 - share) * rows[below] + share * rows[below + 1])


def _path(costs: Array, counts: Array) -> Array:
    """The likeliest length of the beat for each span, by its column."""
    logs = np.log(_LENGTHS)
    apart = (logs[:, None] - logs) ** 2 / (2 * _WALK**2)
    total = costs[0]
    back = np.zeros(costs.shape, np.int64)
    for row in range(1, len(costs)):
        beats = 0.5 * (counts[row - 1] + counts[row]).clip(1, 16)
        moves = total[:, None] + apart / beats
        back[row] = moves.argmin(axis=0)
        total = moves[back[row], np.arange(len(logs))] + costs[row]
    path = [int(total.argmin())]
    for row in range(len(costs) - 1, 0, -1):
        path.append(int(back[row, path[-1]]))
    return np.array(path[::-1])
