"""Training: pieces of music in, a checkpoint out, and it can be stopped and resumed at any time.

TensorFlow is imported when :func:`train` is called, not before.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from music21_lstm.encoding.events import NoteOn
from music21_lstm.errors import FileError, TrainingError
from music21_lstm.model import checkpoint
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import ModelConfig, PostConfig
from music21_lstm.model.dataset import (
    Batch,
    EventsData,
    Pieces,
    PostData,
    Split,
    digest_of,
    split_pieces,
    vocabulary_of,
)
from music21_lstm.model.network import arrays_of, build, require_tensorflow
from music21_lstm.model.records import (
    Epoch,
    TrainingState,
    read_state,
    write_history,
    write_state,
)
from music21_lstm.model.settings import EventsSettings, Settings

__all__ = ["Progress", "train"]

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


def train(
    pieces: Pieces,
    target: str | os.PathLike[str],
    settings: Settings,
    *,
    about: Mapping[str, Any] | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Checkpoint:
    """Train a model on named *pieces*; the best epoch's is in the folder *target*, and returned.

    Best is by the loss on the held-out pieces, or the last if none are held out. Beside it are
    ``history.csv``, ``loss.png`` and ``training/``, all up to date after each epoch. *about* goes
    into the metadata (``command``, ``date``, ``source``, ``licence`` …). The result depends on
    the pieces, the settings and the machine alone: TensorFlow's deterministic operations are
    switched on for the process.

    With *resume* an interrupted training goes on after its last whole epoch and ends with the same
    weights as one that was never stopped. ``KeyboardInterrupt`` passes through, with what is in the
    folder whole. *on_progress* is called after every step.

    Raises :class:`~music21_lstm.errors.TrainingError` for pieces or settings that cannot be
    trained on, or a folder in use, and :class:`~music21_lstm.errors.FileError` if it cannot be
    written.
    """
    folder = Path(target)
    _check_folder(folder, resume)
    trainer = _Trainer(pieces, settings)
    history = trainer.restore(read_state(folder)) if resume else ()
    _claim(folder)
    began = time.monotonic()
    while len(history) < settings.epochs:
        row = trainer.epoch(len(history) + 1, on_progress)
        history += (row,)
        with _uninterrupted():
            if row.loss <= min(past.loss for past in history) or not trainer.held_out:
                result = trainer.checkpoint(history, about or {})
                checkpoint.save(folder, result, half=settings.half)
            write_history(folder, history, trainer.unit)
            write_state(folder, trainer.state(history))
        if settings.max_minutes and time.monotonic() - began >= 60 * settings.max_minutes:
            break
    return checkpoint.load(folder)


def _check_folder(folder: Path, resume: bool) -> None:
    try:
        used = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise FileError(
            f"cannot train into {folder}: {error.strerror or error}; give a folder"
        ) from None
    if used and not resume:
        raise TrainingError(
            f"{folder} is not empty; resume the training in it, or give a new folder"
        )


def _claim(folder: Path) -> None:
    """Make *folder* and see that it can be written to, before an epoch is spent."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise FileError(
            f"cannot train into {folder}: {error.strerror or error}; "
            "give a folder that can be written"
        ) from None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back until what is being written is whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if held:
        raise KeyboardInterrupt


class _Trainer:
    """The parts of one training: data, network and optimiser of a recipe."""

    def __init__(self, pieces: Pieces, settings: Settings) -> None:
        if not pieces:
            raise TrainingError("nothing to train on; give one or more pieces with notes")
        self.settings = settings = _without_constant_velocity(pieces, settings)
        self._pieces = pieces
        self._split = (
            split_pieces(pieces, settings.held_out, settings.seed)
            if settings.held_out
            else Split(tuple(range(len(pieces))), (), 0)
        )
        self._digests = [digest_of(piece) for _, piece in pieces]
        train, held = (
            [pieces[i] for i in side] for side in (self._split.train, self._split.held_out)
        )
        self.config, self._train, self.held_out = _data(train, held, settings)
        self.unit = "note" if isinstance(settings, EventsSettings) else "token"
        self._tf, keras = require_tensorflow()
        self._tf.config.experimental.enable_op_determinism()
        self.network = build(self.config, settings.seed)
        self._variables = list(self.network.variables.values())
        self._optimizer = _optimizer(keras, settings)
        self._optimizer.build(self._variables)
        if not self._train.steps:
            raise TrainingError(
                "the pieces are too short to train on; give more than a window of events"
            )
        self._step, self._evaluate = self._functions(next(self._train.epoch(1)))

    def _functions(self, example: Batch) -> tuple[Any, Any]:
        """The compiled training step and loss, for batches like *example* of any length.

        The shapes are left open on purpose: a graph specialised to the first batch seen would
        differ between a run and its resumption.
        """
        tf, network = self._tf, self.network
        spec = {
            name: tf.TensorSpec((None, *_inner_shape(name, values.shape)), values.dtype)
            for name, values in example.items()
        }

        def step(batch: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                sums, units, events = network.losses(batch, training=True)
                loss = tf.reduce_sum(sums) / events
            gradients = tape.gradient(loss, self._variables)
            self._optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
            return sums, units

        def evaluate(batch: Any) -> tuple[Any, Any]:
            return network.losses(batch, training=False)[:2]

        signature = [spec]
        return (
            tf.function(step, input_signature=signature),
            tf.function(evaluate, input_signature=signature),
        )

    def epoch(self, number: int, on_progress: Callable[[Progress], None] | None) -> Epoch:
        """Train for one epoch, the *number*-th from 1, and measure it."""
        began = time.monotonic()
        total = _Sum()
        rate = self.settings.learning_rate
        for index, batch in enumerate(self._train.epoch(number), 1):
            rate = self._rate((number - 1) * self._train.steps + index - 1)
            self._optimizer.learning_rate.assign(rate)
            total.add(self._step(batch))
            last = index == self._train.steps
            held = self._measure(self.held_out) if last and self.held_out else None
            if on_progress:
                on_progress(
                    Progress(number, self.settings.epochs, index, self._train.steps, total.loss,
                             sum(held.values()) if held else None, self.unit,
                             time.monotonic() - began)
                )  # fmt: skip
        if not math.isfinite(total.loss):
            raise TrainingError(
                f"the loss is {total.loss} after epoch {number}; train with a lower learning rate"
            )
        seconds = time.monotonic() - began
        return Epoch(number, total.by(self.network.FIELDS), held, rate, seconds)

    def _measure(self, data: EventsData | PostData) -> dict[str, float]:
        total = _Sum()
        for batch in data.whole():
            total.add(self._evaluate(batch))
        return total.by(self.network.FIELDS)

    def _rate(self, step: int) -> float:
        """The learning rate: constant for ``post``; a warm-up and half a cosine for ``events``."""
        if not isinstance(self.settings, EventsSettings):
            return self.settings.learning_rate
        total = self.settings.epochs * self._train.steps
        warm = min(1.0, (step + 1) / min(100, 1 + total // 10))
        decay = 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / total))
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

    def _identity(self) -> dict[str, Any]:
        settings = {k: v for k, v in asdict(self.settings).items() if k not in _FREE_ON_RESUME}
        return {"recipe": self.settings.RECIPE, "data": self._digest(), **settings}

    def _digest(self) -> str:
        return hashlib.sha256("\n".join(self._digests).encode()).hexdigest()

    def checkpoint(self, history: tuple[Epoch, ...], about: Mapping[str, Any]) -> Checkpoint:
        """The model as it is now, with its metadata."""
        row = history[-1]
        metadata = {
            **about,
            "recipe": self.settings.RECIPE,
            "seed": self.settings.seed,
            "settings": asdict(self.settings),
            "versions": _versions(),
            "epoch": row.epoch,
            "loss_unit": f"nats per {self.unit}",
            "train_loss": {"total": sum(row.train.values()), **row.train},
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
        return Checkpoint(self.config, arrays_of(self.network), metadata)

    def _described(self, places: tuple[int, ...]) -> list[tuple[str, str]]:
        """Name and SHA-256 of some of the pieces; two of one name may differ."""
        return [(self._pieces[place][0], self._digests[place]) for place in places]


class _Sum:
    """Losses by field, added up over batches."""

    def __init__(self) -> None:
        self._sums: Any = 0.0
        self._units = 0.0

    def add(self, losses: tuple[Any, Any]) -> None:
        self._sums = self._sums + losses[0].numpy().astype(np.float64)
        self._units += float(losses[1])

    @property
    def loss(self) -> float:
        return float(np.sum(self._sums)) / max(1.0, self._units)

    def by(self, names: tuple[str, ...]) -> dict[str, float]:
        values = (self._sums / max(1.0, self._units)).tolist()
        return dict(zip(names, values, strict=True))


def _data(
    train: Pieces, held: Pieces, settings: Settings
) -> tuple[ModelConfig, EventsData | PostData, EventsData | PostData | None]:
    """The model's configuration, and its data on both sides of the split."""
    if isinstance(settings, EventsSettings):
        events = EventsData(train, settings)
        return settings.model, events, EventsData(held, settings) if held else None
    resolutions = {piece.resolution for _, piece in [*train, *held]}
    if len(resolutions) > 1:
        raise TrainingError(
            f"the pieces have different resolutions ({', '.join(map(str, sorted(resolutions)))} "
            "ticks per quarter), so their tokens do not mean the same; bring them to one"
        )
    vocabulary = vocabulary_of(train)
    if not vocabulary:
        raise TrainingError("the pieces have no events; give one or more with notes")
    config = PostConfig(vocabulary, resolutions.pop(), settings.units, settings.window)
    tokens = PostData(train, vocabulary, settings)
    return config, tokens, PostData(held, vocabulary, settings) if held else None


def _without_constant_velocity(pieces: Pieces, settings: Settings) -> Settings:
    """The *settings* without a velocity head, if there is one velocity only: nothing to learn."""
    if not isinstance(settings, EventsSettings):
        return settings
    found = {event.velocity for _, piece in pieces for event in piece if isinstance(event, NoteOn)}
    if len(found) > 1:
        return settings
    return replace(settings, model=replace(settings.model, velocity_bins=1))


def _optimizer(keras: Any, settings: Settings) -> Any:
    if isinstance(settings, EventsSettings):
        return keras.optimizers.AdamW(
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            clipnorm=settings.clip_norm,
        )
    return keras.optimizers.RMSprop(settings.learning_rate)


def _inner_shape(name: str, shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """The shape of a batch's array without its first axis; time is left open."""
    if name == "sounding":
        return (None, 128)
    return (None,) * (len(shape) - 1) if name != "tokens" else shape[1:]


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _versions() -> dict[str, str]:
    names = ("music21-lstm", "tensorflow", "keras", "numpy")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
