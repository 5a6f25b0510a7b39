"""Filling: the passage is new, and all around it is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from music21 import bar, converter, corpus, instrument, spanner, stream

import music21_lstm as ml
from music21_lstm.errors import GenerationError
from music21_lstm.generation.fill import FILL_KEY
from music21_lstm.streams.encode import performance_of_stream

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def generator():
    return ml.load("chorale")


@pytest.fixture(scope="module")
def chorale():
    return corpus.parse("bach/bwv66.6")


def written(score, *, within=None, without=None):
    """What the page has: part, measure, place, pitches, length and ties of each element."""
    rows = []
    for index, part in enumerate(score.parts):
        for measure in part.getElementsByClass(stream.Measure):
            if (within and measure.number not in within) or (without and measure.number in without):
                continue
            for e in measure.recurse().notesAndRests:
                pitches = tuple(p.nameWithOctave for p in getattr(e, "pitches", ()))
                place = float(e.getOffsetInHierarchy(score))
                rows.append((index, measure.number, place, pitches, float(e.quarterLength)))
    return rows


def assert_joined(old, new, measures):
    """*new* differs from *old* in *measures* alone, and every measure is full."""
    assert written(new, without=measures) == written(old, without=measures)
    assert written(new, within=measures) != written(old, within=measures)
    assert new.highestTime == old.highestTime
    for before, after in zip(old.parts, new.parts, strict=True):
        lengths = [
            [(m.number, m.highestTime) for m in part.getElementsByClass(stream.Measure)]
            for part in (before, after)
        ]
        assert lengths[0] == lengths[1]


def sounding(score, start, end):
    """Onset, pitch and end of all that starts outside the quarters from *start* to *end*."""
    performance = performance_of_stream(score)
    ticks = performance.resolution
    return [
        (n.onset, n.pitch, n.end)
        for n in performance.notes
        if not start * ticks <= n.onset < end * ticks
    ]


def test_all_outside_the_passage_is_identical_and_inside_is_new(generator, chorale):
    before = written(chorale), performance_of_stream(chorale)
    new = generator.fill(chorale, 3, 4, candidates=4, seed=1)
    assert_joined(chorale, new, {3, 4})
    after = written(chorale), performance_of_stream(chorale)
    assert after == before, "the source itself was changed"
    # Measure 0 has one quarter; so 3 and 4 are the quarters from 9 to 17.
    assert sounding(new, 9, 17) == sounding(chorale, 9, 17)
    # Four parts play four parts.
    assert all(any(row[0] == part for row in written(new, within={3, 4})) for part in range(4))


def test_the_same_seed_fills_the_same(generator, chorale, tmp_path):
    first, again, other = (
        performance_of_stream(generator.fill(chorale, 3, 4, candidates=2, seed=seed))
        for seed in (5, 5, 9)
    )
    assert first == again != other


def test_the_candidate_is_taken_that_explains_itself_and_what_follows_best(generator, chorale):
    alone = [
        generator.fill(chorale, 3, 4, candidates=1, seed=seed).editorial[FILL_KEY]
        for seed in (10, 11, 12, 13)
    ]
    chosen = generator.fill(chorale, 3, 4, candidates=4, seed=10).editorial[FILL_KEY]
    assert chosen == min(alone, key=lambda each: each.passage + each.following)
    assert len({each.following for each in alone}) == 4


@pytest.mark.parametrize(("first", "last"), [(1, 2), (7, 8), (1, 8)])
def test_a_beginning_an_end_and_a_whole_are_passages_too(generator, first, last):
    old = generator.generate(measures=8, seed=4)
    new = generator.fill(old, first, last, candidates=2, seed=1)
    assert_joined(old, new, set(range(first, last + 1)))


def test_a_pickup_is_a_passage_too(generator, chorale):
    assert_joined(chorale, generator.fill(chorale, 0, 1, candidates=2, seed=1), {0, 1})


def test_notes_held_over_an_edge_are_cut_there(generator):
    old = converter.parse("tinyNotation: 4/4 c1 d2 e2~ e1~ e2 f2 g1 a1").makeMeasures()
    new = generator.fill(old, 3, 3, candidates=2, seed=1)
    held = new.measure(2).notes.last()
    tail = new.measure(4).notes.first()
    assert (held.pitch.midi, held.quarterLength, held.tie) == (64, 2, None)
    assert (tail.pitch.midi, tail.quarterLength, tail.tie) == (64, 2, None)
    performance = performance_of_stream(new)
    assert (6 * 480, 8 * 480) in [(n.onset, n.end) for n in performance.notes if n.pitch == 64]
    assert all(n.end <= 12 * 480 for n in performance.notes if n.onset < 12 * 480)


def test_a_file_is_engraved_and_a_performance_keeps_its_timing_outside(generator):
    old = ml.to_stream(DATA / "satie-gymnopedie-no1.mid")
    new = generator.fill(old, 9, 12, candidates=2, seed=1)
    assert_joined(old, new, {9, 10, 11, 12})
    assert sounding(new, 24, 36) == sounding(old, 24, 36)
    # In time as played, the gap's seconds are those that it had.
    assert performance_of_stream(new).seconds == performance_of_stream(old).seconds


def test_repeats_and_slurs_outside_stay_and_do_not_move_the_passage(generator):
    old = converter.parse("tinyNotation: 4/4 c1 d1 e4 f4 g4 a4 b1 c'1 d'1").makeMeasures()
    part = stream.Part(old.elements)
    part.measure(2).rightBarline = bar.Repeat(direction="end")
    part.insert(0, spanner.Slur(part.measure(1).notes.first(), part.measure(2).notes.first()))
    part.insert(0, spanner.Slur(part.measure(3).notes.first(), part.measure(4).notes.first()))
    score = stream.Score([part])
    new = generator.fill(score, 3, 3, candidates=2, seed=1)
    assert_joined(score, new, {3})
    assert isinstance(new.parts[0].measure(2).rightBarline, bar.Repeat)
    assert len(new.recurse().getElementsByClass(spanner.Slur)) == 1


def test_a_filled_score_exports(generator, chorale, tmp_path):
    new = generator.fill(chorale, 3, 4, candidates=2, seed=1)
    again = converter.parse(new.write("musicxml", tmp_path / "new.musicxml"))
    pitches = [sorted(n.pitch for n in performance_of_stream(s).notes) for s in (new, again)]
    assert pitches[0] == pitches[1]


def test_what_cannot_be_filled_is_refused_in_one_line(generator, chorale):
    for first, last in ((3, 90), (4, 3), (-2, 1)):
        with pytest.raises(GenerationError, match="this score has 0 to 9"):
            generator.fill(chorale, first, last)
    with pytest.raises(GenerationError, match="candidates is 0"):
        generator.fill(chorale, 1, 2, candidates=0)
    with pytest.raises(GenerationError, match="no measures"):
        generator.fill(chorale.flatten(), 1, 2)
    clarinets = corpus.parse("bach/bwv66.6")
    clarinets.parts[0].insert(0, instrument.Clarinet())
    with pytest.raises(GenerationError, match="transposes"):
        generator.fill(clarinets, 1, 2)
