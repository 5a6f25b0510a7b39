"""The likeliest way through the lattice: a place in the bar and a tempo for each chord.

A metrical hidden Markov model: the score position of each onset and the tempo are hidden, the
times between onsets are seen (Raphael 2001, "Automated rhythm transcription"; Nakamura, Benetos,
Yoshii and Dixon 2018, "Towards complete polyphonic music transcription"; Shibata, Nakamura and
Yoshii 2021, "Non-local musical statistics as guides for audio-to-score piano transcription").
Here the position is within the bar of any of several metres at once, and what is heard of each
chord counts beside its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.beats.lattice import (
    FITS,
    FURTHEST,
    NEVER,
    REACH,
    STAY,
    STEP,
    TEMPI,
    Lattice,
)
from music21_lstm.notation.beats.tables import SLOT

__all__ = ["Step", "Weights", "decode"]

Array = npt.NDArray[Any]

_LONG = 0.9
"""Seconds from which a step may be one."""

_BLOCK, _SETTLED = 1024, 128
"""So many chords are decoded together; the last ones again with the next block."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each thing counts.

    *clock* (seconds) and *share*: the deviation of an onset, fixed and as a part of the step.
    *walk*: how much the tempo changes in a second, as a logarithm; *lurch*: what more than that
    costs, in nats. *level*, *period*: of the two kinds of evidence. *stay*, *pause*, *change*, *cut*:
    the cost, in nats, of a chord at the place of the one before (a roll, an ornament), of a pause, of
    another metre, and of a bar line that comes too early. *beam*: tempi that are so many nats behind
    the best are not followed.
    """

    clock: float = 0.018
    share: float = 0.05
    walk: float = 0.09
    lurch: float = 7.0
    level: float = 0.9
    period: float = 0.05
    stay: float = 5.0
    pause: float = 9.0
    change: float = 22.0
    cut: float = 6.0
    beam: float = 14.0


class Step(NamedTuple):
    """Where chord number *chord* is: its *row* and tempo, and how many slots after the one before.

    *restart*: the chord was counted to there, and starts a bar anew, of another metre.
    """

    chord: int
    row: int
    tempo: int
    distance: int
    restart: bool


class _Seen(NamedTuple):
    """What is kept of a chord to find the way back: the scores of the tempi that were followed.

    *tempi* (indices), *score* ``(tempi, rows)``; *restarts* ``(tempi, metres)``: the row that each
    bar line's state was counted to before it started anew, −1 for its own; None if none was.
    """

    tempi: Array
    score: Array
    restarts: Array | None


class _Passing(NamedTuple):
    """What the times between the chords of a block say, one row a chord.

    *walk*: which of the tables of the tempo's walk; *gone* ``(chords, tempi)``: the slots that go by;
    *fit* ``(chords, tempi, FITS)``: how well the time fits each distance about that, and a chord
    that stays where the one before is.
    """

    first: int
    walk: Array
    gone: Array
    fit: Array


@dataclass(slots=True)
class _Decoder:
    times: Array
    lattice: Lattice
    level: Array
    """Evidence of each chord for each row, ``(chords, rows)``."""
    other: Array
    """Evidence of each chord for each metre and tempo, ``(chords, tempi, metres)``."""
    weights: Weights
    passing: _Passing = field(init=False)
    beats: Array = field(init=False)
    early: Array = field(init=False)
    """What a bar line costs at each of the rows *beats*."""
    bases: Array = field(init=False)
    """Where each tempo's numbers begin, of those that a step may come from."""
    walks: Array = field(init=False)
    """Going from tempo to tempo, by how much time passes, ``(times, tempi, tempi)``."""
    costs: list[list[np.float32]] = field(init=False)
    """What it costs to go one tempo further, two and so on, by how much time passes."""

    def __post_init__(self) -> None:
        level = self.lattice.level
        self.beats = np.flatnonzero(level <= 1)
        self.early = np.where(level[self.beats] == 0, 0.0, self.weights.cut).astype(np.float32)
        self.bases = np.arange(len(TEMPI))[:, None, None] * (FITS * len(level))
        self.walks, self.costs = _walks(self.weights)

    def prepare(self, first: int, last: int) -> None:
        """Look at the times of the chords from *first* to *last*."""
        passed = (
            self.times[first : last + 1] - self.times[np.maximum(np.arange(first, last + 1) - 1, 0)]
        )
        gone = np.minimum(np.round(passed[:, None] / TEMPI * SLOT), FURTHEST - 1).astype(np.int64)
        due = (TEMPI[:, None] * np.arange(-REACH, FURTHEST + REACH) / SLOT).astype(np.float32)
        spread = np.sqrt(self.weights.clock**2 + (self.weights.share * due) ** 2)
        sharp = -np.log(spread / 0.02).astype(np.float32)
        place = (
            gone[:, :, None]
            + np.arange(2 * REACH + 1)
            + due.shape[1] * np.arange(len(TEMPI))[:, None]
        )
        misses = passed.astype(np.float32)[:, None, None] - due.take(place)
        misses *= (1 / spread).astype(np.float32).take(place)
        misses *= misses
        fit = np.empty((*gone.shape, FITS), np.float32)
        # Wild misses cost no more.
        np.minimum(0.02 * misses + 8, 40.0, out=fit[:, :, :STAY])
        np.minimum(fit[:, :, :STAY], 0.5 * misses, out=fit[:, :, :STAY])
        np.subtract(sharp.take(place), fit[:, :, :STAY], out=fit[:, :, :STAY])
        fit[:, :, STAY] = (-self.weights.stay - 0.4 - 0.5 * (passed / 0.04) ** 2)[:, None]
        self.passing = _Passing(first, _walk_of(passed), gone, fit)

    def start(self, score: Array) -> _Seen:
        """The first chord, from the log probability of its states, ``(tempi, rows)``."""
        every = np.arange(len(TEMPI))
        return _Seen(every, score + self.evidence(0, every), None)

    def evidence(self, chord: int, tempi: Array) -> Array:
        """What is heard of a chord, ``(tempi, rows)``."""
        found: Array = self.other[chord].take(tempi, 0).take(self.lattice.metre_of, 1)
        found += self.level[chord]
        return found

    def step(self, before: _Seen, chord: int) -> _Seen:
        """The best score of each state at *chord*, from those of the chord before."""
        here = chord - self.passing.first
        tempi, drifted = self.drift(before, chord)
        gone = self.passing.gone[here].take(tempi)
        lattice = self.lattice
        # From each row with each miss: to look one number up is quicker than to look two up.
        left = drifted[:, None, :] + self.passing.fit[here].take(tempi, 0)[:, :, None]
        place = lattice.place.take(gone, 0)
        place += self.bases[: len(tempi)]
        found = left.take(place)
        found += lattice.weight.take(gone, 0)
        best = found.max(1)
        passed = self.times[chord] - self.times[chord - 1]
        if passed > _LONG:
            np.maximum(best, self.pauses(drifted, passed, tempi), out=best)
        best += self.evidence(chord, tempi)
        restarts = self.restart(best)
        best -= best.max()
        return _Seen(tempi, best, restarts)

    def drift(self, before: _Seen, chord: int) -> tuple[Array, Array]:
        """The tempo's random walk: the tempi that are worth following, and their scores.

        It goes a step or two at most where little time passes: so the rows of all tempi are shifted
        by each, and not each tempo held against each.
        """
        costs = self.costs[self.passing.walk[chord - self.passing.first]]
        lowest = max(0, int(before.tempi[0]) - len(costs))
        count = min(len(TEMPI), int(before.tempi[-1]) + len(costs) + 1) - lowest
        score = np.full((count, before.score.shape[1]), NEVER)
        score[before.tempi - lowest] = before.score
        moved = score.copy()
        for apart, cost in enumerate(costs, 1):
            some = score - cost
            np.maximum(moved[apart:], some[:-apart], out=moved[apart:])
            np.maximum(moved[:-apart], some[apart:], out=moved[:-apart])
        after = moved.max(1)
        kept = np.flatnonzero(after >= after.max() - self.weights.beam)
        return kept + lowest, moved[kept]

    def pauses(self, drifted: Array, passed: float, tempi: Array) -> Array:
        """The scores of steps that last longer than they should, ``(tempi, rows)``."""
        found = drifted.take(self.lattice.pause_source, 1)
        found += self.lattice.pause_weight - np.float32(self.weights.pause)
        furthest = (0.8 * passed * SLOT / TEMPI[tempi])[:, None, None]
        found[self.lattice.pause_distance >= furthest] = NEVER
        best: Array = found.max(1)
        return best

    def restart(self, best: Array) -> Array | None:
        """Let a beat become the bar line of another metre, in place; see :class:`_Seen`."""
        first = self.lattice.first
        beats = best.take(self.beats, 1)
        beats -= self.early
        new = beats.max(1)[:, None] - np.float32(self.weights.change)
        old = best.take(first, 1)
        better = new > old
        if not better.any():
            return None
        best[:, first] = np.maximum(old, new)
        return np.where(better, self.beats[beats.argmax(1)][:, None], -1)

    def trace(self, row: int, tempo: int, last: int, seen: dict[int, _Seen]) -> Iterator[Step]:
        """The steps that led to a state of chord *last*, backwards to the first of *seen*."""
        chord = last
        while chord - 1 in seen:
            tempi, _, restarts = seen[chord]
            if restarts is not None and self.lattice.slot[row] == 0:
                place = np.searchsorted(tempi, tempo)
                origin = int(restarts[place, self.lattice.metre_of[row]])
                if origin >= 0:
                    yield Step(chord, row, tempo, 0, True)
                    row = origin
            before, from_tempo, distance = self.back(row, tempo, chord, seen[chord - 1])
            yield Step(chord, row, tempo, distance, False)
            row, tempo, chord = before, from_tempo, chord - 1
        yield Step(chord, row, tempo, 0, False)

    def back(self, row: int, tempo: int, chord: int, before: _Seen) -> tuple[int, int, int]:
        """The row and the tempo before a state, and the distance: the best of the few ways.

        It is found again here, so that nothing but the scores need be kept on the way forward.
        """
        here, lattice = chord - self.passing.first, self.lattice
        slots = self.passing.gone[here, tempo]
        source, distance = lattice.source[slots, :, row], lattice.distance[slots, :, row]
        score = lattice.weight[slots, :, row] + self.passing.fit[here, tempo].take(
            lattice.miss[slots, :, row]
        )
        passed = self.times[chord] - self.times[chord - 1]
        if passed > _LONG:
            long = lattice.pause_distance[:, row]
            weight = lattice.pause_weight[:, row] - np.float32(self.weights.pause)
            weight = np.where(long < 0.8 * passed * SLOT / TEMPI[tempo], weight, NEVER)
            source = np.concatenate([source, lattice.pause_source[:, row]])
            distance = np.concatenate([distance, long])
            score = np.concatenate([score, weight])
        score = score + before.score.take(source, 1)
        score += self.walks[self.passing.walk[here], tempo].take(before.tempi)[:, None]
        walked, way = divmod(int(score.argmax()), len(source))
        return int(source[way]), int(before.tempi[walked]), int(distance[way])


_SHORTEST, _LONGEST, _WALKS = 0.03, 2.0, 48
"""In less and in more time the tempo walks as in so many seconds; so many tables between them."""


def _walk_of(passed: Array) -> Array:
    part = np.log(np.clip(passed, _SHORTEST, _LONGEST) / _SHORTEST) / np.log(_LONGEST / _SHORTEST)
    which: Array = np.round(part * (_WALKS - 1)).astype(np.int64)
    return which


@lru_cache(maxsize=4)
def _walks(weights: Weights) -> tuple[Array, list[list[np.float32]]]:
    """The log of how likely the tempo goes from one (second axis) to another (first) in some time.

    And what it costs to go so many tempi further.
    """
    passed = _SHORTEST * (_LONGEST / _SHORTEST) ** (np.arange(_WALKS) / (_WALKS - 1))
    spread = (weights.walk * np.sqrt(passed))[:, None, None]
    apart = np.abs(np.arange(len(TEMPI))[:, None] - np.arange(len(TEMPI)))
    costs = np.minimum(0.5 * (apart * STEP / spread) ** 2, weights.lurch + apart)
    costs = np.where(apart <= np.minimum(5, np.ceil(2.5 * spread / STEP)), costs, -float(NEVER))
    walks = np.where(apart, -costs, 0.0).astype(np.float32)
    steps = [[-one for one in row[1:] if one > NEVER] for row in walks[:, 0]]
    return walks, steps


def decode(
    times: Array,
    lattice: Lattice,
    start: Array,
    level: Array,
    other: Array,
    anchors: Array | None = None,
    weights: Weights | None = None,
) -> list[Step]:
    """The steps of the chords at *times* (seconds, at least one), in order.

    *start* ``(tempi, rows)``: the log probability of each state of the first chord. *level*
    ``(chords, 4)`` and *other* ``(chords, tempi, metres)``: what else speaks for a state; *anchors*
    ``(chords, rows)`` what is known of the place. The time is linear in the chords, the memory bounded
    but for the result.
    """
    weights = weights or Weights()
    heard = np.float32(weights.level) * level[:, lattice.level].astype(np.float32)
    if anchors is not None:
        heard += anchors
    decoder = _Decoder(times, lattice, heard, other.astype(np.float32), weights)
    seen = {0: decoder.start(start)}
    steps: list[Step] = []
    chord, final = 0, len(times) - 1
    first = 0
    while chord < final:
        if chord == first:
            decoder.prepare(first, min(final, first + _BLOCK + _SETTLED))
        chord += 1
        seen[chord] = decoder.step(seen[chord - 1], chord)
        if chord - first == _BLOCK and final - chord > _SETTLED:
            found = _best(decoder, chord, seen)
            first = chord - _SETTLED
            settled = [step for step in found if step.chord <= first]
            steps += settled if not steps else settled[1:]
            score = np.full((1, len(lattice.slot)), NEVER)
            score[0, settled[-1].row] = 0
            chord = first
            seen = {first: _Seen(np.array([settled[-1].tempo]), score, None)}
    found = _best(decoder, chord, seen)
    return steps + (found[1:] if steps else found)


def _best(decoder: _Decoder, chord: int, seen: dict[int, _Seen]) -> list[Step]:
    tempi, score, _ = seen[chord]
    tempo, row = np.unravel_index(int(score.argmax()), score.shape)
    return list(decoder.trace(int(row), int(tempi[tempo]), chord, seen))[::-1]
