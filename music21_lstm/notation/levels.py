"""The level of each bar, of dynamics or of tempo: few changes, each where it pays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["steady_levels"]


def steady_levels(cost: NDArray[np.float64], change: float) -> list[int]:
    """The cheapest level of each bar (Viterbi); a *change* of level costs as much, whichever it is.

    *cost*: (bars, levels), what each level costs in each bar.

    >>> steady_levels(np.array([[0.0, 3.0], [1.0, 0.0], [0.0, 3.0], [9.0, 0.0]]), 2.0)
    [0, 0, 0, 1]
    """
    total = cost[0]
    came = np.zeros(cost.shape, dtype=int)
    for index in range(1, len(cost)):
        cheapest = int(total.argmin())
        jumps = total > total[cheapest] + change
        came[index] = np.where(jumps, cheapest, np.arange(cost.shape[1]))
        total = np.where(jumps, total[cheapest] + change, total) + cost[index]
    path = [int(total.argmin())]
    for index in range(len(cost) - 1, 0, -1):
        path.append(int(came[index, path[-1]]))
    return path[::-1]
