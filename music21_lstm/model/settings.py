"""How a model is trained: small frozen values, one for each recipe, each with its defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from music21_lstm.errors import ModelError, TrainingError
from music21_lstm.model.config import EventsConfig

__all__ = ["EventsSettings", "PostSettings", "Settings", "settings_for"]


@dataclass(frozen=True, slots=True)
class EventsSettings:
    """The training of the recipe ``events``: AdamW with a warm-up and a cosine decay.

    An epoch goes over every event once, in windows of *window* events, *batch_size* at a time,
    each piece transposed at random by up to *transpose* semitones. *held_out* is the share of
    pieces that are never trained on, and that choose the best epoch. *half* stores the weights as
    float16. *max_minutes* stops after the epoch in which they run out.
    """

    RECIPE: ClassVar[str] = "events"

    model: EventsConfig = field(default_factory=EventsConfig)
    epochs: int = 30
    batch_size: int = 8
    window: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    clip_norm: float = 1.0
    transpose: int = 3
    held_out: float = 0.1
    seed: int = 0
    half: bool = False
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True, slots=True)
class PostSettings:
    """The training of the recipe ``post``, with the blog post's own settings.

    Windows of *window* tokens into an LSTM of *units*, categorical cross-entropy, RMSprop at
    *learning_rate*, *batch_size* windows at a time in a random order.
    """

    RECIPE: ClassVar[str] = "post"

    units: int = 128
    window: int = 15
    epochs: int = 25
    batch_size: int = 24
    learning_rate: float = 0.01
    held_out: float = 0.0
    seed: int = 0
    half: bool = False
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        _check(self)


Settings = EventsSettings | PostSettings
"""The settings of either recipe."""

_RECIPES: dict[str, type[EventsSettings] | type[PostSettings]] = {
    EventsSettings.RECIPE: EventsSettings,
    PostSettings.RECIPE: PostSettings,
}
_POSITIVE = ("units", "epochs", "batch_size", "window", "learning_rate", "clip_norm", "max_minutes")


def _check(settings: EventsSettings | PostSettings) -> None:
    for name in _POSITIVE:
        value = getattr(settings, name, None)
        if value is not None and value <= 0:
            raise TrainingError(f"training setting {name} is {value!r}; it must be above 0")
    if not 0 <= settings.held_out < 1:
        raise TrainingError(
            f"training setting held_out is {settings.held_out!r}; it must be from 0 to below 1"
        )
    if not 0 <= settings.seed < 2**32:
        raise TrainingError(
            f"training setting seed is {settings.seed!r}; it must be from 0 to {2**32 - 1}"
        )


def settings_for(recipe: str = "events", **overrides: object) -> Settings:
    """The settings of a *recipe*, with some overridden; one that is None is left as it is.

    For ``events`` the names of :class:`~music21_lstm.model.config.EventsConfig` are taken too.
    Raises :class:`~music21_lstm.errors.TrainingError` naming the settings that there are.

    >>> settings_for("post", epochs=3).learning_rate
    0.01
    >>> settings_for("events", units=64).model.units
    64
    """
    kind = _RECIPES.get(recipe)
    if kind is None:
        raise TrainingError(f"unknown recipe {recipe!r}; known recipes: {', '.join(_RECIPES)}")
    chosen: dict[str, Any] = {name: value for name, value in overrides.items() if value is not None}
    own = {item.name for item in fields(kind)} - {"model"}
    inner = {item.name for item in fields(EventsConfig)} if kind is EventsSettings else set()
    unknown = sorted(chosen.keys() - own - inner)
    if unknown:
        raise TrainingError(
            f"recipe {recipe} has no setting {unknown[0]!r}; "
            f"it has {', '.join(sorted(own | inner))}"
        )
    try:
        changes: dict[str, Any] = _only(chosen, lambda name: name in own)
        if inner:
            model = _only(chosen, lambda name: name in inner)
            changes["model"] = replace(EventsConfig(), **model)
        return kind(**changes)
    except ModelError as error:
        raise TrainingError(str(error)) from None


def _only(values: Mapping[str, Any], wanted: Callable[[str], bool]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if wanted(name)}
