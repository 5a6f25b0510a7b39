"""The metre of music whose ticks know the beats, but which has no time signature."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.bars import Section
from music21_lstm.notation.beats.barring import BarLines, Barring, bar_lines
from music21_lstm.notation.beats.chords import features_of, group
from music21_lstm.notation.beats.counting import repetition_of
from music21_lstm.notation.beats.listening import listen
from music21_lstm.notation.beats.placing import table_of
from music21_lstm.notation.beats.tables import LEARNT, SLOT, slots_of, tables
from music21_lstm.notation.metre import COMMON_TIME, UNIT, Metre

__all__ = ["sections_heard"]

Array = npt.NDArray[Any]

_METRES = tuple(metre for metre in LEARNT if metre.beat == UNIT and not metre.compound)

_WEIGHTS = Barring(change=30.0)
"""A metre that changes is rarer where nobody pauses or hurries."""

_AHEAD, _AHEAD_EACH = 30.0, 0.17
"""Nats, in all and for each chord, by which other bars must be ahead of 4/4 to be believed."""

_EMPTIEST = 64
"""Beats for each chord; in longer silences there is no metre to be heard."""


def sections_heard(performance: Performance) -> list[Section] | None:
    """Where each metre begins, in units; quarters are the beats. None if 4/4 will do.

    The bar lines are those for which the whole piece speaks (see
    :func:`~music21_lstm.notation.beats.barring.bar_lines`), if they speak clearly: a MIDI file that
    says nothing is in 4/4. The first bar may be a pick-up.
    """
    if not performance.notes:
        return None
    table = table_of(performance)
    order = np.argsort(table[:, 0], kind="stable")
    notes = table[order]
    chords = group(notes[:, 0], notes[:, 2])
    ticks = np.array([note.onset for note in performance.notes])[order][chords.starts]
    slots = _nearest(ticks * SLOT / performance.resolution)
    if slots[-1] > _EMPTIEST * SLOT * len(slots):
        return None
    bias = repetition_of(slots, chords, notes, _METRES)
    if bias is None:
        return None
    level = listen(features_of(chords, notes), tables()).level

    def lines(which: slice) -> BarLines:
        return bar_lines(slots, level, _METRES[which], bias[which], tables(), _WEIGHTS)

    usual = _METRES.index(COMMON_TIME)
    heard, plain = lines(slice(None)), lines(slice(usual, usual + 1))
    if heard.score - plain.score < max(_AHEAD, _AHEAD_EACH * len(slots)):
        return None
    metre = heard.bars[0][1]
    into = heard.first * UNIT // SLOT % metre.length
    sections = [Section(0, metre)] + [Section(into, metre)] * (into > 0)
    later = [Section((heard.first + place) * UNIT // SLOT, m) for place, m in heard.bars[1:]]
    return sections + later


def _nearest(places: Array) -> Array:
    """The slots, of those that a beat has, that are nearest to *places*."""
    beat = np.append(slots_of(Metre(1, 4)), SLOT)
    begin = places // SLOT * SLOT
    apart = np.abs((places - begin)[:, None] - beat)
    found: Array = begin.astype(np.int64) + beat[apart.argmin(1)]
    return found
