"""How long each note of a hand is written, from how long its key was held.

A note lasts until the next of its voice: what is short is staccato, not a sixteenth and a rest.
Rests stand only where a hand is silent for longer than it held its notes, and they begin on a beat.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from math import log2

from music21_lstm.notation.bars import Bar
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.sharing import Chord, shared
from music21_lstm.notation.values import split
from music21_lstm.notation.voices import Sounding, Staff

__all__ = ["played_voices"]

_FILLED = 0.5
"""A note held for this share of the time until the next of its voice lasts until then."""

_FULL = UNIT
"""Up to a quarter until the next of its voice is filled, however short the note was held, if one note
fills it: in Vienna 4x22 the scores have a rest after 13 of 10,000 such notes."""

_BREATH = 6
"""A gap of this part of a note is how it was played; a rest would be a fuss."""

_LONGEST = 8 * UNIT
"""Nothing is written longer than a breve, whatever was held."""

_FURTHEST = 64
"""So many onsets of the other voice are looked at for the end of a held note."""

_OVER = 0.9
"""Held for less than this share of the time until the next, a note may end at a bar line between."""

_TIE = 0.6
"""Octaves of time by which a held note's end may be further off if that saves a tie."""

_SHORT = 0.42
"""A note held for less than this share of its written value is detached."""

_BRIEF = 0.25
"""Seconds; only what is held for less is staccato."""


def played_voices(
    placed: Sequence[Placed], bars: Sequence[Bar], held: Mapping[int, float]
) -> Staff:
    """The two voices of a hand, each note as long as a score would write it.

    *held* is how many seconds each key was down, by the place of its note on. The second voice is
    there only where a note is held while others come and go.
    """
    notes = sorted(placed, key=lambda p: (p.onset, p.note.pitch, p.end))
    if not notes:
        return [], []
    writer = _Values(notes, bars, held)
    upper, lower = (writer.voice(chords) for chords in shared(notes))
    return _one_if_enough(upper, lower, bars)


class _Values:
    """Chooses the written length of each chord of a hand."""

    def __init__(
        self, notes: Sequence[Placed], bars: Sequence[Bar], held: Mapping[int, float]
    ) -> None:
        self.onsets = sorted({p.onset for p in notes})
        self.bars = bars
        self.starts = [bar.start for bar in bars]
        self.held = held
        self.played = {p.note.on: p.end - p.onset for p in notes}

    def voice(self, chords: Sequence[Chord]) -> list[Sounding]:
        """The chords of one voice as written."""
        following = [*(chord[0].onset for chord in chords[1:]), None]
        return [self.sounding(c, after) for c, after in zip(chords, following, strict=False)]

    def sounding(self, chord: Chord, after: int | None) -> Sounding:
        """A chord as written; *after* is the next onset of its voice."""
        onset = chord[0].onset
        length = sorted(p.end - onset for p in chord)[len(chord) // 2]
        index = bisect_right(self.onsets, onset)
        following = self.onsets[index] if index < len(self.onsets) else None
        if self.exact(chord, length, after):
            end = onset + length
            if after is not None and after - end < max(UNIT // 4, length // _BREATH + 1):
                end = after
        elif following is None or following == after:
            end = self.alone(onset, length, after)
        else:
            # The other voice moves meanwhile: the note ends with one of its notes, or on a beat.
            near = [*self.onsets[index : index + _FURTHEST], self.beat_end(onset + length - 1)]
            near = [o for o in near if after is None or o <= after]
            near += [o for o in self.lines(onset, near[-1]) if after is None or o <= after]
            end = min(near, key=lambda o: self.misfit(onset, length, o))
        end = max(onset + 1, min(end, self.bars[-1].end))
        seconds = max(self.held.get(p.note.on, 1.0) for p in chord)
        played = max(self.played[p.note.on] for p in chord)
        staccato = played < _SHORT * (end - onset) and seconds < _BRIEF
        return Sounding(onset, end, chord, staccato=staccato and end - onset <= 2 * UNIT)

    def exact(self, chord: Chord, length: int, after: int | None) -> bool:
        """Whether the end was no guess; of what is shorter than an eighth it may be a touch."""
        fits = after is None or length <= after - chord[0].onset
        return fits and length >= UNIT // 2 and all(p.sure for p in chord)

    def alone(self, onset: int, length: int, after: int | None) -> int:
        """The end of a note that no other of the hand sounds against."""
        end = self.beat_end(onset)
        last = min(onset + length, onset + _LONGEST, self.bars[-1].end)
        while end < last:
            end = self.beat_end(end)
        if after is None:
            return end
        gap = after - onset
        if gap <= _FULL and not self.ties(onset, after):
            return after
        if length >= _FILLED * gap and gap <= _LONGEST:
            return self.short_of_line(onset, length, after)
        if after <= end or (after - end) * 4 < self.beat(end):
            return after
        return end

    def short_of_line(self, onset: int, length: int, after: int) -> int:
        """The next onset, or the bar line before it if the key came up nearer to that."""
        lines = self.lines(onset, after - 1)
        gap = after - onset
        if not lines or length >= _OVER * gap:
            return after
        line = lines[-1]
        return line if abs(line - onset - length) < gap - length else after

    def lines(self, onset: int, last: int) -> list[int]:
        """The bar lines after *onset*, up to *last*."""
        return self.starts[bisect_right(self.starts, onset) : bisect_right(self.starts, last)]

    def misfit(self, onset: int, length: int, end: int) -> float:
        """How badly an end fits what was held, in octaves of time; ties make it worse."""
        return abs(log2((end - onset) / length)) + _TIE * self.ties(onset, end)

    def ties(self, onset: int, end: int) -> int:
        """How many ties a note from *onset* to *end* needs."""
        bar = self.bar(onset)
        over = len(self.lines(onset, end - 1))
        shift = bar.shift - bar.start
        return over + len(split(bar.metre, onset + shift, min(end, bar.end) + shift)) - 1

    def bar(self, place: int) -> Bar:
        return self.bars[max(0, bisect_right(self.starts, place) - 1)]

    def beat(self, place: int) -> int:
        """What a silence starts on: a beat, in compound time a third of one."""
        metre = self.bar(place).metre
        return max(UNIT // 4, metre.beat // 3 if metre.compound else metre.beat)

    def beat_end(self, place: int) -> int:
        """Where the beat that holds *place* ends, in units; the bar line at the latest."""
        bar, beat = self.bar(place), self.beat(place)
        offset = place - bar.start + bar.shift
        return min(place - offset % beat + beat, max(bar.end, place + 1))


def _one_if_enough(upper: list[Sounding], lower: list[Sounding], bars: Sequence[Bar]) -> Staff:
    """The lower voice only in bars where the upper sounds too; alone in a bar, it is the upper."""
    starts = [bar.start for bar in bars]

    def covered(sounding: Sounding) -> range:
        first = bisect_right(starts, sounding.onset) - 1
        return range(first, bisect_right(starts, sounding.end - 1))

    needed = {index for sounding in upper for index in covered(sounding)}
    alone = [s for s in lower if needed.isdisjoint(covered(s))]
    if not alone:
        return upper, lower
    moved = {s.onset for s in alone}
    together = sorted([*upper, *alone], key=lambda s: s.onset)
    return together, [s for s in lower if s.onset not in moved]
