"""The sustain pedal as gestures: they say what it did, as far as a gesture can."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.encoding import ControlChange, Performance
from music21_lstm.encoding.midi import read_midi
from music21_lstm.model.config import PEDAL_CLASSES, PEDAL_ROWS, EventsConfig, played_edges
from music21_lstm.model.features import encode
from music21_lstm.model.pedal import (
    GESTURE_LEAST,
    changes_of,
    gesture,
    gestures,
    legal_gestures,
    offsets,
    pedal_row,
)

ENDLESS = 10**6


@st.composite
def passages(draw: st.DrawFn) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Ticks of events, the gaps that they are told with, and changes of the pedal among them."""
    gaps = draw(st.lists(st.sampled_from([0, 0, 1, 2, 5, 30, 200]), min_size=1, max_size=12))
    ticks = np.cumsum(gaps).tolist()
    when = draw(st.lists(st.integers(0, ticks[-1] + 20), max_size=12))
    return ticks, gaps, [(tick, (index + 1) % 2) for index, tick in enumerate(sorted(when))]


@pytest.mark.parametrize("index", range(PEDAL_CLASSES))
def test_a_gesture_is_found_again_from_its_offsets(index):
    assert gesture(offsets(index, ENDLESS)) == index


@given(st.integers(0, PEDAL_CLASSES - 1), st.integers(0, 300))
def test_a_gesture_is_legal_in_a_gap_that_has_room_for_it_and_in_no_shorter_one(index, gap):
    needed = max(offsets(index, ENDLESS), default=0)
    assert legal_gestures(gap)[index] == (gap >= needed) == (gap >= GESTURE_LEAST[index])
    if gap >= needed:
        moved = offsets(index, gap)
        assert list(moved) == sorted(set(moved))
        assert all(1 <= offset <= gap for offset in moved)


@given(st.lists(st.integers(1, 400), unique=True, max_size=6).map(sorted))
def test_a_gesture_never_comes_before_the_changes_that_it_tells(found):
    moved = offsets(gesture(found), ENDLESS)
    assert len(moved) % 2 == len(found) % 2
    assert all(told <= was for told, was in zip(moved, found, strict=False))


@given(passages())
def test_every_gesture_has_room_in_its_gap(passage):
    ticks, gaps, changes = passage
    classes, rows = gestures(ticks, gaps, changes)
    assert len(classes) == len(rows) == len(ticks)
    assert all(legal_gestures(np.array(gaps))[range(len(gaps)), classes])
    assert all(1 <= row < PEDAL_ROWS for row in rows)


@given(passages())
def test_after_each_event_in_time_the_pedal_is_as_the_changes_before_it_say(passage):
    ticks, gaps, changes = passage
    down = 0
    for tick, gap, index in zip(ticks, gaps, gestures(ticks, gaps, changes)[0], strict=True):
        down = (down + len(offsets(index, gap))) % 2
        if gap:
            assert down == sum(moved <= tick for moved, _ in changes) % 2


@given(passages())
def test_changes_that_are_alone_in_their_gaps_are_all_told(passage):
    ticks, gaps, changes = passage
    some = {}
    for change in changes:
        place = np.searchsorted(ticks, change[0])
        if place < len(ticks) and gaps[place]:
            some.setdefault(place, change)
    classes, _ = gestures(ticks, gaps, list(some.values()))
    assert {place for place, index in enumerate(classes) if index} == set(some)


def test_a_tap_within_a_tick_and_a_change_after_it_in_one_gap_tell_the_change_alone():
    # Down and up, down and up, all before the first tick, then down.
    changes = [(0, 1), (0, 0), (0, 1), (0, 0), (6, 1)]
    classes, rows = gestures([0, 10], [0, 10], changes)
    assert offsets(classes[1], 10) == (6,)
    assert rows == [pedal_row(0, 0), pedal_row(1, 4)]


def test_two_taps_within_a_tick_are_nothing():
    classes, rows = gestures([0, 10], [0, 10], [(0, 1), (0, 0), (0, 1), (0, 0)])
    assert classes == [0, 0]
    assert rows == [pedal_row(0, 0), pedal_row(0, 10)]


def test_only_what_changes_the_pedal_is_a_change():
    values = [0, 64, 127, 63, 0, 100]
    events = [ControlChange(10, 0, 64, value) for value in values]
    volume = ControlChange(1, 0, 7, 127)
    assert changes_of(Performance(24, [*events, volume])) == [(20, 1), (40, 0), (60, 1)]


def test_real_pedalling_is_told_in_place():
    tune = read_midi("tests/data/fur-elise.mid")
    config = EventsConfig(
        time_base="played", resolution=50, delta_edges=played_edges(), bar_positions=0, pedal=True
    )
    grid = tune.played().rescaled(50)
    rows = encode(tune, config)
    at = np.cumsum(np.array(config.delta_edges)[rows.delta])
    gaps = np.array(config.delta_edges)[rows.delta].tolist()
    told = [
        tick - gap + offset
        for tick, gap, index in zip(at.tolist(), gaps, rows.gesture.tolist(), strict=True)
        for offset in offsets(index, gap)
    ]
    real = [tick for tick, _ in changes_of(grid) if tick <= at[-1]]
    assert len(real) > 90
    # All but those of a third change in one gap; each within the width of its class.
    assert len(told) >= 0.98 * len(real)
    away = np.abs(np.array(told)[:, None] - np.array(real)).min(axis=1)
    assert np.median(away) <= 1
    assert away.max() <= 50
