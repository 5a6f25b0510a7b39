"""Which written values (notes or rests, tied together) fill a stretch of a bar.

Each has at most one dot and shows the beats. The rules are those of the textbooks (Gould, *Behind
Bars*, 2011, "Grouping of note-values"): a value starts or ends on a place as strong as any that it
hides, except for the plain syncopation of eighth, quarter, eighth; a tuplet stays in its beat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import gcd

from music21_lstm.notation.metre import BAR_LINE, FINEST, UNIT, Metre

__all__ = ["Region", "family", "regions_of", "split"]

Region = tuple[int, int, int]
"""Where in a bar all values are those of one tuplet: from, to, and so many in the time of fewer."""

_NORMAL = {3: 2, 5: 4, 7: 4}
"""So many notes of a tuplet stand in the time of how many."""

_LONGEST = 8 * UNIT
"""A breve."""


@lru_cache(maxsize=131072)
def split(
    metre: Metre, start: int, end: int, *, rest: bool = False, regions: tuple[Region, ...] = ()
) -> tuple[tuple[int, int], ...]:
    """Cut what sounds from *start* to *end*, places in one bar, into values that can be written.

    Rests are not syncopated, and not dotted where the beat is not. In *regions* (of
    :func:`regions_of`) all values are those of the tuplet.

    >>> common, quarter = Metre(4, 4), UNIT
    >>> def shown(start, end, **how):
    ...     pieces = split(common, int(start * quarter), int(end * quarter), **how)
    ...     return [(a / quarter, b / quarter) for a, b in pieces]
    >>> shown(0, 3.5)
    [(0.0, 2.0), (2.0, 3.5)]
    >>> shown(0.5, 1.5), shown(1.5, 2.5)
    ([(0.5, 1.5)], [(1.5, 2.0), (2.0, 2.5)])
    >>> shown(0.5, 1.5, rest=True)
    [(0.5, 1.0), (1.0, 1.5)]
    """
    if end <= start:
        return ()
    cut = _cut_region(metre, start, end, regions) if regions else None
    if cut is None:
        tuplet = start % FINEST or end % FINEST
        cut = _cut_tuplet(metre, start, end) if tuplet else _cut(metre, start, end, rest)
    if cut is None:
        return ((start, end),)
    if not rest and not regions:
        return _fewest(metre, start, cut, end)
    parts = (split(metre, a, b, rest=rest, regions=regions) for a, b in ((start, cut), (cut, end)))
    return next(parts) + next(parts)


def _fewest(metre: Metre, start: int, cut: int, end: int) -> tuple[tuple[int, int], ...]:
    """The values with a *cut*, or at another beat if they are fewer: half and dotted eighth, say."""
    beats = range(start - start % metre.beat + metre.beat, end, metre.beat)
    best: tuple[tuple[int, int], ...] = ()
    for at in (cut, *beats):
        values = split(metre, start, at) + split(metre, at, end)
        if not best or len(values) < len(best):
            best = values
    return best


def regions_of(metre: Metre, places: Iterable[int]) -> tuple[Region, ...]:
    """The tuplets of a voice of a bar, *places* in which a value starts or ends.

    A tuplet takes a beat, or a half or a quarter of one if the values keep to that. All values in
    it are its own: a plain sixteenth cannot stand within a triplet of eighths.

    >>> beat = UNIT
    >>> regions_of(Metre(4, 4), [beat, beat + beat // 4, beat + beat // 3, 2 * beat])
    ((3360, 6720, 3),)
    >>> regions_of(Metre(4, 4), [beat // 2, beat // 2 + beat // 3, beat // 2 + beat // 6])
    ((1680, 3360, 3),)
    """
    by_frame: dict[int, set[int]] = {}
    for place in places:
        by_frame.setdefault(place - place % metre.frame, set()).add(place)
    return tuple(
        region
        for start, inside in sorted(by_frame.items())
        for region in _tuplets(metre, start, start + metre.frame, inside, 2)
    )


def _tuplets(
    metre: Metre, start: int, end: int, places: set[int], halvings: int
) -> Iterator[Region]:
    kinds = {family(metre, place) for place in places if start < place < end} - {1}
    if len(kinds) != 1 or not kinds <= _NORMAL.keys():
        return
    middle = (start + end) // 2
    if halvings and middle in places and (end - start) % (2 * FINEST) == 0:
        yield from _tuplets(metre, start, middle, places, halvings - 1)
        yield from _tuplets(metre, middle, end, places, halvings - 1)
    else:
        yield start, end, kinds.pop()


def family(metre: Metre, place: int) -> int:
    """Which tuplet a *place* of the bar belongs to: 3, 5, 7 (or a product), and 1 for none."""
    part = metre.frame // gcd(place % metre.frame, metre.frame)
    return part // (part & -part)


def _cut_region(metre: Metre, start: int, end: int, regions: tuple[Region, ...]) -> int | None:
    """Where to cut a value at the ends of a tuplet, or within it; None where that is no matter."""
    touched = [region for region in regions if start < region[1] and region[0] < end]
    whole = all(last - first == metre.frame for first, last, _ in touched)
    if whole and _in_three_of_two(metre, start, end):
        return None
    for first, last, many in touched:
        if start < first and end < last:
            return first
        if first < start and last < end:
            return last
        within = first <= start and end <= last and end - start < last - first
        if within and not (start % FINEST or end % FINEST):
            # From one plain place to another within a tuplet reaches none of its values.
            step = (last - first) // many
            inner = start - (start - first) % step + step
            while inner >= end and step % 2 == 0:
                step //= 2
                inner = start - (start - first) % step + step
            return inner if inner < end else None
    return None


def _plain(length: int) -> bool:
    """Whether one plain or dotted note lasts so long."""
    count, rest = divmod(length, FINEST)
    return not rest and length <= _LONGEST and count // (count & -count) in (1, 3)


def _cut(metre: Metre, start: int, end: int, rest: bool) -> int | None:
    """Where to cut first outside tuplets, or None if one value will do."""
    length = end - start
    inner = _strongest(metre, start, end)
    if inner is None:
        return None if _plain(length) else start + FINEST
    weight, first, last = inner
    starts, ends = metre.weight(start), metre.weight(end)
    # A value that hides a dotted beat starts and ends on one.
    uneven = metre.compound and weight >= BAR_LINE - 2 > min(starts, ends)
    if _plain(length) and not uneven:
        if starts >= weight:
            dotted = not metre.compound and length % (3 * FINEST) == 0 and length > metre.beat // 2
            if not rest or not dotted:
                return None
        elif not rest and (ends >= weight or _syncopation(metre, start, first, end)):
            return None
    return last if starts >= weight else first


def _syncopation(metre: Metre, start: int, middle: int, end: int) -> bool:
    """Whether a value lies evenly across the next stronger place, as in eighth quarter eighth."""
    weight = metre.weight(middle) - 1
    return metre.weight(start) == metre.weight(end) == weight and middle - start == end - middle


@lru_cache(maxsize=65536)
def _strongest(metre: Metre, start: int, end: int) -> tuple[int, int, int] | None:
    """The greatest weight between *start* and *end*, and its first and last place."""
    for step in metre.levels:
        places = range(start - start % step + step, end, step)
        if places:
            best = max(map(metre.weight, places))
            found = [place for place in places if metre.weight(place) == best]
            return best, found[0], found[-1]
    return None


def _cut_tuplet(metre: Metre, start: int, end: int) -> int | None:
    """Where to cut a value that starts or ends inside a tuplet, or None if one will do."""
    frame, length = metre.frame, end - start
    if _in_three_of_two(metre, start, end):
        return None
    beat = start - start % frame + frame
    if beat < end:
        return beat if start % frame else end - (end % frame or frame)
    kinds = {family(metre, start), family(metre, end)} - {1}
    many = kinds.pop()
    if kinds or many not in _NORMAL:
        inner = _strongest(metre, start, end)
        return inner[1] if inner else None
    # A dotted value in a triplet lasts as long as a plain one outside: unclear, so never written.
    count, odd = divmod(length * many, _NORMAL[many] * FINEST)
    if not odd and count // (count & -count) in ((1,) if many == 3 else (1, 3)):
        return None
    step = frame // many
    while step >= FINEST // many:
        places = range(start - start % step + step, end, step)
        if places:
            return places[0] if start % step else places[-1]
        step //= 2
    return None


def _in_three_of_two(metre: Metre, start: int, end: int) -> bool:
    """Whether a value is one of three quarters in the time of two, in one half of the bar."""
    two = 2 * UNIT
    first = start - start % two
    return (
        not metre.compound
        and end - start == two // 3
        and start % (two // 3) == 0
        and end <= first + two
        and metre.weight(first + UNIT) < metre.weight(first)
    )
