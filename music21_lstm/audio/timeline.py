"""What a synthesizer is told, and when: an ensemble as MIDI messages at frames of sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from heapq import merge
from operator import attrgetter
from typing import NamedTuple

from music21_lstm.audio.ensemble import Ensemble, SoundingPart, Status, ensemble_of
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import AudioError

__all__ = ["GRAIN", "MOST_PARTS", "Status", "SynthEvent", "timeline"]

GRAIN = 64
"""FluidSynth computes 64 frames at a time, and hears of events only between: 1.5 ms at 44.1 kHz."""

MOST_PARTS = 256
"""Each part has a channel of its own, and FluidSynth has as many channels as that."""

REVERB_SEND = 91
REVERB = 80
PEDALS = (64, 66)
"""Sustain and sostenuto: they hold notes whose keys were let go."""

UNRELEASED_SECONDS = 0.5
"""The least that a note without a note off sounds, where the performance ends before."""

DRUM_BANK = 128

_UNHEARD = frozenset({0, 32, 124, 125, 126, 127})
"""Controllers that would set the synthesizer up anew: bank select, and the channel modes."""

Resolve = Callable[[int, int], tuple[int, int]]


class SynthEvent(NamedTuple):
    """A MIDI message for a *channel* at a *frame*; *first* and *second* are its data.

    They are a note's pitch and velocity, a controller's number and value, or bank and program.
    """

    frame: int
    channel: int
    status: Status
    first: int
    second: int


def timeline(
    music: Performance | Ensemble,
    sample_rate: int,
    *,
    program: int = 0,
    until: float | None = None,
    resolve: Resolve | None = None,
) -> list[SynthEvent]:
    """*music* as messages in order, each part on a channel of its own.

    Each message stands at the multiple of :data:`GRAIN` frames that is nearest to its time. Of a
    pitch that is struck again while it sounds the first note off is the first note's, as in
    :attr:`Performance.notes`, so its key is let go with the last. At the end, which comes after
    *until* seconds if not before, every key and pedal is let go; what follows when nothing can
    sound any more is not waited for. Unless a part has a reverb send of its own (controller 91), a
    moderate one comes first: a bank may leave its piano dry. *program* is that of a performance;
    *resolve* says which bank and program stand in for those that are asked for.

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> tune = Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60)])
    >>> for message in timeline(tune, 48000)[2:4]:
    ...     print(message.frame, message.status.name, message.first, message.second)
    0 NOTE_ON 60 80
    24000 NOTE_OFF 60 64
    """
    ensemble = ensemble_of(music, program=program) if isinstance(music, Performance) else music
    if len(ensemble.parts) > MOST_PARTS:
        raise AudioError(
            f"{len(ensemble.parts)} parts are more than the {MOST_PARTS} that can be rendered at a "
            "time; render them in groups"
        )
    tracks = [
        _Track(channel, part, sample_rate, until, resolve or _as_asked)
        for channel, part in enumerate(ensemble.parts)
    ]
    end = max((track.end for track in tracks), default=0)
    messages = [track.messages for track in tracks]
    # merge() is stable: of one frame the parts come in their order.
    events = list(merge(*messages, key=attrgetter("frame")))
    releases = [event for track in tracks for event in track.releases(end)]
    return events + sorted(releases, key=attrgetter("frame"))


def _as_asked(bank: int, program: int) -> tuple[int, int]:
    return bank, program


class _Track:
    """The messages of one part, and where it ends."""

    def __init__(
        self,
        channel: int,
        part: SoundingPart,
        sample_rate: int,
        until: float | None,
        resolve: Resolve,
    ) -> None:
        self._channel, self._rate = channel, sample_rate
        self._struck: Counter[int] = Counter()
        self._held = 0
        self._cut = False
        self._last_struck = 0
        self._pedals: set[int] = set()
        self._program = (DRUM_BANK if part.percussion else 0, part.program)
        self._resolve = resolve
        self.messages = [self._event(0, Status.PROGRAM, *resolve(*self._program))]
        if not any(m.status is Status.CONTROL and m.first == REVERB_SEND for m in part.messages):
            self.messages.append(self._event(0, Status.CONTROL, REVERB_SEND, REVERB))
        self.end, kept = 0, len(self.messages)
        for time, status, first, second in part.messages:
            if until is not None and time >= until:
                self.end, self._cut = self._grain(until), True
                break
            frame = self._grain(time)
            sounding = self._held or self._pedals
            self._hear(frame, status, first, second)
            if sounding or self._held or self._pedals:
                self.end, kept = max(self.end, frame), len(self.messages)
        del self.messages[kept:]

    def _hear(self, frame: int, status: Status, first: int, second: int) -> None:
        """Pass on one message, unless it would end a note too early or set things up anew."""
        match status:
            case Status.NOTE_ON:
                self._struck[first] += 1
                self._held += 1
                self._last_struck = frame
            case Status.NOTE_OFF:
                if self._struck[first] <= 0:
                    return
                self._struck[first] -= 1
                self._held -= 1
                if self._struck[first]:
                    return
            case Status.CONTROL:
                if first in _UNHEARD:
                    return
                if first in PEDALS:
                    (self._pedals.add if second >= 64 else self._pedals.discard)(first)
            case Status.PROGRAM:
                first, second = self._resolve(first, second)
        self.messages.append(self._event(frame, status, first, second))

    def releases(self, end: int) -> Iterator[SynthEvent]:
        """The messages that let go all keys and pedals at the *end* of all parts."""
        left = [pitch for pitch, count in self._struck.items() if count]
        if left and not self._cut:
            end = max(end, self._last_struck + self._grain(UNRELEASED_SECONDS))
        for pitch in left:
            yield self._event(end, Status.NOTE_OFF, pitch, 64)
        for pedal in PEDALS:
            yield self._event(end, Status.CONTROL, pedal, 0)

    def _event(self, frame: int, status: Status, first: int, second: int) -> SynthEvent:
        return SynthEvent(frame, self._channel, status, first, second)

    def _grain(self, seconds: float) -> int:
        return round(seconds * self._rate / GRAIN) * GRAIN
