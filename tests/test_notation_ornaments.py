"""Rolls, grace notes, trills and their signs; and that every key pressed comes back."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import chord, converter, expressions, note

from music21_lstm.encoding import Performance, SetTempo
from music21_lstm.notation import engrave
from music21_lstm.notation.ornaments import heard_of, united
from music21_lstm.notation.quantize import Placed
from music21_lstm.streams.decode import engraved_stream
from music21_lstm.streams.encode import performance_of_stream
from tests.performances import of_notes

MS = 500
"""Ticks a quarter at 120 beats a minute: one tick is a millisecond."""


def played(*notes):
    """A performance from (pitch, onset, end) in milliseconds, at 120 beats a minute."""
    rows = sorted((on, end, pitch, 70) for pitch, on, end in notes)
    return of_notes(rows, MS)


BASS = [(36 + 7 * (i % 2), 250 * i, 250 * i + 233) for i in range(16)]
"""Eighths for the left hand, with ends that stand on no grid."""


def tune(*notes):
    """*notes* over a bass, with a plain quarter before and after."""
    return played((72, 0, 470), *notes, (72, 3000, 3477), (74, 3500, 3977), *BASS)


def keys(performance):
    """What was pressed, when, how hard and how long."""
    return sorted((n.onset, n.end, n.pitch, n.velocity) for n in performance.notes)


def right_hand(score):
    return list(score.parts[0].recurse().notes)


def signs(score, kind):
    """The notes with a sign of this kind."""
    return [n for n in score.recurse().notes if any(isinstance(e, kind) for e in n.expressions)]


TRILL = [(76 + i % 2, 1000 + 70 * i, 1000 + 70 * i + 61) for i in range(14)]
MORDENT = [(76, 1000, 1061), (77, 1063, 1121), (76, 1126, 1877)]
TURN = [(77, 1000, 1061), (76, 1063, 1121), (74, 1126, 1187), (76, 1190, 1877)]
ROLL = [(64 + 4 * i, 1000 + 31 * i, 1877) for i in range(4)]
GRACE = [(79, 960, 1007), (81, 1013, 1877)]
CASES = {"trill": TRILL, "mordent": MORDENT, "turn": TURN, "roll": ROLL, "grace": GRACE}


def test_a_quick_alternation_is_one_note_with_a_trill_sign():
    score = engrave(tune(*TRILL))
    (trilled,) = signs(score, expressions.Trill)
    assert trilled.pitch.midi == 76
    assert trilled.quarterLength >= 2
    assert [n.pitch.midi for n in right_hand(score)].count(77) == 0


@pytest.mark.parametrize(("after", "loud"), [(31, 70), (110, 1)])
def test_a_key_that_bounced_is_one_note_and_goes_where_that_goes(after, loud):
    rows = [(on + 7 * on % 11, end, pitch, 70) for pitch, on, end in BASS]
    rows += [(1000, 1000 + after, 76, 70), (1000 + after, 1877, 76, loud), (2000, 2877, 79, 70)]
    performance = of_notes(sorted(rows), MS)
    score = engraved_stream(performance)
    pieces = [n for n in right_hand(score) if n.pitch.midi == 76]
    assert sum(n.tie is None or n.tie.type == "start" for n in pieces) == 1
    assert sum(n.quarterLength for n in pieces) >= 1
    assert keys(performance_of_stream(score)) == keys(performance)
    for n in pieces:
        n.transpose(1, inPlace=True)
    assert sorted(
        n.velocity for n in performance_of_stream(score).notes if n.pitch == 77
    ) == sorted([70, loud])


def test_a_key_struck_again_as_quickly_as_a_hand_can_is_two_notes():
    rows = [(on, end, pitch, 70) for pitch, on, end in BASS]
    rows += [(1000, 1120, 76, 70), (1125, 1240, 76, 60), (1250, 1477, 76, 70), (1500, 1977, 79, 70)]
    score = engrave(of_notes(sorted(rows), MS))
    assert [n.pitch.midi for n in right_hand(score)].count(76) == 3


def test_an_alternation_in_sixteenths_is_written_out():
    slow = [(76 + i % 2, 1000 + 125 * i, 1000 + 125 * i + 111) for i in range(8)]
    assert not signs(engrave(tune(*slow)), expressions.Trill)


@pytest.mark.parametrize(
    ("notes", "kind"), [(MORDENT, expressions.InvertedMordent), (TURN, expressions.Turn)]
)
def test_a_quick_turning_figure_before_a_long_note_is_a_sign(notes, kind):
    score = engrave(tune(*notes))
    (ornamented,) = signs(score, kind)
    assert ornamented.pitch.midi == 76
    begun = [n.pitch.midi for n in right_hand(score) if n.tie is None or n.tie.type == "start"]
    assert begun == [72, 76, 72, 74]


def test_a_chord_rolled_upward_has_one_onset_and_the_sign():
    (rolled,) = signs(engrave(tune(*ROLL)), expressions.ArpeggioMark)
    assert isinstance(rolled, chord.Chord)
    assert [p.midi for p in rolled.pitches] == [64, 68, 72, 76]


def test_a_chord_struck_at_once_has_no_sign():
    chords = [(64 + 4 * i, 1000 + 3 * i, 1877) for i in range(4)]
    assert not signs(engrave(tune(*chords)), expressions.ArpeggioMark)


def test_a_fast_scale_is_neither_a_roll_nor_grace_notes():
    scale = [(60 + 2 * i, 1000 + 60 * i, 1000 + 60 * i + 55) for i in range(16)]
    score = engrave(tune(*scale))
    assert not signs(score, expressions.Expression)
    assert not any(n.duration.isGrace for n in right_hand(score))


def test_a_short_note_just_before_its_main_note_is_a_grace_note():
    notes = right_hand(engrave(tune(*GRACE)))
    graces = [n for n in notes if n.duration.isGrace]
    assert [n.pitch.midi for n in graces] == [79]
    after = notes[notes.index(graces[0]) + 1]
    assert after.pitch.midi == 81


def test_a_tune_that_runs_ahead_of_its_chord_stands_in_the_chord():
    # 27 ms before the chord, and let go as soon as it, as pianists play an upper line.
    notes = right_hand(engrave(tune((79, 973, 1090), (71, 1000, 1400), (67, 1003, 1400))))
    assert not any(n.duration.isGrace for n in notes)
    with_it = [[p.midi for p in n.pitches] for n in notes if 79 in [p.midi for p in n.pitches]]
    assert with_it == [[67, 71, 79]]


def test_the_sixteenth_of_a_dotted_rhythm_is_no_grace_note():
    dotted = [(76, 1000, 1361), (77, 1375, 1487), (79, 1500, 1977)]
    assert not any(n.duration.isGrace for n in right_hand(engrave(tune(*dotted))))


@pytest.mark.parametrize("name", CASES)
def test_what_a_sign_stands_for_is_played_back_event_for_event(name):
    performance = tune(*CASES[name])
    assert keys(performance_of_stream(engrave(performance), resolution=MS)) == keys(performance)


def test_a_trill_that_is_transposed_takes_its_notes_along():
    score = engrave(tune(*TRILL))
    (trilled,) = signs(score, expressions.Trill)
    trilled.pitch.midi = 64
    pitches = [n.pitch for n in performance_of_stream(score).notes]
    assert pitches.count(65) == pitches.count(64) == 7


@pytest.mark.parametrize("name", CASES)
def test_the_signs_are_in_the_file_and_every_bar_is_full(name, tmp_path):
    path = engrave(tune(*CASES[name])).write(
        "musicxml", tmp_path / "a.musicxml", makeNotation=False
    )
    read = converter.parse(path, forceSource=True)
    for measure in read.recurse().getElementsByClass("Measure"):
        for voice in measure.voices or [measure]:
            assert sum(Fraction(e.quarterLength) for e in voice.notesAndRests) == 4
    kinds = {
        "trill": expressions.Trill,
        "mordent": expressions.InvertedMordent,
        "turn": expressions.Turn,
        "roll": expressions.ArpeggioMark,
    }
    if name in kinds:
        assert len(signs(read, kinds[name])) == 1
    else:
        assert sum(n.duration.isGrace for n in read.recurse().getElementsByClass(note.Note)) == 1


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.tuples(st.integers(60, 66), st.integers(5, 140), st.integers(20, 400)),
        min_size=2,
        max_size=24,
    )
)
def test_whatever_is_quick_no_key_is_lost_and_no_voice_overlaps(rows):
    now, notes = 0, []
    for pitch, wait, length in rows:
        now += wait
        notes.append((pitch, now, now + length))
    performance = played(*notes)
    score = engrave(performance)
    assert keys(performance_of_stream(score, resolution=MS)) == keys(performance)
    for measure in score.recurse().getElementsByClass("Measure"):
        for voice in measure.voices or [measure]:
            timed = [n for n in voice.notesAndRests if not n.duration.isGrace]
            for a, b in pairwise(timed):
                assert Fraction(a.offset) + Fraction(a.quarterLength) == Fraction(b.offset)


@pytest.mark.parametrize("tempo", [300_000, 450_000, 480_000])
def test_notes_of_one_pitch_however_quick_are_a_series_and_no_bounces(tempo):
    rows = [(480 * i, 480 * i + 400, 48, 70) for i in range(32)]
    rows += [(60 * i, 60 * i + 40 + i % 11, 72, 80) for i in range(256)]
    performance = of_notes(sorted(rows), 480)
    events = (SetTempo.from_mpqn(0, tempo), *performance.events)
    score = engrave(Performance(480, events))
    begun = [n for n in score.recurse().notes if n.tie is None or n.tie.type == "start"]
    assert sum(len(n.pitches) for n in begun) == 288
    assert len(united(heard_of_played(0.055), ())[0]) == 20


def heard_of_played(step):
    """Twenty notes of one pitch, so many seconds apart."""
    ticks = [round(1000 * step * i) for i in range(20)]
    performance = of_notes([(tick, tick + 20, 60, 80) for tick in ticks], MS)
    placed = [Placed(note, i, i + 1, False) for i, note in enumerate(performance.notes)]
    return heard_of(placed, performance.times)
