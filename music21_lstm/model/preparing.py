"""What goes into a training: the pieces on the model's grid, their split, and their data."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from music21_lstm.errors import TrainingError
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig, ModelConfig, PostConfig
from music21_lstm.model.dataset import (
    EventsData,
    Pieces,
    PostData,
    digest_of,
    fine_resolution,
    pieces_for,
    vocabulary_of,
)
from music21_lstm.model.pieces import Piece, performance_of, piece_of
from music21_lstm.model.settings import EventsSettings, Settings
from music21_lstm.model.splitting import Split, listed_split, split_pieces

__all__ = [
    "Music",
    "data_of",
    "going_on",
    "pieces_of",
    "split_of",
    "versions",
    "without_constant_velocity",
]

Music = Pieces | Sequence[Piece]
"""What can be trained on: named performances, or pieces of a corpus."""


def going_on(settings: Settings, start: Checkpoint) -> Settings:
    """The *settings* with the configuration of the model to begin with."""
    if not isinstance(settings, EventsSettings) or not isinstance(start.config, EventsConfig):
        raise TrainingError("only a model of the recipe events can be trained on; train anew")
    return replace(settings, model=replace(start.config, dropout=settings.model.dropout))


def pieces_of(music: Music, settings: Settings) -> list[Piece]:
    """*music* as pieces on the grid of the model, or, for ``post``, with its own ticks."""
    if not isinstance(settings, EventsSettings):
        return [
            item
            if isinstance(item, Piece)
            else piece_of(
                item[1], name=item[0], sha256=digest_of(item[1]), time_base="written",
                resolution=item[1].resolution,
            )
            for item in music
        ]  # fmt: skip
    config = settings.model
    made = iter(pieces_for([item for item in music if not isinstance(item, Piece)], config))
    found = [item if isinstance(item, Piece) else next(made) for item in music]
    wanted = (config.time_base, fine_resolution(config))
    for piece in found:
        if (piece.time_base, piece.resolution) != wanted:
            raise TrainingError(
                f"{piece.name} is in {piece.time_base} time, {piece.resolution} ticks a quarter; "
                f"this model needs {wanted[0]}, {wanted[1]}"
            )
        if not len(piece):
            raise TrainingError(f"{piece.name}: no notes to train on; leave it out")
    return found


def split_of(
    pieces: Sequence[Piece],
    settings: Settings,
    held_out: Collection[str] | None,
    learned: Collection[str] = (),
) -> Split:
    """Which pieces are held out: those that *held_out* lists by SHA-256, else a share drawn.

    *learned* lists those that the model to begin with was trained on: others are held out first.
    """
    if held_out is not None:
        split = listed_split(pieces, held_out)
        if held_out and not (split.train and split.held_out):
            side = "held out" if split.train else "trained on"
            raise TrainingError(f"no piece would be {side}; the list is of other files than these")
        return split
    if settings.held_out:
        return split_pieces(pieces, settings.held_out, settings.seed, learned)
    return Split(tuple(range(len(pieces))), (), 0)


def data_of(
    music: Music, pieces: Sequence[Piece], split: Split, settings: Settings
) -> tuple[ModelConfig, EventsData | PostData, EventsData | PostData | None]:
    """The model's configuration, and its data on both sides of the split."""
    if isinstance(settings, EventsSettings):
        train, held = ([pieces[place] for place in side] for side in (split.train, split.held_out))
        events = EventsData(train, settings)
        return settings.model, events, EventsData(held, settings) if held else None
    songs = [
        (item.name, performance_of(item)) if isinstance(item, Piece) else item for item in music
    ]
    resolutions = {piece.resolution for _, piece in songs}
    if len(resolutions) > 1:
        raise TrainingError(
            f"the pieces have different resolutions ({', '.join(map(str, sorted(resolutions)))} "
            "ticks per quarter), so their tokens do not mean the same; bring them to one"
        )
    learned, kept = ([songs[place] for place in side] for side in (split.train, split.held_out))
    vocabulary = vocabulary_of(learned)
    if not vocabulary:
        raise TrainingError("the pieces have no events; give one or more with notes")
    config = PostConfig(vocabulary, resolutions.pop(), settings.units, settings.window)
    tokens = PostData(learned, vocabulary, settings)
    return config, tokens, PostData(kept, vocabulary, settings) if kept else None


def without_constant_velocity(pieces: Sequence[Piece], settings: Settings) -> Settings:
    """The *settings* without a velocity head, if there is one velocity only: nothing to learn."""
    if not isinstance(settings, EventsSettings):
        return settings
    found = {level for piece in pieces for level in np.unique(piece.notes[:, 3]).tolist()}
    if len(found) > 1:
        return settings
    return replace(settings, model=replace(settings.model, velocity_bins=1))


def versions() -> dict[str, str]:
    """Of Python and of the packages that the weights depend on."""
    names = ("music21-lstm", "tensorflow", "keras", "numpy")
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
