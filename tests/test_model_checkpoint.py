"""A checkpoint is what was saved, whole, or an error that says why not."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.errors import CheckpointError, FileError, ModelError
from music21_lstm.model import presets
from music21_lstm.model.checkpoint import Checkpoint, load, save
from music21_lstm.model.config import (
    EventsConfig,
    PostConfig,
    array_shapes,
    config_from_dict,
    config_to_dict,
)

EVENTS = EventsConfig(units=6, layers=2, delta_size=3, key_size=4, position_size=2, head_units=5)
POST = PostConfig(("0_no_60_80", "24_nf_60_64"), resolution=24, units=4)


def checkpoint_of(config, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {
        name: rng.normal(size=shape).astype(np.float32)
        for name, shape in array_shapes(config).items()
    }
    return Checkpoint(config, arrays, {"seed": seed, "composer": "Bach ♭"})


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "model", checkpoint_of(EVENTS))
    return tmp_path / "model"


@pytest.mark.parametrize(
    "config", [EVENTS, POST, replace(EVENTS, velocity_bins=1, bar_positions=0)]
)
def test_what_is_loaded_is_what_was_saved(tmp_path, config):
    saved = checkpoint_of(config)
    save(tmp_path / "new" / "model", saved)
    loaded = load(tmp_path / "new" / "model")
    assert loaded.config == config
    assert loaded.arrays.keys() == saved.arrays.keys()
    for name, array in saved.arrays.items():
        assert loaded.arrays[name].dtype == np.float32
        assert np.array_equal(loaded.arrays[name], array)
    assert loaded.metadata["composer"] == "Bach ♭"
    assert loaded.parameters == sum(array.size for array in saved.arrays.values())


def test_half_precision_halves_the_file_and_loads_as_single(folder):
    size = (folder / "weights.safetensors").stat().st_size
    saved = load(folder)
    save(folder, saved, half=True)
    loaded = load(folder)
    assert (folder / "weights.safetensors").stat().st_size < 0.7 * size
    for name, array in saved.arrays.items():
        assert loaded.arrays[name].dtype == np.float32
        assert np.allclose(loaded.arrays[name], array, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "weights.safetensors"])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_changed_byte_is_found_in_every_file(folder, name, place):
    data = bytearray((folder / name).read_bytes())
    data[int(place * len(data))] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(CheckpointError):
        load(folder)


def test_a_changed_weight_says_that_the_digest_does_not_match(folder):
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors is damaged .* SHA-256"):
        load(folder)


@pytest.mark.parametrize(("version", "cure"), [(2, "upgrade"), (0, "train it again")])
def test_another_format_version_is_named_with_what_to_do(folder, version, cure):
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    metadata["format_version"] = version
    (folder / "metadata.json").write_text(json.dumps(metadata), "utf-8")
    with pytest.raises(CheckpointError, match=f"format version {version}; .* version 1: {cure}"):
        load(folder)


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "weights.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"has no {name}"):
        load(folder)


def test_a_folder_that_is_none_is_an_error(tmp_path):
    with pytest.raises(CheckpointError, match="not a folder"):
        load(tmp_path / "nowhere")


def test_arrays_of_another_shape_are_not_saved(tmp_path):
    good = checkpoint_of(EVENTS)
    arrays = dict(good.arrays)
    arrays["lstm_0/bias"] = arrays["lstm_0/bias"][:-1]
    with pytest.raises(CheckpointError, match=r"lstm_0/bias has shape \(23,\).* asks for \(24,\)"):
        save(tmp_path / "model", Checkpoint(EVENTS, arrays))
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_are_not_the_config_s_are_named(tmp_path):
    arrays = dict(checkpoint_of(EVENTS).arrays)
    del arrays["embed/key"]
    with pytest.raises(CheckpointError, match=r"lacks arrays \(embed/key\)"):
        save(tmp_path / "model", Checkpoint(EVENTS, arrays))


def test_a_failed_save_leaves_the_old_checkpoint_whole(tmp_path):
    target = tmp_path / "file" / "model"
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FileError, match="cannot write the checkpoint"):
        save(target, checkpoint_of(EVENTS))
    assert (tmp_path / "file").read_text() == "in the way"


def test_saving_over_a_checkpoint_keeps_the_other_files_and_leaves_nothing_behind(folder):
    (folder / "history.csv").write_text("epoch\n")
    save(folder, checkpoint_of(POST, seed=5))
    assert load(folder).config == POST
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "metadata.json", "weights.safetensors", "history.csv",
    }  # fmt: skip
    assert list(folder.parent.iterdir()) == [folder]


def test_the_same_checkpoint_is_saved_as_the_same_bytes(tmp_path):
    for name in "ab":
        save(tmp_path / name, checkpoint_of(EVENTS))
    for name in ("config.json", "metadata.json", "weights.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@given(
    st.builds(
        EventsConfig,
        time_base=st.sampled_from(["written", "played"]),
        units=st.integers(1, 9),
        velocity_bins=st.integers(1, 127),
        dropout=st.floats(0, 0.9),
    )
)
def test_a_config_is_read_back_from_its_json(config):
    assert config_from_dict(json.loads(json.dumps(config_to_dict(config)))) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"recipe": "waltz"}, "unknown recipe 'waltz'; known recipes: events, post"),
        ({}, "unknown recipe None"),
        ({"recipe": "events", "wings": 2}, "has no setting 'wings'"),
        ({"recipe": "events", "units": "many"}, "units is 'many'"),
        ({"recipe": "events", "units": 0}, "units is 0; it must be 1 or more"),
        ({"recipe": "events", "delta_edges": [0, 2, 1]}, "delta_edges"),
        ({"recipe": "events", "time_base": "heard"}, "time_base is 'heard'"),
        ({"recipe": "post"}, "a setting is missing"),
        ({"recipe": "post", "vocabulary": ["a", "a"]}, "vocabulary"),
    ],
)
def test_a_wrong_config_says_what_is_wrong(values, message):
    with pytest.raises(ModelError, match=message):
        config_from_dict(values)


def test_a_checkpoint_loads_without_tensorflow(folder):
    program = (
        "import sys; from music21_lstm.model.checkpoint import load; "
        "from music21_lstm.model import features, presets; load(sys.argv[1]); "
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True)


def test_every_preset_loads_and_is_resolved_by_its_name():
    assert "chorale" in presets.names()
    for name in presets.names():
        assert presets.resolve(name) == presets.path(name)
        assert load(presets.path(name)).metadata["licence"]


def test_every_preset_is_small_and_has_a_card():
    for name in presets.names():
        files = list(presets.path(name).iterdir())
        assert sum(file.stat().st_size for file in files) < 12_000_000
        assert (presets.path(name) / "MODEL_CARD.md").is_file()


def test_a_path_is_resolved_to_itself(folder):
    assert presets.resolve(folder) == folder


def test_a_name_that_is_no_preset_is_told_which_there_are():
    with pytest.raises(CheckpointError, match=r"nocturne.*chorale"):
        presets.resolve("nocturne")
    with pytest.raises(CheckpointError, match=r"nocturne.*chorale"):
        presets.path(str(Path("nocturne")))
