"""Files read and written whole: a target is replaced at once or left as it was."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from music21_lstm.errors import FileError, NoteTextError

__all__ = ["decoded", "read_bytes", "whole_file", "write_bytes"]


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The bytes of the file at *path*, or a :class:`~music21_lstm.errors.FileError`."""
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise FileError(f"{path}: no such file; check the name and the folder") from None
    except IsADirectoryError:
        raise FileError(f"{path}: is a folder; name a file in it") from None
    except (OSError, ValueError) as error:
        raise FileError(f"{path}: cannot be read ({_reason(error)})") from None


def decoded(data: bytes) -> str:
    """Text of UTF-8 *data*, a byte order mark skipped."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NoteTextError(
            f"byte {error.start} is not UTF-8 text: this is no notetext; if it is MIDI, name it .mid"
        ) from None


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside *path* that takes its place when the block ends well.

    If the block raises, the temporary file is removed and an existing target stays as it was.
    Raises :class:`~music21_lstm.errors.FileError` where the folder cannot be written to.
    """
    # Through a link, what it points to is replaced, not the link.
    try:
        target = Path(path).resolve() if Path(path).is_symlink() else Path(path)
        if target.is_dir():
            raise FileError(f"{path}: is a folder; name a file in it")
        if target.exists() and not target.is_file():
            with _poured(target) as temporary:
                yield temporary
            return
        # A name of plain letters: not every library that writes takes any name there is.
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=".music21-lstm-", suffix=_plain(target.suffix)
        )
        os.close(handle)
    except FileError:
        raise
    except (OSError, ValueError) as error:
        raise FileError(
            f"{path}: cannot be written ({_reason(error)}); choose a folder that exists and is yours"
        ) from None
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner can read; a new file has the umask's rights.
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        temporary.replace(target)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: cannot be written ({_reason(error)})") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def _poured(device: Path) -> Iterator[Path]:
    """A temporary file whose content goes into a *device* or pipe, which must not be replaced."""
    with tempfile.TemporaryDirectory(prefix="music21-lstm-") as folder:
        temporary = Path(folder) / device.name
        yield temporary
        try:
            device.write_bytes(temporary.read_bytes())
        except OSError as error:
            raise FileError(f"{device}: cannot be written ({_reason(error)})") from error


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write *data* to *path*, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(data)


def _plain(suffix: str) -> str:
    return suffix if suffix.isascii() else ""


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
