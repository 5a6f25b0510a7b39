"""Train the Performance-RNN-style baseline: an LSTM over 388 tokens, as strong as we can make it.

It has what the factored models have: the same notes and the same pieces held out, the same
augmentation, LSTM operation, precision and optimiser, as many parameters, as much CPU time::

    python -m benchmarks.baselines.performance_rnn DATA SPLIT FOLDER \\
        --parameters 4300000 --cpu-minutes 120

DATA is a folder of MIDI files, and SPLIT a text file that has on each line ``held`` or ``train``, a
tab, and a file's path in DATA. In FOLDER are ``baseline.json`` and ``weights.safetensors`` as of the
best measurement, for ``music21-lstm evaluate --baseline FOLDER``, and ``history.csv``. The clock is
the CPU time of the process, TensorFlow held to one thread; it counts the making of batches, but not
the measuring. After an interruption, ``--resume`` goes on from the last measurement.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors import numpy as arrays_format
from threadpoolctl import threadpool_limits

from benchmarks.baselines.network import Network, Settings, parameters_of
from benchmarks.baselines.tokens import (
    Batch,
    FinePiece,
    Piece,
    endless,
    fine_pieces,
    pieces,
    read_split,
    tokens,
    windows,
)
from music21_lstm.errors import TrainingError
from music21_lstm.evaluation.baselines import BASELINE_FILE
from music21_lstm.evaluation.performance_rnn import SHIFT, VELOCITY, PerformanceRnn
from music21_lstm.files import read_bytes, write_bytes
from music21_lstm.model.checkpoint import WEIGHTS_FILE
from music21_lstm.model.network import require_tensorflow

__all__ = ["HISTORY_FILE", "STATE_FILE", "Measured", "main", "score", "train"]

HISTORY_FILE = "history.csv"
STATE_FILE = "state.safetensors"
FIELDS = ("delta", "key", "velocity")
LAST_RATE = 0.02
"""The share of the learning rate that the cosine decay ends at."""

Tensor = Any


@dataclass(frozen=True, slots=True)
class Measured:
    """A row of the history: how far training was, and nats per note by field on both sides."""

    cpu_seconds: float
    steps: int
    tokens: int
    train: Mapping[str, float]
    held_out: Mapping[str, float]

    @property
    def loss(self) -> float:
        """What the best is chosen by."""
        return sum(self.held_out.values())

    def __str__(self) -> str:
        by_field = ", ".join(f"{name} {value:.3f}" for name, value in self.held_out.items())
        return (
            f"{self.cpu_seconds / 60:6.1f} CPU min, step {self.steps}, "
            f"{self.tokens / self.cpu_seconds:.0f} tokens/s: "
            f"trained on {sum(self.train.values()):.3f}, held out {self.loss:.4f} ({by_field})"
        )


def train(
    trained_on: Sequence[FinePiece],
    held_out: Sequence[Piece],
    folder: Path,
    settings: Settings,
    *,
    resume: bool = False,
    on_measure: Callable[[Measured], None] | None = None,
) -> Measured:
    """Train until the CPU minutes are used up; the best measurement, whose network is in *folder*.

    *on_measure* is called ``settings.measures`` times, at even distances. With *resume* a training
    goes on from its last measurement; the pieces then begin anew, in a new order.

    Raises :class:`~music21_lstm.errors.TrainingError` for a folder in use, a state that is of other
    settings or pieces, and a loss that is not finite.
    """
    if not resume and folder.exists() and any(folder.iterdir()):
        raise TrainingError(
            f"{folder} is not empty; resume the training in it, or name a new folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(settings, trained_on, held_out)
    if resume:
        trainer.restore(folder / STATE_FILE)
    history = trainer.history
    while len(history) < settings.measures:
        row = trainer.advance(60 * settings.cpu_minutes * (len(history) + 1) / settings.measures)
        if row.loss == min(past.loss for past in history):
            _write_baseline(folder, trainer.weights(), settings, row)
        write_bytes(folder / HISTORY_FILE, _csv(history).encode())
        write_bytes(folder / STATE_FILE, trainer.state())
        if on_measure is not None:
            on_measure(row)
    (folder / STATE_FILE).unlink()  # several times the weights, and of no more use
    return min(history, key=lambda past: past.loss)


class _Trainer:
    """A training in progress: network, optimiser, clock and history."""

    def __init__(
        self, settings: Settings, trained_on: Sequence[FinePiece], held_out: Sequence[Piece]
    ) -> None:
        self._tf, keras = require_tensorflow()
        self._tf.random.set_seed(settings.seed)
        self._settings, self._pieces = settings, trained_on
        self._held_out = sorted((tokens(notes) for _, notes in held_out), key=len, reverse=True)
        self._network = Network(settings)
        self._variables = list(self._network.variables.values())
        self._optimizer = keras.optimizers.AdamW(
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            global_clipnorm=settings.clip_norm,
        )
        self._optimizer.build(self._variables)
        self._step, self._measure = self._functions()
        self.history: list[Measured] = []
        self._begin()

    def _begin(self) -> None:
        """Pieces from their beginnings, in an order of the seed's and of where training is."""
        settings = self._settings
        # Passes that have not been yet: there are fewer than a thousand between two measurements.
        songs = endless(self._pieces, settings.seed, first=1000 * len(self.history))
        self._batches = windows(songs, settings.streams, settings.window)
        self._memory = self._network.silence(settings.streams)

    def _functions(self) -> tuple[Any, Any]:
        """The training step and the cost of a window, compiled before the clock runs."""
        tf, settings, network = self._tf, self._settings, self._network

        def cost(window: Tensor, counts: Tensor, memory: Tensor, training: bool) -> Any:
            nats, memory = network.nats(window, memory, training=training)
            targets = window[1:]
            field = tf.where(targets < SHIFT, 1, tf.where(targets < VELOCITY, 0, 2))
            sums = tf.math.unsorted_segment_sum(nats * counts, field, len(FIELDS))
            return sums, tf.reduce_sum(tf.where(targets < 128, counts, 0.0)), memory

        def step(window: Tensor, counts: Tensor, fresh: Tensor, memory: Tensor) -> Any:
            with tf.GradientTape() as tape:
                sums, notes, memory = cost(window, counts, memory * (1 - fresh[:, None]), True)
                loss = tf.reduce_sum(sums) / tf.reduce_sum(counts)
            gradients = tape.gradient(loss, self._variables)
            self._optimizer.apply_gradients(zip(gradients, self._variables, strict=True))
            return sums, notes, memory

        def measure(window: Tensor, counts: Tensor, fresh: Tensor, memory: Tensor) -> Any:
            return cost(window, counts, memory * (1 - fresh[:, None]), False)

        length, streams = settings.window, settings.streams
        memory = network.silence(streams)
        signature = [
            tf.TensorSpec((length + 1, streams), tf.int32),
            tf.TensorSpec((length, streams), tf.float32),
            tf.TensorSpec((streams,), tf.float32),
            tf.TensorSpec(memory.shape, tf.float32),
        ]
        made = [tf.function(function, input_signature=signature) for function in (step, measure)]
        for function in made:
            function.get_concrete_function()
        return made[0], made[1]

    def advance(self, cpu_seconds: float) -> Measured:
        """Train until the clock is at *cpu_seconds*, then measure; the new row of the history."""
        cpu, steps, seen = 0.0, 0, 0
        if self.history:
            last = self.history[-1]
            cpu, steps, seen = last.cpu_seconds, last.steps, last.tokens
        total = _Sum()
        while cpu < cpu_seconds:
            start = time.process_time()
            self._optimizer.learning_rate.assign(self._rate(cpu, steps))
            batch = next(self._batches)
            sums, notes, self._memory = self._step(*_arguments(batch), self._memory)
            total.add(sums, notes)
            steps, seen = steps + 1, seen + int(batch.counts.sum())
            cpu += time.process_time() - start
        row = Measured(cpu, steps, seen, total.by_field(), self._held_out_nats())
        if not math.isfinite(row.loss + sum(row.train.values())):
            raise TrainingError(f"the loss is {row.loss}; train with a lower learning rate")
        self.history.append(row)
        return row

    def _rate(self, cpu: float, steps: int) -> float:
        """The learning rate: a warm-up by steps and half a cosine over the CPU time."""
        settings = self._settings
        decay = 0.5 + 0.5 * math.cos(math.pi * cpu / (60 * settings.cpu_minutes))
        warm = min(1.0, (steps + 1) / settings.warm_up)
        return settings.learning_rate * warm * max(LAST_RATE, decay)

    def _held_out_nats(self) -> dict[str, float]:
        settings, total = self._settings, _Sum()
        memory = self._network.silence(settings.streams)
        for batch in windows(self._held_out, settings.streams, settings.window):
            sums, notes, memory = self._measure(*_arguments(batch), memory)
            total.add(sums, notes)
        return total.by_field()

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The network's arrays by name."""
        return {name: variable.numpy() for name, variable in self._network.variables.items()}

    def state(self) -> bytes:
        """All that goes on after an interruption, as a file; the inverse of :meth:`restore`."""
        header = {
            "identity": json.dumps(self._identity()),
            "history": json.dumps([asdict(row) for row in self.history]),
        }
        arrays = {name: np.array(value.numpy()) for name, value in self._everything().items()}
        return arrays_format.save(arrays, header)

    def restore(self, path: Path) -> None:
        """Go back to the state in the file *path*."""
        arrays = arrays_format.load(read_bytes(path))
        with safetensors.safe_open(path, "np") as stored:
            header = stored.metadata()
        if json.loads(header["identity"]) != self._identity():
            raise TrainingError(
                f"{path} is of a training with other settings or pieces; resume it with its own"
            )
        for name, variable in self._everything().items():
            variable.assign(arrays[name])
        self.history = [Measured(**row) for row in json.loads(header["history"])]
        self._begin()

    def _everything(self) -> dict[str, Any]:
        optimizer = {f"optimizer/{i}": value for i, value in enumerate(self._optimizer.variables)}
        return self._network.variables | optimizer

    def _identity(self) -> dict[str, Any]:
        data = hashlib.sha256("".join(piece.sha256 for piece in self._pieces).encode())
        return {**asdict(self._settings), "data": data.hexdigest()}


class _Sum:
    """Nats by field and notes, added up over windows."""

    def __init__(self) -> None:
        self._sums, self._notes = np.zeros(len(FIELDS)), 0.0

    def add(self, sums: Tensor, notes: Tensor) -> None:
        self._sums += sums.numpy()
        self._notes += float(notes)

    def by_field(self) -> dict[str, float]:
        """Nats per note."""
        return dict(zip(FIELDS, (self._sums / self._notes).tolist(), strict=True))


def _arguments(batch: Batch) -> tuple[NDArray[Any], ...]:
    return batch.tokens, batch.counts, batch.fresh


def _write_baseline(
    folder: Path, weights: Mapping[str, NDArray[np.float32]], settings: Settings, row: Measured
) -> None:
    """The network as ``music21-lstm evaluate --baseline`` reads it, its weights as float16."""
    facts = {
        "kind": "performance-rnn",
        "name": folder.resolve().name,
        "units": settings.units,
        "settings": {**asdict(settings), "parameters": parameters_of(settings)},
        "measured": asdict(row),
    }
    half = {name: array.astype(np.float16) for name, array in weights.items()}
    write_bytes(folder / WEIGHTS_FILE, arrays_format.save(half))
    write_bytes(folder / BASELINE_FILE, (json.dumps(facts, indent=1) + "\n").encode())


def _csv(history: Sequence[Measured]) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    sides = [f"{side}_{name}" for side in ("train", "held_out") for name in ("loss", *FIELDS)]
    table.writerow(["cpu_seconds", "steps", "tokens", *sides])
    for row in history:
        losses = [[sum(side.values()), *side.values()] for side in (row.train, row.held_out)]
        cells = [f"{value:.5f}" for side in losses for value in side]
        table.writerow([f"{row.cpu_seconds:.1f}", row.steps, row.tokens, *cells])
    return out.getvalue()


def score(folder: Path, held_out: Sequence[Piece]) -> dict[str, float]:
    """Nats per note by field of the network in *folder*, in NumPy, as evaluation has it."""
    network = PerformanceRnn.load(folder, {})
    sums, notes = np.zeros(len(FIELDS)), 0
    songs = [tokens(piece) for _, piece in held_out]
    with threadpool_limits(1):
        for song, nats in zip(songs, network.nats(songs), strict=True):
            field = np.where(song < SHIFT, 1, np.where(song < VELOCITY, 0, 2))
            sums += np.bincount(field, nats, minlength=len(FIELDS))
            notes += int((song < 128).sum())
    return dict(zip(FIELDS, (sums / notes).tolist(), strict=True))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("data", "split", "folder"):
        parser.add_argument(name, type=Path)
    for field in fields(Settings):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default)
    parser.add_argument("--workers", type=int, default=1, help="processes that read the files")
    parser.add_argument("--resume", action="store_true")
    given = vars(parser.parse_args())
    settings = Settings(**{field.name: given[field.name] for field in fields(Settings)})
    threading = require_tensorflow()[0].config.threading
    threading.set_intra_op_parallelism_threads(1)
    threading.set_inter_op_parallelism_threads(1)
    sides = read_split(given["split"])
    paths = {side: [given["data"] / name for name in names] for side, names in sides.items()}
    held = pieces(paths["held"], given["workers"])
    trained_on = fine_pieces(paths["train"], given["workers"])
    print(
        f"{parameters_of(settings)} parameters, {settings.layers} layers of {settings.units}; "
        f"{len(trained_on)} pieces to train on, {len(held)} held out"
    )
    best = train(
        trained_on, held, given["folder"], settings,
        resume=given["resume"], on_measure=lambda row: print(row, flush=True),
    )  # fmt: skip
    found = score(given["folder"], held)
    print(f"best: {best}\nas evaluation scores it: {sum(found.values()):.4f} {found}")


if __name__ == "__main__":
    main()
