"""Any music21 object to a Performance."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import Any

from music21 import (
    articulations,
    base,
    chord,
    dynamics,
    expressions,
    harmony,
    instrument,
    meter,
    note,
    repeat,
    spanner,
    stream,
    tempo,
)
from music21.exceptions21 import Music21Exception

from music21_lstm.encoding.events import Event, NoteOff, NoteOn
from music21_lstm.encoding.performance import (
    DEFAULT_RESOLUTION,
    Loss,
    Performance,
    with_deltas,
)
from music21_lstm.encoding.trace import TRACE_KEY, PerformedTrace
from music21_lstm.errors import EventError, StreamError
from music21_lstm.memory import growing
from music21_lstm.streams.elements import INFERRED, event_of, memory_of, resolution_of

__all__ = ["performance_of_stream"]

AnyStream = stream.Stream[Any]

DEFAULT_VELOCITY = 90
"""music21's own loudness of a note without any dynamic: 0.71 of the full scale."""

GRACE_QUARTERS = Fraction(1, 8)
"""How long a grace note sounds before its note."""

FINEST_RESOLUTION = 20_160
"""The finest resolution that is chosen for a Stream whose rhythm does not fit 480 ticks."""

# Where events share a tick: first new marks and note offs, then what remembers its order, then new
# note ons, then the note offs of new notes without length.
_BEFORE, _REMEMBERED, _AFTER, _LAST = range(4)

Key = tuple[int, int, int, int]
"""Tick, group inside the tick, place inside the group, pitch."""


def performance_of_stream(
    source: base.Music21Object, *, resolution: int | None = None
) -> Performance:
    """Encode a Stream (Score, Part, Measure, Voice, Opus …) or a single Note or Chord.

    Repeats are expanded, ties joined, grace notes played just before their note, transposing parts
    brought to sounding pitch; the scores of an Opus follow one another. A Stream that came from a
    performance and was not edited gives its events back, in order and to the tick; edits count.

    *resolution* is in ticks per quarter: by default the one that the Stream came from, else 480 if
    every onset and end fits it, else one that they fit. ``losses`` of the result lists what could
    not be encoded.

    Raises :class:`~music21_lstm.errors.StreamError` for an object that holds no music.
    """
    try:
        with growing():
            return _encode(source, resolution)
    except EventError as error:
        raise StreamError(f"{source!r} cannot be encoded: {error}") from None


def _encode(source: base.Music21Object, resolution: int | None) -> Performance:
    if not isinstance(source, stream.Stream):
        if not isinstance(source, base.Music21Object):
            raise StreamError(
                f"{type(source).__name__} is no music21 object; give a Stream, a Note or a Chord"
            )
        single: AnyStream = stream.Part([copy.deepcopy(source)])  # type: ignore[no-untyped-call]
        source = single
    collected = _Collected()
    start: Any = 0
    scores = list(source.scores) if isinstance(source, stream.Opus) else [source]
    for score in scores:
        hint = resolution_of(score)
        ready = _ready(score, collected)
        for part in _parts(ready):
            _collect(part, start, hint, collected)
        start = _plus(start, ready.highestTime) if len(scores) > 1 else 0
    hints = {mark.resolution for mark in collected.notes if mark.resolution} or {
        hint for hint in [resolution_of(source)] if hint
    }
    chosen = resolution or (hints.pop() if len(hints) == 1 else _fitting(collected))
    rows = [*_note_events(collected, chosen), *_mark_events(collected, chosen)]
    rows.sort(key=lambda row: row[:2])
    events = with_deltas((key[0], event) for key, _, event in rows)
    losses = [Loss(what, count) for what, count in sorted(collected.losses.items()) if count]
    return Performance(chosen, events, losses)


@dataclass(slots=True)
class _Sounding:
    """A note with its ties joined, in quarter lengths from the start."""

    onset: Any
    end: Any
    pitch: int
    velocity: int
    trace: PerformedTrace | None
    resolution: int | None


@dataclass(slots=True)
class _Collected:
    """What one walk over the Stream found."""

    notes: list[_Sounding] = field(default_factory=list)
    marks: list[tuple[Any, base.Music21Object]] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)


# --- the Stream made ready ---------------------------------------------------------------------


def _ready(score: AnyStream, collected: _Collected) -> AnyStream:
    """*score* with its repeats played out and at sounding pitch."""
    repeats = transposing = False
    programs: set[int] = set()
    for _, element in _walk(score, 0):
        if isinstance(element, repeat.RepeatMark | spanner.RepeatBracket):
            repeats = True
        elif isinstance(element, instrument.Instrument):
            transposing = transposing or element.transposition is not None
            programs.add(element.midiProgram or 0)
    collected.losses["instrument (everything is one piano here)"] += len(programs - {0})
    if repeats and isinstance(score, stream.Score | stream.Part):
        try:
            score = score.expandRepeats()
        except Music21Exception:
            collected.losses["repeat that music21 cannot expand, played once"] += 1
    return score.toSoundingPitch() if transposing else score


def _parts(score: AnyStream) -> list[tuple[Any, AnyStream]]:
    """The parts with their offsets; a Stream that has none is one itself."""
    parts = list(score.getElementsByClass(stream.Part))
    if not parts:
        return [(0, score)]
    found: list[tuple[Any, AnyStream]] = [(score.elementOffset(part), part) for part in parts]
    loose = [e for e in score.elements if not isinstance(e, stream.Stream)]
    if loose:
        # Notes and marks that stand in the Score itself, beside its parts.
        shell: AnyStream = stream.Stream()
        for element in loose:
            shell.coreInsert(score.elementOffset(element), element)
        shell.coreElementsChanged()
        found.insert(0, (0, shell))
    return found


def _walk(container: AnyStream, start: Any) -> Iterator[tuple[Any, base.Music21Object]]:
    """Every element below *container* with its offset from the start, voice by voice."""
    for element in container.elements:
        offset = _plus(start, container.elementOffset(element))
        if isinstance(element, stream.Stream):
            yield from _walk(element, offset)
        else:
            yield offset, element


def _plus(one: Any, other: Any) -> Any:
    """The sum of two quarter lengths, exactly: a float and a Fraction would make a rounded float."""
    if not one:
        return other
    if one.__class__ is Fraction or other.__class__ is Fraction:
        return Fraction(one) + Fraction(other)
    return one + other


# --- collecting --------------------------------------------------------------------------------


def _collect(
    placed: tuple[Any, AnyStream], start: Any, hint: int | None, collected: _Collected
) -> None:
    """Walk over one part: notes with ties joined, marks, and what is lost."""
    offset, part = placed
    tied: dict[int, list[_Sounding]] = {}
    graces: list[note.NotRest] = []
    first = _plus(start, offset)
    pickup = _pickup(part)
    elements = list(_walk(part, first))
    loudness = _Loudness(elements)
    for onset, element in elements:
        if isinstance(element, note.NotRest) and not _silent(element, collected):
            if element.duration.isGrace:
                graces.append(element)
                continue
            _add_graces(graces, onset, loudness, collected)
            graces = []
            _add(element, onset, loudness.at(onset), hint, tied, collected)
        elif event_of(element) is not None or memory_of(element) is not None:
            collected.marks += _with_pickup(onset, element, pickup if onset == first else None)
        _count_losses(element, collected.losses)
    _add_graces(graces, _plus(first, part.highestTime), loudness, collected)


def _pickup(part: AnyStream) -> Any:
    """The length of a first measure that is shorter than its metre; None where it is full."""
    measures = part.getElementsByClass(stream.Measure)
    head = measures.first()
    if (
        head is None
        or len(measures) < 2
        or not 0 < head.highestTime < head.barDuration.quarterLength
    ):
        return None
    return head.highestTime


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
    return [(onset, metre), (_plus(onset, pickup), element)]


def _silent(element: note.NotRest, collected: _Collected) -> bool:
    """Whether *element* has no pitch that this encoding can hold."""
    if isinstance(element, harmony.NoChord):
        return True
    if isinstance(element, harmony.ChordSymbol) and not element.writeAsChord:
        collected.losses["chord symbol"] += 1
        return True
    if not isinstance(element, note.Note | chord.Chord):
        collected.losses["percussion note"] += 1
        return True
    return False


def _add(
    element: Any,
    onset: Any,
    velocity: int,
    hint: int | None,
    tied: dict[int, list[_Sounding]],
    collected: _Collected,
) -> None:
    """Add the note or the notes of a chord; a tied piece lengthens the note it belongs to."""
    end = _plus(onset, element.duration.quarterLength)
    members = element.notes if isinstance(element, chord.Chord) else (element,)
    for member in members:
        midi = _midi(member, collected)
        tie = member.tie if member.tie is not None else element.tie
        if tie is not None and tie.type in ("stop", "continue"):
            held = next((n for n in tied.get(midi, ()) if n.end == onset), None)
            if held is not None:
                held.end = end
                if tie.type == "stop":
                    tied[midi].remove(held)
                continue
        trace = member.editorial.get(TRACE_KEY) if member.hasEditorialInformation else None
        new = _Sounding(
            onset,
            end,
            midi,
            _velocity(member, element, velocity),
            trace if isinstance(trace, PerformedTrace) else None,
            hint,
        )
        collected.notes.append(new)
        if tie is not None and tie.type in ("start", "continue"):
            tied.setdefault(midi, []).append(new)


def _midi(member: Any, collected: _Collected) -> int:
    """The sounding MIDI pitch, within MIDI's range."""
    pitch = member.pitch
    if pitch.microtone.cents or pitch.ps != int(pitch.ps):
        collected.losses["microtone (rounded)"] += 1
    midi: int = round(pitch.ps)
    if not 0 <= midi <= 127:
        raise StreamError(f"{pitch.nameWithOctave} is beyond MIDI's 128 pitches; transpose it")
    return midi


def _velocity(member: Any, element: Any, default: int) -> int:
    """The velocity of a note: its own, its chord's, or what the dynamics say."""
    for one in (member, element):
        if one.hasVolumeInformation() and one.volume.velocity is not None:
            return min(127, max(1, int(one.volume.velocity)))
    return default


class _Loudness:
    """The velocity that the dynamics of a part ask for."""

    def __init__(self, elements: list[tuple[Any, base.Music21Object]]) -> None:
        marks = sorted(
            (offset, max(1, min(127, round(element.volumeScalar * 127))))
            for offset, element in elements
            if isinstance(element, dynamics.Dynamic) and element.volumeScalar
        )
        self._offsets = [offset for offset, _ in marks]
        self._levels = [DEFAULT_VELOCITY, *(level for _, level in marks)]

    def at(self, offset: Any) -> int:
        """The velocity at *offset*."""
        level: int = self._levels[bisect_right(self._offsets, offset)]
        return level


def _add_graces(
    graces: list[note.NotRest], onset: Any, loudness: _Loudness, collected: _Collected
) -> None:
    """Play *graces* one after another so that the last ends at *onset*."""
    length = (
        min(GRACE_QUARTERS, Fraction(onset) / len(graces)) if graces and onset else GRACE_QUARTERS
    )
    for count, grace in enumerate(graces):
        start = max(Fraction(0), Fraction(onset) - (len(graces) - count) * length)
        for member in grace.notes if isinstance(grace, chord.Chord) else (grace,):
            velocity = _velocity(member, grace, loudness.at(onset))
            midi = _midi(member, collected)
            collected.notes.append(_Sounding(start, start + length, midi, velocity, None, None))


def _count_losses(element: base.Music21Object, losses: Counter[str]) -> None:
    """Count what *element* says and a performance cannot."""
    if isinstance(element, note.GeneralNote):
        losses["lyric"] += len(element.lyrics)
        losses["articulation"] += sum(
            isinstance(a, articulations.Articulation) for a in element.articulations
        )
        losses["ornament or expression"] += len(element.expressions)
    elif isinstance(element, expressions.TextExpression):
        losses["text"] += 1
    elif isinstance(element, tempo.TempoText):
        losses["tempo word without a number"] += 1


# --- events ------------------------------------------------------------------------------------


def _note_events(collected: _Collected, resolution: int) -> Iterator[tuple[Key, int, Event]]:
    """The note ons and offs with their sorting keys."""
    rounded = 0
    for count, one in enumerate(collected.notes):
        onset, inexact = _tick(one.onset, resolution)
        end, inexact_end = _tick(one.end, resolution)
        rounded += inexact or inexact_end
        trace = one.trace
        if trace is None:
            yield (onset, _AFTER, 0, one.pitch), count, NoteOn(0, one.pitch, one.velocity)
            group = _BEFORE if end > onset else _LAST
            yield (max(onset, end), group, 1, one.pitch), count, NoteOff(0, one.pitch)
            continue
        scale = Fraction(resolution, one.resolution or resolution)
        onset = max(0, onset + round(trace.onset_shift * scale))
        end = max(onset, end + round(trace.end_shift * scale))
        yield (onset, _REMEMBERED, trace.on, 0), count, NoteOn(0, one.pitch, one.velocity)
        if trace.off is not None:
            off = NoteOff(0, one.pitch, trace.release_velocity, trace.spelled_off_as_note_on)
            yield (end, _REMEMBERED, trace.off, 0), count, off
    collected.losses["onset or end rounded to the tick"] += rounded


def _mark_events(collected: _Collected, resolution: int) -> Iterator[tuple[Key, int, Event]]:
    """The events that are not notes; one that several parts show counts once."""
    seen: dict[tuple[int, int, Any], tuple[Key, int, Event]] = {}
    for count, (offset, element) in enumerate(collected.marks):
        tick, _ = _tick(offset, resolution)
        event, memory = event_of(element), memory_of(element)
        edited = memory is None or event != memory.said
        if event is None or (not edited and memory is not None and memory.place == INFERRED):
            continue
        if memory is None or memory.place == INFERRED:
            seen.setdefault((tick, -1, event), ((tick, _BEFORE, 0, 0), count, event))
            continue
        said = event if edited or memory.event is None else memory.event
        row = ((tick, _REMEMBERED, memory.place, 0), count, said)
        if edited:
            seen[tick, memory.place, None] = row
        else:
            seen.setdefault((tick, memory.place, None), row)
    yield from seen.values()


def _tick(quarters: Any, resolution: int) -> tuple[int, bool]:
    """The nearest tick, and whether it had to be rounded."""
    exact = quarters * resolution
    tick = round(exact)
    return tick, tick != exact


def _fitting(collected: _Collected) -> int:
    """The default resolution if every note fits it, else the coarsest that all fit."""
    denominators = {
        Fraction(time).denominator for one in collected.notes for time in (one.onset, one.end)
    }
    fitting = DEFAULT_RESOLUTION
    for denominator in sorted(denominators):
        if (finer := lcm(fitting, denominator)) <= FINEST_RESOLUTION:
            fitting = finer
    return fitting
