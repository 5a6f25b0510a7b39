"""The verbs: read, write, render, train. What the command line does, as functions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from music21 import base, stream

from music21_lstm.encoding.events import SetTempo
from music21_lstm.encoding.midi import midi_bytes
from music21_lstm.encoding.notetext import text_of
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import FileError, Music21LstmError, TrainingError
from music21_lstm.files import whole_file, write_bytes
from music21_lstm.streams.decode import engraved_stream, exact_stream
from music21_lstm.streams.reading import (
    MIDI_SUFFIXES,
    Source,
    performance_from,
    score_from,
)

if TYPE_CHECKING:
    from music21_lstm.audio import RenderResult
    from music21_lstm.model.checkpoint import Checkpoint
    from music21_lstm.model.training import Progress

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

TRAINABLE_SUFFIXES = (*MIDI_SUFFIXES, ".notetext", ".musicxml", ".mxl", ".xml", ".abc", ".krn")
"""What is looked for in a folder to train on; a ``.txt`` may be anything, so it has to be named."""


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


# --- training ----------------------------------------------------------------------------------


def training_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The music files that *paths* name: files as they are, folders searched, sorted.

    Raises :class:`~music21_lstm.errors.TrainingError` if there are none.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(
                p for p in path.rglob("*") if p.suffix.lower() in TRAINABLE_SUFFIXES and p.is_file()
            )
        else:
            found.append(path)
    if not found:
        known = ", ".join(TRAINABLE_SUFFIXES)
        raise TrainingError(f"no music to train on in what was named; files of {known} are read")
    return found


def train(
    files: Sequence[str | os.PathLike[str]],
    target: str | os.PathLike[str],
    *,
    recipe: str = "events",
    corpus: str | None = None,
    resume: bool = False,
    about: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_read: Callable[[int, int], None] | None = None,
    on_skip: Callable[[str], None] | None = None,
    **settings: object,
) -> Checkpoint:
    """Train a model on *files* (folders are searched) or on a named *corpus*, into folder *target*.

    *settings* are those of the recipe (:func:`music21_lstm.model.settings.settings_for`); *about*
    goes into the metadata. Needs the extra ``train`` (TensorFlow). *on_read* is told how many files
    of how many have been read. A file that was found in a folder and cannot be read is passed over
    if *on_skip* is there to be told why; one that was named is an error.

    Raises :class:`~music21_lstm.errors.TrainingError` and what reading the files raises.
    """
    from music21_lstm.model.corpora import CORPORA
    from music21_lstm.model.corpora import corpus as named_corpus
    from music21_lstm.model.settings import PostSettings, settings_for
    from music21_lstm.model.training import train as train_pieces

    chosen = settings_for(recipe, **settings)
    facts = dict(about or {})
    pieces: list[tuple[str, Performance]] = []
    if corpus is not None:
        pieces += named_corpus(corpus)
        facts.setdefault("source", f"corpus {corpus}")
        facts.setdefault("licence", CORPORA[corpus])
    names = training_files(files) if files or corpus is None else []
    for count, path in enumerate(names, 1):
        try:
            pieces.append((path.name, performance_from(path)))
        except Music21LstmError as error:
            if on_skip is None or str(path) in map(str, files):
                raise
            on_skip(str(error))
        if on_read is not None:
            on_read(count, len(names))
    if recipe == PostSettings.RECIPE:
        pieces = _steady(pieces)
    return train_pieces(pieces, target, chosen, about=facts, resume=resume, on_progress=on_progress)


def _steady(pieces: list[tuple[str, Performance]]) -> list[tuple[str, Performance]]:
    """The pieces *as played* if the tempo of one changes: their tokens are then notes.

    As written most would be changes of tempo (Für Elise: 923 of 3,166), and the post's network
    learns to play those, and no notes.
    """

    def changes(performance: Performance) -> bool:
        return len({e.mpqn for e in performance.events if isinstance(e, SetTempo)}) > 1

    if not any(changes(performance) for _, performance in pieces):
        return pieces
    return [(name, performance.played()) for name, performance in pieces]
