"""The watch: what has collapsed trips it, and no real music does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from music21 import corpus

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.repetition import Repeats
from music21_lstm.generation.watch import Watch

DATA = Path(__file__).parent / "data"


def collapse_of(performance):
    """What the watch says of a whole performance, heard event by event."""
    watch = Watch(performance.resolution)
    for event, tick in zip(performance.events, performance.ticks, strict=True):
        found = watch.take(event, tick)
        if found is not None:
            return found
    return None


def played(*notes, resolution=50):
    """A performance of (ticks to the next onset, pitch): each note is short."""
    events = []
    for step, pitch in notes:
        events += [NoteOn(step, pitch, 80), NoteOff(0, pitch)]
    return Performance(resolution, events)


SCALES = played(*[(12, 60 + step) for step in (0, 2, 4, 5, 7, 5, 4, 2)] * 12, resolution=24)
"""Up and down, over and over: who goes on with it likeliest goes on so for ever."""


@pytest.mark.parametrize("path", sorted(DATA.glob("*.mid")), ids=lambda path: path.stem)
def test_real_performances_do_not_trip_the_watch(path):
    assert collapse_of(ml.read(path).played()) is None
    assert collapse_of(ml.read(path)) is None


@pytest.mark.parametrize("name", ["bach/bwv66.6", "bach/bwv846", "haydn/opus74no1/movement3"])
def test_real_scores_do_not_trip_the_watch(name):
    assert collapse_of(ml.read(corpus.parse(name))) is None


def test_a_long_trill_a_toccata_on_one_note_and_a_long_last_chord_are_music():
    trill = [(5, 74 + i % 2) for i in range(190)]
    around = [(10, pitch) for pitch in (60, 64, 67, 72)]
    toccata = [(6, 62)] * 80
    assert collapse_of(played(*around, *trill, *around)) is None
    assert collapse_of(played(*around, *toccata, *around)) is None
    chord = [NoteOn(0, pitch, 80) for pitch in (48, 55, 64)]
    assert collapse_of(Performance(50, [*chord, NoteOff(6000, 48), NoteOff(0, 55)])) is None


@pytest.mark.parametrize(
    ("notes", "kind"),
    [
        ([(25, 60)] * 100, "one note"),
        ([(10, 60 + i % 2) for i in range(300)], "one note"),
        ([(10, 60 + i % 3) for i in range(300)], "one note"),
        ([(10, 60 + i % 5) for i in range(700)], "loop"),
        ([(10, 40 + 7 * i % 29) for i in range(700)], "loop"),
        ([(10, 60), (3100, 62)], "silence"),
        ([(1, 30 + i * 7 % 61) for i in range(600)], "density"),
        ([(0, 30 + i * 7 % 61) for i in range(510)], "standstill"),
    ],
)
def test_what_has_collapsed_is_named(notes, kind):
    found = collapse_of(played(*notes))
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize("period", [4, 8, 32])
def test_a_loop_costs_more_and_more_to_go_on_with(period):
    watch = Watch(50)
    pitches = [30 + i % period for i in range(128 + period + 40)]
    costs = []
    for onset, pitch in enumerate(pitches):
        watch.take(NoteOn(10, pitch, 80), 10 * onset)
        costs.append(watch.weary())
    assert costs[: 128 + period] == [{}] * (128 + period)
    goes_on = [30 + i % period for i in range(128 + period + 1, 128 + period + 41)]
    assert costs[128 + period :] == [{pitch: (i + 1) / 16} for i, pitch in enumerate(goes_on)]
    watch.take(NoteOn(10, 100, 80), 10 * len(pitches))
    assert watch.weary() == {}


def test_three_pitches_in_whatever_order_wear_out_and_a_fourth_rests_the_ear():
    watch, chance = Watch(50), np.random.default_rng(1)
    assert watch.take(NoteOn(10, 90, 80), 0) is None
    for onset, pitch in enumerate(chance.choice([60, 64, 67], 200).tolist(), 1):
        watch.take(NoteOn(10, pitch, 80), 10 * onset)
        costs = watch.weary()
        if onset <= 128:
            assert costs == {}
        else:
            assert costs == dict.fromkeys([60, 64, 67], (onset - 128) / 16)
    watch.take(NoteOn(10, 72, 80), 2010)
    assert watch.weary() == {}


def longest_loop(performance):
    """The most onsets in a row that are each the same as the one up to 32 before."""
    pitches = np.array([note.pitch for note in performance.notes])
    longest = 0
    for period in range(1, 33):
        same = np.concatenate([[0], pitches[period:] == pitches[:-period], [0]])
        longest = max(longest, int(np.diff(np.flatnonzero(same == 0)).max()) - 1)
    return longest


def test_a_watched_take_finds_its_way_out_of_a_loop(generator):
    for_ever, watched = (
        generator.perform(SCALES, notes=700, temperature=0, seed=0, watch=watch)
        for watch in (False, True)
    )
    assert longest_loop(for_ever) > 600
    assert longest_loop(watched) < 300


# --- retries -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generator():
    return ml.load("chorale")


def test_a_collapse_is_told_with_its_seed_and_played_again_with_the_next(generator, monkeypatch):
    # A flood is a dozen notes here, so that seeds differ in whether they are one.
    monkeypatch.setattr("music21_lstm.generation.watch.FLOOD_ONSETS", 12)
    monkeypatch.setattr("music21_lstm.generation.watch.FLOOD_SECONDS", 0.9)
    found = generator.variations(count=4, measures=3, seed=0, retries=20)
    skipped = [collapse for variation in found for collapse in variation.collapsed]
    assert skipped, "no seed collapsed; the test shows nothing"
    assert all(c.kind == "density" and "a flood: 12 notes" in c.why for c in skipped)
    # Kept and thrown away, they are the seeds from the first on, each once.
    seeds = sorted([v.seed for v in found] + [c.seed for c in skipped])
    assert seeds == list(range(len(seeds)))
    # One is the first of many, and a seed alone gives the same music again.
    first = generator.variations(measures=3, seed=0, retries=20)[0]
    assert (first.performance, first.seed) == (found[0].performance, found[0].seed)
    assert generator.perform(measures=3, seed=found[-1].seed) == found[-1].performance


def test_when_all_retries_collapse_it_is_an_error_that_says_why(generator, monkeypatch):
    monkeypatch.setattr("music21_lstm.generation.watch.FLOOD_ONSETS", 5)
    with pytest.raises(GenerationError, match=r"seed 7: a flood.*seed 8: a flood.*another seed"):
        generator.perform(measures=4, seed=7, retries=1)
    with pytest.raises(GenerationError, match="every seed"):
        generator.perform(measures=4, seed=7, temperature=0)
    assert generator.perform(measures=4, seed=7, watch=False).notes


# --- repetition --------------------------------------------------------------------------------


def test_a_run_costs_from_its_eighth_onset_on_and_more_the_longer_it_gets():
    repeats = Repeats(0.5)
    theme = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76]
    for pitch in theme:
        repeats.take(pitch)
    costs = []
    for pitch in theme:
        penalty = repeats.penalty()
        costs.append(0.0 if penalty is None else float(penalty[pitch]))
        assert penalty is None or np.count_nonzero(penalty) <= 1
        repeats.take(pitch)
    assert costs == [0] * 7 + [0.5, 1.0, 1.5]


def test_a_pitch_costs_from_its_sixth_onset_of_the_last_32_on_until_it_is_heard_less():
    others = [48, 50, 52, 53, 55, 57, 59, 72, 74, 76, 77, 79, 81, 83, 84, 86, 88, 89, 91]
    repeats = Repeats(0.5)
    costs = []
    for other in others[:9]:  # the 60 among other pitches: no passage comes back
        for pitch in (60, other):
            repeats.take(pitch)
        penalty = repeats.penalty()
        costs.append(0.0 if penalty is None else float(penalty[60]))
        assert penalty is None or np.count_nonzero(penalty) == 1
    assert costs == [0, 0, 0, 0, 0, 0.5, 1.0, 1.5, 2.0]
    for pitch in [*others[9:], *others]:
        repeats.take(pitch)
    penalty = repeats.penalty()
    assert penalty is None or penalty[60] == 0


def test_no_strength_costs_nothing():
    assert Repeats(0, [60] * 100).penalty() is None


def repeated_runs(performance):
    """The share of runs of twelve onsets that have been heard before."""
    pitches = [pitch for _, pitch in sorted((n.onset, n.pitch) for n in performance.notes)]
    runs = [tuple(pitches[i : i + 12]) for i in range(len(pitches) - 11)]
    return 1 - len(set(runs)) / len(runs)


def test_the_penalty_makes_greedy_music_loop_less(generator):
    plain, penalized = (
        generator.perform(SCALES, notes=300, temperature=0, watch=False, repetition=strength)
        for strength in (0, 1)
    )
    assert repeated_runs(plain) > 0.5
    assert repeated_runs(penalized) < 0.5 * repeated_runs(plain)


def test_the_penalty_counts_the_primer(generator):
    primer = ml.read(corpus.parse("bach/bwv66.6").measures(0, 4))
    plain = generator.perform(primer, measures=4, seed=1, temperature=0)
    assert plain != generator.perform(primer, measures=4, seed=1, temperature=0, repetition=5)


def test_a_penalty_out_of_range_is_refused(generator):
    with pytest.raises(GenerationError, match="repetition is -1"):
        generator.perform(notes=5, repetition=-1)
