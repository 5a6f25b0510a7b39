"""The measures of a score that are written anew: emptied, given to the parts, filled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import inf
from statistics import median
from typing import Any

from music21 import chord, key, meter, note, stream

from music21_lstm.encoding.performance import Performance
from music21_lstm.encoding.trace import TRACE_KEY, PerformedTrace
from music21_lstm.errors import GenerationError
from music21_lstm.notation.bars import Bar, Section
from music21_lstm.notation.hands import split_hands
from music21_lstm.notation.marks import Key
from music21_lstm.notation.metre import COMMON_TIME, UNIT, Metre
from music21_lstm.notation.pieces import bar_pieces
from music21_lstm.notation.quantize import Placed, is_aligned, place_notes
from music21_lstm.notation.spelling import spell
from music21_lstm.notation.voices import Staff, two_voices
from music21_lstm.notation.writing import BarPlan, StaffWriter, traces_of

__all__ = ["Gap", "empty", "gap_of", "write"]

AnyStream = stream.Stream[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """Measures of a score that stand one above the other in all its parts.

    *measures* of each of *parts*, and the *lengths* of these bars; *start* from the score's start. All
    in quarter lengths.
    """

    score: AnyStream
    parts: tuple[AnyStream, ...]
    measures: tuple[tuple[stream.Measure, ...], ...]
    lengths: tuple[Fraction, ...]
    start: Fraction

    @property
    def end(self) -> Fraction:
        """Where the next bar starts."""
        return self.start + sum(self.lengths)


def gap_of(score: AnyStream, first: int, last: int) -> Gap:
    """The measures numbered *first* to *last* of every part of *score*.

    Raises :class:`~music21_lstm.errors.GenerationError` if there are none, or if the parts do not
    have their bar lines at the same places.
    """
    parts: tuple[AnyStream, ...] = tuple(score.getElementsByClass(stream.Part)) or (score,)
    found = []
    for part in parts:
        measures = part.getElementsByClass(stream.Measure)
        found.append(tuple(m for m in measures if first <= m.number <= last))
        numbers = sorted({m.number for m in measures})
        if not numbers:
            raise GenerationError("this stream has no measures to fill; call makeMeasures() first")
        if first > last or first not in numbers or last not in numbers:
            raise GenerationError(
                f"measures {first} to {last} are not there; "
                f"this score has {numbers[0]} to {numbers[-1]}"
            )
    starts = {tuple(_place(score, p, m) for m in ms) for p, ms in zip(parts, found, strict=True)}
    if len(starts) > 1:
        raise GenerationError("the parts have their bar lines at different places; fill one part")
    lengths = tuple(max(map(_length, column)) for column in zip(*found, strict=True))
    return Gap(score, parts, tuple(found), lengths, starts.pop()[0])


def _place(score: AnyStream, part: AnyStream, measure: stream.Measure) -> Fraction:
    inside = Fraction(part.elementOffset(measure))
    return inside if part is score else inside + Fraction(score.elementOffset(part))


def _length(measure: stream.Measure) -> Fraction:
    return Fraction(measure.highestTime) or Fraction(measure.barDuration.quarterLength)


# --- emptying ----------------------------------------------------------------------------------


def empty(gap: Gap) -> None:
    """Take out all notes and rests of the gap; a note held over one of its edges is cut there."""
    gone: set[int] = set()
    for part, measures in zip(gap.parts, gap.measures, strict=True):
        every = list(part.getElementsByClass(stream.Measure))
        before = [m for m in every if part.elementOffset(m) < part.elementOffset(measures[0])][-1:]
        after = [m for m in every if part.elementOffset(m) > part.elementOffset(measures[-1])][:1]
        for measure in before:
            _untie(measure, measure.highestTime, ending=True)
        for measure in after:
            _untie(measure, 0, ending=False)
        for measure in measures:
            for element in list(measure.recurse().getElementsByClass(note.GeneralNote)):
                gone.add(id(element))
                element.activeSite.remove(element)
            for voice in list(measure.voices):
                measure.remove(voice)
    for spanner in list(gap.score.recurse().getElementsByClass("Spanner")):
        if any(id(element) in gone for element in spanner.getSpannedElements()):
            spanner.activeSite.remove(spanner)


def _untie(measure: stream.Measure, edge: Any, *, ending: bool) -> None:
    """Cut the ties of the notes that end (or begin) at the *edge* of a measure."""
    left = {"start": None, "continue": "stop"} if ending else {"stop": None, "continue": "start"}
    for element in measure.recurse().notes:
        offset = element.getOffsetInHierarchy(measure)
        if (offset + element.quarterLength if ending else offset) != edge:
            continue
        members = element.notes if isinstance(element, chord.ChordBase) else ()
        for one in (element, *members):
            if one.tie is not None and one.tie.type in left:
                _forget(one, ending=ending)
                kind = left[one.tie.type]
                if kind is None:
                    one.tie = None
                else:
                    one.tie.type = kind


def _forget(one: Any, *, ending: bool) -> None:
    """What a note remembers of the edge that it has lost."""
    trace = one.editorial.get(TRACE_KEY) if one.hasEditorialInformation else None
    if isinstance(trace, PerformedTrace):
        kept = trace._replace(end_shift=0) if ending else trace._replace(onset_shift=0)
        one.editorial[TRACE_KEY] = kept


# --- writing -----------------------------------------------------------------------------------


def write(gap: Gap, passage: Performance, *, traced: bool) -> None:
    """Write *passage*, whose tick 0 is the start of the gap, into its emptied measures.

    Each note goes to the part that moves least. *traced*: the notes keep the timing of the
    performance, as all do in a score that was made from one; otherwise they are as written.
    """
    bars = _bars(gap)
    sections = [Section(bar.start, bar.metre) for bar in bars]
    placed, _ = place_notes(passage, sections)
    end = bars[-1].end
    placed = [p._replace(end=min(p.end, end)) for p in placed if p.onset < end]
    shares = _shared(gap, placed)
    keys = _keys(gap.measures[0])
    spelled = _spelled(placed, bars, keys)
    aligned = is_aligned(passage)
    for index, measures in enumerate(gap.measures):
        own = [p for p, share in zip(placed, shares, strict=True) if share == index]
        staff = two_voices(own, aligned=aligned)
        traces = traces_of(passage, [*staff[0], *staff[1]])
        writer = StaffWriter(spelled, traces, _voice_ids(gap.parts[index], staff))
        for plan, target in zip(_plans(staff, bars, keys), measures, strict=True):
            _move(writer.measure(plan), target, traced=traced)


def _bars(gap: Gap) -> list[Bar]:
    bars = []
    for measure, quarters in zip(gap.measures[0], gap.lengths, strict=True):
        place = _place(gap.score, gap.parts[0], measure) - gap.start
        signature = measure.getContextByClass(meter.TimeSignature)
        metre = (
            COMMON_TIME if signature is None else Metre(signature.numerator, signature.denominator)
        )
        shift = round(Fraction(measure.paddingLeft) * UNIT)
        length = round(quarters * UNIT)
        bars.append(Bar(measure.number, round(place * UNIT), length, metre, False, shift))
    return bars


def _keys(measures: Iterable[stream.Measure]) -> list[Key]:
    found: list[Key] = []
    for measure in measures:
        signature = measure.getContextByClass(key.KeySignature)
        minor = getattr(signature, "mode", None) == "minor"
        found.append((signature.sharps if signature else 0, "minor" if minor else "major"))
    return found


def _spelled(placed: Sequence[Placed], bars: Sequence[Bar], keys: Sequence[Key]) -> dict[int, int]:
    """The place on the line of fifths of each note, by the place of its note on."""
    order = sorted(placed, key=lambda p: (p.onset, p.note.pitch))
    of_bar = [next(k for b, k in zip(bars, keys, strict=True) if p.onset < b.end) for p in order]
    names = spell([p.note.pitch for p in order], of_bar)
    return {p.note.on: name for p, name in zip(order, names, strict=True)}


def _plans(staff: Staff, bars: Sequence[Bar], keys: Sequence[Key]) -> list[BarPlan]:
    """The measures keep their own signs, so none is planned."""
    return [
        BarPlan(bar, upper, lower, sharps, new_key=False, new_clef=None, first=False, last=False)
        for bar, sharps, (upper, lower) in zip(bars, keys, bar_pieces(staff, bars), strict=True)
    ]


def _voice_ids(part: AnyStream, staff: Staff) -> tuple[str, str] | None:
    """The names of the part's voices elsewhere; None if it needs none."""
    names = list(dict.fromkeys(str(v.id) for v in part.recurse().getElementsByClass(stream.Voice)))
    if not names and not staff[1]:
        return None
    first, second = [*names, *(n for n in ("1", "2") if n not in names)][:2]
    return first, second


def _move(written: stream.Measure, target: stream.Measure, *, traced: bool) -> None:
    """The notes, rests and voices of *written* into *target*, which keeps its signs."""
    if not traced:
        for element in written.recurse().notes:
            for member in element.notes if isinstance(element, chord.Chord) else (element,):
                member.editorial.pop(TRACE_KEY, None)
    for element in list(written.elements):
        if isinstance(element, note.GeneralNote | stream.Voice):
            offset = written.elementOffset(element)
            written.remove(element)
            target.insert(offset, element)


# --- which part plays what ---------------------------------------------------------------------


def _shared(gap: Gap, placed: Sequence[Placed]) -> list[int]:
    """The index of the part of each note; parts that are silent elsewhere stay silent."""
    usual = _usual_pitches(gap.parts)
    order = sorted(usual, key=lambda part: -usual[part])
    if len(order) == 1:
        return order * len(placed)
    if len(order) == 2:
        return [order[0] if right else order[1] for right in split_hands(placed)]
    shares = [0] * len(placed)
    last = [usual[part] for part in order]
    free_at = [0] * len(order)
    by_onset = sorted(range(len(placed)), key=lambda i: (placed[i].onset, -placed[i].note.pitch))
    for onset, group in groupby(by_onset, key=lambda i: placed[i].onset):
        new = list(group)
        free = [place for place in range(len(order)) if free_at[place] <= onset]
        if len(free) < len(new):
            free = sorted([*free, *range(len(order))] * -(-len(new) // len(order)))
        chosen = _least_moved([placed[i].note.pitch for i in new], [last[place] for place in free])
        for i, choice in zip(new, chosen, strict=True):
            place = free[choice]
            shares[i] = order[place]
            last[place], free_at[place] = placed[i].note.pitch, placed[i].end
    return shares


def _usual_pitches(parts: Sequence[AnyStream]) -> Mapping[int, float]:
    """The median pitch of each part that has notes, by its index; without any, from high to low."""
    pitches: dict[int, list[int]] = defaultdict(list)
    for index, part in enumerate(parts):
        for element in part.recurse().notes:
            pitches[index] += [pitch.midi for pitch in element.pitches]
    if not pitches:
        return {index: 72.0 - 12 * index for index in range(len(parts))}
    return {index: median(found) for index, found in pitches.items()}


def _least_moved(pitches: Sequence[int], last: Sequence[float]) -> list[int]:
    """For each pitch (from high to low) a place in *last*, in order, so that all move least.

    >>> _least_moved([72, 48], [74, 67, 60, 50])
    [0, 3]
    """
    # best[k]: the cheapest way for the first k pitches over the places so far, and which it takes.
    best: list[tuple[float, list[int]]] = [(0.0, []), *((inf, []) for _ in pitches)]
    for place, before in enumerate(last):
        for count in range(len(pitches), 0, -1):
            cost, taken = best[count - 1]
            way = (cost + abs(pitches[count - 1] - before), [*taken, place])
            best[count] = min(best[count], way)
    return best[-1][1]
