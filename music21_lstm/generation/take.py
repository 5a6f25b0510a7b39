"""One stream of music being played: what sounds, how far it is, when it has to stop, and why it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import Event, NoteOn
from music21_lstm.generation.grammar import Sounding
from music21_lstm.generation.length import Length
from music21_lstm.generation.originality import CopyWatch
from music21_lstm.generation.repetition import Repeats
from music21_lstm.generation.watch import Collapse, Watch

__all__ = ["Ask", "Span", "Step", "Take"]

Step = tuple[Event, ...]
"""What a network says at once: a note on or off, and what comes with it, such as the pedal."""

_CLOSING_EVENTS = 4096
"""So many events to release what sounds when the last note has been played; then it is released."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What the next event of a stream may be.

    *closing*: no note may start. *may_end*: the music may be over. *wait*: ticks of the grid that
    have to pass first, as far as one delta reaches. *penalty*: nats to take from each pitch's note
    on, (128,). *forbidden* says, for so many ticks on, which pitches may not start, (128,).
    """

    closing: bool = False
    may_end: bool = False
    wait: int = 0
    penalty: NDArray[np.float32] | None = None
    forbidden: Callable[[int], NDArray[np.bool_]] | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The room that a take has, in ticks of the grid from the primer's last event.

    All is over at the tick *until* (None: at no certain one), and nothing happens before *wait*.
    """

    until: int | None = None
    wait: int = 0


class Take:
    """A stream of events up to its *length* (None: endless), and then note offs for all that sounds.

    Ask it what may come (:meth:`ask`), give it what came (:meth:`hear`), until it is :attr:`over`.
    *resolution* is the grid's ticks a quarter: without a bar line to end at, the last notes are held
    for a quarter. *pedal* says whether the sustain pedal is down at the start; at the end it is up.
    """

    def __init__(
        self,
        resolution: int,
        length: Length | None = None,
        span: Span = Span(),
        *,
        repeats: Repeats | None = None,
        watch: Watch | None = None,
        copies: CopyWatch | None = None,
        pedal: bool = False,
    ) -> None:
        self.events: list[Event] = []
        """All that was heard, in the grid's ticks."""
        self.ended = False
        """Whether the model itself ended the music."""
        self.collapse: Collapse | None = None
        """Why the take was stopped early."""
        self.over = False
        self._resolution, self._length, self._span = resolution, length, span
        self._repeats, self._watch, self._copies = repeats, watch, copies
        self._sounding = Sounding(pedal)
        self._tick = self._notes = 0
        self._usual = Ask(may_end=length is not None and length.until_end)
        self._last_note = self._last_event = inf
        if length is not None and length.unit == "notes":
            self._last_note = length.amount
        elif length is not None and length.unit == "events":
            self._last_event = length.amount

    def ask(self) -> Ask | None:
        """What the next event may be; None if the take is over."""
        if self.over:
            return None
        closing = self._notes >= self._last_note
        wait = max(0, self._span.wait - self._tick)
        penalty = self._penalty()
        if self._copies is None and penalty is None and not wait and not closing:
            return self._usual
        forbidden = None if self._copies is None else partial(self._forbidden, self._copies)
        return Ask(closing, self._usual.may_end, wait, penalty, forbidden)

    def _penalty(self) -> NDArray[np.float32] | None:
        """What each pitch costs because it has been heard enough."""
        penalty = None if self._repeats is None else self._repeats.penalty()
        weary = {} if self._watch is None else self._watch.weary()
        if not weary:
            return penalty
        found = np.zeros(128, np.float32) if penalty is None else penalty
        for pitch, nats in weary.items():
            found[pitch] += nats
        return found

    def _forbidden(self, copies: CopyWatch, delta: int) -> NDArray[np.bool_]:
        return copies.forbidden(self._tick + delta)

    def hear(self, step: Step | None) -> None:
        """Go on to *step*; None: the music is over."""
        if step is None:
            self.ended = True
            self._close()
            return
        for event in step:
            if not self.over:
                self._hear(event, watched=event is step[-1])

    def _hear(self, event: Event, *, watched: bool) -> None:
        """Go on to an event; the watch hears the last of a step, the others come with it."""
        until = self._span.until
        if until is not None and self._tick + event.delta >= until:
            if self._watch is not None:
                self.collapse = self._watch.silence(until)
            self._close()
            return
        self._tick += event.delta
        self.events.append(event)
        self._sounding.take(event)
        if isinstance(event, NoteOn):
            self._notes += 1
            if self._repeats is not None:
                self._repeats.take(event.pitch)
            if self._copies is not None:
                self._copies.hear(self._tick, event.pitch)
        if self._watch is not None and watched:
            self.collapse = self._watch.take(event, self._tick)
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        count = len(self.events)
        if self.collapse is not None:
            self.over = True
        elif count >= self._last_event or (
            self._notes >= self._last_note and (not self._sounding or self._late(count))
        ):
            self._close()

    def _late(self, count: int) -> bool:
        return self._length is not None and count > self._length.amount * 16 + _CLOSING_EVENTS

    def _close(self) -> None:
        """Release what sounds, and the pedal, at the bar line or after a quarter."""
        until = self._span.until
        delta = self._resolution if until is None else until - self._tick
        self.events += self._sounding.ended(delta)
        self.over = True
