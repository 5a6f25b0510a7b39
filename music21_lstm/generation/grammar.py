"""Which event may come next, so that no note is ever stuck.

A note off only for a sounding note, a note on only for a silent one, and every note released at the
end: whatever the network thinks, what is played keeps to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import ControlChange, Event, NoteOff, NoteOn
from music21_lstm.model.config import END, KEYS
from music21_lstm.model.pedal import SUSTAIN

__all__ = ["NEVER", "Allowed", "Sounding", "TokenGrammar", "avoid_keys"]

Floats = NDArray[np.float32]
NEVER = np.float32(-np.inf)
"""The logit of what cannot be."""


class Allowed:
    """What is added to the logits of keys, kept up event by event: minus infinity for an illegal one.

    *sounding*, (streams, 128): the pitches that sound. *far*, (257,), is added to the legal ones.
    Of END it says minus infinity, and of the order of keys within a tick nothing.
    """

    def __init__(self, sounding: NDArray[np.uint8], far: Floats) -> None:
        self._far = far
        self.rows: Floats = np.empty((len(sounding), KEYS), np.float32)
        self.rows[:, :128] = np.where(sounding, far[:128], NEVER)
        self.rows[:, 128:END] = np.where(sounding, NEVER, far[128:END])
        self.rows[:, END] = NEVER

    def take(self, stream: int, key: int) -> None:
        """Go on to a note on or off of a *stream*: now its opposite may come."""
        other = (key + 128) % 256
        self.rows[stream, key] = NEVER
        self.rows[stream, other] = self._far[other]


def avoid_keys(logits: Floats, forbidden: NDArray[np.bool_]) -> None:
    """The same for note ons of *forbidden* pitches, (128,), in (257,), if anything else is possible."""
    if forbidden.any():
        left = logits.copy()
        left[128:END][forbidden] = NEVER
        if (left > NEVER).any():
            logits[:] = left


class Sounding:
    """Which pitches sound, how often each has been struck without being released, and the pedal."""

    def __init__(self, pedal: bool = False) -> None:
        self._struck: Counter[int] = Counter()
        self.pedal = pedal
        """Whether the sustain pedal is down."""
        self._channel = 0

    def __len__(self) -> int:
        return self._struck.total()

    def take(self, event: Event) -> None:
        """Go on to *event*."""
        if isinstance(event, NoteOn):
            self._struck[event.pitch] += 1
        elif isinstance(event, NoteOff) and self._struck[event.pitch]:
            self._struck[event.pitch] -= 1
        elif isinstance(event, ControlChange) and event.control == SUSTAIN:
            self.pedal, self._channel = event.value >= 64, event.channel

    def released(self, delta: int) -> Iterator[NoteOff]:
        """Note offs for all that still sounds, *delta* ticks on, from low to high."""
        for pitch in sorted(self._struck.elements()):
            yield NoteOff(delta, pitch)
            delta = 0
        self._struck.clear()

    def ended(self, delta: int) -> Iterator[Event]:
        """The end, *delta* ticks on: note offs for all that still sounds, and the pedal up."""
        for event in self.released(delta):
            yield event
            delta = 0
        yield from self.pedalled(False, delta)

    def pedalled(self, down: bool, delta: int = 0) -> Iterator[Event]:
        """What brings the pedal *down*, or up, *delta* ticks on; nothing if it is there."""
        if self.pedal != down:
            self.pedal = down
            yield ControlChange(delta, self._channel, SUSTAIN, 127 * down)


class TokenGrammar:
    """The same for a vocabulary of whole tokens: a mask over it, kept up event by event."""

    def __init__(self, events: list[Event]) -> None:
        # A slot for each thing that can be allowed: 128 offs, 128 ons, and all other events.
        self._slots = np.array([_slot(event) for event in events])
        self._allowed = np.concatenate([np.zeros(128, np.bool_), np.ones(129, np.bool_)])

    def take(self, event: Event) -> None:
        """Go on to *event*."""
        if isinstance(event, NoteOn | NoteOff):
            sounds = isinstance(event, NoteOn)
            self._allowed[event.pitch] = sounds
            self._allowed[128 + event.pitch] = not sounds

    def forbid(self, logits: Floats, *, closing: bool, penalty: Floats | None = None) -> bool:
        """Set the logits of impossible tokens to minus infinity; whether any token is left.

        A *penalty*, (128,) in nats, is taken from the note ons.
        """
        allowed = self._allowed.copy()
        if closing:
            allowed[128:] = False
        mask = allowed[self._slots]
        logits[~mask] = NEVER
        if penalty is not None:
            logits -= np.concatenate([np.zeros(128, np.float32), penalty, [np.float32(0)]])[
                self._slots
            ]
        return bool(mask.any())


def _slot(event: Event) -> int:
    if isinstance(event, NoteOff):
        return event.pitch
    if isinstance(event, NoteOn):
        return 128 + event.pitch
    return 256
