"""The bundled models, by name."""

from __future__ import annotations

import os
from pathlib import Path

from music21_lstm.errors import CheckpointError
from music21_lstm.model.checkpoint import METADATA_FILE

__all__ = ["names", "path", "resolve"]

_HOME = Path(__file__).parent.parent / "checkpoints"


def names() -> tuple[str, ...]:
    """The names of the bundled presets, in order of the alphabet."""
    return tuple(sorted(folder.parent.name for folder in _HOME.glob(f"*/{METADATA_FILE}")))


def path(name: str) -> Path:
    """The folder of the bundled preset *name*.

    Raises :class:`~music21_lstm.errors.CheckpointError` naming those that there are.
    """
    if name not in names():
        known = ", ".join(names()) or "none"
        raise CheckpointError(f"no preset {name!r}; bundled presets: {known}")
    return _HOME / name


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """The folder that is meant: a preset's name, or a path to a checkpoint.

    A folder of that name in the working directory is meant only if it is written as a path, as
    ``./chorale`` is. Raises :class:`~music21_lstm.errors.CheckpointError` if it is neither.
    """
    text = os.fspath(name_or_path)
    if text in names():
        return path(text)
    if Path(text).is_dir():
        return Path(text)
    known = ", ".join(names()) or "none"
    raise CheckpointError(
        f"no checkpoint {text!r}: neither a folder nor a bundled preset ({known})"
    )
