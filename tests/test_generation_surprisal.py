"""Surprisal: every sounding note gets its number, and they add up to the piece."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import bar, chord, converter, corpus, note, stream, tie

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.scoring import score
from music21_lstm.generation.surprisal import SURPRISAL_KEY, color_of, note_nats
from music21_lstm.streams.encode import performance_of_stream

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="module")
def generator():
    return ml.load("chorale")


def heads(source):
    """Every Note, those in chords too."""
    for element in source.recurse().notes:
        yield from element.notes if isinstance(element, chord.Chord) else (element,)


def as_it_is(source):
    """What surprisal could have changed in a stream."""
    volumes = [n.volume.velocity if n.hasVolumeInformation() else None for n in heads(source)]
    told = [SURPRISAL_KEY in n.editorial for n in heads(source)]
    return performance_of_stream(source), volumes, told


def numbers(source):
    return [n.editorial[SURPRISAL_KEY] for n in heads(source) if SURPRISAL_KEY in n.editorial]


def total(generator, performance):
    scored = score(generator.checkpoint, performance)
    return sum(float(column.sum()) for column in scored.nats.values())


def assert_all_is_told(generator, source):
    """Each note but a tied one's rest has a number; together they are the total."""
    result = generator.surprisal(source)
    missing = [n for n in heads(result) if SURPRISAL_KEY not in n.editorial]
    assert all(n.tie is not None and n.tie.type in ("stop", "continue") for n in missing)
    whole = total(generator, performance_of_stream(source))
    assert sum(numbers(result)) == pytest.approx(whole)
    assert result.editorial[SURPRISAL_KEY].nats == pytest.approx(whole)
    return result


@pytest.mark.parametrize("name", ["bach/bwv66.6", "schoenberg/opus19/movement2"])
def test_every_sounding_note_of_a_score_gets_a_number_and_they_add_up(generator, name):
    piece = corpus.parse(name)
    before = as_it_is(piece)
    assert_all_is_told(generator, piece)
    assert as_it_is(piece) == before, "the stream itself was changed"


def test_a_generated_score_and_a_flat_stream_are_told_too(generator):
    generated = generator.generate(measures=3, seed=1)
    result = assert_all_is_told(generator, generated)
    assert performance_of_stream(result) == performance_of_stream(generated)
    assert_all_is_told(generator, generated.flatten())


events = st.builds(
    lambda on, delta, pitch: NoteOn(delta, pitch, 80) if on else NoteOff(delta, pitch),
    st.booleans(),
    st.sampled_from([0, 0, 1, 10, 20, 120, 480, 9000]),
    st.integers(60, 63),
)


@settings(max_examples=40)
@given(st.lists(events, min_size=1, max_size=40))
def test_the_notes_of_any_performance_add_up_to_it(generator, told):
    performance = Performance(480, [NoteOn(0, 60, 80), *told])
    nats, _ = note_nats(generator.checkpoint, performance)
    assert len(nats) == len(performance.notes)
    assert sum(nats) == pytest.approx(total(generator, performance))
    assert min(nats) > 0


def test_unisons_share_and_a_struck_again_note_has_its_own(generator):
    performance = Performance(
        480,
        [
            NoteOn(0, 60, 80), NoteOn(0, 60, 70), NoteOn(0, 64, 80),
            NoteOn(480, 60, 80), NoteOff(480, 60), NoteOff(0, 60), NoteOff(0, 60), NoteOff(0, 64),
        ],
    )  # fmt: skip
    nats, scored = note_nats(generator.checkpoint, performance)
    assert nats[0] == nats[1]
    # In canonical order: on 60, on 64, off 60, on 60 (again), off 60, off 64.
    events = sum(scored.nats.values())
    assert scored.fields.key.tolist() == [188, 192, 60, 188, 60, 64]
    expected = [events[0] + events[2], events[1] + events[5], events[3] + events[4]]
    assert [nats[0] + nats[1], nats[2], nats[3]] == pytest.approx(expected)


def test_graces_ties_chords_and_repeats_find_their_notes(generator):
    measure = stream.Measure(number=1)
    grace = note.Note("D5").getGrace()
    held = note.Note("C5", quarterLength=2)
    held.tie = tie.Tie("start")
    measure.append([grace, note.Note("E5", quarterLength=2), held])
    second = stream.Measure(number=2)
    rest_of_it = note.Note("C5", quarterLength=2)
    rest_of_it.tie = tie.Tie("stop")
    triad = chord.Chord("C4 E4 G4", quarterLength=2)
    second.append([rest_of_it, triad])
    part = stream.Part([measure, second])
    once = assert_all_is_told(generator, stream.Score([part]))
    assert len(numbers(once)) == 6
    second.rightBarline = bar.Repeat(direction="end")
    twice = assert_all_is_told(generator, stream.Score([part]))
    assert len(numbers(twice)) == 6
    assert twice.editorial[SURPRISAL_KEY].notes == 12


def test_a_wrong_note_surprises_more_than_the_right_one(generator):
    piece = corpus.parse("bach/bwv66.6")
    wrong = corpus.parse("bach/bwv66.6")
    place = 20
    list(heads(wrong.parts[0]))[place].transpose(1, inPlace=True)
    right, changed = (list(heads(generator.surprisal(s).parts[0]))[place] for s in (piece, wrong))
    assert changed.editorial[SURPRISAL_KEY] > 2 * right.editorial[SURPRISAL_KEY]


def test_a_performance_a_midi_file_and_a_corpus_piece_are_sources(generator):
    path = DATA / "satie-gymnopedie-no1.mid"
    for source in (path, ml.read(path), "bach/bwv66.6"):
        result = generator.surprisal(source)
        facts = result.editorial[SURPRISAL_KEY]
        assert len(numbers(result)) == facts.notes
        assert facts.nats_per_note > 1
        assert sum(facts.by_field.values()) == pytest.approx(facts.nats)


def test_what_has_no_notes_is_refused(generator):
    with pytest.raises(GenerationError, match="no notes"):
        generator.surprisal(stream.Score())


# --- colour ------------------------------------------------------------------------------------


def lightness(color):
    """CIE L* of a colour."""
    linear = []
    for place in (1, 3, 5):
        c = int(color[place : place + 2], 16) / 255
        linear.append(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4)
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def test_colours_grow_lighter_evenly_and_stop_at_the_top():
    steps = [lightness(color_of(nats / 10, 10)) for nats in range(0, 101, 10)]
    rises = [b - a for a, b in pairwise(steps)]
    assert all(4 < rise < 9 for rise in rises)
    assert color_of(10, 10) == color_of(99, 10)


def test_the_score_shows_each_note_in_its_colour_and_exports_it(generator, tmp_path):
    result = generator.surprisal(corpus.parse("bach/bwv66.6"), color=True)
    top = result.editorial[SURPRISAL_KEY].color_top
    for one in heads(result):
        if SURPRISAL_KEY in one.editorial:
            assert one.style.color.lower() == color_of(one.editorial[SURPRISAL_KEY], top)
        assert one.style.color is not None
    text = result.write("musicxml", tmp_path / "colored.musicxml").read_text(encoding="utf-8")
    again = converter.parse(text)
    colors = [one.style.color.lower() for one in heads(again)]
    assert colors == [one.style.color.lower() for one in heads(result)]
    assert len(re.findall(r"<notehead[^>]*color=|<note [^>]*color=", text)) >= len(colors)
    assert len(set(colors)) > 20
