"""A trained model that continues a primer, starts from nothing, and explains what it is shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack, overload

from music21 import stream as m21stream

from music21_lstm.encoding.events import Event
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.fill import filled
from music21_lstm.generation.index import INDEX_FILE, Index
from music21_lstm.generation.joining import primer_from
from music21_lstm.generation.length import Length
from music21_lstm.generation.originality import Originality, originality
from music21_lstm.generation.request import Drawing, Options, Request
from music21_lstm.generation.surprisal import annotated, stream_from
from music21_lstm.generation.variations import (
    Variation,
    endless,
    ranked,
    variations,
)
from music21_lstm.model import checkpoint as checkpoints
from music21_lstm.model import presets
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig
from music21_lstm.streams.decode import engraved_stream
from music21_lstm.streams.reading import Source, performance_from
from music21_lstm.threads import one_thread

__all__ = ["Generator", "Length", "load"]

_BLOCK = 64
"""Events that are made in one go, with BLAS held to one thread."""


class Generator:
    """A model ready to improvise; made by :func:`load`. It needs no TensorFlow."""

    def __init__(self, checkpoint: Checkpoint, name: str = "", folder: Path | None = None) -> None:
        self.checkpoint = checkpoint
        self.name = name
        """The preset's name, or the path that was loaded."""
        self.folder = folder
        """Where the checkpoint is, and beside it the index of what it was trained on."""

    def __repr__(self) -> str:
        recipe = self.checkpoint.config.RECIPE
        return (
            f"<Generator {self.name or 'unnamed'}: {recipe}, {self.checkpoint.parameters} weights>"
        )

    @overload
    def generate(
        self,
        primer: Source | None = ...,
        *,
        count: None = ...,
        rank: bool = ...,
        **options: Unpack[Options],
    ) -> m21stream.Score: ...
    @overload
    def generate(
        self,
        primer: Source | None = ...,
        *,
        count: int,
        rank: bool = ...,
        **options: Unpack[Options],
    ) -> list[m21stream.Score]: ...
    def generate(
        self,
        primer: Source | None = None,
        *,
        count: int | None = None,
        rank: bool = False,
        **options: Unpack[Options],
    ) -> m21stream.Score | list[m21stream.Score]:
        """Improvise, and return a music21 Score to read, write, show or work with.

        All is as for :meth:`perform`; with *count* it is a list of Scores. A Score still knows the
        exact performance: writing it as notetext or sound gives what was played. How it came about
        stands in ``score.editorial``: ``["seed"]``, ``["preset"]``, ``["options"]``, and how many of
        its first notes are the primer's, ``["primer"]``. A notebook shows it as a page
        (docs/page.md).
        """
        found = self._variations(primer, count, rank, options, measured=False)
        told = {name: value for name, value in options.items() if name != "seed"}
        scores = [self._score(variation, told) for variation in found]
        return scores[0] if count is None else scores

    @overload
    def perform(
        self,
        primer: Source | None = ...,
        *,
        count: None = ...,
        rank: bool = ...,
        **options: Unpack[Options],
    ) -> Performance: ...
    @overload
    def perform(
        self,
        primer: Source | None = ...,
        *,
        count: int,
        rank: bool = ...,
        **options: Unpack[Options],
    ) -> list[Performance]: ...
    def perform(
        self,
        primer: Source | None = None,
        *,
        count: int | None = None,
        rank: bool = False,
        **options: Unpack[Options],
    ) -> Performance | list[Performance]:
        """Improvise, and return a Performance: the primer (unless told otherwise) and what follows.

        *primer*: a Stream, a Performance, or a path of MIDI, notetext or MusicXML. One of *events*,
        *notes*, *measures* and *seconds* says how much is added; by default 16 measures, or 60
        seconds of a model of played time, or 500 events of the post's; *until_end* lets the model end
        the music before that. *temperature*, *top_k*, *top_p* and *min_p* (see
        :class:`~music21_lstm.generation.Sampling`) are numbers, or mappings by field of an event:
        delta, key, velocity, pedal. *repetition* is what it costs to play a run of eight onsets
        or more again, in nats an onset. *key*, *density*, *velocity* and *register* are what is
        asked of the music, all along; *steer* is a :class:`~music21_lstm.generation.Steering`, or
        (time, Steering) pairs, in seconds for a model of played time and else in measures, from the
        start of what is new; *guidance* is how many times over it is followed, usually 1.5, and 1 as
        the model alone would. If nothing is asked, there is no primer and no *until_end*, the piece
        has the key, density, velocity level and register of one that was trained on, drawn with its
        seed, unless *character* is False. *max_copy*: no run of more notes that stands in the
        training set (see :meth:`originality`). The same *seed* and inputs give the same performance.
        *time_signature* is for playing without a primer. A take that collapses is thrown away and
        played again with the next seed, up to *retries* times, unless *watch* is False.

        With *count* it is a list of so many, of *seed* and the seeds after it, each the same as it
        would be alone; in that order, or with *rank* by :attr:`Variation.surprisal`, see
        :meth:`variations`.

        Raises :class:`~music21_lstm.errors.GenerationError` for options that are out of range or that
        the model has not learned, for a primer without notes, and if every retry collapses.

        >>> tune = load("chorale").perform(notes=8, seed=1)
        >>> len(tune.notes), tune == load("chorale").perform(notes=8, seed=1)
        (8, True)
        """
        found = self._variations(primer, count, rank, options, measured=False)
        performances = [variation.performance for variation in found]
        return performances[0] if count is None else performances

    def variations(
        self,
        primer: Source | None = None,
        *,
        count: int = 1,
        rank: bool = False,
        measured: bool = True,
        **options: Unpack[Options],
    ) -> list[Variation]:
        """Improvise *count* times, and return all that is known of each: its seed, its surprisal.

        Options are those of :meth:`perform`. With *rank* the variation whose surprisal is nearest to
        the median of them all comes first: of much lower ones the music is dull, it repeats itself;
        in much higher ones something went wrong. Unless it is *measured*, which takes as long as
        playing it, the surprisal of each is None.
        """
        return self._variations(primer, count, rank, options, measured=measured)

    def stream(
        self,
        primer: Source | None = None,
        *,
        character: bool = True,
        max_copy: int | None = None,
        time_signature: str = "4/4",
        **drawing: Unpack[Drawing],
    ) -> Iterator[Event]:
        """Improvise without end, event by event, as they are made.

        Deltas are in ticks of :attr:`resolution`, the first one after the primer's last event. Whoever
        stops listening has to release what still sounds, and the pedal. Options are those of
        :meth:`perform`.
        """
        request = Request(
            character=character, max_copy=max_copy, time_signature=time_signature, **drawing
        )
        sampling = request.sampling(self.checkpoint.config)
        heard = None if primer is None else primer_from(primer)
        with one_thread():
            ensemble, take = endless(self.checkpoint, heard, request, self._index_for(request))
        while not take.over:
            # BLAS must not be left held to one thread while the caller does something else.
            with one_thread():
                for _ in range(_BLOCK):
                    [step] = ensemble.next_events(sampling, [take.ask()])
                    if step is None:
                        return
                    take.hear(step)
            yield from take.events
            take.events.clear()

    def surprisal(self, source: Source, *, color: bool = False) -> m21stream.Stream[Any]:
        """What each note of *source* costs the model, in nats, on a copy of it as a Stream.

        ``note.editorial["surprisal"]`` of each sounding note is the nats of its note on and its note
        off, given all before (of tied notes the first has it); they add up to the total, which
        stands in the Stream's own ``editorial["surprisal"]``, a
        :class:`~music21_lstm.generation.Surprisal`. With *color* the noteheads are coloured, from
        dark blue (0 nats) to orange (three times what the model pays for a note it has not been
        trained on, or more). What is no Stream is engraved first.

        Raises :class:`~music21_lstm.errors.GenerationError` if there are no notes.
        """
        whole = stream_from(source)
        primer_from(whole, "the music", optional=False)
        with one_thread():
            return annotated(self.checkpoint, whole, color=color)

    def fill(
        self,
        source: Source,
        start_measure: int,
        end_measure: int,
        *,
        candidates: int = 16,
        **drawing: Unpack[Drawing],
    ) -> m21stream.Stream[Any]:
        """A copy of *source* with the measures from *start_measure* to *end_measure* written anew.

        The model listens to all that stands before and plays so many *candidates*, of *seed* and the
        seeds after it, into just the time of these measures. The one is taken that it finds least
        surprising: nats a note of the passage, plus nats a note of the eight quarters after it. All
        outside the passage stays as it was; a note tied over one of its edges is cut there. What was
        chosen stands in ``editorial["fill"]``. What is no Stream is engraved first.

        Raises :class:`~music21_lstm.errors.GenerationError` for measures that are not there, for
        transposing instruments, and for a model of whole tokens.
        """
        request = Request(**drawing)
        whole = stream_from(source)
        return filled(self.checkpoint, whole, start_measure, end_measure, request, candidates)

    def originality(self, source: Source) -> Originality:
        """What of *source* stands in the music that the model was trained on (docs/originality.md).

        Raises :class:`~music21_lstm.errors.GenerationError` if no index of it came with the model.
        """
        return originality(self._index, performance_from(source))

    @cached_property
    def _index(self) -> Index:
        """The index of the training set, read when it is first asked for."""
        path = None if self.folder is None else self.folder / INDEX_FILE
        if path is None or not path.exists():
            raise GenerationError(
                f"{self.name or 'this model'} came without an index of the music it was trained on "
                f"({INDEX_FILE} in its folder); train it again to have one, or ask another model"
            )
        return Index.load(path)

    def _index_for(self, request: Request) -> Index | None:
        """The index, if the request has to be held against it."""
        if request.max_copy is None:
            return None
        if not isinstance(self.checkpoint.config, EventsConfig):
            raise GenerationError("max_copy is for models of the recipe events, which draws notes")
        return self._index

    def _variations(
        self,
        primer: Source | None,
        count: int | None,
        rank: bool,
        options: Options,
        *,
        measured: bool,
    ) -> list[Variation]:
        request = Request(**options)
        heard = None if primer is None else primer_from(primer)
        number = 1 if count is None else count
        index = self._index_for(request)
        found = variations(self.checkpoint, heard, request, number, measured or rank, index)
        return ranked(found) if rank else found

    def _score(self, variation: Variation, options: dict[str, object]) -> m21stream.Score:
        title = f"Improvisation ({self.name})" if self.name else "Improvisation"
        score = engraved_stream(
            variation.performance,
            title=title,
            composer="music21-lstm",
            generated_by=f"preset {self.name}" if self.name in presets.names() else None,
        )
        score.editorial["seed"] = variation.seed
        score.editorial["preset"] = self.name
        score.editorial["options"] = options
        score.editorial["primer"] = variation.primer
        return score

    @property
    def resolution(self) -> int:
        """Ticks per quarter note of the model's own grid."""
        return self.checkpoint.config.resolution


def load(name_or_path: str | os.PathLike[str]) -> Generator:
    """A :class:`Generator` from a bundled preset's name or from a checkpoint folder.

    Raises :class:`~music21_lstm.errors.CheckpointError` for a folder that is none, is damaged, or is
    of another format version.
    """
    folder = presets.resolve(name_or_path)
    return Generator(checkpoints.load(folder), os.fspath(name_or_path), folder)
