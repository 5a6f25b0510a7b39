"""The training set as marks: small enough to ship, exact enough to name a copied passage.

An index holds one mark of two bytes for each note, in order, piece after piece. So a run is found
by three marks in a row, followed for as long as it lasts, and named. Chance makes no run: eight
notes agree by chance once in 3 · 10¹⁴ pairs of places, and each further note once in 65,535. It holds
hashes, no notes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors import numpy as arrays_format

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import CheckpointError, ModelError
from music21_lstm.files import read_bytes, write_bytes
from music21_lstm.generation.shingles import GAP, Marks, line_of, shingled
from music21_lstm.model.config import TimeBase

__all__ = ["INDEX_FILE", "INDEX_VERSION", "Index", "build_index", "run_keys"]

INDEX_FILE = "originality.safetensors"
"""The name of an index in the folder of its checkpoint."""

INDEX_VERSION = 1
"""The version of the file and of how music is read; another cannot be read."""

Places = NDArray[np.int64]
Keys = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """What stands in a training set, to compare music with; made by :func:`build_index`.

    *time_base* is the clock that music is read by, *pieces* the names. *marks*, (m,) uint16, are those
    of each piece in order and then a 0; *starts*, (pieces,), says where each begins.
    """

    time_base: TimeBase
    pieces: tuple[str, ...]
    starts: Places
    marks: Marks
    _keys: Keys = field(init=False, repr=False)
    _order: Places = field(init=False, repr=False)

    def __post_init__(self) -> None:
        keys = run_keys(self.marks)
        order = np.argsort(keys, kind="stable")
        order = order[np.searchsorted(keys[order], np.uint64(1)) :]  # 0 is no run
        object.__setattr__(self, "_keys", keys[order])
        object.__setattr__(self, "_order", order)

    def __repr__(self) -> str:
        return f"<Index: {len(self.marks)} notes of {len(self.pieces)} pieces, {self.time_base}>"

    def __add__(self, other: Index) -> Index:
        """The index of the pieces of both, which are of one time base."""
        if other.time_base != self.time_base:
            raise ModelError(
                f"indexes of {self.time_base} and of {other.time_base} time cannot be joined"
            )
        return Index(
            self.time_base,
            self.pieces + other.pieces,
            np.append(self.starts, other.starts + len(self.marks)),
            np.append(self.marks, other.marks),
        )

    def found(self, keys: Keys) -> tuple[Places, Places]:
        """For each of the *keys* of :func:`run_keys`, a range of :meth:`places`; empty if none."""
        return np.searchsorted(self._keys, keys), np.searchsorted(self._keys, keys, "right")

    def places(self, first: int, last: int) -> Places:
        """Where in *marks* the runs of a range of :meth:`found` end, in order."""
        return self._order[first:last]

    def piece_at(self, place: int) -> str:
        """The name of the piece that a *place* in *marks* is in."""
        return self.pieces[int(np.searchsorted(self.starts, place, "right")) - 1]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to *path*, whole or not at all; the same index gives the same bytes."""
        about = {"version": INDEX_VERSION, "time_base": self.time_base, "pieces": self.pieces}
        text = json.dumps(about, ensure_ascii=False).encode()
        arrays: dict[str, NDArray[Any]] = {
            "about": np.frombuffer(text, np.uint8),
            "marks": self.marks,
            "starts": self.starts.astype(np.uint32),
        }
        write_bytes(path, arrays_format.save(arrays))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Index:
        """Read what :meth:`save` wrote.

        Raises :class:`~music21_lstm.errors.FileError` if *path* cannot be read, and
        :class:`~music21_lstm.errors.CheckpointError` if it is no index or of another version.
        """
        try:
            arrays = arrays_format.load(read_bytes(path))
            about = json.loads(arrays["about"].tobytes())
            marks, starts = arrays["marks"], arrays["starts"].astype(np.int64)
            version = about["version"]
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError):
            raise _damaged(path) from None
        if version != INDEX_VERSION:
            raise CheckpointError(
                f"index {path} is of version {version!r}; this music21-lstm reads version "
                f"{INDEX_VERSION}: build it again from the training set"
            )
        if not _is_whole(about, marks, starts):
            raise _damaged(path)
        return cls(about["time_base"], tuple(about["pieces"]), starts, marks)


def run_keys(marks: Marks) -> Keys:
    """A number for each three marks in a row, (m,), at the last; 0 where there are no three.

    >>> run_keys(np.array([1, 1, 1, 2, 0, 1], np.uint16)).tolist()
    [0, 0, 4295032833, 4295032834, 0, 0]
    """
    keys = np.zeros(len(marks), np.uint64)
    if len(marks) < 3:
        return keys
    first, second, third = (marks[i : len(marks) - 2 + i].astype(np.uint64) for i in range(3))
    whole = (first > 0) & (second > 0) & (third > 0)
    keys[2:] = ((first << np.uint64(32)) | (second << np.uint64(16)) | third) * whole
    return keys


def build_index(pieces: Iterable[tuple[str, Performance]], time_base: TimeBase = "played") -> Index:
    """The index of *pieces*, each a name and a performance; *time_base* is the model's.

    Two bytes a note: the 2 MB of a million notes take half a minute or so to build.
    """
    names: list[str] = []
    parts: list[Marks] = []
    for name, performance in pieces:
        names.append(name)
        parts.append(np.append(shingled(line_of(performance, time_base)), np.uint16(0)))
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    marks = np.concatenate(parts) if parts else np.zeros(0, np.uint16)
    return Index(time_base, tuple(names), np.append(0, ends)[:-1], marks)


def _is_whole(about: dict[str, Any], marks: Marks, starts: Places) -> bool:
    """Whether the parts of a file fit together."""
    names = cast("Sequence[object]", about.get("pieces"))
    # Each piece ends with the one 0 that it has, and the next begins there.
    ends = np.flatnonzero(marks == 0) + 1
    return (
        about.get("time_base") in GAP
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and marks.dtype == np.uint16
        and len(names) == len(starts) == len(ends)
        and np.array_equal(starts, np.append(0, ends)[:-1])
        and (len(marks) == 0 or marks[-1] == 0)
    )


def _damaged(path: str | os.PathLike[str]) -> CheckpointError:
    return CheckpointError(
        f"{path} is no originality index, or a damaged one; build it again or copy it again"
    )
