"""Improvising: lengths, primers, seeds, and no stuck note, whatever the weights are."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import converter, corpus, note, stream

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn, Performance, TimeSignature
from music21_lstm.encoding.midi import midi_bytes, read_midi
from music21_lstm.encoding.notetext import performance_of, text_of
from music21_lstm.errors import CheckpointError, GenerationError
from music21_lstm.generation import Generator
from music21_lstm.generation.surprisal import note_nats
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig, PostConfig, array_shapes
from music21_lstm.streams.encode import performance_of_stream

DATA = Path(__file__).parent / "data"


def random_generator(config, seed=0, scale=0.3):
    """A model that has learned nothing: the worst case for the grammar."""
    random = np.random.default_rng(seed)
    arrays = {
        name: (random.normal(size=shape) * scale).astype(np.float32)
        for name, shape in array_shapes(config).items()
    }
    return Generator(Checkpoint(config, arrays), "untrained")


@pytest.fixture(scope="module")
def primer():
    return corpus.parse("bach/bwv66.6").measures(0, 2)


@pytest.fixture(scope="module")
def generators(primer):
    tokens = tuple(sorted(set(text_of(performance_of_stream(primer)).split()[1:])))
    return {
        "written": random_generator(EventsConfig(units=16, layers=1, head_units=16)),
        "played": random_generator(
            EventsConfig("played", 50, units=16, layers=2, head_units=16, bar_positions=0)
        ),
        "post": random_generator(PostConfig(tokens, 480, units=16)),
    }


def assert_no_note_is_stuck(performance):
    sounding = Counter()
    for event in performance.events:
        if isinstance(event, NoteOn):
            sounding[event.pitch] += 1
        elif isinstance(event, NoteOff):
            sounding[event.pitch] -= 1
            assert sounding[event.pitch] >= 0, "a note off without a note"
    assert not +sounding, "a note is left sounding"


KINDS = st.sampled_from(["written", "played", "post"])


@given(KINDS, st.integers(0, 1000), st.sampled_from([0.2, 0.5, 1.0, 2.0]), st.booleans())
def test_no_note_is_ever_stuck_and_every_event_decodes(generators, kind, seed, temperature, primed):
    primer = performance_of("0_no_60_80 0_no_64_70 480_nf_60_64 480_nf_64_64") if primed else None
    performance = generators[kind].perform(primer, events=60, temperature=temperature, seed=seed)
    assert_no_note_is_stuck(performance)
    assert performance_of(text_of(performance)) == performance
    assert read_midi(midi_bytes(performance)) == performance


@pytest.mark.parametrize("kind", ["written", "played", "post"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(generators, kind, primer):
    first, again, other = (
        midi_bytes(generators[kind].perform(primer, events=80, seed=seed)) for seed in (5, 5, 6)
    )
    assert first == again != other


@pytest.mark.parametrize("kind", ["written", "played", "post"])
def test_notes_are_counted_to_the_letter_beyond_the_primer(generators, kind, primer):
    heard = performance_of_stream(primer)
    performance = generators[kind].perform(primer, notes=17, seed=1)
    assert len(performance.notes) == len(heard.notes) + 17


def test_events_are_counted_to_the_letter_and_then_notes_released(generators):
    stream_of_events = generators["written"].stream(seed=3)
    first = list(itertools.islice(stream_of_events, 40))
    performance = generators["written"].perform(events=40, seed=3)
    made = [e for e in performance.events if isinstance(e, NoteOn | NoteOff)]
    assert [(type(e), e.pitch) for e in made[:40]] == [(type(e), e.pitch) for e in first]
    assert all(isinstance(e, NoteOff) for e in made[40:])


@pytest.mark.parametrize("kind", ["written", "post"])
def test_measures_end_at_the_bar_line(generators, kind):
    performance = generators[kind].perform(measures=3, seed=2)
    assert performance.duration <= 3 * 4 * performance.resolution
    in_three = generators["written"].perform(measures=2, time_signature="3/4", seed=2)
    assert in_three.duration <= 2 * 3 * in_three.resolution
    assert TimeSignature(0, 3, 4) in in_three.events


def test_a_measure_that_the_primer_leaves_open_is_filled_first(generators):
    primer = performance_of("0_ts_4_4 0_no_60_80 480_nf_60_64")
    performance = generators["written"].perform(primer, measures=1, seed=0)
    assert 4 * 480 < performance.duration <= 8 * 480


def test_seconds_go_by_the_primers_tempo(generators):
    fast = performance_of("0_st_240_250000 0_no_60_80 480_nf_60_64")
    slow = performance_of("0_st_60_1000000 0_no_60_80 480_nf_60_64")
    for primer in (fast, slow):
        performance = generators["written"].perform(primer, seconds=4, seed=1)
        assert primer.seconds < performance.seconds <= primer.seconds + 4.001
    played = generators["played"].perform(seconds=3, seed=1)
    assert played.seconds <= 3.001


def test_the_primer_stays_as_it_was_or_is_left_out(generators, primer):
    heard = performance_of_stream(primer)
    whole = generators["written"].perform(primer, measures=2, seed=1)
    assert whole[: len(heard)] == heard
    new = generators["written"].perform(primer, measures=2, seed=1, include_primer=False)
    added = list(whole.events[len(heard) :])
    assert list(new.events)[-len(added) :] == added


def test_without_its_primer_what_is_new_keeps_tempo_key_and_metre(generators):
    primer = performance_of(
        "0_st_100_600000 0_ks_1_major 0_ts_3_4 0_no_60_80 1440_nf_60_64 0_st_90_666667"
    )
    new = generators["written"].perform(primer, measures=2, seed=1, include_primer=False)
    assert new.events[:3] == performance_of("0_st_90_666667 0_ks_1_major 0_ts_3_4").events
    assert new.duration <= 2 * 3 * new.resolution


def test_a_stream_performance_midi_text_and_musicxml_are_primers(generators, primer, tmp_path):
    heard = performance_of_stream(primer)
    musicxml = primer.write("musicxml", tmp_path / "primer.musicxml")
    sources = [primer, heard, midi_bytes(heard), "notetext: " + text_of(heard), musicxml]
    made = [generators["written"].perform(s, notes=5, seed=1).notes[-5:] for s in sources]
    pitches = [[n.pitch for n in notes] for notes in made]
    assert all(each == pitches[0] for each in pitches)


def test_a_generated_score_is_one_like_any_other(generators, primer, tmp_path):
    score = generators["written"].generate(primer, measures=4, seed=1)
    performance = generators["written"].perform(primer, measures=4, seed=1)
    assert isinstance(score, stream.Score)
    assert performance_of_stream(score) == performance
    again = converter.parse(score.write("musicxml", tmp_path / "new.musicxml"))
    # The lowest octave that MusicXML can say is that of MIDI's 12.
    lowest = sorted(p if p >= 12 else p + 12 for p in pitches(performance))
    assert pitches(performance_of_stream(again)) == lowest
    assert converter.parse(score.write("midi", tmp_path / "new.mid")).recurse().notes


def pitches(performance):
    return sorted(n.pitch for n in performance.notes)


def test_a_primer_that_leaves_unisons_hanging_leaves_no_note_stuck(generators):
    hanging = performance_of("0_ts_4_4 0_no_60_80 0_no_60_80 0_no_64_80 480_nf_60_64")
    for kind in ("written", "played"):
        performance = generators[kind].perform(hanging, measures=2, seed=1)
        assert all(n.off is not None for n in performance.notes)
        assert_no_note_is_stuck(performance)


def test_a_primer_without_notes_is_refused(generators):
    for silent in (stream.Stream(), note.Rest(), Performance(480), performance_of("0_cc_0_64_0")):
        with pytest.raises(GenerationError, match="the primer has no notes"):
            generators["written"].perform(silent)


def test_a_primer_that_the_posts_vocabulary_does_not_know_is_refused(generators):
    with pytest.raises(GenerationError, match="none of the primer's notes"):
        generators["post"].perform(performance_of("0_no_1_80 480_nf_1_64"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"events": 5, "notes": 5}, "events and notes are both given"),
        ({"events": 0}, "must be a whole number above 0"),
        ({"notes": 2.5}, "must be a whole number above 0"),
        ({"measures": -1}, "must be a number above 0"),
        ({"seconds": float("nan")}, "must be a number above 0"),
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"seed": -1}, "seed is -1"),
        ({"time_signature": "waltz"}, "one looks like 3/4"),
        ({"count": 0}, "count is 0"),
        ({"retries": -1}, "retries is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"temperature": {"pitch": 1}}, "no such field"),
    ],
)
def test_options_that_make_no_sense_are_refused_in_one_line(generators, options, message):
    with pytest.raises(GenerationError, match=message):
        generators["written"].perform(**options)


def test_the_bundled_preset_improvises_a_chorale():
    generator = ml.load("chorale")
    primer = corpus.parse("bach/bwv66.6").measures(0, 2)
    performance = generator.perform(primer, measures=8, temperature=0.8, seed=1)
    new = performance.notes[len(performance_of_stream(primer).notes) :]
    assert len(new) > 60
    assert {n.pitch for n in new} <= set(range(36, 85))
    # Four voices, moving on the grid of eighths: what anyone sees on the page of a chorale.
    on_the_grid = sum(n.onset % 240 == 0 for n in new)
    assert on_the_grid / len(new) > 0.9
    starts = Counter(n.onset for n in new)
    assert sum(count >= 3 for count in starts.values()) > 20


# --- variations --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["written", "played", "post"])
def test_each_of_several_variations_is_what_its_seed_gives_alone(generators, kind, primer):
    options = {"notes": 12, "temperature": 0.9, "repetition": 0.5}
    several = generators[kind].perform(primer, count=3, seed=5, **options)
    assert several == [generators[kind].perform(primer, seed=s, **options) for s in (5, 6, 7)]
    assert several[0] != several[1]
    assert several[:2] == generators[kind].perform(primer, count=2, seed=5, **options)


@pytest.mark.parametrize("kind", ["written", "played", "post"])
def test_many_variations_are_what_their_seeds_give_alone(generators, kind):
    options = {"events": 40, "watch": False}
    many = generators[kind].perform(count=13, seed=2, **options)
    assert len({midi_bytes(each) for each in many}) == 13
    assert many == [generators[kind].perform(seed=2 + i, **options) for i in range(13)]


def test_variations_know_their_seed_and_their_surprisal():
    generator = ml.load("chorale")
    primer = corpus.parse("bach/bwv66.6").measures(0, 2)
    found = generator.variations(primer, count=3, measures=2, seed=4)
    assert [v.seed for v in found] == [4, 5, 6]
    heard = performance_of_stream(primer)
    for variation in found:
        nats, _ = note_nats(generator.checkpoint, variation.performance)
        new = nats[len(heard.notes) :]
        assert variation.surprisal == pytest.approx(sum(new) / len(new))
    bare = generator.variations(primer, count=1, measures=2, seed=4, include_primer=False)[0]
    assert bare.surprisal == found[0].surprisal
    assert len(bare.performance.notes) == len(found[0].performance.notes) - len(heard.notes)


def test_ranked_they_are_the_same_with_the_one_nearest_the_median_first():
    generator = ml.load("chorale")
    drawn = generator.variations(count=5, measures=2, seed=4)
    ranked = generator.variations(count=5, measures=2, seed=4, rank=True)
    middle = sorted(v.surprisal for v in drawn)[2]
    assert ranked[0].surprisal == middle
    away = [abs(v.surprisal - middle) for v in ranked]
    assert away == sorted(away)
    assert sorted(v.seed for v in ranked) == [v.seed for v in drawn]
    performances = generator.perform(count=5, measures=2, seed=4, rank=True)
    assert performances == [v.performance for v in ranked]


def test_generate_counts_scores_that_know_their_seed():
    scores = ml.load("chorale").generate(count=2, measures=1, seed=8)
    assert [score.editorial["seed"] for score in scores] == [8, 9]
    assert all(isinstance(score, stream.Score) for score in scores)


def test_a_generator_of_random_numbers_gives_a_seed_that_can_be_told(generators):
    found = generators["written"].variations(notes=5, seed=np.random.default_rng(3))[0]
    again = generators["written"].perform(notes=5, seed=np.random.default_rng(3))
    assert found.performance == again == generators["written"].perform(notes=5, seed=found.seed)


# --- when the music ends -----------------------------------------------------------------------


def test_until_the_end_a_chorale_ends_itself_on_a_chord():
    generator = ml.load("chorale")
    found = generator.variations(count=4, until_end=True, seed=1)
    assert all(v.ended for v in found)
    lengths = {v.performance.duration for v in found}
    assert len(lengths) > 1
    for variation in found:
        notes = variation.performance.notes
        last = [n for n in notes if n.end == variation.performance.duration]
        assert len(last) >= 3
        assert len(notes) > 60


def test_until_the_end_the_length_is_the_most_that_is_played():
    generator = ml.load("chorale")
    short = generator.variations(until_end=True, measures=2, seed=1)[0]
    assert not short.ended
    assert short.performance == generator.perform(measures=2, seed=1, character=False)


def test_a_model_of_whole_tokens_knows_no_end(generators):
    with pytest.raises(GenerationError, match="has learned no end"):
        generators["post"].perform(until_end=True)


def test_each_field_has_its_own_temperature(generators):
    # What follows the first note differs, for the model hears how loud it was.
    greedy = {"temperature": {"delta": 0, "key": 0}, "notes": 1}
    first = [generators["played"].perform(seed=seed, **greedy).notes[0] for seed in range(10)]
    assert len({(n.onset, n.pitch) for n in first}) == 1
    assert len({n.velocity for n in first}) > 1


def test_the_same_seed_gives_the_same_bytes_in_another_process():
    code = (
        "import hashlib, music21_lstm as ml\n"
        "from music21_lstm.encoding.midi import midi_bytes\n"
        "several = ml.load('chorale').perform(count=13, notes=30, seed=3, repetition=1)\n"
        "print([hashlib.sha256(midi_bytes(p)).hexdigest() for p in several])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2")
    }
    assert len(said) == 1


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="neither a folder nor a bundled preset"):
        ml.load("sonata")
    with pytest.raises(CheckpointError, match=r"has no metadata\.json"):
        ml.load(tmp_path)


def test_generating_imports_no_tensorflow():
    code = (
        "import sys, music21_lstm as ml\n"
        "ml.load('chorale').perform(events=20, seed=1)\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'tensorflow', 'keras', 'fluidsynth'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(("end", "metres"), [
    (4, [(0, "4/4")]), (5, [(0, "3/4"), (3, "4/4")]), (7, [(0, "1/4"), (1, "4/4")]),
])  # fmt: skip
def test_bars_go_on_where_the_primer_left_them_if_it_is_left_out(end, metres):
    chorale = ml.load("chorale")
    primer = f"notetext: rs_480 0_ts_4_4 0_no_60_80 {480 * end}_nf_60_64"
    whole = chorale.perform(primer, measures=3, seed=1)
    alone = chorale.perform(primer, measures=3, seed=1, include_primer=False)
    found = [
        (tick / alone.resolution, f"{event.numerator}/{event.denominator}")
        for tick, event in zip(alone.ticks, alone.events, strict=True)
        if isinstance(event, TimeSignature)
    ]
    assert found == metres
    after = [(n.onset - end * whole.resolution, n.pitch) for n in whole.notes[1:]]
    assert [(n.onset, n.pitch) for n in alone.notes] == after
