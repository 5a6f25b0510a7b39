"""Training: pieces of music in, a checkpoint out, and it can be stopped and resumed at any time.

TensorFlow is imported when :func:`train` is called, not before.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from music21_lstm.errors import FileError, TrainingError
from music21_lstm.model import checkpoint
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.preparing import Music
from music21_lstm.model.records import Epoch, read_state, total, write_history, write_state
from music21_lstm.model.settings import Settings
from music21_lstm.model.trainer import Progress, Trainer

__all__ = ["PATIENCE", "Progress", "memorising", "train"]

PATIENCE = 3
"""A model that is trained on learns a few pieces by heart within some epochs: it stops after so many
without a better one."""

_WORSE = 1.005
"""From so many times the best loss on what is held out it is worse; below that is chance."""


def train(
    pieces: Music,
    target: str | os.PathLike[str],
    settings: Settings,
    *,
    held_out: Collection[str] | None = None,
    start: Checkpoint | None = None,
    about: Mapping[str, Any] | None = None,
    resume: bool = False,
    patience: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[tuple[Epoch, ...]], None] | None = None,
) -> Checkpoint:
    """Train a model on named *pieces*; the best epoch's is in the folder *target*, and returned.

    *held_out* lists the SHA-256 of the pieces to hold out, instead of a share drawn by the seed.
    *start* is a model to begin with: it is trained on (fine-tuned), with its own configuration.

    Best is by the loss on the held-out pieces, or the last if none are held out. Of a model that is
    trained on, that loss is measured before the first epoch, too (a row of the history that says epoch
    0): if no epoch is better, what it began with is kept. Beside it are
    ``history.csv``, ``loss.png`` and ``training/``, all up to date after each epoch. *about* goes
    into the metadata (``command``, ``date``, ``source``, ``licence`` …). The result depends on
    the pieces, the settings and the machine alone: TensorFlow's deterministic operations are
    switched on for the process.

    With *resume* an interrupted training goes on after its last whole epoch and ends with the same
    weights as one that was never stopped. ``KeyboardInterrupt`` passes through, with what is in the
    folder whole. *patience* stops after so many epochs without a better one (None: never, but a model
    that is trained on after :data:`PATIENCE`). *on_progress* is called after every step, *on_epoch*
    after each epoch with the history so far (see :func:`memorising`).

    Raises :class:`~music21_lstm.errors.TrainingError` for pieces or settings that cannot be
    trained on, or a folder in use, and :class:`~music21_lstm.errors.FileError` if it cannot be
    written.
    """
    if patience is not None and patience < 1:
        raise TrainingError(f"patience is {patience}; it must be 1 epoch or more")
    if patience is None and start is not None:
        patience = PATIENCE
    folder = Path(target)
    _check_folder(folder, resume)
    trainer = Trainer(pieces, settings, held_out, start)
    history = trainer.restore(read_state(folder)) if resume else ()
    _claim(folder)
    began = time.monotonic()
    first = 0 if start is not None and trainer.holds_out else 1
    while not _is_over(history, settings.epochs, patience):
        number = history[-1].epoch + 1 if history else first
        row = trainer.epoch(number, on_progress) if number else trainer.before()
        history += (row,)
        _keep(folder, trainer, history, about or {})
        if on_epoch is not None:
            on_epoch(history)
        if (
            settings.max_minutes
            and time.monotonic() - began >= 60 * settings.max_minutes
            and number
        ):
            break
    return checkpoint.load(folder)


def _keep(
    folder: Path, trainer: Trainer, history: tuple[Epoch, ...], about: Mapping[str, Any]
) -> None:
    """Write what an epoch leaves: its model if it is the best, the history and the state."""
    with _uninterrupted():
        if not _since_best(history) or not trainer.holds_out:
            result = trainer.checkpoint(history, about)
            checkpoint.save(folder, result, half=trainer.settings.half)
        write_history(folder, history, trainer.unit)
        write_state(folder, trainer.state(history))


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


def _is_over(history: tuple[Epoch, ...], epochs: int, patience: int | None) -> bool:
    """Whether there are all epochs, or as many without a better one as *patience* allows."""
    if not history:
        return False
    return history[-1].epoch >= epochs or (
        patience is not None and _since_best(history) >= patience
    )


def _since_best(history: tuple[Epoch, ...]) -> int:
    """How many epochs there have been since the best, which of equals is the last."""
    losses = [row.loss for row in reversed(history)]
    return losses.index(min(losses))


def memorising(history: tuple[Epoch, ...]) -> bool:
    """Whether the model has begun to learn its pieces by heart.

    So it is when it gets better on what it is trained on, while for two epochs it has been worse than
    it was at its best on what is held out, by half a percent or more.
    """
    if not all(row.held_out for row in history) or (since := _since_best(history)) < 2:
        return False
    if min(row.loss for row in history[-2:]) < _WORSE * history[-1 - since].loss:
        return False
    # Before the first epoch nothing was trained on: then what came after it is compared.
    best = history[-1 - since] if history[-1 - since].train else history[-since]
    return total(history[-1].train) < total(best.train)
