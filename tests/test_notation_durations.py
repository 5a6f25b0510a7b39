"""Note values and voices of what was played: legato, staccato, held notes, rests."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.encoding import PerformedNote
from music21_lstm.notation.bars import Section, bars_of
from music21_lstm.notation.durations import played_voices
from music21_lstm.notation.metre import UNIT, Metre
from music21_lstm.notation.played import is_written
from music21_lstm.notation.quantize import Placed


def placed(*notes):
    """Notes on the page from (pitch, onset, end) in quarters; the ends are as played."""
    return [
        Placed(PerformedNote(0, 0, pitch, 64, 64, i, None), int(on * UNIT), int(end * UNIT), False)
        for i, (pitch, on, end) in enumerate(notes)
    ]


def voices(*notes, seconds=0.5, metre="4/4"):
    """What is written, in quarters: (low pitch, onset, length, staccato) of each voice."""
    page = placed(*notes)
    bars = bars_of([Section(0, Metre(*map(int, metre.split("/"))))], max(p.end for p in page))
    held = {p.note.on: (p.end - p.onset) / UNIT * seconds for p in page}
    return [
        [(s.low, s.onset / UNIT, (s.end - s.onset) / UNIT, s.staccato) for s in voice]
        for voice in played_voices(page, bars, held)
    ]


def test_a_note_released_early_or_late_lasts_until_the_next():
    upper, lower = voices((60, 0, 0.8), (62, 1, 2.1), (64, 2, 2.7), (65, 3, 3.9))
    assert [(onset, length) for _, onset, length, _ in upper] == [(0, 1), (1, 1), (2, 1), (3, 1)]
    assert not any(short for *_, short in upper)
    assert lower == []


def test_short_notes_are_full_values_with_a_dot():
    upper, _ = voices(*((60 + i, i / 2, i / 2 + 0.15) for i in range(8)))
    assert [(length, short) for _, _, length, short in upper] == [(0.5, True)] * 8


def test_slow_notes_that_are_let_go_early_are_not_staccato():
    upper, _ = voices(*((60 + i, i, i + 0.4) for i in range(4)), seconds=2.0)
    assert not any(short for *_, short in upper)


def test_a_chord_before_a_long_silence_is_followed_by_rests_from_a_beat_on():
    upper, _ = voices((60, 0, 0.7), (64, 4, 7.9))
    assert [(onset, length) for _, onset, length, _ in upper] == [(0, 1), (4, 4)]


def test_a_detached_quarter_in_compound_time_is_a_quarter_and_no_eighth_with_a_rest():
    upper, _ = voices((60, 0, 0.3), (62, 1, 1.4), (64, 1.5, 1.8), (65, 2.5, 2.9), metre="6/8")
    assert [(onset, length) for _, onset, length, _ in upper[:3]] == [(0, 1), (1, 0.5), (1.5, 1)]


def test_a_syncopation_that_is_let_go_early_ends_on_the_beat_rather_than_be_tied_over_it():
    upper, _ = voices((60, 0, 0.9), (62, 1, 1.7), (64, 1.75, 1.9), (65, 2.75, 2.9), (67, 3, 3.9))
    assert [(onset, length) for _, onset, length, _ in upper][2] == (1.75, 0.25)


def test_a_melody_held_over_a_moving_accompaniment_has_its_own_voice():
    moving = [(64 - i % 2 * 4, i / 2, i / 2 + 0.45) for i in range(1, 8) if i != 4]
    upper, lower = voices((76, 0, 1.95), *moving[:3], (77, 2, 3.9), *moving[3:])
    assert [(low, length) for low, _, length, _ in upper] == [(76, 2), (77, 2)]
    assert len(lower) == 6


def test_a_bass_held_under_moving_chords_has_the_second_voice():
    moving = [(60 + i % 2 * 4, i / 2, i / 2 + 0.45) for i in range(1, 8)]
    upper, lower = voices((36, 0, 3.9), *moving, (36, 4, 7.9))
    assert [(low, length) for low, _, length, _ in lower] == [(36, 4)]
    assert len(upper) == 8


@pytest.mark.parametrize("overlap", [0.05, 0.2, 0.4])
def test_a_legato_needs_no_second_voice(overlap):
    _, lower = voices(*((60 + i % 5, i / 2, i / 2 + 0.5 + overlap) for i in range(8)))
    assert lower == []


def test_fingers_that_stay_down_in_a_broken_chord_need_no_second_voice():
    pitches = [48, 55, 64, 55]
    _, lower = voices(*((pitches[i % 4], i / 4, i / 4 + 0.7) for i in range(16)))
    assert lower == []


def test_note_ends_on_the_grid_are_believed_and_others_are_not():
    exact = [p._replace(sure=True) for p in placed((60, 0, 1), (62, 1, 2), (64, 2, 3))]
    assert is_written(exact, aligned=True)
    assert not is_written(placed((60, 0, 1), (62, 1, 2)), aligned=True)
    assert not is_written(exact, aligned=False)


def test_a_note_let_go_soon_after_a_bar_line_ends_at_it():
    upper, _ = voices((60, 0, 3), (62, 3, 4.4), (64, 5, 6), (65, 6, 7.9))
    assert [(onset, length) for _, onset, length, _ in upper][:2] == [(0, 3), (3, 1)]


def test_a_note_held_nearly_to_the_next_is_tied_over_the_bar_line():
    upper, _ = voices((60, 0, 3), (62, 3, 4.95), (64, 5, 6), (65, 6, 7.9))
    assert [(onset, length) for _, onset, length, _ in upper][:2] == [(0, 3), (3, 2)]


@given(st.lists(st.tuples(st.integers(40, 60), st.integers(0, 40), st.integers(1, 60)), min_size=1))
def test_every_note_is_written_once_and_no_voice_overlaps(raw):
    notes = [(pitch, onset / 4, onset / 4 + length / 7) for pitch, onset, length in raw]
    page = placed(*notes)
    bars = bars_of([Section(0, Metre(3, 4))], max(p.end for p in page))
    both = played_voices(page, bars, {p.note.on: 0.3 for p in page})
    written = sorted(p.note.on for voice in both for s in voice for p in s.notes)
    assert written == list(range(len(page)))
    for voice in both:
        assert all(s.end > s.onset for s in voice)
        assert all(a.end <= b.onset for a, b in pairwise(voice))
        assert all(s.end <= bars[-1].end for s in voice)
