"""A watch for music that has collapsed: one note for ever, a loop, silence, a flood, a standstill.

The thresholds are held against 1,033 performances of classical piano and jazz (piano-midi.de,
GiantMIDI-Piano, the Weimar Jazz Database, the Jazz Trio Database, Vienna 4x22). Time is counted as in
music as played, two quarters a second: music as written has no tempo that the model knows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from music21_lstm.encoding.events import Event, NoteOff, NoteOn

__all__ = ["Collapse", "Watch"]

Kind = Literal["one note", "loop", "silence", "density", "standstill"]

QUARTERS_A_SECOND = 2
"""Played time is told at 120 quarters a minute; written time is taken for the same."""

FEW_PITCHES = ((96, 1), (256, 3))
"""So many onsets in a row on no more pitches than this are one note for ever. In real music the longest
run on one pitch has 47 (Ravel, Scarbo); 128 onsets of a trill have 5 pitches at least, 256 have 7."""

LOOP_ONSETS = 640
LOOP_PERIOD = 32
"""So many onsets that exactly repeat up to 32 of them over and over are a loop. The longest in real
music, up to a period of 16, has 336 (Scarbo again)."""

WEARY_ONSETS = 128
WEARY_STEP = 16
"""From so many onsets on a loop wears itself out: to go on with it costs a nat more for each 16
further. One piece in a hundred has so long a loop (4 of 393 piano pieces, no jazz)."""

WEARY_PITCHES = 3
"""So many onsets on no more pitches than this wear all of them out in the same way. (No real music has
so many.)"""

SILENCE_SECONDS = 30
"""Without an onset for longer than this is silence; the longest in real music are 15 and 11 s. (Silence
before the first note counts: three excerpts cut out of recordings have minutes of it, and trip.)"""

FLOOD_ONSETS = 512
FLOOD_SECONDS = 8
"""So many onsets in so little time are a flood; real music has at most 362 in 8 s (Scarbo)."""

STANDSTILL_EVENTS = 1000
"""So many events without any time passing are no music: at most 256 things can happen at a tick."""


@dataclass(frozen=True, slots=True)
class Collapse:
    """Why a take was stopped: its *kind*, and *why* in words.

    *tick* is where, on the model's grid, counted from the primer's end; *seed* the take's.
    """

    kind: Kind
    why: str
    tick: int
    seed: int = 0

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.why}"


class Watch:
    """Listens to one take, event by event; *resolution* is the grid's ticks a quarter.

    >>> watch = Watch(50)
    >>> collapse = None
    >>> for onset in range(200):
    ...     collapse = collapse or watch.take(NoteOn(25, 60, 80), 25 * onset)
    >>> print(collapse.why)
    one note for ever: the last 96 onsets have one pitch
    """

    def __init__(self, resolution: int) -> None:
        self._a_second = QUARTERS_A_SECOND * resolution
        self._onsets: deque[int] = deque(maxlen=FLOOD_ONSETS)
        self._recent = np.full(LOOP_PERIOD, -1)
        self._repeated = np.zeros(LOOP_PERIOD, np.int64)
        self._loop_onsets, self._loop_period = 0, 1
        # Which onset was the last of each pitch, the latest at the end; and how many there were.
        self._last: dict[int, int] = {}
        self._count = 0
        self._last_onset = 0
        self._tick = self._still = 0

    def take(self, event: Event, tick: int) -> Collapse | None:
        """Go on to *event* at *tick*; whether the music has collapsed with it."""
        self._still = self._still + 1 if tick == self._tick else 0
        self._tick = tick
        if self._still > STANDSTILL_EVENTS:
            return Collapse("standstill", f"{self._still} events without any time passing", tick)
        if isinstance(event, NoteOff):
            # A last chord may be held for as long as it likes.
            return None
        silence = self.silence(tick)
        if silence is not None or not isinstance(event, NoteOn):
            return silence
        return self._flood(tick) or self._few(event.pitch, tick) or self._loop(event.pitch, tick)

    def weary(self) -> dict[int, float]:
        """The pitches that have been heard enough, and how many nats each costs by now.

        The one that would go on with a loop, and all of a few that alone have been heard for long.
        """
        found: dict[int, float] = {}
        beyond = self._loop_onsets - WEARY_ONSETS
        if beyond > 0:
            found[int(self._recent[self._loop_period - 1])] = beyond / WEARY_STEP
        beyond = self._run(WEARY_PITCHES) - WEARY_ONSETS
        if beyond > 0:
            for pitch in islice(reversed(self._last), WEARY_PITCHES):
                found[pitch] = max(found.get(pitch, 0.0), beyond / WEARY_STEP)
        return found

    def _run(self, most: int) -> int:
        """How many of the last onsets, in a row, have so many pitches at most."""
        return self._count - next(islice(reversed(self._last.values()), most, None), 0)

    def silence(self, tick: int) -> Collapse | None:
        """Whether no note has started for too long at *tick*."""
        seconds = (tick - self._last_onset) / self._a_second
        if seconds <= SILENCE_SECONDS:
            return None
        return Collapse("silence", f"silence: no note starts for {seconds:.0f} s", tick)

    def _flood(self, tick: int) -> Collapse | None:
        self._last_onset = tick
        self._onsets.append(tick)
        seconds = (tick - self._onsets[0]) / self._a_second
        if len(self._onsets) < FLOOD_ONSETS or seconds > FLOOD_SECONDS:
            return None
        return Collapse("density", f"a flood: {FLOOD_ONSETS} notes in {seconds:.1f} s", tick)

    def _few(self, pitch: int, tick: int) -> Collapse | None:
        self._count += 1
        self._last.pop(pitch, None)
        self._last[pitch] = self._count
        for count, most in FEW_PITCHES:
            if self._run(most) >= count:
                heard = sum(last > self._count - count for last in self._last.values())
                name = "one pitch" if heard == 1 else f"{heard} pitches"
                why = f"one note for ever: the last {count} onsets have {name}"
                return Collapse("one note", why, tick)
        return None

    def _loop(self, pitch: int, tick: int) -> Collapse | None:
        """How many of the last onsets are each the same as the one so many onsets before."""
        self._repeated += 1
        self._repeated *= self._recent == pitch
        self._recent[1:] = self._recent[:-1].copy()
        self._recent[0] = pitch
        place = int(self._repeated.argmax())
        self._loop_onsets, self._loop_period = int(self._repeated[place]), place + 1
        if self._loop_onsets < LOOP_ONSETS:
            return None
        why = f"a loop: the same {self._loop_period} notes for {LOOP_ONSETS} onsets"
        return Collapse("loop", why, tick)
