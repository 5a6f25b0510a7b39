"""Wishes: what a user writes is the row that was trained, and what is measured is so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import key as m21key

from music21_lstm.errors import ModelError
from music21_lstm.model.config import STEER_ROWS, EventsConfig
from music21_lstm.model.corpora import chorales
from music21_lstm.model.dataset import pieces_for
from music21_lstm.model.steering import Steering, measured

WRITTEN = EventsConfig()
PLAYED = EventsConfig(time_base="played", resolution=50, bar_positions=0)
SEGMENT = 8 * WRITTEN.resolution

TONICS = ["C", "C#", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B"]


@pytest.mark.parametrize("tonic", TONICS)
def test_a_key_may_be_written_in_several_ways(tonic):
    major, minor = 1 + TONICS.index(tonic), 13 + TONICS.index(tonic)
    low = tonic.lower()
    for name in (f"{tonic} major", tonic, f"{tonic} MAJOR", f" {low} major ", f"{low}  major"):
        assert Steering(key=name).rows[0] == major, name
    for name in (f"{low} minor", low, f"{tonic} minor", f"{tonic} Minor"):
        assert Steering(key=name).rows[0] == minor, name


@pytest.mark.parametrize("sharps", range(-7, 8))
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_every_key_that_music21_names_is_known(sharps, mode):
    found = m21key.KeySignature(sharps).asKey(mode)
    row = Steering(key=found.name).rows[0]
    assert row == 1 + found.tonic.pitchClass + 12 * (mode == "minor")
    assert Steering(key=found.tonicPitchNameWithCase).rows[0] == row


@pytest.mark.parametrize(
    ("one", "other"),
    [("B- major", "Bb major"), ("Bb", "B♭ major"), ("bb", "b- minor"), ("Ab", "G# major"),
     ("b", "B minor"), ("B", "b major"), ("F♯ minor", "G- minor"), ("Cb", "B"), ("B#", "C")],
)  # fmt: skip
def test_two_names_of_one_key(one, other):
    assert Steering(key=one).rows == Steering(key=other).rows


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"key": "H major"}, "key 'H major' is none; one looks like 'E- major'"),
        ({"key": ""}, "key '' is none"),
        ({"key": "C dorian"}, "key 'C dorian' is none"),
        ({"key": "F## major"}, "is none"),
        ({"density": 0}, "density is 0; it must be above 0"),
        ({"density": float("nan")}, "density is nan"),
        ({"density": 101}, "density is 101"),
        ({"velocity": 0}, "velocity level is 0; it must be from 1 to 127"),
        ({"velocity": 128}, "velocity level is 128"),
        ({"register": -1}, "register is -1; it must be a MIDI pitch"),
        ({"register": 128}, "register is 128"),
    ],
)
def test_a_wish_that_cannot_be_is_an_error(wishes, message):
    with pytest.raises(ModelError, match=message):
        Steering(**wishes)


def test_no_wish_is_row_0_and_any_wish_is_none_of_it():
    assert Steering().rows == (0, 0, 0, 0)
    lowest = Steering(key="C", density=0.001, velocity=1, register=0).rows
    highest = Steering(key="b", density=100, velocity=127, register=127).rows
    assert lowest == (1, 1, 1, 1)
    assert highest == tuple(rows - 1 for rows in STEER_ROWS.values())


@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_more_is_never_a_lower_class(one, other):
    low, high = sorted((one, other))
    for name, column in (("density", 1), ("velocity", 2), ("register", 3)):
        asked = [Steering(**{name: max(1, value)}).rows[column] for value in (low, high)]
        assert asked == sorted(asked)


def _scale(tonic, mode="major", start=0, step=12, length=12, repeats=3, velocity=80):
    """A scale up and down, its tonic held: unmistakably of its key."""
    steps = (0, 2, 4, 5, 7, 9, 11) if mode == "major" else (0, 2, 3, 5, 7, 8, 11)
    line = [*steps, 12, *reversed(steps)] * repeats
    notes = [
        (start + step * i, start + step * i + length, 60 + tonic + interval, velocity)
        for i, interval in enumerate(line)
    ]
    held = [(start + SEGMENT * i, start + SEGMENT * (i + 1), 48 + tonic + above, velocity)
            for i in range(3) for above in (0, 4 if mode == "major" else 3, 7)]  # fmt: skip
    return np.array([*notes, *held])


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_a_piece_in_a_key_measures_as_what_asks_for_it(tonic, mode):
    found = measured(_scale(tonic, mode), np.array([0, SEGMENT, 2 * SEGMENT]), WRITTEN)
    assert set(found[:, 0]) == {Steering(key=f"{TONICS[tonic]} {mode}").rows[0]}


def test_chorales_measure_as_in_their_key():
    keys = {"bwv66.6.mxl": ("f# minor", "A major"), "bwv269.mxl": ("G major", "e minor")}
    for name, tune in chorales({"bwv66.6", "bwv269"}):
        notes = pieces_for([(name, tune)], WRITTEN)[0].notes
        rows = measured(notes, np.arange(0, tune.duration, SEGMENT), WRITTEN)[:, 0].tolist()
        wanted = {Steering(key=one).rows[0] for one in keys[name]}
        assert sum(row in wanted for row in rows) > len(rows) / 2


@given(st.integers(-11, 11))
def test_transposition_moves_the_key_and_nothing_else_but_the_register(shift):
    scale = _scale(2)
    ticks = np.arange(0, 3 * SEGMENT, 30)
    before = measured(scale, ticks, WRITTEN)
    after = measured(scale + np.array([0, 0, shift, 0]), ticks, WRITTEN)
    assert np.array_equal((before[:, 0] - 1 + shift) % 12 + 1, after[:, 0])
    assert np.array_equal(before[:, 1:3], after[:, 1:3])
    assert (np.sign(shift) * (after[:, 3] - before[:, 3]) >= 0).all()


@pytest.mark.parametrize("config", [WRITTEN, PLAYED], ids=["written", "played"])
@pytest.mark.parametrize("a_second", [0.5, 1.5, 2.5, 4, 6, 8, 12, 20])
def test_density_velocity_and_register_measure_as_what_asks_for_them(config, a_second):
    seconds = 4 if config.time_base == "played" else 8
    span = 8 * config.resolution
    count = round(a_second * seconds)
    onsets = np.arange(count) * span // count
    notes = np.stack([onsets, onsets + 1, np.full(count, 65), np.full(count, 70)], 1)
    found = measured(notes, onsets, config)
    wanted = Steering(density=a_second, velocity=70, register=65).rows
    assert set(map(tuple, found[:, 1:].tolist())) == {wanted[1:]}


def test_a_segment_without_notes_has_no_wish_and_what_is_after_it_has():
    notes = np.concatenate([_scale(0, repeats=1)[:5], [[5 * SEGMENT, 5 * SEGMENT + 9, 64, 30]]])
    ticks = np.array([0, 2 * SEGMENT, 4 * SEGMENT + 5, 5 * SEGMENT, 5 * SEGMENT + 9])
    found = measured(notes, ticks, WRITTEN)
    assert [bool(row.all()) for row in found] == [True, False, False, True, True]
    assert not found[1:3].any()
    assert found[3, 2] == Steering(velocity=30).rows[2]


def test_the_last_event_may_stand_past_the_last_note_s_segment():
    notes = np.array([(0, SEGMENT, 60, 80)])
    assert measured(notes, np.array([SEGMENT]), WRITTEN).tolist() == [[0, 0, 0, 0]]
