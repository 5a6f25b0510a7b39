"""A model's evaluation: what unseen music costs it, what it costs others, and what its own is like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from music21_lstm.encoding.performance import Performance
from music21_lstm.evaluation.likeness import Likeness
from music21_lstm.evaluation.scores import BaselineScore, grid_text
from music21_lstm.generation.scoring import EXPLAINED, scored
from music21_lstm.model.checkpoint import Checkpoint

__all__ = ["Evaluation", "Explained", "FileScore", "explain", "with_mean"]


@dataclass(frozen=True, slots=True)
class FileScore:
    """What one file cost: the nats of each field, summed."""

    name: str
    notes: int
    events: int
    seconds: float
    nats: Mapping[str, float]

    @property
    def nats_per_note(self) -> float:
        """All that makes up a note's nats."""
        return sum(self.nats[field] for field in EXPLAINED if field in self.nats) / self.notes


@dataclass(frozen=True, slots=True)
class Explained:
    """What a set of files cost a model, in nats.

    *by_field* and *apart* are for each note; *apart* is what the model says beyond the notes, as the
    pedal, and does not count in *nats_per_note*.
    """

    files: tuple[FileScore, ...]

    @property
    def notes(self) -> int:
        """How many notes start."""
        return sum(file.notes for file in self.files)

    @property
    def events(self) -> int:
        """How many notes start and end."""
        return sum(file.events for file in self.files)

    @property
    def seconds(self) -> float:
        """How long the music is."""
        return sum(file.seconds for file in self.files)

    @property
    def by_field(self) -> dict[str, float]:
        """Nats a note of each field."""
        return self._fields(lambda field: field in EXPLAINED)

    @property
    def apart(self) -> dict[str, float]:
        """Nats a note of what does not count as a note's."""
        return self._fields(lambda field: field not in EXPLAINED)

    @property
    def nats_per_note(self) -> float:
        """All fields of a note."""
        return sum(self.by_field.values())

    def _fields(self, wanted: Callable[[str], bool]) -> dict[str, float]:
        names = dict.fromkeys(name for file in self.files for name in file.nats if wanted(name))
        return {name: sum(file.nats[name] for file in self.files) / self.notes for name in names}


def explain(
    checkpoint: Checkpoint,
    pieces: Sequence[tuple[str, Performance]],
    on_piece: Callable[[], None] | None = None,
) -> Explained:
    """Score *pieces*, each with its name; *on_piece* is called after each.

    Hold BLAS to one thread around this; it is a stream of small products.
    """
    files = []
    found = scored(checkpoint, [performance for _, performance in pieces])
    for (name, _), one in zip(pieces, found, strict=True):
        nats = {field: float(costs.sum()) for field, costs in one.nats.items()}
        files.append(FileScore(name, one.notes, one.events, one.seconds, nats))
        if on_piece is not None:
            on_piece()
    return Explained(tuple(files))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was found out about a model, named *name*."""

    name: str
    checkpoint: Checkpoint
    explained: Explained
    baselines: Mapping[str, BaselineScore]
    likeness: Likeness | None = None

    def below(self, baseline: str) -> float | None:
        """By what share the model's nats a note are below those of a *baseline*.

        None where that is on another grid: the two do not explain the same.
        """
        found = self.baselines[baseline]
        if found.grid not in ("", grid_text(self.checkpoint.config)):
            return None
        return 1 - self.explained.nats_per_note / found.nats_per_note

    def to_json(self) -> dict[str, Any]:
        """The evaluation as a JSON object; docs/evaluation.md lists its keys."""
        found = self.explained
        total = found.nats_per_note * found.notes
        likeness = self.likeness
        return {
            "checkpoint": self.name,
            "recipe": self.checkpoint.config.RECIPE,
            "parameters": self.checkpoint.parameters,
            "grid": grid_text(self.checkpoint.config),
            "notes": found.notes,
            "events": found.events,
            "seconds": round(found.seconds, 3),
            "nats_per_note": round(found.nats_per_note, 6),
            "by_field": _rounded(found.by_field),
            **_rounded(found.apart),
            "nats_per_event": round(total / found.events, 6),
            "nats_per_second": round(total / found.seconds, 6),
            "baselines": {name: self._baseline(name) for name in self.baselines},
            "overlap_area": None if likeness is None else with_mean(likeness.overlap_area),
            **({} if likeness is None else _likeness(likeness)),
            "files": [
                {
                    "file": file.name,
                    "notes": file.notes,
                    "seconds": round(file.seconds, 3),
                    "nats_per_note": round(file.nats_per_note, 6),
                }
                for file in found.files
            ],
        }

    def _baseline(self, name: str) -> dict[str, Any]:
        found, below = self.baselines[name], self.below(name)
        return {
            "nats_per_note": round(found.nats_per_note, 6),
            "by_field": _rounded({k: nats / found.notes for k, nats in found.by_field.items()}),
            "notes": found.notes,
            "below": None if below is None else round(below, 6),
            **({"grid": found.grid} if found.grid else {}),
            **({"variant": found.variant} if found.variant else {}),
        }


def with_mean(areas: Mapping[str, float | None] | None) -> dict[str, float | None] | None:
    """The areas of the features, and the ``mean`` of those that there are."""
    if areas is None:
        return None
    known = {name: area for name, area in areas.items() if area is not None}
    return {**areas, **_rounded({**known, "mean": fmean(known.values())})}


def _likeness(found: Likeness) -> dict[str, Any]:
    return {
        "overlap_area_pooled": with_mean(found.pooled),
        "overlap_area_of_files": with_mean(found.of_files),
        "generated": {
            "pieces": found.pieces,
            "collapsed": found.collapsed,
            "silent": found.silent,
            "excerpts": found.excerpts_made,
            "excerpts_of_files": found.excerpts_real,
            "length": round(found.length, 3),
            "unit": found.unit,
        },
        "statistics": {
            name: {who: _rounded(spread) for who, spread in both.items()}
            for name, both in found.statistics.items()
        },
        "histograms": found.histograms,
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in values.items()}
