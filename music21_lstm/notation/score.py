"""Engraving: a performance as a piano score that a person can read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from music21 import layout, metadata, stream

from music21_lstm.encoding.events import TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import EncodingError
from music21_lstm.notation.bars import Bar, Section, bars_of, sections_of
from music21_lstm.notation.beats import Beats, place_played, read_beats, sections_heard
from music21_lstm.notation.clefs import Clef, Reading
from music21_lstm.notation.directions import (
    Directions,
    add_chords,
    add_directions,
    add_readings,
    add_staff_size,
    add_system_breaks,
)
from music21_lstm.notation.dynamics import loudness_of
from music21_lstm.notation.hands import four_part_voices, split_hands
from music21_lstm.notation.keys import Key, parse_key
from music21_lstm.notation.lead_sheet import chords_under, melody_of
from music21_lstm.notation.marks import keys_of
from music21_lstm.notation.metre import Metre
from music21_lstm.notation.pedal import pedals_of
from music21_lstm.notation.places import Places
from music21_lstm.notation.plans import ends_in, octave_bars, plans_of
from music21_lstm.notation.played import is_written, played_staves
from music21_lstm.notation.quantize import Placed, is_aligned, is_clocked, place_notes
from music21_lstm.notation.spelling import spell
from music21_lstm.notation.swing import swung, unswung
from music21_lstm.notation.tempo_words import TempoPage, tempo_heard, tempo_set
from music21_lstm.notation.voices import Staff, one_voice, two_voices
from music21_lstm.notation.writing import BarPlan, StaffWriter, traces_of

__all__ = ["engrave"]

_VOICE_IDS = (("1", "2"), ("5", "6"))
"""MusicXML's habit: voices 1 to 4 on the upper staff of a piano, 5 to 8 on the lower."""


def engrave(
    performance: Performance,
    *,
    time_signature: str | None = None,
    key: str | None = None,
    beats: Beats | None = None,
    divisions: tuple[int, ...] = (4, 3),
    lead_sheet: bool = False,
    title: str | None = None,
    composer: str | None = None,
    generated_by: str | None = None,
) -> stream.Score:
    """Write *performance* as a piano score: two staves, bars, voices, keys and note names.

    Ticks that are a score's own are written exactly. Others are snapped to the best of
    *divisions* of each quarter. *time_signature* (``"3/4"``) and *key* (``"B- major"``, ``"f#"``)
    override the performance's own.
    What was played to no click has its beats and bars found first; *beats* (the second of each, or
    of each with its number in the bar) are obeyed.
    Eighths that swing are written straight, with the word. A *lead_sheet* is one staff: the melody,
    with chord symbols for the rest. *title*, *composer* and *generated_by* (a preset) are metadata.
    Each note carries its :class:`~music21_lstm.encoding.trace.PerformedTrace`, so nothing of the
    performance is lost (but on a lead sheet). The rules and what is still weak: docs/notation.md.

    Raises :class:`~music21_lstm.errors.EncodingError` for a *time_signature*, *key*, *beats*
    or *divisions* that cannot be written; never for the performance.

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> score = engrave(Performance(480, [NoteOn(0, 61, 80), NoteOff(720, 61)]))
    >>> note = score.recurse().notes.first()
    >>> note.nameWithOctave, note.quarterLength
    ('C#4', 1.5)
    """
    override = _override(time_signature)
    asked = None if key is None else parse_key(key)
    if not divisions or any(d.__class__ is not int or not 1 <= d <= 32 for d in divisions):
        raise EncodingError(
            f"divisions {divisions!r} cannot be written; give whole numbers from 1 to 32, as (4, 3)"
        )
    placed, sections, swings = _placed(performance, override, divisions, beats)
    bars = bars_of(sections, max((p.end for p in placed), default=0))
    places = Places(performance, placed)
    keys = [asked] * len(bars) if asked else keys_of(performance, places, placed, bars)
    melody = melody_of(placed) if lead_sheet else []
    staves: list[Staff]
    if lead_sheet:
        staves, all_rests = [(one_voice(melody), [])], True
    else:
        right, left, all_rests = _staves(performance, placed, bars)
        staves = [right, left]
    usual: tuple[Clef, Clef] = ("treble", "bass")
    plans: list[tuple[list[BarPlan], list[tuple[int, Reading]]]] = []
    for staff, clef in zip(staves, usual, strict=False):
        other = octave_bars(bars, plans[0][1]) if plans else ()
        plans.append(plans_of(staff, bars, keys, clef, all_rests=all_rests, other=other))
    directions = _directions(performance, placed, staves, [bars for bars, _ in plans], swings)
    parts = _parts(performance, _spelled(placed, bars, keys), staves, plans, directions)
    if lead_sheet:
        add_chords(parts[0], bars, keys, chords_under(placed, melody, bars))
    add_directions(parts, bars, directions)
    columns = _columns(placed, bars)
    add_staff_size(parts, columns)
    add_system_breaks(parts[0], columns)
    return _score(parts, title, composer, generated_by)


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
    if given is None and (is_aligned(performance) or is_clocked(performance)):
        straight = unswung(performance)
        sections = _sections(straight or performance, metre)
        if straight is None:
            return *place_notes(performance, sections, divisions), False
        placed, sections = place_notes(straight, sections, divisions)
        played = {note.on: note for note in performance.notes}
        return [p._replace(note=played[p.note.on]) for p in placed], sections, True
    placed, sections, _ = place_played(performance, metre, given)
    moved = None if any(s.metre.compound for s in sections) else swung(placed)
    return moved or placed, sections, moved is not None


def _sections(performance: Performance, metre: Metre | None) -> list[Section]:
    """The metres that are given; where none is, those heard."""
    told = metre or any(isinstance(event, TimeSignature) for event in performance.events)
    heard = None if told else sections_heard(performance)
    return heard or sections_of(performance, metre)


def _override(time_signature: str | None) -> Metre | None:
    if time_signature is None:
        return None
    numerator, _, denominator = time_signature.partition("/")
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


def _parts(
    performance: Performance,
    spelled: dict[int, int],
    staves: Sequence[Staff],
    plans: Sequence[tuple[list[BarPlan], list[tuple[int, Reading]]]],
    directions: Directions,
) -> list[stream.PartStaff]:
    # Voices in every bar or in none: else their numbers would change from bar to bar.
    voices_needed = any(lower for _, lower in staves)
    parts = []
    for number, (staff, (bars, readings)) in enumerate(zip(staves, plans, strict=True)):
        traces = traces_of(performance, [*staff[0], *staff[1]])
        ids = _VOICE_IDS[number] if voices_needed else None
        writer = StaffWriter(spelled, traces, ids, directions.loudness.accents)
        part = writer.part(bars, f"P1-Staff{number + 1}")
        add_readings(part, [plan.bar for plan in bars], readings)
        parts.append(part)
    return parts


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


def _score(
    parts: list[stream.PartStaff],
    title: str | None,
    composer: str | None,
    generated_by: str | None,
) -> stream.Score:
    score = stream.Score()
    data = metadata.Metadata()
    # An empty name keeps music21 from printing "Music21 Fragment" and "Music21" as its own.
    data.movementName = title or ""
    data.composer = composer or ""
    data.add("software", f"music21-lstm, {generated_by}" if generated_by else "music21-lstm")
    score.insert(0, data)
    for part in parts:
        score.insert(0, part)
    if len(parts) > 1:
        score.insert(0, layout.StaffGroup(parts, name="Piano", symbol="brace", barTogether=True))
    return score
