"""Rolled chords, grace notes, trills, mordents and turns: many notes that are one on the page.

All are told by the clock, not by the page: what is quicker than a hand could mean as rhythm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from music21_lstm.notation.beats.chords import rebounds
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.voices import OrnamentSign, Sounding

__all__ = ["Heard", "Ornaments", "dressed", "heard_of", "ornamented", "united", "unrolled"]

_ROLL_GAP, _ROLL = 0.07, 0.3
"""Seconds from note to note of a rolled chord, and from its first to its last."""

_ROLL_HEARD = 0.05
"""Seconds; a chord of three notes that takes longer is printed as rolled."""

_TOGETHER = 0.012
"""Seconds between notes that nobody hears as one after the other."""

_STROKE, _SLOW_STROKE = 0.12, 0.15
"""Seconds; a trill of four or five strokes is so quick, a longer one may be slower."""

_GRACE = 0.085
"""Seconds from a grace note to the next note."""

_SPREAD = 0.045
"""Seconds by which a tune may run ahead of its chord: what is further than a tone from the next note
and nearer in time than this is no grace note."""

_GRACES = 4
"""No more grace notes than these stand before a note."""

_SIXTEENTH = UNIT // 4


@dataclass(frozen=True, slots=True)
class Heard:
    """A note on the page with the seconds at which its key went down and came up."""

    placed: Placed
    start: float
    stop: float

    @property
    def pitch(self) -> int:
        """Its MIDI pitch."""
        return self.placed.note.pitch


@dataclass(slots=True)
class Ornaments:
    """What is written at notes, by the place of their note on."""

    signs: dict[int, OrnamentSign] = field(default_factory=dict)
    graces: dict[int, tuple[Placed, ...]] = field(default_factory=dict)
    carried: dict[int, tuple[Placed, ...]] = field(default_factory=dict)

    def carry(self, on: int, notes: Iterable[Placed], instead: Iterable[Heard]) -> None:
        """Let a note carry *notes* along, and what those carried that are no notes of the page now."""
        passed = [p for h in instead for p in self.carried.pop(h.placed.note.on, ())]
        along = (*self.carried.get(on, ()), *notes, *passed)
        if along:
            self.carried[on] = along


def heard_of(placed: Iterable[Placed], times: Sequence[float]) -> list[Heard]:
    """The notes in the order in which they were heard; *times* are the seconds of all events."""
    heard = [
        Heard(p, times[p.note.on], times[-1] if p.note.off is None else times[p.note.off])
        for p in placed
    ]
    return sorted(heard, key=lambda h: (h.start, h.placed.onset, h.pitch))


def united(
    heard: Sequence[Heard], comped: Collection[int]
) -> tuple[list[Heard], dict[int, tuple[Placed, ...]]]:
    """The notes with those of a key that bounced as one, and what each carries along of these.

    They are one note head, held until the last is let go. (Two notes of one pitch that begin at once
    are two: two hands, or two tracks.) *comped*: the places of the note ons of an accompaniment.
    """
    if not heard:
        return [], {}
    table = [(h.start, h.stop, h.pitch, h.placed.note.velocity) for h in heard]
    parts = np.array([h.placed.note.on in comped for h in heard])
    firsts = rebounds(np.array(table), parts).tolist()
    notes = list(heard)
    carried: dict[int, tuple[Placed, ...]] = {}
    for index, first in enumerate(firsts):
        if index != first:
            struck, again = notes[first], notes[index]
            place = struck.placed._replace(end=max(struck.placed.end, again.placed.end))
            notes[first] = Heard(place, struck.start, max(struck.stop, again.stop))
            carried[place.note.on] = (*carried.get(place.note.on, ()), again.placed)
    kept = [h for index, h in enumerate(notes) if firsts[index] == index]
    return kept, carried


# --- rolled chords -----------------------------------------------------------------------------


def unrolled(heard: Sequence[Heard]) -> tuple[list[Heard], set[int]]:
    """The notes with those of each rolled chord at one onset, and which of them are to have a sign.

    A roll goes upward, quickly, and its notes are held beyond its end, while nothing else is quick
    about it: before and after it is a longer time than between its notes.
    """
    result: list[Heard] = []
    rolled: set[int] = set()
    for roll in _rolls(heard):
        if len(roll) > 1 and not _is_roll(roll, result, heard[len(result) + len(roll) :]):
            result += roll
            continue
        if len(roll) == 1 and roll[0].placed.end > roll[0].placed.onset:
            result += roll
            continue
        onset = _plainest(h.placed.onset for h in roll)
        for h in roll:
            p = h.placed
            end = p.end if p.end > onset else onset + max(1, p.end - p.onset)
            result.append(Heard(p._replace(onset=onset, end=end), h.start, h.stop))
        steps = sum(b.start - a.start > _TOGETHER for a, b in pairwise(roll))
        if steps >= 2 and roll[-1].start - roll[0].start >= _ROLL_HEARD:
            rolled |= {h.placed.note.on for h in roll}
    return result, rolled


def _rolls(heard: Sequence[Heard]) -> Iterator[list[Heard]]:
    """Stretches that go upward quickly, notes at once among them; most have a single note."""
    roll: list[Heard] = []
    for h in heard:
        if roll and not _goes_on(roll, h):
            yield roll
            roll = []
        roll.append(h)
    if roll:
        yield roll


def _goes_on(roll: list[Heard], h: Heard) -> bool:
    gap = h.start - roll[-1].start
    quick = gap <= _ROLL_GAP and h.start - roll[0].start <= _ROLL
    return quick and (h.pitch > roll[-1].pitch or gap <= _TOGETHER)


def _is_roll(roll: Sequence[Heard], before: Sequence[Heard], after: Sequence[Heard]) -> bool:
    gap = max(b.start - a.start for a, b in pairwise(roll))
    if gap <= _TOGETHER:
        return False
    last = roll[-1].start
    if any(h.stop < last + max(0.06, gap) for h in roll):
        return False
    if before and roll[0].start - before[-1].start < 1.5 * gap:
        return False
    return not after or after[0].start - last >= 2 * gap


def _plainest(onsets: Iterable[int]) -> int:
    """The onset on the strongest part of a quarter; of equal ones the first."""

    def coarseness(onset: int) -> int:
        return max((step for step in (4, 2, 1) if onset % (step * UNIT // 4) == 0), default=0)

    return max(sorted(set(onsets)), key=coarseness)


# --- trills and grace notes --------------------------------------------------------------------


def ornamented(
    hand: Sequence[Heard], carried: Mapping[int, tuple[Placed, ...]]
) -> tuple[list[Placed], Ornaments]:
    """The notes of one hand that have a place in its rhythm, and what stands at them.

    *carried*: the notes that come along with others, see :func:`united`.
    """
    ons = {h.placed.note.on for h in hand}
    found = Ornaments(carried={on: notes for on, notes in carried.items() if on in ons})
    notes = _without_graces(_without_trills(hand, found), found)
    return [h.placed for h in notes], found


def _without_trills(hand: Sequence[Heard], found: Ornaments) -> list[Heard]:
    gone: set[int] = set()
    main: dict[int, Heard] = {}
    index = {h.placed.note.on: i for i, h in enumerate(hand)}
    for run in _alternations(hand):
        if not _is_trill(run):
            continue
        low = min(h.pitch for h in run)
        last = index[run[-1].placed.note.on]
        strokes = [*run, *_termination(hand[last : last + 3], low)]
        kept = next(h for h in strokes if h.pitch == low)
        first, end = strokes[0], max(h.placed.end for h in strokes)
        on = kept.placed.note.on
        place = kept.placed._replace(onset=first.placed.onset, end=end, sure=False)
        main[on] = Heard(place, first.start, strokes[-1].stop)
        others = [h for h in strokes if h is not kept]
        found.signs[on] = "trill"
        found.carry(on, [h.placed for h in others], others)
        gone |= {h.placed.note.on for h in others}
    left = [main.get(h.placed.note.on, h) for h in hand if h.placed.note.on not in gone]
    return sorted(left, key=lambda h: (h.start, h.placed.onset, h.pitch))


def _termination(notes: Sequence[Heard], low: int) -> Sequence[Heard]:
    """The turn that ends a trill on *low*, if the last stroke is followed by one."""
    pitches = [h.pitch - low for h in notes]
    quick = all(b.start - a.start <= _SLOW_STROKE for a, b in pairwise(notes))
    return notes[1:] if quick and pitches[1:] in ([-1, 0], [-2, 0]) else ()


def _alternations(hand: Sequence[Heard]) -> list[list[Heard]]:
    """Runs of two neighbouring pitches in turn, each note in one run at most; longest first."""
    waiting: dict[tuple[int, int], list[Heard]] = {}
    done: list[list[Heard]] = []
    for h in hand:
        for other in (h.pitch - 2, h.pitch - 1, h.pitch + 1, h.pitch + 2):
            run = waiting.pop((other, h.pitch), [])
            if run and h.start - run[-1].start > _SLOW_STROKE:
                done.append(run)
                run = []
            run.append(h)
            done.append(waiting.pop((h.pitch, other), []))
            waiting[h.pitch, other] = run
    done += waiting.values()
    taken: set[int] = set()
    runs = []
    for run in sorted((r for r in done if len(r) >= 4), key=len, reverse=True):
        if taken.isdisjoint(h.placed.note.on for h in run):
            taken |= {h.placed.note.on for h in run}
            runs.append(run)
    return runs


def _is_trill(strokes: Sequence[Heard]) -> bool:
    """Whether the strokes are too quick, and too short on the page, to be meant one by one."""
    count = len(strokes) - 1
    stroke = (strokes[-1].start - strokes[0].start) / count
    written = (strokes[-1].placed.onset - strokes[0].placed.onset) / count
    return stroke <= (_SLOW_STROKE if count >= 6 else _STROKE) and written < 0.8 * _SIXTEENTH


def _without_graces(hand: Sequence[Heard], found: Ornaments) -> list[Heard]:
    left: list[Heard] = []
    index = 0
    while index < len(hand):
        count = _graces_at(hand, index, left)
        if not count:
            left.append(hand[index])
            index += 1
            continue
        graces, main = hand[index : index + count], hand[index + count]
        sign = _sign_of([h.pitch - main.pitch for h in graces])
        on = main.placed.note.on
        if sign:
            found.signs[on] = sign
            found.carry(on, [h.placed for h in graces], graces)
            place = main.placed._replace(onset=min(graces[0].placed.onset, main.placed.onset))
            main = Heard(place, graces[0].start, main.stop)
        else:
            found.graces[on] = tuple(h.placed for h in graces)
            found.carry(on, (), graces)
        left.append(main)
        index += count + 1
    return left


def _graces_at(hand: Sequence[Heard], index: int, before: Sequence[Heard]) -> int:
    """How many notes from *index* on are grace notes of the one after them."""
    count = 0
    while index + count + 1 < len(hand) and _leads(hand[index + count], hand[index + count + 1]):
        count += 1
    if not 1 <= count <= _GRACES:
        return 0
    graces, main = hand[index : index + count], hand[index + count]
    quick = (main.start - graces[0].start) / count
    longest = max(b.start - a.start for a, b in pairwise([*graces, main]))
    if main.stop - main.start < 1.5 * longest:
        return 0
    if before and graces[0].start - before[-1].start < 2 * quick:
        return 0
    following = next((h for h in hand[index + count + 1 :] if h.start > main.start + 0.03), None)
    if following is not None and following.start - main.start < 2.2 * longest:
        return 0
    written = (main.placed.onset - graces[0].placed.onset) / count
    return count if written < 0.8 * _SIXTEENTH else 0


def _leads(grace: Heard, after: Heard) -> bool:
    """Whether a note may be a grace note to the one after it: quick, near, and let go for it."""
    gap = after.start - grace.start
    return (
        _TOGETHER < gap <= _GRACE
        and 1 <= abs(after.pitch - grace.pitch) <= (2 if gap < _SPREAD else 12)
        and grace.stop <= after.start + 0.1
        and grace.stop - grace.start < 0.15
    )


def _sign_of(steps: list[int]) -> OrnamentSign | None:
    """The sign for notes so many semitones above their main note."""
    match steps:
        case [0, (1 | 2)]:
            return "inverted mordent"
        case [0, (-1 | -2)]:
            return "mordent"
        case [(1 | 2), 0, (-1 | -2)]:
            return "turn"
    return None


# --- on the page -------------------------------------------------------------------------------


def dressed(
    voice: Iterable[Sounding], found: Ornaments, rolled: Iterable[int]
) -> Iterator[Sounding]:
    """The soundings of a voice with their ornaments."""
    marked = set(rolled)
    for sounding in voice:
        ons = [p.note.on for p in sounding.notes]
        signs = [found.signs[on] for on in ons if on in found.signs]
        yield sounding._replace(
            staccato=sounding.staccato and not signs,
            arpeggio=sum(on in marked for on in ons) > 1,
            ornament=signs[0] if signs else None,
            graces=_joined(found.graces, ons),
            carried=_joined(found.carried, ons),
        )


def _joined(by_note: Mapping[int, tuple[Placed, ...]], ons: list[int]) -> tuple[Placed, ...]:
    return tuple(p for on in ons for p in by_note.get(on, ()))
