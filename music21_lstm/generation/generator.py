"""A trained model that continues a primer, or starts from nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from math import lcm
from typing import Any, Literal

import numpy as np
from music21 import stream
from threadpoolctl import ThreadpoolController

from music21_lstm.encoding.events import (
    MAX_RESOLUTION,
    Event,
    KeySignature,
    NoteOn,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import DEFAULT_MPQN as MIDI_MPQN
from music21_lstm.encoding.performance import (
    DEFAULT_RESOLUTION,
    PLAYED_RESOLUTION,
    Performance,
)
from music21_lstm.errors import EventError, GenerationError
from music21_lstm.generation.grammar import Sounding
from music21_lstm.generation.players import Player, player_of
from music21_lstm.generation.sampling import Sampling
from music21_lstm.model import checkpoint as checkpoints
from music21_lstm.model import presets
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import EventsConfig
from music21_lstm.streams.decode import engraved_stream
from music21_lstm.streams.reading import Source, performance_from

__all__ = ["Generator", "Length", "load"]

Unit = Literal["events", "notes", "measures", "seconds"]

DEFAULT_MIN_P = 0.1
"""What is below a tenth of the likeliest is not drawn. With less than this, about one chorale of 50
slips off its beat by a 32nd and never finds back (``python -m benchmarks drift``)."""

DEFAULT_MPQN = 666_667
"""The tempo of music from a model of written time without a primer: 90 quarters a minute."""

PLAYED_QUARTERS_A_SECOND = 2
"""Played time is told at 120 quarters a minute."""

_MARKS = (SetTempo, KeySignature, TimeSignature)

_BLOCK = 64
"""Events that are made in one go, with BLAS held to one thread."""

_STANDSTILL = 1000
"""So many events without any time passing are no music."""


@dataclass(frozen=True, slots=True)
class Length:
    """How much to play: an *amount* of a *unit*, beyond the primer.

    ``events`` and ``notes`` are counted to the letter; ``measures`` are full ones, after the rest of
    one that the primer leaves open; ``seconds`` go by the primer's last tempo.
    """

    unit: Unit
    amount: float

    def __post_init__(self) -> None:
        whole = self.unit in ("events", "notes")
        if not 0 < self.amount < 1e7 or (whole and self.amount != int(self.amount)):
            kind = "whole number" if whole else "number"
            raise GenerationError(f"{self.unit} is {self.amount}; it must be a {kind} above 0")


class Generator:
    """A model ready to improvise; made by :func:`load`. It needs no TensorFlow."""

    def __init__(self, checkpoint: Checkpoint, name: str = "") -> None:
        self.checkpoint = checkpoint
        self.name = name
        """The preset's name, or the path that was loaded."""

    def __repr__(self) -> str:
        recipe = self.checkpoint.config.RECIPE
        return (
            f"<Generator {self.name or 'unnamed'}: {recipe}, {self.checkpoint.parameters} weights>"
        )

    def generate(self, primer: Source | None = None, **options: Any) -> stream.Score:
        """Improvise, and return a music21 Score to read, write, show or work with.

        *primer* and *options* are those of :meth:`perform`. The Score still knows the exact
        performance: writing it as notetext or sound gives what was played.
        """
        performance = self.perform(primer, **options)
        title = f"Improvisation ({self.name})" if self.name else "Improvisation"
        return engraved_stream(performance, title=title, composer="music21-lstm")

    def perform(
        self,
        primer: Source | None = None,
        *,
        events: int | None = None,
        notes: int | None = None,
        measures: float | None = None,
        seconds: float | None = None,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = DEFAULT_MIN_P,
        seed: int | np.random.Generator | None = None,
        time_signature: str = "4/4",
        include_primer: bool = True,
    ) -> Performance:
        """Improvise, and return a Performance: the primer (unless told otherwise) and what follows.

        *primer*: a Stream, a Performance, or a path of MIDI, notetext or MusicXML. One of *events*,
        *notes*, *measures* and *seconds* says how much is added; by default 16 measures, or 60
        seconds of a model of played time, or 500 events of the post's. For *temperature* to *min_p*
        see :class:`~music21_lstm.generation.Sampling`. The same *seed* and inputs give the same
        performance. *time_signature* is for playing without a primer.

        Raises :class:`~music21_lstm.errors.GenerationError` for options out of range and for a
        primer without notes.

        >>> tune = load("chorale").perform(notes=8, seed=1)
        >>> sum(isinstance(event, NoteOn) for event in tune), tune == load("chorale").perform(
        ...     notes=8, seed=1)
        (8, True)
        """
        length = _length(self.checkpoint, events, notes, measures, seconds)
        sampling = Sampling(temperature, top_k, top_p, min_p)
        player, heard = self._begin(primer, seed, time_signature)
        with _one_thread():
            new = list(_play(player, sampling, length, _mpqn(self.checkpoint, heard)))
        head = _head(self.checkpoint, heard, _metre(time_signature), player.resolution)
        whole = _joined(head, Performance(player.resolution, new), _base(self.checkpoint))
        if include_primer or heard is None:
            return whole
        # Tempo, key and metre go on as the primer left them.
        last = {type(e): replace(e, delta=0) for e in head.events if isinstance(e, _MARKS)}
        return Performance(whole.resolution, [*last.values(), *whole.events[len(head) :]])

    def stream(
        self,
        primer: Source | None = None,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = DEFAULT_MIN_P,
        seed: int | np.random.Generator | None = None,
        time_signature: str = "4/4",
    ) -> Iterator[Event]:
        """Improvise without end, event by event, as they are made.

        Deltas are in ticks of :attr:`resolution`, the first one after the primer's last event. Whoever
        stops listening has to release what still sounds.
        """
        sampling = Sampling(temperature, top_k, top_p, min_p)
        player, _ = self._begin(primer, seed, time_signature)
        while True:
            # BLAS must not be left held to one thread while the caller does something else.
            with _one_thread():
                made = [player.next_event(sampling, closing=False) for _ in range(_BLOCK)]
            for event in made:
                if event is None:
                    return
                yield event

    def _begin(
        self, primer: Source | None, seed: int | np.random.Generator | None, time_signature: str
    ) -> tuple[Player, Performance | None]:
        """A player that has heard *primer*, and the primer as a performance."""
        heard = None if primer is None else _primer(primer)
        with _one_thread():
            player = player_of(self.checkpoint, heard, _metre(time_signature), _random(seed))
        return player, heard

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
    return Generator(checkpoints.load(folder), os.fspath(name_or_path))


# --- playing -----------------------------------------------------------------------------------


def _play(player: Player, sampling: Sampling, length: Length, mpqn: int) -> Iterator[Event]:
    """The player's events up to *length*, and then note offs for all that sounds."""
    sounding = Sounding()
    end = _end_tick(player, length, mpqn)
    tick = notes = still = count = 0
    while not (length.unit == "events" and count >= length.amount):
        closing = length.unit == "notes" and notes >= length.amount
        if closing and not sounding:
            return
        event = player.next_event(sampling, closing=closing)
        if event is None or (end is not None and tick + event.delta >= end):
            break
        still = 0 if event.delta else still + 1
        if still > _STANDSTILL:
            raise GenerationError(
                f"the model stands still: {still} events without any time passing; "
                "try another seed or a temperature nearer to 1"
            )
        tick += event.delta
        count += 1
        notes += isinstance(event, NoteOn)
        sounding.take(event)
        yield event
        if closing and count > length.amount * 16 + 4096:
            break
    # Without a bar line to end at, the last notes are held for a quarter.
    yield from sounding.released(player.resolution if end is None else end - tick)


def _end_tick(player: Player, length: Length, mpqn: int) -> int | None:
    """The tick of the player's grid at which all must be over, counted from the primer's end."""
    if length.unit == "measures":
        left = -player.position % player.bar
        return left + max(1, round(length.amount * player.bar))
    if length.unit == "seconds":
        return max(1, round(length.amount * 1e6 / mpqn * player.resolution))
    return None


def _length(
    checkpoint: Checkpoint,
    events: int | None,
    notes: int | None,
    measures: float | None,
    seconds: float | None,
) -> Length:
    given: list[tuple[Unit, float | None]] = [
        ("events", events),
        ("notes", notes),
        ("measures", measures),
        ("seconds", seconds),
    ]
    chosen = [Length(unit, amount) for unit, amount in given if amount is not None]
    if len(chosen) > 1:
        names = " and ".join(length.unit for length in chosen)
        raise GenerationError(f"{names} are both given; one of them says how long to play")
    if chosen:
        return chosen[0]
    if not isinstance(checkpoint.config, EventsConfig):
        return Length("events", 500)
    return Length("seconds", 60) if _is_played(checkpoint) else Length("measures", 16)


# --- the primer and the whole ------------------------------------------------------------------


def _primer(source: Source) -> Performance:
    primer = performance_from(source)
    if not any(isinstance(event, NoteOn) for event in primer.events):
        raise GenerationError("the primer has no notes; give one that has, or none at all")
    return primer


def _random(seed: int | np.random.Generator | None) -> np.random.Generator:
    try:
        return np.random.default_rng(seed)
    except (ValueError, TypeError):
        raise GenerationError(f"seed is {seed!r}; it must be a whole number from 0 on") from None


def _metre(text: str) -> TimeSignature:
    """``3/4`` as a time signature."""
    numerator, _, denominator = text.partition("/")
    try:
        return TimeSignature(0, int(numerator), int(denominator))
    except (ValueError, EventError):
        raise GenerationError(f"time signature {text!r} is none; one looks like 3/4") from None


def _is_played(checkpoint: Checkpoint) -> bool:
    config = checkpoint.config
    return isinstance(config, EventsConfig) and config.time_base == "played"


def _base(checkpoint: Checkpoint) -> int:
    """The resolution that the result's is a multiple of: the usual one of music on that grid."""
    if not isinstance(checkpoint.config, EventsConfig):
        return checkpoint.config.resolution
    return PLAYED_RESOLUTION if _is_played(checkpoint) else DEFAULT_RESOLUTION


def _mpqn(checkpoint: Checkpoint, primer: Performance | None) -> int:
    """Microseconds a quarter of what is generated: the primer's last tempo."""
    if _is_played(checkpoint):
        return 1_000_000 // PLAYED_QUARTERS_A_SECOND
    if primer is None:
        return DEFAULT_MPQN if isinstance(checkpoint.config, EventsConfig) else MIDI_MPQN
    tempos = [event.mpqn for event in primer.events if isinstance(event, SetTempo)]
    return tempos[-1] if tempos else MIDI_MPQN


def _head(
    checkpoint: Checkpoint, primer: Performance | None, metre: TimeSignature, resolution: int
) -> Performance:
    """What stands before the first generated event: the primer, or tempo and metre."""
    if primer is None:
        start: list[Event] = [SetTempo.from_mpqn(0, _mpqn(checkpoint, None))]
        return Performance(resolution, start if _is_played(checkpoint) else [*start, metre])
    if _is_played(checkpoint):
        primer = primer.played()
    sounding = Sounding()
    for event in primer.events:
        sounding.take(event)
    # A primer that was cut off in the middle of a note leaves none hanging.
    return Performance(primer.resolution, [*primer.events, *sounding.released(0)], primer.losses)


def _joined(head: Performance, new: Performance, base: int) -> Performance:
    """*new* after *head*, at a resolution that holds both without rounding, if MIDI has one.

    It is a multiple of *base* where that is possible.
    """
    common = lcm(head.resolution, new.resolution, base)
    if common > MAX_RESOLUTION:
        common = lcm(head.resolution, new.resolution)
    if common > MAX_RESOLUTION:
        common = new.resolution * (MAX_RESOLUTION // new.resolution)
    return head.rescaled(common) + new.rescaled(common)


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread: for one stream's small products more are much slower."""
    limiter: AbstractContextManager[Any] = _threads().limit(limits=1, user_api="blas")
    return limiter
