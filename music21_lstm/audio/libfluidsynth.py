"""The FluidSynth library: found, loaded and spoken to.

libfluidsynth is looked for in this order, and loaded when it is first needed:

1. what the environment variable ``MUSIC21_LSTM_FLUIDSYNTH`` names, and then only that;
2. the newest of the one inside pip's pygame-ce wheel (pygame itself is never imported) and the
   system's.

pyfluidsynth does the binding. It looks for the library with :func:`ctypes.util.find_library` while
it is imported, so the answer is put there for just that long.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import importlib
import importlib.metadata
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from music21_lstm.errors import FluidSynthError

__all__ = ["VARIABLE", "Library", "bindings", "library"]

VARIABLE = "MUSIC21_LSTM_FLUIDSYNTH"
"""The environment variable that names the library to use."""

INSTALL = (
    "'pip install pygame-ce' brings it on Linux and macOS; or 'sudo apt install libfluidsynth3' "
    "(Debian, Ubuntu), 'sudo dnf install fluidsynth-libs' (Fedora), 'brew install fluid-synth' "
    f"(macOS), 'choco install fluidsynth' (Windows); or set {VARIABLE} to its path"
)

_SYSTEM_NAMES = ("fluidsynth", "fluidsynth-3", "libfluidsynth-3", "libfluidsynth")
_SYSTEM_PATHS = (
    "/opt/homebrew/lib/libfluidsynth.dylib",
    "/usr/local/lib/libfluidsynth.dylib",
    r"C:\tools\fluidsynth\bin\libfluidsynth-3.dll",
)
_OLDEST = (2, 0, 0)
_PANIC, _ERROR, _WARNING, _INFO, _DEBUG = range(5)

_logger = logging.getLogger(__name__)
_lock = threading.RLock()
_loaded: tuple[ModuleType, Library] | None = None


@dataclass(frozen=True, slots=True)
class Library:
    """A libfluidsynth: its *path*, *version*, where it is from (*origin*), *why* it was taken."""

    path: str
    version: str
    origin: str
    why: str = ""


def library() -> Library:
    """The libfluidsynth in use, loaded if it was not yet.

    Raises:
        FluidSynthError: none can be found or loaded; the message says what was tried.

    """
    return _load()[1]


def bindings() -> ModuleType:
    """The module ``fluidsynth`` (pyfluidsynth), bound to :func:`library`."""
    return _load()[0]


def _load() -> tuple[ModuleType, Library]:
    global _loaded
    with _lock:
        if _loaded is None:
            found = _find() if "fluidsynth" not in sys.modules else None
            module = _import_bindings(found.path if found else None)
            if found is None:  # The program had imported it before us; what it has must do.
                why = "this program had imported pyfluidsynth before"
                found = Library(module.lib, _version_of(module._fl), "loaded before", why)
            _log_quietly(module._fl)
            _loaded = module, found
        return _loaded


def _find() -> Library:
    """The library to load: the named one, or the newest there is."""
    tried: list[str] = []
    named = os.environ.get(VARIABLE)
    if named:
        found = _probe(named, VARIABLE, tried)
        if found is None:
            raise FluidSynthError(f"{tried[0]} (set by {VARIABLE}); unset it or name another file")
        return replace(found, why=f"{VARIABLE} names it")
    candidates = [*_from_pip(tried), *_from_system(tried)]
    if not candidates:
        raise FluidSynthError(f"no FluidSynth library (tried: {'; '.join(tried)}); {INSTALL}")
    best = max(candidates, key=lambda candidate: _numbers(candidate.version))
    others = [f"{one.version} of {one.origin}" for one in candidates if one is not best]
    why = f"the newest, before {', '.join(others)}" if others else "the only one"
    return replace(best, why=why)


def _from_pip(tried: list[str]) -> Iterator[Library]:
    """The library inside the pygame-ce wheel, by the list of files that pip keeps."""
    try:
        files = importlib.metadata.files("pygame-ce") or []
    except importlib.metadata.PackageNotFoundError:
        tried.append("pygame-ce is not installed")
        return
    inside = [
        file
        for file in files
        if file.name.lower().startswith("libfluidsynth") and file.suffix.lower() != ".py"
    ]
    if not inside:
        tried.append("pygame-ce's wheel holds none")
    for file in inside:
        found = _probe(str(Path(str(file.locate())).resolve()), "pygame-ce", tried)
        if found:
            yield found


def _from_system(tried: list[str]) -> Iterator[Library]:
    """The library that the system's own search knows, or that stands where it is usually put."""
    names = dict.fromkeys(filter(None, map(ctypes.util.find_library, _SYSTEM_NAMES)))
    prefix = os.environ.get("HOMEBREW_PREFIX")
    paths = [*_SYSTEM_PATHS, *([f"{prefix}/lib/libfluidsynth.dylib"] if prefix else [])]
    names.update(dict.fromkeys(path for path in paths if Path(path).is_file()))
    if not names:
        tried.append("the system has none")
    for name in names:
        found = _probe(name, "system", tried)
        if found:
            yield found


def _probe(path: str, origin: str, tried: list[str]) -> Library | None:
    """The library at *path*, or None and a line in *tried*."""
    try:
        version = _version_of(ctypes.CDLL(path))
    except (OSError, AttributeError) as error:
        reason = " ".join(str(error).split()).removeprefix(f"{path}: ")
        tried.append(f"{path} cannot be loaded: {reason}")
        return None
    if _numbers(version) < _OLDEST:
        tried.append(f"{path} is version {version}, older than 2.0")
        return None
    return Library(path, version, origin)


def _version_of(dll: ctypes.CDLL) -> str:
    function = dll.fluid_version_str
    function.restype = ctypes.c_char_p
    return bytes(function()).decode("ascii")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _import_bindings(path: str | None) -> ModuleType:
    """Import pyfluidsynth, which then loads the library at *path*."""
    try:
        # It prints where it found the library when CI is set.
        with _answering(path), contextlib.redirect_stdout(io.StringIO()):
            return importlib.import_module("fluidsynth")
    except ImportError as error:
        raise FluidSynthError(
            f"pyfluidsynth cannot be imported ({error}); pip install pyfluidsynth"
        ) from error


@contextlib.contextmanager
def _answering(path: str | None) -> Iterator[None]:
    """Let ``find_library`` answer *path* for FluidSynth's names, and as before for all others."""
    original = ctypes.util.find_library

    def find_library(name: str) -> str | None:
        return path if path and "fluidsynth" in name else original(name)

    ctypes.util.find_library = find_library
    try:
        yield
    finally:
        ctypes.util.find_library = original


def _log(_level: int, message: bytes, _data: object) -> None:
    _logger.debug("%s", message.decode("utf-8", "replace"))


_LOG_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_log_function = _LOG_FUNCTION(_log)  # Kept here, as C holds no reference to it.


def _log_quietly(dll: ctypes.CDLL) -> None:
    """Send what FluidSynth would write to stderr to :mod:`logging`, at level DEBUG.

    What it says of every sample and preset is too much even for that.
    """
    for level in (_PANIC, _ERROR, _WARNING):
        dll.fluid_set_log_function(ctypes.c_int(level), _log_function, None)
    for level in (_INFO, _DEBUG):
        dll.fluid_set_log_function(ctypes.c_int(level), None, None)
