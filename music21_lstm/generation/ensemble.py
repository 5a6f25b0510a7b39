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
from music21_lstm.generation.grammar import avoid_keys, forbid_deltas, forbid_keys
from music21_lstm.generation.joining import PLAYED_QUARTERS_A_SECOND, is_played
from music21_lstm.generation.players import PostPlayer
from music21_lstm.generation.sampling import FieldSampling, draws
from music21_lstm.generation.take import Ask, Step
from music21_lstm.generation.wishes import Steer, Wishes, pairs_of
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import END, KEYS, EventsConfig, ModelConfig, PostConfig
from music21_lstm.model.context import observe
from music21_lstm.model.features import Fields, bar_ticks, encode, gridded, velocity_of
from music21_lstm.model.pedal import SUSTAIN, legal_gestures, offsets
from music21_lstm.model.tracker import Tracker, legal_keys, since

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
        self._heard = ~_unheard(checkpoint)
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
        struck = seen.pop("since", None)
        for t in range(len(rows)):
            columns = {name: values[t : t + 1] for name, values in seen.items()}
            cells.advance(
                columns, rows.sounding[t : t + 1], None if struck is None else struck[t : t + 1]
            )

    def next_events(self, sampling: FieldSampling, asks: Sequence[Ask | None]) -> list[Step | None]:
        """Draw delta, key, velocity and pedal, each given the ones before."""
        cells, places = self._left(asks)
        trackers = [self._trackers[place] for place in places]
        drawn = _Draws(
            self._config, trackers, [ask for ask in asks if ask is not None], sampling,
            [self._dice[place] for place in places], self._heard,
        )  # fmt: skip
        drawn.deltas(cells.delta_logits())
        drawn.keys(cells.key_logits(drawn.delta, *drawn.places().T))
        if self._config.has_velocity:
            drawn.velocities(cells.velocity_logits(drawn.key, drawn.delta))
        if self._config.pedal:
            drawn.gestures(cells.pedal_logits(drawn.key, drawn.delta))
        found: list[Step | None] = [None] * len(asks)
        for place, tracker, step in zip(places, trackers, drawn.steps(), strict=True):
            found[place] = _said(self._config, tracker, step, self._velocity)
        self._hear(cells, trackers)
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
        columns = {name: [rows[name] for rows in told] for name in told[0]}
        sounding = np.array([tracker.sounding for tracker in trackers])
        cells.advance(columns, sounding, since(trackers) if self._config.ages else None)


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


class _Draws:
    """The next event of each stream, field by field, all streams at once: *delta*, *key* and so on."""

    def __init__(
        self,
        config: EventsConfig,
        trackers: Sequence[Tracker],
        asks: Sequence[Ask],
        sampling: FieldSampling,
        dice: Sequence[np.random.Generator],
        heard: NDArray[np.bool_],
    ) -> None:
        self._config, self._trackers, self._asks = config, trackers, asks
        self._sampling, self._dice, self._heard = sampling, dice, heard
        self._sounding = np.array([tracker.sounding for tracker in trackers])
        self._last = np.array([tracker.key for tracker in trackers])
        self._closing = [ask.closing for ask in asks]
        self.delta = self.key = np.zeros(len(asks), np.intp)
        self.velocity, self.gesture = np.zeros((2, len(asks)), np.intp)

    def deltas(self, logits: Floats) -> None:
        """Draw when. A chord at the top of the range must not climb out of what was *heard*."""
        edges = self._config.delta_edges
        now = legal_keys(self._sounding, self._last, self.delta) & self._heard
        firsts = [bisect_left(edges, min(ask.wait, edges[-1])) for ask in self._asks]
        forbid_deltas(logits, now, self._closing, firsts)
        self.delta = draws(logits, self._sampling.delta, self._dice)

    def places(self) -> NDArray[np.intp]:
        """Where in the bar that is, (streams, 2): the rows of its embeddings."""
        if not self._config.has_bar:
            return np.zeros((len(self.delta), 2), np.intp)
        timed = zip(self._trackers, self.delta.tolist(), strict=True)
        return np.array([tracker.rows(delta) for tracker, delta in timed])

    def keys(self, logits: Floats) -> None:
        """Draw which note goes on or off, or the end."""
        logits[:, ~self._heard] -= _UNHEARD
        legal = legal_keys(self._sounding, self._last, self.delta)
        may_end = [ask.may_end for ask in self._asks]
        forbid_keys(logits, legal, closing=self._closing, may_end=may_end)
        for row, ask in enumerate(self._asks):
            if ask.penalty is not None:
                logits[row, 128:END] -= ask.penalty
            if ask.forbidden is not None:
                wait = self._config.delta_edges[self.delta[row]]
                avoid_keys(logits[row], ask.forbidden(wait))
        self.key = draws(logits, self._sampling.key, self._dice)

    def velocities(self, logits: Floats) -> None:
        """Draw how loud, of the notes that start."""
        rows = np.flatnonzero((self.key >= 128) & (self.key < END)).tolist()
        if len(rows):
            dice = [self._dice[row] for row in rows]
            self.velocity[rows] = 1 + draws(logits[rows], self._sampling.velocity, dice)

    def gestures(self, logits: Floats) -> None:
        """Draw what the pedal does before the event, where there is time for it."""
        edges = self._config.delta_edges
        gaps = np.array([edges[delta] for delta in self.delta.tolist()])
        rows = np.flatnonzero((gaps > 0) & (self.key != END)).tolist()
        if len(rows):
            logits = np.where(legal_gestures(gaps[rows]), logits[rows], -np.inf)
            dice = [self._dice[row] for row in rows]
            self.gesture[rows] = draws(logits, self._sampling.pedal, dice)

    def steps(self) -> list[list[int]]:
        """Delta, key, velocity and gesture of each."""
        found: list[list[int]] = np.stack(
            [self.delta, self.key, self.velocity, self.gesture], axis=1
        ).tolist()
        return found


def _said(
    config: EventsConfig, tracker: Tracker, step: Sequence[int], velocity: int
) -> Step | None:
    """A *step* as events, taken by the *tracker*; None for the end. *velocity* if none is learned."""
    delta, key, level, gesture = step
    before = tracker.pedal
    if key == END:
        return None
    level = level or int(key >= 128)
    tracker.take(delta, key, level, gesture)
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
