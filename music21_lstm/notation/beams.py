"""Beams and tuplet brackets, set on the notes of one voice of one bar.

music21 can make them too, but at two milliseconds a bar; and these are asked for once only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from music21 import beam
from music21.duration import Duration
from music21.note import GeneralNote

from music21_lstm.notation.metre import BAR_LINE, UNIT, Metre, quarters
from music21_lstm.notation.values import family

__all__ = ["add_beams", "add_tuplets"]

_FLAGS = {"eighth": 1, "16th": 2, "32nd": 3, "64th": 4, "128th": 5, "256th": 6}

Written = tuple[int, int, GeneralNote]
"""Start and end, places in the metre, and the note, chord or rest written there."""


def add_beams(metre: Metre, voice: Sequence[Written]) -> None:
    """Beam the notes of each beat; runs of plain eighths by the half bar, or the whole of 3/4.

    Grace notes are beamed among themselves.
    """
    graces = [list(run) for small, run in groupby(voice, _is_grace) if small]
    timed = [written for written in voice if not _is_grace(written)] if graces else voice
    groups = [*_beam_groups(metre, timed), *(run for run in graces if len(run) > 1)]
    for group in groups:
        flags = [_flags(written) for written in group]
        strong = [metre.weight(start) for start, _, _ in group]
        for place, (_, _, element) in enumerate(group):
            beams = beam.Beams()
            for level in range(1, flags[place] + 1):
                kind, direction = _beam(flags, strong, place, level)
                beams.append(kind, direction)  # type: ignore[no-untyped-call]
            element.beams = beams  # type: ignore[attr-defined]


def _flags(written: Written) -> int:
    """How many flags a note has; a grace note, which takes no time, is written as an eighth."""
    start, end, _ = written
    return _flags_of(end - start) if end > start else 1


@lru_cache(maxsize=4096)
def _flags_of(length: int) -> int:
    return _FLAGS.get(Duration(quarters(length)).type, 0)


def _actual(written: Written) -> int:
    """How many notes of its kind the tuplet of a value has in the time of fewer; 0 if it is in none."""
    return _actual_of(written[1] - written[0])


@lru_cache(maxsize=4096)
def _actual_of(length: int) -> int:
    tuplets = Duration(quarters(length)).tuplets
    return tuplets[0].numberNotesActual if tuplets else 0


def _is_grace(written: Written) -> bool:
    return written[0] == written[1]


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


def _beam_groups(metre: Metre, voice: Sequence[Written]) -> Iterator[list[Written]]:
    """Two or more neighbouring notes with flags, in one beat or one run of plain eighths."""
    runs = [
        list(run)
        for beamable, run in groupby(voice, lambda w: _group_of(metre, w))
        if beamable is not None
    ]
    merged: list[list[Written]] = []
    for run in runs:
        if merged and _one_run(metre, merged[-1], run):
            merged[-1] += run
        else:
            merged.append(run)
    yield from (group for group in merged if len(group) > 1)


def _group_of(metre: Metre, written: Written) -> int | None:
    """The beat of a note that can be beamed; None for others."""
    start, _, element = written
    if element.isRest or not _flags(written):
        return None
    return start // (metre.beat if metre.compound else UNIT)


def _one_run(metre: Metre, before: list[Written], after: list[Written]) -> bool:
    """Whether two beats are beamed together: plain eighths without a stronger place between."""
    start = after[0][0]
    if metre.compound or before[-1][1] != start or metre.weight(start) >= BAR_LINE - 1:
        return False
    if metre.length % (2 * UNIT) == 0 and start % (2 * UNIT) == 0:
        return False
    return all(b - a == UNIT // 2 for a, b, _ in [*before, *after])


def add_tuplets(metre: Metre, voice: Sequence[Written]) -> None:
    """Mark where the bracket of each tuplet starts and stops; beamed ones need no bracket.

    A grace note stands in no tuplet, and ends none.
    """
    timed = [written for written in voice if not _is_grace(written)]
    for group in _tuplet_groups(metre, timed):
        beamed = all(not written[2].isRest and _flags(written) for written in group)
        for _, _, element in group:
            for tuplet in element.duration.tuplets:
                tuplet.bracket = not beamed
        ends = group[0][2].duration.tuplets, group[-1][2].duration.tuplets
        if len(group) == 1:
            ends[0][0].type = "startStop"
            continue
        ends[0][0].type, ends[1][0].type = "start", "stop"


def _tuplet_groups(metre: Metre, voice: Sequence[Written]) -> Iterator[list[Written]]:
    """Neighbouring values of one tuplet."""
    group: list[Written] = []
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


def _same_tuplet(metre: Metre, group: list[Written], written: Written) -> bool:
    """Whether a value goes on with the tuplet that *group* has begun."""
    if _actual(group[0]) != _actual(written):
        return False
    return not _complete(metre, group)


def _complete(metre: Metre, group: list[Written]) -> bool:
    """Whether the values so far end where a plain value may begin: on no tuplet's own place."""
    ended = group[-1][1]
    if family(metre, ended) != 1:
        return False
    # Three quarters in the time of two, or three eighths in that of one, end on the beat; three
    # sixteenths end on the half of it.
    finest = min(end - start for start, end, _ in group)
    return ended % metre.frame == 0 or (ended * 2 % metre.frame == 0 and finest * 6 <= metre.frame)
