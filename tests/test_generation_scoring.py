"""What an event costs is what it cost in training; and a model made earlier costs what it did."""

from __future__ import annotations

import numpy as np
import pytest

from music21_lstm.encoding.midi import read_midi
from music21_lstm.generation.scoring import score, scores
from music21_lstm.model import checkpoint, presets
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import (
    END,
    EventsConfig,
    array_shapes,
    config_from_dict,
    played_edges,
    written_edges,
)
from music21_lstm.model.corpora import chorales
from music21_lstm.model.dataset import EventsData, pieces_for
from music21_lstm.model.network import EventsNetwork, arrays_of
from music21_lstm.model.settings import EventsSettings
from music21_lstm.model.unigram import delta_width_nats

SIZES = {"units": 12, "head_units": 8, "key_size": 6, "delta_size": 5, "velocity_size": 3}
CONFIGS = {
    "everything": EventsConfig(
        **SIZES, time_base="played", resolution=50, delta_edges=played_edges(), bar_positions=0,
        ages=True, recall=True, steering=True, pedal=True,
    ),
    "as written": EventsConfig(**SIZES, recall=True),
}  # fmt: skip


@pytest.fixture(scope="module")
def tune():
    return read_midi("tests/data/fur-elise.mid")[:240]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_held_out_piece_costs_by_field_what_training_says_but_for_its_end(tune, name):
    config = CONFIGS[name]
    network = EventsNetwork(config, seed=3)
    data = EventsData(pieces_for([("tune", tune)], config), EventsSettings(model=config))
    state, total, notes = network.silence(1), 0.0, 0.0
    for batch in data.whole(window=100):
        batch["counts"] *= batch["next_key"] != END
        sums, some, _, state = network.losses(batch, state, training=False)
        total, notes = total + sums.numpy(), notes + float(some)
    found = score(Checkpoint(config, arrays_of(network), {}), tune)
    assert found.notes == notes > 50
    nats = {field: found.nats[field].sum() for field in network.fields}
    assert nats == pytest.approx(dict(zip(network.fields, total.tolist(), strict=True)), rel=1e-4)


def test_pieces_side_by_side_cost_what_each_costs_alone(tune):
    config = CONFIGS["everything"]
    model = Checkpoint(config, arrays_of(EventsNetwork(config, seed=3)), {})
    excerpts = [tune[:60], tune[40:240], tune[100:130]]
    for together, excerpt in zip(scores(model, excerpts), excerpts, strict=True):
        for field, nats in score(model, excerpt).nats.items():
            assert np.allclose(together.nats[field], nats, atol=1e-4), field


def _without_width(found, config):
    """The nats of each field in all; of a delta without what its bin is wide."""
    sums = {field: float(nats.sum()) for field, nats in found.nats.items()}
    sums["delta"] -= float(delta_width_nats(config)[found.fields.delta].sum())
    return sums


def test_the_bundled_chorale_preset_says_what_it_always_said():
    """Figures of the code that it was trained with; they change only with the preset itself."""
    model = checkpoint.load(presets.path("chorale"))
    assert all((model.config.ages, model.config.recall, model.config.steering))
    (_, piece), *_ = chorales({"bwv66.6"})
    found = score(model, piece)
    sums = _without_width(found, model.config)
    assert found.notes == 154
    assert sums["delta"] == pytest.approx(25.81331, abs=1e-3)
    assert sums["key"] == pytest.approx(194.44929, abs=1e-3)


def test_a_configuration_of_an_earlier_version_means_what_it_meant():
    """Its settings and its figures are those of version 0.1's code, with weights by a formula."""
    config = config_from_dict(
        {
            "recipe": "events", "time_base": "written", "resolution": 24,
            "delta_edges": list(written_edges(24)), "velocity_bins": 32, "bar_positions": 192,
            "units": 16, "layers": 2, "delta_size": 5, "key_size": 6, "velocity_size": 3,
            "position_size": 4, "head_units": 12, "dropout": 0.15,
        }
    )  # fmt: skip
    arrays = {
        name: _wave(index, shape)
        for index, (name, shape) in enumerate(array_shapes(config).items())
    }
    found = score(Checkpoint(config, arrays, {}), read_midi("tests/data/fur-elise.mid"))
    sums = _without_width(found, config)
    assert found.notes == 1041
    assert sums["delta"] == pytest.approx(8661.4634, abs=0.05)
    assert sums["key"] == pytest.approx(10097.8549, abs=0.05)
    assert sums["velocity"] == pytest.approx(3745.3922, abs=0.05)


def _wave(index, shape):
    numbers = np.arange(1, 1 + int(np.prod(shape))) * (1 + index / 7)
    return (0.3 * np.sin(numbers)).astype(np.float32).reshape(shape)
