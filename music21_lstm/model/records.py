"""What training leaves behind besides the model: its state, its history and a plot of its loss.

All of it stands in the target folder: ``history.csv``, ``loss.png`` and ``training/``, where the
state after the last whole epoch is, one file that is replaced whole.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors import numpy as arrays_format

from music21_lstm.errors import FileError, TrainingError
from music21_lstm.files import write_bytes

__all__ = [
    "Epoch",
    "TrainingState",
    "read_state",
    "state_path",
    "total",
    "write_history",
    "write_state",
]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One row of the history: losses are nats a note (recipe ``post``: a token), by field.

    Epoch 0 is a model that is trained on as it was before: nothing in *train*.
    """

    epoch: int
    train: Mapping[str, float]
    held_out: Mapping[str, float] | None
    learning_rate: float
    seconds: float

    @property
    def loss(self) -> float:
        """What chooses the best epoch: the held-out total, or the training's if none is held out."""
        return total(self.held_out or self.train)


def total(losses: Mapping[str, float]) -> float:
    """What a note costs in all: every field but the pedal's, which other models do not play."""
    return sum(loss for field, loss in losses.items() if field != "pedal")


@dataclass(frozen=True, slots=True, eq=False)
class TrainingState:
    """All that the next epoch depends on, after an epoch.

    *arrays*: the weights, the optimiser's variables and the random state, by name. *identity*
    says what is trained on what; resuming with another is an error.
    """

    identity: Mapping[str, Any]
    history: tuple[Epoch, ...]
    arrays: Mapping[str, NDArray[np.generic]]


def state_path(target: Path) -> Path:
    """Where the state of a training in the folder *target* is."""
    return target / "training" / "state.safetensors"


def write_state(target: Path, state: TrainingState) -> None:
    """Replace the state of a training, whole or not at all; the inverse of :func:`read_state`."""
    header = {
        "identity": json.dumps(state.identity),
        "history": json.dumps([asdict(epoch) for epoch in state.history]),
    }
    arrays = {name: np.array(array, order="C") for name, array in state.arrays.items()}
    path = state_path(target)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"cannot write {path}: {error.strerror or error}; choose a folder that can be written"
        ) from None
    write_bytes(path, arrays_format.save(arrays, header))


def read_state(target: Path) -> TrainingState:
    """Read the state of a training; the inverse of :func:`write_state`.

    Raises :class:`~music21_lstm.errors.TrainingError` if there is none or it is damaged.
    """
    path = state_path(target)
    if not path.is_file():
        raise TrainingError(f"nothing to resume in {target}: no {path}; start without resuming")
    try:
        with safetensors.safe_open(path, "np") as stored:
            header = stored.metadata()
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        history = tuple(Epoch(**row) for row in json.loads(header["history"]))
        return TrainingState(json.loads(header["identity"]), history, arrays)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged ({error}); train into another folder") from None


def write_history(target: Path, history: Sequence[Epoch], unit: str) -> None:
    """Write ``history.csv`` and ``loss.png``; losses are in nats per *unit*."""
    write_bytes(target / "history.csv", _csv(history).encode())
    write_bytes(target / "loss.png", _plot(history, unit))


def _csv(history: Sequence[Epoch]) -> str:
    names = list(history[0].train or history[0].held_out or ())
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    sides = [f"{side}_{name}" for side in ("train", "held_out") for name in ("loss", *names)]
    table.writerow(["epoch", *sides, "learning_rate", "seconds"])
    for row in history:
        cells: list[str] = []
        for losses in (row.train, row.held_out):
            values = [total(losses), *losses.values()] if losses else []
            cells += [f"{value:.6f}" for value in values] or [""] * (1 + len(names))
        table.writerow([row.epoch, *cells, f"{row.learning_rate:.3g}", f"{row.seconds:.1f}"])
    return out.getvalue()


def _plot(history: Sequence[Epoch], unit: str) -> bytes:
    from matplotlib.figure import Figure  # slow to import, and wanted here alone

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for label, side in (("trained on", "train"), ("held out", "held_out")):
        points = [(row.epoch, total(getattr(row, side))) for row in history if getattr(row, side)]
        if points:
            axes.plot(*zip(*points, strict=True), ".-", label=label)
    axes.set(xlabel="epoch", ylabel=f"nats per {unit}")
    axes.grid(alpha=0.3)
    axes.legend()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=120)
    return out.getvalue()
