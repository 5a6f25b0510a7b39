"""Networks that play n streams side by side: each listens to the same primer, then goes its own way."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import ControlChange, Event, NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.cell import EventCells
from music21_lstm.generation.grammar import forbid_deltas, forbid_keys
from music21_lstm.generation.joining import PLAYED_QUARTERS_A_SECOND, is_played
from music21_lstm.generation.players import PostPlayer
from music21_lstm.generation.sampling import FieldSampling, draw
from music21_lstm.generation.take import Ask, Step
from music21_lstm.generation.wishes import Steer, Wishes, pairs_of
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import END, KEYS, EventsConfig, ModelConfig, PostConfig
from music21_lstm.model.context import observe
from music21_lstm.model.features import Fields, bar_ticks, encode, gridded, velocity_of
from music21_lstm.model.pedal import SUSTAIN, legal_gestures, offsets
from music21_lstm.model.tracker import Tracker

__all__ = ["Ensemble", "EventEnsemble", "ensemble_of"]

Floats = NDArray[np.float32]

_UNHEARD = 30.0
"""Nats that make a pitch out of range unlikely, and yet possible where nothing else is."""

DEFAULT_VELOCITY = 80
"""Of a model that has learned none, without a primer to take it from."""


class Ensemble(Protocol):
    """What the generator needs of a network: n streams in lock step, each with its own dice."""

    resolution: int
    """Ticks per quarter of its events."""
    bar: int
    """Ticks in a bar."""
    position: int
    """Ticks since the last bar line when it starts to play."""
    pedal: bool
    """Whether the sustain pedal is down when it starts to play."""

    def next_events(self, sampling: FieldSampling, asks: Sequence[Ask | None]) -> list[Step | None]:
        """The next step of each stream, (n,): None where the music is over, or no event is possible.

        A stream that is asked nothing (None) is over, and will not be asked again. What a stream plays
        does not depend on the others.
        """


def ensemble_of(
    checkpoint: Checkpoint,
    primer: Performance | None,
    metre: TimeSignature,
    dice: Sequence[np.random.Generator],
    steer: Steer | None = None,
) -> Ensemble:
    """As many streams as *dice*, after they have heard *primer*; *metre* is for none.

    *steer* is what is asked of the music, from the primer's end on: its times are in seconds for a
    model of played time, else in full measures. Raises
    :class:`~music21_lstm.errors.GenerationError` if the model has not learned that.
    """
    config = checkpoint.config
    if steer is not None:
        _check_steerable(config, steer)
    if isinstance(config, PostConfig):
        # Without a primer each draws its opening with its own dice.
        return _Soloists([PostPlayer(checkpoint, config, primer, metre, each) for each in dice])
    return EventEnsemble(checkpoint, config, primer, metre, dice, steer)


def _check_steerable(config: ModelConfig, steer: Steer) -> None:
    if not isinstance(config, EventsConfig) or not config.steering:
        raise GenerationError(
            "this model has not learned to follow a key, density, velocity or register; "
            "ask a model that was trained with steering"
        )
    if not config.has_velocity and any(wish.velocity is not None for _, wish in pairs_of(steer)):
        raise GenerationError(
            "this model has learned no velocity; ask for a key, density or register"
        )


class EventEnsemble:
    """The factored network: one matrix product a step for all streams.

    What a stream plays is what it would play alone, but for the last digits of its probabilities.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        config: EventsConfig,
        primer: Performance | None,
        metre: TimeSignature,
        dice: Sequence[np.random.Generator],
        steer: Steer | None,
    ) -> None:
        self._config, self._dice = config, dice
        self._velocity = DEFAULT_VELOCITY
        self.resolution = config.resolution
        cells = EventCells(config, checkpoint.arrays)
        self._unheard = _unheard(checkpoint)
        if primer is None:
            tracker = Tracker(config, bar=bar_ticks(metre.numerator, metre.denominator, config))
        else:
            notes = gridded(primer, config).notes
            self._velocity = round(sum(note.velocity for note in notes) / len(notes))
            tracker = Tracker.after(primer, config)
        self.bar, self.position, self.pedal = tracker.bar, tracker.place, tracker.pedal
        self._begun = tracker.tick
        unit, first = float(self.bar), -self.position % self.bar
        if is_played(config):
            unit, first = float(PLAYED_QUARTERS_A_SECOND * self.resolution), 0
        self._wishes = Wishes() if steer is None else Wishes.of(steer, unit, first)
        if primer is None:
            self._hear(cells, [tracker])
        else:
            self._listen(cells, encode(primer, config))
        self._live = list(range(len(dice)))
        self._cells = cells.chosen([0] * len(dice))
        self._trackers = [copy.deepcopy(tracker, {id(config): config}) for _ in dice]

    def _listen(self, cells: EventCells, rows: Fields) -> None:
        """Hear the events of a primer, wherever its bars begin and end."""
        seen: dict[str, Any] = observe(rows, self._config)
        since = seen.pop("since", None)
        for t in range(len(rows)):
            columns = {name: values[t : t + 1] for name, values in seen.items()}
            cells.advance(
                columns, rows.sounding[t : t + 1], None if since is None else since[t : t + 1]
            )

    def next_events(self, sampling: FieldSampling, asks: Sequence[Ask | None]) -> list[Step | None]:
        """Draw delta, key, velocity and pedal, each given the ones before."""
        drawn = [
            _Draw(
                self._config, self._trackers[place], ask, sampling, self._dice[place], self._unheard
            )
            for place, ask in enumerate(asks)
            if ask is not None
        ]
        cells, places = self._left(asks)
        for one, logits in zip(drawn, cells.delta_logits(), strict=True):
            one.delta(logits)
        delta = np.array([one.step[0] for one in drawn])
        nexts = np.array([one.place for one in drawn])
        for one, logits in zip(
            drawn, cells.key_logits(delta, *nexts.T) - _UNHEARD * self._unheard, strict=True
        ):
            one.key(logits)
        key = np.array([one.step[1] for one in drawn])
        if self._config.has_velocity:
            for one, logits in zip(drawn, cells.velocity_logits(key, delta), strict=True):
                one.velocity(logits)
        if self._config.pedal:
            for one, logits in zip(drawn, cells.pedal_logits(key, delta), strict=True):
                one.pedal(logits)
        found: list[Step | None] = [None] * len(asks)
        for place, one in zip(places, drawn, strict=True):
            found[place] = one.said(self._velocity)
        self._hear(cells, [self._trackers[place] for place in places])
        return found

    def _left(self, asks: Sequence[Ask | None]) -> tuple[EventCells, list[int]]:
        """The cells of the streams that are still asked, and which these are."""
        places = [place for place, ask in enumerate(asks) if ask is not None]
        if places != self._live:
            self._cells = self._cells.chosen([self._live.index(place) for place in places])
            self._live = places
        return self._cells, places

    def _hear(self, cells: EventCells, trackers: Sequence[Tracker]) -> None:
        told = [
            tracker.columns() | self._wishes.at(tracker.tick - self._begun) for tracker in trackers
        ]
        columns = {name: np.array([rows[name] for rows in told]) for name in told[0]}
        since = np.stack([t.since() for t in trackers]) if self._config.ages else None
        cells.advance(columns, np.stack([tracker.sounding for tracker in trackers]), since)


def _unheard(checkpoint: Checkpoint) -> NDArray[np.bool_]:
    """Which keys, (257,), are note ons of pitches beyond all that was trained on, however transposed.

    Of those nothing was learned, not even that they do not come.
    """
    beyond = np.zeros(KEYS, np.bool_)
    unigram = checkpoint.metadata.get("unigram")
    if unigram:
        heard = np.flatnonzero(unigram["key"][128:END])
        reach = checkpoint.metadata["settings"]["transpose"]
        beyond[128 : 128 + max(0, heard[0] - reach)] = True
        beyond[128 + min(128, heard[-1] + reach + 1) : END] = True
    return beyond


class _Draw:
    """The next event of one stream, field by field: *step* is delta, key, velocity and gesture."""

    def __init__(
        self,
        config: EventsConfig,
        tracker: Tracker,
        ask: Ask,
        sampling: FieldSampling,
        dice: np.random.Generator,
        unheard: NDArray[np.bool_],
    ) -> None:
        self._config, self._tracker, self._ask = config, tracker, ask
        self._unheard = unheard
        self._sampling, self._dice = sampling, dice
        self.step = [0, END, 0, 0]
        self.place = (0, 0)

    def delta(self, logits: Floats) -> None:
        """Draw when; afterwards *place* is where in the bar that is."""
        edges, tracker = self._config.delta_edges, self._tracker
        first = bisect_left(edges, min(self._ask.wait, edges[-1]))
        forbid_deltas(
            logits, tracker, closing=self._ask.closing, first=first, unheard=self._unheard
        )
        self.step[0] = draw(logits, self._sampling.delta, self._dice)
        self.place = tracker.rows(self.step[0])

    def key(self, logits: Floats) -> None:
        """Draw which note goes on or off, or the end."""
        ask, delta = self._ask, self.step[0]
        forbid_keys(
            logits, self._tracker, delta, closing=ask.closing, may_end=ask.may_end,
            penalty=ask.penalty,
            forbidden=ask.forbidden and ask.forbidden(self._config.delta_edges[delta]),
        )  # fmt: skip
        self.step[1] = draw(logits, self._sampling.key, self._dice)

    def velocity(self, logits: Floats) -> None:
        """Draw how loud, of a note that starts."""
        if 128 <= self.step[1] < END:
            self.step[2] = 1 + draw(logits, self._sampling.velocity, self._dice)

    def pedal(self, logits: Floats) -> None:
        """Draw what the pedal does before the event, if there is time for it."""
        gap = self._config.delta_edges[self.step[0]]
        if gap and self.step[1] != END:
            logits[~legal_gestures(gap)] = -np.inf
            self.step[3] = draw(logits, self._sampling.pedal, self._dice)

    def said(self, velocity: int) -> Step | None:
        """The step as events, taken by the tracker; None for the end. *velocity* if none is learned."""
        delta, key, level, gesture = self.step
        config, before = self._config, self._tracker.pedal
        if key == END:
            return None
        level = level or int(key >= 128)
        self._tracker.take(delta, key, level, gesture)
        gap, passed = config.delta_edges[delta], 0
        events: list[Event] = []
        for moved in offsets(gesture, gap):
            before = not before
            events.append(ControlChange(moved - passed, 0, SUSTAIN, 127 * before))
            passed = moved
        if key < 128:
            return (*events, NoteOff(gap - passed, key))
        loud = velocity_of(level, config) if config.has_velocity else velocity
        return (*events, NoteOn(gap - passed, key - 128, loud))


class _Soloists:
    """The post's networks, one after another."""

    def __init__(self, players: Sequence[PostPlayer]) -> None:
        self._players = players
        self.resolution = players[0].resolution
        self.bar, self.position, self.pedal = players[0].bar, players[0].position, False

    def next_events(self, sampling: FieldSampling, asks: Sequence[Ask | None]) -> list[Step | None]:
        return [
            None if ask is None else player.next_step(sampling, ask)
            for player, ask in zip(self._players, asks, strict=True)
        ]
