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
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.beats.lattice import FURTHEST, STEP, TEMPI, WAYS, Lattice
from music21_lstm.notation.beats.tables import SLOT

__all__ = ["Step", "Weights", "decode"]

Array = npt.NDArray[Any]

_NEVER = np.float32(-1e6)
_STAY = WAYS
_PAUSES = (6, 12, 24, 36, 48, 72, 96)
"""The steps, in slots, that may last any longer time: pauses and fermatas."""

_BLOCK, _SETTLED = 1024, 128
"""So many chords are decoded together; the last ones again with the next block."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each thing counts.

    *clock* (seconds) and *share*: the deviation of an onset, fixed and as a part of the step.
    *walk*: how much the tempo changes in a second, as a logarithm; *lurch*: what more than that
    costs, in nats. *level*, *period*: of the two kinds of evidence. *stay*, *pause*, *change*, *jump*,
    *cut*: the cost, in nats, of a chord at the place of the one before (a roll, an ornament), of a
    pause, of another metre, of another tempo at once, and of a bar line that comes too early.
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
    jump: float = 32.0
    cut: float = 6.0


class Step(NamedTuple):
    """Where chord number *chord* is: its *row* and tempo, and how many slots after the one before.

    *restart*: the chord was counted to there, and starts a bar anew: another metre or tempo.
    """

    chord: int
    row: int
    tempo: int
    distance: int
    restart: bool


class _Back(NamedTuple):
    """How each state of a chord was reached: the way, the tempo's change, the steps, restarts."""

    way: Array
    drift: Array
    gone: Array
    restarts: Array | None


@dataclass(slots=True)
class _Decoder:
    times: Array
    lattice: Lattice
    level: Array
    """Evidence of each chord for each level."""
    other: Array
    """Evidence of each chord for each metre and tempo, ``(chords, tempi, metres)``."""
    anchors: Array | None
    weights: Weights
    open_tempi: Array
    columns: Array = field(init=False)
    beats: Array = field(init=False)
    due: Array = field(init=False)
    """The seconds that each distance should last, ``(tempi, slots)``, and its deviation."""
    spread: Array = field(init=False)
    sharp: Array = field(init=False)
    """The log density of what is played just in time."""

    def __post_init__(self) -> None:
        rows = len(self.lattice.slot)
        self.columns = (np.arange(len(TEMPI)) * rows)[:, None]
        self.beats = np.flatnonzero(self.lattice.level <= 1)
        due = TEMPI[:, None] * np.arange(FURTHEST)[None] / SLOT
        spread = np.sqrt(self.weights.clock**2 + (self.weights.share * due) ** 2)
        self.due, self.spread = due.astype(np.float32), spread.astype(np.float32)
        self.sharp = -np.log(self.spread / np.float32(0.02))

    def evidence(self, chord: int) -> Array:
        """What is heard of a chord, ``(tempi, rows)``."""
        found: Array = self.other[chord][:, self.lattice.metre_of] + (
            self.weights.level * self.level[chord, self.lattice.level]
        )
        if self.anchors is not None:
            found = found + self.anchors[chord]
        return found.astype(np.float32, copy=False)

    def step(self, before: Array, chord: int) -> tuple[Array, _Back]:
        """The best score of each state at *chord*, from those of the chord before."""
        passed = float(self.times[chord] - self.times[chord - 1])
        drifted, drift = self.drift(before, passed)
        gone = np.minimum(np.round(passed / TEMPI * SLOT).astype(np.int64), FURTHEST - 1)
        best = drifted + np.float32(self.staying(passed))
        way = np.full(before.shape, _STAY, np.int8)
        timing = self.timing(passed)
        flat, reach = drifted.ravel(), np.arange(len(TEMPI))[:, None] * FURTHEST
        lattice = self.lattice
        for index in range(WAYS):
            new = flat.take(lattice.source[index].take(gone, 0) + self.columns)
            new += lattice.weight[index].take(gone, 0)
            new += timing.take(lattice.distance[index].take(gone, 0) % FURTHEST + reach)
            better = new > best
            np.copyto(best, new, where=better)
            way[better] = index
        if passed > 0.9:
            self.pause(flat, passed, best, way)
        best += self.evidence(chord)
        restarts = self.restart(best)
        return best - best.max(), _Back(way, drift, gone, restarts)

    def drift(self, before: Array, passed: float) -> tuple[Array, Array]:
        """The tempo's random walk: a little up or down the columns."""
        spread = self.weights.walk * np.sqrt(min(max(passed, 0.03), 2.0))
        best, drift = before.copy(), np.zeros(before.shape, np.int8)
        for by in range(1, min(5, int(np.ceil(2.5 * spread / STEP))) + 1):
            cost = np.float32(min(0.5 * (by * STEP / spread) ** 2, self.weights.lurch + by))
            for into, source, sign in (
                (slice(by, None), slice(None, -by), by),
                (slice(None, -by), slice(by, None), -by),
            ):
                new = before[source] - cost
                better = new > best[into]
                np.copyto(best[into], new, where=better)
                drift[into][better] = sign
        return best, drift

    def timing(self, passed: float) -> Array:
        """How well the time that passed fits each tempo and distance; wild misses cost no more."""
        misses = ((passed - self.due) / self.spread) ** 2
        cost = np.minimum(0.5 * misses, np.minimum(8 + 0.02 * misses, 40.0))
        return (self.sharp - cost).ravel()

    def staying(self, passed: float) -> float:
        """The score of a chord at the place of the one before."""
        return -self.weights.stay - 0.4 - 0.5 * (passed / 0.04) ** 2

    def pause(self, flat: Array, passed: float, best: Array, way: Array) -> None:
        """Steps that last longer than they should."""
        for place, slots in enumerate(_PAUSES):
            for index in range(WAYS):
                distance = self.lattice.distance[index, slots]
                early = TEMPI[:, None] * distance / SLOT < 0.8 * passed
                new = flat.take(self.lattice.source[index, slots] + self.columns)
                new += self.lattice.weight[index, slots] - np.float32(self.weights.pause)
                better = early & (new > best)
                np.copyto(best, new, where=better)
                way[better] = _STAY + 1 + place * WAYS + index

    def restart(self, best: Array) -> Array | None:
        """Let a beat become the bar line of another metre or tempo, in place.

        Returns the state (tempo times rows, plus row) that each bar line's state was, −1 for
        its own.
        """
        weights, first = self.weights, self.lattice.first
        early = np.where(self.lattice.level[self.beats] == 0, 0.0, weights.cut).astype(np.float32)
        beats = best[:, self.beats] - early
        kept = beats.argmax(1)
        value = beats[np.arange(len(TEMPI)), kept]
        origin = self.columns[:, 0] + self.beats[kept]
        source = int(value.argmax())
        jump = value[source] - weights.jump + self.open_tempi
        jumps = jump > value - weights.change
        new = np.where(jumps, jump, value - weights.change)[:, None]
        old = best[:, first]
        better = new > old
        if not better.any():
            return None
        best[:, first] = np.where(better, new, old)
        return np.where(better, np.where(jumps, origin[source], origin)[:, None], -1)

    def trace(self, row: int, tempo: int, last: int, backs: dict[int, _Back]) -> Iterator[Step]:
        """The steps that led to a state of chord *last*, backwards to the first of *backs*."""
        rows = len(self.lattice.slot)
        chord = last
        while chord in backs:
            way, drift, gone, restarts = backs[chord]
            if restarts is not None and self.lattice.slot[row] == 0:
                origin = int(restarts[tempo, self.lattice.metre_of[row]])
                if origin >= 0:
                    yield Step(chord, row, tempo, 0, True)
                    tempo, row = divmod(origin, rows)
            code = int(way[tempo, row])
            before, distance = row, 0
            if code != _STAY:
                slots = int(gone[tempo])
                if code > _STAY:
                    place, code = divmod(code - _STAY - 1, WAYS)
                    slots = _PAUSES[place]
                before = int(self.lattice.source[code, slots, row])
                distance = int(self.lattice.distance[code, slots, row])
            yield Step(chord, row, tempo, distance, False)
            tempo -= int(drift[tempo, before])
            row, chord = before, chord - 1
        yield Step(chord, row, tempo, 0, False)


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
    open_tempi = -0.5 * ((np.log(TEMPI) - np.log(0.55)) / 0.5) ** 2 - 3.0
    decoder = _Decoder(times, lattice, level, other, anchors, weights, open_tempi)
    state = start + decoder.evidence(0)
    backs: dict[int, _Back] = {}
    steps: list[Step] = []
    chord, final = 0, len(times) - 1
    first = 0
    while chord < final:
        chord += 1
        state, backs[chord] = decoder.step(state, chord)
        if chord - first == _BLOCK and final - chord > _SETTLED:
            found = _best(decoder, state, chord, backs)
            first = chord - _SETTLED
            settled = [step for step in found if step.chord <= first]
            steps += settled if not steps else settled[1:]
            state = np.full(state.shape, _NEVER)
            state[settled[-1].tempo, settled[-1].row] = 0
            chord = first
            backs = {}
    found = _best(decoder, state, chord, backs)
    return steps + (found[1:] if steps else found)


def _best(decoder: _Decoder, state: Array, chord: int, backs: dict[int, _Back]) -> list[Step]:
    tempo, row = np.unravel_index(int(state.argmax()), state.shape)
    return list(decoder.trace(int(row), int(tempo), chord, backs))[::-1]
