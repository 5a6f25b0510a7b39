"""Walking over a Stream: its notes with ties joined, its marks, and what cannot be encoded."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
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

from music21_lstm.encoding.trace import TRACE_KEY, PerformedTrace
from music21_lstm.errors import EventError, StreamError
from music21_lstm.streams.elements import event_of, memory_of, resolution_of

__all__ = ["AnyStream", "Collected", "SoundingNote", "collect"]

AnyStream = stream.Stream[Any]

DEFAULT_VELOCITY = 90
"""music21's own loudness of a note without any dynamic: 0.71 of the full scale."""

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
    """What one walk over the Stream found."""

    notes: list[SoundingNote] = field(default_factory=list)
    marks: list[tuple[Any, base.Music21Object]] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)


def collect(source: AnyStream) -> Collected:
    """All that sounds in *source*, in quarter lengths from its start."""
    collected = Collected()
    start: Any = 0
    for piece in _pieces(source):
        hint = resolution_of(piece)
        ready = _ready(piece, collected)
        parts = _parts(ready)
        pickup = _pickup([part for _, part in parts])
        for offset, part in parts:
            _collect(part, _plus(start, offset), pickup, hint, collected)
        start = _plus(start, ready.highestTime)
    return collected


# --- the Stream made ready ---------------------------------------------------------------------


def _pieces(source: AnyStream) -> list[AnyStream]:
    """What follows one another: the pieces of an Opus, those of an Opus in it too; else itself."""
    if not isinstance(source, stream.Opus):
        return [source]
    inner = [part for part in source.elements if isinstance(part, stream.Stream)]
    return [piece for part in inner for piece in _pieces(part)]


def _ready(score: AnyStream, collected: Collected) -> AnyStream:
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
    if repeats:
        try:
            score = _expandable(score).expandRepeats()
        except Music21Exception:
            collected.losses["repeat that music21 cannot expand, played once"] += 1
    if not programs:
        # A measure or a voice taken out of its part has left the part's instrument behind.
        outer = score.getContextByClass(instrument.Instrument)
        if outer is not None and outer.transposition is not None:
            collected.losses["transposition of an instrument (as written here)"] += 1
    return score.toSoundingPitch() if transposing else score


def _expandable(score: AnyStream) -> Any:
    """*score* as something that music21 expands: a Score of its parts, if it has any."""
    parts = list(score.getElementsByClass(stream.Part))
    if isinstance(score, stream.Score | stream.Part) or not parts:
        return score
    whole = stream.Score()
    for part in parts:
        whole.insert(score.elementOffset(part), part)
    return whole


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
    part: AnyStream, first: Any, pickup: Any, hint: int | None, collected: Collected
) -> None:
    """Walk over one part that starts at *first*: notes with ties joined, marks, and what is lost."""
    tied: dict[int, list[SoundingNote]] = {}
    graces: list[note.NotRest] = []
    grace_onset: Any = first
    percussion = False
    elements = list(_walk(part, first))
    loudness = _Loudness(elements)
    for onset, element in elements:
        if isinstance(element, instrument.Instrument):
            percussion = isinstance(element, instrument.UnpitchedPercussion)
        if graces and onset != grace_onset:
            # A grace at the end of a voice leads to no note there.
            _add_graces(graces, grace_onset, loudness, collected)
            graces = []
        if isinstance(element, note.NotRest) and not _silent(element, percussion, collected):
            if element.duration.isGrace:
                grace_onset = onset
                graces.append(element)
                continue
            delay = _add_graces(graces, onset, loudness, collected)
            graces = []
            _add(element, onset, delay, loudness.at(onset), hint, tied, collected)
        elif _is_mark(element, collected):
            collected.marks += _with_pickup(onset, element, pickup if onset == first else None)
        _count_losses(element, collected.losses)
    if graces:
        _add_graces(graces, grace_onset, loudness, collected)


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
        length = _plus(part.elementOffset(following), -part.elementOffset(head))
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
    return [(onset, metre), (_plus(onset, pickup), element)]


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
    velocity: int,
    hint: int | None,
    tied: dict[int, list[SoundingNote]],
    collected: Collected,
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
        new = SoundingNote(
            min(_plus(onset, delay), end),
            end,
            midi,
            _velocity(member, element, velocity),
            trace if isinstance(trace, PerformedTrace) else None,
            hint,
        )
        collected.notes.append(new)
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
    graces: list[note.NotRest], onset: Any, loudness: _Loudness, collected: Collected
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
            velocity = _velocity(member, grace, loudness.at(onset))
            midi = _midi(member, collected)
            collected.notes.append(SoundingNote(start, start + length, midi, velocity, None, None))
    return delay


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
