"""A saved model: a folder of three files, read with NumPy alone.

==================== =====================================================================
config.json          the model's configuration (:mod:`music21_lstm.model.config`)
weights.safetensors  its arrays by name, float32 or float16
metadata.json        where it comes from, and the SHA-256 of the other two and of itself
==================== =====================================================================

No pickle and no Keras file: reading a checkpoint runs no code of its maker's.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from numpy.typing import NDArray
from safetensors import numpy as arrays_format

from music21_lstm.errors import CheckpointError, FileError, ModelError
from music21_lstm.model.config import (
    ModelConfig,
    array_shapes,
    config_from_dict,
    config_to_dict,
)

__all__ = [
    "CONFIG_FILE",
    "FORMAT_VERSION",
    "METADATA_FILE",
    "WEIGHTS_FILE",
    "Arrays",
    "Checkpoint",
    "load",
    "save",
]

FORMAT_VERSION = 1
"""The version of the folder's layout; another cannot be read."""

CONFIG_FILE = "config.json"
METADATA_FILE = "metadata.json"
WEIGHTS_FILE = "weights.safetensors"

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A model: its *config*, its weights as float32 *arrays* by name, and its *metadata*.

    *metadata* is a JSON object. Its keys ``format_version``, ``sha256`` and ``weights_dtype`` are
    written by :func:`save`; the others are the maker's (docs/model.md lists those of training).
    """

    config: ModelConfig
    arrays: Arrays
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(array.size for array in self.arrays.values())


def save(folder: str | os.PathLike[str], checkpoint: Checkpoint, *, half: bool = False) -> None:
    """Write *checkpoint* as a *folder*; the inverse of :func:`load`.

    With *half* the weights are stored as float16. A new folder appears whole or not at all. In one
    that exists the three files are replaced one after another when all are written, the
    metadata last; other files in it stay.

    Raises :class:`~music21_lstm.errors.FileError` if it cannot be written and
    :class:`~music21_lstm.errors.CheckpointError` if the arrays are not those of the config.
    """
    target = Path(folder)
    _check_arrays(checkpoint.arrays, checkpoint.config, "these weights")
    files = _files_of(checkpoint, half)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for name, data in files.items():
                _write_synced(staging / name, data)
            staging.chmod(0o755)
            if target.exists():
                for name in files:
                    (staging / name).replace(target / name)
            else:
                staging.replace(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise FileError(
            f"cannot write the checkpoint {target}: {error.strerror or error}; "
            "choose a folder that can be written"
        ) from None


def _write_synced(target: Path, data: bytes) -> None:
    with target.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())


def _files_of(checkpoint: Checkpoint, half: bool) -> dict[str, bytes]:
    """The bytes of each file of a checkpoint, the metadata last."""
    dtype = np.float16 if half else np.float32
    stored = {name: np.ascontiguousarray(array, dtype) for name, array in checkpoint.arrays.items()}
    files = {
        CONFIG_FILE: _json_bytes(config_to_dict(checkpoint.config)),
        WEIGHTS_FILE: arrays_format.save(stored),
    }
    metadata = {
        **checkpoint.metadata,
        "format_version": FORMAT_VERSION,
        "weights_dtype": np.dtype(dtype).name,
        "sha256": {name: _sha256(data) for name, data in files.items()},
    }
    metadata["sha256"][METADATA_FILE] = _own_digest(metadata)
    return {**files, METADATA_FILE: _json_bytes(metadata)}


def _json_bytes(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _own_digest(metadata: Mapping[str, Any]) -> str:
    """The SHA-256 of *metadata* without the place where that very digest stands."""
    others = {name: value for name, value in metadata["sha256"].items() if name != METADATA_FILE}
    return _sha256(_json_bytes({**metadata, "sha256": others}))


def load(folder: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint *folder*; the inverse of :func:`save`.

    Raises :class:`~music21_lstm.errors.CheckpointError` if a file is missing, is not what it was
    when it was saved, is of another format version, or does not fit the others.
    """
    source = Path(folder)
    if not source.is_dir():
        raise CheckpointError(
            f"no checkpoint {source}: not a folder; give a folder that training wrote, or a preset"
        )
    metadata = _json_object(source, METADATA_FILE, _bytes_of(source, METADATA_FILE))
    _check_version(metadata, source)
    digests = metadata.get("sha256")
    if not isinstance(digests, dict) or digests.get(METADATA_FILE) != _own_digest(metadata):
        raise _changed(source, METADATA_FILE)
    data = {name: _bytes_of(source, name) for name in (CONFIG_FILE, WEIGHTS_FILE)}
    for name, content in data.items():
        if digests.get(name) != _sha256(content):
            raise _changed(source, name)
    try:
        config = config_from_dict(_json_object(source, CONFIG_FILE, data[CONFIG_FILE]))
        stored = arrays_format.load(data[WEIGHTS_FILE])
    except (ModelError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"checkpoint {source}: {error}") from None
    arrays = {name: array.astype(np.float32) for name, array in stored.items()}
    _check_arrays(arrays, config, f"checkpoint {source}, {WEIGHTS_FILE}")
    return Checkpoint(config, arrays, metadata)


def _bytes_of(source: Path, name: str) -> bytes:
    try:
        return (source / name).read_bytes()
    except FileNotFoundError:
        raise CheckpointError(
            f"checkpoint {source} has no {name}; train it again or copy the whole folder"
        ) from None
    except OSError as error:
        raise CheckpointError(
            f"checkpoint {source}: {name} cannot be read: {error.strerror or error}"
        ) from None


def _json_object(source: Path, name: str, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise _changed(source, name) from None
    if not isinstance(value, dict):
        raise _changed(source, name)
    return value


def _changed(source: Path, name: str) -> CheckpointError:
    return CheckpointError(
        f"checkpoint {source}: {name} is damaged (it is not as it was saved: SHA-256 mismatch); "
        "copy the folder again or train it again"
    )


def _check_version(metadata: Mapping[str, Any], source: Path) -> None:
    version = metadata.get("format_version")
    if version == FORMAT_VERSION:
        return
    newer = version.__class__ is int and version > FORMAT_VERSION
    cure = "upgrade music21-lstm" if newer else "train it again with this version"
    raise CheckpointError(
        f"checkpoint {source} is of format version {version!r}; this music21-lstm reads version "
        f"{FORMAT_VERSION}: {cure}"
    )


def _check_arrays(arrays: Arrays, config: ModelConfig, what: str) -> None:
    """Hold the *arrays* against what the *config* says they are."""
    wanted = array_shapes(config)
    missing, unknown = sorted(wanted.keys() - arrays.keys()), sorted(arrays.keys() - wanted.keys())
    if missing or unknown:
        names = ", ".join((missing or unknown)[:3])
        kind = "lacks" if missing else "has unknown"
        raise CheckpointError(f"{what}: {kind} arrays ({names}) for its {CONFIG_FILE}")
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise CheckpointError(
                f"{what}: array {name} has shape {arrays[name].shape}, but {CONFIG_FILE} "
                f"asks for {shape}"
            )
