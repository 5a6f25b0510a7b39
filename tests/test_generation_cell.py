"""The NumPy forward pass against Keras, on real music at small size."""

from __future__ import annotations

import numpy as np
import pytest
from music21 import corpus

from music21_lstm.generation.cell import EventCell, PostCell
from music21_lstm.model.config import EventsConfig, PostConfig
from music21_lstm.model.dataset import EventsData, vocabulary_of
from music21_lstm.model.network import EventsNetwork, PostNetwork, arrays_of, require_tensorflow
from music21_lstm.model.settings import EventsSettings
from music21_lstm.streams.encode import performance_of_stream


@pytest.fixture(scope="module")
def pieces():
    return [("bwv66.6", performance_of_stream(corpus.parse("bach/bwv66.6")))]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("bar_positions", "velocity_bins"), [(96, 1), (0, 32), (192, 8)])
def test_numpy_and_keras_agree_on_the_logits_of_the_events_recipe(
    pieces, layers, bar_positions, velocity_bins
):
    config = EventsConfig(
        units=24,
        layers=layers,
        head_units=16,
        bar_positions=bar_positions,
        velocity_bins=velocity_bins,
    )
    network = EventsNetwork(config, seed=5)
    batch = next(
        EventsData(pieces, EventsSettings(model=config, window=120, batch_size=1)).epoch(1)
    )
    theirs = {name: np.array(values)[0] for name, values in network.logits(batch).items()}
    row = {name: np.array(values)[0] for name, values in batch.items()}
    cell = EventCell(config, arrays_of(network))
    for t in range(len(row["key"])):
        sounding = row["sounding"][t].astype(np.uint8)
        place = (int(row["position"][t]), int(row["remaining"][t])) if config.has_bar else ()
        cell.advance(*(int(row[n][t]) for n in ("delta", "key", "velocity")), sounding, *place)
        delta, key = int(row["next_delta"][t]), int(row["next_key"][t])
        after = (row["next_position"][t], row["next_remaining"][t]) if config.has_bar else ()
        assert np.abs(cell.delta_logits() - theirs["delta"][t]).max() < 1e-4
        assert np.abs(cell.key_logits(delta, *map(int, after)) - theirs["key"][t]).max() < 1e-4
        if config.has_velocity:
            ours = cell.velocity_logits(key, delta)
            assert np.abs(ours - theirs["velocity"][t]).max() < 1e-4
    assert t > 100


def test_numpy_and_keras_agree_on_the_logits_of_the_post_recipe_in_every_window(pieces):
    """Keras's own layers on one-hot windows from a zero state, as the post had them."""
    _, keras = require_tensorflow()
    vocabulary = vocabulary_of(pieces)
    config = PostConfig(vocabulary, 480, units=32)
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
