"""What is seen of a whole piece is what is seen event by event, on any music."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_lstm.encoding.midi import read_midi
from music21_lstm.model.config import END, EventsConfig, embeddings, played_edges
from music21_lstm.model.context import NEVER, TIMES, clock, observe, rows_seen
from music21_lstm.model.features import decode, encode
from music21_lstm.model.pedal import legal_gestures
from music21_lstm.model.tracker import Tracker, legal_keys
from tests.strategies import messy_performances

PLAIN = EventsConfig(ages=True, recall=True, pedal=True, steering=True)
WRITTEN = replace(PLAIN, sequences=True, ends=True)
TOLERANT = replace(WRITTEN, tolerant=True)
PLAYED = replace(
    WRITTEN,
    time_base="played",
    resolution=50,
    delta_edges=played_edges(),
    bar_positions=0,
)
COARSE = replace(PLAYED, delta_edges=(0, 1, 2, 4, 8, 16, 40), tolerant=True)


def _agree(performance, config):
    """Take the events of a piece one by one, each legal, and see the same as of the whole."""
    rows = encode(performance, config, end=True)
    seen = observe(rows, config)
    assert set(seen) == {*rows_seen(config), "since"}
    tracker = Tracker(config)
    for t, (delta, key, velocity) in enumerate(rows.steps):
        gesture = int(rows.gesture[t])
        if t:
            assert tracker.legal(delta)[key]
            assert legal_gestures(config.delta_edges[delta])[gesture]
        tracker.take(delta, key, velocity, gesture)
        assert np.array_equal(tracker.sounding, rows.sounding[t])
        assert np.array_equal(tracker.since(), seen["since"][t])
        now = {name: int(seen[name][t]) for name in rows_seen(config)}
        assert {name: tracker.columns()[name] for name in now} == now
    return rows, seen


@settings(max_examples=50)
@given(
    messy_performances(metres=((),)), st.sampled_from([PLAIN, WRITTEN, TOLERANT, PLAYED, COARSE])
)
def test_the_tracker_sees_event_by_event_what_is_seen_of_the_whole(performance, config):
    _agree(performance, config)


@pytest.mark.parametrize("name", ["fur-elise", "satie-gymnopedie-no1"])
def test_the_tracker_sees_real_music_as_it_is_seen_whole(name):
    rows, seen = _agree(read_midi(f"tests/data/{name}.mid")[:900], PLAYED)
    assert (seen["recall_length"] > 0).mean() > 0.1
    assert seen["pause"].max() > 40
    if name == "fur-elise":
        assert (rows.gesture > 0).sum() > 10
        assert len(np.unique(seen["pedal"])) > 10


@settings(max_examples=50)
@given(messy_performances(), st.sampled_from([WRITTEN, TOLERANT, PLAYED]), st.integers(1, 40))
def test_what_is_seen_at_an_event_depends_on_nothing_after_it(performance, config, cut):
    rows = encode(performance, config)
    for name, values in observe(rows, config).items():
        assert np.array_equal(observe(rows[:cut], config)[name], values[:cut]), name


@settings(max_examples=50)
@given(messy_performances(), st.sampled_from([WRITTEN, TOLERANT, PLAYED]))
def test_every_row_that_is_seen_is_a_row_of_its_embedding(performance, config):
    shapes = embeddings(config)
    for name, values in observe(encode(performance, config, end=True), config).items():
        assert values.min() >= 0
        if name != "since":
            assert values.max() < shapes[name][0], name


def test_a_model_without_the_extras_sees_the_event_and_its_place_alone():
    tune = decode([(0, 188, 20), (24, 60, 0)], EventsConfig())
    assert set(observe(encode(tune, EventsConfig()), EventsConfig())) == {
        "delta", "key", "velocity", "position", "remaining",
    }  # fmt: skip


def test_ages_count_from_the_last_time_that_a_pitch_was_struck():
    steps = [(0, 188, 20), (10, 60, 0), (5, 190, 20), (1, 62, 0), (9, 188, 20), (2, 60, 0)]
    tune = decode(steps, WRITTEN)
    rows = encode(tune, WRITTEN)
    seen = observe(rows, WRITTEN)
    ages = [[None, None], [0, None], [10, None], [15, 0], [16, 1], [0, 10], [2, 12]]
    wanted = [[NEVER if age is None else int(clock(np.array(age))) for age in row] for row in ages]
    assert seen["since"][:, [60, 62]].tolist() == wanted
    pauses = [None, 0, 10, 0, 1, 0, 2]
    assert seen["pause"].tolist() == [
        NEVER if pause is None else int(clock(np.array(pause))) for pause in pauses
    ]
    assert (seen["since"][:, 64] == NEVER).all()


@given(st.integers(0, 60_000))
def test_a_time_is_told_to_two_percent_and_never_as_never(ticks):
    code = clock(np.array(ticks))
    assert code < NEVER
    assert abs(float(TIMES[code]) - ticks) <= 0.5 + 0.023 * ticks


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_longer_time_has_no_lower_code(one, other):
    codes = clock(np.sort(np.array([one, other])))
    assert codes[0] <= codes[1]


@settings(max_examples=50)
@given(messy_performances(), st.sampled_from([WRITTEN, COARSE]))
def test_the_legal_keys_of_a_piece_are_those_of_each_event(performance, config):
    rows = encode(performance, config, end=True)
    whole = legal_keys(rows.sounding[:-1], rows.key[:-1], rows.delta[1:])
    tracker = Tracker(config)
    for t, (delta, key, velocity) in enumerate(rows.steps):
        if t:
            assert np.array_equal(tracker.legal(delta), whole[t - 1])
        tracker.take(delta, key, velocity)
    assert key == END


def test_after_a_primer_the_tracker_has_seen_all_of_it():
    tune = read_midi("tests/data/fur-elise.mid")[:300]
    rows = encode(tune, PLAYED)
    after = Tracker.after(tune, PLAYED).columns()
    for name, values in observe(rows, PLAYED).items():
        if name != "since":
            assert after[name] == values[-1], name
