"""Shaping a distribution and drawing from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from music21_lstm.errors import GenerationError
from music21_lstm.generation.sampling import FieldSampling, Sampling, draw, draws, shaped

LOGITS = hnp.arrays(
    np.float32,
    st.integers(2, 40),
    elements=st.one_of(st.floats(-50, 50, width=32), st.just(-np.inf)),
).filter(lambda a: np.isfinite(a).any())
SAMPLINGS = st.builds(
    Sampling,
    st.sampled_from([0.0, 0.01, 0.2, 1.0, 2.0, 100.0]),
    st.integers(0, 50),
    st.floats(0.01, 1),
    st.floats(0, 1),
)


@given(LOGITS, SAMPLINGS, st.integers(0, 2**32))
def test_what_is_forbidden_is_never_drawn(logits, sampling, seed):
    choice = draw(logits, sampling, np.random.default_rng(seed))
    assert np.isfinite(logits[choice])


@given(st.lists(st.integers(0, 2**32), min_size=2, max_size=5), SAMPLINGS)
def test_each_of_several_rows_is_drawn_as_it_is_alone(seeds, sampling):
    rows = np.array([np.random.default_rng(seed).normal(size=60) for seed in seeds], np.float32)
    rows[:, ::7] = -np.inf
    several = draws(rows, sampling, [np.random.default_rng(seed) for seed in seeds])
    alone = [
        draw(row, sampling, np.random.default_rng(s)) for row, s in zip(rows, seeds, strict=True)
    ]
    assert several == alone


@given(LOGITS, SAMPLINGS)
def test_the_likeliest_class_always_stays(logits, sampling):
    weights = shaped(logits, sampling)
    assert weights.max() > 0
    # Logits that differ by less than a float32 can tell apart may change places.
    assert logits[weights.argmax()] >= logits.max() - 1e-5


@given(LOGITS, st.integers(1, 50))
def test_top_k_keeps_k(logits, k):
    assert (shaped(logits, Sampling(top_k=k)) > 0).sum() <= k


@given(LOGITS, st.floats(0.01, 0.99))
def test_top_p_keeps_the_fewest_that_reach_p(logits, p):
    full = shaped(logits, Sampling())
    full = full / full.sum()
    kept = shaped(logits, Sampling(top_p=p)) > 0
    assert full[kept].sum() >= p - 1e-4
    smallest = full[kept].min()
    assert full[kept].sum() - smallest < p + 1e-4


@given(LOGITS, st.floats(0, 1))
def test_min_p_keeps_what_is_near_the_likeliest(logits, p):
    full = shaped(logits, Sampling())
    kept = shaped(logits, Sampling(min_p=p)) > 0
    assert (kept == ((full >= p * full.max()) & (full > 0))).all()


def test_temperature_0_is_greedy_and_1_takes_what_the_model_says():
    logits = np.log(np.array([0.1, 0.6, 0.3], np.float32))
    random = np.random.default_rng(1)
    assert {draw(logits, Sampling(0), random) for _ in range(50)} == {1}
    counts = np.bincount([draw(logits, Sampling(), random) for _ in range(20_000)])
    assert counts / 20_000 == pytest.approx([0.1, 0.6, 0.3], abs=0.02)


def test_temperature_flattens_and_sharpens():
    logits = np.array([0.0, 1.0], np.float32)
    cold, mild, hot = (shaped(logits, Sampling(t))[0] for t in (0.2, 1, 2))
    assert cold < mild < hot


def test_nothing_allowed_is_an_error_and_not_a_guess():
    nothing = np.full(4, -np.inf, np.float32)
    for temperature in (0, 1):
        with pytest.raises(GenerationError, match="no event is allowed"), np.errstate(all="ignore"):
            draw(nothing, Sampling(temperature), np.random.default_rng(0))


@pytest.mark.parametrize(
    "options",
    [{"temperature": -1}, {"temperature": float("nan")}, {"top_k": -1}, {"top_p": 0}, {"min_p": 2}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(GenerationError, match="must be"):
        Sampling(**options)


def test_each_field_is_drawn_its_own_way_and_the_others_by_default():
    default = Sampling(min_p=0.1)
    chosen = FieldSampling.of(default, temperature=0.9, top_k={"key": 5}, min_p={"delta": 0.0})
    assert chosen.delta == Sampling(0.9, 0, 1.0, 0.0)
    assert chosen.key == Sampling(0.9, 5, 1.0, 0.1)
    assert chosen.velocity == chosen.pedal == Sampling(0.9, 0, 1.0, 0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": {"pitch": 1}}, "no such field; its fields are delta, key, velocity"),
        ({"top_p": {"key": 0}}, "top_p is 0"),
        ({"temperature": "hot"}, "temperature is 'hot'; it must be a number"),
    ],
)
def test_fields_that_there_are_not_and_values_out_of_range_are_refused(options, message):
    with pytest.raises(GenerationError, match=message):
        FieldSampling.of(**options)


def test_a_model_of_whole_tokens_takes_one_number_for_all():
    assert FieldSampling.of(temperature=0.5).one == Sampling(0.5)
    with pytest.raises(GenerationError, match="whole tokens"):
        _ = FieldSampling.of(temperature={"key": 0.5}).one
