"""Products of a few vectors with a large matrix: what generation spends most of its time with.

OpenBLAS packs a matrix anew for each product, which for a few vectors costs more than the product. It
has kernels that do not pack, where AVX-512 is and the product is small: so several vectors are
multiplied with narrow blocks of the matrix, one after the other in one call. Sixteen vectors by
896 × 1792 numbers then take 1.8 times as long as one instead of 4.2 times
(``python -m benchmarks streams16`` shows what that does). Without AVX-512 blocks are slower, and the
matrix is left whole. Which way is taken depends on the machine alone, never on a clock: the same
seed gives the same bytes.
"""

from __future__ import annotations

from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from music21_lstm.threads import blas

__all__ = ["Kernel", "prefers_blocks"]

Floats = NDArray[np.float32]

_BLOCK = 32
"""Columns of a block. 16 and 64 were slower for 16 vectors."""

_SMALL = 1_000_000
"""Multiplications up to which OpenBLAS takes a product for a small one."""

_UNPACKED = frozenset({"skylakex", "cooperlake", "sapphirerapids"})
"""OpenBLAS's architectures that have kernels for small products of float32."""


@cache
def prefers_blocks() -> bool:
    """Whether a few vectors go through blocks of a matrix quicker than through the whole, here."""
    return any(
        library["internal_api"] == "openblas" and library["architecture"].lower() in _UNPACKED
        for library in blas().info()
    )


class Kernel:
    """A matrix, (inputs, outputs) float32, that rows of vectors are multiplied with."""

    def __init__(self, values: Floats) -> None:
        self.values = np.ascontiguousarray(values)
        inputs, outputs = self.values.shape
        #: Vectors at once that go through blocks; 0 where the matrix stays whole.
        self._most = 0
        if self.values.size and outputs % _BLOCK == 0:
            self._most = _SMALL // (_BLOCK * inputs)

    @cached_property
    def _blocks(self) -> Floats:
        """The columns by blocks, turned: (blocks, 32, inputs). Made for who has several vectors."""
        blocks = self.values.reshape(len(self.values), -1, _BLOCK).transpose(1, 0, 2)
        return np.ascontiguousarray(blocks).transpose(0, 2, 1)

    def times(self, vectors: Floats, out: Floats | None = None) -> Floats:
        """*vectors*, (n, inputs), times the matrix: (n, outputs), in *out* if it is given."""
        count = len(vectors)
        if count == 1 or self._most < 2 or not prefers_blocks():
            found: Floats = np.dot(vectors, self.values, out)
            return found
        if out is None:
            out = np.empty((count, self.values.shape[1]), np.float32)
        for first in range(0, count, self._most):
            some = vectors[first : first + self._most]
            turned = np.matmul(self._blocks, some.T)
            out[first : first + self._most] = turned.reshape(-1, len(some)).T
        return out
