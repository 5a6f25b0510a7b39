"""The chorales of J. S. Bach in music21's corpus: anybody can repeat what is learned from them.

music21 is imported when a chorale is read, not before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from music21_lstm.encoding.events import Event, NoteOff, NoteOn, TimeSignature
from music21_lstm.encoding.performance import Performance, with_deltas

__all__ = ["LICENCE", "RESOLUTION", "chorale_files", "chorales", "read_chorale"]

RESOLUTION = 24
"""Ticks a quarter: every value in the chorales, down to the 32nd and the triplet, is whole."""

_VOICES = ("Soprano", "Alto", "Tenor", "Bass")
LICENCE = (
    "Encodings from the corpus of music21, which distributes them by permission of the encoders; "
    "its corpus/license.txt states no claim of its own and that restrictions on commercial use "
    "may rest on single files. The music (J. S. Bach, 1685-1750) is in the public domain."
)

Timed = tuple[int, int, Event]


def chorale_files() -> list[Path]:
    """Bach's works in music21's corpus, in order of their names; most are four-part chorales."""
    from music21 import corpus

    found = (Path(path) for path in corpus.getComposer("bach"))
    return sorted(
        (path for path in found if path.suffix in (".mxl", ".xml", ".krn")),
        key=lambda path: path.name,
    )


def chorales(only: Collection[str] | None = None) -> Iterator[tuple[str, Performance]]:
    """The four-part chorales, each with its file's name; all take about half a minute.

    *only* those of the works given (``{"bwv66.6"}``) take less.
    """
    for path in chorale_files():
        if only and path.stem not in only:
            continue
        performance = read_chorale(path)
        if performance.events:
            yield path.name, performance


def read_chorale(path: Path) -> Performance:
    """The chorale in the file at *path*; no events if there is none.

    A score of four parts is one, and of a larger score the parts named Soprano, Alto, Tenor and
    Bass. Ties are merged, repeats are not played, fermatas are not held; a pickup is a first bar
    of its own length. Resolution 24, velocity 80.
    """
    from music21 import converter

    parts = _four_parts(converter.parse(path, forceSource=True, storePickle=False))
    return _performance(parts) if parts else Performance(RESOLUTION)


def _four_parts(score: Any) -> list[Any]:
    """Soprano, alto, tenor and bass of *score*; nothing if it has no such four."""
    parts = list(score.parts)
    if len(parts) == 4:
        return parts
    by_name = {part.id: part for part in parts}
    return [by_name[name] for name in _VOICES] if by_name.keys() >= set(_VOICES) else []


def _performance(parts: list[Any]) -> Performance:
    timed = _metre(parts[0])
    for part in parts:
        for onset, end, pitch in _merged(_sounded(part)):
            timed += [(onset, 2, NoteOn(0, pitch, 80)), (end, 1, NoteOff(0, pitch))]
    timed.sort(key=lambda item: item[:2])
    return Performance(RESOLUTION, with_deltas((tick, event) for tick, _, event in timed))


def _ticks(quarters: Any) -> int:
    return round(Fraction(quarters) * RESOLUTION)


def _metre(part: Any) -> list[Timed]:
    """The time signatures of *part*; a short first bar gets one of its own."""
    signatures = [
        (_ticks(found.getOffsetInHierarchy(part)), found.numerator, found.denominator)
        for found in part.recurse().getElementsByClass("TimeSignature")
    ] or [(0, 4, 4)]
    opening = part.getElementsByClass("Measure").first()
    pickup = _ticks(opening.duration.quarterLength) if opening is not None else 0
    first, numerator, denominator = signatures[0]
    if first == 0 and 0 < pickup < RESOLUTION * 4 * numerator // denominator:
        short = Fraction(pickup, 4 * RESOLUTION)
        scale = max(1, 4 // short.denominator)
        signatures[:1] = [
            (0, short.numerator * scale, short.denominator * scale),
            (pickup, numerator, denominator),
        ]
    return [(tick, 0, TimeSignature(0, over, under)) for tick, over, under in signatures]


def _sounded(part: Any) -> Iterator[tuple[int, int, int, bool]]:
    """Onset, end, pitch and whether it goes on a tied note, of each note of *part*."""
    for found in part.flatten().notes:
        if found.duration.isGrace:
            continue
        onset = _ticks(found.offset)
        end = _ticks(found.offset + found.quarterLength)
        for note in found.notes if found.isChord else (found,):
            tied = note.tie is not None and note.tie.type in ("stop", "continue")
            yield onset, end, note.pitch.midi, tied


def _merged(notes: Iterable[tuple[int, int, int, bool]]) -> list[tuple[int, int, int]]:
    """The notes with tied ones joined to what they go on."""
    ends: dict[tuple[int, int], int] = {}
    merged: list[tuple[int, int, int]] = []
    for onset, end, pitch, tied in notes:
        place = ends.pop((onset, pitch), None) if tied else None
        if place is None:
            place = len(merged)
            merged.append((onset, end, pitch))
        else:
            merged[place] = (merged[place][0], end, pitch)
        ends[(end, pitch)] = place
    return merged
