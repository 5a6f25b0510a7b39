"""An LSTM layer over whole sequences whose gradient is written by hand, for training on a CPU.

The input's part of the gates is one large product before the loop, and the kernel's gradient one
large product after it; in the loop stands only what depends on the step before. Keras's layer does
both step by step. Over two layers of 512 units the loop runs at the speed of its matrix products:
``python -m benchmarks training``.
"""

from __future__ import annotations

from typing import Any

__all__ = ["lstm"]

Tensor = Any


def lstm(
    tf: Any, gates: Tensor, recurrent: Tensor, hidden: Tensor, carried: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The outputs (T, B, U) of a layer, and its last hidden and carried state, (B, U) float32.

    *gates* is the input times its kernel plus the bias, (T, B, 4U) in Keras's order i, f, c, o; its
    type, float32 or bfloat16, is the one that products are computed in. *recurrent* (U, 4U) is
    float32, as are the state to begin with, *hidden* and *carried*, (B, U), which get no gradient.
    States are carried, and gates evaluated, in float32 always.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def layer(gates: Tensor, recurrent: Tensor) -> tuple[Any, Any]:
        kernel = tf.cast(recurrent, gates.dtype)
        before = tf.cast(hidden, gates.dtype)
        out, shut, cells = _forward(tf, gates, kernel, before, carried)

        def gradient(upstream: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
            change = _backward(tf, upstream, shut, cells, carried, kernel)
            inputs = tf.concat([before[None], out[:-1]], 0)
            flat, units = [-1, tf.shape(change)[-1]], [-1, tf.shape(kernel)[0]]
            product = tf.matmul(
                tf.reshape(inputs, units), tf.reshape(change, flat), transpose_a=True
            )
            return change, tf.cast(product, recurrent.dtype)

        return (out, tf.cast(out[-1], tf.float32), cells[-1]), gradient

    found: tuple[Tensor, Tensor, Tensor] = layer(gates, recurrent)
    return found


def _forward(
    tf: Any, gates: Tensor, kernel: Tensor, hidden: Tensor, carried: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs, activated gates and cells of all steps."""
    steps, kind = tf.shape(gates)[0], gates.dtype
    wide, units = gates.shape[-1], kernel.shape[0]
    arrays = (_array(tf, kind, steps, units), _array(tf, kind, steps, wide),
              _array(tf, tf.float32, steps, units))  # fmt: skip

    def step(at: Tensor, hidden: Tensor, carried: Tensor, arrays: Any) -> Any:
        total = tf.cast(gates[at] + tf.matmul(hidden, kernel), tf.float32)
        i, f, c, o = tf.split(total, 4, -1)
        i, f, c, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(c), tf.sigmoid(o)
        carried = f * carried + i * c
        hidden = tf.cast(o * tf.tanh(carried), kind)
        shut = tf.cast(tf.concat([i, f, c, o], -1), kind)
        written = zip(arrays, (hidden, shut, carried), strict=True)
        return at + 1, hidden, carried, tuple(array.write(at, value) for array, value in written)

    *_, arrays = tf.while_loop(
        lambda at, *_: at < steps, step, (0, hidden, carried, arrays), parallel_iterations=1
    )
    out, shut, cells = (array.stack() for array in arrays)
    return out, shut, cells


def _backward(
    tf: Any, upstream: Tensor, shut: Tensor, cells: Tensor, carried: Tensor, kernel: Tensor
) -> Tensor:
    """The gradient of all steps' gates, (T, B, 4U)."""
    steps, kind = tf.shape(shut)[0], shut.dtype
    before = tf.concat([carried[None], cells[:-1]], 0)

    def step(at: Tensor, hidden: Tensor, carried: Tensor, array: Any) -> Any:
        i, f, c, o = tf.split(tf.cast(shut[at], tf.float32), 4, -1)
        squashed = tf.tanh(cells[at])
        hidden = hidden + tf.cast(upstream[at], tf.float32)
        carried = carried + hidden * o * (1 - squashed * squashed)
        parts = [
            carried * c * i * (1 - i),
            carried * before[at] * f * (1 - f),
            carried * i * (1 - c * c),
            hidden * squashed * o * (1 - o),
        ]
        change = tf.cast(tf.concat(parts, -1), kind)
        hidden = tf.cast(tf.matmul(change, kernel, transpose_b=True), tf.float32)
        return at - 1, hidden, carried * f, array.write(at, change)

    zero = tf.zeros_like(carried)
    *_, array = tf.while_loop(
        lambda at, *_: at >= 0,
        step,
        (steps - 1, zero, zero, _array(tf, kind, steps, shut.shape[-1])),
        parallel_iterations=1,
    )
    return array.stack()


def _array(tf: Any, kind: Any, steps: Tensor, width: int) -> Any:
    return tf.TensorArray(kind, steps, element_shape=(None, width))
