"""The threads that NumPy multiplies with."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["blas", "one_thread"]


@cache
def blas() -> ThreadpoolController:
    """The libraries that NumPy multiplies with."""
    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread: for small products more are much slower.

    Those that have nothing to do spin, and take half of a core's other thread with them.
    """
    limiter: AbstractContextManager[Any] = blas().limit(limits=1, user_api="blas")
    return limiter
