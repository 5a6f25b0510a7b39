"""Soundfonts: finding a bank, and reading what it says of itself.

A bank is found by what is asked for (a path, or the name of one that is installed), else by the
environment variable ``MUSIC21_LSTM_SOUNDFONT``, else it is the bundled one, else the system's
first. A file is read only as
far as needed to know that it is a soundfont and which presets it has: no sample is touched.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

from music21_lstm.audio.riff import Chunk, chunks
from music21_lstm.errors import SoundfontError

__all__ = ["BUNDLED", "VARIABLE", "Preset", "Soundfont", "available", "chosen", "find", "read"]

VARIABLE = "MUSIC21_LSTM_SOUNDFONT"
"""The environment variable that names the bank to use, by path or by name."""

BUNDLED = "music21-lstm"
"""The name of the bank that comes with the package."""

SUFFIXES = (".sf2", ".sf3")

_PACKAGE = Path(__file__).resolve().parent.parent
_BUNDLED_FOLDERS = (_PACKAGE / "soundfonts", _PACKAGE.parent / "soundfonts")
"""Where the bundled bank is: in an installed package, and in a checkout."""

_PRESET = struct.Struct("<20sHHHIII")
_REQUIRED = (b"phdr", b"pbag", b"pgen", b"inst", b"ibag", b"igen", b"shdr")
_TEXTS = (b"INAM", b"ICOP", b"IENG", b"ICMT")


class Preset(NamedTuple):
    """A sound of a bank; *bank* 128 holds the drum kits."""

    bank: int
    program: int
    name: str


@dataclass(frozen=True, slots=True)
class Soundfont:
    """A soundfont file: where it is, what it is called, whose it is and what it can play.

    *name* is what ``soundfont=`` takes (the file's name without suffix); *title*, *copyright*,
    *engineer* and *comment* (often the licence) are the bank's own words, empty where it has none.
    """

    path: Path
    title: str
    copyright: str
    engineer: str
    comment: str
    presets: tuple[Preset, ...]

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def programs(self) -> frozenset[int]:
        """The programs of bank 0, the melodic ones of General MIDI."""
        return frozenset(preset.program for preset in self.presets if preset.bank == 0)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file: it says which bank, whatever its name."""
        state = self.path.stat()
        return _sha256(self.path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _sha256(path: Path, _time: int, _size: int) -> str:
    """Read again only where the file has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find(which: str | os.PathLike[str] | None = None) -> Soundfont:
    """The bank to use: *which* (a path or a name), else what :func:`chosen` says.

    Raises:
        SoundfontError: there is none of that name, or the file is no soundfont.

    """
    return chosen()[0] if which is None else _path_or_name(which, "")


def chosen() -> tuple[Soundfont, str]:
    """The bank that is used where none is asked for, and why.

    The one that ``MUSIC21_LSTM_SOUNDFONT`` names, by path or by name; else the bundled one; else the
    first that the system has.

    Raises:
        SoundfontError: there is none, or the one that is named is no soundfont.

    """
    wanted = os.environ.get(VARIABLE)
    if wanted:
        return _path_or_name(wanted, f" (set by {VARIABLE})"), f"{VARIABLE} names it"
    for folder in _BUNDLED_FOLDERS:
        path = folder / f"{BUNDLED}.sf3"
        if path.is_file():
            return read(path), "it comes with the package"
    for bank in available():
        return bank, "the bundled one is missing, and it is the first that is installed"
    raise SoundfontError(
        f"the bundled soundfont {BUNDLED}.sf3 is not in {_BUNDLED_FOLDERS[0]}; "
        f"install music21-lstm again, or name a bank with soundfont= or {VARIABLE}"
    )


def available() -> list[Soundfont]:
    """The banks that can be named: the bundled one first, then the system's and the user's.

    Of two of one name the first hides the second; a file that is no soundfont is not listed.
    """
    return [bank for path in _candidates().values() if (bank := _read_or_none(path))]


def read(path: str | os.PathLike[str]) -> Soundfont:
    """What the soundfont at *path* says of itself.

    Raises:
        SoundfontError: the file is missing, unreadable, cut short or no soundfont.

    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            return _read(path, file)
    except OSError as error:
        raise SoundfontError(
            f"{path}: the soundfont cannot be read: {error.strerror or error}"
        ) from error


def _path_or_name(which: str | os.PathLike[str], why: str) -> Soundfont:
    path = Path(which).expanduser()
    if isinstance(which, str) and path.name == which and not path.is_file():
        candidates = _candidates()
        wanted = path.stem if path.suffix.lower() in SUFFIXES else which
        if wanted.casefold() not in candidates:
            raise SoundfontError(
                f"no soundfont {which!r}{why}; give a path, or one of these names: "
                f"{', '.join(found.stem for found in candidates.values()) or 'none is installed'}"
            )
        path = candidates[wanted.casefold()]
    elif not path.is_file():
        raise SoundfontError(
            f"{path}: no such soundfont file{why}; see the names of those that are installed with "
            "'music21-lstm soundfonts'"
        )
    return read(path)


def _folders() -> list[Path]:
    """Where soundfonts are kept: ours, the user's, the distribution's and Homebrew's."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    brew = Path(os.environ.get("HOMEBREW_PREFIX") or "/opt/homebrew")
    shares = [data, Path("/usr/local/share"), Path("/usr/share"), brew / "share"]
    places = ("soundfonts", "sounds/sf2", "sounds/sf3", "fluid-synth/sf2")
    return [*_BUNDLED_FOLDERS, *(share / place for share in shares for place in places)]


def _candidates() -> dict[str, Path]:
    """The files that look like banks, each once, by their names in lower case."""
    found: dict[str, Path] = {}
    known: set[Path] = set()
    for folder in _folders():
        try:
            files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
        except OSError:
            continue
        for path in files:
            real = path.resolve()
            if real not in known:
                known.add(real)
                found.setdefault(path.stem.casefold(), path)
    return found


def _read_or_none(path: Path) -> Soundfont | None:
    try:
        return read(path)
    except SoundfontError:
        return None


def _read(path: Path, file: BinaryIO) -> Soundfont:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise SoundfontError(f"{path}: not a soundfont (SF2 or SF3); give a .sf2 or .sf3 file")
    found: dict[bytes, Chunk] = {}
    for group in chunks(file, 12, size):
        if group.stop > size:
            raise SoundfontError(
                f"{path}: the soundfont is cut short: {size:,} bytes of {group.stop:,} or more; "
                "copy or download it again"
            )
        for chunk in chunks(file, group.start + 4, group.stop):
            found.setdefault(chunk.name, chunk)
    missing = [name.decode() for name in _REQUIRED if name not in found]
    if missing or found[b"phdr"].size < 2 * _PRESET.size:
        what = f"the chunks {', '.join(missing)}" if missing else "presets"
        raise SoundfontError(f"{path}: the soundfont lacks {what}; use another bank")
    name, rights, engineer, comment = (_text(file, found.get(key)) for key in _TEXTS)
    return Soundfont(path, name, rights, engineer, comment, _presets(file, found[b"phdr"]))


def _text(file: BinaryIO, chunk: Chunk | None) -> str:
    """A text of the INFO list; the format knows no encoding, and what is no UTF-8 is Latin-1."""
    if chunk is None:
        return ""
    file.seek(chunk.start)
    data = file.read(chunk.size).split(b"\0")[0]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _presets(file: BinaryIO, chunk: Chunk) -> tuple[Preset, ...]:
    """The presets in order of bank and program; the last record only marks the end."""
    file.seek(chunk.start)
    data = file.read(chunk.size // _PRESET.size * _PRESET.size)
    rows = list(_PRESET.iter_unpack(data))[:-1]
    presets = (
        Preset(bank, program, name.split(b"\0")[0].decode("latin-1"))
        for name, program, bank, *_ in rows
    )
    return tuple(sorted(presets))
