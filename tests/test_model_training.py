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
from music21_lstm.model.config import END, EventsConfig, PostConfig
from music21_lstm.model.corpora import chorales
from music21_lstm.model.dataset import EventsData, PostData, digest_of, vocabulary_of
from music21_lstm.model.features import Tracker, encode
from music21_lstm.model.network import EventsNetwork, PostNetwork, arrays_of
from music21_lstm.model.records import read_state, state_path
from music21_lstm.model.settings import settings_for
from music21_lstm.model.training import train

SETTINGS = {
    "events": settings_for(
        "events", units=12, layers=2, head_units=8, key_size=8, delta_size=6, position_size=3,
        dropout=0.2, epochs=4, window=64, batch_size=4, learning_rate=0.01, held_out=0.3,
    ),
    "post": settings_for("post", units=8, epochs=3),
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

    def stop(progress):
        if (progress.epoch, progress.step) == (2, 2):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(pieces, tmp_path / "model", SETTINGS[request.param], on_progress=stop)
    return request.param, tmp_path / "model"


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
    assert all(np.array_equal(ours[name], array) for name, array in theirs.items())


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
        itertools.product(range(1, 5), range(1, steps + 1))
    )
    assert [p.step for p in progress if p.held_out is not None] == [steps] * 4


def test_chorales_have_one_velocity_so_none_is_learned(trained):
    model = trained["events"][1]
    assert model.config.velocity_bins == 1
    assert not any("velocity" in name for name in model.arrays)


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
    settings = settings_for("post", units=4, max_minutes=1e-9)
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


def test_the_post_s_logits_are_those_of_keras_on_one_hot_windows(pieces):
    import keras

    vocabulary = vocabulary_of(pieces)
    network = PostNetwork(PostConfig(vocabulary, 24), seed=3)
    literal = keras.Sequential(
        [
            keras.Input((15, len(vocabulary))),
            keras.layers.LSTM(128),
            keras.layers.Dense(len(vocabulary)),
            keras.layers.Activation("softmax"),
        ]
    )
    for theirs, ours in zip(literal.trainable_variables, network.variables.values(), strict=True):
        assert theirs.shape == ours.shape
        theirs.assign(ours.numpy())
    batch = next(PostData(pieces, vocabulary, settings_for("post")).epoch(1))
    one_hot = np.eye(len(vocabulary), dtype=np.float32)[batch["tokens"]]
    logits = network.logits(batch)["token"]
    before_softmax = keras.Model(literal.inputs, literal.layers[1].output)(one_hot)
    assert np.abs(logits - before_softmax).max() < 1e-4
    assert np.abs(keras.ops.softmax(logits) - literal(one_hot)).max() < 1e-4
    losses = keras.losses.categorical_crossentropy(
        np.eye(len(vocabulary))[batch["next"]], literal(one_hot)
    )
    sums, tokens, _ = network.losses(batch, training=True)
    assert float(sums[0] / tokens) == pytest.approx(float(np.mean(losses)), abs=1e-4)


@pytest.mark.parametrize("bar_positions", [0, 96])
@pytest.mark.parametrize("velocity_bins", [1, 8])
def test_the_events_logits_are_those_that_the_documentation_defines(
    pieces, bar_positions, velocity_bins
):
    config = EventsConfig(
        units=7, layers=2, delta_size=3, key_size=5, velocity_size=2, position_size=4,
        head_units=6, bar_positions=bar_positions, velocity_bins=velocity_bins,
    )  # fmt: skip
    network = EventsNetwork(config, seed=1)
    settings = settings_for("events", window=40, batch_size=2)
    data = EventsData(pieces, settings.__class__(model=config, window=40, batch_size=2))
    batch = next(data.epoch(1))
    logits = network.logits(batch)
    for row in range(2):
        expected = _logits_by_hand(
            arrays_of(network), config, {k: v[row] for k, v in batch.items()}
        )
        assert logits.keys() == expected.keys()
        for field, values in expected.items():
            assert np.abs(logits[field][row] - values).max() < 1e-4


def _logits_by_hand(w, config, batch):
    """docs/model.md, word for word, one event after another."""
    states = [np.zeros((2, config.units)) for _ in range(config.layers)]
    found = {"delta": [], "key": [], "velocity": []}

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def bar(prefix, t):
        names = ("position", "remaining") if config.has_bar else ()
        return [w[f"embed/{name}"][batch[prefix + name][t]] for name in names]

    def head(name, *inputs):
        hidden = (
            np.concatenate(inputs) @ w[f"head_{name}/hidden/kernel"] + w[f"head_{name}/hidden/bias"]
        )
        return (
            np.maximum(hidden, 0) @ w[f"head_{name}/logits/kernel"] + w[f"head_{name}/logits/bias"]
        )

    for t in range(len(batch["key"])):
        x = [w["embed/delta"][batch["delta"][t]], w["embed/key"][batch["key"][t]]]
        if config.has_velocity:
            x.append(w["embed/velocity"][batch["velocity"][t]])
        x = np.concatenate([*x, batch["sounding"][t], *bar("", t)])
        for layer, state in enumerate(states):
            z = x @ w[f"lstm_{layer}/kernel"] + state[0] @ w[f"lstm_{layer}/recurrent"]
            i, f, c, o = np.split(z + w[f"lstm_{layer}/bias"], 4)
            state[1] = sigmoid(f) * state[1] + sigmoid(i) * np.tanh(c)
            state[0] = x = sigmoid(o) * np.tanh(state[1])
        delta = w["embed/delta"][batch["next_delta"][t]]
        found["delta"].append(head("delta", x))
        found["key"].append(head("key", x, delta, batch["sounding"][t], *bar("next_", t)))
        if config.has_velocity:
            key = w["embed/key"][batch["next_key"][t]]
            found["velocity"].append(head("velocity", x, key, delta))
    return {field: np.stack(values) for field, values in found.items() if values}


def test_training_masks_the_keys_that_the_tracker_forbids(pieces):
    settings = settings_for("events", units=4, transpose=0, window=10_000, batch_size=1)
    network = EventsNetwork(settings.model)
    batch = next(EventsData(pieces[:1], settings).whole())
    legal = np.array(network._legal(batch))[0]
    tracker = Tracker(settings.model)
    rows = encode(pieces[0][1], settings.model, end=True)
    for t, (delta, key, _) in enumerate(itertools.islice(rows.steps, 1, None)):
        assert np.array_equal(legal[t], tracker.legal(delta))
        tracker.take(delta, key)
    assert key == END


def test_the_post_learns_a_tune_by_heart(tmp_path):
    scale = [60, 62, 64, 65, 67, 65, 64, 62]
    tune = Performance(
        4, [e for pitch in scale * 8 for e in (NoteOn(0, pitch, 80), NoteOff(4, pitch))]
    )
    train([("scale", tune)], tmp_path / "model", settings_for("post", units=16, epochs=12))
    model = checkpoint.load(tmp_path / "model")
    assert model.config.vocabulary == tuple(sorted({token_of(event) for event in tune}))
    assert model.metadata["train_loss"]["total"] < 0.4
