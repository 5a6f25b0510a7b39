"""Dynamics, tempo, pedal and swing: what a page says around its notes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from music21 import dynamics, expressions, spanner, tempo

from music21_lstm.encoding import (
    ControlChange,
    KeySignature,
    NoteOff,
    NoteOn,
    Performance,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import PerformedNote, with_deltas
from music21_lstm.encoding.trace import PerformedTrace
from music21_lstm.notation import engrave
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.metre import UNIT, Metre
from music21_lstm.notation.pieces import Piece
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.swing import straightened, swing_ratio
from music21_lstm.notation.voices import Sounding
from music21_lstm.notation.writing import BarPlan, StaffWriter

from .musicxml_checks import read_musicxml, schema_errors
from .performances import of_notes
from .test_notation_score import musicxml, of_chorale

SCALE = (72, 74, 76, 77, 79, 77, 76, 74)


def quarters(velocities, signs=()):
    """A tune in quarters with these velocities; *signs* are (tick, event)."""
    notes = [
        (480 * index, 480 * index + 480, SCALE[index % len(SCALE)], velocity)
        for index, velocity in enumerate(velocities)
    ]
    return of_notes(notes, signs=signs)


def marks_of(page, kind):
    return list(page.recurse().getElementsByClass(kind))


def placed_marks(page, kind):
    """(measure, offset, what it says) of the marks of a kind."""
    return [(m.measureNumber, m.offset, m) for m in marks_of(page, kind)]


def test_a_chorale_of_one_velocity_has_no_dynamics_and_no_pedal():
    page = engrave(of_chorale("bach/bwv66.6")[1])
    kinds = (dynamics.Dynamic, dynamics.DynamicWedge, expressions.PedalMark, tempo.TempoIndication)
    assert [m for kind in kinds for m in marks_of(page, kind)] == []
    assert all(not n.articulations for n in page.recurse().notes)


def test_soft_then_loud_is_two_marks():
    page = engrave(quarters([44, 48, 46] * 16 + [90, 86, 88] * 16))
    found = [(bar, mark.value) for bar, _, mark in placed_marks(page, dynamics.Dynamic)]
    assert found == [(1, "p"), (13, "f")]


def test_velocities_that_vary_within_a_level_are_one_mark():
    rng = np.random.default_rng(3)
    page = engrave(quarters([int(rng.integers(64, 79)) for _ in range(96)]))
    assert [mark.value for mark in marks_of(page, dynamics.Dynamic)] == ["mf"]
    assert marks_of(page, dynamics.DynamicWedge) == []


def test_a_swell_is_a_hairpin_to_the_louder_mark():
    rise = [46 + 3 * i for i in range(14)]
    page = engrave(quarters([45, 47] * 16 + rise + [88, 90] * 16))
    (hairpin,) = marks_of(page, dynamics.Crescendo)
    start, end = hairpin.getFirst(), hairpin.getLast()
    assert 8 <= start.measureNumber <= 10
    assert 11 <= end.measureNumber <= 13
    assert [m.value for m in marks_of(page, dynamics.Dynamic)] == ["p", "f"]
    assert marks_of(page, dynamics.Diminuendo) == []


def test_one_blow_among_quiet_notes_is_an_accent_and_many_are_none():
    quiet = [50, 52, 49, 51] * 25
    page = engrave(quarters([*quiet[:40], 110, *quiet[41:]]))
    accented = [n for n in page.recurse().notes if n.articulations]
    assert [n.volume.velocity for n in accented] == [110]
    page = engrave(quarters([110 if i % 8 == 0 else v for i, v in enumerate(quiet)]))
    assert all(not n.articulations for n in page.recurse().notes)


def test_dynamics_and_hairpins_are_valid_and_between_the_staves():
    page = engrave(quarters([45, 47] * 16 + [46 + 3 * i for i in range(14)] + [88, 90] * 16))
    text = musicxml(page, make_notation=False)
    assert schema_errors(text) == []
    directions = [
        d for d in read_musicxml(text).iter("direction") if d.find(".//dynamics") is not None
    ]
    assert {(d.get("placement"), d.findtext("staff")) for d in directions} == {("below", "1")}


def pedal(*times):
    """Pedal down and up by turns at these ticks."""
    return [(tick, ControlChange(0, 0, 64, 0 if i % 2 else 127)) for i, tick in enumerate(times)]


def pedals(page):
    """(from, to) in quarters of each pedal mark."""
    part = page.parts[1]
    return [
        tuple(float(end.getOffsetInHierarchy(part)) for end in (p.getFirst(), p.getLast()))
        for p in marks_of(page, expressions.PedalMark)
    ]


def with_bass(performance, length=480):
    """The same with a note of the left hand on each quarter."""
    ticks = performance.ticks
    timed = [(tick, 1, event) for tick, event in zip(ticks, performance.events, strict=True)]
    for index in range(performance.duration // length):
        timed.append((index * length, 2, NoteOn(0, 48, 60)))
        timed.append((index * length + length, 0, NoteOff(0, 48)))
    timed.sort(key=lambda entry: entry[:2])
    return Performance(480, with_deltas((tick, event) for tick, _, event in timed))


def test_the_pedal_makes_marks_at_the_notes_and_lengthens_none():
    dry = with_bass(quarters([64] * 16))
    wet = with_bass(quarters([64] * 16, signs=pedal(40, 1900, 2500, 3300)))
    page = engrave(wet)
    assert pedals(page) == [(0.0, 4.0), (5.0, 7.0)]
    lengths = [[n.quarterLength for n in engrave(p).recurse().notes] for p in (dry, wet)]
    assert lengths[0] == lengths[1]


def test_a_change_of_pedal_ends_one_mark_and_starts_the_next_at_the_note():
    changed = pedal(0, 1000, 1060, 1950, 2010, 3800)
    page = engrave(with_bass(quarters([64] * 16, signs=changed)))
    assert pedals(page) == [(0.0, 2.0), (2.0, 4.0), (4.0, 8.0)]


def test_pedal_marks_are_valid_musicxml():
    page = engrave(with_bass(quarters([64] * 16, signs=pedal(40, 1900, 2500, 3300))))
    text = musicxml(page, make_notation=False)
    assert schema_errors(text) == []
    found = [(p.get("type"), p.get("line")) for p in read_musicxml(text).iter("pedal")]
    assert found == [("start", "yes"), ("stop", "yes")] * 2


def played(tempi):
    """Quarters as a rubato tempo map: a tempo for each."""
    signs = [(480 * i, SetTempo.from_mpqn(0, round(60e6 / bpm))) for i, bpm in enumerate(tempi)]
    return quarters([64] * len(tempi), signs)


def words(page):
    return [(m.measureNumber, m.content) for m in marks_of(page, expressions.TextExpression)]


def test_rubato_is_one_mark_with_one_word():
    rng = np.random.default_rng(5)
    page = engrave(played([100 + rng.uniform(-8, 8) for _ in range(96)]))
    assert words(page) == [(1, "Andante")]
    (mark,) = marks_of(page, tempo.MetronomeMark)
    assert 97 <= mark.number <= 103


def test_another_tempo_that_lasts_has_its_own_mark():
    rng = np.random.default_rng(5)
    tempi = [base + rng.uniform(-3, 3) for base in [66] * 64 + [138] * 64]
    page = engrave(played(tempi))
    assert words(page) == [(1, "Adagio"), (17, "Allegro")]


def test_a_clear_slowing_is_a_ritardando_with_its_return():
    rng = np.random.default_rng(5)
    tempi = [130 + rng.uniform(-2, 2) for _ in range(96)]
    tempi[44:52] = [105, 95, 90, 85, 75, 65, 55, 50]
    page = engrave(played(tempi))
    assert words(page) == [(1, "Allegro"), (12, "rit."), (14, "a tempo")]


def sounding(onset, end, pitch, graces=()):
    notes = (placed(onset, end, pitch),)
    return Sounding(onset, end, notes, graces=tuple(placed(onset, onset, p) for p in graces))


def placed(onset, end, pitch):
    return Placed(PerformedNote(pitch, 80, onset, end, 64, pitch, None), onset, end, True)


@pytest.mark.parametrize(
    ("seen", "graces"), [((True, True), ()), ((False, True), ()), ((True, False), (59,))]
)
def test_a_fermata_stands_once_on_what_is_seen_and_on_no_grace_note(seen, graces):
    bar = Bar(1, 0, 4 * UNIT, Metre(4, 4), new_metre=True)
    values = [
        Piece(
            0, bar.length, sounding(0, bar.length, pitch, graces) if shown else None, visible=shown
        )
        for pitch, shown in zip((72, 60), seen, strict=True)
    ]
    plan = BarPlan(bar, [values[0]], [values[1]], (0, "major"), False, None, False, False)
    names = {72: 0, 60: 0, 59: 5}
    traces = dict.fromkeys(names, PerformedTrace(0, None, 0, 0, 64, False))
    measure = StaffWriter(names, traces, ("1", "2"), fermatas=(0,)).measure(plan)
    held = {
        (voice.id, element.duration.isGrace)
        for voice in measure.voices
        for element in voice.notesAndRests
        if element.expressions
    }
    assert held == {("1" if seen[0] else "2", False)}


def test_a_note_held_far_beyond_its_value_has_a_fermata():
    rng = np.random.default_rng(5)
    tempi = [100 + rng.uniform(-2, 2) for _ in range(64)]
    tempi[31] = 20
    page = engrave(played(tempi))
    held = [n for n in page.parts[0].recurse().notes if n.expressions]
    assert [(n.measureNumber, n.offset) for n in held] == [(8, 3.0)]
    assert words(page) == [(1, "Andante")]


def swinging(late, beats=64):
    rng = np.random.default_rng(7)
    timed = [(0, 0, TimeSignature(0, 4, 4))]
    for beat in range(beats):
        for part in (0.0, late):
            tick = 480 * beat + round(480 * part) + (int(rng.integers(-9, 10)) if part else 0)
            pitch = SCALE[beat % 8] + (1 if part else 0)
            timed.append((tick, 2, NoteOn(0, pitch, 80)))
            timed.append((tick + 130, 1, NoteOff(0, pitch)))
    timed.sort(key=lambda entry: entry[:2])
    return Performance(480, with_deltas((tick, event) for tick, _, event in timed))


def test_swung_eighths_are_written_straight_with_a_word():
    performance = swinging(0.63)
    page = engrave(performance)
    assert (1, "Swing") in words(page)
    offsets = {n.offset % 1 for n in page.recurse().notes}
    assert offsets == {0.0, 0.5}
    for element in page.parts[0].recurse().notes:
        trace = element.editorial["performed"]
        onset = round(float(element.getOffsetInHierarchy(page.parts[0])) * 480)
        event_ticks = performance.ticks
        assert onset + trace.onset_shift == event_ticks[trace.on]


@pytest.mark.parametrize("late", [0.5, 0.75])
def test_straight_and_dotted_rhythms_do_not_swing(late):
    assert all(word != "Swing" for _, word in words(engrave(swinging(late))))


def test_triplets_do_not_swing():
    assert swing_ratio([b + part / 3 for b in range(40) for part in range(3)]) is None


@pytest.mark.parametrize("ratio", [1.4, 1.7, 2.4])
def test_straightening_puts_the_late_eighth_at_half_and_keeps_the_beats(ratio):
    late = ratio / (1 + ratio)
    assert straightened(late, ratio) == pytest.approx(0.5)
    assert (straightened(0, ratio), straightened(1, ratio)) == (0, 1)
    assert swing_ratio([b + p for b in range(20) for p in (0, late)]) == pytest.approx(
        ratio, abs=0.01
    )


def test_long_stretches_above_the_staff_have_an_octave_line_and_sound_where_they_did():
    high = [96, 98, 100, 101, 103, 101, 100, 98] * 4
    events = [e for p in high for e in (NoteOn(0, p, 80), NoteOff(480, p))]
    page = engrave(Performance(480, events))
    (line,) = marks_of(page, spanner.Ottava)
    assert (line.type, line.transposing) == ("8va", False)
    assert [n.pitch.midi for n in page.parts[0].recurse().notes] == high
    text = musicxml(page, make_notation=False)
    assert schema_errors(text) == []
    assert [o.get("type") for o in read_musicxml(text).iter("octave-shift")] == ["down", "stop"]


def test_one_high_note_has_none():
    events = [e for p in [76, 96, 76, 74] for e in (NoteOn(0, p, 80), NoteOff(480, p))]
    assert marks_of(engrave(Performance(480, events)), spanner.Ottava) == []


def test_c_major_alone_says_nothing_of_the_key_of_what_was_played_freely():
    rng = np.random.default_rng(7)
    scale = (74, 76, 78, 79, 81, 83, 85, 86, 78, 74, 81, 69)
    times = np.cumsum(480 + rng.normal(0, 60, 96)).astype(int).tolist()
    timed = [(0, KeySignature(0, 0))]
    for index, (start, end) in enumerate(pairwise(times)):
        pitch = scale[index % len(scale)]
        timed += [(start, NoteOn(0, pitch, 64)), (end - 1, NoteOff(0, pitch))]
    page = engrave(Performance(480, with_deltas(sorted(timed, key=lambda entry: entry[0]))))
    assert page.recurse().getElementsByClass("KeySignature").first().sharps == 2
