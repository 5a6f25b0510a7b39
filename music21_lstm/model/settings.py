"""How a model is trained: small frozen values, one for each recipe, each with its defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from music21_lstm.errors import ModelError, TrainingError
from music21_lstm.model.bases import BASES
from music21_lstm.model.config import EventsConfig

__all__ = ["EventsSettings", "PostSettings", "Settings", "settings_for"]


@dataclass(frozen=True, slots=True)
class EventsSettings:
    """The training of the recipe ``events``: AdamW with a warm-up and a cosine decay.

    An epoch goes through every piece once, *batch_size* of them at a time, in windows of *window*
    events between which the state is carried. Each is transposed at random by up to *transpose*
    semitones, stretched by up to the share *stretch* and made louder or softer by up to *louder*;
    of what was sequenced, a share *humanize* is played as a person would (its chords come apart by
    some milliseconds; for ``played`` time alone).
    *untold* is the share of windows that are told nothing of what a user may ask for, and again of
    each single wish. *held_out* is the share of pieces that are never trained on, and that choose
    the best epoch. *average* is the decay of the weights' running mean, which is what is kept (0:
    none). *precision* is what products are computed in: ``bfloat16`` is twice as fast on processors
    that have it, and slower on others; ``auto`` asks the processor. *half* stores the weights as
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
    stretch: float = 0.0
    louder: int = 0
    humanize: float = 0.0
    untold: float = 0.4
    average: float = 0.0
    precision: str = "float32"
    held_out: float = 0.1
    seed: int = 0
    half: bool = False
    max_minutes: float | None = None

    def __post_init__(self) -> None:
        _check(self)
        if self.humanize and self.model.time_base != "played":
            raise TrainingError("humanize is for music as played; make it 0, or time_base played")


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
_BOUNDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "held_out": (lambda value: 0 <= value < 1, "from 0 to below 1"),
    "seed": (lambda value: 0 <= value < 2**32, f"from 0 to {2**32 - 1}"),
    "transpose": (lambda value: value >= 0, "0 or more"),
    "stretch": (lambda value: 0 <= value < 1, "from 0 to below 1"),
    "louder": (lambda value: value >= 0, "0 or more"),
    "humanize": (lambda value: 0 <= value <= 1, "from 0 to 1"),
    "untold": (lambda value: 0 <= value <= 1, "from 0 to 1"),
    "average": (lambda value: 0 <= value < 1, "from 0 to below 1"),
    "precision": (
        lambda value: value in ("auto", "float32", "bfloat16"),
        "auto, float32 or bfloat16",
    ),
}
_POSITIVE = ("units", "epochs", "batch_size", "window", "learning_rate", "clip_norm", "max_minutes")


def _check(settings: EventsSettings | PostSettings) -> None:
    for name in _POSITIVE:
        value = getattr(settings, name, None)
        if value is not None and value <= 0:
            raise TrainingError(f"training setting {name} is {value!r}; it must be above 0")
    for name, (holds, wanted) in _BOUNDS.items():
        value = getattr(settings, name, None)
        if value is not None and not holds(value):
            raise TrainingError(f"training setting {name} is {value!r}; it must be {wanted}")


def settings_for(recipe: str = "events", base: str | None = None, **overrides: object) -> Settings:
    """The settings of a *recipe*, with some overridden; one that is None is left as it is.

    *base* names those of a preset (:mod:`~music21_lstm.model.bases`) to begin with. For ``events``
    the names of :class:`~music21_lstm.model.config.EventsConfig` are taken too. Raises
    :class:`~music21_lstm.errors.TrainingError` naming the settings that there are.

    >>> settings_for("post", epochs=3).learning_rate
    0.01
    >>> settings_for("events", base="piano", units=64).model.time_base
    'played'
    """
    kind = _RECIPES.get(recipe)
    if kind is None:
        raise TrainingError(f"unknown recipe {recipe!r}; known recipes: {', '.join(_RECIPES)}")
    chosen = _of_base(recipe, base)
    chosen |= {name: value for name, value in overrides.items() if value is not None}
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


def _of_base(recipe: str, base: str | None) -> dict[str, Any]:
    if base is None:
        return {}
    if base not in BASES:
        raise TrainingError(f"no settings {base!r}; there are those of {', '.join(BASES)}")
    if recipe != EventsSettings.RECIPE:
        raise TrainingError(f"the settings {base} are of the recipe events; leave out {recipe}")
    return dict(BASES[base])


def _only(values: Mapping[str, Any], wanted: Callable[[str], bool]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if wanted(name)}
