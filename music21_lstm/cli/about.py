"""doctor, presets: what is installed, and what was chosen."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from music21_lstm.cli.options import AsJson
from music21_lstm.cli.output import Printer
from music21_lstm.errors import AudioError

__all__ = ["doctor", "presets"]

_CORE = (
    "music21",
    "lameenc",
    "mido",
    "numpy",
    "pyfluidsynth",
    "safetensors",
    "soundfile",
    "typer",
)
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
    from music21_lstm.audio import library
    from music21_lstm.audio.soundfonts import chosen

    facts: dict[str, Any] = {}
    try:
        found = library()
        facts["fluidsynth"] = f"{found.version} ({found.origin}, {found.path}): {found.why}"
    except AudioError as error:
        facts["fluidsynth"] = f"none: {error}"
    try:
        bank, why = chosen()
        facts["soundfont"] = f"{bank.name} ({bank.path}): {why}"
    except AudioError as error:
        facts["soundfont"] = f"none: {error}"
    return facts


def presets(as_json: AsJson = False) -> None:
    """List the bundled models: what they were trained on, under which licence, how good they are.

    Example:
      music21-lstm presets --json

    """
    from music21_lstm.model import presets as bundled

    found = [_preset(name) for name in bundled.names()]
    lines = [line for one in found for line in _preset_lines(one)]
    Printer(as_json=as_json).result(found, lines)


def _preset(name: str) -> dict[str, Any]:
    from music21_lstm.model import presets as bundled
    from music21_lstm.model.checkpoint import CONFIG_FILE, METADATA_FILE, WEIGHTS_FILE

    folder = bundled.path(name)
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
    known = ("parameters", "source", "licence", "held_out_loss", "loss_unit", "command")
    return {
        "name": name,
        "recipe": config["recipe"],
        "time_base": config.get("time_base"),
        "pedal": config.get("pedal", False),
        "steering": config.get("steering", False),
        "megabytes": round((folder / WEIGHTS_FILE).stat().st_size / 1e6, 2),
        **{key: metadata.get(key) for key in known},
        "card": str(folder / "MODEL_CARD.md"),
    }


def _preset_lines(one: dict[str, Any]) -> Iterator[str]:
    can = [word for word in ("steering", "pedal") if one[word]]
    yield (
        f"{one['name']}: recipe {one['recipe']}, {one['time_base']} time"
        f"{''.join(f', {word}' for word in can)}, {one['parameters']} weights, {one['megabytes']} MB"
    )
    yield f"  trained on {one['source']}; {one['licence']}"
    loss = dict(one["held_out_loss"] or {})
    if loss:
        fields = ", ".join(f"{name} {nats:.3f}" for name, nats in loss.items() if name != "total")
        yield f"  held out: {loss['total']:.3f} {one['loss_unit']} ({fields})"
    yield f"  card: {one['card']}"
