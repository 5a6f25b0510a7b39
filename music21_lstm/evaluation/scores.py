"""What a model or a baseline makes of a set of pieces, summed up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from music21_lstm.encoding.performance import Performance

__all__ = ["Baseline", "BaselineScore"]


@dataclass(frozen=True, slots=True)
class BaselineScore:
    """The nats of a set of pieces by field, summed, and how many notes it explained."""

    notes: int
    by_field: Mapping[str, float]
    variant: str = ""
    """Which of several variants this was, the best one."""

    @property
    def nats(self) -> float:
        """All fields together."""
        return float(sum(self.by_field.values()))

    @property
    def nats_per_note(self) -> float:
        """All fields together, for each note that starts."""
        return self.nats / self.notes


class Baseline(Protocol):
    """Something to be better than: it explains the same pieces in its own way."""

    @property
    def name(self) -> str:
        """As it stands in tables."""

    def score(
        self, performances: Sequence[Performance], on_piece: Callable[[], None] | None = None
    ) -> BaselineScore:
        """What *performances* cost; *on_piece* is called after each."""
