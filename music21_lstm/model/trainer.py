"""The parts of one training: data, network and optimiser of a recipe, and the epochs they make."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import numpy as np

from music21_lstm.errors import TrainingError
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig
from music21_lstm.model.dataset import (
    Batch,
    EventsData,
    PostData,
)
from music21_lstm.model.network import arrays_of, build, require_tensorflow
from music21_lstm.model.preparing import (
    Music,
    data_of,
    going_on,
    pieces_of,
    split_of,
    versions,
    without_constant_velocity,
)
from music21_lstm.model.processor import precision_for
from music21_lstm.model.records import Epoch, TrainingState, total
from music21_lstm.model.settings import EventsSettings, Settings
from music21_lstm.model.steering import character
from music21_lstm.model.unigram import unigram_counts

__all__ = ["Progress", "Trainer"]

_FREE_ON_RESUME = ("epochs", "max_minutes", "half")
_LAST_RATE = 0.02
"""The share of the learning rate that the cosine decay ends at."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far training is, after a step; *loss* is the epoch's so far, in nats per *unit*.

    *held_out* is None but after the last step of an epoch, and there too if nothing is held out;
    *seconds* are those since the epoch began.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    held_out: float | None
    unit: str
    seconds: float


class Trainer:
    """Trains epoch after epoch; all that an epoch depends on can be taken out and put back."""

    def __init__(
        self,
        music: Music,
        settings: Settings,
        held_out: Collection[str] | None = None,
        start: Checkpoint | None = None,
    ) -> None:
        if not music:
            raise TrainingError("nothing to train on; give one or more pieces with notes")
        if start is not None:
            settings = going_on(settings, start)
        self._pieces = pieces_of(music, settings)
        if start is None:
            settings = without_constant_velocity(self._pieces, settings)
        self.settings = settings = _on_this_machine(settings)
        self._split = split_of(self._pieces, settings, held_out, _learned(start))
        self.config, self._train, self._held_out = data_of(
            music, self._pieces, self._split, settings
        )
        self.holds_out = self._held_out is not None
        self.unit = "note" if isinstance(settings, EventsSettings) else "token"
        self._tf, keras = require_tensorflow()
        self._tf.config.experimental.enable_op_determinism()
        precision = settings.precision if isinstance(settings, EventsSettings) else "float32"
        self.network = build(self.config, settings.seed, precision)
        self._variables = list(self.network.variables.values())
        if start is not None:
            for name, variable in self.network.variables.items():
                variable.assign(start.arrays[name])
        self._started = None if start is None else start.metadata.get("sha256")
        self._optimizer = _optimizer(keras, settings)
        self._optimizer.build(self._variables)
        self._decay = settings.average if isinstance(settings, EventsSettings) else 0.0
        # Of an array each: a variable made of another's value would be that variable.
        self._means = [
            keras.Variable(np.array(variable.numpy()), name=f"mean_{index}")
            for index, variable in enumerate(self._variables)
            if self._decay
        ]
        if not self._train.steps(1):
            raise TrainingError(
                "the pieces are too short to train on; give more than a window of events"
            )
        self._spec = _spec(self._tf, next(self._train.epoch(1)))
        self.step, self._evaluate = self._functions()

    def _functions(self) -> tuple[Any, Any]:
        """The compiled training step and loss, for batches of any length.

        The shapes are left open on purpose: a graph specialised to the first batch seen would
        differ between a run and its resumption.
        """
        tf, network = self._tf, self.network
        shape = network.silence(1).shape.as_list()
        carried = tf.TensorSpec([None if axis == 2 else n for axis, n in enumerate(shape)])

        def step(batch: Any, state: Any) -> tuple[Any, Any, Any]:
            with tf.GradientTape() as tape:
                sums, units, events, after = network.losses(batch, state, training=True)
                # A window that stretching has emptied has none: nothing is learned from it.
                loss = tf.reduce_sum(sums) / tf.maximum(events, 1.0)
            gradients = tape.gradient(loss, self._variables)
            self._optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
            for mean, variable in zip(self._means, self._variables, strict=bool(self._means)):
                mean.assign(self._decay * mean + (1 - self._decay) * variable)
            return sums, units, after

        def evaluate(batch: Any, state: Any) -> tuple[Any, Any, Any]:
            sums, units, _, after = network.losses(batch, state, training=False)
            return sums, units, after

        # No autograph: there is nothing for it here, and it would read the source code again.
        options = {"input_signature": [self._spec, carried], "autograph": False}
        return tf.function(step, **options), tf.function(evaluate, **options)

    def before(self) -> Epoch:
        """What is held out as the model stands before the first epoch: a row that says epoch 0."""
        began = time.monotonic()
        return Epoch(0, {}, self._measure(self._held_out), 0.0, time.monotonic() - began)

    def fed(self, number: int) -> Any:
        """The batches of epoch *number*, as :attr:`step` takes them."""
        return self._fed(lambda: self._train.epoch(number))

    def _fed(self, batches: Callable[[], Iterator[Batch]]) -> Any:
        """Batches by way of tf.data: two are made ready while one is learned from."""
        data = self._tf.data.Dataset.from_generator(batches, output_signature=self._spec)
        return data.prefetch(2)

    def epoch(self, number: int, on_progress: Callable[[Progress], None] | None) -> Epoch:
        """Train for one epoch, the *number*-th from 1, and measure it."""
        began = time.monotonic()
        sums = _Sum(self.network.fields)
        steps = self._train.steps(number)
        rate = self.settings.learning_rate
        state = None
        for index, batch in enumerate(self.fed(number), 1):
            rate = self._rate(number, index - 1, steps)
            self._optimizer.learning_rate.assign(rate)
            if state is None:
                state = self.network.silence(_streams(batch))
            *losses, state = self.step(batch, state)
            sums.add(losses)
            held = self._measure(self._held_out) if index == steps else None
            if on_progress:
                on_progress(
                    Progress(number, self.settings.epochs, index, steps, total(sums.means),
                             total(held) if held else None, self.unit,
                             time.monotonic() - began)
                )  # fmt: skip
        if not math.isfinite(total(sums.means)):
            raise TrainingError(
                f"the loss is {total(sums.means)} after epoch {number}; "
                "train with a lower learning rate"
            )
        return Epoch(number, sums.means, held, rate, time.monotonic() - began)

    def _measure(self, held_out: EventsData | PostData | None) -> dict[str, float] | None:
        """The losses on *held_out*, of the averaged weights if there are; None where nothing is."""
        if held_out is None:
            return None
        sums = _Sum(self.network.fields)
        state: Any = None
        with self._averaged():
            for batch in self._fed(held_out.whole):
                if state is None or self._tf.reduce_all(batch.get("fresh", 1.0) > 0):
                    state = self.network.silence(_streams(batch))
                *losses, state = self._evaluate(batch, state)
                sums.add(losses)
        return sums.means

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The mean of the weights in the place of the weights."""
        latest = [np.array(variable.numpy()) for variable, _ in self._pairs()]
        for variable, mean in self._pairs():
            variable.assign(mean)
        try:
            yield
        finally:
            for (variable, _), values in zip(self._pairs(), latest, strict=True):
                variable.assign(values)

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        return zip(self._variables if self._means else (), self._means, strict=True)

    def _rate(self, number: int, step: int, steps: int) -> float:
        """The learning rate: constant for ``post``; a warm-up and half a cosine for ``events``."""
        if not isinstance(self.settings, EventsSettings):
            return self.settings.learning_rate
        every = self.settings.epochs * steps
        done = (number - 1) * steps + step
        warm = min(1.0, (done + 1) / min(100, 1 + every // 10))
        decay = 0.5 + 0.5 * math.cos(math.pi * min(1.0, done / every))
        return self.settings.learning_rate * warm * max(_LAST_RATE, decay)

    def state(self, history: tuple[Epoch, ...]) -> TrainingState:
        """All that the next epoch depends on; the inverse of :meth:`restore`."""
        values = {name: np.array(variable.numpy()) for name, variable in self._everything()}
        return TrainingState(self._identity(), history, values)

    def restore(self, state: TrainingState) -> tuple[Epoch, ...]:
        """Go back to a *state*; returns its history."""
        here = json.loads(json.dumps(self._identity()))
        for name in here:
            if state.identity.get(name) != here[name]:
                raise TrainingError(
                    f"cannot resume: {name} is {_shown(here[name])}, but the training began with "
                    f"{_shown(state.identity.get(name))}; give the same pieces and settings"
                )
        try:
            for name, variable in self._everything():
                variable.assign(state.arrays[name])
        except (KeyError, ValueError) as error:
            raise TrainingError(
                f"cannot resume: the state was written by another version ({error}); train anew"
            ) from None
        return state.history

    def _everything(self) -> Iterator[tuple[str, Any]]:
        for name, variable in self.network.variables.items():
            yield f"weights/{name}", variable
        for index, variable in enumerate(self._optimizer.variables):
            yield f"optimizer/{index}", variable
        for index, variable in enumerate(self.network.state):
            yield f"random/{index}", variable
        for index, variable in enumerate(self._means):
            yield f"mean/{index}", variable

    def _identity(self) -> dict[str, Any]:
        settings = {k: v for k, v in asdict(self.settings).items() if k not in _FREE_ON_RESUME}
        found = {"recipe": self.settings.RECIPE, "data": self._digest(), **settings}
        return found | ({"start": self._started} if self._started else {})

    def _digest(self) -> str:
        return hashlib.sha256("\n".join(p.sha256 for p in self._pieces).encode()).hexdigest()

    def checkpoint(self, history: tuple[Epoch, ...], about: Mapping[str, Any]) -> Checkpoint:
        """The model as it is now, with its metadata."""
        row = history[-1]
        metadata = {
            **about,
            "recipe": self.settings.RECIPE,
            "seed": self.settings.seed,
            "settings": asdict(self.settings),
            "versions": versions(),
            "epoch": row.epoch,
            "loss_unit": f"nats per {self.unit}",
            "train_loss": row.train and {"total": total(row.train), **row.train},
            "held_out_loss": row.held_out and {"total": row.loss, **row.held_out},
            "parameters": sum(int(np.prod(v.shape)) for v in self._variables),
            "data": {
                "sha256": self._digest(),
                "events": len(self._train),
                "related": self._split.related,
                "held_out": self._described(self._split.held_out),
                "trained_on": self._described(self._split.train),
            },
        }
        if isinstance(self._train, EventsData):
            config = cast(EventsConfig, self.config)
            metadata["unigram"] = unigram_counts(self._train.pieces, config)
            if config.steering:
                pieces = [self._pieces[place] for place in self._split.train]
                metadata["characters"] = [
                    character(piece.notes, piece.resolution, config) for piece in pieces
                ]
        with self._averaged():
            return Checkpoint(self.config, arrays_of(self.network), metadata)

    def _described(self, places: tuple[int, ...]) -> list[tuple[str, str]]:
        """Name and SHA-256 of some of the pieces; two of one name may differ."""
        return [(self._pieces[place].name, self._pieces[place].sha256) for place in places]


class _Sum:
    """Losses by field, added up over batches."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._sums = np.zeros(len(names))
        self._units = 0.0

    def add(self, losses: Sequence[Any]) -> None:
        self._sums += losses[0].numpy()
        self._units += float(losses[1])

    @property
    def means(self) -> dict[str, float]:
        """Nats a unit, by field."""
        values = (self._sums / max(1.0, self._units)).tolist()
        return dict(zip(self._names, values, strict=True))


def _on_this_machine(settings: Settings) -> Settings:
    """The *settings* with the precision that the processor is made for, if they leave it open."""
    if not isinstance(settings, EventsSettings):
        return settings
    return replace(settings, precision=precision_for(settings.precision))


def _learned(start: Checkpoint | None) -> frozenset[str]:
    """The SHA-256 of the pieces that the model to begin with was trained on."""
    data = {} if start is None else start.metadata.get("data", {})
    return frozenset(sha256 for _, sha256 in data.get("trained_on", ()))


def _optimizer(keras: Any, settings: Settings) -> Any:
    if isinstance(settings, EventsSettings):
        return keras.optimizers.AdamW(
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            global_clipnorm=settings.clip_norm,
        )
    return keras.optimizers.RMSprop(settings.learning_rate)


def _spec(tf: Any, example: Batch) -> dict[str, Any]:
    """What batches like *example* look like; all but the number of pitches and tokens is open."""
    spec = {}
    for name, values in example.items():
        fixed = values.shape[-1:] if values.ndim == 3 or name == "tokens" else ()
        shape = (None,) * (values.ndim - len(fixed)) + fixed
        spec[name] = tf.TensorSpec(shape, values.dtype)
    return spec


def _streams(batch: Mapping[str, Any]) -> int:
    """How many streams *batch* has side by side."""
    return int(batch["fresh"].shape[0]) if "fresh" in batch else 1


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
