"""Beams and tuplet brackets of the notes of one voice of one bar.

music21 can make them too, but at two milliseconds a bar; and these are asked for once only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Literal, NamedTuple

from music21.duration import Duration

from music21_lstm.notation.metre import BAR_LINE, UNIT, Metre, quarters
from music21_lstm.notation.values import family

__all__ = ["Beam", "Bracket", "Value", "beams_of", "brackets_of"]

_FLAGS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5, "256th": 6}

Beam = tuple[str, str | None]
"""One beam of a note: start, continue, stop or partial; and where a partial one points."""


class Value(NamedTuple):
    """A value as it is written: *start* and *end* are places in the metre, equal for a grace note."""

    start: int
    end: int
    rest: bool


class Bracket(NamedTuple):
    """What a value in a tuplet has of the bracket: whether one is *drawn*, and which end of it.

    *end* is None within.
    """

    drawn: bool
    end: Literal["start", "stop", "startStop"] | None


def beams_of(metre: Metre, voice: Sequence[Value]) -> dict[int, tuple[Beam, ...]]:
    """The beams of each value that has some, by its index: those of each beat are beamed.

    Runs of plain eighths are beamed by the half bar, or the whole of 3/4; grace notes among themselves.
    """
    numbered = list(enumerate(voice))
    graces = [list(run) for small, run in groupby(numbered, _is_grace) if small]
    timed = [one for one in numbered if not _is_grace(one)] if graces else numbered
    groups = [*_beam_groups(metre, timed), *(run for run in graces if len(run) > 1)]
    found: dict[int, tuple[Beam, ...]] = {}
    for group in groups:
        flags = [_flags(value) for _, value in group]
        strong = [metre.weight(value.start) for _, value in group]
        for place, (index, _) in enumerate(group):
            levels = range(1, flags[place] + 1)
            found[index] = tuple(_beam(flags, strong, place, level) for level in levels)
    return found


def brackets_of(metre: Metre, voice: Sequence[Value]) -> dict[int, Bracket]:
    """The bracket of each value of a tuplet, by its index; beamed ones need none drawn.

    A grace note stands in no tuplet, and ends none.
    """
    timed = [one for one in enumerate(voice) if not _is_grace(one)]
    found: dict[int, Bracket] = {}
    for group in _tuplet_groups(metre, timed):
        drawn = any(value.rest or not _flags(value) for _, value in group)
        for index, _ in group:
            found[index] = Bracket(drawn, None)
        first, last = group[0][0], group[-1][0]
        if first == last:
            found[first] = Bracket(drawn, "startStop")
        else:
            found[first], found[last] = Bracket(drawn, "start"), Bracket(drawn, "stop")
    return found


_Numbered = tuple[int, Value]


def _flags(value: Value) -> int:
    """How many flags a note has; a grace note, which takes no time, is written as an eighth."""
    start, end, _ = value
    return _flags_of(end - start) if end > start else 1


@lru_cache(maxsize=4096)
def _flags_of(length: int) -> int:
    return _FLAGS.get(Duration(quarters(length)).type, 0)


def _actual(one: _Numbered) -> int:
    """How many notes of its kind the tuplet of a value has in the time of fewer; 0 if it is in none."""
    return _actual_of(one[1].end - one[1].start)


@lru_cache(maxsize=4096)
def _actual_of(length: int) -> int:
    tuplets = Duration(quarters(length)).tuplets
    return tuplets[0].numberNotesActual if tuplets else 0


def _is_grace(one: _Numbered) -> bool:
    return one[1].start == one[1].end


def _beam(flags: list[int], strong: list[int], place: int, level: int) -> tuple[str, str | None]:
    """The kind of one beam of one note, and where a partial one points."""
    joins_before = place > 0 and flags[place - 1] >= level
    joins_after = place + 1 < len(flags) and flags[place + 1] >= level
    if joins_before and joins_after:
        return "continue", None
    if joins_before:
        return "stop", None
    if joins_after:
        return "start", None
    if place == 0:
        return "partial", "right"
    if place + 1 == len(flags):
        return "partial", "left"
    # A short note belongs to the note on the stronger place beside it.
    return "partial", "left" if strong[place] < strong[place + 1] else "right"


def _beam_groups(metre: Metre, voice: Sequence[_Numbered]) -> Iterator[list[_Numbered]]:
    """Two or more neighbouring notes with flags, in one beat or one run of plain eighths."""
    runs = [
        list(run)
        for beamable, run in groupby(voice, lambda one: _group_of(metre, one[1]))
        if beamable is not None
    ]
    merged: list[list[_Numbered]] = []
    for run in runs:
        if merged and _one_run(metre, merged[-1], run):
            merged[-1] += run
        else:
            merged.append(run)
    yield from (group for group in merged if len(group) > 1)


def _group_of(metre: Metre, value: Value) -> int | None:
    """The beat of a note that can be beamed; None for others."""
    if value.rest or not _flags(value):
        return None
    return value.start // (metre.beat if metre.compound else UNIT)


def _one_run(metre: Metre, before: list[_Numbered], after: list[_Numbered]) -> bool:
    """Whether two beats are beamed together: plain eighths without a stronger place between."""
    start = after[0][1].start
    if metre.compound or before[-1][1].end != start or metre.weight(start) >= BAR_LINE - 1:
        return False
    if metre.length % (2 * UNIT) == 0 and start % (2 * UNIT) == 0:
        return False
    return all(value.end - value.start == UNIT // 2 for _, value in [*before, *after])


def _tuplet_groups(metre: Metre, voice: Sequence[_Numbered]) -> Iterator[list[_Numbered]]:
    """Neighbouring values of one tuplet."""
    group: list[_Numbered] = []
    for written in voice:
        if not _actual(written):
            if group:
                yield group
            group = []
            continue
        if group and not _same_tuplet(metre, group, written):
            yield group
            group = []
        group.append(written)
    if group:
        yield group


def _same_tuplet(metre: Metre, group: list[_Numbered], written: _Numbered) -> bool:
    """Whether a value goes on with the tuplet that *group* has begun."""
    if _actual(group[0]) != _actual(written):
        return False
    return not _complete(metre, group)


def _complete(metre: Metre, group: list[_Numbered]) -> bool:
    """Whether the values so far end where a plain value may begin: on no tuplet's own place."""
    ended = group[-1][1].end
    if family(metre, ended) != 1:
        return False
    # Three quarters in the time of two, or three eighths in that of one, end on the beat; three
    # sixteenths end on the half of it.
    finest = min(value.end - value.start for _, value in group)
    return ended % metre.frame == 0 or (ended * 2 % metre.frame == 0 and finest * 6 <= metre.frame)
