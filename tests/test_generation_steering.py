"""A model of played time with everything: what is asked of it, its pedal, and what it may not copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from music21 import key

import music21_lstm as ml
from music21_lstm.encoding import ControlChange, NoteOff, NoteOn, Performance
from music21_lstm.encoding.midi import midi_bytes, read_midi
from music21_lstm.encoding.notetext import performance_of, text_of
from music21_lstm.errors import GenerationError
from music21_lstm.generation import Generator, Steering
from music21_lstm.generation.cell import EventCells
from music21_lstm.generation.guided import GuidedCells
from music21_lstm.generation.index import INDEX_FILE, build_index
from music21_lstm.generation.length import Length
from music21_lstm.generation.take import Take
from music21_lstm.generation.watch import Watch
from music21_lstm.generation.wishes import Wishes
from music21_lstm.model import presets
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig, array_shapes, played_edges
from music21_lstm.model.context import rows_seen

DATA = Path(__file__).parent / "data"
ALL = {"ages": True, "recall": True, "steering": True, "units": 16, "head_units": 8, "layers": 1}
DOWN, UP = ControlChange(0, 0, 64, 127), ControlChange(0, 0, 64, 0)


def untrained(config):
    random = np.random.default_rng(4)
    shapes = array_shapes(config).items()
    arrays = {name: random.normal(size=size).astype(np.float32) * 0.3 for name, size in shapes}
    return Generator(Checkpoint(config, arrays), "untrained")


@pytest.fixture(scope="module")
def piano():
    edges = played_edges()
    return untrained(
        EventsConfig("played", 50, delta_edges=edges, bar_positions=0, pedal=True, **ALL)
    )


@pytest.fixture(scope="module")
def written():
    return untrained(EventsConfig(velocity_bins=1, **ALL))


def pedals(performance):
    return [e for e in performance.events if isinstance(e, ControlChange) and e.control == 64]


# --- the pedal -----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [{"seconds": 5}, {"notes": 30}, {"events": 41}, {"measures": 2}])
def test_the_pedal_is_up_at_the_end_and_there_in_midi_text_score_and_sound(piano, length, tmp_path):
    new = piano.perform(seed=2, watch=False, **length)
    assert len(pedals(new)) > 4
    assert new.events[-1] == UP or pedals(new)[-1].value == 0
    assert read_midi(midi_bytes(new)) == new == performance_of(text_of(new))
    score = ml.to_stream(new)
    assert ml.read(score).notes == new.rescaled(ml.read(score).resolution).notes
    assert len(pedals(ml.read(score))) == len(pedals(new))
    if "seconds" in length:
        assert new.seconds <= 5.001
        dry = Performance(
            new.resolution, [e for e in new.events if not isinstance(e, ControlChange)]
        )
        ml.write(new, tmp_path / "wet.wav")
        ml.write(dry, tmp_path / "dry.wav")
        assert (tmp_path / "wet.wav").read_bytes() != (tmp_path / "dry.wav").read_bytes()


def test_a_take_that_ends_with_the_pedal_down_lets_it_up_with_its_last_note():
    take = Take(50, Length("events", 3))
    take.hear((ControlChange(2, 0, 64, 127), NoteOn(3, 60, 80)))
    take.hear((NoteOn(0, 64, 80),))
    assert take.over
    assert take.events[3:] == [NoteOff(50, 60), NoteOff(0, 64), UP]


def test_the_pedal_that_a_primer_leaves_down_stays_down_for_a_model_that_has_one(piano, written):
    notes = [NoteOn(0, 60, 80), NoteOff(500, 60)]
    primer = Performance(500, [ControlChange(0, 3, 64, 127), *notes])
    heard = piano.perform(primer, notes=5, seed=1)
    assert pedals(heard)[0] == DOWN
    assert heard.events[3] != UP
    alone = piano.perform(primer, notes=5, seed=1, include_primer=False)
    assert alone.events[1] == DOWN
    assert alone.events[2:] == heard.events[4:]
    assert pedals(written.perform(primer, notes=5, seed=1)) == [
        ControlChange(0, 3, 64, 127), ControlChange(0, 3, 64, 0)
    ]  # fmt: skip


def test_a_pedal_that_goes_up_after_the_last_note_does_not_move_what_follows(written):
    notes = [ControlChange(0, 0, 64, 127), NoteOn(0, 60, 80), NoteOff(480, 60)]
    straight = written.perform(Performance(480, [*notes, UP]), notes=5, seed=1)
    late = written.perform(Performance(480, [*notes, ControlChange(33, 0, 64, 0)]), notes=5, seed=1)
    assert [n.onset for n in late.notes] == [n.onset for n in straight.notes]


def test_a_played_piece_with_pedal_can_be_explained_and_filled(piano):
    tune = piano.perform(seconds=16, seed=3, watch=False)
    score = piano.surprisal(tune)
    assert set(score.editorial["surprisal"].by_field) == {"delta", "key", "velocity"}
    filled = piano.fill(ml.to_stream(tune), 2, 2, candidates=2, seed=1)
    assert len(pedals(ml.read(filled))) == len(pedals(ml.read(ml.to_stream(tune))))


def test_a_long_last_chord_under_a_moving_pedal_is_no_silence():
    take = Take(50, watch=Watch(50))
    take.hear((NoteOn(0, 60, 80),))
    take.hear((ControlChange(4000, 0, 64, 127), NoteOff(0, 60)))
    assert take.collapse is None


# --- what is asked -------------------------------------------------------------------------------


def test_a_wish_changes_the_music_and_none_leaves_it(piano, written):
    for generator, wish in ((piano, {"velocity": 30}), (written, {"key": "f# minor"})):
        plain = generator.perform(notes=30, seed=1, watch=False)
        assert generator.perform(notes=30, seed=1, watch=False, steer=Steering()) == plain
        asked = generator.perform(notes=30, seed=1, watch=False, **wish)
        assert asked != plain
        assert asked == generator.perform(notes=30, seed=1, watch=False, steer=Steering(**wish))


def test_a_wish_begins_at_its_second_of_played_and_its_measure_of_written_music(piano, written):
    wish = Steering(register=40)
    for generator, unit, quarters in ((piano, "seconds", 2), (written, "measures", 4)):
        plain = generator.perform(seed=1, watch=False, **{unit: 6})
        later = generator.perform(seed=1, watch=False, steer=[(3, wish)], **{unit: 6})
        timed = zip(later.ticks, plain.events, later.events, strict=False)
        first = next(tick for tick, event, other in timed if event != other)
        assert first >= 3 * quarters * plain.resolution


def test_measures_of_wishes_are_counted_from_the_next_bar_line():
    wishes = Wishes.of([(0, Steering(key="C")), (2, Steering(key="G"))], 96, 24)
    rows = [wishes.at(tick)[0] for tick in (0, 23, 24 + 191, 24 + 192)]
    assert rows == [1, 1, 1, 8]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": "H dur"}, "key 'H dur' is none"),
        ({"density": 0}, "density is 0"),
        ({"density": "much"}, "must be numbers"),
        ({"velocity": 200}, "velocity level is 200"),
        ({"register": 60, "steer": Steering()}, "steer and register are both given"),
        ({"steer": "C major"}, "give a Steering"),
        ({"steer": [(2, Steering()), (1, Steering())]}, "must rise from 0 on"),
        ({"steer": [(-1, Steering())]}, "must rise from 0 on"),
        ({"guidance": -1, "key": "C"}, "guidance is -1; it must be a number from 0 to 10"),
        ({"guidance": "much"}, "guidance is 'much'"),
        ({"max_copy": 8}, "came without an index"),
    ],
)
def test_wishes_that_make_no_sense_are_refused_in_one_line(piano, options, message):
    with pytest.raises(GenerationError, match=message) as caught:
        piano.perform(notes=3, seed=1, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("streams", [[0], [0, 0, 0]])
def test_guided_logits_are_what_told_nothing_gives_and_what_the_wish_changes(
    piano, guidance, streams
):
    checkpoint = piano.checkpoint
    names = rows_seen(checkpoint.config)
    told, untold = (EventCells(checkpoint.config, checkpoint.arrays) for _ in range(2))
    guided = GuidedCells(
        EventCells(checkpoint.config, checkpoint.arrays), streams, len(names), guidance
    )
    random = np.random.default_rng(1)
    for turn in range(4):
        event, wish = [*random.integers(0, 3, len(names)).tolist()], [3, 1, 2, 5]
        sounding = (random.random((1, 128)) < 0.1).astype(np.uint8)
        since = random.integers(0, 90, (1, 128)).astype(np.uint8)
        told.hear([[*event, *wish]], sounding, since)
        untold.hear([event], sounding, since)
        count = len(streams)
        guided.hear(
            [[*event, *wish]] * count, np.tile(sounding, (count, 1)), np.tile(since, (count, 1))
        )
        if turn == 2:
            streams = streams[:1]
            guided = guided.chosen(streams)
        asked = {
            "delta_logits": (), "key_logits": ([4], [], []),
            "velocity_logits": ([200], [4]), "pedal_logits": ([200], [4]),
        }  # fmt: skip
        for name, given in asked.items():
            both = [getattr(cells, name)(*given).astype(float)[0] for cells in (told, untold)]
            with_wish, without = (each - np.log(np.exp(each).sum()) for each in both)
            found = getattr(guided, name)(*(rows * len(streams) for rows in given))
            assert found.shape == (len(streams), len(without))
            # What one has just played says more of how loud to go on than a wish does.
            loud = name == "velocity_logits"
            times = 1 + 4 * (guidance - 1) if loud and guidance > 1 else guidance
            assert np.allclose(found, without + times * (with_wish - without), atol=1e-4)


def test_a_piece_that_is_asked_to_turn_loud_does():
    wishes = [(0, Steering(velocity=40)), (12, Steering(velocity=90, register=72))]
    for piece in ml.load("piano").perform(seconds=24, seed=2, count=6, steer=wishes):
        loud = [note.velocity for note in piece.notes if piece.times[note.on] > 15]
        assert np.mean(loud) > 70


def test_a_key_of_music21_is_a_wish_too():
    assert Steering(key=key.Key("e-")).rows == Steering(key="e- minor").rows
    assert Steering(key=key.Key("B-")).rows == Steering(key="Bb major").rows


def test_the_more_guidance_the_more_the_wish_is_followed(piano, written):
    for generator, wish in ((piano, {"velocity": 30}), (written, {"key": "f# minor"})):
        plain = generator.perform(notes=30, seed=1, watch=False)
        assert generator.perform(notes=30, seed=1, watch=False, guidance=5) == plain
        assert generator.perform(notes=30, seed=1, watch=False, guidance=0, **wish) == plain
    trained = ml.load("piano")
    loud = []
    for guidance in (1, 2):
        pieces = trained.perform(seconds=8, seed=0, count=4, velocity=95, guidance=guidance)
        loud.append(np.mean([note.velocity for piece in pieces for note in piece.notes]))
    assert loud[1] > loud[0] + 5


def test_a_model_that_has_not_learned_a_wish_says_so(written):
    with pytest.raises(GenerationError, match="learned no velocity"):
        written.perform(notes=3, velocity=60)
    deaf = untrained(EventsConfig(units=8, layers=1, head_units=8))
    with pytest.raises(GenerationError, match="has not learned to follow"):
        deaf.perform(notes=3, key="C")


# --- what may be copied --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copier(tmp_path_factory):
    """The chorale preset, and an index of what it plays with seed 1: it copies all of that."""
    folder = tmp_path_factory.mktemp("copier") / "chorale"
    shutil.copytree(presets.path("chorale"), folder)
    index = build_index([("own", ml.load("chorale").perform(notes=60, seed=1))], "written")
    index.save(folder / INDEX_FILE)
    return ml.load(folder)


def test_no_run_is_copied_that_is_longer_than_what_may_be(copier):
    assert copier.originality(copier.perform(notes=60, seed=1)).longest_run > 40
    held = copier.perform(notes=60, seed=1, max_copy=12)
    found = copier.originality(held)
    assert 8 <= found.longest_run <= 12
    assert found.piece == "own"
    assert len(held.notes) == 60


def test_each_of_several_streams_has_its_own_watch_of_what_is_copied(copier):
    both = copier.perform(notes=40, seed=1, max_copy=10, count=2)
    assert both[0] == copier.perform(notes=40, seed=1, max_copy=10)
    primer = both[0]
    longer = copier.perform(primer, notes=20, seed=1, max_copy=10)
    assert copier.originality(longer).longest_run <= 10


def test_a_model_without_an_index_cannot_say_what_is_copied(piano):
    with pytest.raises(GenerationError, match="untrained came without an index"):
        piano.originality("notetext: 0_no_60_80 480_nf_60_64")
