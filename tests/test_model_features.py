"""The law of the fields: what is encoded decodes to itself, and never breaks its own grammar."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.encoding import NoteOff, NoteOn, Performance, TimeSignature
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.errors import ModelError
from music21_lstm.model.config import END, START, EventsConfig, written_edges
from music21_lstm.model.features import (
    Bars,
    decode,
    decode_event,
    encode,
    velocity_bin,
    velocity_of,
)
from music21_lstm.model.tracker import Tracker
from tests.strategies import messy_performances

COARSE = EventsConfig(
    time_base="played", resolution=50, delta_edges=(0, 1, 2, 4, 8, 16, 40), bar_positions=0
)
WRITTEN = EventsConfig()


@given(messy_performances(), st.sampled_from([WRITTEN, COARSE]))
def test_what_decodes_encodes_to_the_same_fields(performance, config):
    once = encode(performance, config, end=True)
    again = encode(decode(once, config), config, end=True)
    for name in ("delta", "key", "velocity", "sounding"):
        assert np.array_equal(getattr(once, name), getattr(again, name)), name


@given(messy_performances(), st.sampled_from([WRITTEN, COARSE]))
def test_a_decoded_performance_has_no_stuck_overlapping_or_empty_note(performance, config):
    heard = decode(encode(performance, config, end=True), config)
    assert all(note.off is not None and note.duration >= 1 for note in heard.notes)
    assert 2 * len(heard.notes) == len(heard)
    ends: dict[int, int] = {}
    for note in heard.notes:
        assert note.onset >= ends.get(note.pitch, 0)
        ends[note.pitch] = note.end


@given(messy_performances(), st.sampled_from([WRITTEN, COARSE]))
def test_the_tracker_finds_every_encoded_event_legal_and_sees_the_same_notes(performance, config):
    rows = encode(performance, config, end=True)
    tracker = Tracker(config)
    for row, (delta, key, velocity) in enumerate(rows.steps):
        if row:
            assert tracker.legal(delta)[key]
            tracker.take(delta, key, velocity)
        assert np.array_equal(tracker.sounding, rows.sounding[row])
    assert key == END
    assert not tracker.sounding.any()


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 257)), max_size=200))
def test_whatever_is_chosen_among_the_legal_there_is_always_a_next(choices):
    tracker = Tracker(COARSE)
    tracker.take(0, 255)  # the highest note: nothing above it may stand together with it
    assert not tracker.together()
    for delta, wish in choices:
        delta = delta if delta or tracker.together() else 1
        legal = np.flatnonzero(tracker.legal(delta)[:END])
        assert len(legal)
        tracker.take(delta, int(legal[wish % len(legal)]))


def test_notes_on_the_grid_come_back_as_they_were():
    events = [(0, NoteOn(0, 60, 82)), (0, NoteOn(0, 64, 82)), (480, NoteOff(0, 60)),
              (480, NoteOn(0, 62, 82)), (960, NoteOff(0, 62)), (960, NoteOff(0, 64))]  # fmt: skip
    tune = Performance(480, with_deltas(events))
    assert decode(encode(tune, WRITTEN), WRITTEN).rescaled(480) == tune


def test_a_pitch_struck_again_is_written_as_off_and_on_and_lasts_as_long_as_both():
    tune = Performance(24, [NoteOn(0, 60, 80), NoteOn(24, 60, 80), NoteOff(6, 60), NoteOff(18, 60)])
    assert [(n.onset, n.end) for n in decode(encode(tune, WRITTEN), WRITTEN).notes] == [
        (0, 24),
        (24, 48),
    ]


def test_a_rest_past_the_longest_delta_loses_whole_bars_and_keeps_its_place_in_the_bar():
    tune = Performance(24, [NoteOn(0, 60, 80), NoteOff(24, 60), NoteOn(1000, 60, 80)])
    rows = encode(tune, WRITTEN)
    step = WRITTEN.delta_edges[rows.delta[3]]
    assert step <= 192
    assert (1000 - step) % 96 < 12  # what the coarse bins lose, the next delta makes up
    assert rows.position[3] == (24 + step) % 96


def test_chord_notes_stay_together_where_deltas_are_coarse():
    tune = Performance(
        50, [NoteOn(0, 60, 80), NoteOff(7, 60), NoteOn(0, 62, 80), NoteOn(0, 64, 80)]
    )
    assert encode(tune, COARSE).delta.tolist() == [0, 0, 3, 0, 0, 3, 0]


def test_lost_ticks_are_made_up_so_that_time_does_not_drift():
    steps = [7] * 99
    tune = Performance(
        50,
        [
            e
            for i, d in enumerate(steps)
            for e in (NoteOn(d, 60 + i % 2, 80), NoteOff(d, 60 + i % 2))
        ],
    )
    assert abs(decode(encode(tune, COARSE), COARSE).duration - tune.duration) < 8


def test_a_pickup_is_counted_back_from_the_first_full_bar():
    tune = Performance(
        24, [TimeSignature(0, 1, 4), NoteOn(0, 60, 80), TimeSignature(24, 3, 4), NoteOff(0, 60)]
    )
    bars = Bars(tune, WRITTEN)
    assert [bars.at(tick) for tick in (0, 23, 24, 95, 96)] == [
        (48, 72),
        (71, 72),
        (0, 72),
        (71, 72),
        (0, 72),
    ]
    assert encode(tune, WRITTEN).position.tolist() == [48, 48, 0]


def test_the_tracker_goes_on_where_a_primer_stops():
    tune = Performance(24, [TimeSignature(0, 3, 4), NoteOn(0, 60, 80), NoteOff(24, 60)])
    tracker = Tracker.after(tune, WRITTEN)
    assert (tracker.position, tracker.remaining, tracker.key) == (24, 47, 60)
    assert tracker.rows(48) == (0, 71)


def test_the_first_row_is_the_start_and_the_last_the_end():
    rows = encode(Performance(24, [NoteOn(0, 60, 80), NoteOff(24, 60)]), WRITTEN, end=True)
    assert rows.key.tolist() == [START, 188, 60, END]
    assert rows.notes == 1
    assert decode_event(0, START, 0, WRITTEN) is None
    assert {len(getattr(rows, field.name)) for field in fields(rows)} == {4}


def test_a_performance_without_notes_cannot_be_encoded():
    with pytest.raises(ModelError, match="no notes"):
        encode(Performance(24, [NoteOff(0, 60)]), WRITTEN)


@given(st.integers(1, 127), st.integers(1, 127))
def test_the_velocity_of_a_bin_falls_into_that_bin(bins, velocity):
    config = EventsConfig(velocity_bins=bins)
    index = velocity_bin(velocity, config)
    assert 1 <= index <= bins
    assert velocity_bin(velocity_of(index, config), config) == index


@given(st.integers(1, 480))
def test_the_edges_for_written_music_suit_any_resolution(resolution):
    config = EventsConfig(resolution=resolution, delta_edges=written_edges(resolution))
    assert 7 * resolution < config.delta_edges[-1] <= 8 * resolution
