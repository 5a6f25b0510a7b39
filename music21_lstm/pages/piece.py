"""What a page shows: a piece of music, its name, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Unpack

from music21 import base, stream

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import Music21LstmError
from music21_lstm.generation.generator import Generator, load
from music21_lstm.generation.joining import primer_from
from music21_lstm.generation.request import Options
from music21_lstm.streams.decode import engraved_stream
from music21_lstm.streams.encode import performance_of_stream
from music21_lstm.streams.interpretation import generated_by, times_of_stream
from music21_lstm.streams.reading import (
    MIDI_SUFFIXES,
    NOTETEXT_SUFFIXES,
    Source,
    performance_from,
    score_from,
)

__all__ = ["Music", "Piece", "improvised", "music_of", "piece_of"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Music with what a page says about it.

    *title* and *composer* are taken from *source* where they are empty. *preset* is the name of the
    model that made it, empty if none did; *seed*, *options* and *command* are how to have it again.
    The first *primer* notes were given to the model. *judge* is the model whose surprise and
    training set it is held against.
    """

    source: Source
    title: str = ""
    composer: str = ""
    preset: str = ""
    seed: int | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    command: str = ""
    primer: int = 0
    judge: Generator | None = None


@dataclass(frozen=True, slots=True)
class Music:
    """A piece as it is played and as it is written; *engraved* here, or the user's own score.

    *sound* is what is rendered, each part on its own instrument; the events of *performance* are
    heard at *times*, in seconds. *comment* says in the sound's tags how it came about.
    """

    performance: Performance
    score: stream.Stream[Any]
    engraved: bool
    sound: Source
    times: list[float]
    title: str
    composer: str
    comment: str = ""


def improvised(
    generator: Generator,
    primer: Source | None = None,
    *,
    title: str = "",
    command: str = "",
    count: int = 1,
    **options: Unpack[Options],
) -> list[Piece]:
    """Improvise *count* times, as :meth:`Generator.variations` does, and note down how.

    >>> from music21_lstm.generation import load
    >>> [piece] = improvised(load("chorale"), notes=8, seed=1)
    >>> piece.title, piece.seed, dict(piece.options)
    ('Improvisation (chorale, seed 1)', 1, {'notes': 8})
    """
    heard = None if primer is None else primer_from(primer)
    found = generator.variations(heard, count=count, measured=False, **options)
    told = {name: value for name, value in options.items() if name != "seed" and value is not None}
    return [
        Piece(
            one.performance,
            title=title or f"Improvisation ({generator.name}, seed {one.seed})",
            composer="music21-lstm",
            preset=generator.name or "unnamed",
            seed=one.seed,
            options=told,
            command=command,
            primer=one.primer,
            judge=generator,
        )
        for one in found
    ]


def piece_of(source: Source | Piece) -> Piece:
    """*source* as a Piece. A Score that a model made says itself how it came about."""
    if isinstance(source, Piece):
        return source
    if not isinstance(source, stream.Stream) or "preset" not in source.editorial:
        return Piece(source)
    said = source.editorial
    primer = said.get("primer", 0)
    options = {name: value for name, value in said.get("options", {}).items() if value is not None}
    asked = [f"{name}={value!r}" for name, value in {**options, "seed": said.get("seed")}.items()]
    given = ", ".join([*(["primer"] if primer else []), *asked])
    name = said["preset"]
    return Piece(
        source,
        preset=name or "unnamed",
        seed=said.get("seed"),
        options=options,
        # A model without a name cannot be loaded again by one.
        command=f"music21_lstm.load({name!r}).generate({given})" if name else "",
        primer=primer,
        judge=_judge(name) if name else None,
    )


@lru_cache(maxsize=2)
def _judge(name: str) -> Generator | None:
    """The model of that name or folder, if it is still there."""
    try:
        return load(name)
    except Music21LstmError:
        return None


def music_of(piece: Piece, *, engraved: bool = False) -> Music:
    """The performance and the score of *piece*.

    A Stream with measures is shown as it is written and heard with its instruments, unless it has to
    be *engraved*: then it is one piano's. All else is engraved.
    """
    source = piece.source
    comment = generated_by(piece.preset, piece.seed) if piece.preset else ""
    named = ""
    if isinstance(source, str | Path) and not _is_text(str(source)):
        named = Path(source).stem
        if Path(source).suffix.lower() not in (*MIDI_SUFFIXES, *NOTETEXT_SUFFIXES):
            source = score_from(str(source))
    if isinstance(source, base.Music21Object):
        performance = performance_of_stream(source)
        title = piece.title or _metadata(source, "title") or named
        composer = piece.composer or _metadata(source, "composer")
        if not engraved and isinstance(source, stream.Stream) and _has_measures(source):
            times = times_of_stream(source)
            return Music(performance, source, False, source, times, title, composer, comment)
    else:
        performance = performance_from(source)
        title, composer = piece.title or named, piece.composer
    score = engraved_stream(performance, title=title or None, composer=composer or None)
    # A MIDI file has instruments that a Performance has not; its time is the same.
    sound = performance if engraved or isinstance(source, base.Music21Object) else source
    return Music(performance, score, True, sound, performance.times, title, composer, comment)


def _has_measures(source: stream.Stream[Any]) -> bool:
    return isinstance(source, stream.Measure) or bool(
        source.recurse().getElementsByClass(stream.Measure)
    )


def _is_text(source: str) -> bool:
    return source.lstrip().lower().startswith("notetext:")


def _metadata(source: base.Music21Object, name: str) -> str:
    """A title or a composer that a Stream has; some files have only the title of a movement."""
    found = source.metadata if isinstance(source, stream.Stream) else None
    if found is None:
        return ""
    return str((found.bestTitle if name == "title" else found.composer) or "")
