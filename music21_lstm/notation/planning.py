"""Planning a page: all that is decided about a score before anything of it is made."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from music21 import key as m21key
from music21 import meter

from music21_lstm.encoding.events import TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import EncodingError
from music21_lstm.notation.bars import Bar, Section, bars_of, sections_of
from music21_lstm.notation.beats import Beats, accompanied, place_played, read_beats, sections_heard
from music21_lstm.notation.clefs import Clef, Reading
from music21_lstm.notation.directions import Directions
from music21_lstm.notation.dynamics import loudness_of
from music21_lstm.notation.hands import four_part_voices, split_hands
from music21_lstm.notation.keys import Key, parse_key
from music21_lstm.notation.lead_sheet import (
    ChordMark,
    chords_played,
    chords_under,
    melody_of,
    tops_of,
)
from music21_lstm.notation.marks import keys_of
from music21_lstm.notation.metre import Metre
from music21_lstm.notation.pedal import pedals_of
from music21_lstm.notation.places import Places
from music21_lstm.notation.plans import ends_in, octave_bars, plans_of
from music21_lstm.notation.played import is_written, played_line, played_staves
from music21_lstm.notation.quantize import Placed, is_aligned, is_clocked, place_notes
from music21_lstm.notation.spelling import spell
from music21_lstm.notation.swing import swung, unswung
from music21_lstm.notation.tempo_words import TempoPage, tempo_heard, tempo_set
from music21_lstm.notation.voices import Staff, one_voice, two_voices
from music21_lstm.notation.writing import BarPlan

__all__ = ["DIVISIONS", "PagePlan", "StaffPlan", "plan_page"]

DIVISIONS = (4, 3)
"""The grids of a quarter, unless others are asked for."""


@dataclass(frozen=True, slots=True)
class StaffPlan:
    """What a staff will hold: its voices whole and by the bar, and from where on each reading holds."""

    staff: Staff
    bars: list[BarPlan]
    readings: list[tuple[int, Reading]]


@dataclass(frozen=True, slots=True)
class PagePlan:
    """What a page will hold.

    *keys*: that of each bar. *spelled*: the place on the line of fifths of each note, by the place of
    its note on. *chords*: the symbols of a lead sheet. *columns*: how many onsets each bar has.
    """

    performance: Performance
    bars: list[Bar]
    keys: list[Key]
    spelled: dict[int, int]
    staves: list[StaffPlan]
    directions: Directions
    chords: list[ChordMark]
    columns: list[int]

    @property
    def in_voices(self) -> bool:
        """Whether every bar has Voices: in some bars alone, their numbers would change."""
        return any(plan.staff[1] for plan in self.staves)


def plan_page(
    performance: Performance,
    *,
    time_signature: str | meter.TimeSignature | None = None,
    key: str | m21key.Key | None = None,
    beats: Beats | None = None,
    divisions: tuple[int, ...] = DIVISIONS,
    lead_sheet: bool = False,
) -> PagePlan:
    """Decide what the page of *performance* holds; the options are those of :func:`engrave`."""
    override = _override(time_signature)
    asked = None if key is None else parse_key(key)
    several = isinstance(divisions, tuple | list) and bool(divisions)
    if not several or any(d.__class__ is not int or not 1 <= d <= 32 for d in divisions):
        raise EncodingError(
            f"divisions {divisions!r} cannot be written; give whole numbers from 1 to 32, as (4, 3)"
        )
    placed, sections, swings = _placed(performance, override, divisions, beats)
    bars = bars_of(sections, max((p.end for p in placed), default=0))
    places = Places(performance, placed)
    keys = [asked] * len(bars) if asked else keys_of(performance, places, placed, bars)
    melody, chords = _led(performance, placed, bars) if lead_sheet else ([], [])
    staves: list[Staff]
    if lead_sheet:
        written = is_written(placed, aligned=is_aligned(performance))
        one = (one_voice(melody), []) if written else played_line(performance, melody, bars)
        staves, all_rests = [one], True
    else:
        right, left, all_rests = _staves(performance, placed, bars)
        staves = [right, left]
    usual: tuple[Clef, Clef] = ("treble", "bass")
    plans: list[StaffPlan] = []
    for staff, clef in zip(staves, usual, strict=False):
        other = octave_bars(bars, plans[0].readings) if plans else ()
        made = plans_of(staff, bars, keys, clef, all_rests=all_rests, other=other)
        plans.append(StaffPlan(staff, *made))
    return PagePlan(
        performance,
        bars,
        keys,
        _spelled(placed, bars, keys),
        plans,
        _directions(performance, placed, staves, [plan.bars for plan in plans], swings),
        chords,
        _columns(placed, bars),
    )


def _placed(
    performance: Performance,
    metre: Metre | None,
    divisions: tuple[int, ...],
    beats: Beats | None,
) -> tuple[list[Placed], list[Section], bool]:
    """The notes on the page: snapped if the ticks know the beats, else by the beats heard.

    The last value says that they swing; their places are then those of straight eighths.
    """
    given = read_beats(beats)
    if given is None and _in_time(performance):
        straight = unswung(performance)
        sections = _sections(straight or performance, metre)
        if straight is None:
            return *place_notes(performance, sections, divisions), False
        placed, sections = place_notes(straight, sections, divisions)
        played = {note.on: note for note in performance.notes}
        return [p._replace(note=played[p.note.on]) for p in placed], sections, True
    placed, sections, tempo = place_played(performance, metre, given)
    if tempo.swing is not None:
        return placed, sections, True
    moved = None if any(s.metre.compound for s in sections) else swung(placed)
    return moved or placed, sections, moved is not None


def _led(
    performance: Performance, placed: Sequence[Placed], bars: Sequence[Bar]
) -> tuple[list[Placed], list[ChordMark]]:
    """The melody and the chords of a lead sheet: a line and its accompaniment, where there is one."""
    comped = set() if is_aligned(performance) else accompanied(performance)
    if not comped:
        melody = melody_of(placed)
        return melody, chords_under(placed, melody, bars)
    line = [p for p in placed if p.note.on not in comped]
    return tops_of(line), chords_played([p for p in placed if p.note.on in comped])


def _in_time(performance: Performance) -> bool:
    """Whether the ticks place every note: not those of a solo, even where its chords stand on them."""
    if is_aligned(performance):
        return True
    return is_clocked(performance) and not accompanied(performance)


def _sections(performance: Performance, metre: Metre | None) -> list[Section]:
    """The metres that are given; where none is, those heard."""
    told = metre or any(isinstance(event, TimeSignature) for event in performance.events)
    heard = None if told else sections_heard(performance)
    return heard or sections_of(performance, metre)


def _override(time_signature: Any) -> Metre | None:
    if time_signature is None:
        return None
    asked = getattr(time_signature, "ratioString", time_signature)
    numerator, _, denominator = asked.partition("/") if isinstance(asked, str) else ("", "", "")
    if numerator.isdecimal() and denominator.isdecimal():
        metre = Metre(int(numerator), int(denominator))
        if metre.writable:
            return metre
    raise EncodingError(
        f"time signature {time_signature!r} cannot be written; give one such as 4/4, 6/8 or 5/8"
    )


def _staves(
    performance: Performance, placed: Sequence[Placed], bars: Sequence[Bar]
) -> tuple[Staff, Staff, bool]:
    """The voices of the right and the left hand, and whether they are a chorale's four parts."""
    if not is_written(placed, aligned=is_aligned(performance)):
        return *played_staves(performance, placed, bars), False
    parts = four_part_voices(placed)
    if parts is not None:
        soprano, alto, tenor, bass = (
            one_voice(p for p, part in zip(placed, parts, strict=True) if part == wanted)
            for wanted in range(4)
        )
        return (soprano, alto), (tenor, bass), True
    right = split_hands(placed)
    hands = (
        [p for p, is_right in zip(placed, right, strict=True) if is_right],
        [p for p, is_right in zip(placed, right, strict=True) if not is_right],
    )
    return two_voices(hands[0]), two_voices(hands[1]), False


def _spelled(placed: Sequence[Placed], bars: Sequence[Bar], keys: Sequence[Key]) -> dict[int, int]:
    """The place on the line of fifths of each note, by the place of its note on."""
    order = sorted(placed, key=lambda p: (p.onset, p.note.pitch))
    note_keys = []
    index = 0
    for p in order:
        while index + 1 < len(bars) and bars[index].end <= p.onset:
            index += 1
        note_keys.append(keys[index])
    names = spell([p.note.pitch for p in order], note_keys)
    return {p.note.on: name for p, name in zip(order, names, strict=True)}


def _directions(
    performance: Performance,
    placed: Sequence[Placed],
    staves: Sequence[Staff],
    plans: Sequence[list[BarPlan]],
    swings: bool,
) -> Directions:
    """What is said of tempo, loudness and pedal, at places where the page has notes."""
    bars = [plan.bar for plan in plans[0]]
    onsets = {sounding.onset for staff in staves for voice in staff for sounding in voice}
    places = Places(performance, placed, onsets)
    marks = tempo_set(performance, places, bars) if is_aligned(performance) else None
    heard = tempo_heard(places, bars) if marks is None else TempoPage(tuple(marks))
    loudness = loudness_of([p for p in placed if p.onset in onsets], bars, ends_in(plans[0]))
    pedals = pedals_of(performance, places, ends_in(plans[1])) if len(plans) > 1 else []
    return Directions(heard, loudness, pedals, swings)


def _columns(placed: Sequence[Placed], bars: Sequence[Bar]) -> list[int]:
    """How many different onsets each bar has."""
    starts = [bar.start for bar in bars]
    counts = [0] * len(bars)
    for onset in {p.onset for p in placed}:
        counts[max(0, bisect_right(starts, onset) - 1)] += 1
    return counts
