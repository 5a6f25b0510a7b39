"""From files to a checkpoint: what is read and skipped, fine-tuning, and the index beside it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import music21_lstm as ml
from music21_lstm.encoding.midi import read_midi
from music21_lstm.errors import TrainingError
from music21_lstm.generation.index import INDEX_FILE, Index
from music21_lstm.model import checkpoint
from music21_lstm.model.bases import BASES, FINE_TUNING
from music21_lstm.model.corpora import chorales
from music21_lstm.model.settings import settings_for

TINY = {"units": 8, "layers": 1, "head_units": 8, "key_size": 8, "delta_size": 6, "epochs": 1}
WORKS = ("bwv66.6", "bwv269", "bwv271", "bwv57.8", "bwv153.1", "bwv267")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six chorales as MIDI and as text, a silent file and one that is none."""
    where = tmp_path_factory.mktemp("music")
    for number, (name, piece) in enumerate(chorales(WORKS)):
        ml.write(piece, where / f"{Path(name).stem}{'.mid' if number else '.notetext'}")
    (where / "bad.mid").write_text("this is not MIDI")
    ml.write("notetext: 0_cc_0_64_127", where / "silent.mid")
    return where


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSIC21_LSTM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def base(folder, tmp_path_factory):
    """A tiny model of the first three chorales, and what was told while it was trained."""
    target, said = tmp_path_factory.mktemp("base") / "model", []
    files = [path for path in sorted(folder.iterdir()) if path.stem in WORKS][:3]
    ml.train(
        files, target, held_out=0.0, cache=target.parent / "cache", on_epoch=said.append,
        on_read=lambda *count: said.append(count), **TINY,
    )  # fmt: skip
    return target, said


def test_training_writes_a_checkpoint_and_the_index_of_what_was_trained_on(base):
    target, said = base
    assert said[:-1] == [(1, 3), (2, 3), (3, 3)]
    assert len(said[-1]) == 1
    index = Index.load(target / INDEX_FILE)
    assert len(index.pieces) == 3
    generator = ml.load(target)
    piece = dict(chorales({Path(index.pieces[0]).stem}))
    assert generator.originality(next(iter(piece.values()))).copied_share == 1


def test_a_model_is_trained_on_with_what_is_held_out_and_keeps_its_network(base, folder, tmp_path):
    skipped, history = [], []
    tuned = ml.train(
        [folder], tmp_path / "tuned", start=base[0], epochs=2, on_skip=skipped.append,
        on_epoch=history.append,
    )  # fmt: skip
    assert sorted(line.split(":")[0].split("/")[-1] for line in skipped) == [
        "bad.mid", "silent.mid",
    ]  # fmt: skip
    assert tuned.config.units == TINY["units"]
    assert len(tuned.metadata["data"]["held_out"]) == 1
    assert tuned.metadata["start"]["name"] == str(base[0])
    assert tuned.metadata["settings"]["learning_rate"] == pytest.approx(
        FINE_TUNING["learning_rate"]
    )
    assert tuned.metadata["settings"]["stretch"] == 0
    assert [[row.epoch for row in rows] for rows in history] == [[0], [0, 1], [0, 1, 2]]
    with (tmp_path / "tuned" / "history.csv").open() as table:
        assert [row["epoch"] for row in csv.DictReader(table)] == ["0", "1", "2"]
    joined = Index.load(tmp_path / "tuned" / INDEX_FILE)
    assert len(joined.pieces) == 3 + 5
    start = checkpoint.load(base[0])
    assert any(not np.array_equal(tuned.arrays[n], a) for n, a in start.arrays.items())


def test_an_index_can_be_left_out(base, folder, tmp_path):
    ml.train([folder / "bwv269.mid"], tmp_path / "m", start=base[0], epochs=1, index=False)
    assert not (tmp_path / "m" / INDEX_FILE).exists()


def test_patience_ends_a_training_that_gets_no_better(folder, tmp_path):
    rows = []
    ml.train(
        [folder], tmp_path / "m", held_out=0.3, patience=1, learning_rate=0.5, on_skip=lambda _: None,
        on_epoch=rows.append, **{**TINY, "epochs": 30},
    )  # fmt: skip
    losses = [row.loss for row in rows[-1]]
    assert len(losses) < 30
    assert losses[-1] > min(losses)


def test_a_file_that_was_named_is_not_passed_over(folder, tmp_path):
    with pytest.raises(ml.Music21LstmError, match="not a MIDI file"):
        ml.train([folder / "bad.mid"], tmp_path / "m", on_skip=lambda _: None, **TINY)
    with pytest.raises(TrainingError, match=r"silent.mid: no notes"):
        ml.train([folder / "silent.mid"], tmp_path / "m", on_skip=lambda _: None, **TINY)
    assert not (tmp_path / "m").exists()


def test_what_was_read_is_read_from_the_cache_the_next_time(folder, tmp_path, cache):
    ml.train([folder / "bwv269.mid"], tmp_path / "one", held_out=0.0, **TINY)
    [entry] = cache.iterdir()
    written = entry.stat().st_mtime_ns
    ml.train([folder / "bwv269.mid"], tmp_path / "two", held_out=0.0, **TINY)
    assert [e.stat().st_mtime_ns for e in cache.iterdir()] == [written]
    one, two = (checkpoint.load(tmp_path / name) for name in ("one", "two"))
    assert all(np.array_equal(one.arrays[name], array) for name, array in two.arrays.items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": 12}, "keeps its own network; leave out units"),
        ({"recipe": "post"}, "leave out the recipe post"),
        ({"patience": 0}, "patience is 0"),
    ],
)
def test_what_fine_tuning_cannot_change_is_an_error(base, folder, tmp_path, options, message):
    with pytest.raises(TrainingError, match=message):
        ml.train([folder / "bwv269.mid"], tmp_path / "m", start=base[0], **options)


def test_of_a_preset_s_settings_a_model_that_is_trained_on_takes_those_of_training(
    base, folder, tmp_path
):
    begun = checkpoint.load(base[0])
    made = ml.train(
        [folder / "bwv269.mid"],
        tmp_path / "m",
        start=base[0],
        base="chorale",
        epochs=1,
        index=False,
    )
    assert made.config == begun.config
    assert made.metadata["settings"]["learning_rate"] == BASES["chorale"].get("learning_rate", 2e-3)
    assert made.metadata["settings"]["batch_size"] == BASES["chorale"]["batch_size"]


@pytest.mark.parametrize("name", BASES)
def test_the_settings_of_each_preset_are_settings_and_can_be_overridden(name):
    assert settings_for("events", base=name).half
    assert settings_for("events", base=name, units=7, epochs=None).model.units == 7
    with pytest.raises(TrainingError, match="of the recipe events"):
        settings_for("post", base=name)
    with pytest.raises(TrainingError, match="no settings 'waltz'"):
        settings_for("events", base="waltz")


def test_the_post_learns_pieces_of_changing_tempo_as_played(tmp_path):
    data = Path(__file__).parent / "data"
    assert (
        len({e.mpqn for e in read_midi(data / "fur-elise.mid") if isinstance(e, ml.SetTempo)}) > 1
    )
    trained = ml.train(
        [data / "fur-elise.mid"], tmp_path / "m", recipe="post", units=4, epochs=1, max_minutes=0.01
    )
    assert trained.config.resolution == 500


def test_a_model_of_played_time_is_trained_on_with_humanized_music(folder, tmp_path):
    played = {**TINY, "time_base": "played", "resolution": 50, "bar_positions": 0}
    ml.train([folder / "bwv269.mid"], tmp_path / "base", held_out=0.0, index=False, **played)
    made = ml.train(
        [folder / "bwv269.mid"], tmp_path / "m", start=tmp_path / "base", humanize=1.0, epochs=1,
        index=False,
    )  # fmt: skip
    assert made.metadata["settings"]["humanize"] == 1.0
    assert made.config.time_base == "played"
    with pytest.raises(TrainingError, match="humanize is for music as played"):
        ml.train([folder / "bwv269.mid"], tmp_path / "w", start="chorale", humanize=1.0, epochs=1)
