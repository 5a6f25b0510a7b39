"""Whatever a user has, as a Performance."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from music21 import base, converter, corpus
from music21.exceptions21 import Music21Exception

from music21_lstm.encoding.midi import is_midi, read_midi
from music21_lstm.encoding.notetext import performance_of
from music21_lstm.encoding.performance import DEFAULT_RESOLUTION, Performance
from music21_lstm.errors import FileError, Music21LstmError, NoteTextError
from music21_lstm.files import decoded, read_bytes
from music21_lstm.streams.encode import performance_of_stream

__all__ = [
    "MIDI_SUFFIXES",
    "NOTETEXT_SUFFIXES",
    "Source",
    "is_musicxml",
    "performance_from",
    "score_from",
    "score_of",
]

Source = Performance | base.Music21Object | str | os.PathLike[str] | bytes
"""A Performance, a music21 object, a path, or the bytes of a MIDI, notetext or MusicXML file."""

MIDI_SUFFIXES = (".mid", ".midi", ".smf", ".kar")
NOTETEXT_SUFFIXES = (".notetext", ".txt")
_TEXT_HEADER = "notetext:"


def performance_from(
    source: Source,
    *,
    track: int | str | None = None,
    percussion: bool = False,
    resolution: int | None = None,
    performed: bool = True,
) -> Performance:
    """*source* as a Performance.

    A path is read by its suffix: MIDI, notetext (``.notetext``, ``.txt``), else whatever music21
    reads (MusicXML, ABC, kern …); one that is no file may be a piece of music21's corpus, as
    ``bach/bwv66.6``. A string that starts with ``notetext:`` is text. *track* and
    *percussion* are for MIDI, *resolution* for text without a header and for music21 objects; with
    ``performed=False`` an engraved Stream is played as it is written.

    Raises one of the package's errors, naming the file.
    """
    if isinstance(source, Performance):
        return source
    if isinstance(source, base.Music21Object):
        return performance_of_stream(source, resolution=resolution, performed=performed)
    if isinstance(source, bytes):
        if is_musicxml(source):
            return performance_of_stream(score_of(source), resolution=resolution)
        return _from_bytes(source, track, percussion, resolution)
    text = os.fspath(source)
    if text.lstrip().lower().startswith(_TEXT_HEADER):
        body = text.lstrip()[len(_TEXT_HEADER) :]
        return performance_of(
            body, resolution=DEFAULT_RESOLUTION if resolution is None else resolution
        )
    suffix = Path(text).suffix.lower()
    if suffix in MIDI_SUFFIXES:
        return read_midi(text, track=track, percussion=percussion)
    if suffix in NOTETEXT_SUFFIXES:
        return _named(text, read_bytes(text), track, percussion, resolution)
    return performance_of_stream(score_from(text), resolution=resolution)


def _named(
    name: str, data: bytes, track: int | str | None, percussion: bool, resolution: int | None
) -> Performance:
    try:
        return _from_bytes(data, track, percussion, resolution)
    except NoteTextError as error:
        raise NoteTextError(f"{name}: {error}") from None


def _from_bytes(
    data: bytes, track: int | str | None, percussion: bool, resolution: int | None
) -> Performance:
    if is_midi(data):
        return read_midi(data, track=track, percussion=percussion)
    return performance_of(
        decoded(data), resolution=DEFAULT_RESOLUTION if resolution is None else resolution
    )


def _from_corpus(name: str) -> Any:
    """A piece of music21's corpus, as ``bach/bwv66.6``."""
    try:
        return corpus.parse(name)
    except Music21Exception:
        raise FileError(
            f"{name}: no such file, and no piece of music21's corpus; check the name and the folder"
        ) from None


def is_musicxml(data: bytes) -> bool:
    """Whether *data* are those of a MusicXML file, compressed or not."""
    start = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:8]
    return start.startswith((b"<?xml", b"<score-", b"<!DOCTYP", b"PK\x03\x04"))


def score_of(data: bytes) -> Any:
    """What music21 reads from the *data* of a MusicXML file."""
    suffix = ".mxl" if data.startswith(b"PK") else ".musicxml"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data{suffix}"
        path.write_bytes(data)
        try:
            return score_from(str(path))
        except FileError as error:
            raise FileError(str(error).replace(str(path), "MusicXML data")) from None


def score_from(path: str) -> Any:
    """What music21 reads from *path*, a file or a piece of its corpus.

    A file is read without music21's pickle cache, which runs code that it finds there.
    Raises :class:`~music21_lstm.errors.FileError` if it cannot be read.
    """
    try:
        there = Path(path).exists()
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror})") from None
    if not there:
        return _from_corpus(path)
    read_bytes(path)
    try:
        return converter.parse(path, forceSource=True, storePickle=False)
    except Music21LstmError:
        raise
    except Music21Exception as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileError(
            f"{path}: music21 cannot read it ({line}); known: MIDI, notetext, MusicXML, ABC, kern …"
        ) from None
    except Exception as error:
        # music21's parsers let any error of a damaged file through.
        line = f"{type(error).__name__}: {error}".splitlines()[0]
        raise FileError(f"{path}: music21 cannot read it ({line}); is the file whole?") from error
