"""How a training goes on: means of weights, other precision, another model to begin with."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from music21_lstm.encoding.midi import read_midi
from music21_lstm.errors import TrainingError
from music21_lstm.model import presets
from music21_lstm.model.bases import FINE_TUNING_PLAYED
from music21_lstm.model.checkpoint import Checkpoint, load
from music21_lstm.model.config import EventsConfig, PostConfig, array_shapes, played_edges
from music21_lstm.model.corpora import chorales
from music21_lstm.model.dataset import digest_of
from music21_lstm.model.network import arrays_of
from music21_lstm.model.processor import precision_for
from music21_lstm.model.records import Epoch, read_state, total
from music21_lstm.model.settings import settings_for
from music21_lstm.model.trainer import Trainer
from music21_lstm.model.training import memorising, train

PLAYED = {
    "time_base": "played", "resolution": 50, "delta_edges": played_edges(), "bar_positions": 0,
    "ages": True, "pedal": True, "units": 12, "layers": 1, "head_units": 8,
}  # fmt: skip
SETTINGS = settings_for(
    "events", **PLAYED, epochs=3, window=64, batch_size=2, learning_rate=0.02, transpose=2,
    stretch=0.05, louder=5, average=0.8, precision="bfloat16", dropout=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def pieces():
    tune = read_midi("tests/data/fur-elise.mid")
    cuts = [(0, 300), (300, 600), (600, 900), (900, 1200)]
    return [(f"{first}", tune[first:last]) for first, last in cuts]


@pytest.fixture(scope="module")
def held(pieces):
    return {digest_of(pieces[2][1])}


@pytest.fixture(scope="module")
def trained(pieces, held, tmp_path_factory):
    """A model with pedal, trained in bfloat16; the weights after each step, and its history."""
    trainer = Trainer(pieces, SETTINGS, held)
    steps = [arrays_of(trainer.network)]
    history = tuple(
        trainer.epoch(number, lambda _: steps.append(arrays_of(trainer.network)))
        for number in (1, 2, 3)
    )
    return trainer, history, steps


def test_in_bfloat16_the_loss_falls_in_every_field_that_is_held_out(trained):
    _, history, _ = trained
    for field in ("delta", "key", "velocity", "pedal"):
        assert history[-1].held_out[field] < history[0].held_out[field], field
    assert history[-1].loss < 0.9 * history[0].loss
    assert total(history[-1].train) < 0.9 * total(history[0].train)


def test_the_weights_that_are_kept_are_the_running_mean_of_all_steps(trained):
    trainer, history, steps = trained
    mean = dict(steps[0])
    for step in steps[1:]:
        mean = {name: 0.8 * mean[name] + 0.2 * step[name] for name in mean}
    kept = trainer.checkpoint(history, {}).arrays
    for name, array in kept.items():
        assert np.allclose(array, mean[name], atol=1e-5), name
    assert not np.allclose(kept["head_key/logits/bias"], steps[-1]["head_key/logits/bias"])
    # To measure and to keep the mean leaves what is being trained as it is.
    now = arrays_of(trainer.network)
    assert all(np.array_equal(now[name], array) for name, array in steps[-1].items())


def test_the_files_whose_sha256_is_given_are_held_out(trained, pieces, held):
    trainer, history, _ = trained
    data = trainer.checkpoint(history, {}).metadata["data"]
    assert {sha256 for _, sha256 in data["held_out"]} == held
    assert [name for name, _ in data["trained_on"]] == [pieces[i][0] for i in (0, 1, 3)]
    # Every note goes on and off, and each piece ends.
    assert data["events"] == 3 + 2 * sum(len(pieces[i][1].notes) for i in (0, 1, 3))


@pytest.fixture(scope="module")
def tuned(trained, pieces, held, tmp_path_factory):
    """A fine-tuning that learns next to nothing: its model, its folder, what it began with."""
    trainer, history, _ = trained
    start = trainer.checkpoint(history, {})
    folder = tmp_path_factory.mktemp("tuned") / "model"
    # Sizes are the start's, whatever these settings say.
    settings = settings_for(
        "events", units=99, layers=3, epochs=1, window=64, batch_size=3, learning_rate=1e-9
    )
    return train(pieces, folder, settings, held_out=held, start=start), folder, start, settings


def test_fine_tuning_begins_where_the_checkpoint_is(tuned):
    model, folder, start, _ = tuned
    before, after = read_state(folder).history
    assert (before.epoch, before.train, after.epoch) == (0, {}, 1)
    for row in (before, after):
        # One was measured in bfloat16, the other in float32.
        assert {"total": row.loss, **row.held_out} == pytest.approx(
            start.metadata["held_out_loss"], rel=1e-2
        )
    for name, array in start.arrays.items():
        assert np.abs(model.arrays[name] - array).max() < 1e-6, name


def test_a_fine_tuned_model_has_the_configuration_of_what_it_began_with(tuned):
    model, folder, start, settings = tuned
    assert (model.config.units, model.config.layers, model.config.pedal) == (12, 1, True)
    assert model.config.delta_edges == start.config.delta_edges
    assert model.config.dropout == settings.model.dropout
    assert load(folder).config == model.config


def test_a_fine_tuning_that_makes_nothing_better_keeps_what_it_began_with_and_stops(
    tuned, pieces, held, tmp_path
):
    _, _, start, _ = tuned
    settings = settings_for("events", epochs=9, window=64, batch_size=3, learning_rate=50.0)
    rows = []
    kept = train(
        pieces, tmp_path / "m", settings, held_out=held, start=start, patience=2, on_epoch=rows.append
    )  # fmt: skip
    assert [row.epoch for row in rows[-1]] == [0, 1, 2]
    assert kept.metadata["epoch"] == 0
    assert all(np.array_equal(kept.arrays[name], array) for name, array in start.arrays.items())
    with (tmp_path / "m" / "history.csv").open() as table:
        first = next(csv.DictReader(table))
    assert (first["epoch"], first["train_loss"]) == ("0", "")
    assert float(first["held_out_loss"]) == pytest.approx(rows[-1][0].loss, abs=1e-5)


def test_a_fine_tuning_that_was_stopped_goes_on_to_the_same_weights(tuned, pieces, held, tmp_path):
    _, _, start, _ = tuned
    settings = settings_for("events", epochs=2, window=64, batch_size=3, dropout=0.1)

    def stop(history):
        if history[-1].epoch == 1:
            raise KeyboardInterrupt

    options = {"held_out": held, "start": start}
    with pytest.raises(KeyboardInterrupt):
        train(pieces, tmp_path / "a", settings, on_epoch=stop, **options)
    resumed = train(pieces, tmp_path / "a", settings, resume=True, **options)
    whole = train(pieces, tmp_path / "b", settings, **options)
    assert [row.epoch for row in read_state(tmp_path / "a").history] == [0, 1, 2]
    assert all(np.array_equal(resumed.arrays[name], array) for name, array in whole.arrays.items())


def test_the_preset_piano_trained_on_one_half_of_a_rag_explains_the_other_better(tmp_path):
    rag = read_midi("tests/data/maple-leaf-rag.mid")
    cuts = [(f"{first}", rag[first : first + 700]) for first in (0, 700, 1400)]
    settings = settings_for("events", **{**FINE_TUNING_PLAYED, "epochs": 1})
    tuned = train(
        cuts, tmp_path / "m", settings, held_out={digest_of(cuts[2][1])},
        start=load(presets.resolve("piano")),
    )  # fmt: skip
    before, after = read_state(tmp_path / "m").history
    assert after.loss < before.loss - 0.1
    assert tuned.metadata["epoch"] == 1


def _row(epoch, train, held_out):
    return Epoch(epoch, {"key": train} if train else {}, {"key": held_out}, 1e-3, 1.0)


@pytest.mark.parametrize(
    ("losses", "memorises"),
    [
        ([(0, 5.0), (4.0, 4.0), (3.0, 3.0), (2.5, 2.9)], False),
        ([(0, 5.0), (4.0, 4.0), (3.0, 4.1)], False),
        ([(0, 5.0), (4.0, 4.0), (3.0, 4.1), (2.5, 4.2)], True),
        # The last was worse by a hair: it may yet get better.
        ([(0, 5.0), (4.0, 4.0), (3.0, 4.1), (2.5, 4.001)], False),
        # It is worse on both sides: it learns nothing, and memorises nothing.
        ([(0, 5.0), (4.0, 4.0), (4.5, 4.1), (5.5, 4.2)], False),
        # The model was best before it was trained on.
        ([(0, 3.0), (4.0, 4.0), (3.0, 4.1)], True),
        ([(0, 3.0), (4.0, 4.0), (4.5, 4.1)], False),
    ],
)
def test_a_model_memorises_that_gets_better_on_what_it_is_trained_on_alone(losses, memorises):
    rows = tuple(_row(epoch, *pair) for epoch, pair in enumerate(losses))
    assert memorising(rows) is memorises
    assert memorising(rows[1:]) is (memorises and losses[0][1] > 4)


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("fpu avx2", "float32"), ("fpu avx2 avx512_bf16 amx_tile", "bfloat16"), ("", "float32")],
)
def test_bfloat16_is_chosen_where_the_processor_has_it(tmp_path, flags, precision):
    told = tmp_path / "cpuinfo"
    told.write_text(f"processor\t: 0\nmodel name\t: any\nflags\t\t: {flags}\n")
    assert precision_for("auto", told) == precision
    assert precision_for("auto", tmp_path / "none") == "float32"
    assert precision_for("bfloat16", told) == "bfloat16"


def test_the_metadata_says_what_was_computed_in(pieces):
    trainer = Trainer(pieces, replace(SETTINGS, precision="auto"))
    assert trainer.settings.precision == precision_for("auto") != "auto"


def test_a_model_of_another_recipe_is_not_trained_on(pieces, tmp_path):
    post = Checkpoint(PostConfig(("0_no_60_80",), units=2), {}, {})
    with pytest.raises(TrainingError, match="only a model of the recipe events"):
        train(pieces, tmp_path / "a", SETTINGS, start=post)
    config = EventsConfig(units=2, layers=1)
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=shape) for name, shape in array_shapes(config).items()}
    with pytest.raises(TrainingError, match="only a model of the recipe events"):
        train(pieces, tmp_path / "a", settings_for("post"), start=Checkpoint(config, arrays, {}))
    assert not (tmp_path / "a").exists()


def test_pieces_of_a_corpus_on_another_grid_are_an_error(tmp_path):
    from music21_lstm.model.pieces import piece_of

    piece = piece_of(next(iter(chorales({"bwv66.6"})))[1], name="bwv66.6", time_base="written",
                     resolution=24)  # fmt: skip
    with pytest.raises(TrainingError, match=r"bwv66.6 is in written time, 24 .* needs played, 500"):
        train([piece], tmp_path / "a", SETTINGS)
