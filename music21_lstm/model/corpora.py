"""Bodies of music to train on by name: one comes with music21, the others are in a user's folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from music21_lstm.encoding.midi import read_midi
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import TrainingError
from music21_lstm.model.cache import read_corpus
from music21_lstm.model.corpora_chorales import (
    LICENCE,
    chorale_files,
    chorales,
    read_chorale,
)
from music21_lstm.model.corpora_listed import LISTED, found_files, listed_files
from music21_lstm.model.pieces import Piece

__all__ = ["CORPORA", "chorales", "corpus", "corpus_pieces", "held_out"]

CORPORA: dict[str, str] = {
    "chorales": LICENCE,
    **{name: listed.licence for name, listed in LISTED.items()},
}
"""The name of each corpus, and under what licence it stands, with attribution."""


def corpus(name: str, data: str | os.PathLike[str] | None = None) -> list[tuple[str, Performance]]:
    """The pieces of the corpus *name*, each with its own name; read anew, one after the other.

    *data* is the folder of those that a user keeps
    (:func:`~music21_lstm.model.corpora_listed.found_files`). Raises
    :class:`~music21_lstm.errors.TrainingError` naming the corpora that there are.
    """
    if _known(name) in LISTED:
        return [(listed.path, read_midi(path)) for listed, path in found_files(name, data)]
    return list(chorales())


def corpus_pieces(
    name: str,
    *,
    data: str | os.PathLike[str] | None = None,
    on_skip: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Piece]:
    """The pieces of the corpus *name* as training needs them, by way of the cache.

    *data* and *on_skip* are those of :func:`~music21_lstm.model.corpora_listed.found_files`,
    *options* of :func:`~music21_lstm.model.cache.read_corpus`. What has no notes is left out.
    """
    if _known(name) in LISTED:
        found = found_files(name, data, on_skip)
        pieces = read_corpus([path for _, path in found], **options)
        named = (
            replace(piece, name=listed.path)
            for piece, (listed, _) in zip(pieces, found, strict=True)
        )
        return [piece for piece in named if len(piece)]
    pieces = read_corpus(chorale_files(), read=read_chorale, on_skip=on_skip, **options)
    return [piece for piece in pieces if len(piece)]


def held_out(name: str) -> frozenset[str]:
    """The SHA-256 of each file that the corpus *name* holds out; none if its split is drawn."""
    if _known(name) not in LISTED:
        return frozenset()
    return frozenset(listed.sha256 for listed in listed_files(name) if listed.held_out)


def _known(name: str) -> str:
    if name not in CORPORA:
        raise TrainingError(f"no corpus {name!r}; known corpora: {', '.join(CORPORA)}")
    return name
