"""How the command line reads its arguments and prints its results."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from music21_lstm.errors import FileError, GenerationError

if TYPE_CHECKING:
    from music21_lstm.encoding.performance import Performance
    from music21_lstm.streams.reading import Source

__all__ = [
    "STANDARD",
    "Printer",
    "is_number",
    "measures_of",
    "per_field",
    "progress",
    "read_source",
    "sampling_of",
    "standard_output",
    "title_of",
    "track_of",
]

STANDARD = "-"
"""As a file name: standard input or output."""


class Printer:
    """Prints for people on standard error, and results on standard output."""

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json

    def say(self, line: str) -> None:
        """A line for people: what was done, what was left out."""
        if not self.quiet and not self.as_json:
            typer.echo(line, err=True)

    def losses(self, performance: Performance, name: str) -> None:
        """What the source had and a performance cannot hold."""
        if performance.losses:
            listed = "; ".join(map(str, performance.losses))
            self.say(f"{name}: left out: {listed}")

    def result(self, value: Any, lines: Sequence[str]) -> None:
        """The result: as one JSON object, or as lines."""
        if self.as_json:
            typer.echo(json.dumps(value, indent=1, ensure_ascii=False))
        else:
            for line in lines:
                typer.echo(line)


def read_source(name: str) -> Source:
    """The source that *name* stands for: a path, or the bytes of standard input."""
    return sys.stdin.buffer.read() if name == STANDARD else Path(name)


def track_of(text: str | None) -> int | str | None:
    """A track as the user gave it: a number, or a name."""
    return int(text) if text is not None and is_number(text) else text


def is_number(text: str) -> bool:
    """Whether *text* is a plain whole number; ``isdigit`` takes ``²`` for one too."""
    return text.isascii() and text.isdigit()


def measures_of(text: str) -> tuple[int, int]:
    """The first and the last of some measures: ``0-4``, or ``4`` for one."""
    first, _, last = text.partition("-")
    if not is_number(first) or (last and not is_number(last)):
        raise FileError(f"measures {text!r}: give one number or two, as 0-4")
    return int(first), int(last or first)


def per_field(option: str, text: str | None) -> Any:
    """The value of an *option* that is a number, or a number for some fields of an event; or None.

    >>> per_field("--temperature", "0.9"), per_field("--temperature", "key=0.9,velocity=1.1")
    (0.9, {'key': 0.9, 'velocity': 1.1})
    """
    if text is None:
        return None
    try:
        if "=" not in text:
            return float(text)
        named = (part.partition("=") for part in text.split(","))
        return {name.strip(): float(value) for name, _, value in named}
    except ValueError:
        raise GenerationError(
            f"{option} {text!r}: give a number, or one for some fields, as key=0.9,velocity=1.1"
        ) from None


def sampling_of(**options: str | None) -> dict[str, Any]:
    """Those of the sampling's *options* that are given, each read by :func:`per_field`.

    >>> sampling_of(temperature="0.9", top_k=None, min_p="key=0.02")
    {'temperature': 0.9, 'min_p': {'key': 0.02}}
    """
    return {
        name: per_field(f"--{name.replace('_', '-')}", text)
        for name, text in options.items()
        if text is not None
    }


def title_of(source: str) -> str | None:
    """The name of a source as a title, whatever bytes it is made of; None of standard input."""
    if source == STANDARD:
        return None
    return os.fsencode(Path(source).stem).decode("utf-8", "replace")


@contextlib.contextmanager
def standard_output() -> Iterator[Any]:
    """Standard output as a binary file, flushed at the end."""
    if sys.stdout.isatty():
        raise FileError("standard output is a terminal; name a file, or pipe it: -o - | …")
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def progress(quiet: bool, length: int, label: str) -> Iterator[Any]:
    """A progress bar on standard error, or nothing that shows."""
    shown: Any = _Nowhere() if quiet else sys.stderr
    with typer.progressbar(length=length, label=label, file=shown) as bar:
        yield bar


class _Nowhere:
    """A file that forgets."""

    def write(self, text: str) -> int:
        """Forget *text*."""
        return len(text)

    def flush(self) -> None:
        """Nothing to do."""

    def isatty(self) -> bool:
        """Not a terminal."""
        return False
