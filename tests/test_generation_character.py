"""What a piece is like of which nothing is asked: drawn from the pieces that were trained on."""

from __future__ import annotations

import itertools
from dataclasses import astuple

import numpy as np
import pytest

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn
from music21_lstm.generation import Steering
from music21_lstm.model.config import EventsConfig
from music21_lstm.model.steering import character

PLAYED = EventsConfig("played", 50)
C_MAJOR = (60, 64, 67, 72, 65, 69, 67, 71)
RESOLUTION = 500


def notes(pitches, gap=1.0, velocity=64):
    """Notes of so many quarters, one after the other: rows of onset, end, pitch and velocity."""
    length = int(gap * RESOLUTION)
    return np.array([(i * length, (i + 1) * length, p, velocity) for i, p in enumerate(pitches)])


@pytest.fixture(scope="module")
def jazz():
    return ml.load("jazz")


# --- what a piece is like ------------------------------------------------------------------------


def test_a_character_is_the_key_the_density_and_the_means_of_velocity_and_pitch():
    piece = notes(C_MAJOR * 8, gap=0.5, velocity=70)
    assert character(piece, RESOLUTION, PLAYED) == ("C major", 4.0, 70, 67)
    written = EventsConfig(velocity_bins=1)
    assert character(piece, RESOLUTION, written) == ("C major", 2.0, None, 67)


def test_a_piece_that_moves_through_many_keys_has_none():
    wandering = [p + shift for shift in (0, 3, 6, 9, 2, 5, 8, 11) for p in C_MAJOR * 4]
    assert character(notes(wandering), RESOLUTION, PLAYED)[0] is None
    a_minor = [57, 60, 64, 69, 62, 65, 64, 68]
    assert character(notes(a_minor * 8), RESOLUTION, PLAYED)[0] == "a minor"


def test_a_single_note_has_a_character_that_can_be_asked_for():
    for config, density in ((PLAYED, 0.2), (EventsConfig(velocity_bins=1), 0.1)):
        alone = character(np.array([(0, 1, 60, 80)]), RESOLUTION, config)
        assert astuple(Steering(*alone)) == alone
        assert alone[1] == density


def test_the_densest_music_has_a_character_that_can_be_asked_for():
    flood = np.array([(0, 10, pitch, 80) for pitch in range(20, 100)] * 9)
    alike = character(flood, RESOLUTION, PLAYED)
    assert astuple(Steering(*alike)) == alike
    assert alike[1] == 100


# --- what is drawn -------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["chorale", "jazz", "piano"])
def test_each_preset_knows_a_character_of_every_piece_that_it_was_trained_on(preset):
    metadata = ml.load(preset).checkpoint.metadata
    assert len(metadata["characters"]) == len(metadata["data"]["trained_on"])
    assert {len(row) for row in metadata["characters"]} == {4}
    for row in metadata["characters"]:
        assert astuple(Steering(*row)) == tuple(row)


def test_a_piece_is_what_is_played_if_its_character_is_asked_for(jazz):
    known = {tuple(row) for row in jazz.checkpoint.metadata["characters"]}
    found = jazz.variations(notes=20, seed=3, count=3, measured=False)
    drawn = [each.character for each in found]
    assert {astuple(each) for each in drawn} <= known
    assert len(set(drawn)) > 1
    for each in found:
        alone = jazz.variations(notes=20, seed=each.seed, measured=False)[0]
        assert (alone.performance, alone.character) == (each.performance, each.character)
        asked = jazz.perform(notes=20, seed=each.seed, steer=each.character, guidance=1)
        assert asked == each.performance


def test_nothing_is_drawn_if_something_is_asked_or_given_or_nothing_is_left_to_chance(jazz):
    primer = ml.read("notetext: 0_no_60_80 480_nf_60_64")
    for options in (
        {"density": 5},
        {"steer": Steering()},
        {"character": False},
        {"until_end": True},
        {"temperature": 0, "watch": False},
        {"primer": primer},
    ):
        [found] = jazz.variations(notes=5, seed=1, measured=False, **options)
        assert found.character is None
    free = jazz.perform(notes=20, seed=1, character=False)
    assert free == jazz.perform(notes=20, seed=1, steer=Steering())
    assert free != jazz.perform(notes=20, seed=1)


def struck_and_released(events):
    """Which keys, and which way; a stream's ticks are those of the model, a piece's are not."""
    return ((type(e), e.pitch) for e in events if isinstance(e, NoteOn | NoteOff))


def test_a_stream_without_end_begins_like_the_piece_of_its_seed(jazz):
    for options in ({}, {"character": False}):
        piece = jazz.perform(events=60, seed=2, watch=False, **options)
        first, again = (
            list(itertools.islice(struck_and_released(events), 40))
            for events in (jazz.stream(seed=2, **options), piece.events)
        )
        assert first == again


def test_pieces_are_as_different_as_their_characters(jazz):
    """Of two dozen pieces the dense ones are those whose character is dense."""
    found = jazz.variations(seconds=12, seed=0, count=24, measured=False)
    drawn = [each.character.density for each in found]
    played = [len(each.performance.notes) / 12 for each in found]
    assert np.corrcoef(drawn, played)[0, 1] > 0.5
