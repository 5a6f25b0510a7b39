"""What a user of the studio asks for, checked before it is made."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from music21_lstm.errors import GenerationError
from music21_lstm.model import presets

__all__ = ["LONGEST", "UPLOAD_LIMIT", "UPLOAD_SUFFIXES", "Fill", "Order", "order_of"]

LONGEST: Mapping[str, int] = {"measures": 128, "seconds": 300, "notes": 5000}
"""The units of length, and the most of each that is made at once."""

UPLOAD_LIMIT = 4_000_000
"""Bytes of a primer; a MIDI file of an hour has less than one million."""

UPLOAD_SUFFIXES = (".mid", ".midi", ".notetext", ".txt", ".musicxml", ".xml")
"""Of files that are read; a compressed score could be of any size inside."""

_CORPUS = re.compile(r"[A-Za-z0-9_]+/[A-Za-z0-9_.\-]+(/[A-Za-z0-9_.\-]+)*")
_MEASURES = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Fill:
    """Measures *first* to *last* of the piece with the identifier *of* are to be written anew."""

    of: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Order:
    """One piece: a *fill*, or *amount* of *unit* after a primer, *corpus* or *upload*, or nothing.

    *name* is the upload's. *measures* are those of the primer that are heard.
    """

    preset: str
    unit: str = "measures"
    amount: float = 8
    corpus: str = ""
    upload: bytes = b""
    name: str = ""
    measures: tuple[int, int] | None = None
    temperature: float = 1.0
    key: str | None = None
    density: float | None = None
    seed: int | None = None
    fill: Fill | None = None


def order_of(data: Mapping[str, Any]) -> Order:
    """An order from what a browser sent.

    Raises :class:`~music21_lstm.errors.GenerationError` for what is out of range.
    """
    unit = str(data.get("unit", "measures"))
    if unit not in LONGEST:
        raise GenerationError(f"length in {unit!r}; choose one of {', '.join(LONGEST)}")
    corpus, name, upload = _primer(data)
    seed = _number(data, "seed", 0, 2**31, whole=True)
    amount = _number(data, "amount", 1, LONGEST[unit], whole=unit == "notes") or 8
    temperature = _number(data, "temperature", 0, 2)
    return Order(
        preset=_preset(data),
        unit=unit,
        amount=amount,
        corpus=corpus,
        upload=upload,
        name=name,
        measures=_measures(data) if corpus or upload else None,
        temperature=1.0 if temperature is None else temperature,
        key=str(data["key"]) if data.get("key") else None,
        density=_number(data, "density", 0.1, 50),
        seed=None if seed is None else int(seed),
        fill=_fill(data),
    )


def _preset(data: Mapping[str, Any]) -> str:
    name = data.get("preset")
    if name not in presets.names():
        # A path is not taken: whoever fills in the form chooses among what is bundled.
        raise GenerationError(f"preset {name!r}; choose one of {', '.join(presets.names())}")
    return str(name)


def _primer(data: Mapping[str, Any]) -> tuple[str, str, bytes]:
    """The name of a corpus piece, the name of an upload and its bytes."""
    corpus = str(data.get("corpus") or "").strip()
    if corpus and (not _CORPUS.fullmatch(corpus) or ".." in corpus):
        raise GenerationError(f"corpus piece {corpus!r}; give its name, as bach/bwv66.6")
    if not data.get("upload"):
        return corpus, "", b""
    # Browsers send a bare name; of anything else no folder is kept.
    name = PurePath(str(data.get("name", "")).replace("\\", "/")).name
    suffix = PurePath(name).suffix.lower()
    if suffix not in UPLOAD_SUFFIXES:
        known = ", ".join(UPLOAD_SUFFIXES)
        raise GenerationError(f"a file that ends in {suffix!r} is not read here; known: {known}")
    try:
        upload = base64.b64decode(str(data["upload"]), validate=True)
    except (binascii.Error, ValueError):
        raise GenerationError("the file came damaged; choose it again") from None
    if len(upload) > UPLOAD_LIMIT:
        raise GenerationError(f"the file is larger than {UPLOAD_LIMIT // 10**6} MB; cut it first")
    return corpus, name, upload


def _measures(data: Mapping[str, Any]) -> tuple[int, int] | None:
    text = str(data.get("measures") or "").strip()
    if not text:
        return None
    found = _MEASURES.fullmatch(text)
    if found is None:
        raise GenerationError(f"measures {text!r}: give one number or two, as 0-4")
    return int(found[1]), int(found[2] or found[1])


def _fill(data: Mapping[str, Any]) -> Fill | None:
    fill = data.get("fill")
    if not isinstance(fill, dict):
        return None
    first, last = (_number(fill, name, 0, 10_000, whole=True) for name in ("first", "last"))
    if first is None or last is None or first > last:
        raise GenerationError("choose the bars to write anew in the score")
    return Fill(str(fill.get("of")), int(first), int(last))


def _number(
    data: Mapping[str, Any], name: str, low: float, high: float, *, whole: bool = False
) -> float | None:
    """A number in its range, or None where nothing was given."""
    value = data.get(name)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high or (whole and number != int(number)):
        kind = "a whole number" if whole else "a number"
        raise GenerationError(f"{name} is {value!r}; give {kind} from {low} to {high}")
    return number
