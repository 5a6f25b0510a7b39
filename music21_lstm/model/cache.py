"""A corpus read once: its pieces kept in a cache that knows when it is stale.

An entry is named by the SHA-256 of the music file's bytes and by the grid, and says by which code
it was made: a file that changes has no entry, and what other code made is made anew. So is one
that is damaged (``.npz`` is checked by its CRC-32 and holds no pickled objects). Entries are
written whole, so two processes may fill one cache.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from music21_lstm.encoding.midi import read_midi
from music21_lstm.encoding.performance import PLAYED_RESOLUTION, Performance
from music21_lstm.errors import FileError, Music21LstmError, TrainingError
from music21_lstm.files import read_bytes, write_bytes
from music21_lstm.model.config import TimeBase
from music21_lstm.model.pieces import Piece, piece_of
from music21_lstm.model.works import work_of

__all__ = ["VARIABLE", "Cache", "Reader", "default_folder", "encoder_digest", "read_corpus"]

VARIABLE = "MUSIC21_LSTM_CACHE"
"""The environment variable that names the folder of the cache."""

Reader = Callable[[Path], Performance]
"""What reads a music file; a function of a module, so that other processes can find it."""

_ENCODERS = (
    "encoding",
    "streams",
    "model/pieces.py",
    "model/pedal.py",
    "model/corpora_chorales.py",
)
"""Whose code makes a file's performance, and a piece of it."""


def default_folder() -> Path:
    """Where the cache is: the environment variable's folder, else the platform's place for caches.

    That is ``XDG_CACHE_HOME`` or ``~/.cache`` on Linux, ``~/Library/Caches`` on macOS and
    ``LOCALAPPDATA`` on Windows, in it ``music21-lstm``.
    """
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/music21-lstm"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    return Path(os.environ.get(variable) or Path.home() / ".cache") / "music21-lstm"


@cache
def encoder_digest(package: Traversable | None = None) -> str:
    """What the code is that reads and encodes music: the SHA-256 of its text and libraries."""
    texts = []
    for place in _ENCODERS:
        found = (package or files("music21_lstm")).joinpath(place)
        parts = sorted(found.iterdir(), key=lambda part: part.name) if found.is_dir() else [found]
        texts += [part.read_bytes() for part in parts if part.name.endswith(".py")]
    libraries = " ".join(f"{name} {version(name)}" for name in ("mido", "music21"))
    return hashlib.sha256(b"\0".join([*texts, libraries.encode()])).hexdigest()


@dataclass(frozen=True, slots=True)
class Cache:
    """Pieces in a *folder*, made by the code that *encoder* names."""

    folder: Path = field(default_factory=default_folder)
    encoder: str = field(default_factory=encoder_digest)

    def path(self, sha256: str, time_base: TimeBase, resolution: int) -> Path:
        """Where the piece of a file is kept."""
        return self.folder / f"{sha256}-{time_base}-{resolution}.npz"

    def load(self, sha256: str, time_base: TimeBase, resolution: int) -> Piece | None:
        """The piece of a file, without its name; None if it is not there, stale or damaged."""
        try:
            data = io.BytesIO(self.path(sha256, time_base, resolution).read_bytes())
            with np.load(data, allow_pickle=False) as entry:
                arrays = [entry[name] for name in ("notes", "pedal", "metre")]
                if str(entry["encoder"]) != self.encoder:
                    return None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
            return None
        return Piece("", "", sha256, time_base, resolution, *arrays)

    def store(self, piece: Piece) -> None:
        """Keep *piece*; where the folder cannot be written to, the cache is done without."""
        data = io.BytesIO()
        np.savez_compressed(
            data, notes=piece.notes, pedal=piece.pedal, metre=piece.metre, encoder=self.encoder
        )
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.path(piece.sha256, piece.time_base, piece.resolution)
            write_bytes(path, data.getvalue())


@dataclass(frozen=True, slots=True)
class _Task:
    """A file to read, as it is sent to another process."""

    path: Path
    sha256: str
    time_base: TimeBase
    resolution: int
    read: Reader
    cache: Cache


def read_corpus(
    paths: Sequence[str | os.PathLike[str]],
    *,
    read: Reader = read_midi,
    time_base: TimeBase = "played",
    resolution: int = PLAYED_RESOLUTION,
    cache: Cache | None = None,
    workers: int = 1,
    executor: Executor | None = None,
    on_read: Callable[[int, int], None] | None = None,
    on_skip: Callable[[str], None] | None = None,
) -> list[Piece]:
    """The pieces of the music files at *paths*, in that order, by way of the *cache*.

    Files that are not in the cache are read by *read*, in as many processes as *workers* says or by
    an *executor* of the caller's; a script that asks for more than one stands under
    ``if __name__ == "__main__":``. *on_read* is told how many files of how many are done. A file that
    cannot be read is passed over if *on_skip* is there to be told why; else it is an error.
    """
    tasks = []
    pieces: dict[int, Piece] = {}
    kept = _for_reader(cache or Cache(), read)
    for place, path in enumerate(map(Path, paths)):
        try:
            digest = hashlib.sha256(read_bytes(path)).hexdigest()
        except FileError as error:
            _skip(error, on_skip)
            continue
        found = kept.load(digest, time_base, resolution)
        if found is not None:
            pieces[place] = found
        else:
            tasks.append((place, _Task(path, digest, time_base, resolution, read, kept)))
    done = len(paths) - len(tasks)
    if on_read is not None and done:
        on_read(done, len(paths))
    for place, made in _made(tasks, workers, executor):
        if isinstance(made, Piece):
            pieces[place] = made
        else:
            _skip(made, on_skip)
        done += 1
        if on_read is not None:
            on_read(done, len(paths))
    return [_called(pieces[place], Path(paths[place])) for place in sorted(pieces)]


def _for_reader(cache: Cache, read: Reader) -> Cache:
    """*cache* for what *read* makes of a file: another reader makes something else of it."""
    reader = f"{read.__module__}.{getattr(read, '__qualname__', read)}"
    return replace(cache, encoder=f"{reader} {cache.encoder}")


def _called(piece: Piece, path: Path) -> Piece:
    return replace(piece, name=path.name, work=work_of(path))


def _skip(error: Music21LstmError, on_skip: Callable[[str], None] | None) -> None:
    if on_skip is None:
        raise error
    on_skip(str(error))


def _read(task: _Task) -> Piece:
    piece = piece_of(
        task.read(task.path),
        name=task.path.name,
        sha256=task.sha256,
        time_base=task.time_base,
        resolution=task.resolution,
    )
    task.cache.store(piece)
    return piece


Made = tuple[int, Piece | Music21LstmError]


def _made(
    tasks: Sequence[tuple[int, _Task]], workers: int, executor: Executor | None
) -> Iterator[Made]:
    """The piece of each task, or what reading it raised, as they come."""
    if executor is not None:
        yield from _gathered(tasks, executor)
    elif min(workers, len(tasks)) > 1:
        # Not forked: a process that runs TensorFlow cannot be.
        pool = ProcessPoolExecutor(min(workers, len(tasks)), get_context("spawn"))
        try:
            yield from _gathered(tasks, pool)
        except BrokenProcessPool:
            raise TrainingError(
                f"reading in {workers} processes failed; in a script, call this under "
                'if __name__ == "__main__":, or read with workers=1'
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)
    else:
        for place, task in tasks:
            try:
                yield place, _read(task)
            except Music21LstmError as error:
                yield place, error


def _gathered(tasks: Sequence[tuple[int, _Task]], executor: Executor) -> Iterator[Made]:
    places: dict[Future[Piece], int] = {
        executor.submit(_read, task): place for place, task in tasks
    }
    for future in as_completed(places):
        error = future.exception()
        if isinstance(error, Music21LstmError):
            yield places[future], error
        else:
            yield places[future], future.result()
