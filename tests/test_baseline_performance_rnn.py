"""The baseline's trainer: the same notes as ours, whole pieces, and weights that evaluation reads."""

from __future__ import annotations

import csv
import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.baselines.network import Network, Settings, parameters_of
from benchmarks.baselines.performance_rnn import (
    HISTORY_FILE,
    STATE_FILE,
    score,
    train,
)
from benchmarks.baselines.tokens import (
    endless,
    fine_pieces,
    notes_of,
    pieces,
    read_split,
    tokens,
    windows,
)
from music21_lstm.encoding.midi import read_midi
from music21_lstm.errors import TrainingError
from music21_lstm.evaluation.baselines import load_baseline
from music21_lstm.evaluation.performance_rnn import (
    SHIFT,
    START,
    VELOCITY,
    PerformanceRnn,
    events_of,
    tokens_of,
)

DATA = Path(__file__).parent / "data"
FILES = sorted(DATA.glob("*.mid"))
TINY = Settings(
    parameters=60_000, cpu_minutes=0.08, layers=2, embedding=16, streams=8, window=32,
    learning_rate=0.01, warm_up=5, measures=4,
)  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache of their own for what is read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSIC21_LSTM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def music(cache):
    """Three pieces."""
    return pieces(FILES)


@pytest.fixture(scope="module")
def fine(cache):
    """The same to the millisecond."""
    return fine_pieces(FILES)


@pytest.fixture(scope="module")
def interrupted(music, fine, tmp_path_factory):
    """A training stopped after its second measurement: its folder, and what it said."""
    folder, rows = tmp_path_factory.mktemp("interrupted") / "performance-rnn", []

    def stop(row):
        rows.append(row)
        if len(rows) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(fine[:2], music[2:], folder, TINY, on_measure=stop)
    return folder, rows


@pytest.fixture(scope="module")
def trained(music, fine, interrupted, tmp_path_factory):
    """That training resumed: its folder, all that it said, and its best."""
    folder = tmp_path_factory.mktemp("baseline") / "performance-rnn"
    shutil.copytree(interrupted[0], folder)
    rows = list(interrupted[1])
    best = train(fine[:2], music[2:], folder, TINY, resume=True, on_measure=rows.append)
    return folder, rows, best


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_notes_of_a_piece_say_the_same_tokens_as_the_performance_that_is_scored(path):
    performance = read_midi(path)
    assert np.array_equal(tokens(notes_of(performance)), tokens_of(*events_of(performance)))


def test_a_piece_from_the_cache_has_the_notes_of_its_file(music):
    for (name, notes), path in zip(music, FILES, strict=True):
        assert name == path.name
        assert np.array_equal(notes, notes_of(read_midi(path)))


def test_pieces_that_are_not_changed_come_once_a_pass_as_they_are_scored(music, fine):
    none = {"transpose": 0, "stretch": 0.0, "louder": 0, "humanize": 0.0}
    songs = [song.tolist() for song in islice(endless(fine, seed=0, **none), 6)]
    wanted = sorted(tokens(notes).tolist() for _, notes in music)
    assert sorted(songs[:3]) == sorted(songs[3:]) == wanted


def test_a_piece_is_changed_as_those_of_the_preset_are(fine):
    plain = np.concatenate(list(islice(endless(fine[:1], seed=1, louder=0, humanize=0.0), 1)))
    songs = list(islice(endless(fine[:1], seed=1), 24))
    lowest = {int(song[song < 128].min()) for song in songs}
    assert len(lowest) > 6
    assert max(lowest) - min(lowest) <= 10
    loudness = {float(np.mean(song[song >= VELOCITY])) for song in songs}
    assert len(loudness) > 6
    lengths = [int((song[(song >= SHIFT) & (song < VELOCITY)] - SHIFT + 1).sum()) for song in songs]
    assert 1.08 < max(lengths) / min(lengths) < 1.07 / 0.93 + 0.01
    # Where a chord comes apart there are more shifts between its notes.
    shifts = [int(((song >= SHIFT) & (song < VELOCITY)).sum()) for song in songs]
    assert max(shifts) > 1.1 * ((plain >= SHIFT) & (plain < VELOCITY)).sum()


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 5), st.integers(1, 16))
def test_the_windows_of_a_stream_are_whole_songs_one_after_another(lengths, streams, length):
    songs = [np.full(size, number, np.int32) for number, size in enumerate(lengths)]
    inputs, targets, fresh = ([[] for _ in range(streams)] for _ in range(3))
    for batch in windows(songs, streams, length):
        for stream in range(streams):
            seen = batch.counts[:, stream] > 0
            inputs[stream] += batch.tokens[:-1, stream][seen].tolist()
            targets[stream] += batch.tokens[1:, stream][seen].tolist()
            fresh[stream] += [bool(batch.fresh[stream]), *[False] * (seen.sum() - 1)][: seen.sum()]
    heard = [
        sum(of == number for stream in targets for of in stream) for number in range(len(songs))
    ]
    assert heard == lengths
    for stream in range(streams):
        begins = [token == START for token in inputs[stream]]
        assert begins == fresh[stream]
        after = [0 if begin else token for begin, token in zip(begins, inputs[stream], strict=True)]
        wanted = [
            0 if begin else token
            for begin, token in zip(begins, [0, *targets[stream]], strict=False)
        ]
        assert after == wanted


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("embedding", [128, 256])
@pytest.mark.parametrize("wanted", [2_100_000, 4_300_000])
def test_a_network_has_the_parameters_asked_for_within_two_in_a_hundred(wanted, embedding, layers):
    settings = Settings(parameters=wanted, embedding=embedding, layers=layers)
    assert parameters_of(settings) == pytest.approx(wanted, rel=0.02)


def test_the_trained_network_costs_the_same_in_tensorflow_as_in_numpy(music, trained):
    songs = [tokens(notes)[:300] for _, notes in music]
    kept = PerformanceRnn.load(trained[0], {})
    network = Network(TINY, "float32")
    assert network.variables.keys() == kept.arrays.keys()
    for name, array in kept.arrays.items():
        network.variables[name].assign(array)
    assert sum(array.size for array in kept.arrays.values()) == parameters_of(TINY)
    state, found = network.silence(3), []
    for batch in windows(songs, 3, 100):
        nats, state = network.nats(batch.tokens, state, training=False)
        found.append(nats.numpy())
    wanted = np.stack(kept.nats(songs), axis=1)
    assert wanted.std() > 0.1
    np.testing.assert_allclose(np.concatenate(found), wanted, atol=1e-4)


def test_training_learns_and_is_as_good_as_the_weights_it_leaves(trained, music):
    folder, rows, best = trained
    assert sum(rows[-1].train.values()) < sum(rows[0].train.values())
    assert best.loss == min(row.loss for row in rows)
    found = score(folder, music[2:])
    assert found == pytest.approx(dict(best.held_out), rel=0.01)


def test_evaluation_loads_the_folder_and_scores_it_alike(trained):
    folder, _, best = trained
    baseline = load_baseline(folder)
    assert baseline.name == "performance-rnn"
    assert baseline.score([read_midi(FILES[2])]).nats_per_note == pytest.approx(best.loss, rel=0.01)


def test_an_interrupted_training_goes_on_from_its_last_measurement(trained):
    folder, rows, _ = trained
    assert len(rows) == TINY.measures
    for name in ("cpu_seconds", "steps", "tokens"):
        values = [getattr(row, name) for row in rows]
        assert values == sorted(set(values)), name
    assert rows[-1].cpu_seconds >= 60 * TINY.cpu_minutes
    with (folder / HISTORY_FILE).open() as lines:
        table = list(csv.DictReader(lines))
    assert [int(row["steps"]) for row in table] == [row.steps for row in rows]


def test_a_training_is_resumed_with_its_own_pieces_and_settings_only(interrupted, music, fine):
    folder, _ = interrupted
    with pytest.raises(TrainingError, match="other settings or pieces"):
        train(fine[1:], music[:1], folder, TINY, resume=True)


def test_a_folder_in_use_is_not_trained_into(trained, music, fine):
    with pytest.raises(TrainingError, match="not empty"):
        train(fine[:2], music[2:], trained[0], TINY)


def test_a_finished_training_leaves_its_network_and_its_history_and_no_more(interrupted, trained):
    left = {"baseline.json", "weights.safetensors", HISTORY_FILE}
    assert {path.name for path in trained[0].iterdir()} == left
    assert {path.name for path in interrupted[0].iterdir()} == left | {STATE_FILE}


def test_a_split_says_which_files_are_held_out_and_which_line_is_wrong(tmp_path):
    split = tmp_path / "split.txt"
    split.write_text("train\ta/b.mid\nheld\tc.mid\ntrain\td e.mid\n")
    assert read_split(split) == {"held": ["c.mid"], "train": ["a/b.mid", "d e.mid"]}
    split.write_text("train\ta.mid\ntest\tb.mid\n")
    with pytest.raises(TrainingError, match="line 2"):
        read_split(split)
