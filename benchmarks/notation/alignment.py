"""Which performed note a notated one is, for programs that do not tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

import numpy as np

from benchmarks.notation.page import Page

__all__ = ["aligned"]

GAP = 1.0
"""What it costs to leave a note of either side out, in seconds of distance."""

BAND = 24
"""By so many notes of one pitch the two sides may be out of step, and as many as one has more."""


def aligned(page: Page, pitches: Sequence[int], times: Sequence[float]) -> Page:
    """*page* with ``played`` found by pitch and order; *pitches* and *times* are the performed notes'.

    First, pitches of which both sides have as many notes are matched in order, which tells when each
    place of the page was played; then every pitch is matched by those times, notes of it that
    are nowhere near one of the other side being left out.
    """
    written: dict[int, list[int]] = defaultdict(list)
    performed: dict[int, list[int]] = defaultdict(list)
    for i, note in enumerate(page.notes):
        written[note.pitch].append(i)
    for i, pitch in enumerate(pitches):
        performed[pitch].append(i)
    even = [p for p in written if len(written[p]) == len(performed[p])]
    anchors = [pair for p in even for pair in zip(written[p], performed[p], strict=True)]
    guessed = _times(page, anchors, times)
    notes = list(page.notes)
    for pitch, places in written.items():
        ours, theirs = [guessed[i] for i in places], [times[i] for i in performed[pitch]]
        for a, b in _matched(ours, theirs):
            notes[places[a]] = notes[places[a]]._replace(played=performed[pitch][b])
    return Page(notes, page.bars, page.keys)


def _times(page: Page, anchors: list[tuple[int, int]], times: Sequence[float]) -> list[float]:
    """When each note of the page was played, by the median at each onset that is known."""
    onsets = [float(note.onset) for note in page.notes]
    known = sorted((onsets[i], times[j]) for i, j in anchors)
    if len(known) < 2:
        known = [
            (min(onsets, default=0.0), min(times, default=0.0)),
            (max(onsets, default=1.0), max(times, default=1.0)),
        ]
    x, y = [], []
    for onset, group in groupby(known, key=lambda pair: pair[0]):
        x.append(onset)
        y.append(float(np.median([time for _, time in group])))
    reach = [min(2, i, len(y) - 1 - i) for i in range(len(y))]
    smooth = [np.median(y[i - r : i + r + 1]) for i, r in enumerate(reach)]
    return [float(t) for t in np.interp(onsets, x, np.maximum.accumulate(smooth))]


def _matched(ours: Sequence[float], theirs: Sequence[float]) -> list[tuple[int, int]]:
    """The pairs of the cheapest matching in order (edit distance, in seconds)."""
    n, m = len(ours), len(theirs)
    cost = np.full((n + 1, m + 1), np.inf)
    cost[0, :], cost[:, 0] = GAP * np.arange(m + 1), GAP * np.arange(n + 1)
    band = BAND + abs(n - m)
    for i in range(1, n + 1):
        for j in range(max(1, i - band), min(m, i + band) + 1):
            together = cost[i - 1, j - 1] + min(abs(ours[i - 1] - theirs[j - 1]), 2 * GAP)
            cost[i, j] = min(together, cost[i - 1, j] + GAP, cost[i, j - 1] + GAP)
    pairs, i, j = [], n, m
    while i and j:
        together = cost[i - 1, j - 1] + min(abs(ours[i - 1] - theirs[j - 1]), 2 * GAP)
        if cost[i, j] == together:
            pairs.append((i - 1, j - 1))
            i, j = i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] + GAP:
            i -= 1
        else:
            j -= 1
    return pairs
