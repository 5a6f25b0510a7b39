"""A Stream made ready to be walked over: pieces and parts, repeats played out, at sounding pitch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from music21 import base, instrument, repeat, spanner, stream
from music21.exceptions21 import Music21Exception

__all__ = ["AnyStream", "parts_of", "pieces_of", "plus", "ready", "walk"]

AnyStream = stream.Stream[Any]


def pieces_of(source: AnyStream) -> list[AnyStream]:
    """What follows one another: the pieces of an Opus, those of an Opus in it too; else itself."""
    if not isinstance(source, stream.Opus):
        return [source]
    inner = [part for part in source.elements if isinstance(part, stream.Stream)]
    return [piece for part in inner for piece in pieces_of(part)]


def ready(score: AnyStream, losses: Counter[str]) -> AnyStream:
    """*score* with its repeats played out and at sounding pitch."""
    repeats = transposing = False
    programs: set[int] = set()
    for _, element in walk(score, 0):
        if isinstance(element, repeat.RepeatMark | spanner.RepeatBracket):
            repeats = True
        elif isinstance(element, instrument.Instrument):
            transposing = transposing or element.transposition is not None
            programs.add(element.midiProgram or 0)
        elif isinstance(element, spanner.Ottava):
            transposing = transposing or element.transposing
    losses["instrument (everything is one piano here)"] += len(programs - {0})
    if repeats:
        try:
            score = _expandable(score).expandRepeats()
        except Music21Exception:
            losses["repeat that music21 cannot expand, played once"] += 1
    if not programs:
        # A measure or a voice taken out of its part has left the part's instrument behind.
        outer = score.getContextByClass(instrument.Instrument)
        if outer is not None and outer.transposition is not None:
            losses["transposition of an instrument (as written here)"] += 1
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


def parts_of(score: AnyStream) -> list[tuple[Any, AnyStream]]:
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


def walk(container: AnyStream, start: Any) -> Iterator[tuple[Any, base.Music21Object]]:
    """Every element below *container* with its offset from the start, voice by voice."""
    for element in container.elements:
        offset = plus(start, container.elementOffset(element))
        if isinstance(element, stream.Stream):
            yield from walk(element, offset)
        else:
            yield offset, element


def plus(one: Any, other: Any) -> Any:
    """The sum of two quarter lengths, exactly: a float and a Fraction would make a rounded float."""
    if not one:
        return other
    if one.__class__ is Fraction or other.__class__ is Fraction:
        return Fraction(one) + Fraction(other)
    return one + other
