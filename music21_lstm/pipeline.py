"""The verbs: read, write, render, train. What the command line does, as functions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from music21 import base, stream

from music21_lstm.encoding.midi import midi_bytes
from music21_lstm.encoding.notetext import text_of
from music21_lstm.errors import FileError
from music21_lstm.files import whole_file, write_bytes
from music21_lstm.streams.decode import engraved_stream, exact_stream
from music21_lstm.streams.reading import Source, performance_from, score_from
from music21_lstm.training import TRAINABLE_SUFFIXES, train, training_files

if TYPE_CHECKING:
    from music21_lstm.audio import RenderResult

__all__ = [
    "FORMATS",
    "TRAINABLE_SUFFIXES",
    "format_of",
    "performance_from",
    "read",
    "render",
    "score_from",
    "to_stream",
    "train",
    "training_files",
    "write",
]

Target = str | os.PathLike[str] | BinaryIO

read = performance_from

AUDIO_FORMATS = ("wav", "flac", "ogg", "mp3")
SCORE_FORMATS = ("musicxml", "mxl")
FORMATS: Mapping[str, str] = {
    ".notetext": "notetext",
    ".txt": "notetext",
    ".mid": "midi",
    ".midi": "midi",
    ".musicxml": "musicxml",
    ".xml": "musicxml",
    ".mxl": "mxl",
    **{f".{name}": name for name in AUDIO_FORMATS},
}
"""The format that each suffix of a target stands for."""


def format_of(target: str | os.PathLike[str]) -> str:
    """The format that a target's suffix stands for.

    Raises :class:`~music21_lstm.errors.FileError` naming the suffixes that are known.

    >>> format_of("tune.MID")
    'midi'
    """
    suffix = Path(target).suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise FileError(f"{target}: unknown suffix {suffix!r}; known ones: {known}")
    return FORMATS[suffix]


def to_stream(source: Source, *, exact: bool = False, **options: Any) -> stream.Score:
    """*source* as a music21 Score: engraved to be read, or *exact*, tick for tick.

    *options* go to :func:`music21_lstm.engrave`.
    """
    performance = performance_from(source)
    return exact_stream(performance) if exact else engraved_stream(performance, **options)


def write(
    source: Source,
    target: Target,
    *,
    format: str | None = None,
    title: str | None = None,
    **options: Any,
) -> RenderResult | None:
    """Write *source* to *target*, whole or not at all; the suffix says the format.

    notetext, MIDI, MusicXML (engraved, unless *source* is a Stream: then as it is) and sound.
    *target* may be an open binary file, then *format* says which. *options* go to the renderer of
    sound, whose :class:`~music21_lstm.RenderResult` is returned.
    """
    chosen = format or format_of(_path(target))
    if chosen in AUDIO_FORMATS:
        return render(source, target, format=chosen, **options)
    if chosen in SCORE_FORMATS:
        _write_score(source, target, chosen, title)
    elif chosen == "midi":
        _write_data(target, midi_bytes(performance_from(source)))
    elif chosen == "notetext":
        _write_data(target, text_of(performance_from(source)).encode())
    else:
        known = ", ".join(dict.fromkeys(FORMATS.values()))
        raise FileError(f"unknown format {chosen!r}; known ones: {known}")
    return None


def render(source: Source, target: Target, **options: Any) -> RenderResult:
    """Render *source* to sound through FluidSynth; *options*: :func:`music21_lstm.audio.render`."""
    from music21_lstm.audio import render as render_performance

    return render_performance(performance_from(source), target, **options)


def _path(target: Target) -> str | os.PathLike[str]:
    if isinstance(target, str | os.PathLike):
        return target
    raise FileError("an open file has no suffix; say which format")


def _write_data(target: Target, data: bytes) -> None:
    if isinstance(target, str | os.PathLike):
        write_bytes(target, data)
    else:
        target.write(data)


def _write_score(source: Source, target: Target, chosen: str, title: str | None) -> None:
    """MusicXML through music21; what this package engraved needs no more notation made."""
    if isinstance(source, base.Music21Object):
        score, options = source, {}
    else:
        score = engraved_stream(performance_from(source), title=title)
        options = {"makeNotation": False}
    if isinstance(target, str | os.PathLike):
        with whole_file(target) as temporary:
            _export(score, chosen, temporary, options)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"score.{chosen}"
        _export(score, chosen, path, options)
        target.write(path.read_bytes())


def _export(score: base.Music21Object, chosen: str, path: Path, options: dict[str, Any]) -> None:
    """music21 names the file by its own idea of the suffix; bring it back to *path*."""
    written = Path(score.write(chosen, fp=path.with_suffix(f".{chosen}"), **options))
    if written != path:
        written.replace(path)
