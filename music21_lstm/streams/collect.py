"""Walking over a Stream: its notes with ties joined, its marks, and what cannot be encoded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from music21 import (
    articulations,
    base,
    chord,
    expressions,
    harmony,
    instrument,
    meter,
    note,
    spanner,
    stream,
    tempo,
    text,
)

from music21_lstm.encoding.trace import ORNAMENT_KEY, TRACE_KEY, PerformedTrace
from music21_lstm.errors import EventError, StreamError
from music21_lstm.notation import ENGRAVED
from music21_lstm.streams.clock import Clock, clock_of
from music21_lstm.streams.elements import (
    PedalChange,
    PerformanceEvent,
    event_of,
    memory_of,
    resolution_of,
)
from music21_lstm.streams.pedals import pedal_changes
from music21_lstm.streams.ready import AnyStream, parts_of, pieces_of, plus, ready, walk
from music21_lstm.streams.velocities import DEFAULT_VELOCITY, Velocities

__all__ = ["DEFAULT_VELOCITY", "AnyStream", "Collected", "SoundingNote", "collect"]

_WORDS = (expressions.TextExpression, expressions.RehearsalMark, text.TextBox)
_LINES = (
    spanner.Glissando,
    expressions.TremoloSpanner,
    expressions.TrillExtension,
    tempo.TempoChangeSpanner,
)

GRACE_QUARTERS = Fraction(1, 8)
"""How long a grace note sounds before its note."""


@dataclass(slots=True)
class SoundingNote:
    """A note with its ties joined, in quarter lengths from the start."""

    onset: Any
    end: Any
    pitch: int
    velocity: int
    trace: PerformedTrace | None
    resolution: int | None


@dataclass(slots=True)
class Collected:
    """What one walk over the Stream found; *performed*: with what its notes remember."""

    performed: bool = True
    notes: list[SoundingNote] = field(default_factory=list)
    marks: list[tuple[Any, base.Music21Object]] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)


def collect(source: AnyStream, *, performed: bool = True) -> Collected:
    """All that sounds in *source*, in quarter lengths from its start.

    As it was *performed*, as far as its notes and measures remember that; else as it is written.
    """
    collected = Collected(performed)
    start: Any = 0
    for piece in pieces_of(source):
        notes, marks = len(collected.notes), len(collected.marks)
        hint = resolution_of(piece) if performed else None
        prepared = ready(piece, collected.losses)
        parts = parts_of(prepared)
        pickup = _pickup([part for _, part in parts])
        for offset, part in parts:
            _collect(part, offset, pickup, hint, collected)
        changes = pedal_changes([one for offset, part in parts for one in walk(part, offset)])
        collected.marks += [(where, PedalChange(value)) for where, value in changes]
        # Without a note that remembers it, nothing is left of the performer's time.
        traced = any(one.trace is not None for one in collected.notes[notes:])
        clock = clock_of(prepared) if traced else Clock()
        for one in collected.notes[notes:]:
            one.onset, one.end = plus(start, clock(one.onset)), plus(start, clock(one.end))
        # What the pedal did is remembered by the performance, if there was one.
        own = performed and any(
            type(mark) is PerformanceEvent for _, mark in collected.marks[marks:]
        )
        timed = [
            (plus(start, clock(at)), mark)
            for at, mark in collected.marks[marks:]
            if not (own and isinstance(mark, PedalChange))
        ]
        collected.marks[marks:] = timed
        start = plus(start, clock(prepared.highestTime))
    return collected


def _collect(
    part: AnyStream, first: Any, pickup: Any, hint: int | None, collected: Collected
) -> None:
    """Walk over one part that starts at *first*: notes with ties joined, marks, and what is lost."""
    tied: dict[int, list[SoundingNote]] = {}
    graces: list[note.NotRest] = []
    grace_onset: Any = first
    percussion = False
    elements = list(walk(part, first))
    velocities = Velocities(elements, written=not collected.performed)
    for onset, element in elements:
        if isinstance(element, instrument.Instrument):
            percussion = isinstance(element, instrument.UnpitchedPercussion)
        if graces and onset != grace_onset:
            # A grace at the end of a voice leads to no note there.
            _add_graces(graces, grace_onset, velocities, collected)
            graces = []
        if isinstance(element, note.NotRest) and not _silent(element, percussion, collected):
            if element.duration.isGrace and not (collected.performed and _is_traced(element)):
                grace_onset = onset
                graces.append(element)
                continue
            delay = _add_graces(graces, onset, velocities, collected)
            graces = []
            _add(element, onset, delay, velocities, hint, tied, collected)
        elif _is_mark(element, collected):
            collected.marks += _with_pickup(onset, element, pickup if onset == first else None)
        _count_losses(element, collected.losses)
    if graces:
        _add_graces(graces, grace_onset, velocities, collected)


def _is_traced(element: note.NotRest) -> bool:
    """Whether a note, or each note of a chord, remembers when it was performed."""
    members = element.notes if isinstance(element, chord.Chord) else (element,)
    return all(_trace_of(member) is not None for member in members)


def _trace_of(member: Any) -> PerformedTrace | None:
    trace = member.editorial.get(TRACE_KEY) if member.hasEditorialInformation else None
    return trace if isinstance(trace, PerformedTrace) else None


def _is_mark(element: base.Music21Object, collected: Collected) -> bool:
    """Whether *element* has an event; one that MIDI's ranges do not hold is counted as lost."""
    try:
        return event_of(element) is not None or memory_of(element) is not None
    except (EventError, TypeError) as error:
        collected.losses[f"{type(element).__name__} that MIDI cannot say ({error})"] += 1
        return False


def _pickup(parts: list[AnyStream]) -> Any:
    """The length of a first measure that is shorter than its metre; None where it is full.

    All parts have to agree, and the second measure has to follow at once.
    """
    found = set()
    for part in parts:
        measures = list(part.getElementsByClass(stream.Measure))[:2]
        if not measures:
            continue
        if len(measures) < 2:
            return None
        head, following = measures
        length = plus(part.elementOffset(following), -part.elementOffset(head))
        whole = 0 < head.highestTime == length < head.barDuration.quarterLength
        found.add(length if whole else None)
    return found.pop() if len(found) == 1 else None


def _with_pickup(
    onset: Any, element: base.Music21Object, pickup: Any
) -> list[tuple[Any, base.Music21Object]]:
    """A mark with its offset; the first metre, after a pickup, as a short bar and then a full one.

    A time signature starts a bar, so ``ts_1_4`` and a quarter later ``ts_4_4`` is how a performance
    says where the bar lines are.
    """
    if pickup is None or memory_of(element) or not isinstance(element, meter.TimeSignature):
        return [(onset, element)]
    short = Fraction(pickup) / 4
    if short.denominator > 64 or short.denominator & (short.denominator - 1):
        return [(onset, element)]
    metre = meter.TimeSignature(f"{short.numerator}/{short.denominator}")
    return [(onset, metre), (plus(onset, pickup), element)]


def _silent(element: note.NotRest, percussion: bool, collected: Collected) -> bool:
    """Whether *element* has no pitch that this encoding can hold."""
    if isinstance(element, harmony.NoChord):
        return True
    if isinstance(element, harmony.ChordSymbol) and not element.writeAsChord:
        collected.losses["chord symbol"] += 1
        return True
    if percussion or not isinstance(element, note.Note | chord.Chord):
        collected.losses["percussion note"] += 1
        return True
    return False


def _add(
    element: Any,
    onset: Any,
    delay: Any,
    velocities: Velocities,
    hint: int | None,
    tied: dict[int, list[SoundingNote]],
    collected: Collected,
) -> None:
    """Add the note or the notes of a chord; a tied piece lengthens the note it belongs to."""
    end = plus(onset, element.duration.quarterLength)
    members = element.notes if isinstance(element, chord.Chord) else (element,)
    for member in members:
        midi = _midi(member, collected)
        tie = member.tie if member.tie is not None else element.tie
        trace = _trace_of(member) if collected.performed else None
        if tie is not None and tie.type in ("stop", "continue"):
            before = [n for n in tied.get(midi, ()) if n.end == onset]
            if before:
                # One key struck twice while it sounds: each of the two knows its own pieces.
                held = next((n for n in before if n.trace == trace), before[0])
                held.end = end
                if tie.type == "stop":
                    tied[midi].remove(held)
                continue
        start = onset if trace is not None else min(plus(onset, delay), end)
        velocity = velocities.of(member, element, onset)
        new = SoundingNote(start, end, midi, velocity, trace, hint)
        collected.notes.append(new)
        if trace is not None and ORNAMENT_KEY in member.editorial:
            for sub, interval, own in member.editorial[ORNAMENT_KEY]:
                pitch = min(127, max(0, midi + interval))
                collected.notes.append(SoundingNote(onset, onset, pitch, own, sub, hint))
        if tie is not None and tie.type in ("start", "continue"):
            tied.setdefault(midi, []).append(new)


def _midi(member: Any, collected: Collected) -> int:
    """The sounding MIDI pitch, within MIDI's range."""
    pitch = member.pitch
    if pitch.microtone.cents or pitch.ps != int(pitch.ps):
        collected.losses["microtone (rounded)"] += 1
    midi: int = round(pitch.ps)
    if not 0 <= midi <= 127:
        raise StreamError(f"{pitch.nameWithOctave} is beyond MIDI's 128 pitches; transpose it")
    return midi


def _add_graces(
    graces: list[note.NotRest], onset: Any, velocities: Velocities, collected: Collected
) -> Any:
    """Play *graces* one after another so that the last ends at *onset*.

    At the very start there is no time before *onset*: they take it from their note. Returns how
    much later that note has to start.
    """
    if not graces:
        return 0
    length = min(GRACE_QUARTERS, Fraction(onset) / len(graces)) if onset else GRACE_QUARTERS
    delay = 0 if onset else len(graces) * length
    for count, grace in enumerate(graces):
        start = Fraction(onset) + delay - (len(graces) - count) * length
        for member in grace.notes if isinstance(grace, chord.Chord) else (grace,):
            velocity = velocities.of(member, grace, onset)
            midi = _midi(member, collected)
            collected.notes.append(SoundingNote(start, start + length, midi, velocity, None, None))
    return delay


def _count_losses(element: base.Music21Object, losses: Counter[str]) -> None:
    """Count what *element* says and a performance cannot; signs of our own pages say nothing new."""
    if isinstance(element, note.GeneralNote):
        losses["lyric"] += len(element.lyrics)
        signs = [a for a in element.articulations if isinstance(a, articulations.Articulation)]
        losses["articulation"] += sum(ENGRAVED not in sign.groups for sign in signs)
        losses["ornament or expression"] += sum(
            ENGRAVED not in sign.groups for sign in element.expressions
        )
    elif isinstance(element, _WORDS):
        losses["text"] += ENGRAVED not in element.groups
    elif isinstance(element, tempo.TempoText):
        losses["tempo word without a number"] += 1
    elif isinstance(element, _LINES):
        losses["line (glissando, tremolo, trill or change of tempo)"] += 1
