"""What an epoch brings: every event once, in streams, in an order that is the seed's."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.encoding.midi import read_midi
from music21_lstm.encoding.notetext import token_of
from music21_lstm.errors import TrainingError
from music21_lstm.model.changes import humanized
from music21_lstm.model.config import END, START, STEER_ROWS, EventsConfig, played_edges
from music21_lstm.model.context import observe
from music21_lstm.model.corpora import chorales
from music21_lstm.model.dataset import (
    EventsData,
    PostData,
    digest_of,
    pieces_for,
    vocabulary_of,
)
from music21_lstm.model.features import decode, encode
from music21_lstm.model.pieces import Piece
from music21_lstm.model.settings import EventsSettings, settings_for
from music21_lstm.model.unigram import unigram_counts

ALL = EventsConfig(
    time_base="played", resolution=50, delta_edges=played_edges(), bar_positions=0,
    ages=True, recall=True, steering=True, pedal=True,
)  # fmt: skip
PLAIN = replace(ALL, ages=False, recall=False, steering=False, pedal=False)


@pytest.fixture(scope="module")
def elise():
    return read_midi("tests/data/fur-elise.mid")


@pytest.fixture(scope="module")
def pieces(elise):
    cuts = [(0, 700), (300, 420), (500, 530), (700, 900), (900, 1200), (1200, 1330)]
    return pieces_for([(f"{a}", elise[a:b]) for a, b in cuts], ALL)


def _settings(config=ALL, **changes):
    plain = {"window": 50, "batch_size": 3, "transpose": 0, "untold": 1.0}
    return EventsSettings(model=config, **plain | changes)


def _random_pieces(config, lengths, seed=0):
    """Pieces of so many notes, one after another."""
    rng = np.random.default_rng(seed)
    found = []
    for place, length in enumerate(lengths):
        onset = np.arange(length) * 20
        pitch, velocity = rng.integers(40, 80, length), rng.integers(1, 127, length)
        notes = np.stack([onset, onset + 20, pitch, velocity], 1).astype(np.int32)
        none = np.empty((0, 2), np.int32)
        metre = np.empty((0, 3), np.int32)
        name = f"{place}"
        found.append(Piece(name, "", name, config.time_base, 500, notes, none, metre))
    return found


def _events(batches):
    """Every event of the batches: what is seen of it and what follows it."""
    found = Counter()
    for batch in batches:
        names = sorted(name for name in batch if name not in ("counts", "fresh"))
        columns = [batch[name] for name in names if batch[name].ndim == 2]
        weights = np.arange(1, 129) ** 2
        columns += [
            (batch[name] * weights).sum(-1) for name in ("sounding", "since") if name in batch
        ]
        rows = np.stack(columns, -1)[batch["counts"] > 0]
        found.update(map(tuple, rows.tolist()))
    return found


def test_an_epoch_brings_every_event_once_and_both_ends_of_each_piece(pieces):
    data = EventsData(pieces, _settings())
    batches = list(data.epoch(1))
    assert len(batches) == data.steps(1)
    every = _events(data.whole(streams=4, window=64))
    assert _events(batches) == every
    assert sum(every.values()) == len(data) == sum(len(rows) - 1 for rows in data.pieces)
    heard = [batch["counts"] > 0 for batch in batches]
    starts = sum(
        int((b["key"][some] == START).sum()) for b, some in zip(batches, heard, strict=True)
    )
    ends = sum(
        int((b["next_key"][some] == END).sum()) for b, some in zip(batches, heard, strict=True)
    )
    assert starts == ends == sum(int(b["fresh"].sum()) for b in batches) == len(pieces)


def test_a_batch_is_time_first_and_has_a_row_for_every_embedding(pieces):
    batch = next(EventsData(pieces, _settings(untold=0.0)).epoch(1))
    assert batch["sounding"].shape == batch["since"].shape == (50, 3, 128)
    assert {batch[name].dtype.name for name in ("sounding", "since")} == {"uint8"}
    assert batch["fresh"].shape == (3,)
    assert batch["fresh"].all()
    rest = {name: v for name, v in batch.items() if name not in ("sounding", "since", "fresh")}
    assert {values.shape for values in rest.values()} == {(50, 3)}
    assert {"pause", "recall_pitch", "pedal", "steer_key", "next_gesture"} < set(rest)


def test_a_stream_goes_through_a_piece_window_after_window(elise):
    pieces = pieces_for([("all", elise[:500])], ALL)
    data = EventsData(pieces, _settings(batch_size=1, window=64))
    batches = list(data.epoch(1))
    assert [int(batch["fresh"][0]) for batch in batches] == [1] + [0] * (len(batches) - 1)
    rows = next(data.pieces)
    for name, values in {**observe(rows, ALL), "sounding": rows.sounding}.items():
        seen = np.concatenate([batch[name][:, 0] for batch in batches])
        assert np.array_equal(seen[: len(rows) - 1], values[:-1]), name
    for name in EventsData.NEXT:
        seen = np.concatenate([batch[f"next_{name}"][:, 0] for batch in batches])
        assert np.array_equal(seen[: len(rows) - 1], getattr(rows, name)[1:]), name


def test_a_piece_is_told_in_training_as_it_is_encoded(elise, pieces):
    for name, config in (("elise", ALL), ("chorale", EventsConfig(pedal=True))):
        tune = elise if name == "elise" else dict(chorales({"bwv269"}))["bwv269.mxl"]
        ours = next(EventsData(pieces_for([(name, tune)], config), _settings(config)).pieces)
        theirs = encode(tune, config, end=True)
        for field in ("delta", "key", "velocity", "position", "remaining", "gesture", "pedal"):
            assert np.array_equal(getattr(ours, field), getattr(theirs, field)), field


def test_the_grid_holds_a_chorale_exactly():
    config = EventsConfig()
    for _, tune in chorales({"bwv66.6", "bwv269"}):
        heard = {(n.onset, n.pitch) for n in decode(encode(tune, config), config).notes}
        assert heard == {(n.onset, n.pitch) for n in tune.notes}


@pytest.mark.parametrize("notes", [4096, 5000, 12_500])
def test_a_long_piece_is_cut_into_parts_and_every_event_comes_once(notes):
    config = replace(ALL, recall=False, steering=False)
    data = EventsData(
        _random_pieces(config, [notes, 40]), _settings(config, window=512, batch_size=4)
    )
    batches = list(data.epoch(1))
    starts = sum(int(batch["fresh"].sum()) for batch in batches)
    assert starts == 1 + -(-(2 * notes + 1) // 8192)
    assert _events(batches) == _events(data.whole())
    assert len(batches) == data.steps(1)
    assert len(batches) < 8192 / 512 + 2


def test_few_pieces_are_cut_so_that_every_stream_has_as_much_to_do():
    config = replace(PLAIN, recall=False)
    settings = _settings(config, window=16, batch_size=8)
    data = EventsData(_random_pieces(config, [3000, 500]), settings)
    batches = list(data.epoch(1))
    assert _events(batches) == _events(data.whole(streams=2, window=16))
    heard = np.mean([batch["counts"].any(axis=0).mean() for batch in batches])
    assert heard > 0.7  # uncut, the two would keep two of the eight busy


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_stream_goes_on_long_after_the_others(number):
    lengths = np.random.default_rng(5).integers(5, 4000, 80).tolist()
    data = EventsData(_random_pieces(PLAIN, lengths), _settings(PLAIN, window=256, batch_size=8))
    windows = sum(-(-(2 * length + 1) // 256) for length in lengths)
    assert data.steps(number) <= 1.1 * windows / 8


def test_what_stretching_empties_ends_no_epoch():
    """Re-strikes a tick apart fall together when they are played faster: windows stand empty."""
    trill = _random_pieces(PLAIN, [300])[0]
    trill.notes[:, 0] = np.arange(300) * 10
    trill.notes[:, 1] = trill.notes[:, 0] + 10
    trill.notes[:, 2] = 60
    pieces = [trill, *_random_pieces(PLAIN, [20] * 5)]
    settings = _settings(PLAIN, window=16, batch_size=1, stretch=0.45)
    data = EventsData(pieces, settings)
    emptied = 0
    for number in range(1, 9):
        batches = list(data.epoch(number))
        assert len(batches) == data.steps(number)
        assert sum(int(batch["fresh"].sum()) for batch in batches) == len(pieces)
        emptied += sum(not batch["counts"].any() for batch in batches)
    assert emptied


def test_only_the_streams_pieces_are_held_in_memory():
    def peak(count):
        config = replace(ALL, recall=False)
        data = EventsData(_random_pieces(config, [300] * count), _settings(config, batch_size=4))
        tracemalloc.start()
        for _ in data.epoch(1):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(48) < 1.3 * peak(8)


def test_the_same_epoch_is_the_same_and_another_is_not(pieces):
    settings = _settings(transpose=3, stretch=0.05, louder=9, untold=0.4)
    first, again, other = (list(EventsData(pieces, settings).epoch(number)) for number in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not np.array_equal(first[0]["key"], other[0]["key"])
    reseeded = next(EventsData(pieces, replace(settings, seed=1)).epoch(1))
    assert not np.array_equal(first[0]["key"], reseeded["key"])


def test_transposition_moves_notes_and_sounding_pitches_together_and_stays_on_the_piano(elise):
    tune = [("a", elise[:400])]
    pieces = pieces_for(tune, PLAIN)
    low, high = pieces[0].notes[:, 2].min(), pieces[0].notes[:, 2].max()
    data = EventsData(pieces, _settings(PLAIN, transpose=60))
    lowest, keys = set(), set()
    for number in range(1, 25):
        for batch in data.epoch(number):
            valid = batch["counts"] > 0
            key, sounding = batch["next_key"][valid], batch["sounding"][valid]
            off = key < 128
            assert sounding[np.flatnonzero(off), key[off]].all()
            on = (key >= 128) & (key < END)
            assert not sounding[np.flatnonzero(on), key[on] - 128].any()
            keys |= set((key[on] - 128).tolist())
        lowest.add(min(keys))
    assert min(keys) >= 21
    assert max(keys) <= 108
    assert max(keys) - min(keys) > high - low + 20


def test_a_louder_piece_is_louder_throughout_and_a_stretched_one_longer(elise):
    pieces = pieces_for([("a", elise[:300])], PLAIN)
    plain = next(EventsData(pieces, _settings(PLAIN, window=400, batch_size=1)).epoch(1))
    changed = EventsData(pieces, _settings(PLAIN, window=400, batch_size=1, louder=30, stretch=0.3))
    edges = np.array(PLAIN.delta_edges)
    ratios, levels = [], set()
    for number in range(1, 9):
        batch = next(changed.epoch(number))
        ratios.append(edges[batch["next_delta"]].sum() / edges[plain["next_delta"]].sum())
        on = batch["next_velocity"][batch["next_velocity"] > 0].astype(int)
        levels.add(round(float(on.mean())))
    assert 0.69 < min(ratios) < 0.95
    assert 1.05 < max(ratios) < 1.31
    assert len(levels) > 3


def _told(data, number=1):
    """The share of windows that are told each wish, and the share that are told any."""
    table = []
    for batch in data.epoch(number):
        live = batch["counts"].any(axis=0)
        told = [batch[f"steer_{name}"].any(axis=0)[live] for name in STEER_ROWS]
        table.append(np.stack(told, 1))
    table = np.concatenate(table)
    return table.mean(axis=0), table.any(axis=1).mean()


def _chords(count, apart=0):
    """A piece of chords of four notes, half a second long, whose notes begin *apart* ms apart."""
    onset = np.repeat(np.arange(count) * 500, 4) + np.tile(np.arange(4) * apart, count)
    pitch = np.tile([48, 60, 64, 67], count)
    notes = np.stack([onset, onset + 450, pitch, np.full(len(onset), 64)], 1).astype(np.int32)
    none, metre = np.empty((0, 2), np.int32), np.empty((0, 3), np.int32)
    return Piece("chords", "", "chords", "played", 500, notes, none, metre)


def _deltas_of_chords(piece, **changes):
    """The deltas before the note ons of eight epochs of *piece*, in grid ticks of 10 ms."""
    data, found = EventsData([piece], _settings(PLAIN, window=900, batch_size=1, **changes)), []
    for number in range(1, 9):
        batch = next(data.epoch(number))
        struck = (batch["next_key"][:, 0] >= 128) & (batch["next_key"][:, 0] < END)
        found.append(batch["next_delta"][struck, 0])
    return np.concatenate(found)


def test_a_sequenced_chord_comes_apart_by_some_ten_milliseconds_when_it_is_humanized():
    together, apart = (_deltas_of_chords(_chords(60), humanize=share) for share in (0.0, 1.0))
    assert (together == 0).mean() > 0.7
    assert (apart == 0).mean() < 0.5
    assert (apart < 10).all()
    assert (apart < 4).mean() > 0.8


def test_what_a_person_played_is_left_as_it_is():
    piece = _chords(60, apart=12)
    assert np.array_equal(_deltas_of_chords(piece), _deltas_of_chords(piece, humanize=1.0))


@given(st.integers(0, 2**32 - 1), st.floats(3, 18))
def test_a_humanized_note_is_the_same_key_near_where_it_was_in_order_and_lasts(seed, apart):
    notes = _chords(30).notes
    found = humanized(notes, apart, seed)
    assert Counter(found[:, 2].tolist()) == Counter(notes[:, 2].tolist())
    assert (np.diff(found[:, 0]) >= 0).all()
    assert (found[:, 0] >= 0).all()
    assert (found[:, 1] - found[:, 0] >= apart - 1).all()
    assert ((found[:, 3] >= 1) & (found[:, 3] <= 127)).all()
    moved = np.sort(found[found[:, 2] == 48, 0]) - notes[notes[:, 2] == 48, 0]
    assert np.abs(moved).max() < 7 * apart
    assert np.array_equal(found, humanized(notes, apart, seed))


def test_music_as_written_is_not_humanized():
    with pytest.raises(TrainingError, match="humanize is for music as played"):
        EventsSettings(humanize=0.5)


def test_a_share_of_windows_is_told_each_wish_and_of_one_that_is_untold_nothing(pieces):
    def data(untold):
        return EventsData(pieces, _settings(untold=untold, window=4))

    each, some = _told(data(0.4))
    assert np.abs(each - 0.36).max() < 0.08
    assert abs(some - 0.6 * (1 - 0.4**4)) < 0.08
    assert _told(data(0.0))[0].tolist() == [1, 1, 1, 1]
    assert not _told(data(1.0))[0].any()


def test_what_is_held_out_is_told_no_wish(pieces):
    for batch in EventsData(pieces, _settings(untold=0.0)).whole():
        assert not any(batch[f"steer_{name}"].any() for name in STEER_ROWS)


def test_a_model_that_is_not_steered_is_told_no_wish(pieces):
    batch = next(EventsData(pieces, _settings(PLAIN, untold=0.0)).epoch(1))
    assert not any(name.startswith("steer_") for name in batch)


def test_a_piece_of_one_velocity_among_others_teaches_none(elise):
    rag = read_midi("tests/data/maple-leaf-rag.mid")[:200]
    pieces = pieces_for([("rag", rag), ("elise", elise[:200])], PLAIN)
    assert len(set(pieces[0].notes[:, 3])) == 1
    data = EventsData(pieces, _settings(PLAIN, batch_size=1, window=1000))
    levels = [batch["next_velocity"] for batch in data.whole(streams=1)]
    assert sorted(bool(level.any()) for level in levels) == [False, True]
    assert sum(unigram_counts(data.pieces, PLAIN)["velocity"]) > 0


def test_a_piece_without_notes_is_an_error():
    with pytest.raises(TrainingError, match="rest: no notes to train on"):
        EventsData(pieces_for([("rest", Performance(24, []))], PLAIN), _settings(PLAIN))


def test_windows_of_tokens_stay_within_a_piece_and_predict_what_follows():
    songs = [
        (name, Performance(4, [e for d in deltas for e in (NoteOn(d, 60, 9), NoteOff(1, 60))]))
        for name, deltas in (("a", range(12)), ("b", range(20, 31)))
    ]
    vocabulary = vocabulary_of(songs)
    data = PostData(songs, vocabulary, settings_for("post", batch_size=5))
    assert len(data) == (24 - 15) + (22 - 15)
    batches = list(data.epoch(1))
    assert len(batches) == data.steps(1) == 4
    texts = [" ".join(token_of(event) for event in tune) for _, tune in songs]
    for batch in batches:
        for tokens, after in zip(batch["tokens"], batch["next"], strict=True):
            run = " ".join(vocabulary[number] for number in [*tokens, after])
            assert any(run in text for text in texts)


def test_windows_with_unknown_tokens_are_left_out_and_counted():
    tune = Performance(4, [NoteOn(1, 60, 9), NoteOff(1, 60)] * 20)
    odd = Performance(4, [*tune.events, NoteOn(3, 99, 9), *tune.events])
    data = PostData([("odd", odd)], vocabulary_of([("tune", tune)]), settings_for("post"))
    assert data.unknown == 16
    assert len(data) == 81 - 15 - 16


def test_the_digest_of_a_piece_changes_with_any_event():
    tune = Performance(4, [NoteOn(1, 60, 9), NoteOff(1, 60)])
    other = Performance(4, [NoteOn(1, 60, 10), NoteOff(1, 60)])
    assert digest_of(tune) == digest_of(Performance(4, tune.events)) != digest_of(other)
