"""The NumPy forward pass against Keras, on real music at small size."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from music21_lstm.encoding.midi import read_midi
from music21_lstm.generation.cell import EventCells, PostCell
from music21_lstm.model.config import EventsConfig, PostConfig, array_shapes, played_edges
from music21_lstm.model.corpora import chorales
from music21_lstm.model.dataset import EventsData, pieces_for, vocabulary_of
from music21_lstm.model.network import EventsNetwork, PostNetwork, arrays_of, require_tensorflow
from music21_lstm.model.settings import EventsSettings

SIZES = {"units": 24, "head_units": 16}
PLAYED = {"time_base": "played", "resolution": 50, "delta_edges": played_edges()}
EXTRAS = {"ages": True, "recall": True, "sequences": True, "ends": True, "tolerant": True,
          "steering": True, "steered_heads": True, "pedal": True, "norm": True}  # fmt: skip
CONFIGS = {
    "one layer": EventsConfig(**SIZES, layers=1, bar_positions=96, velocity_bins=1),
    "three layers": EventsConfig(**SIZES, layers=3, bar_positions=192, velocity_bins=8),
    "everything": EventsConfig(**SIZES, **PLAYED, **EXTRAS, bar_positions=40),
    "three normed layers": EventsConfig(**SIZES, layers=3, bar_positions=0, norm=True),
    "no bar": EventsConfig(**SIZES, **PLAYED, bar_positions=0, ages=True, pedal=True),
}


@pytest.fixture(scope="module")
def music():
    tune = read_midi("tests/data/fur-elise.mid")
    return [("a", tune[60:160]), ("b", tune[300:400]), ("c", tune[500:600])]


def _batch(music, config, streams):
    settings = EventsSettings(model=config, window=80, batch_size=streams, untold=0.0)
    return next(EventsData(pieces_for(music, config), settings).epoch(1))


def _logits(cells, batch, streams):
    """The logits of each event of some of the streams of a batch, (T, streams, classes) by field."""
    config, found = cells.config, []
    names = [name for name in batch if batch[name].dtype == np.int32]
    for t in range(len(batch["key"])):
        row = {name: batch[name][t, streams] for name in names}
        since = batch["since"][t, streams] if config.ages else None
        cells.advance(row, batch["sounding"][t, streams], since)
        delta, key = row["next_delta"], row["next_key"]
        said = {"delta": cells.delta_logits()}
        said["key"] = cells.key_logits(delta, row["next_position"], row["next_remaining"])
        if config.has_velocity:
            said["velocity"] = cells.velocity_logits(key, delta)
        if config.pedal:
            said["pedal"] = cells.pedal_logits(key, delta)
        found.append(said)
    return {field: np.stack([said[field] for said in found]) for field in found[0]}


@pytest.mark.parametrize("name", CONFIGS)
def test_numpy_and_keras_agree_on_the_logits_of_one_stream_and_of_three(music, name):
    config = CONFIGS[name]
    network = EventsNetwork(config, seed=5)
    batch = _batch(music, config, 3)
    theirs, _ = network.logits(batch, network.silence(3))
    arrays = arrays_of(network)
    together = _logits(EventCells(config, arrays, 3), batch, [0, 1, 2])
    alone = _logits(EventCells(config, arrays), batch, [1])
    assert together.keys() == alone.keys() == theirs.keys()
    for field, values in theirs.items():
        assert np.abs(together[field] - values).max() < 1e-4, field
        assert np.abs(alone[field] - values[:, 1:2]).max() < 1e-4, field


def test_chosen_streams_go_on_from_where_they_are(music):
    config = CONFIGS["everything"]
    arrays = arrays_of(EventsNetwork(config, seed=5))
    batch = _batch(music, config, 3)
    half = {name: values[:40] for name, values in batch.items() if values.ndim > 1}
    rest = {name: values[40:] for name, values in batch.items() if values.ndim > 1}
    whole = _logits(EventCells(config, arrays, 3), batch, [0, 1, 2])
    cells = EventCells(config, arrays, 3)
    _logits(cells, half, [0, 1, 2])
    said = cells.delta_logits()
    some = cells.chosen([2, 0, 2])
    assert np.abs(some.delta_logits() - said[[2, 0, 2]]).max() < 1e-6
    for field, values in _logits(some, rest, [2, 0, 2]).items():
        assert np.abs(values - whole[field][40:][:, [2, 0, 2]]).max() < 1e-4, field
    # What the chosen heard is theirs alone.
    for field, values in _logits(cells, rest, [0, 1, 2]).items():
        assert np.abs(values - whole[field][40:]).max() < 1e-5, field


def test_a_reset_stream_has_forgotten_everything(music):
    config = CONFIGS["everything"]
    cells = EventCells(config, arrays_of(EventsNetwork(config, seed=5)))
    batch = _batch(music, config, 1)
    first = _logits(cells, batch, [0])
    cells.reset(1)
    again = _logits(cells, batch, [0])
    assert all(np.array_equal(first[field], again[field]) for field in first)


def test_no_wish_is_told_by_leaving_it_out(music):
    config = CONFIGS["everything"]
    cells = EventCells(config, arrays_of(EventsNetwork(config, seed=5)))
    batch = _batch(music, config, 1)
    told = _logits(cells, batch, [0])
    for name in batch:
        if name.startswith("steer_"):
            assert batch[name].any(), name
            batch[name] = np.zeros_like(batch[name])
    cells.reset(1)
    untold = _logits(cells, batch, [0])
    cells.reset(1)
    left_out = {name: rows for name, rows in batch.items() if not name.startswith("steer_")}
    assert np.abs(_logits(cells, left_out, [0])["key"] - untold["key"]).max() < 1e-5
    assert np.abs(told["key"] - untold["key"]).max() > 1e-2


def test_the_same_network_says_the_same_in_every_process(tmp_path):
    """To the last bit: Python orders the elements of a set of names otherwise each time."""
    config = CONFIGS["everything"]
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.normal(scale=0.2, size=shape).astype(np.float32)
        for name, shape in array_shapes(config).items()
    }
    np.savez(tmp_path / "arrays.npz", **arrays)
    program = (
        "import sys, numpy as np\n"
        "from music21_lstm.generation.cell import EventCells\n"
        "from tests.test_generation_cell import CONFIGS\n"
        "from music21_lstm.model.config import embeddings\n"
        "config = CONFIGS['everything']\n"
        "cells = EventCells(config, np.load(sys.argv[1]))\n"
        "for t in range(60):\n"
        "    rows = {n: np.array([t % s[0]]) for n, s in embeddings(config).items()}\n"
        "    cells.advance(rows, np.eye(128)[[t]], np.full((1, 128), t))\n"
        "    print(cells.delta_logits().tobytes().hex())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "arrays.npz")],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in "123"
    }  # fmt: skip
    assert len(said) == 1
    assert len(said.pop()) > 10_000


def test_numpy_and_keras_agree_on_the_logits_of_the_post_recipe_in_every_window():
    """Keras's own layers on one-hot windows from a zero state, as the post had them."""
    _, keras = require_tensorflow()
    vocabulary = vocabulary_of(list(chorales({"bwv66.6"})))
    config = PostConfig(vocabulary, 24, units=32)
    network = PostNetwork(config, seed=3)
    literal = keras.Sequential(
        [
            keras.Input((config.window, len(vocabulary))),
            keras.layers.LSTM(config.units),
            keras.layers.Dense(len(vocabulary)),
        ]
    )
    for variable, values in zip(
        literal.trainable_variables, arrays_of(network).values(), strict=True
    ):
        variable.assign(values)
    tokens = np.random.default_rng(0).integers(len(vocabulary), size=80)
    cell = PostCell(config, arrays_of(network))
    ours = []
    for token in tokens.tolist():
        cell.advance(token)
        ours.append(cell.logits())
    windows = np.lib.stride_tricks.sliding_window_view(tokens, config.window)
    one_hot = np.eye(len(vocabulary), dtype=np.float32)[windows]
    theirs = np.array(literal(one_hot))
    assert np.abs(np.array(ours[config.window - 1 :]) - theirs).max() < 1e-4
