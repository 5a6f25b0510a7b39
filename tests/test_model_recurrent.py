"""The LSTM whose gradient is written by hand, against one that TensorFlow differentiates."""

from __future__ import annotations

import numpy as np
import pytest

from music21_lstm.model.network import require_tensorflow
from music21_lstm.model.recurrent import lstm

STEPS, STREAMS, INPUTS, UNITS = 8, 5, 7, 6


@pytest.fixture(scope="module")
def tf():
    return require_tensorflow()[0]


@pytest.fixture(scope="module")
def given(tf):
    """Inputs, the weights to differentiate by, the state to begin with, and a loss's weights."""
    rng = np.random.default_rng(0)

    def draw(*shape):
        return tf.constant(rng.normal(size=shape).astype(np.float32))

    weights = [draw(INPUTS, 4 * UNITS), draw(UNITS, 4 * UNITS), draw(4 * UNITS)]
    state = [draw(STREAMS, UNITS), draw(STREAMS, UNITS)]
    return draw(STEPS, STREAMS, INPUTS), weights, state, draw(STEPS, STREAMS, UNITS)


def _plainly(tf, gates, recurrent, hidden, carried):
    out = []
    for step in range(gates.shape[0]):
        i, f, c, o = tf.split(gates[step] + hidden @ recurrent, 4, -1)
        carried = tf.sigmoid(f) * carried + tf.sigmoid(i) * tf.tanh(c)
        hidden = tf.sigmoid(o) * tf.tanh(carried)
        out.append(hidden)
    return tf.stack(out), hidden, carried


def _run(tf, layer, given, kind="float32", layers=1):
    """Outputs, last states and gradients of a loss, by the kernel, recurrent kernel, bias and input."""
    inputs, weights, (hidden, carried), loss = given
    watched = [*weights, inputs]

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            tape.watch(watched)
            kernel, recurrent, bias = weights
            gates = tf.cast(tf.tensordot(inputs, kernel, 1) + bias, kind)
            out, *after = layer(tf, gates, recurrent, hidden, carried)
            for _ in range(layers - 1):
                gates = tf.tensordot(out, kernel[:UNITS], 1) + bias
                out, *after = layer(tf, gates, recurrent, hidden, carried)
            total = tf.reduce_sum(tf.cast(out, tf.float32) * loss)
        return [out, *after], tape.gradient(total, watched)

    return run()


def test_outputs_states_and_gradients_of_two_layers_are_those_of_a_plain_lstm(tf, given):
    (ours, gradients), (theirs, wanted) = (
        _run(tf, layer, given, layers=2) for layer in (lstm, _plainly)
    )
    for found, expected in zip([*ours, *gradients], [*theirs, *wanted], strict=True):
        assert found.shape == expected.shape
        scale = max(1.0, float(tf.reduce_max(tf.abs(expected))))
        assert float(tf.reduce_max(tf.abs(found - expected))) < 1e-5 * scale


def test_in_bfloat16_outputs_and_gradients_are_the_same_but_for_rounding(tf, given):
    (rough, gradients), (exact, wanted) = (
        _run(tf, lstm, given, kind) for kind in ("bfloat16", "float32")
    )
    assert [one.dtype.name for one in rough] == ["bfloat16", "float32", "float32"]
    assert all(one.dtype == tf.float32 for one in gradients)
    for found, expected in zip([*rough, *gradients], [*exact, *wanted], strict=True):
        difference = tf.norm(tf.cast(found, tf.float32) - expected) / tf.norm(expected)
        assert float(difference) < 0.05


def test_a_sequence_in_two_halves_with_the_state_carried_is_the_whole(tf, given):
    inputs, (kernel, recurrent, bias), state, _ = given
    gates = tf.tensordot(inputs, kernel, 1) + bias
    whole, *last = lstm(tf, gates, recurrent, *state)
    first, *between = lstm(tf, gates[:3], recurrent, *state)
    second, *after = lstm(tf, gates[3:], recurrent, *between)
    assert np.allclose(tf.concat([first, second], 0), whole, atol=1e-6)
    assert np.allclose(after, last, atol=1e-6)
