"""What an epoch brings: every event, in the seed's order, with relatives kept apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from music21_lstm.encoding import NoteOff, NoteOn, Performance, TimeSignature
from music21_lstm.encoding.notetext import token_of
from music21_lstm.errors import TrainingError
from music21_lstm.model.config import END, START
from music21_lstm.model.corpora import chorales, corpus
from music21_lstm.model.dataset import (
    EventsData,
    PostData,
    digest_of,
    related,
    split_pieces,
    vocabulary_of,
)
from music21_lstm.model.features import decode, encode
from music21_lstm.model.settings import settings_for

# The first two are one chorale in two keys, the third another harmonisation of its melody.
NAMES = {"bwv244.15", "bwv244.17", "bwv271", "bwv66.6", "bwv269"}


@pytest.fixture(scope="module")
def pieces():
    return list(chorales(NAMES))


@pytest.fixture(scope="module")
def settings():
    return settings_for("events", window=50, batch_size=4, held_out=0.4, velocity_bins=1)


def test_a_chorale_is_read_as_it_is_written(pieces):
    tune = dict(pieces)["bwv66.6.mxl"]
    timed = zip(tune.ticks, tune, strict=True)
    metre = [
        (tick, e.numerator, e.denominator) for tick, e in timed if isinstance(e, TimeSignature)
    ]
    assert metre == [(0, 1, 4), (24, 4, 4)]  # it begins with an upbeat
    assert tune.duration == 36 * 24
    from music21 import corpus as music21_corpus

    sung = music21_corpus.parse("bach/bwv66.6").stripTies().recurse().notes
    assert len(tune.notes) == len(sung)
    assert sorted(note.pitch for note in tune.notes) == sorted(n.pitch.midi for n in sung)


def test_the_grid_holds_a_chorale_exactly(pieces, settings):
    for _, tune in pieces:
        heard = {
            (n.onset, n.pitch) for n in decode(encode(tune, settings.model), settings.model).notes
        }
        assert heard == {(n.onset, n.pitch) for n in tune.notes}


def test_no_corpus_of_another_name_is_known():
    with pytest.raises(TrainingError, match="no corpus 'fugues'; known corpora: chorales"):
        corpus("fugues")


def test_harmonisations_of_one_melody_are_related_in_any_key(pieces):
    works = (name.removesuffix(".mxl") for name, _ in pieces)
    groups = dict(zip(works, related(pieces), strict=True))
    assert groups["bwv244.15"] == groups["bwv244.17"] == groups["bwv271"]
    assert len({groups["bwv244.15"], groups["bwv66.6"], groups["bwv269"]}) == 3


@pytest.mark.parametrize("seed", range(6))
def test_relatives_are_never_on_both_sides_of_a_split(pieces, seed):
    split = split_pieces(pieces, 0.6, seed)
    group = related(pieces)
    assert sorted(split.train + split.held_out) == list(range(5))
    assert split.held_out
    assert not {group[i] for i in split.train} & {group[i] for i in split.held_out}
    assert split.related == 3


def test_one_piece_is_trained_on_whatever_the_share(pieces):
    assert split_pieces(pieces[:1], 0.9, 0).train == (0,)


def test_an_epoch_brings_every_event_and_both_ends_of_each_piece(pieces, settings):
    data = EventsData(pieces, replace(settings, transpose=0))
    batches = list(data.epoch(1))
    assert len(batches) == data.steps
    starts = sum(int((b["key"] == START).sum()) for b in batches)
    ends = sum(int(((b["next_key"] == END) & (b["counts"] > 0)).sum()) for b in batches)
    assert starts == ends == len(pieces)
    assert sum(b["counts"].sum() for b in batches) >= len(data)
    seen = {tuple(row) for b in batches for row in _transitions(b)}
    every = {tuple(row) for b in data.whole() for row in _transitions(b)}
    assert seen == every


def _transitions(batch):
    names = ("delta", "key", "position", "next_delta", "next_key", "next_position")
    columns = np.stack([batch[name] for name in names], -1)
    sounding = batch["sounding"] @ np.arange(128)
    return np.concatenate([columns, sounding[..., None]], -1)[batch["counts"] > 0].tolist()


def test_the_same_epoch_is_the_same_and_another_is_not(pieces, settings):
    first, again, other = (next(EventsData(pieces, settings).epoch(number)) for number in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["key"], other["key"])


def test_transposition_moves_notes_and_sounding_pitches_together_and_stays_in_range(
    pieces, settings
):
    low = min(note.pitch for _, tune in pieces for note in tune.notes)
    high = max(note.pitch for _, tune in pieces for note in tune.notes)
    keys = set()
    for batch in EventsData(pieces, settings).epoch(1):
        valid = batch["counts"] > 0
        key, sounding = batch["next_key"][valid], batch["sounding"][valid]
        off = key < 128
        assert sounding[np.flatnonzero(off), key[off]].all()
        on = (key >= 128) & (key < END)
        assert not sounding[np.flatnonzero(on), key[on] - 128].any()
        keys |= set((key[on] - 128).tolist())
    assert low <= min(keys)
    assert max(keys) <= high
    assert len(keys) > len({note.pitch for _, tune in pieces for note in tune.notes}) - 3


def test_windows_of_tokens_stay_within_a_piece_and_predict_what_follows():
    songs = [
        (name, Performance(4, [e for d in deltas for e in (NoteOn(d, 60, 9), NoteOff(1, 60))]))
        for name, deltas in (("a", range(12)), ("b", range(20, 31)))
    ]
    vocabulary = vocabulary_of(songs)
    data = PostData(songs, vocabulary, settings_for("post", batch_size=5))
    assert len(data) == (24 - 15) + (22 - 15)
    batches = list(data.epoch(1))
    assert len(batches) == data.steps == 4
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
