"""Which event may come next, so that no note is ever stuck.

A note off only for a sounding note, a note on only for a silent one, and every note released at the
end: whatever the network thinks, what is played keeps to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import Event, NoteOff, NoteOn
from music21_lstm.model.config import END
from music21_lstm.model.features import Tracker

__all__ = ["Sounding", "TokenGrammar", "forbid_deltas", "forbid_keys"]

Floats = NDArray[np.float32]
_NEVER = np.float32(-np.inf)


def forbid_deltas(logits: Floats, tracker: Tracker) -> None:
    """Set the logits of impossible delta bins to minus infinity, in place."""
    if not tracker.together():
        logits[0] = _NEVER


def forbid_keys(logits: Floats, tracker: Tracker, delta: int, *, closing: bool) -> None:
    """Set the logits of impossible keys to minus infinity, in place; when *closing*, note ons too."""
    logits[~tracker.legal(delta)] = _NEVER
    logits[END] = _NEVER
    if closing:
        logits[128:END] = _NEVER


class Sounding:
    """Which pitches sound, and how often each has been struck without being released."""

    def __init__(self) -> None:
        self._struck: Counter[int] = Counter()

    def __len__(self) -> int:
        return self._struck.total()

    def take(self, event: Event) -> None:
        """Go on to *event*."""
        if isinstance(event, NoteOn):
            self._struck[event.pitch] += 1
        elif isinstance(event, NoteOff) and self._struck[event.pitch]:
            self._struck[event.pitch] -= 1

    def released(self, delta: int) -> Iterator[NoteOff]:
        """Note offs for all that still sounds, *delta* ticks on, from low to high."""
        for pitch in sorted(self._struck.elements()):
            yield NoteOff(delta, pitch)
            delta = 0
        self._struck.clear()


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

    def forbid(self, logits: Floats, *, closing: bool) -> bool:
        """Set the logits of impossible tokens to minus infinity; whether any token is left."""
        allowed = self._allowed.copy()
        if closing:
            allowed[128:] = False
        mask = allowed[self._slots]
        logits[~mask] = _NEVER
        return bool(mask.any())


def _slot(event: Event) -> int:
    if isinstance(event, NoteOff):
        return event.pitch
    if isinstance(event, NoteOn):
        return 128 + event.pitch
    return 256
