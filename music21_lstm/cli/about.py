"""doctor: what is installed, and what was chosen."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from music21_lstm.cli.options import AsJson
from music21_lstm.cli.output import Printer
from music21_lstm.errors import AudioError

__all__ = ["doctor"]

_CORE = ("music21", "mido", "numpy", "pyfluidsynth", "safetensors", "soundfile", "typer")
_EXTRAS = {"train": ("tensorflow", "keras")}


def doctor(as_json: AsJson = False) -> None:
    """Say which versions, which FluidSynth and which soundfont are used, and what is missing.

    Example:
      music21-lstm doctor

    """
    from music21_lstm import __version__
    from music21_lstm.model import presets

    facts: dict[str, Any] = {
        "music21-lstm": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: _version(name) for name in _CORE},
        "extras": {
            extra: {name: _version(name) for name in names} for extra, names in _EXTRAS.items()
        },
        "presets": list(presets.names()),
        **_sound(),
    }
    lines = [f"music21-lstm {__version__}, Python {facts['python']}, {facts['system']}"]
    lines += [f"  {name} {version or 'MISSING'}" for name, version in facts["packages"].items()]
    for extra, found in facts["extras"].items():
        state = ", ".join(f"{name} {version or 'not installed'}" for name, version in found.items())
        hint = "" if all(found.values()) else f"; pip install 'music21-lstm[{extra}]'"
        lines.append(f"  extra {extra}: {state}{hint}")
    lines.append(f"  presets: {', '.join(facts['presets']) or 'none'}")
    lines += [f"  {name}: {facts[name]}" for name in ("fluidsynth", "soundfont")]
    Printer(as_json=as_json).result(facts, lines)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _sound() -> dict[str, Any]:
    """The library and the bank that rendering would use; or why there is none."""
    from music21_lstm.audio import find, library

    facts: dict[str, Any] = {}
    try:
        found = library()
        facts["fluidsynth"] = f"{found.version} ({found.origin}, {found.path})"
    except AudioError as error:
        facts["fluidsynth"] = f"none: {error}"
    try:
        bank = find()
        facts["soundfont"] = f"{bank.name} ({bank.path})"
    except AudioError as error:
        facts["soundfont"] = f"none: {error}"
    return facts
