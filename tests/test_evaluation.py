"""Nats are what they are said to be, baselines explain the same notes, and likeness can fail."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import corpus
from safetensors.numpy import save_file

from music21_lstm.cli import main
from music21_lstm.encoding.events import NoteOff, NoteOn
from music21_lstm.encoding.midi import midi_bytes, read_midi
from music21_lstm.encoding.notetext import token_of
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import CheckpointError, GenerationError, ModelError
from music21_lstm.evaluation import performance_rnn as prnn
from music21_lstm.evaluation.baselines import UnigramBaseline, load_baseline, with_unigram
from music21_lstm.evaluation.evaluating import evaluate
from music21_lstm.evaluation.overlap import density_overlap, distance_overlap, pooled_overlap
from music21_lstm.evaluation.report import explain
from music21_lstm.evaluation.statistics import FEATURES, STATISTICS, excerpts, histograms
from music21_lstm.generation import Generator
from music21_lstm.generation.scoring import EXPLAINED, exact_config, grid_of, score, scores
from music21_lstm.model.checkpoint import Checkpoint, save
from music21_lstm.model.config import EventsConfig, PostConfig, array_shapes, played_edges
from music21_lstm.model.features import decode, encode
from music21_lstm.model.network import require_tensorflow
from music21_lstm.model.tracker import Tracker
from music21_lstm.model.unigram import Unigram, delta_width_nats, unigram_counts
from music21_lstm.streams.encode import performance_of_stream

DATA = Path(__file__).parent / "data"
MUSPY = {
    "pitch_class_entropy": 2.999045,
    "scale_consistency": 0.865514,
    "groove_consistency": 0.660823,
    "polyphony": 1.725059,
}
SMALL = EventsConfig(units=8, layers=1, head_units=8)


@pytest.fixture(scope="module")
def satie():
    return read_midi(DATA / "satie-gymnopedie-no1.mid")


@pytest.fixture(scope="module")
def elise():
    return read_midi(DATA / "fur-elise.mid")


def zeros(config, **metadata):
    """A network without an opinion: all that is legal is equally likely."""
    arrays = {n: np.zeros(shape, np.float32) for n, shape in array_shapes(config).items()}
    return Checkpoint(config, arrays, metadata)


def scale(*pitches, step=24, resolution=24):
    events = []
    for pitch in pitches:
        events += [NoteOn(0, pitch, 64), NoteOff(step, pitch)]
    return Performance(resolution, events)


# --- nats ---------------------------------------------------------------------------------------


def test_a_network_of_zeros_finds_every_legal_event_equally_likely(satie):
    checkpoint = zeros(SMALL)
    found = score(checkpoint, satie)
    rows = encode(satie, SMALL, start=False)
    tracker = Tracker(SMALL)
    legal = []
    for delta, key, velocity in rows.steps:
        legal.append(tracker.legal(delta).sum())
        tracker.take(delta, key, velocity)
    flat = np.log(SMALL.delta_bins) + delta_width_nats(SMALL)[rows.delta]
    assert found.nats["delta"] == pytest.approx(flat)
    assert found.nats["key"] == pytest.approx(np.log(legal), abs=1e-6)
    on = rows.key >= 128
    assert found.nats["velocity"] == pytest.approx(np.where(on, np.log(32), 0))
    assert (found.notes, found.events) == (on.sum(), len(rows)) == (len(satie.notes), 2 * on.sum())
    assert found.seconds == pytest.approx(satie.seconds, abs=2)


def test_bins_that_are_wider_cost_what_they_do_not_say():
    """Halving the number of bins evenly saves a network of zeros what the width costs it."""
    fine = replace(SMALL, delta_edges=tuple(range(64)))
    coarse = replace(SMALL, delta_edges=(0, 1, *range(2, 64, 2)))
    tune = scale(60, 62, 64, step=20)
    costs = [score(zeros(config), tune).nats["delta"][1] for config in (fine, coarse)]
    assert costs[0] == pytest.approx(np.log(64))
    assert costs[1] == pytest.approx(np.log(33) + np.log(2))


def test_the_post_pays_for_its_tokens_and_an_escape_for_those_that_it_lacks():
    tune = Performance(50, [NoteOn(0, 60, 66), NoteOff(40, 60), NoteOn(9, 64, 66), NoteOff(7, 64)])
    known = (*(token_of(event) for event in tune.events[:2]), "0_cc_0_64_127")
    checkpoint = zeros(PostConfig(known, 50, units=4))
    nats = score(checkpoint, tune).nats
    # Of two known notes and a pedal that is no note: each note is one of two.
    assert sum(nats[f][0] for f in EXPLAINED[:3]) == pytest.approx(np.log(2))
    assert nats["escape"] == pytest.approx(-np.log([1 / 2, 2 / 3, 1 / 4, 2 / 5]))
    grid = grid_of(checkpoint.config)
    even = np.log(grid.delta_bins) + np.log(256) + np.log(32)
    assert sum(nats[f][2] for f in EXPLAINED[:3]) == pytest.approx(even)
    # What it has counted makes the unknown cheaper.
    counted = score(with_unigram(checkpoint, [tune]), tune).nats
    assert sum(counted[f][2] for f in EXPLAINED[:3]) < even - 1


def test_the_posts_fields_together_are_its_whole_token():
    tune = Performance(50, [NoteOn(0, 60, 66), NoteOff(40, 60), NoteOn(0, 64, 66), NoteOff(40, 64)])
    config = PostConfig(tuple(map(token_of, tune.events)), 50, units=4)
    bias = np.log(np.array([1, 2, 3, 4], np.float32))
    checkpoint = zeros(config)
    checkpoint.arrays["dense/bias"][:] = bias
    nats = score(checkpoint, tune).nats
    whole = sum(nats[field] for field in EXPLAINED[:3])
    assert whole == pytest.approx(-np.log([0.1, 0.2, 0.3, 0.4]))
    assert nats["delta"][0] == pytest.approx(-np.log(0.4))  # two of the tokens come at once


def test_pieces_cost_side_by_side_what_they_cost_alone_and_the_pedal_is_apart(satie, elise):
    config = EventsConfig(
        time_base="played", resolution=50, delta_edges=played_edges(), bar_positions=0, units=8,
        head_units=8, ages=True, recall=True, steering=True, pedal=True,
    )  # fmt: skip
    random = np.random.default_rng(3)
    checkpoint = zeros(config)
    for name, array in checkpoint.arrays.items():
        checkpoint.arrays[name][...] = random.normal(0, 0.3, array.shape)
    pieces = [satie, elise]
    for together, one in zip(scores(checkpoint, pieces), pieces, strict=True):
        alone = score(checkpoint, one)
        assert together.nats.keys() == {"delta", "key", "velocity", "pedal"}
        for field, nats in alone.nats.items():
            assert np.abs(together.nats[field] - nats).max() < 1e-3
    found = explain(checkpoint, [("satie", satie)])
    assert found.by_field.keys() == {"delta", "key", "velocity"}
    assert found.apart["pedal"] > 0
    assert found.nats_per_note == pytest.approx(sum(found.by_field.values()))


# --- unigram ------------------------------------------------------------------------------------


def test_unigram_counts_are_json_and_their_chances_sum_to_one(elise):
    config = exact_config()
    counts = json.loads(json.dumps(unigram_counts([encode(elise, config, end=True)], config)))
    assert sum(counts["key"]) == 2 * sum(counts["velocity"]) == sum(counts["delta"])
    rows = encode(elise, config, start=False)
    nats = Unigram(config, counts).nats(rows)
    chances = {}
    for key, cost in zip(rows.key.tolist(), nats["key"].tolist(), strict=True):
        chances[key] = np.exp(-cost)
    unseen = (256 - len(chances)) / (len(rows) + 256)
    assert sum(chances.values()) + unseen == pytest.approx(1)


def test_knowing_what_is_legal_never_makes_a_key_dearer(elise):
    config = exact_config()
    rows = encode(elise, config, start=False)
    unigram = Unigram(config, unigram_counts([rows], config))
    assert (unigram.nats(rows, legal=True)["key"] <= unigram.nats(rows)["key"] + 1e-12).all()
    found = UnigramBaseline(unigram).score([elise])
    assert found.variant == "legal"
    assert found.notes == rows.notes


def test_counts_of_another_grid_are_an_error():
    with pytest.raises(ModelError, match="delta has 2 numbers, but the model has"):
        Unigram(SMALL, {"delta": [1, 2], "key": [0] * 256, "velocity": [0] * 32})


# --- Performance RNN ----------------------------------------------------------------------------


def read_tokens(tokens):
    """Ticks, keys and velocity bins of the note ons: what the tokens say."""
    now, loud, found = 0, None, []
    for token in tokens:
        if token >= prnn.VELOCITY:
            loud = token - prnn.VELOCITY
        elif token >= prnn.SHIFT:
            now += token - prnn.SHIFT + 1
        else:
            found.append((now, token + 128 if token < 128 else token - 128, loud))
    return found


@given(
    st.lists(st.tuples(st.integers(0, 450), st.integers(0, 255), st.integers(0, 127)), max_size=30)
)
def test_tokens_say_every_event_at_its_time(events):
    ticks = np.cumsum([step for step, _, _ in events], dtype=int)
    keys, velocities = [e[1] for e in events], [e[2] for e in events]
    tokens = prnn.tokens_of(ticks, keys, velocities).tolist()
    read = read_tokens(tokens)
    assert [(t, k) for t, k, _ in read] == list(zip(ticks, keys, strict=True))
    assert all(
        loud == velocity // 4
        for (_, key, loud), velocity in zip(read, velocities, strict=True)
        if key >= 128
    )
    pairs = [t for t in tokens if t >= prnn.VELOCITY]
    assert all(a != b for a, b in pairwise(pairs))


@pytest.fixture(scope="module")
def network():
    """A small one in Keras, and its arrays by the names of a baseline."""
    _, keras = require_tensorflow()
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((None,)),
            keras.layers.Embedding(prnn.TOKENS + 1, 12),
            keras.layers.LSTM(16, return_sequences=True),
            keras.layers.LSTM(16, return_sequences=True),
            keras.layers.Dense(prnn.TOKENS),
        ]
    )
    names = ["embed/token"]
    names += [f"lstm_{i}/{part}" for i in (0, 1) for part in ("kernel", "recurrent", "bias")]
    names += ["dense/kernel", "dense/bias"]
    random = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(random.normal(0, 0.4, variable.shape))
    values = (np.asarray(variable.numpy()) for variable in model.trainable_variables)
    return model, dict(zip(names, values, strict=True))


def test_the_performance_rnn_costs_in_numpy_what_it_costs_in_keras(network, satie, elise):
    model, arrays = network
    pieces = [prnn.tokens_of(*prnn.events_of(one))[:300] for one in (satie, elise)]
    pieces[0] = pieces[0][:77]  # one ends while the other goes on
    ours = prnn.PerformanceRnn(arrays).nats(pieces)
    for tokens, nats in zip(pieces, ours, strict=True):
        heard = np.concatenate([[prnn.START], tokens[:-1]])[None]
        logits = np.array(model(heard))[0].astype(float)
        theirs = np.log(np.exp(logits).sum(1)) - logits[np.arange(len(tokens)), tokens]
        assert np.abs(nats - theirs).max() < 1e-4


def test_the_performance_rnn_explains_the_same_notes_as_the_models(network, satie, elise):
    done = []
    found = prnn.PerformanceRnn(network[1]).score([elise, satie], lambda: done.append(1))
    assert len(done) == 2
    config = exact_config()
    assert found.notes == sum(encode(one, config).notes for one in (satie, elise))
    assert set(found.by_field) == {"delta", "key", "velocity"}
    ticks, keys, velocities = prnn.events_of(satie)
    rows = encode(satie, config, start=False)
    read = read_tokens(prnn.tokens_of(ticks, keys, velocities).tolist())
    assert [key for _, key, _ in read] == rows.key.tolist()
    assert [loud + 1 for _, key, loud in read if key >= 128] == (
        rows.velocity[rows.key >= 128].tolist()
    )


def test_a_baseline_folder_says_its_kind_and_is_loaded_whole(tmp_path, network):
    arrays = dict(network[1])
    (tmp_path / "baseline.json").write_text('{"kind": "performance-rnn", "name": "rnn"}')
    save_file(arrays, tmp_path / "weights.safetensors")
    assert load_baseline(tmp_path).name == "rnn"
    save_file({**arrays, "dense/bias": arrays["dense/bias"][:7]}, tmp_path / "weights.safetensors")
    with pytest.raises(CheckpointError, match=r"dense/bias has shape \(7,\), not \(388,\)"):
        load_baseline(tmp_path)
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_baseline(tmp_path)
    (tmp_path / "baseline.json").write_text('{"kind": "oracle"}')
    with pytest.raises(
        CheckpointError, match="unknown kind 'oracle'; known kinds: performance-rnn"
    ):
        load_baseline(tmp_path)
    (tmp_path / "baseline.json").write_text("[]")
    with pytest.raises(CheckpointError, match="no JSON object"):
        load_baseline(tmp_path)


# --- statistics and overlap ---------------------------------------------------------------------


def test_the_statistics_of_fur_elise_are_those_of_muspy(elise):
    """The figures of muspy 0.5.0 on the same notes, on a grid of 10 ms (groove: 125 ms)."""
    (whole,) = excerpts(elise, exact_config())
    found = {name: measure(whole) for name, measure in STATISTICS.items()}
    assert found["pitch_class_entropy"] == pytest.approx(MUSPY["pitch_class_entropy"], abs=1e-5)
    assert found["scale_consistency"] == pytest.approx(MUSPY["scale_consistency"], abs=1e-5)
    assert found["groove_consistency"] == pytest.approx(MUSPY["groove_consistency"], abs=1e-5)
    assert found["polyphony"] == pytest.approx(MUSPY["polyphony"], rel=0.005)
    assert found["note_density"] == pytest.approx(len(elise.notes) / whole.length, rel=0.01)


def test_a_scale_is_consistent_a_chromatic_run_is_not():
    played = exact_config("written", 24)
    (major,) = excerpts(scale(60, 62, 64, 65, 67, 69, 71, 72), played)
    (chromatic,) = excerpts(scale(*range(60, 72)), played)
    assert STATISTICS["scale_consistency"](major) == 1
    assert STATISTICS["scale_consistency"](chromatic) == pytest.approx(7 / 12)
    assert STATISTICS["pitch_class_entropy"](chromatic) == pytest.approx(np.log2(12))
    assert STATISTICS["note_density"](major) == 1  # a note a quarter
    assert np.isnan(STATISTICS["groove_consistency"](excerpts(scale(60, 62), played)[0]))


def test_excerpts_hold_all_notes_but_those_of_a_short_rest(elise):
    grid = exact_config()
    (whole,) = excerpts(elise, grid)
    parts = excerpts(elise, grid, 20.0)
    assert len(parts) == round(whole.length / 20)
    told = sum(len(part.pitch) for part in parts)
    last = (whole.onset >= 20 * len(parts)).sum()
    assert told == len(whole.pitch) - last
    assert all((part.onset + part.duration <= 20.0001).all() for part in parts)


def test_every_note_counts_once_in_the_histograms(elise):
    (whole,) = excerpts(elise, exact_config())
    found = histograms(whole)
    assert found.keys() == FEATURES.keys()
    for name in ("pitch", "pitch_class", "duration", "velocity"):
        assert found[name].sum() == len(whole.pitch)
    assert found["inter_onset"].sum() == len(whole.pitch) - 1
    assert found["pitch"][76] == (whole.pitch == 76).sum()


@pytest.mark.parametrize(("shift", "scipys"), [(0.0, 0.939816), (0.5, 0.841808), (1.5, 0.608466)])
def test_the_overlap_of_two_densities_is_that_of_scipys_kernel_estimates(shift, scipys):
    """The figures of ``scipy.stats.gaussian_kde`` and ``integrate.quad``, as mgeval has them."""
    random = np.random.default_rng(0)
    one, other = random.gamma(3, 1, 400), random.gamma(3, 1, 700) + shift
    assert density_overlap(one, other) == pytest.approx(scipys, abs=1e-4)


def test_what_is_alike_overlaps_and_what_is_not_does_not():
    random = np.random.default_rng(1)
    likes = [random.poisson(9, 12) for _ in range(40)]
    others = [np.eye(12, dtype=int)[3] * 50 + 1 for _ in range(40)]
    assert distance_overlap(likes[:20], likes[20:]) > 0.85
    assert distance_overlap(likes, others) < 0.05
    assert pooled_overlap(likes[:20], likes[20:]) > 0.9
    assert density_overlap(np.ones(3), np.ones(5)) == 1
    assert density_overlap(np.ones(3), np.zeros(5)) == 0
    with pytest.raises(ModelError, match="--generate 2 or more"):
        distance_overlap(likes, others[:1])


# --- from end to end ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chorales(tmp_path_factory):
    """Three chorales that the preset has not seen, and two that it has."""
    folder = tmp_path_factory.mktemp("chorales")
    for side, names in (
        ("held", ("bwv101.7", "bwv102.7", "bwv116.6")),
        ("train", ("bwv66.6", "bwv10.7")),
    ):
        (folder / side).mkdir()
        for name in names:
            data = midi_bytes(performance_of_stream(corpus.parse(f"bach/{name}")))
            (folder / side / f"{name}.mid").write_bytes(data)
    return folder


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["music21-lstm", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_evaluate_prints_one_object_whose_parts_add_up(run, chorales, tmp_path):
    code, out, _ = run(
        "evaluate", "chorale", chorales / "held", "--train", chorales / "train", "--generate", 3,
        "--seconds", 20, "--plots", tmp_path / "plots", "--baseline", "chorale", "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert found["events"] == 2 * found["notes"] == 2 * sum(f["notes"] for f in found["files"])
    assert found["nats_per_note"] == pytest.approx(sum(found["by_field"].values()), abs=1e-5)
    assert found["nats_per_event"] == pytest.approx(found["nats_per_note"] / 2, abs=1e-5)
    total = found["nats_per_note"] * found["notes"]
    assert found["nats_per_second"] == pytest.approx(total / found["seconds"], rel=1e-4)
    assert found["nats_per_note"] < 3 < found["baselines"]["unigram"]["nats_per_note"]
    assert found["baselines"]["unigram"]["below"] > 0.5
    assert found["baselines"]["chorale"]["below"] == 0
    areas = found["overlap_area"]
    assert areas.keys() == {*FEATURES, "mean"}
    assert areas["velocity"] is None  # the preset has learned none
    known = [area for name, area in areas.items() if area is not None and name != "mean"]
    assert all(0 <= area <= 1 for area in known)
    assert areas["mean"] == pytest.approx(np.mean(known), abs=1e-5)
    assert 0.5 < found["overlap_area_pooled"]["mean"] <= 1
    assert {p.stem for p in (tmp_path / "plots").glob("*.png")} == FEATURES.keys()
    assert (tmp_path / "plots" / "pitch.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_prints_a_table_and_needs_nothing_but_files(run, chorales):
    code, out, err = run("evaluate", "chorale", chorales / "held" / "bwv101.7.mid", "--generate", 0)
    assert code == 0
    assert "nats a note" in out
    assert "1/24 quarter, no velocity" in out
    assert "unigram" in out
    assert "overlap" not in out.lower()
    assert "scoring" in err


def test_a_file_that_is_named_must_be_music_one_in_a_folder_is_passed_over(run, chorales, tmp_path):
    broken = tmp_path / "music" / "broken.mid"
    broken.parent.mkdir()
    broken.write_bytes(b"MThd nonsense")
    (broken.parent / "good.mid").write_bytes((chorales / "held" / "bwv101.7.mid").read_bytes())
    code, out, err = run("evaluate", "chorale", broken, "--generate", 0)
    assert (code, out) == (1, "")
    assert "broken.mid" in err.splitlines()[-1]
    code, out, err = run("evaluate", "chorale", broken.parent, "--generate", 0)
    assert code == 0
    assert "1 files" in out
    assert "skipped" in err
    silent = tmp_path / "silent.mid"
    silent.write_bytes(midi_bytes(Performance(480, [])))
    assert "no notes" in run("evaluate", "chorale", silent)[2]
    code, _, err = run("evaluate", "no-such-model", broken.parent)
    assert code == 1
    assert "no checkpoint 'no-such-model'" in err


def test_too_little_music_has_no_overlap_area_but_all_else(chorales):
    generator = Generator(zeros(SMALL), "zeros")
    pieces = [("one", read_midi(chorales / "held" / "bwv101.7.mid"))]
    found = evaluate(generator, pieces, generate=1, seconds=60, min_p=0.0)
    assert found.to_json()["overlap_area"] is None
    assert found.likeness.pooled["pitch"] > 0
    with pytest.raises(GenerationError, match="cannot be generated"):
        evaluate(generator, pieces, generate=2, seconds=0)
    with pytest.raises(ModelError, match="no music"):
        evaluate(generator, [])


def test_the_posts_checkpoint_is_evaluated_and_is_a_baseline(run, chorales, tmp_path):
    """Its vocabulary here is that of one held-out chorale at 10 ms: it knows some, not all."""
    grid = exact_config()
    tune = read_midi(chorales / "held" / "bwv101.7.mid")
    events = decode(encode(tune, grid, start=False), grid).events
    config = PostConfig(tuple(sorted({token_of(event) for event in events})), 50, units=4)
    save(tmp_path / "post", zeros(config))
    code, out, _ = run("evaluate", "post", chorales / "held", "--json", "--generate", 0)
    found = json.loads(out)
    assert code == 0
    assert found["grid"] == "10 ms, 32 velocities"
    assert found["by_field"].keys() == {*EXPLAINED}
    own, *others = (file["nats_per_note"] for file in found["files"])
    assert own < min(others)
    code, out, _ = run(
        "evaluate", "chorale", chorales / "held", "--baseline", "post", "--generate", 0
    )
    assert code == 0
    assert "post" in out


def test_models_of_different_grids_are_not_held_against_each_other(run, chorales):
    words = "evaluate", "chorale", chorales / "held", "--baseline", "piano", "--generate", 0
    _, out, _ = run(*words, "--json")
    other = json.loads(out)["baselines"]["piano"]
    assert (other["below"], other["grid"]) == (None, "10 ms, 32 velocities")
    _, out, _ = run(*words)
    assert "on its own grid, 10 ms, 32 velocities: not the same task" in out
