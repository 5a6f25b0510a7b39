"""From files to a checkpoint: what is trained on, and what stands beside the model afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from music21_lstm.encoding.events import SetTempo
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import Music21LstmError, TrainingError
from music21_lstm.streams.reading import MIDI_SUFFIXES, performance_from

if TYPE_CHECKING:
    from music21_lstm.model.checkpoint import Checkpoint
    from music21_lstm.model.config import EventsConfig
    from music21_lstm.model.pieces import Piece
    from music21_lstm.model.records import Epoch
    from music21_lstm.model.training import Progress

__all__ = ["TRAINABLE_SUFFIXES", "steady", "train", "training_files"]

Name = str | os.PathLike[str]

TRAINABLE_SUFFIXES = (*MIDI_SUFFIXES, ".notetext", ".musicxml", ".mxl", ".xml", ".abc", ".krn")
"""What is looked for in a folder to train on; a ``.txt`` may be anything, so it has to be named."""

MANY_FILES = 8
"""More files than this are read in several processes."""

ENOUGH_PIECES, HELD_OUT = 5, 0.2
"""When a model is trained on: from so many pieces on, such a share is held out."""


def training_files(paths: Iterable[Name]) -> list[Path]:
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
    files: Sequence[Name],
    target: Name,
    *,
    recipe: str = "events",
    base: str | None = None,
    corpus: str | None = None,
    data: Name | None = None,
    incomplete: bool = False,
    start: Name | None = None,
    cache: Name | None = None,
    workers: int | None = None,
    index: bool = True,
    resume: bool = False,
    patience: int | None = None,
    about: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[tuple[Epoch, ...]], None] | None = None,
    on_read: Callable[[int, int], None] | None = None,
    on_skip: Callable[[str], None] | None = None,
    **settings: object,
) -> Checkpoint:
    """Train a model on *files* (folders are searched) or on a named *corpus*, into folder *target*.

    *settings* are those of the recipe (:func:`music21_lstm.model.settings.settings_for`); *base*
    names a preset's own. *start* is a preset or checkpoint to train on from (fine-tuning): it keeps
    its network (what *base* says of one is passed over), a fifth of the pieces is held out if there
    are five, those first that it was not trained on, and it stops after three epochs without a
    better one. *data* is the folder of a corpus that a user keeps, which has to have all of it
    unless *incomplete*; *cache* is the folder
    of what has been read (default: the usual one). *workers* is how many processes read (default:
    one a processor, for more than eight files; a script then stands under
    ``if __name__ == "__main__":``).

    *resume*, *patience*, *about*, *on_progress* and *on_epoch* are those of
    :func:`music21_lstm.model.training.train`. *on_read* is told how many files of how many have been
    read. A file that was found in a folder and cannot be read, or has no notes, is passed over if
    *on_skip* is there to be told why; one that was named is an error. Beside a model of the recipe
    ``events`` stands the index of what it was trained on (docs/originality.md), unless *index* is
    False.

    Needs the extra ``train`` (TensorFlow). Raises :class:`~music21_lstm.errors.TrainingError`, and
    what reading the files raises.
    """
    from music21_lstm.model import checkpoint, corpora, presets
    from music21_lstm.model.settings import EventsSettings, settings_for
    from music21_lstm.model.training import train as train_pieces

    material = _Material(files, corpus, data, incomplete, cache, workers, on_read, on_skip)
    facts = dict(about or {})
    if corpus is not None:
        facts = {"source": f"corpus {corpus}", "licence": corpora.CORPORA.get(corpus), **facts}
    begin = None
    if start is not None:
        begin = checkpoint.load(presets.resolve(start))
        facts["start"] = {"name": str(start), "licence": begin.metadata.get("licence")}
        settings, base = _going_on(begin, recipe, base, settings), None
    chosen = settings_for(recipe, base, **settings)
    if not isinstance(chosen, EventsSettings):
        songs = material.performances()
        return train_pieces(
            steady(songs), target, chosen, about=facts, resume=resume, patience=patience,
            on_progress=on_progress, on_epoch=on_epoch,
        )  # fmt: skip
    config = chosen.model if begin is None else _events_config(begin)
    pieces = material.pieces(config)
    if begin is not None and settings.get("held_out") is None:
        share = HELD_OUT if len(pieces) >= ENOUGH_PIECES else 0.0
        chosen = settings_for(recipe, base, **{**settings, "held_out": share})
    listed = corpora.held_out(corpus) if corpus is not None else frozenset()
    trained = train_pieces(
        pieces, target, chosen, held_out=listed or None, start=begin, about=facts, resume=resume,
        patience=patience, on_progress=on_progress, on_epoch=on_epoch,
    )  # fmt: skip
    if index:
        _write_index(
            Path(target), trained, pieces, None if start is None else presets.resolve(start)
        )
    return trained


def _going_on(
    begin: Checkpoint, recipe: str, base: str | None, settings: Mapping[str, object]
) -> dict[str, object]:
    """The *settings* with which the trained model *begin* is trained on."""
    from music21_lstm.model.bases import FINE_TUNING, FINE_TUNING_PLAYED
    from music21_lstm.model.config import EventsConfig
    from music21_lstm.model.settings import settings_for

    given = {name: value for name, value in settings.items() if value is not None}
    own = {field.name for field in fields(EventsConfig)}
    kept = sorted((own - {"dropout"}) & given.keys())
    if kept or recipe != "events":
        what = kept[0] if kept else f"the recipe {recipe}"
        raise TrainingError(f"a model that is trained on keeps its own network; leave out {what}")
    config = _events_config(begin)
    usual = FINE_TUNING_PLAYED if config.time_base == "played" else FINE_TUNING
    if base is not None:
        usual = asdict(settings_for(recipe, base))
    network = {name: getattr(config, name) for name in own - {"dropout"}}
    return {n: value for n, value in {**network, **usual, **given}.items() if n != "model"}


def _events_config(begin: Checkpoint) -> EventsConfig:
    from music21_lstm.model.config import EventsConfig

    if not isinstance(begin.config, EventsConfig):
        raise TrainingError("only a model of the recipe events can be trained on; train anew")
    return begin.config


@dataclass(frozen=True, slots=True)
class _Material:
    """What was named to be trained on, and how it is read."""

    files: Sequence[Name]
    corpus: str | None
    data: Name | None
    incomplete: bool
    cache: Name | None
    workers: int | None
    on_read: Callable[[int, int], None] | None
    on_skip: Callable[[str], None] | None

    def pieces(self, config: EventsConfig) -> list[Piece]:
        """All of it as a model of that configuration needs it; its files by way of the cache."""
        from music21_lstm.model.cache import Cache, read_corpus
        from music21_lstm.model.corpora import corpus_pieces
        from music21_lstm.model.dataset import fine_resolution

        options: dict[str, Any] = {
            "time_base": config.time_base,
            "resolution": fine_resolution(config),
            "cache": None if self.cache is None else Cache(Path(self.cache)),
        }
        found: list[Piece] = []
        if self.corpus is not None:
            found += corpus_pieces(
                self.corpus, data=self.data, workers=self.workers or os.cpu_count() or 1,
                on_read=self.on_read, on_skip=self.on_skip if self.incomplete else None, **options,
            )  # fmt: skip
        for names, on_skip in self._groups():
            many = (os.cpu_count() or 1) if len(names) > MANY_FILES else 1
            read = read_corpus(
                names, read=performance_from, workers=self.workers or many,
                on_read=self.on_read, on_skip=on_skip, **options,
            )  # fmt: skip
            found += _with_notes(read, on_skip)
        return found

    def performances(self) -> list[tuple[str, Performance]]:
        """All of it as it is, for the post's recipe."""
        from music21_lstm.model.corpora import corpus as named_corpus

        found = [] if self.corpus is None else named_corpus(self.corpus, self.data)
        for names, on_skip in self._groups():
            for count, path in enumerate(names, 1):
                try:
                    found.append((path.name, performance_from(path)))
                except Music21LstmError as error:
                    if on_skip is None:
                        raise
                    on_skip(str(error))
                if self.on_read is not None:
                    self.on_read(count, len(names))
        return found

    def _groups(self) -> list[tuple[list[Path], Callable[[str], None] | None]]:
        """The files that were named, and those found in folders, which may be passed over."""
        if not self.files and self.corpus is not None:
            return []
        named = set(map(Path, self.files))
        paths = training_files(self.files)
        return [
            ([path for path in paths if path in named], None),
            ([path for path in paths if path not in named], self.on_skip),
        ]


def _with_notes(pieces: Iterable[Piece], on_skip: Callable[[str], None] | None) -> list[Piece]:
    """Those of *pieces* that have notes; without *on_skip* training says what is wrong."""
    kept = []
    for piece in pieces:
        if len(piece) or on_skip is None:
            kept.append(piece)
        else:
            on_skip(f"{piece.name}: no notes to train on")
    return kept


def _write_index(
    folder: Path, trained: Checkpoint, pieces: Iterable[Piece], begun: Path | None
) -> None:
    """The index of the pieces trained on, and of what the model to begin with was trained on."""
    from music21_lstm.generation.index import INDEX_FILE, Index, build_index
    from music21_lstm.model.pieces import performance_of

    learned = {sha256 for _, sha256 in trained.metadata["data"]["trained_on"]}
    index = build_index(
        ((piece.name, performance_of(piece)) for piece in pieces if piece.sha256 in learned),
        _events_config(trained).time_base,
    )
    if begun is not None and (begun / INDEX_FILE).exists():
        index = Index.load(begun / INDEX_FILE) + index
    index.save(folder / INDEX_FILE)


def steady(pieces: list[tuple[str, Performance]]) -> list[tuple[str, Performance]]:
    """The pieces *as played* if the tempo of one changes: their tokens are then notes.

    As written most would be changes of tempo (Für Elise: 923 of 3,166), and the post's network
    learns to play those, and no notes.
    """

    def changes(performance: Performance) -> bool:
        return len({e.mpqn for e in performance.events if isinstance(e, SetTempo)}) > 1

    if not any(changes(performance) for _, performance in pieces):
        return pieces
    return [(name, performance.played()) for name, performance in pieces]
