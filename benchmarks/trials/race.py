"""One trial: as many updates as cost what the base's cost, and the loss on what is held out."""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.trials.arms import BASE, TRIALS, Trial
from music21_lstm.model import corpora
from music21_lstm.model.config import END
from music21_lstm.model.dataset import Batch, EventsData, fine_resolution
from music21_lstm.model.network import EventsNetwork, require_tensorflow
from music21_lstm.model.pieces import Piece
from music21_lstm.model.settings import EventsSettings, settings_for

__all__ = ["Result", "run", "run_on"]

NOTES = 500
"""So many first notes of each held-out piece are told."""

ROUNDS, STEPS = 3, 3
"""The costs are compared in so many rounds of so many updates of each, in turn."""

WARM, LAST_RATE = 0.1, 0.02
"""The warm-up's share of the updates, and the share of the rate that the cosine ends at."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a trial: nats a note on what is held out, in all and by field.

    *cost* is the CPU time of an update, the base's being 1; *seconds* the CPU seconds of training.
    """

    name: str
    updates: int
    cost: float
    parameters: int
    seconds: float
    total: float
    delta: float
    key: float
    velocity: float
    pedal: float


class Racer:
    """A network that is trained as a trial says."""

    def __init__(self, trial: Trial, pieces: Sequence[Piece]) -> None:
        self.tf, keras = require_tensorflow()
        keras.utils.set_random_seed(trial.seed)
        self.trial = trial
        self.settings = _settings(trial)
        self.data = EventsData(_told(pieces, trial), self.settings)
        self.network = trial.network(self.settings.model, trial.seed)
        self.variables = list(self.network.variables.values())
        self.optimizer = trial.optimizer(keras, self.settings.learning_rate)
        self.optimizer.build(self.variables)
        self.means = [np.array(variable.numpy()) for variable in self.variables]
        self._step = self.tf.function(self._update, reduce_retracing=True, autograph=False)
        self._batches = self._endless()
        self._state = self.network.silence(self.settings.batch_size)

    def _endless(self) -> Iterator[Batch]:
        for epoch in itertools.count(1):
            yield from self.data.epoch(epoch)

    def _update(self, batch: Any, state: Any) -> Any:
        with self.tf.GradientTape() as tape:
            sums, _, events, after = self.network.losses(batch, state, training=True)
            loss = self.tf.reduce_sum(sums) / self.tf.maximum(events, 1.0)
        gradients = tape.gradient(loss, self.variables)
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        return after

    def step(self, rate: float) -> None:
        """One update, its batch made and all."""
        self.optimizer.learning_rate.assign(rate)
        self._state = self._step(_tensors(self.tf, next(self._batches)), self._state)
        if decay := self.trial.average:
            for mean, variable in zip(self.means, self.variables, strict=True):
                mean *= decay
                mean += (1 - decay) * variable.numpy()

    def train(self, updates: int, on_step: Callable[[int], None]) -> None:
        """So many updates: a warm-up, and half a cosine unless the trial has it constant."""
        warm = max(1, round(WARM * updates))
        for done in range(updates):
            decay = 0.5 + 0.5 * math.cos(math.pi * done / updates)
            rate = self.settings.learning_rate * min(1.0, (done + 1) / warm)
            self.step(rate * (1.0 if self.trial.constant else max(LAST_RATE, decay)))
            on_step(done + 1)
        if self.trial.average:
            for mean, variable in zip(self.means, self.variables, strict=True):
                variable.assign(mean)

    def measured(self, held_out: Sequence[Piece]) -> dict[str, float]:
        """Nats a note by field; the pedal's own key is no note."""
        cut = [replace(piece, notes=piece.notes[:NOTES]) for piece in held_out]
        data = EventsData(_told(cut, self.trial), self.settings)
        loss = self.tf.function(
            lambda batch, state: self.network.losses(batch, state, training=False),
            reduce_retracing=True,
            autograph=False,
        )
        sums, notes, state = np.zeros(len(self.network.fields)), 0.0, None
        for batch in data.whole(window=self.settings.window):
            if state is None or batch["fresh"].all():
                state = self.network.silence(len(batch["fresh"]))
            found, *_, state = loss(_tensors(self.tf, batch), state)
            sums += found.numpy()
            first = 128 if self.trial.pedal_notes else 127
            struck = (batch["next_key"] > first) & (batch["next_key"] < END)
            notes += float((struck * batch["counts"]).sum())
        return dict(zip(self.network.fields, (sums / notes).tolist(), strict=True))


def run_on(name: str, folder: str, updates: int) -> Result:
    """Run the trial *name* on the corpus ``piano`` in *folder*, telling how far it is."""
    model = _settings(TRIALS["base"]).model
    pieces = corpora.corpus_pieces(
        "piano", data=folder, time_base=model.time_base, resolution=fine_resolution(model)
    )
    listed = corpora.held_out("piano")
    sides = [
        [piece for piece in pieces if (piece.sha256 in listed) is out] for out in (False, True)
    ]
    began = time.process_time()

    def told(step: int) -> None:
        if step % 50 == 0:
            spent = time.process_time() - began
            print(f"{name}: update {step}, {spent:.0f} CPU s", file=sys.stderr, flush=True)

    return run(name, *sides, updates, told)


def run(
    name: str, train: Sequence[Piece], held_out: Sequence[Piece], updates: int,
    on_step: Callable[[int], None] = lambda _: None,
) -> Result:  # fmt: skip
    """Run the trial *name* for the compute of so many *updates* of the base."""
    trial = TRIALS[name]
    cost = 1.0
    if _changes_the_cost(trial):
        cost = _relative_cost(Racer(trial, train), Racer(TRIALS["base"], train))
    racer = Racer(trial, train)
    own = max(1, round(updates / cost))
    began = time.process_time()
    racer.train(own, on_step)
    seconds = time.process_time() - began
    found = {"pedal": 0.0, **racer.measured(held_out)}
    size = sum(int(np.prod(variable.shape)) for variable in racer.variables)
    total = sum(loss for field, loss in found.items() if field != "pedal")
    return Result(name, own, cost, size, seconds, total, **found)


def _settings(trial: Trial) -> EventsSettings:
    settings = settings_for("events", **{**BASE, **trial.settings, "seed": trial.seed})
    if not isinstance(settings, EventsSettings):
        raise TypeError("a trial is of the recipe events")
    return settings


def _changes_the_cost(trial: Trial) -> bool:
    """Whether an update may cost another time: not where only numbers in it are other."""
    same = {"learning_rate", "louder"}
    return trial.network is not EventsNetwork or bool(trial.settings.keys() - same)


def _relative_cost(racer: Racer, base: Racer) -> float:
    """CPU seconds of an update against the base's: in turns, as the machine is shared."""
    spent = {racer: np.zeros(ROUNDS), base: np.zeros(ROUNDS)}
    for one in spent:
        one.step(0.0)  # the first step compiles
    for turn, one in itertools.product(range(ROUNDS), spent):
        began = time.process_time()
        for _ in range(STEPS):
            one.step(0.0)
        spent[one][turn] = time.process_time() - began
    return float(np.median(spent[racer] / spent[base]))


def _told(pieces: Sequence[Piece], trial: Trial) -> list[Piece]:
    return [_pedal_as_notes(piece) for piece in pieces] if trial.pedal_notes else list(pieces)


def _pedal_as_notes(piece: Piece) -> Piece:
    """The pedal goes on and off like a note of pitch 0, which no piano has; at its last change it
    goes off, as every note does."""
    down, notes = -1, []
    last = int(piece.notes[:, 1].max())
    for tick, state in piece.pedal.tolist():
        if state and down < 0 and tick < last:
            down = tick
        elif not state and down >= 0:
            notes.append((down, min(tick, last), 0, 64))
            down = -1
    if down >= 0:
        notes.append((down, last, 0, 64))
    both = np.array([*piece.notes.tolist(), *notes], np.int32).reshape(-1, 4)
    return replace(piece, notes=both[np.lexsort((both[:, 2], both[:, 0]))])


def _tensors(tf: Any, batch: Batch) -> dict[str, Any]:
    return {name: tf.constant(values) for name, values in batch.items()}
