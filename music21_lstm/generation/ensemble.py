"""Networks that play n streams side by side: each listens to the same primer, then goes its own way."""

from __future__ import annotations

import copy
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import ControlChange, Event, NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.cell import EventCells
from music21_lstm.generation.grammar import NEVER, Allowed, avoid_keys
from music21_lstm.generation.guided import Cells, GuidedCells
from music21_lstm.generation.joining import PLAYED_QUARTERS_A_SECOND, is_played
from music21_lstm.generation.players import PostPlayer
from music21_lstm.generation.sampling import FieldSampling, Sampling, draws
from music21_lstm.generation.take import Ask, Step
from music21_lstm.generation.wishes import Steer, Wishes, pairs_of
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import END, KEYS, EventsConfig, ModelConfig, PostConfig
from music21_lstm.model.context import observe, rows_seen
from music21_lstm.model.features import Fields, bar_ticks, encode, gridded, velocity_of
from music21_lstm.model.pedal import SUSTAIN, legal_gestures, offsets
from music21_lstm.model.tracker import Abreast, Tracker

__all__ = ["Ensemble", "EventEnsemble", "ensemble_of"]

Floats = NDArray[np.float32]

_OFFS = (1 << 128) - 1
"""The keys that end a note, as the bits of a number."""

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
    steers: Sequence[Steer | None] = (),
    guidance: float = 1.0,
) -> Ensemble:
    """As many streams as *dice*, after they have heard *primer*; *metre* is for none.

    *steers* is what is asked of each, from the primer's end on: its times are in seconds for a model
    of played time, else in full measures; *guidance* how many times over it is followed. Raises
    :class:`~music21_lstm.errors.GenerationError` if the model has not learned that.
    """
    config = checkpoint.config
    for steer in steers:
        if steer is not None:
            _check_steerable(config, steer)
    if isinstance(config, PostConfig):
        # Without a primer each draws its opening with its own dice.
        return _Soloists([PostPlayer(checkpoint, config, primer, metre, each) for each in dice])
    return EventEnsemble(checkpoint, config, primer, metre, dice, steers, guidance)


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
        steers: Sequence[Steer | None] = (),
        guidance: float = 1.0,
    ) -> None:
        self._config, self._dice = config, dice
        self._velocity = DEFAULT_VELOCITY
        self._levels = [velocity_of(level, config) for level in range(config.velocity_bins + 1)]
        self.resolution = config.resolution
        cells = EventCells.of(checkpoint, config)
        beyond = _unheard(checkpoint)
        self._far = np.where(beyond, np.float32(-_UNHEARD), np.float32(0))
        self._heard = sum(1 << key for key in np.flatnonzero(~beyond).tolist())
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
        self._wishes = [
            Wishes() if steer is None else Wishes.of(steer, unit, first)
            for steer in steers or [None] * len(dice)
        ]
        if primer is not None:
            self._listen(cells, encode(primer, config))
        everyone = [0] * len(dice)
        self._live = list(range(len(dice)))
        self._cells: Cells = (
            cells.chosen(everyone)
            if guidance == 1 or not any(wishes.asked for wishes in self._wishes)
            else GuidedCells(cells, everyone, len(rows_seen(config)), guidance)
        )
        self._stand([copy.deepcopy(tracker, {id(config): config}) for _ in dice])
        if primer is None:
            self._hear()

    def _stand(self, trackers: Sequence[Tracker]) -> None:
        """Go on with so many *trackers*, side by side."""
        self._abreast = Abreast(trackers)
        self._allowed = Allowed(self._abreast.sounding, self._far)

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
        self._leave([place for place, ask in enumerate(asks) if ask is not None])
        drawn = _Draws(
            self._config, self._cells, self._abreast.trackers,
            [ask for ask in asks if ask is not None], [self._dice[place] for place in self._live],
        )  # fmt: skip
        drawn.deltas(sampling.delta, self._heard)
        drawn.keys(sampling.key, self._allowed)
        drawn.velocities(sampling.velocity)
        drawn.gestures(sampling.pedal)
        found: list[Step | None] = [None] * len(asks)
        for row, (place, step) in enumerate(zip(self._live, drawn.steps(), strict=True)):
            found[place] = self._said(row, *step)
        self._hear()
        return found

    def _leave(self, live: list[int]) -> None:
        """Go on with those streams alone that are still asked."""
        if live != self._live:
            rows = [self._live.index(place) for place in live]
            self._cells = self._cells.chosen(rows)
            self._stand([self._abreast.trackers[row] for row in rows])
            self._live = live

    def _hear(self) -> None:
        """Tell the network where each stream is now."""
        trackers = self._abreast.trackers
        told = [tracker.seen() for tracker in trackers]
        for rows, tracker, place in zip(told, trackers, self._live, strict=True):
            wishes = self._wishes[place]
            if wishes.ticks:
                rows += wishes.at(tracker.tick - self._begun)
        since = self._abreast.since() if self._config.ages else None
        self._cells.hear(told, self._abreast.sounding, since)

    def _said(self, row: int, delta: int, key: int, level: int, gesture: int) -> Step | None:
        """A step as events, taken by the tracker; None for the end."""
        if key == END:
            return None
        config, tracker = self._config, self._abreast.trackers[row]
        gap, passed = config.delta_edges[delta], 0
        down = tracker.pedal
        level = level or int(key >= 128)
        tracker.take(delta, key, level, gesture)
        self._allowed.take(row, key)
        events: list[Event] = []
        for moved in offsets(gesture, gap):
            down = not down
            events.append(ControlChange(moved - passed, 0, SUSTAIN, 127 * down))
            passed = moved
        if key < 128:
            return (*events, NoteOff(gap - passed, key))
        loud = self._levels[level] if config.has_velocity else self._velocity
        return (*events, NoteOn(gap - passed, key - 128, loud))


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
    """The next event of each stream, field by field, all streams at once."""

    def __init__(
        self,
        config: EventsConfig,
        cells: Cells,
        trackers: Sequence[Tracker],
        asks: Sequence[Ask],
        dice: Sequence[np.random.Generator],
    ) -> None:
        self._config, self._cells = config, cells
        self._trackers, self._asks, self._dice = trackers, asks, dice
        self._delta: list[int] = []
        self._key: list[int] = []
        self._velocity, self._gesture = [0] * len(asks), [0] * len(asks)

    def deltas(self, sampling: Sampling, heard: int) -> None:
        """Draw when. A chord at the top of the range must not climb out of what was *heard*."""
        logits, edges = self._cells.delta_logits(), self._config.delta_edges
        for row, tracker, ask in zip(logits, self._trackers, self._asks, strict=True):
            if not tracker.together(heard & _OFFS if ask.closing else heard):
                row[0] = NEVER
            if ask.wait > 0:
                row[: bisect_left(edges, min(ask.wait, edges[-1]))] = NEVER
        self._delta = draws(logits, sampling, self._dice)

    def keys(self, sampling: Sampling, allowed: Allowed) -> None:
        """Draw which note goes on or off, or the end."""
        logits = self._cells.key_logits(self._delta, *self._places())
        ends = logits[:, END].tolist()
        np.add(logits, allowed.rows, logits)
        told = zip(logits, self._trackers, self._asks, self._delta, ends, strict=True)
        for row, tracker, ask, delta, end in told:
            if delta == 0 and tracker.key < END:
                row[: tracker.key + 1] = NEVER  # offs before ons, each from low to high
                if ask.may_end and tracker.may_end:
                    row[END] = end
            if ask.closing:
                row[128:END] = NEVER
            if ask.penalty is not None:
                row[128:END] -= ask.penalty
            if ask.forbidden is not None:
                avoid_keys(row, ask.forbidden(self._config.delta_edges[delta]))
        self._key = draws(logits, sampling, self._dice)

    def _places(self) -> tuple[list[int], list[int]]:
        """Where in the bar the events are: the rows of its embeddings."""
        if not self._config.has_bar:
            return [], []
        timed = zip(self._trackers, self._delta, strict=True)
        rows = [tracker.rows(delta) for tracker, delta in timed]
        return [position for position, _ in rows], [remaining for _, remaining in rows]

    def velocities(self, sampling: Sampling) -> None:
        """Draw how loud, of the notes that start."""
        if not self._config.has_velocity:
            return
        starting = [row for row, key in enumerate(self._key) if 128 <= key < END]
        if starting:
            logits = self._cells.velocity_logits(*self._of(starting), starting)
            found = draws(logits, sampling, [self._dice[row] for row in starting])
            for row, level in zip(starting, found, strict=True):
                self._velocity[row] = 1 + level

    def gestures(self, sampling: Sampling) -> None:
        """Draw what the pedal does before the event, where there is time for it."""
        if not self._config.pedal:
            return
        # (No time passes in the first bin alone.)
        later = [row for row, delta in enumerate(self._delta) if delta and self._key[row] != END]
        if later:
            keys, deltas = self._of(later)
            logits = self._cells.pedal_logits(keys, deltas, later)
            room = legal_gestures(np.array([self._config.delta_edges[delta] for delta in deltas]))
            logits[~room] = NEVER
            found = draws(logits, sampling, [self._dice[row] for row in later])
            for row, gesture in zip(later, found, strict=True):
                self._gesture[row] = gesture

    def _of(self, rows: Sequence[int]) -> tuple[list[int], list[int]]:
        """The keys and the deltas of some of the streams."""
        return [self._key[row] for row in rows], [self._delta[row] for row in rows]

    def steps(self) -> Iterator[tuple[int, int, int, int]]:
        """Delta, key, velocity and gesture of each."""
        return zip(self._delta, self._key, self._velocity, self._gesture, strict=True)


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
