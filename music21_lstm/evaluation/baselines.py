"""What a model is held against: frequencies alone, other checkpoints, other kinds of network.

A folder becomes a baseline by :func:`load_baseline`. It holds a checkpoint of this package, or a
``baseline.json``, ``{"kind": "performance-rnn", …}``, whose kind :data:`KINDS` knows how to load.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import CheckpointError
from music21_lstm.evaluation.performance_rnn import PerformanceRnn
from music21_lstm.evaluation.scores import Baseline, BaselineScore, grid_text
from music21_lstm.generation.scoring import EXPLAINED, grid_of, scored
from music21_lstm.model import checkpoint as checkpoints
from music21_lstm.model import presets
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.features import encode
from music21_lstm.model.unigram import Unigram, unigram_counts

__all__ = [
    "BASELINE_FILE",
    "KINDS",
    "CheckpointBaseline",
    "UnigramBaseline",
    "counting",
    "load_baseline",
    "with_unigram",
]

BASELINE_FILE = "baseline.json"

KINDS: Mapping[str, Callable[[Path, Mapping[str, Any]], Baseline]] = {
    "performance-rnn": PerformanceRnn.load,
}
"""How the folder of each kind of ``baseline.json`` is loaded."""


@dataclass(frozen=True, slots=True, eq=False)
class UnigramBaseline:
    """Each field by its frequency; of the variants (plain, legal keys only) the better one."""

    unigram: Unigram
    name: str = "unigram"

    def score(
        self, performances: Sequence[Performance], on_piece: Callable[[], None] | None = None
    ) -> BaselineScore:
        """What *performances* cost; the velocity of a model that has learned none costs nothing."""
        totals = {name: dict.fromkeys(EXPLAINED[:3], 0.0) for name in ("plain", "legal")}
        notes = 0
        for performance in performances:
            rows = encode(performance, self.unigram.config, start=False)
            notes += rows.notes
            for variant, fields in totals.items():
                for field, nats in self.unigram.nats(rows, legal=variant == "legal").items():
                    fields[field] += float(nats.sum())
            if on_piece is not None:
                on_piece()
        return min(
            (BaselineScore(notes, fields, variant) for variant, fields in totals.items()),
            key=lambda found: found.nats,
        )


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointBaseline:
    """Another checkpoint of this package, of either recipe, on its own grid."""

    checkpoint: Checkpoint
    name: str

    def score(
        self, performances: Sequence[Performance], on_piece: Callable[[], None] | None = None
    ) -> BaselineScore:
        """What *performances* cost."""
        totals: dict[str, float] = {}
        notes = 0
        for one in scored(self.checkpoint, performances):
            notes += one.notes
            for field in EXPLAINED:
                if field in one.nats:
                    totals[field] = totals.get(field, 0.0) + float(one.nats[field].sum())
            if on_piece is not None:
                on_piece()
        return BaselineScore(notes, totals, grid=grid_text(self.checkpoint.config))


def load_baseline(folder: str | os.PathLike[str], train: Sequence[Performance] = ()) -> Baseline:
    """The baseline of a *folder*, or of a preset's name.

    Music to *train* on gives the post's recipe its counts for the tokens it does not know. Raises
    :class:`~music21_lstm.errors.CheckpointError` for a folder that is neither.
    """
    path = Path(folder)
    if not (path / BASELINE_FILE).exists():
        loaded = checkpoints.load(presets.resolve(folder))
        return counting(CheckpointBaseline(loaded, path.name), train)
    try:
        facts = json.loads((path / BASELINE_FILE).read_bytes())
        kind = facts["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        raise CheckpointError(
            f'baseline {path}: {BASELINE_FILE} is no JSON object with a "kind"; known kinds: '
            f"{', '.join(KINDS)}"
        ) from None
    if kind not in KINDS:
        raise CheckpointError(
            f"baseline {path}: unknown kind {kind!r}; known kinds: {', '.join(KINDS)}"
        )
    return KINDS[kind](path, facts)


def counting(baseline: Baseline, train: Sequence[Performance]) -> Baseline:
    """*baseline* as if it had been loaded with the music to *train* on."""
    if not isinstance(baseline, CheckpointBaseline):
        return baseline
    return replace(baseline, checkpoint=with_unigram(baseline.checkpoint, train))


def with_unigram(checkpoint: Checkpoint, train: Sequence[Performance]) -> Checkpoint:
    """*checkpoint* with the unigram counts of *train* in its metadata; as it was if there is none."""
    if not train:
        return checkpoint
    grid = grid_of(checkpoint.config)
    counts = unigram_counts((encode(one, grid, start=False) for one in train), grid)
    return replace(checkpoint, metadata={**checkpoint.metadata, "unigram": counts})
