"""How far two sets of pieces overlap, feature by feature: Overlap Area, in two definitions.

:func:`distance_overlap` is that of Yang & Lerch, "On the evaluation of generative models in music"
(2020), and of their toolbox mgeval: do generated pieces lie as far from the real ones as the real
ones from one another? :func:`pooled_overlap` is the plain one: what share of two histograms over
all pieces is common to both? Both are 1 for sets that are alike and 0 for sets that have nothing in
common.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from music21_lstm.errors import ModelError

__all__ = ["density_overlap", "distance_overlap", "pooled_overlap"]

Floats = NDArray[np.float64]
Histograms = Sequence[NDArray[np.int64]]

_POINTS = 1001
"""At how many places the densities are compared."""


def pooled_overlap(real: Histograms, made: Histograms) -> float:
    """The area common to the histograms of a feature's values over all pieces of either set.

    >>> pooled_overlap([np.array([1, 1, 0])], [np.array([0, 1, 0]), np.array([0, 0, 1])])
    0.5
    """
    one, other = (np.sum(pieces, axis=0, dtype=np.float64) for pieces in (real, made))
    return float(np.minimum(one / one.sum(), other / other.sum()).sum())


def distance_overlap(real: Histograms, made: Histograms) -> float:
    """The Overlap Area of one feature, as mgeval has it.

    Each piece is its normalised histogram. The Euclidean distances from each real piece to all other
    real ones (intra-set) and to all generated ones (inter-set) are smoothed into two densities;
    what they have in common is the Overlap Area. Needs two pieces of each set, or raises
    :class:`~music21_lstm.errors.ModelError`.
    """
    if len(real) < 2 or len(made) < 2:
        raise ModelError(
            f"an Overlap Area of {len(real)} excerpts of files and {len(made)} generated ones says "
            "nothing; give more music, shorter excerpts (--seconds) or --generate 2 or more"
        )
    one, other = _normalised(real), _normalised(made)
    between = _distances(one, one)
    intra = between[~np.eye(len(one), dtype=np.bool_)]
    return density_overlap(intra, _distances(one, other).ravel())


def density_overlap(one: Floats, other: Floats) -> float:
    """The area under the lower of two kernel density estimates, within the reach of the values.

    Gaussian kernels, Scott's bandwidth: what ``scipy.stats.gaussian_kde`` gives. Values that are all
    the same have no density: they overlap fully with the very same ones, with others not at all.
    """
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float(np.ptp(np.concatenate([one, other])) == 0)
    low, high = min(one.min(), other.min()), max(one.max(), other.max())
    points = np.linspace(low, high, _POINTS)
    lower = np.minimum(_density(one, points), _density(other, points))
    return float(((lower[1:] + lower[:-1]) / 2).sum() * (points[1] - points[0]))


def _normalised(pieces: Histograms) -> Floats:
    stacked = np.array(pieces, np.float64)
    result: Floats = stacked / stacked.sum(axis=1, keepdims=True)
    return result


def _distances(one: Floats, other: Floats) -> Floats:
    """The Euclidean distance of each row of *one* from each of *other*."""
    return np.array([np.linalg.norm(other - row, axis=1) for row in one])


def _density(values: Floats, points: Floats) -> Floats:
    width = values.std(ddof=1) * len(values) ** -0.2
    scale = 1 / (len(values) * width * np.sqrt(2 * np.pi))
    # A point at a time: all at once would be a matrix of gigabytes for some hundred pieces.
    kernels = (np.exp(-0.5 * ((values - point) / width) ** 2).sum() for point in points)
    result: Floats = np.fromiter(kernels, np.float64, len(points)) * scale
    return result
