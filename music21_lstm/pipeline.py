"""The verbs: read, write, render, train. What the command line does, as functions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from music21 import base, metadata, stream

from music21_lstm.encoding.midi import midi_bytes
from music21_lstm.encoding.notetext import text_of
from music21_lstm.errors import FileError
from music21_lstm.files import write_bytes
from music21_lstm.streams.decode import engraved_stream, exact_stream
from music21_lstm.streams.musicxml import engraved_bytes, musicxml_bytes, mxl_bytes
from music21_lstm.streams.reading import Source, performance_from, score_from
from music21_lstm.training import TRAINABLE_SUFFIXES, train, training_files

if TYPE_CHECKING:
    from music21_lstm.audio import RenderResult

__all__ = [
    "FORMATS",
    "TRAINABLE_SUFFIXES",
    "engrave",
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

AUDIO_FORMATS = ("wav", "flac", "ogg", "opus", "mp3")
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


def engrave(source: Source, **options: Any) -> stream.Score:
    """*source* as a score that a pianist can read, and that still knows its performance.

    *source* is a Performance, a music21 Stream (engraved or flat), a path or bytes. *options* go to
    :func:`music21_lstm.notation.engrave`: ``time_signature="3/4"``, ``key="f#"``, ``divisions=(4,
    3)``, ``title=``, ``composer=`` …; the title and the composer of a Stream are kept. Writing the
    Score as notetext, MIDI or sound gives the performance back, and a user's edits where they are.

    >>> score = engrave(b"rs_480 0_no_60_80 470_nf_60_64")
    >>> score.recurse().notes.first().quarterLength
    1.0
    >>> text_of(performance_from(score)).split()
    ['rs_480', '0_no_60_80', '470_nf_60_64']
    """
    return engraved_stream(performance_from(source), **{**_names_of(source), **options})


def to_stream(source: Source, *, exact: bool = False, **options: Any) -> stream.Score:
    """*source* as a music21 Score: engraved to be read, or *exact*, tick for tick.

    *options* go to :func:`engrave`.
    """
    return exact_stream(performance_from(source)) if exact else engrave(source, **options)


def _names_of(source: Source) -> dict[str, str]:
    """The title and the composer of a music21 Stream, as far as it has them."""
    found = source.getElementsByClass(metadata.Metadata) if isinstance(source, stream.Score) else ()
    names = {}
    for one in found:
        for name, value in (("title", one.bestTitle), ("composer", one.composer)):
            if value:
                names[name] = str(value)
    return names


def write(
    source: Source,
    target: Target,
    *,
    format: str | None = None,
    title: str | None = None,
    performed: bool = True,
    **options: Any,
) -> RenderResult | None:
    """Write *source* to *target*, whole or not at all; the suffix says the format.

    notetext, MIDI, MusicXML (engraved, unless *source* is a Stream: then as it is) and sound.
    *target* may be an open binary file, then *format* says which. A Stream that was engraved is
    written as it was *performed*, or else as it is written. *options* go to :func:`engrave`, or to
    the renderer of sound, whose :class:`~music21_lstm.RenderResult` is returned.
    """
    chosen = format or format_of(_path(target))
    if chosen in AUDIO_FORMATS:
        return render(source, target, performed=performed, title=title, format=chosen, **options)
    if chosen in SCORE_FORMATS:
        _write_data(target, _score_data(source, chosen, {"title": title, **options}))
    elif chosen == "midi":
        _write_data(target, midi_bytes(performance_from(source, performed=performed)))
    elif chosen == "notetext":
        _write_data(target, text_of(performance_from(source, performed=performed)).encode())
    else:
        known = ", ".join(dict.fromkeys(FORMATS.values()))
        raise FileError(f"unknown format {chosen!r}; known ones: {known}")
    return None


def render(
    source: Source,
    target: Target,
    *,
    performed: bool = True,
    title: str | None = None,
    **options: Any,
) -> RenderResult:
    """Render *source* to sound through FluidSynth; *options*: :func:`music21_lstm.audio.render`.

    Every channel of a MIDI file and every Part of a Stream sounds on its own instrument. A Stream that
    was engraved sounds as it was *performed*, or else as it is written. *title* is the file's, in
    place of the source's own.
    """
    from music21_lstm.audio import render as render_ensemble
    from music21_lstm.streams.interpretation import ensemble_from

    ensemble = ensemble_from(source, performed=performed)
    if title is not None:
        ensemble = replace(ensemble, title=title)
    return render_ensemble(ensemble, target, **options)


def _path(target: Target) -> str | os.PathLike[str]:
    if isinstance(target, str | os.PathLike):
        return target
    raise FileError("an open file has no suffix; say which format")


def _write_data(target: Target, data: bytes) -> None:
    if isinstance(target, str | os.PathLike):
        write_bytes(target, data)
    else:
        target.write(data)


def _score_data(source: Source, chosen: str, options: dict[str, Any]) -> bytes:
    """MusicXML, of a Stream as it is, of anything else engraved with *options*."""
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(source, base.Music21Object):
        data = musicxml_bytes(source)
    else:
        data = engraved_bytes(performance_from(source), **given)
    return mxl_bytes(data) if chosen == "mxl" else data
