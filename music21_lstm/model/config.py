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
    "NORM_EPSILON",
    "START",
    "EventsConfig",
    "ModelConfig",
    "PostConfig",
    "TimeBase",
    "array_shapes",
    "config_from_dict",
    "config_to_dict",
    "embeddings",
    "head_parts",
    "input_parts",
    "played_edges",
    "written_edges",
]

KEYS = 257
"""How many keys a model chooses from: 0–127 note off, 128–255 note on, 256 the end."""

END = 256
"""The key that says that the piece is over."""

START = 257
"""The key of the input before the first event; never chosen, so it is not among the 257."""

CLOCK_ROWS = 256
"""Codes of a time: ``features.clock``."""

RECALL_LENGTHS = 16
"""Classes of how long a passage has been the same as one before; *sequences* have as many again."""

PEDAL_CLASSES = 65
"""What the pedal may do between two events: ``model.pedal``."""

PEDAL_ROWS = 25
"""Up or down, in 12 classes of how long; 0 is unknown."""

STEER_ROWS = {"key": 25, "density": 9, "velocity": 9, "register": 9}
"""Classes of what can be asked for; 0 of each is no wish."""

NORM_EPSILON = 1e-5
"""What a layer norm adds to the variance, so that silence is not divided by nothing."""

STEERED = {"delta": ("density",), "key": ("key", "register"), "velocity": ("velocity",)}
"""Which wishes a head sees for itself, with ``steered_heads``."""

AGE_PLANES = ("age", "trace", "long_trace")
"""Of each pitch: how long it has sounded, and two traces of when it was struck that fade."""

_LATER = ("recall_second", "recall_third")
"""The notes to come after the first, with ``tolerant``: the heads see them, the LSTM does not."""

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


def played_edges() -> tuple[int, ...]:
    """Delta bins for music as played on a grid of 10 ms: exact to a second, then coarser to ten.

    >>> played_edges()[100:103], played_edges()[-1], len(played_edges())
    ((100, 102, 104), 1000, 221)
    """
    fine, twos, fives = range(101), range(102, 201, 2), range(205, 401, 5)
    return (*fine, *twos, *fives, *range(420, 1001, 20))


@dataclass(frozen=True, slots=True)
class EventsConfig:
    """The factored network (recipe ``events``): its grid, its fields, its sizes.

    *time_base* says which clock the grid ticks by: ``written`` (the performance's own ticks,
    tempo ignored) or ``played`` (its tempo map baked in). *resolution* is grid ticks a quarter
    note; for ``played`` a quarter is half a second, so 50 is a grid of 10 ms.

    *delta_edges*: bin ``i`` stands for ``edges[i]`` grid ticks and takes all from there to
    ``edges[i + 1] - 1``; the last takes all that is longer. *velocity_bins* is how many classes
    velocity has (1: none are learned). *bar_positions* is the longest bar in grid ticks (0: the
    model does not see the bar).

    What else the model sees, if it is told to: *ages*, how long ago each pitch was struck; *recall*,
    what came next when the last notes were last heard (docs/model.md), with *sequences* in any key,
    with *ends* when the notes that sound ended then, and with *tolerant* three notes, in whatever order
    they come; *steering*, the key, density, velocity level and
    register that a user asks for, with *steered_heads* in the heads as well as in the LSTM's input.
    With *pedal* it also plays the sustain pedal. With *norm* what each LSTM layer gives goes through a
    layer norm before the next layer and the heads hear it. The rest are widths; *dropout* matters
    to training alone.
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
    ages: bool = False
    recall: bool = False
    sequences: bool = False
    ends: bool = False
    tolerant: bool = False
    steering: bool = False
    steered_heads: bool = False
    pedal: bool = False
    norm: bool = False

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
        for name in ("sequences", "ends", "tolerant"):
            _require(self.recall or not getattr(self, name), name, True, "False without recall")
        _require(not self.steered_heads or self.steering, "steered_heads", True,
                 "False without steering")  # fmt: skip
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
    def heads(self) -> dict[str, int]:
        """The fields that are said of an event, in order, and how many classes each has."""
        classes = {"delta": self.delta_bins, "key": KEYS}
        if self.has_velocity:
            classes["velocity"] = self.velocity_bins
        if self.pedal:
            classes["pedal"] = PEDAL_CLASSES
        return classes


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
    if annotation == "bool":
        return value.__class__ is bool
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
    shapes = {f"embed/{name}": shape for name, shape in embeddings(config).items()}
    for layer in range(config.layers):
        inputs = config.units if layer else sum(input_parts(config).values())
        shapes |= _lstm_shapes(layer, inputs, config.units)
        if config.norm:
            shapes[f"norm_{layer}/gain"] = (config.units,)
    for head, classes in config.heads.items():
        inputs = config.units + sum(head_parts(config, head).values())
        shapes |= _head_shapes(head, inputs, config.head_units, classes)
    return shapes


def embeddings(config: EventsConfig) -> dict[str, Shape]:
    """The embeddings that a model has: rows and width of each."""
    bins, levels = config.delta_bins, config.velocity_bins + 1
    shapes: dict[str, Shape] = {
        "delta": (bins, config.delta_size),
        "key": (KEYS + 1, config.key_size),
    }
    if config.has_velocity:
        shapes["velocity"] = (levels, config.velocity_size)
    if config.has_bar:
        shapes["position"] = shapes["remaining"] = (config.bar_positions, config.position_size)
    if config.ages:
        shapes["pause"] = (CLOCK_ROWS, 16)
    if config.recall:
        shapes |= {
            "recall_length": (RECALL_LENGTHS * (1 + config.sequences), 16),
            "recall_pitch": (128, 48),
        }
        shapes |= {"recall_wait": (bins + 1, 32), "recall_velocity": (levels, 16)}
    if config.ends:
        shapes |= {"recall_end": (129, 32), "recall_end_wait": (bins + 1, 32)}
    if config.tolerant:
        for name in _LATER:
            shapes |= {name: (129, 48), f"{name}_wait": (bins + 1, 32)}
    if config.pedal:
        shapes["pedal"] = (PEDAL_ROWS, 16)
    if config.steering:
        shapes |= {f"steer_{name}": (rows, 16) for name, rows in STEER_ROWS.items()}
    return shapes


def input_parts(config: EventsConfig) -> dict[str, int]:
    """What the first LSTM layer's input is joined from, in order: the width of each part."""
    widths = {name: width for name, (_, width) in embeddings(config).items()}
    event = [name for name in ("delta", "key", "velocity") if name in widths]
    rest = [name for name in widths if name not in event and not name.startswith(_LATER)]
    return {
        **{name: widths[name] for name in event},
        "sounding": 128,
        **{name: widths[name] for name in rest},
    }


def head_parts(config: EventsConfig, head: str) -> dict[str, int]:
    """What a *head*'s input is joined from after the LSTM's output, in order.

    A part ``next_…`` belongs to the event that is being said; the planes are those at its time.
    """
    widths = {name: width for name, (_, width) in embeddings(config).items()}
    widths |= {f"next_{name}": width for name, width in widths.items()}
    widths |= dict.fromkeys(("sounding", *AGE_PLANES), 128)
    recall = ["recall_length", "recall_pitch", "recall_wait", "recall_velocity"] * config.recall
    ends = ["recall_end", "recall_end_wait"] * config.ends
    later = [name for name in widths if name.startswith(_LATER)]
    planes = ["sounding", *(AGE_PLANES if config.ages else ())]
    bar = ["next_position", "next_remaining"] * config.has_bar
    names = {
        "delta": [*(["pause"] * config.ages), *recall, *ends, *later],
        "key": ["next_delta", *planes, *bar, *recall, *ends, *later],
        "velocity": ["next_key", "next_delta", *recall],
        "pedal": ["next_key", "next_delta", "pedal"],
    }[head]
    if config.steering and config.steered_heads:
        names += [f"steer_{name}" for name in STEERED.get(head, ())]
    return {name: widths[name] for name in names}


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
