"""Generated music beside real music: statistics, histograms, and how far the two overlap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import NoteOn
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError, ModelError
from music21_lstm.evaluation.overlap import distance_overlap, pooled_overlap
from music21_lstm.evaluation.statistics import (
    FEATURES,
    STATISTICS,
    Excerpt,
    excerpts,
    histograms,
    time_unit,
)
from music21_lstm.generation.request import Request
from music21_lstm.generation.scoring import grid_of
from music21_lstm.generation.variations import Variation, variations
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import ModelConfig

__all__ = ["Likeness", "compare", "generated"]

_BATCH = 16
"""Pieces that are generated together."""

Counts = NDArray[np.int64]
Histograms = Sequence[Mapping[str, Counts]]
Areas = dict[str, float | None]
"""By feature; None of velocity for a model that has learned none."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like the files what was generated is.

    *overlap_area* is mgeval's and *pooled* the plain one, by feature
    (:mod:`music21_lstm.evaluation.overlap`); *of_files* is mgeval's of every other file against the
    rest, the yardstick. mgeval's needs two excerpts on either side and is None for fewer.
    *statistics*: by name, for ``files`` and ``generated``, ``mean`` and ``sd`` over excerpts (none
    if no excerpt has it). *histograms*: by feature, ``edges`` and both counts over all excerpts.
    *length* is that of an excerpt in *unit*; *silent* how many of the *pieces* have no note, and
    *collapsed* how many more were thrown away.
    """

    overlap_area: Areas | None
    pooled: Areas
    of_files: Areas | None
    statistics: Mapping[str, Mapping[str, Mapping[str, float]]]
    histograms: Mapping[str, Mapping[str, Any]]
    pieces: int
    collapsed: int
    silent: int
    excerpts_made: int
    excerpts_real: int
    length: float
    unit: str


def generated(
    checkpoint: Checkpoint,
    count: int,
    seconds: float,
    seed: int,
    on_pieces: Callable[[int], None] | None = None,
    **sampling: Any,
) -> list[Variation]:
    """*count* pieces of *seconds* from nothing, of *seed* and those after it that hold up.

    *sampling* are options of :class:`~music21_lstm.generation.request.Request`; what is not said is
    the default. *on_pieces* is told how many more are done.
    """
    made: list[Variation] = []
    while len(made) < count:
        # A seed that collapsed is passed over, so the next round goes on after the last one used.
        first = made[-1].seed + 1 if made else seed
        request = Request(seconds=seconds, seed=first, **sampling)
        batch = variations(checkpoint, None, request, min(_BATCH, count - len(made)))
        made += batch
        if on_pieces is not None:
            on_pieces(len(batch))
    return made


def compare(
    real: Sequence[Performance],
    made: Sequence[Variation],
    config: ModelConfig,
    seconds: float,
) -> Likeness:
    """*made* music beside *real* music, both on the grid of the model's *config*.

    The real pieces are cut into excerpts as long as the generated ones, of *seconds*; where time is
    written, of the quarters of the longest one. Raises
    :class:`~music21_lstm.errors.GenerationError` if nothing that was made has two notes, and
    :class:`~music21_lstm.errors.ModelError` if nothing that is real has.
    """
    grid = grid_of(config)
    played = [one.performance for one in made]
    sounding = [one for one in played if any(isinstance(event, NoteOn) for event in one.events)]
    ours = [excerpt for one in sounding for excerpt in excerpts(one, grid)]
    if not ours:
        raise GenerationError(
            f"none of {len(made)} generated pieces has two notes; try another seed or temperature"
        )
    length = seconds if grid.time_base == "played" else max(one.length for one in ours)
    pieces = [excerpts(one, grid, length) for one in real]
    theirs = [excerpt for piece in pieces for excerpt in piece]
    if not theirs:
        raise ModelError("no file has two notes in a row; give music to compare with")
    return Likeness(
        pieces=len(made),
        collapsed=sum(len(one.collapsed) for one in made),
        silent=len(made) - len(sounding),
        excerpts_made=len(ours),
        excerpts_real=len(theirs),
        length=length,
        unit=time_unit(grid),
        statistics={
            name: {"files": _spread(measure, theirs), "generated": _spread(measure, ours)}
            for name, measure in STATISTICS.items()
        },
        **_overlaps(pieces, ours, [] if grid.has_velocity else ["velocity"]),
    )


def _overlaps(
    pieces: Sequence[Sequence[Excerpt]], made: Sequence[Excerpt], without: Sequence[str]
) -> dict[str, Any]:
    """The histograms of the excerpts of real *pieces* and of *made* ones, and their overlaps."""
    by_piece = [[histograms(one) for one in piece] for piece in pieces]
    real = [one for piece in by_piece for one in piece]
    ours = [histograms(one) for one in made]
    halves = [[one for piece in by_piece[half::2] for one in piece] for half in (0, 1)]
    return {
        "overlap_area": _areas(real, ours, without),
        "pooled": _by_feature(pooled_overlap, real, ours, without),
        "of_files": _areas(halves[0], halves[1], without),
        "histograms": {
            name: {
                "edges": list(feature.edges),
                "files": np.sum(_column(real, name), axis=0).tolist(),
                "generated": np.sum(_column(ours, name), axis=0).tolist(),
            }
            for name, feature in FEATURES.items()
        },
    }


def _areas(real: Histograms, made: Histograms, without: Sequence[str]) -> Areas | None:
    if min(len(real), len(made)) < 2:
        return None
    return _by_feature(distance_overlap, real, made, without)


def _by_feature(
    overlap: Callable[[list[Counts], list[Counts]], float],
    real: Histograms,
    made: Histograms,
    without: Sequence[str],
) -> Areas:
    return {
        name: None if name in without else overlap(_column(real, name), _column(made, name))
        for name in FEATURES
    }


def _column(pieces: Histograms, name: str) -> list[Counts]:
    return [piece[name] for piece in pieces]


def _spread(measure: Callable[[Excerpt], float], pieces: Sequence[Excerpt]) -> dict[str, float]:
    """The mean over *pieces* and the standard deviation, of those that have the measure."""
    values = [value for value in map(measure, pieces) if not math.isnan(value)]
    if not values:
        return {}
    return {"mean": fmean(values), "sd": stdev(values) if len(values) > 1 else 0.0}
