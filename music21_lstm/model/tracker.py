"""What a model sees of a piece at each event, kept up as the events come."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.performance import Performance
from music21_lstm.model.config import END, KEYS, START, EventsConfig
from music21_lstm.model.context import NEVER, clock_of, clock_of_next, recall_rows, rows_seen
from music21_lstm.model.features import Bars, bar_rows, bar_ticks, encode, gridded
from music21_lstm.model.pedal import offsets, pedal_row
from music21_lstm.model.recall import Recall

__all__ = ["EVERY_KEY", "Abreast", "Tracker", "legal_keys"]

_KEYS = np.arange(KEYS)
_PITCHES = (1 << 128) - 1
_NOT_YET = 1 << 62

EVERY_KEY = (1 << KEYS) - 1
"""All 257 keys as the bits of a number."""


def legal_keys(
    sounding: NDArray[np.uint8], last: NDArray[np.integer], delta: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Which keys may come next, (…, 257), where pitches sound, after a last key, at a delta bin.

    *sounding* is (…, 128), *last* and *delta* are (…,). An off only of a sounding pitch, an on only
    of a silent one, in canonical order within a tick, and END at delta 0 when nothing sounds any more.
    Only at delta 0 can there be none.
    """
    together = np.asarray(delta) == 0
    keys = np.empty((*sounding.shape[:-1], KEYS), np.bool_)
    sounds = keys[..., :128]
    np.not_equal(sounding, 0, out=sounds)
    np.logical_not(sounds, out=keys[..., 128:END])
    keys[..., END] = together & (last < 128) & ~sounds.any(axis=-1)
    if together.any():
        # Offs before ons, each from low to high.
        keys &= ~((together & (last < END))[..., None] & (last[..., None] >= _KEYS))
    return keys


class Tracker:
    """What the network sees besides the event itself, kept up event by event.

    *bar* is the length of a bar and *position* where in it tick 0 is, in grid ticks. After
    :meth:`take` of the rows of :func:`~music21_lstm.model.features.encode` the attributes and
    :meth:`rows` are those of its arrays and of :func:`~music21_lstm.model.context.observe`:
    *sounding* (128,) uint8; *key* is the last key taken.

    >>> tracker = Tracker(EventsConfig())
    >>> tracker.take(0, 128 + 60)
    >>> bool(tracker.legal(1)[60]), bool(tracker.legal(1)[61])
    (True, False)
    """

    def __init__(self, config: EventsConfig, *, bar: int | None = None, position: int = 0) -> None:
        self._config = config
        self.bar = bar_ticks(4, 4, config) if bar is None else bar
        self._offset = position
        self.tick = 0
        self.delta, self.key, self.velocity = 0, START, 0
        self.sounding = np.zeros(128, np.uint8)
        self._sounds = 0
        self._struck = np.full(128, _NOT_YET, np.int64)
        self._latest = -1
        self._recall = Recall(config.sequences, config.tolerant)
        self._pedal = self._pedalled = 0

    @classmethod
    def after(cls, performance: Performance, config: EventsConfig) -> Tracker:
        """The tracker that has taken all of *performance*, in the metre that it ends in."""
        rows = encode(performance, config)
        grid = gridded(performance, config)
        position, bar = Bars(grid, config).at(max(note.end for note in grid.notes))
        tracker = cls(config, bar=bar)
        for step, gesture in zip(rows.steps, rows.gesture.tolist(), strict=True):
            tracker.take(*step, gesture)
        tracker._offset = position - tracker.tick
        return tracker

    @property
    def place(self) -> int:
        """Grid ticks since the bar line."""
        return (self._offset + self.tick) % self.bar

    @property
    def position(self) -> int:
        """Grid ticks since the bar line, as a row of its embedding."""
        return self.rows(0)[0]

    @property
    def remaining(self) -> int:
        """Grid ticks to the next bar line, less one, as a row of its embedding."""
        return self.rows(0)[1]

    @property
    def pedal(self) -> bool:
        """Whether the sustain pedal is down."""
        return bool(self._pedal)

    def rows(self, delta: int) -> tuple[int, int]:
        """*position* and *remaining* at the next event, if its delta bin is *delta*."""
        tick = self._offset + self.tick + self._config.delta_edges[delta]
        return bar_rows(tick % self.bar, self.bar, self._config.bar_positions)

    def columns(self) -> dict[str, int]:
        """The row of every embedding at the event that was taken last, but those of steering."""
        return dict(zip(rows_seen(self._config), self.seen(), strict=True))

    def seen(self) -> list[int]:
        """The same rows in the order of :func:`~music21_lstm.model.context.rows_seen`."""
        config = self._config
        found = [self.delta, self.key]
        if config.has_velocity:
            found.append(self.velocity)
        if config.has_bar:
            found += self.rows(0)
        if config.ages:
            found.append(NEVER if self._latest < 0 else clock_of(self.tick - self._latest))
        if config.recall:
            found += recall_rows(self._recall, self.tick, config)
        if config.pedal:
            found.append(pedal_row(self._pedal, self.tick - self._pedalled))
        return found

    def since(self) -> NDArray[np.uint8]:
        """The code of how long ago each pitch was struck, (128,)."""
        found: NDArray[np.uint8] = Abreast([copy.copy(self)]).since()[0]
        return found

    def together(self, keys: int = EVERY_KEY) -> bool:
        """Whether the next event may stand at this same tick (delta 0): some key must be left.

        *keys*: the keys that come into question, as the bits of a number.
        """
        legal = self._sounds | (_PITCHES ^ self._sounds) << 128
        if self.key < END:
            legal = legal >> self.key + 1 << self.key + 1  # offs before ons, each from low to high
        if self.may_end:
            legal |= 1 << END
        return legal & keys != 0

    @property
    def may_end(self) -> bool:
        """Whether the music may be over at this tick: nothing sounds any more."""
        return self.key < 128 and not self._sounds

    def legal(self, delta: int) -> NDArray[np.bool_]:
        """Which keys may come next, (257,), if its delta bin is *delta*: as :func:`legal_keys` has it.

        (Of one stream it is asked twice an event, so it is said in few operations.)
        """
        keys = np.empty(KEYS, np.bool_)
        np.not_equal(self.sounding, 0, out=keys[:128])
        np.logical_not(keys[:128], out=keys[128:END])
        keys[END] = delta == 0 and self.key < 128 and not keys[:128].any()
        if delta == 0 and self.key < END:
            keys[: self.key + 1] = False  # offs before ons, each from low to high
        return keys

    def take(self, delta: int, key: int, velocity: int = 0, gesture: int = 0) -> None:
        """Go on to an event; *gesture* is what the sustain pedal did before it."""
        gap = self._config.delta_edges[delta]
        if gesture:
            moved = offsets(gesture, gap)
            self._pedal, self._pedalled = (self._pedal + len(moved)) % 2, self.tick + moved[-1]
        self.tick += gap
        self.delta, self.key, self.velocity = delta, key, velocity
        if key >= END:
            return
        self.sounding[key % 128] = key >= 128
        if key >= 128:
            self._sounds |= 1 << key - 128
            self._struck[key - 128] = self._latest = self.tick
            if self._config.recall:
                self._recall.strike(self.tick, key - 128, velocity)
            return
        self._sounds &= ~(1 << key)
        if self._config.recall:
            self._recall.release(self.tick, key)


class Abreast:
    """Trackers side by side: what they know of each pitch stands in arrays, a row each.

    *sounding*: (streams, 128) uint8. From here on the *trackers* write there.
    """

    def __init__(self, trackers: Sequence[Tracker]) -> None:
        self.trackers = tuple(trackers)
        self.sounding = np.array([tracker.sounding for tracker in trackers])
        self._struck = np.array([tracker._struck for tracker in trackers])
        self._ticks = np.empty((len(trackers), 1), np.int64)
        self._times = np.empty_like(self._struck)
        self._since = np.empty_like(self.sounding)
        for place, tracker in enumerate(trackers):
            tracker.sounding, tracker._struck = self.sounding[place], self._struck[place]

    def since(self) -> NDArray[np.uint8]:
        """The code of how long ago each pitch was struck, (streams, 128).

        The next call writes over it.
        """
        for place, tracker in enumerate(self.trackers):
            self._ticks[place] = tracker.tick + 1
        np.subtract(self._ticks, self._struck, self._times)
        return clock_of_next(self._times, self._since)
