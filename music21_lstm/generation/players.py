"""The post's network as a player: it listens to a primer, then gives one token after another."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from music21_lstm.encoding.events import Event, NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.notetext import event_of, token_of
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.cell import PostCell
from music21_lstm.generation.grammar import TokenGrammar
from music21_lstm.generation.sampling import FieldSampling, draw
from music21_lstm.generation.take import Ask, Step
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import PostConfig

__all__ = ["PostPlayer"]


class PostPlayer:
    """The post's network over whole tokens, its window of 15 honoured."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        config: PostConfig,
        primer: Performance | None,
        metre: TimeSignature,
        random: np.random.Generator,
    ) -> None:
        self._random = random
        self._events = [event_of(token) for token in config.vocabulary]
        self._grammar = TokenGrammar(self._events)
        self._cell = PostCell(config, checkpoint.arrays)
        self.resolution = config.resolution
        self.position = 0
        self.bar = max(1, 4 * self.resolution * metre.numerator // metre.denominator)
        for number in self._opening(config, primer):
            self._cell.advance(number)

    def _opening(self, config: PostConfig, primer: Performance | None) -> Iterable[int]:
        """The tokens that the network hears first: the primer's, or some of its own vocabulary."""
        if primer is None:
            chosen: list[int] = self._random.integers(
                len(self._events), size=config.window
            ).tolist()
            return chosen
        known = _Nearest(config, self._events)
        heard = [known.number_of(event) for event in primer.rescaled(config.resolution).events]
        numbers = [number for number in heard if number is not None][-config.window :]
        if not numbers:
            raise GenerationError(
                "this model's vocabulary has none of the primer's notes; it knows only tokens of "
                "the pieces it was trained on: use a part of one of them, or no primer"
            )
        return numbers

    def next_step(self, sampling: FieldSampling, ask: Ask) -> Step | None:
        """Draw the next token."""
        if ask.wait > 0:
            raise GenerationError(
                "this model draws whole tokens and cannot be told where to begin; "
                "fill with a model of the recipe events"
            )
        logits = self._cell.logits()
        if not self._grammar.forbid(logits, closing=ask.closing, penalty=ask.penalty):
            return None
        number = draw(logits, sampling.one, self._random)
        event = self._events[number]
        self._grammar.take(event)
        self._cell.advance(number)
        return (event,)


class _Nearest:
    """The token of a vocabulary for an event: itself, or the nearest of the same note."""

    def __init__(self, config: PostConfig, events: list[Event]) -> None:
        self._numbers = {token: number for number, token in enumerate(config.vocabulary)}
        self._alike: dict[tuple[type[Event], int], list[tuple[int, int, int]]] = {}
        for number, event in enumerate(events):
            if isinstance(event, NoteOn | NoteOff):
                row = (event.delta, event.velocity, number)
                self._alike.setdefault((type(event), event.pitch), []).append(row)

    def number_of(self, event: Event) -> int | None:
        """Its number; None for an event that the vocabulary has nothing like."""
        exact = self._numbers.get(token_of(event))
        if exact is not None or not isinstance(event, NoteOn | NoteOff):
            return exact
        alike = self._alike.get((type(event), event.pitch))
        if not alike:
            return None
        return min(alike, key=lambda r: (abs(r[0] - event.delta), abs(r[1] - event.velocity)))[2]
