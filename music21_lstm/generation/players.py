"""A network that plays: it listens to a primer, then gives one event after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from music21_lstm.encoding.events import Event, NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.notetext import event_of, token_of
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.cell import EventCell, PostCell
from music21_lstm.generation.grammar import TokenGrammar, forbid_deltas, forbid_keys
from music21_lstm.generation.sampling import Sampling, draw
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import START, EventsConfig, PostConfig
from music21_lstm.model.features import Bars, Tracker, bar_ticks, encode, gridded, velocity_of

__all__ = ["EventPlayer", "Player", "PostPlayer", "player_of"]

DEFAULT_VELOCITY = 80
"""Of a model that has learned none, without a primer to take it from."""


class Player(Protocol):
    """What the generator needs of a network."""

    resolution: int
    """Ticks per quarter of its events."""
    bar: int
    """Ticks in a bar."""
    position: int
    """Ticks since the last bar line when it starts to play."""

    def next_event(self, sampling: Sampling, *, closing: bool) -> Event | None:
        """The next event; None where no event is possible. *closing*: no note may start."""


def player_of(
    checkpoint: Checkpoint,
    primer: Performance | None,
    metre: TimeSignature,
    random: np.random.Generator,
) -> Player:
    """The player of either recipe, after it has heard *primer*; *metre* is for none."""
    if isinstance(checkpoint.config, PostConfig):
        return PostPlayer(checkpoint, checkpoint.config, primer, metre, random)
    return EventPlayer(checkpoint, checkpoint.config, primer, metre, random)


class EventPlayer:
    """The factored network; its LSTM state is carried from event to event."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        config: EventsConfig,
        primer: Performance | None,
        metre: TimeSignature,
        random: np.random.Generator,
    ) -> None:
        self._config, self._random = config, random
        self._cell = EventCell(config, checkpoint.arrays)
        self._velocity = DEFAULT_VELOCITY
        self.resolution = config.resolution
        if primer is None:
            self.bar, self.position = bar_ticks(metre.numerator, metre.denominator, config), 0
            self._tracker = Tracker(config, bar=self.bar)
            self._hear((0, START, 0), self._tracker)
        else:
            self._listen(primer)

    def _listen(self, primer: Performance) -> None:
        grid = gridded(primer, self._config)
        notes = grid.notes
        self._velocity = round(sum(note.velocity for note in notes) / len(notes))
        self.position, self.bar = Bars(grid, self._config).at(max(note.end for note in notes))
        rows = encode(primer, self._config)
        places = zip(rows.sounding, rows.position.tolist(), rows.remaining.tolist(), strict=True)
        for step, (sounding, position, remaining) in zip(rows.steps, places, strict=True):
            self._cell.advance(*step, sounding, position, remaining)
        self._tracker = Tracker.after(primer, self._config)

    def _hear(self, step: tuple[int, int, int], tracker: Tracker) -> None:
        self._cell.advance(*step, tracker.sounding, tracker.position, tracker.remaining)

    def next_event(self, sampling: Sampling, *, closing: bool) -> Event | None:
        """Draw delta, key and velocity, each given the ones before."""
        cell, tracker, config = self._cell, self._tracker, self._config
        logits = cell.delta_logits()
        forbid_deltas(logits, tracker)
        if closing and not _may_end(tracker):
            logits[0] = -np.inf
        delta = draw(logits, sampling, self._random)
        logits = cell.key_logits(delta, *tracker.rows(delta))
        forbid_keys(logits, tracker, delta, closing=closing)
        key = draw(logits, sampling, self._random)
        index, velocity = (1, self._velocity) if key >= 128 else (0, 0)
        if key >= 128 and config.has_velocity:
            index = 1 + draw(cell.velocity_logits(key, delta), sampling, self._random)
            velocity = velocity_of(index, config)
        tracker.take(delta, key, index)
        self._hear((delta, key, index), tracker)
        ticks = config.delta_edges[delta]
        return NoteOn(ticks, key - 128, velocity) if key >= 128 else NoteOff(ticks, key)


def _may_end(tracker: Tracker) -> bool:
    """Whether a note off may stand at this same tick."""
    return bool(tracker.legal(0)[:128].any())


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

    def next_event(self, sampling: Sampling, *, closing: bool) -> Event | None:
        """Draw the next token."""
        logits = self._cell.logits()
        if not self._grammar.forbid(logits, closing=closing):
            return None
        number = draw(logits, sampling, self._random)
        event = self._events[number]
        self._grammar.take(event)
        self._cell.advance(number)
        return event


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
