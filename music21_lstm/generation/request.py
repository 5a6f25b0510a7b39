"""What a user asks of the generator, as one frozen value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from operator import index
from typing import TypedDict

import numpy as np

from music21_lstm.encoding.events import TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import EventError, GenerationError, ModelError
from music21_lstm.generation.joining import is_played
from music21_lstm.generation.length import Length, length_of
from music21_lstm.generation.repetition import Repeats
from music21_lstm.generation.sampling import FieldSampling, PerField
from music21_lstm.generation.wishes import Steer, character_of, pairs_of
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import ModelConfig
from music21_lstm.model.steering import Steering

__all__ = ["Drawing", "Options", "Request", "Seed", "first_seed", "metre_of"]

Seed = int | np.random.Generator | None
"""A whole number, something to draw one from, or None for one at random."""

WRITTEN_SAMPLING = FieldSampling.of(min_p=0.1)
"""What is below a tenth of the likeliest is not drawn. With less than this, about one chorale of 50
slips off its beat by a 32nd and never finds back (``python -m benchmarks drift``)."""

PLAYED_SAMPLING = FieldSampling.of(min_p={"key": 0.05}, temperature={"delta": 0.95, "key": 0.95})
"""As played of deltas nothing is cut: a chord (delta 0) is likelier than any one of the hundred other
deltas, which share the rest; cut below a tenth of it, and nothing is left but chords."""

PLAYED_REPETITION = 0.3
"""As played a model may go on for ever with what it has just repeated: without this one piece in some
dozens ends on one note."""

GUIDANCE = 1.5
"""How many times over what is asked is followed. As the network alone would (1), few notes and loud
ones are hardly followed; from 2 on the music is pushed too far (``python -m benchmarks steering``)."""


class Drawing(TypedDict, total=False):
    """The options of all that is played: how events are drawn, and what is asked of them."""

    temperature: PerField | None
    top_k: PerField | None
    top_p: PerField | None
    min_p: PerField | None
    repetition: float | None
    steer: Steer | None
    key: str | None
    density: float | None
    velocity: float | None
    register: float | None
    guidance: float | None
    seed: Seed


class Options(Drawing, total=False):
    """The options of :meth:`~music21_lstm.generation.Generator.perform`: see :class:`Request`."""

    events: int | None
    notes: int | None
    measures: float | None
    seconds: float | None
    until_end: bool
    character: bool
    max_copy: int | None
    time_signature: str
    include_primer: bool
    watch: bool
    retries: int


@dataclass(frozen=True, slots=True)
class Request:
    """The options with their defaults; each is said in docs/generation.md."""

    events: int | None = None
    notes: int | None = None
    measures: float | None = None
    seconds: float | None = None
    until_end: bool = False
    temperature: PerField | None = None
    top_k: PerField | None = None
    top_p: PerField | None = None
    min_p: PerField | None = None
    repetition: float | None = None
    steer: Steer | None = None
    key: str | None = None
    density: float | None = None
    velocity: float | None = None
    register: float | None = None
    guidance: float | None = None
    character: bool = True
    max_copy: int | None = None
    seed: Seed = None
    time_signature: str = "4/4"
    include_primer: bool = True
    watch: bool = True
    retries: int = 3

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise GenerationError(f"retries is {self.retries}; it must be 0 or more")
        if self.wish is not None:
            pairs_of(self.wish)
        if self.guidance is not None and not (
            isinstance(self.guidance, Real) and 0 <= self.guidance <= 10
        ):
            raise GenerationError(
                f"guidance is {self.guidance!r}; it must be a number from 0 to 10, 1 for none"
            )

    def length(self, config: ModelConfig) -> Length:
        """How long to play with a model like that."""
        return length_of(
            config,
            events=self.events,
            notes=self.notes,
            measures=self.measures,
            seconds=self.seconds,
            until_end=self.until_end,
        )

    @property
    def wish(self) -> Steer | None:
        """What is asked of the music: *steer*, or *key*, *density*, *velocity* and *register*."""
        named = {
            name: value
            for name in ("key", "density", "velocity", "register")
            if (value := getattr(self, name)) is not None
        }
        if not named:
            return self.steer
        if self.steer is not None:
            raise GenerationError(
                f"steer and {next(iter(named))} are both given; say it in the Steering"
            )
        try:
            return Steering(**named)
        except ModelError as error:
            raise GenerationError(str(error)) from None
        except TypeError:
            raise GenerationError(
                f"{named}: what is asked for must be numbers, and a key"
            ) from None

    def characters(
        self, checkpoint: Checkpoint, heard: Performance | None, seeds: Sequence[int]
    ) -> list[Steering | None]:
        """What each piece from nothing, of which nothing is asked, is like: drawn with its seed.

        None of each otherwise: a primer has a character of its own, music that is to end by itself
        must be free to (endings are thin and soft), and where nothing is left to chance this is not.
        """
        free = self.character and heard is None and self.wish is None and not self.until_end
        if not free or self.sampling(checkpoint.config).greedy:
            return [None] * len(seeds)
        return [character_of(checkpoint.metadata, seed) for seed in seeds]

    @property
    def guided(self) -> float:
        """How many times over what is asked is followed."""
        return GUIDANCE if self.guidance is None else self.guidance

    def repeats(self, config: ModelConfig, onsets: Sequence[int]) -> Repeats:
        """What playing the same again costs a model like that, after the primer's *onsets*."""
        usual = PLAYED_REPETITION if is_played(config) else 0.0
        return Repeats(usual if self.repetition is None else self.repetition, onsets)

    def sampling(self, config: ModelConfig) -> FieldSampling:
        """How to draw each field from a model like that."""
        names = ("temperature", "top_k", "top_p", "min_p")
        given = {name: getattr(self, name) for name in names}
        return FieldSampling.of(
            PLAYED_SAMPLING if is_played(config) else WRITTEN_SAMPLING,
            **{name: value for name, value in given.items() if value is not None},
        )


def first_seed(seed: Seed) -> int:
    """*seed* as a number; one at random for None, and drawn for a generator of random numbers."""
    if seed is None or isinstance(seed, np.random.Generator):
        return int(np.random.default_rng(seed).integers(2**31))
    try:
        number = index(seed)
    except TypeError:
        number = -1
    if number < 0:
        raise GenerationError(f"seed is {seed!r}; it must be a whole number from 0 on")
    return number


def metre_of(text: str) -> TimeSignature:
    """``3/4`` as a time signature."""
    numerator, _, denominator = text.partition("/")
    try:
        return TimeSignature(0, int(numerator), int(denominator))
    except (ValueError, EventError):
        raise GenerationError(f"time signature {text!r} is none; one looks like 3/4") from None
