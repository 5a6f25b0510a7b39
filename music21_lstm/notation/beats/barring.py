"""Bar lines, once the beats are known: which beats begin a bar, and how many there are in one.

Where the lattice hears a few chords, this hears all of a piece: for each metre and each beat that may
be its first, what speaks for it is summed up beat by beat, and the best way through is found, in which
another metre, or a bar line that comes too early, has its price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from music21_lstm.notation.beats.lattice import LONG_BARS, levels_of, step_table
from music21_lstm.notation.beats.tables import LEARNT, SLOT, Tables, slots_of
from music21_lstm.notation.metre import UNIT, Metre

__all__ = ["BarLines", "Barring", "bar_lines"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Barring:
    """How much each thing counts: *level*, *step* are factors, *change*, *cut* costs in nats."""

    level: float = 0.9
    step: float = 0.5
    change: float = 10.0
    cut: float = 4.0


class BarLines(NamedTuple):
    """Where the bars of a piece begin.

    *first* is the slot of the bar that holds the first chord, *bars* where each metre begins, counted
    from there, and *score* what speaks for them, in nats.
    """

    first: int
    bars: list[tuple[int, Metre]]
    score: float


def bar_lines(
    slots: Array,
    level: Array,
    metres: Sequence[Metre],
    bias: Array,
    learnt: Tables,
    weights: Barring | None = None,
) -> BarLines:
    """The best bar lines of a piece.

    *slots*: the place of each chord, counted from some beat. *level* ``(chords, 4)``: what is heard of
    each. *metres*, of one length of the beat, one or more. *bias*: what else speaks for each, a chord.
    """
    weights = weights or Barring()
    beat = metres[0].beat * SLOT // UNIT
    counts = [metre.length // metre.beat for metre in metres]
    which = np.repeat(np.arange(len(metres)), counts)
    phase = np.concatenate([np.arange(count) for count in counts])
    number = slots // beat
    number, begin = number - number[0], int(number[0]) * beat
    # The score of each beat as the beat number *phase* of a bar.
    heard = np.zeros((int(number[-1]) + 1, len(phase)))
    for metre, count in enumerate(counts):
        states = np.flatnonzero(which == metre)
        turned = (number[:, None] + np.arange(count)) % count
        scores = _heard(slots - begin, turned, number, level, metres[metre], learnt, weights)
        scores += bias[metre]
        summed = np.zeros((len(heard), count))
        np.add.at(summed, number, scores)
        # Turned so that a column is a phase at the beat, not at the first beat.
        rows = np.arange(len(heard))[:, None]
        heard[:, states] = summed[rows, (np.arange(count) - rows) % count]
    score, offset, bars = _best_way(heard, which, phase, metres, beat, weights)
    return BarLines(begin - offset, bars, score)


def _heard(
    slots: Array,
    turned: Array,
    number: Array,
    level: Array,
    metre: Metre,
    learnt: Tables,
    weights: Barring,
) -> Array:
    """The score of each chord, for each phase of the first beat, ``(chords, beats in a bar)``.

    *turned*: the number in the bar of each chord's beat, for each of those.
    """
    beat, bar = metre.beat * SLOT // UNIT, metre.length * SLOT // UNIT
    places = slots_of(metre)
    inside = turned * beat + (slots - number * beat)[:, None]
    rows = np.searchsorted(places, inside)
    scores = weights.level * np.take_along_axis(level, levels_of(metre, places)[rows], 1)
    logs = np.log(step_table(metre, places, learnt))
    distance = np.diff(slots)
    whole = np.where(distance > 0, (distance - 1) // bar, 0)
    steps = logs[np.minimum(whole, 1)[:, None], rows[:-1], rows[1:]]
    steps -= LONG_BARS * np.maximum(whole - 1, 0)[:, None]
    scores[1:] += weights.step * np.where(distance > 0, 1, 0)[:, None] * steps
    if metre in LEARNT:
        scores[0] += np.log(learnt.openings[str(metre)])[rows[0]]
        scores[0] += np.log(learnt.metres[LEARNT.index(metre)])
    return scores


def _best_way(
    heard: Array, which: Array, phase: Array, metres: Sequence[Metre], beat: int, weights: Barring
) -> tuple[float, int, list[tuple[int, Metre]]]:
    starts = np.flatnonzero(phase == 0)
    ends = np.append(starts[1:], len(phase)) - 1
    before = np.arange(len(phase)) - 1
    before[starts] = ends
    early = np.full(len(phase), weights.change + weights.cut)
    early[ends] = weights.change
    score, back = heard[0].copy(), np.zeros(heard.shape, np.int64)
    for number in range(1, len(heard)):
        back[number] = before
        new = score[before]
        source = int((score - early).argmax())
        other = score[source] - early[source]
        for state in starts[new[starts] < other].tolist():
            new[state], back[number, state] = other, source
        score = new + heard[number]
    best = float(score.max())
    state, found = int(score.argmax()), []
    for number in range(len(heard) - 1, 0, -1):
        source = int(back[number, state])
        if source != before[state]:
            found.append((number * beat, metres[which[state]]))
        state = source
    offset = int(phase[state]) * beat
    bars = [(place + offset, metre) for place, metre in reversed(found)]
    return best, offset, [(0, metres[which[state]]), *bars]
