"""Whole works are held out: by their names, by their files and by what they sound like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.encoding.midi import read_midi
from music21_lstm.model.corpora import chorales
from music21_lstm.model.pieces import Piece, piece_of
from music21_lstm.model.splitting import groups_of, listed_split, related, split_pieces

DATA = Path(__file__).parent / "data"

# The first two are one chorale in two keys, the third another harmonisation of its melody.
NAMES = {"bwv244.15", "bwv244.17", "bwv271", "bwv66.6", "bwv269"}


@pytest.fixture(scope="module")
def pieces():
    return [
        piece_of(tune, name=name, time_base="written", resolution=24)
        for name, tune in chorales(NAMES)
    ]


@pytest.fixture(scope="module")
def played():
    return [
        piece_of(read_midi(DATA / f"{name}.mid"), name=name)
        for name in ("fur-elise", "maple-leaf-rag", "satie-gymnopedie-no1")
    ]


def by_another_pianist(piece, seed):
    """*piece* in another key and tempo, chords broken, notes held over, some left out."""
    rng = np.random.default_rng(seed)
    notes = piece.notes[rng.random(len(piece)) > 0.02].astype(float)
    held = notes[:, 1] - notes[:, 0]
    notes[:, 0] = (
        1.2 * notes[:, 0] + 2000 * np.sin(notes[:, 0] / 20_000) + rng.uniform(0, 40, len(notes))
    )
    notes[:, 1] = notes[:, 0] + held * rng.uniform(1, 1.5, len(notes))
    notes[:, 2] += 3
    order = np.lexsort((notes[:, 2], notes[:, 0].round()))
    return replace(piece, name="another's", notes=notes[order].round().astype(np.int32))


def test_harmonisations_of_one_melody_are_related_in_any_key(pieces):
    works = (piece.name.removesuffix(".mxl") for piece in pieces)
    groups = dict(zip(works, related(pieces), strict=True))
    assert groups["bwv244.15"] == groups["bwv244.17"] == groups["bwv271"]
    assert len({groups["bwv244.15"], groups["bwv66.6"], groups["bwv269"]}) == 3


@pytest.mark.parametrize("seed", range(3))
def test_performances_of_one_piece_are_related_and_of_different_pieces_are_not(played, seed):
    others = [by_another_pianist(piece, seed) for piece in played]
    assert related(played + others) == [0, 1, 2, 0, 1, 2]


def test_of_many_copies_none_is_left_out(played):
    copies = [replace(played[2], name=str(number)) for number in range(150)]
    assert related([played[0], *copies, played[1]]) == [0, *[1] * 150, 151]


def test_pieces_too_short_to_tell_are_not_related(played):
    short = [replace(played[2], notes=played[2].notes[:count]) for count in (0, 1, 8, 8)]
    assert related(short) == [0, 1, 2, 3]
    assert related([]) == []


def test_pieces_of_one_work_or_of_one_file_are_one_group(played):
    named = [
        replace(piece, work=work, sha256=digest)
        for piece, work, digest in zip(played, ("a", "", "a"), ("x", "x", ""), strict=True)
    ]
    assert groups_of(named) == [0, 0, 0]
    assert groups_of(played) == [0, 1, 2]


@pytest.mark.parametrize("seed", range(6))
def test_relatives_are_never_on_both_sides_of_a_split(pieces, seed):
    split = split_pieces(pieces, 0.6, seed)
    group = groups_of(pieces)
    assert split.held_out
    assert not {group[i] for i in split.train} & {group[i] for i in split.held_out}
    assert split.related == 3


def _drawn(work, digest, pitches):
    notes = [(100 * place, 100 * place + 90, pitch, 64) for place, pitch in enumerate(pitches)]
    empty = np.empty((0, 2), np.int32)
    table = np.array(notes, np.int32).reshape(-1, 4)
    return Piece("", work, digest, "played", 500, table, empty, np.empty((0, 3), np.int32))


drawn_pieces = st.lists(
    st.builds(
        _drawn,
        st.sampled_from(["", *"abcdefgh"]),
        st.sampled_from(["", *"stuvwxyz"]),
        st.lists(st.integers(60, 63), max_size=40),
    ),
    min_size=1,
    max_size=12,
)


@given(drawn_pieces, st.floats(0, 1), st.integers(0, 9))
def test_a_split_takes_every_piece_once_and_no_work_twice(drawn, share, seed):
    split = split_pieces(drawn, share, seed)
    assert sorted(split.train + split.held_out) == list(range(len(drawn)))
    assert split.train
    if len(split.held_out) > round(share * len(drawn)):
        # Then it is one group, the smallest, and not more than half.
        assert len({groups_of(drawn)[i] for i in split.held_out}) == 1
        assert len(split.held_out) <= len(drawn) / 2
    assert split == split_pieces(drawn, share, seed)
    group = related(drawn)
    for kind in (lambda i: drawn[i].work, lambda i: drawn[i].sha256, lambda i: f"group {group[i]}"):
        assert not set(map(kind, split.train)) & set(map(kind, split.held_out)) - {""}


def test_of_few_works_with_many_movements_the_smallest_is_held_out(played):
    works = ["a"] * 4 + ["b"] * 3 + ["c"] * 3
    named = [replace(played[0], work=work, name=f"{i}") for i, work in enumerate(works)]
    melody = np.random.default_rng(0).integers(40, 80, (10, 60))
    movements = [
        replace(piece, notes=_drawn("", "", pitches.tolist()).notes)
        for piece, pitches in zip(named, melody, strict=True)
    ]
    for seed in range(4):
        split = split_pieces(movements, 0.2, seed)
        assert {works[i] for i in split.held_out} in ({"b"}, {"c"})
        assert len(split.held_out) == 3
    assert not split_pieces(movements[:4], 0.2, 0).held_out


@pytest.mark.parametrize("seed", range(4))
def test_what_the_model_to_begin_with_has_learned_is_held_out_last(seed):
    pitches = np.random.default_rng(1).integers(40, 80, (10, 60)).tolist()
    pieces = [_drawn("", f"{i}", line) for i, line in enumerate(pitches)]
    learned = {f"{i}" for i in range(7)}
    assert set(split_pieces(pieces, 0.2, seed, learned).held_out) < {7, 8, 9}
    most = split_pieces(pieces, 0.5, seed, learned).held_out
    assert len(most) == 5
    assert {7, 8, 9} < set(most)


def test_a_listed_split_holds_out_the_files_that_are_listed(played):
    named = [replace(piece, sha256=piece.name) for piece in played]
    split = listed_split(named, {"maple-leaf-rag", "another"})
    assert (split.train, split.held_out, split.related) == ((0, 2), (1,), 0)
