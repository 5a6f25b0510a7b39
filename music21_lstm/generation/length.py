"""How long to play, and whether the model may end the music itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from music21_lstm.errors import GenerationError
from music21_lstm.model.config import EventsConfig, ModelConfig

__all__ = ["Length", "Unit", "length_of"]

Unit = Literal["events", "notes", "measures", "seconds"]

DEFAULT_EVENTS = 500
DEFAULT_MEASURES, LONGEST_MEASURES = 16, 128
DEFAULT_SECONDS, LONGEST_SECONDS = 60, 600
"""The default lengths, and the most that is played until the end where nothing else is said: longer
than most of what models of this size are trained on."""


@dataclass(frozen=True, slots=True)
class Length:
    """How much to play: an *amount* of a *unit*, beyond the primer.

    ``events`` and ``notes`` are counted to the letter; ``measures`` are full ones, after the rest of
    one that the primer leaves open; ``seconds`` go by the primer's last tempo. With *until_end* the
    music is over where the model says so, and the amount is the most that it may take.
    """

    unit: Unit
    amount: float
    until_end: bool = False

    def __post_init__(self) -> None:
        whole = self.unit in ("events", "notes")
        if not 0 < self.amount < 1e7 or (whole and self.amount != int(self.amount)):
            kind = "whole number" if whole else "number"
            raise GenerationError(f"{self.unit} is {self.amount}; it must be a {kind} above 0")


def length_of(
    config: ModelConfig,
    *,
    events: int | None = None,
    notes: int | None = None,
    measures: float | None = None,
    seconds: float | None = None,
    until_end: bool = False,
) -> Length:
    """The one length that is given, or the default of a model like that.

    Raises :class:`~music21_lstm.errors.GenerationError` if two are given, and for *until_end* with a
    model of whole tokens, which knows no end.
    """
    given: list[tuple[Unit, float | None]] = [
        ("events", events),
        ("notes", notes),
        ("measures", measures),
        ("seconds", seconds),
    ]
    chosen = [(unit, amount) for unit, amount in given if amount is not None]
    if len(chosen) > 1:
        names = " and ".join(unit for unit, _ in chosen)
        raise GenerationError(f"{names} are both given; one of them says how long to play")
    if not isinstance(config, EventsConfig):
        if until_end:
            raise GenerationError(
                "until_end: this model draws whole tokens and has learned no end; "
                "say how long to play instead"
            )
        return Length(*chosen[0]) if chosen else Length("events", DEFAULT_EVENTS)
    if chosen:
        return Length(*chosen[0], until_end)
    if config.time_base == "played":
        return Length("seconds", LONGEST_SECONDS if until_end else DEFAULT_SECONDS, until_end)
    return Length("measures", LONGEST_MEASURES if until_end else DEFAULT_MEASURES, until_end)
