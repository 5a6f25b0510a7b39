"""Training on real chorales at tiny size: it learns, it resumes exactly, it stops clean."""

from __future__ import annotations

import csv
import itertools
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.encoding.notetext import token_of
from music21_lstm.errors import FileError, TrainingError
from music21_lstm.model import checkpoint
from music21_lstm.model.corpora import chorales
from music21_lstm.model.dataset import digest_of
from music21_lstm.model.records import read_state, state_path
from music21_lstm.model.settings import settings_for
from music21_lstm.model.training import train

SETTINGS = {
    "events": settings_for(
        "events", units=12, layers=1, head_units=8, key_size=8, delta_size=6, position_size=3,
        dropout=0.2, epochs=3, window=64, batch_size=4, learning_rate=0.01, held_out=0.3,
        ages=True, steering=True, louder=5, average=0.9,
    ),
    "post": settings_for("post", units=8, epochs=3, window=5),
}  # fmt: skip


@pytest.fixture(scope="module")
def pieces():
    return list(chorales({"bwv66.6", "bwv269", "bwv271", "bwv57.8"}))


@pytest.fixture(scope="module")
def trained(pieces, tmp_path_factory):
    """An uninterrupted training of each recipe: its folder, what came back, its progress."""
    done = {}
    for recipe, settings in SETTINGS.items():
        folder = tmp_path_factory.mktemp(recipe) / "model"
        progress = []
        about = {"command": "music21-lstm train", "licence": "none needed"}
        model = train(pieces, folder, settings, about=about, on_progress=progress.append)
        done[recipe] = (folder, model, progress)
    return done


@pytest.fixture
def interrupted(request, pieces, tmp_path):
    """A training stopped by Ctrl-C in its second epoch."""
    # Python leaves SIGINT alone where it was started in the background of a script.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def stop(progress):
        if (progress.epoch, progress.step) == (2, 2):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(pieces, tmp_path / "model", SETTINGS[request.param], on_progress=stop)
    yield request.param, tmp_path / "model"
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("interrupted", SETTINGS, indirect=True)
def test_a_training_stopped_by_ctrl_c_leaves_a_whole_checkpoint_and_resumes_to_the_same_weights(
    interrupted, pieces, trained
):
    recipe, folder = interrupted
    assert checkpoint.load(folder).metadata["epoch"] == 1
    assert [row.epoch for row in read_state(folder).history] == [1]
    resumed = train(pieces, folder, SETTINGS[recipe], resume=True)
    whole = trained[recipe][1]
    assert resumed.metadata["epoch"] == whole.metadata["epoch"]
    assert resumed.arrays.keys() == whole.arrays.keys()
    for name, array in whole.arrays.items():
        assert np.array_equal(resumed.arrays[name], array), name
    ours, theirs = (read_state(where).arrays for where in (folder, trained[recipe][0]))
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], array) for name, array in theirs.items())
    ours, theirs = (
        (where / checkpoint.WEIGHTS_FILE).read_bytes() for where in (folder, trained[recipe][0])
    )
    assert ours == theirs


@pytest.mark.parametrize("recipe", SETTINGS)
def test_training_lowers_the_loss(trained, recipe):
    history = read_state(trained[recipe][0]).history
    assert sum(history[-1].train.values()) < 0.95 * sum(history[0].train.values())


def test_the_checkpoint_is_the_epoch_with_the_best_held_out_loss(trained):
    folder, model, _ = trained["events"]
    history = read_state(folder).history
    best = min(history, key=lambda row: row.loss)
    assert model.metadata["epoch"] == best.epoch
    assert model.metadata["held_out_loss"]["total"] == pytest.approx(best.loss)


def test_the_metadata_says_where_the_model_comes_from(trained, pieces):
    metadata = trained["events"][1].metadata
    data = metadata["data"]
    assert metadata["command"] == "music21-lstm train"
    assert set(metadata["versions"]) == {"python", "music21-lstm", "tensorflow", "keras", "numpy"}
    assert len(data["held_out"]) == 1
    listed = {tuple(piece) for piece in [*data["held_out"], *data["trained_on"]]}
    assert listed == {(name, digest_of(piece)) for name, piece in pieces}
    by_name = dict(pieces)
    for (name, _), row in zip(data["trained_on"], metadata["characters"], strict=True):
        notes = by_name[name].notes
        assert row[3] == round(sum(note.pitch for note in notes) / len(notes))
    assert "characters" not in trained["post"][1].metadata


def test_history_and_plot_stand_beside_the_checkpoint(trained):
    for folder, _, progress in trained.values():
        with (folder / "history.csv").open() as table:
            rows = list(csv.DictReader(table))
        assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
        last = [step for step in progress if step.step == step.steps]
        assert [float(row["train_loss"]) for row in rows] == pytest.approx(
            [step.loss for step in last], abs=1e-5
        )
        assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_progress_counts_every_step_and_tells_the_held_out_loss_once_an_epoch(trained):
    progress = trained["events"][2]
    steps = progress[0].steps
    assert [(p.epoch, p.step) for p in progress] == list(
        itertools.product(range(1, 4), range(1, steps + 1))
    )
    assert [p.step for p in progress if p.held_out is not None] == [steps] * 3


def test_chorales_have_one_velocity_so_none_is_learned(trained):
    model = trained["events"][1]
    assert model.config.velocity_bins == 1
    assert not {"embed/velocity", "head_velocity/hidden/kernel"} & set(model.arrays)


def test_a_finished_training_resumed_changes_nothing(trained, pieces):
    folder, model, _ = trained["post"]
    again = train(pieces, folder, SETTINGS["post"], resume=True)
    assert again.metadata == model.metadata


def test_resuming_with_other_settings_or_pieces_is_an_error(trained, pieces):
    folder = trained["post"][0]
    with pytest.raises(TrainingError, match=r"cannot resume: units is 9, but .* began with 8"):
        train(pieces, folder, settings_for("post", units=9), resume=True)
    with pytest.raises(TrainingError, match="cannot resume: data"):
        train(pieces[1:], folder, SETTINGS["post"], resume=True)


def test_a_folder_in_use_is_not_trained_into(pieces, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(TrainingError, match="not empty"):
        train(pieces, tmp_path, SETTINGS["post"])
    with pytest.raises(TrainingError, match="nothing to resume"):
        train(pieces, tmp_path, SETTINGS["post"], resume=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_target_that_is_a_file_is_an_error_and_stays(pieces, tmp_path):
    (tmp_path / "model").write_text("a file")
    with pytest.raises(FileError, match="cannot train into"):
        train(pieces, tmp_path / "model", SETTINGS["post"])
    assert (tmp_path / "model").read_text() == "a file"


def test_a_target_that_cannot_be_made_is_an_error_before_the_first_epoch(pieces, tmp_path):
    (tmp_path / "file").write_text("in the way")
    progress = []
    with pytest.raises(FileError, match=r"cannot train into .* give a folder that can be written"):
        train(pieces, tmp_path / "file" / "model", SETTINGS["post"], on_progress=progress.append)
    assert progress == []


def test_a_damaged_state_is_an_error(pieces, tmp_path):
    state_path(tmp_path).parent.mkdir()
    state_path(tmp_path).write_bytes(b"\x10\0\0\0\0\0\0\0 not safetensors")
    with pytest.raises(TrainingError, match="is damaged"):
        train(pieces, tmp_path, SETTINGS["post"], resume=True)


def test_a_time_limit_stops_after_a_whole_epoch(pieces, tmp_path):
    settings = settings_for("post", units=4, window=3, max_minutes=1e-9)
    model = train(pieces[:1], tmp_path / "model", settings)
    assert model.metadata["epoch"] == 1


@pytest.mark.parametrize(
    ("recipe", "overrides", "message"),
    [
        ("waltz", {}, "unknown recipe 'waltz'; known recipes: events, post"),
        ("post", {"layers": 2}, "recipe post has no setting 'layers'"),
        ("events", {"wings": 2}, "recipe events has no setting 'wings'"),
        ("events", {"units": 0}, "units is 0"),
        ("events", {"epochs": 0}, "epochs is 0; it must be above 0"),
        ("post", {"held_out": 1.0}, "held_out is 1.0"),
        ("post", {"seed": -1}, "seed is -1"),
        (
            "events",
            {"precision": "float8"},
            "precision is 'float8'; it must be auto, float32 or bfloat16",
        ),
        ("events", {"average": 1.0}, "average is 1.0; it must be from 0 to below 1"),
        ("events", {"stretch": 1.0}, "stretch is 1.0; it must be from 0 to below 1"),
        ("events", {"untold": 1.5}, "untold is 1.5; it must be from 0 to 1"),
        ("events", {"transpose": -1}, "transpose is -1; it must be 0 or more"),
        ("events", {"louder": -1}, "louder is -1; it must be 0 or more"),
    ],
)
def test_settings_that_cannot_be_are_named(recipe, overrides, message):
    with pytest.raises(TrainingError, match=message):
        settings_for(recipe, **overrides)


@pytest.mark.parametrize(
    ("songs", "recipe", "message"),
    [
        ([], "events", "nothing to train on"),
        ([("rest", Performance(24, []))], "events", "rest: no notes"),
        ([("rest", Performance(24, []))], "post", "no events"),
        ([("short", Performance(24, [NoteOn(0, 60, 9), NoteOff(1, 60)]))], "post", "too short"),
        ([("a", Performance(24, [NoteOn(0, 60, 9)])), ("b", Performance(48, [NoteOn(0, 60, 9)]))],
         "post", r"different resolutions \(24, 48 ticks"),
    ],
)  # fmt: skip
def test_pieces_that_cannot_be_trained_on_are_an_error(songs, recipe, message, tmp_path):
    with pytest.raises(TrainingError, match=message):
        train(songs, tmp_path / "model", settings_for(recipe, held_out=0))
    assert not (tmp_path / "model").exists()


def test_without_tensorflow_the_error_says_what_to_install():
    program = (
        "import sys; sys.modules['keras'] = None\n"
        "from music21_lstm.model.training import train\n"
        "from music21_lstm.model.settings import settings_for\n"
        "from music21_lstm.encoding import Performance, NoteOn\n"
        "train([('a', Performance(24, [NoteOn(0, 60, 9)]))], sys.argv[1], settings_for('events'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, "never-made"], capture_output=True, text=True, check=False
    )
    assert run.stderr.strip().splitlines()[-1].endswith("pip install 'music21-lstm[train]'")


def test_importing_training_imports_no_tensorflow():
    program = (
        "import sys, music21_lstm.model.training, music21_lstm.model.corpora; "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_post_learns_a_tune_by_heart(tmp_path):
    scale = [60, 62, 64, 65, 67, 65, 64, 62]
    tune = Performance(
        4, [e for pitch in scale * 8 for e in (NoteOn(0, pitch, 80), NoteOff(4, pitch))]
    )
    train(
        [("scale", tune)], tmp_path / "model", settings_for("post", units=16, epochs=20, window=5)
    )
    model = checkpoint.load(tmp_path / "model")
    assert model.config.vocabulary == tuple(sorted({token_of(event) for event in tune}))
    assert model.metadata["train_loss"]["total"] < 0.4
