"""The primer, what is generated after it, and the two as one performance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm

from music21_lstm.encoding.events import (
    MAX_RESOLUTION,
    ControlChange,
    Event,
    KeySignature,
    NoteOff,
    NoteOn,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import DEFAULT_MPQN as MIDI_MPQN
from music21_lstm.encoding.performance import (
    DEFAULT_RESOLUTION,
    PLAYED_RESOLUTION,
    Performance,
    with_deltas,
)
from music21_lstm.errors import GenerationError
from music21_lstm.generation.grammar import Sounding
from music21_lstm.model.config import EventsConfig, ModelConfig
from music21_lstm.model.pedal import SUSTAIN
from music21_lstm.streams.reading import Source, performance_from

__all__ = ["head_of", "is_played", "joined", "mpqn_of", "onsets_of", "primer_from", "tail_of"]

DEFAULT_MPQN = 666_667
"""The tempo of music from a model of written time without a primer: 90 quarters a minute."""

PLAYED_QUARTERS_A_SECOND = 2
"""Played time is told at 120 quarters a minute."""

_MARKS = (SetTempo, KeySignature, TimeSignature)


def primer_from(source: Source, what: str = "the primer", *, optional: bool = True) -> Performance:
    """*source* as a performance.

    Raises :class:`~music21_lstm.errors.GenerationError` if it has no notes; *what* it is, and whether
    it is *optional*, are for that.
    """
    primer = performance_from(source)
    if not any(isinstance(event, NoteOn) for event in primer.events):
        advice = "give one that has, or none at all" if optional else "give music that has some"
        raise GenerationError(f"{what} has no notes; {advice}")
    return primer


def is_played(config: ModelConfig) -> bool:
    """Whether the model's clock is that of music as played."""
    return isinstance(config, EventsConfig) and config.time_base == "played"


def mpqn_of(config: ModelConfig, primer: Performance | None) -> int:
    """Microseconds a quarter of what is generated: the primer's last tempo."""
    if is_played(config):
        return 1_000_000 // PLAYED_QUARTERS_A_SECOND
    if primer is None:
        return DEFAULT_MPQN if isinstance(config, EventsConfig) else MIDI_MPQN
    tempos = [event.mpqn for event in primer.events if isinstance(event, SetTempo)]
    return tempos[-1] if tempos else MIDI_MPQN


def onsets_of(primer: Performance | None) -> list[int]:
    """The pitches of the primer's onsets, chords from low to high."""
    notes = [] if primer is None else primer.notes
    return [pitch for _, pitch in sorted((note.onset, note.pitch) for note in notes)]


def head_of(
    config: ModelConfig,
    primer: Performance | None,
    metre: TimeSignature,
    resolution: int,
    pedal: bool = False,
) -> Performance:
    """What stands before the first generated event: the primer, or tempo and metre.

    It ends with its last note, and with the sustain *pedal* as the model has it from there on.
    """
    if primer is None:
        start: list[Event] = [SetTempo.from_mpqn(0, mpqn_of(config, None))]
        return Performance(resolution, start if is_played(config) else [*start, metre])
    if is_played(config):
        primer = primer.played()
    events = _up_to_the_last_note(primer.events) if isinstance(config, EventsConfig) else primer
    merged = isinstance(config, EventsConfig) and config.pedal
    sounding = Sounding()
    found: list[Event] = []
    for event in events:
        # Notes have no channel of their own, so a model's pedal is for all of them.
        if merged and isinstance(event, ControlChange):
            event = replace(event, channel=0)
        found.append(event)
        sounding.take(event)
    # A primer that was cut off in the middle of a note leaves none hanging.
    found += [*sounding.released(0), *sounding.pedalled(pedal)]
    return Performance(primer.resolution, found, primer.losses)


def _up_to_the_last_note(events: Sequence[Event]) -> list[Event]:
    """*events* with all that comes after the last note moved to its end: there the model goes on."""
    notes = [i for i, event in enumerate(events) if isinstance(event, NoteOn | NoteOff)]
    after = notes[-1] + 1 if notes else 0
    return [*events[:after], *(replace(event, delta=0) for event in events[after:])]


def joined(config: ModelConfig, head: Performance, new: Performance) -> Performance:
    """*new* after *head*, at a resolution that holds both without rounding, if MIDI has one.

    It is a multiple of the usual one of music on that grid where that is possible.
    """
    if isinstance(config, EventsConfig):
        base = PLAYED_RESOLUTION if is_played(config) else DEFAULT_RESOLUTION
    else:
        base = config.resolution
    common = lcm(head.resolution, new.resolution, base)
    if common > MAX_RESOLUTION:
        common = lcm(head.resolution, new.resolution)
    if common > MAX_RESOLUTION:
        common = new.resolution * (MAX_RESOLUTION // new.resolution)
    return head.rescaled(common) + new.rescaled(common)


def tail_of(whole: Performance, head: Performance, *, bars: bool = True) -> Performance:
    """*whole* without the *head*'s events: all but notes goes on as the head left it.

    So do its *bars*: if the head ends within one, the tail begins with what is left of it.
    """
    last: dict[object, Event] = {}
    for event in head.events:
        if isinstance(event, ControlChange):
            last[event.channel, event.control] = event
        elif isinstance(event, _MARKS):
            last[type(event)] = event
    marks = [replace(event, delta=0) for event in last.values() if not _is_pedal_up(event)]
    tail = Performance(whole.resolution, whole.events[len(head) :])
    timed = list(zip(tail.ticks, tail.events, strict=True))
    pickup = _rest_of_bar(head, whole.resolution) if bars else None
    if pickup is not None:
        left, short = pickup
        marks = [short if isinstance(mark, TimeSignature) else mark for mark in marks]
        metre = last[TimeSignature]
        place = sum(tick < left for tick, _ in timed)
        timed.insert(place, (left, metre))
    return Performance(whole.resolution, [*marks, *with_deltas(timed)])


def _rest_of_bar(head: Performance, resolution: int) -> tuple[int, TimeSignature] | None:
    """What is left of the bar in which the *head* ends: in ticks, and as a metre of its own.

    A time signature starts a bar: so the tail begins with a short one. None at a bar line, and
    where what is left is no metre.
    """
    signed = [
        (tick, event)
        for tick, event in zip(head.ticks, head.events, strict=True)
        if isinstance(event, TimeSignature)
    ]
    if not signed:
        return None
    start, metre = signed[-1]
    whole = Fraction(4 * metre.numerator, metre.denominator)
    left = -Fraction(head.ticks[-1] - start, head.resolution) % whole
    part, ticks = left / 4, left * resolution
    if not left or ticks.denominator > 1 or part.denominator > 64:
        return None
    if part.denominator & (part.denominator - 1):
        return None
    return int(ticks), TimeSignature(0, part.numerator, part.denominator)


def _is_pedal_up(event: Event) -> bool:
    return isinstance(event, ControlChange) and (event.control, event.value < 64) == (SUSTAIN, True)
