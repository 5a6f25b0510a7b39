"""What a model or a baseline makes of a set of pieces, summed up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from music21_lstm.encoding.performance import Performance
from music21_lstm.generation.scoring import grid_of
from music21_lstm.model.config import ModelConfig

__all__ = ["Baseline", "BaselineScore", "grid_text"]


@dataclass(frozen=True, slots=True)
class BaselineScore:
    """The nats of a set of pieces by field, summed, and how many notes it explained."""

    notes: int
    by_field: Mapping[str, float]
    variant: str = ""
    """Which of several variants this was, the best one."""
    grid: str = ""
    """What it tells apart, as :func:`grid_text` says it; empty: the same as the model."""

    @property
    def nats(self) -> float:
        """All fields together."""
        return float(sum(self.by_field.values()))

    @property
    def nats_per_note(self) -> float:
        """All fields together, for each note that starts."""
        return self.nats / self.notes


def grid_text(config: ModelConfig) -> str:
    """What a model tells apart, in words: only figures of one grid compare.

    >>> from music21_lstm.model.config import EventsConfig
    >>> grid_text(EventsConfig(time_base="played", resolution=50))
    '10 ms, 32 velocities'
    """
    grid = grid_of(config)
    played = grid.time_base == "played"
    step = f"{500 / grid.resolution:g} ms" if played else f"1/{grid.resolution} quarter"
    return (
        f"{step}, {grid.velocity_bins} velocities" if grid.has_velocity else f"{step}, no velocity"
    )


class Baseline(Protocol):
    """Something to be better than: it explains the same pieces in its own way."""

    @property
    def name(self) -> str:
        """As it stands in tables."""

    def score(
        self, performances: Sequence[Performance], on_piece: Callable[[], None] | None = None
    ) -> BaselineScore:
        """What *performances* cost; *on_piece* is called after each."""
