"""The networks compute what docs/model.md defines, and allow what the tracker allows."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from music21_lstm.encoding.midi import read_midi
from music21_lstm.model.config import END, EventsConfig, PostConfig, array_shapes, played_edges
from music21_lstm.model.corpora import chorales
from music21_lstm.model.dataset import EventsData, PostData, pieces_for, vocabulary_of
from music21_lstm.model.features import encode
from music21_lstm.model.network import EventsNetwork, PostNetwork, arrays_of
from music21_lstm.model.pedal import legal_gestures
from music21_lstm.model.settings import EventsSettings, settings_for
from music21_lstm.model.tracker import Tracker

SIZES = {"units": 7, "layers": 2, "delta_size": 3, "key_size": 5, "velocity_size": 2,
         "position_size": 4, "head_units": 6}  # fmt: skip
EXTRAS = {"ages": True, "recall": True, "sequences": True, "ends": True, "tolerant": True,
          "steering": True, "steered_heads": True, "pedal": True, "norm": True}  # fmt: skip
PLAYED = {"time_base": "played", "resolution": 50, "delta_edges": played_edges()}

CONFIGS = {
    "bar and velocity": EventsConfig(**SIZES, bar_positions=96, velocity_bins=8),
    "neither": EventsConfig(**SIZES, bar_positions=0, velocity_bins=1),
    "everything": EventsConfig(**SIZES, **EXTRAS, **PLAYED, bar_positions=30),
    "ages": EventsConfig(**SIZES, **PLAYED, bar_positions=0, ages=True),
    "recall, no velocity": EventsConfig(**SIZES, velocity_bins=1, recall=True),
    "steering and pedal": EventsConfig(
        **SIZES, **PLAYED, bar_positions=0, steering=True, pedal=True
    ),
}


@pytest.fixture(scope="module")
def music():
    """Two pieces as played, with pedal, of unlike length."""
    tune = read_midi("tests/data/fur-elise.mid")
    return [("one", tune[60:160]), ("two", tune[300:360]), ("three", tune[500:530])]


def _data(music, config, **settings):
    wanted = {"window": 40, "batch_size": 2, "transpose": 0, "untold": 0.0} | settings
    return EventsData(pieces_for(music, config), EventsSettings(model=config, **wanted))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_logits_of_carried_windows_are_those_that_the_documentation_defines(music, name):
    config = CONFIGS[name]
    network = EventsNetwork(config, seed=1)
    arrays = {key: 3 * array for key, array in arrays_of(network).items()}
    for key, variable in network.variables.items():
        variable.assign(arrays[key])
    by_hand = [_ByHand(arrays, config) for _ in range(2)]
    state = network.silence(2)
    batches = list(_data(music, config).epoch(1))
    assert sum(int(batch["fresh"].sum()) for batch in batches) == 3
    assert len(batches) > 2
    for batch in batches:
        logits, state = network.logits(batch, state)
        assert set(logits) == set(config.heads) == set(network.fields)
        for stream, hand in enumerate(by_hand):
            expected = hand.window(_stream(batch, stream))
            for field, values in expected.items():
                assert np.abs(logits[field][:, stream] - values).max() < 1e-4, field


def _stream(batch, stream):
    return {
        name: values[stream] if name == "fresh" else values[:, stream]
        for name, values in batch.items()
    }


class _ByHand:
    """docs/model.md, word for word, one event after another."""

    def __init__(self, arrays, config):
        self.w, self.config = arrays, config
        self.silence()

    def silence(self):
        self.states = [np.zeros((2, self.config.units)) for _ in range(self.config.layers)]

    def window(self, batch):
        if batch["fresh"]:
            self.silence()
        found = [self.event(batch, t) for t in range(len(batch["key"]))]
        return {field: np.stack([one[field] for one in found]) for field in found[0]}

    def event(self, batch, t):
        w, config = self.w, self.config

        def embedded(*names):
            return [w[f"embed/{name.removeprefix('next_')}"][batch[name][t]] for name in names]

        velocity = ["velocity"] * config.has_velocity
        bar = ["position", "remaining"] * config.has_bar
        pause = ["pause"] * config.ages
        recall = ["recall_length", "recall_pitch", "recall_wait", "recall_velocity"] * config.recall
        ends = ["recall_end", "recall_end_wait"] * config.ends
        later = [f"recall_{which}{wait}" for which in ("second", "third") for wait in ("", "_wait")]
        later *= config.tolerant
        asked = config.steered_heads
        pedal = ["pedal"] * config.pedal
        steer = ["steer_key", "steer_density", "steer_velocity", "steer_register"] * config.steering
        sounding = batch["sounding"][t].astype(float)
        x = np.concatenate(
            [*embedded("delta", "key", *velocity), sounding,
             *embedded(*bar, *pause, *recall, *ends, *pedal, *steer)]
        )  # fmt: skip
        for layer, state in enumerate(self.states):
            x = self.step(layer, state, x)
            if config.norm:
                gain = w[f"norm_{layer}/gain"]
                x = (x - x.mean()) / np.sqrt(x.var() + 1e-5) * gain
        found = {
            "delta": self.head(
                "delta", x, *embedded(*pause, *recall, *ends, *later, *["steer_density"] * asked)
            )
        }
        planes = [sounding]
        if config.ages:
            code = batch["since"][t].astype(float)
            struck = np.where(code == 255, 1e6, 2 ** (code / 16) - 1)
            then = struck + config.delta_edges[batch["next_delta"][t]]
            planes += [sounding * np.log(1 + then) / 7, np.exp(-then / 100), np.exp(-then / 600)]
        place = embedded(*(f"next_{name}" for name in bar))
        steered = ["steer_key", "steer_register"] * asked
        found["key"] = self.head(
            "key",
            x,
            *embedded("next_delta"),
            *planes,
            *place,
            *embedded(*recall, *ends, *later, *steered),
        )
        if config.has_velocity:
            said = embedded("next_key", "next_delta", *recall, *["steer_velocity"] * asked)
            found["velocity"] = self.head("velocity", x, *said)
        if config.pedal:
            found["pedal"] = self.head("pedal", x, *embedded("next_key", "next_delta", "pedal"))
        return found

    def step(self, layer, state, x):
        z = x @ self.w[f"lstm_{layer}/kernel"] + state[0] @ self.w[f"lstm_{layer}/recurrent"]
        i, f, c, o = np.split(z + self.w[f"lstm_{layer}/bias"], 4)
        state[1] = _sigmoid(f) * state[1] + _sigmoid(i) * np.tanh(c)
        state[0] = _sigmoid(o) * np.tanh(state[1])
        return state[0]

    def head(self, name, *inputs):
        w = self.w
        hidden = np.concatenate(inputs) @ w[f"head_{name}/hidden/kernel"]
        hidden = np.maximum(hidden + w[f"head_{name}/hidden/bias"], 0)
        return hidden @ w[f"head_{name}/logits/kernel"] + w[f"head_{name}/logits/bias"]


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("name", CONFIGS)
def test_a_network_has_the_arrays_that_its_configuration_names(name):
    arrays = arrays_of(EventsNetwork(CONFIGS[name]))
    assert {key: array.shape for key, array in arrays.items()} == array_shapes(CONFIGS[name])


def test_training_masks_the_keys_that_the_tracker_forbids():
    config = EventsConfig(**SIZES, velocity_bins=1)
    pieces = list(chorales({"bwv66.6"}))
    batch = next(_data(pieces, config, window=10_000, batch_size=1).whole(window=10_000))
    legal = np.array(EventsNetwork(config)._legal(batch))[:, 0]
    tracker = Tracker(config)
    rows = encode(pieces[0][1], config, end=True)
    for t, (delta, key, _) in enumerate(itertools.islice(rows.steps, 1, None)):
        assert np.array_equal(legal[t], tracker.legal(delta))
        assert legal[t, key]
        tracker.take(delta, key)
    assert key == END


def test_no_event_of_real_music_costs_what_a_forbidden_one_does(music):
    """Neither as it is nor transposed, stretched and louder; and nothing is summed past the end."""
    config = CONFIGS["everything"]
    network = EventsNetwork(config)
    data = _data(music, config, transpose=6, stretch=0.3, louder=30)
    for batch in itertools.chain(data.whole(window=64), data.epoch(1), data.epoch(2)):
        state = network.silence(batch["key"].shape[1])
        sums, notes, events, _ = network.losses(batch, state, training=False)
        on = (batch["next_key"] >= 128) & (batch["next_key"] < END) & (batch["counts"] > 0)
        assert float(events) == batch["counts"].sum()
        assert float(notes) == on.sum()
        # A network that has learned nothing: each field costs about the logarithm of its classes.
        ceiling = np.log([config.delta_bins, 257, 32, 65]) + np.array([3.0, 1, 1, 1])
        assert (sums.numpy() < ceiling * np.maximum(1, batch["counts"].sum())).all()


def test_the_loss_of_each_field_is_its_cross_entropy_over_what_may_come(music):
    config = CONFIGS["everything"]
    network = EventsNetwork(config, seed=2)
    batch = next(_data(music, config, batch_size=1, window=120).epoch(1))
    logits, _ = network.logits(batch, network.silence(1))
    sums, *_ = network.losses(batch, network.silence(1), training=False)
    wide = {field: values.numpy()[:, 0].astype(float) for field, values in logits.items()}
    batch = {name: values[..., 0] if values.ndim == 2 else values for name, values in batch.items()}
    edges = np.array(config.delta_edges)
    width = np.diff(np.append(edges, 2 * edges[-1] - edges[-2]))
    expected = dict.fromkeys(config.heads, 0.0)
    tracker = Tracker(config)
    for t in np.flatnonzero(batch["counts"]).tolist():
        tracker.take(*(int(batch[name][t]) for name in ("delta", "key", "velocity")))
        delta, key, velocity, gesture = (
            int(batch[f"next_{name}"][t]) for name in ("delta", "key", "velocity", "gesture")
        )
        expected["delta"] += _cost(wide["delta"][t], delta) + np.log(width[delta])
        expected["key"] += _cost(np.where(tracker.legal(delta), wide["key"][t], -np.inf), key)
        if 128 <= key < END:
            expected["velocity"] += _cost(wide["velocity"][t], velocity - 1)
        if delta > 0:
            room = legal_gestures(config.delta_edges[delta])
            expected["pedal"] += _cost(np.where(room, wide["pedal"][t], -np.inf), gesture)
    assert sums.numpy() == pytest.approx(list(expected.values()), rel=1e-4)


def _cost(logits, chosen):
    logits = logits - logits.max()
    return np.log(np.exp(logits).sum()) - logits[chosen]


def test_dropout_is_drawn_in_training_alone(music):
    config = replace(CONFIGS["neither"], dropout=0.5)
    network = EventsNetwork(config, seed=2)
    batch = next(_data(music, config).epoch(1))
    once, again, other = (
        network.losses(batch, network.silence(2), training=training)[0].numpy()
        for training in (False, False, True)
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_the_post_s_logits_are_those_of_keras_on_one_hot_windows():
    import keras

    pieces = list(chorales({"bwv66.6", "bwv269"}))
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
    before_softmax = keras.Sequential(literal.layers[:2])(one_hot)
    assert np.abs(logits - before_softmax).max() < 1e-4
    assert np.abs(keras.ops.softmax(logits) - literal(one_hot)).max() < 1e-4
    losses = keras.losses.categorical_crossentropy(
        np.eye(len(vocabulary))[batch["next"]], literal(one_hot)
    )
    sums, tokens, events, _ = network.losses(batch, network.silence(1), training=True)
    assert float(tokens) == float(events) == len(batch["next"])
    assert float(sums[0] / tokens) == pytest.approx(float(np.mean(losses)), abs=1e-4)
