"""Where a sound file goes, and in which format."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from music21_lstm.audio.encoders import FORMATS
from music21_lstm.errors import AudioError, FileError
from music21_lstm.files import whole_file

__all__ = ["Target", "destination", "format_of"]

Target = str | os.PathLike[str] | BinaryIO


def format_of(target: Target, asked: str | None) -> str:
    """The format that is asked for, or that the suffix of *target* stands for."""
    known = ", ".join(FORMATS)
    if asked is not None:
        name, what = asked.lower().removeprefix("."), f"format {asked!r}"
    elif isinstance(target, str | os.PathLike):
        suffix = Path(target).suffix
        name, what = suffix[1:].lower(), f"{os.fspath(target)}: the suffix {suffix!r}"
    else:
        raise AudioError(f"sound for an open file needs a format: one of {known}")
    if name not in FORMATS:
        raise AudioError(f"{what} is no sound format; use one of {known}")
    return name


@contextmanager
def destination(target: Target, suffix: str) -> Iterator[Path]:
    """A path to write to, whose bytes come to *target* when the block ends well.

    An encoder goes back to fill in its header, so even what goes to a pipe or a device becomes a
    file first; and a device must not be replaced by a file.
    """
    if isinstance(target, str | os.PathLike):
        path = Path(target)
        if path.is_dir() or path.is_file() or not path.exists():
            with whole_file(path) as temporary:
                yield temporary
            return
    with tempfile.TemporaryDirectory(prefix="music21-lstm-") as folder:
        path = Path(folder, f"sound.{suffix}")
        yield path
        try:
            with path.open("rb") as source, _opened(target) as sink:
                shutil.copyfileobj(source, sink)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise FileError(f"the sound cannot be written: {error.strerror or error}") from error


def _opened(target: Target) -> AbstractContextManager[BinaryIO]:
    if isinstance(target, str | os.PathLike):
        return Path(target).open("wb")
    return nullcontext(target)
