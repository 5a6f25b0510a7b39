"""What a model is: small frozen values, saved beside its weights as ``config.json``.

Two recipes. :class:`EventsConfig` is the factored network, which reads and writes three whole
numbers an event; :class:`PostConfig` is the blog post's network over whole tokens. From either,
:func:`array_shapes` says which arrays the weights consist of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import ClassVar, Literal

from music21_lstm.encoding.events import MAX_RESOLUTION
from music21_lstm.errors import ModelError

__all__ = [
    "END",
    "KEYS",
    "START",
    "EventsConfig",
    "ModelConfig",
    "PostConfig",
    "TimeBase",
    "array_shapes",
    "config_from_dict",
    "config_to_dict",
    "written_edges",
]

KEYS = 257
"""How many keys a model chooses from: 0–127 note off, 128–255 note on, 256 the end."""

END = 256
"""The key that says that the piece is over."""

START = 257
"""The key of the input before the first event; never chosen, so it is not among the 257."""

TimeBase = Literal["written", "played"]
Shape = tuple[int, ...]


def written_edges(resolution: int = 24) -> tuple[int, ...]:
    """Delta bins for music as written: exact to two quarters, then coarser to two whole notes.

    Past two quarters the steps are a quarter of a quarter note, past four half of one. A delta
    between two edges falls on the lower, and what is lost is made up by the next.

    >>> written_edges(24)[:3], written_edges(24)[-3:]
    ((0, 1, 2), (168, 180, 192))
    """
    fine = range(2 * resolution + 1)
    quarters = range(2 * resolution, 4 * resolution + 1, max(1, resolution // 4))
    halves = range(4 * resolution, 8 * resolution + 1, max(1, resolution // 2))
    return tuple(sorted({*fine, *quarters, *halves}))


@dataclass(frozen=True, slots=True)
class EventsConfig:
    """The factored network (recipe ``events``): its grid, its fields, its sizes.

    *time_base* says which clock the grid ticks by: ``written`` (the performance's own ticks,
    tempo ignored) or ``played`` (its tempo map baked in). *resolution* is grid ticks a quarter
    note; for ``played`` a quarter is half a second, so 50 is a grid of 10 ms.

    *delta_edges*: bin ``i`` stands for ``edges[i]`` grid ticks and takes all from there to
    ``edges[i + 1] - 1``; the last takes all that is longer. *velocity_bins* is how many classes
    velocity has (1: none are learned). *bar_positions* is the longest bar in grid ticks (0: the
    model does not see the bar). The rest are widths; *dropout* matters to training alone.
    """

    RECIPE: ClassVar[str] = "events"

    time_base: TimeBase = "written"
    resolution: int = 24
    delta_edges: tuple[int, ...] = written_edges(24)
    velocity_bins: int = 32
    bar_positions: int = 192
    units: int = 256
    layers: int = 2
    delta_size: int = 32
    key_size: int = 64
    velocity_size: int = 16
    position_size: int = 16
    head_units: int = 192
    dropout: float = 0.15

    def __post_init__(self) -> None:
        edges = self.delta_edges
        _require(self.time_base in ("written", "played"), "time_base", self.time_base,
                 "'written' or 'played'")  # fmt: skip
        _require(1 <= self.resolution <= MAX_RESOLUTION, "resolution", self.resolution,
                 f"a whole number from 1 to {MAX_RESOLUTION}")  # fmt: skip
        _require(
            len(edges) > 1 and edges[:2] == (0, 1) and list(edges) == sorted(set(edges)),
            "delta_edges", edges, "rising whole numbers that start with 0, 1",
        )  # fmt: skip
        _require(1 <= self.velocity_bins <= 127, "velocity_bins", self.velocity_bins,
                 "a whole number from 1 to 127")  # fmt: skip
        _require(self.bar_positions >= 0, "bar_positions", self.bar_positions, "0 or more")
        for name in ("units", "layers", "delta_size", "key_size", "velocity_size",
                     "position_size", "head_units"):  # fmt: skip
            _require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "from 0 to below 1")

    @property
    def delta_bins(self) -> int:
        """How many classes a delta has."""
        return len(self.delta_edges)

    @property
    def has_velocity(self) -> bool:
        """Whether velocity is learned."""
        return self.velocity_bins > 1

    @property
    def has_bar(self) -> bool:
        """Whether the model sees where in the bar it is."""
        return self.bar_positions > 0

    @property
    def input_size(self) -> int:
        """The width of the first LSTM layer's input."""
        velocity = self.velocity_size if self.has_velocity else 0
        bar = 2 * self.position_size if self.has_bar else 0
        return self.delta_size + self.key_size + velocity + 128 + bar


@dataclass(frozen=True, slots=True)
class PostConfig:
    """The blog post's network (recipe ``post``): one-hot tokens, LSTM, Dense, softmax.

    *vocabulary* holds the tokens of notetext in order of their number; *resolution* is the ticks
    a quarter that their deltas count; *window* tokens predict the next, from a state of zero.
    """

    RECIPE: ClassVar[str] = "post"

    vocabulary: tuple[str, ...]
    resolution: int = 480
    units: int = 128
    window: int = 15

    def __post_init__(self) -> None:
        words = self.vocabulary
        _require(len(words) > 0 and len(set(words)) == len(words), "vocabulary",
                 f"{len(words)} tokens", "one or more different tokens")  # fmt: skip
        for name in ("resolution", "units", "window"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")


ModelConfig = EventsConfig | PostConfig
"""The configuration of either recipe."""

_RECIPES: dict[str, type[EventsConfig] | type[PostConfig]] = {
    EventsConfig.RECIPE: EventsConfig,
    PostConfig.RECIPE: PostConfig,
}


def _require(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise ModelError(f"model setting {name} is {value!r}; it must be {wanted}")


def config_to_dict(config: ModelConfig) -> dict[str, object]:
    """*config* as a JSON object; the inverse of :func:`config_from_dict`."""
    return {"recipe": config.RECIPE, **asdict(config)}


def config_from_dict(values: Mapping[str, object]) -> ModelConfig:
    """The configuration of a JSON object; the inverse of :func:`config_to_dict`.

    Raises :class:`~music21_lstm.errors.ModelError` for an unknown recipe or setting.

    >>> config_from_dict({"recipe": "post", "vocabulary": ["0_no_60_80"], "units": 8}).units
    8
    """
    rest = dict(values)
    recipe = rest.pop("recipe", None)
    kind = _RECIPES.get(recipe) if isinstance(recipe, str) else None
    if kind is None:
        raise ModelError(f"unknown recipe {recipe!r}; known recipes: {', '.join(_RECIPES)}")
    types = {field.name: field.type for field in fields(kind)}
    for name, value in rest.items():
        if name not in types:
            raise ModelError(f"recipe {recipe} has no setting {name!r}; it has {', '.join(types)}")
        if not _is_a(value, str(types[name])):
            raise ModelError(f"model setting {name} is {value!r}; it must be {types[name]}")
        if isinstance(value, list):
            rest[name] = tuple(value)
    try:
        return kind(**rest)  # type: ignore[arg-type]
    except TypeError as error:
        raise ModelError(f"recipe {recipe}: a setting is missing ({error})") from None


def _is_a(value: object, annotation: str) -> bool:
    """Whether a JSON *value* fits the *annotation* of a setting."""
    if annotation == "int":
        return value.__class__ is int
    if annotation == "float":
        return value.__class__ in (int, float)
    if annotation.startswith("tuple"):
        inner = str if "str" in annotation else int
        return isinstance(value, list | tuple) and all(item.__class__ is inner for item in value)
    return isinstance(value, str)


def array_shapes(config: ModelConfig) -> dict[str, Shape]:
    """The name and shape of each array of a model's weights.

    Gates stand in the order i, f, c, o, as in Keras; kernels are (inputs, outputs).
    docs/model.md says what is computed with them.

    >>> array_shapes(PostConfig(("a", "b"), units=3))["lstm_0/kernel"]
    (2, 12)
    """
    if isinstance(config, PostConfig):
        words, units = len(config.vocabulary), config.units
        return {**_lstm_shapes(0, words, units), **_dense_shapes("dense", units, words)}
    shapes: dict[str, Shape] = {
        "embed/delta": (config.delta_bins, config.delta_size),
        "embed/key": (KEYS + 1, config.key_size),
    }
    if config.has_velocity:
        shapes["embed/velocity"] = (config.velocity_bins + 1, config.velocity_size)
    if config.has_bar:
        shapes["embed/position"] = (config.bar_positions, config.position_size)
        shapes["embed/remaining"] = (config.bar_positions, config.position_size)
    for layer in range(config.layers):
        inputs = config.units if layer else config.input_size
        shapes |= _lstm_shapes(layer, inputs, config.units)
    bar = 2 * config.position_size if config.has_bar else 0
    shapes |= _head_shapes("delta", config.units, config.head_units, config.delta_bins)
    key_inputs = config.units + config.delta_size + 128 + bar
    shapes |= _head_shapes("key", key_inputs, config.head_units, KEYS)
    if config.has_velocity:
        velocity_inputs = config.units + config.key_size + config.delta_size
        shapes |= _head_shapes("velocity", velocity_inputs, config.head_units, config.velocity_bins)
    return shapes


def _lstm_shapes(layer: int, inputs: int, units: int) -> dict[str, Shape]:
    return {
        f"lstm_{layer}/kernel": (inputs, 4 * units),
        f"lstm_{layer}/recurrent": (units, 4 * units),
        f"lstm_{layer}/bias": (4 * units,),
    }


def _dense_shapes(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def _head_shapes(field: str, inputs: int, hidden: int, classes: int) -> dict[str, Shape]:
    return {
        **_dense_shapes(f"head_{field}/hidden", inputs, hidden),
        **_dense_shapes(f"head_{field}/logits", hidden, classes),
    }
