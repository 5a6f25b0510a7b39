"""Products of a few vectors with a matrix, whole and in blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import music21_lstm as ml
from music21_lstm.generation import products
from music21_lstm.generation.products import Kernel
from music21_lstm.threads import blas, one_thread


@pytest.fixture(params=[False, True], ids=["whole", "in blocks"])
def way(request, monkeypatch):
    """Both ways, whichever this machine prefers."""
    monkeypatch.setattr(products, "prefers_blocks", lambda: request.param)


# (Of 8000 inputs a block is no small product for more than three vectors.)
@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", [(48, 96), (7, 32), (30, 257), (8000, 64), (0, 64), (5, 0)])
@pytest.mark.parametrize("count", [1, 2, 3, 16, 40])
@pytest.mark.parametrize("given_out", [False, True])
def test_rows_times_a_matrix_are_what_they_are_in_double_precision(shape, count, given_out):
    random = np.random.default_rng(sum(shape) + count)
    values = random.normal(size=shape).astype(np.float32)
    vectors = random.normal(size=(count, shape[0])).astype(np.float32)
    # Vectors and results that are a part of larger arrays, as the network's are.
    wide = np.zeros((count, shape[0] + 3), np.float32)
    wide[:, 2:-1] = vectors
    out = np.full((count, shape[1]), np.nan, np.float32) if given_out else None
    found = Kernel(values).times(wide[:, 2:-1], out)
    assert out is None or found is out
    assert found.dtype == np.float32
    wanted = vectors.astype(np.float64) @ values.astype(np.float64)
    room = np.abs(vectors).astype(np.float64) @ np.abs(values).astype(np.float64)
    assert (np.abs(found - wanted) <= 1e-6 * room).all()


@given(st.integers(2, 40), st.randoms(use_true_random=False))
def test_what_a_row_gives_in_blocks_does_not_depend_on_the_others_values(count, order):
    random = np.random.default_rng(count)
    kernel = Kernel(random.normal(size=(40, 64)).astype(np.float32))
    vectors = random.normal(size=(count, 40)).astype(np.float32)
    others = vectors[::-1].copy()
    place = order.randrange(count)
    others[place] = vectors[place]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "prefers_blocks", lambda: True)
        mine, its = kernel.times(vectors)[place], kernel.times(others)[place]
    assert mine.tobytes() == its.tobytes()


def test_variations_are_the_same_music_in_blocks_and_whole(monkeypatch):
    played = []
    for blocks in (False, True):
        monkeypatch.setattr(products, "prefers_blocks", lambda blocks=blocks: blocks)
        found = ml.load("chorale").perform(notes=40, seed=3, count=3)
        played.append([[(note.onset, note.pitch) for note in one.notes] for one in found])
    assert played[0] == played[1]


def test_blas_is_held_to_one_thread():
    with one_thread():
        counts = [lib["num_threads"] for lib in blas().info() if lib["user_api"] == "blas"]
        assert set(counts) == {1}
