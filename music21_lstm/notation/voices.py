"""At most two voices on a staff, the second only where a note is really held against others.

No note is ever lost: where more would sound at once, notes join a chord, or a note value ends
where the next note of its voice begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal, NamedTuple

from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import Placed

__all__ = ["OrnamentSign", "Sounding", "Staff", "one_voice", "two_voices"]

_BEAM = 12
"""How many ways of going on are kept at each onset."""

_SECOND_VOICE = 0.2
_CROSSING = 1.0
_LEAP = 0.02
_CUT = 0.25


OrnamentSign = Literal["trill", "mordent", "inverted mordent", "turn"]
"""The signs that stand for several notes; an inverted mordent begins upward."""


class Sounding(NamedTuple):
    """A note or chord as written: *onset* and *end* in units, its notes from low to high.

    *graces* stand before it as small notes, and the notes that its *ornament* stands for are
    *carried*: they are performed and not printed.
    """

    onset: int
    end: int
    notes: tuple[Placed, ...]
    staccato: bool = False
    arpeggio: bool = False
    ornament: OrnamentSign | None = None
    graces: tuple[Placed, ...] = ()
    carried: tuple[Placed, ...] = ()

    @property
    def low(self) -> int:
        """The lowest pitch."""
        return self.notes[0].note.pitch

    @property
    def high(self) -> int:
        """The highest pitch."""
        return self.notes[-1].note.pitch


Staff = tuple[list[Sounding], list[Sounding]]
"""The upper and the lower voice of a staff; the lower one may be empty."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to have shared the notes so far between two voices; *before* is how it began."""

    cost: float
    upper: Sounding | None
    lower: Sounding | None
    step: tuple[Sounding | None, Sounding | None] = (None, None)
    before: _Way | None = None


def one_voice(placed: Iterable[Placed]) -> list[Sounding]:
    """All notes in one voice: notes of one onset form a chord, and end at the next onset."""
    voice = []
    for onset, group in groupby(sorted(placed, key=_by_onset), key=lambda p: p.onset):
        notes = list(group)
        voice.append(_chord(onset, notes))
    return _cut_at_next(voice)


def two_voices(placed: Iterable[Placed], *, aligned: bool = True) -> Staff:
    """Share the notes of one staff between two voices.

    Where no notes overlap but as chords, all is one voice. Elsewhere a beam search weighs what
    each way would cut off, cross or leap. *aligned* says that the note values are a score's own;
    if not, cutting them is cheaper.
    """
    upper: list[Sounding] = []
    lower: list[Sounding] = []
    notes = _tidied(sorted(placed, key=_by_onset), aligned)
    for cluster in _clusters(notes):
        groups = [list(g) for _, g in groupby(cluster, key=lambda p: p.onset)]
        if len(groups) == 1 and len({p.end for p in cluster}) == 1:
            upper.append(Sounding(cluster[0].onset, cluster[0].end, tuple(cluster)))
            continue
        first, second = _shared(groups, 1.0 if aligned else 0.4)
        upper += first or second
        lower += second if first else []
    return _cut_at_next(upper), _cut_at_next(lower)


def _by_onset(placed: Placed) -> tuple[int, int, int]:
    return placed.onset, placed.note.pitch, placed.end


def _tidied(notes: list[Placed], aligned: bool) -> list[Placed]:
    """Ends that were guessed are moved to the next onset near them, or to each other."""
    onsets = sorted({p.onset for p in notes})
    following = dict(pairwise(onsets))
    tidied = []
    for p in notes:
        after = following.get(p.onset)
        if after is not None and not p.sure:
            gap = after - p.onset
            near = abs(p.end - after) * 4 <= max(gap, UNIT)
            filled = not aligned and p.end < after and (p.end - p.onset) * 2 >= gap
            if (near and gap <= 4 * UNIT) or filled:
                p = p._replace(end=after)
        tidied.append(p)
    return tidied


def _clusters(notes: list[Placed]) -> Iterator[list[Placed]]:
    """Stretches of notes that hang together by sounding at once."""
    cluster: list[Placed] = []
    end = 0
    for p in notes:
        if cluster and p.onset >= end:
            yield cluster
            cluster, end = [], 0
        cluster.append(p)
        end = max(end, p.end)
    if cluster:
        yield cluster


def _chord(onset: int, notes: Sequence[Placed]) -> Sounding:
    """One chord of notes that start together; it lasts as most of them do."""
    ends = sorted(p.end for p in notes)
    ordered = tuple(sorted(notes, key=lambda p: (p.note.pitch, p.note.on)))
    return Sounding(onset, ends[len(ends) // 2], ordered)


def _shared(groups: list[list[Placed]], strictness: float) -> Staff:
    """The cheapest way to share groups of notes (one an onset) between two voices."""
    ways = [_Way(0.0, None, None)]
    for group in groups:
        splits = list(_splits(group))
        best: dict[tuple[int, int], _Way] = {}
        for way in ways:
            for step in splits:
                following = _extended(way, step, strictness)
                key = (
                    following.upper.end if following.upper else 0,
                    following.lower.end if following.lower else 0,
                )
                if key not in best or following.cost < best[key].cost:
                    best[key] = following
        ways = sorted(best.values(), key=lambda way: way.cost)[:_BEAM]
    upper: list[Sounding] = []
    lower: list[Sounding] = []
    taken: _Way | None = ways[0]
    while taken is not None:
        for sounding, voice in zip(taken.step, (upper, lower), strict=True):
            if sounding is not None:
                voice.append(sounding)
        taken = taken.before
    return upper[::-1], lower[::-1]


def _splits(group: list[Placed]) -> Iterator[tuple[Sounding | None, Sounding | None]]:
    """The ways to split notes that start together: by pitch, where the note values change."""
    onset = group[0].onset
    cuts = [i for i in range(1, len(group)) if group[i].end != group[i - 1].end]
    for cut in (0, *cuts[:6], len(group)):
        lower, upper = group[:cut], group[cut:]
        yield (_chord(onset, upper) if upper else None, _chord(onset, lower) if lower else None)


def _extended(way: _Way, step: tuple[Sounding | None, Sounding | None], strictness: float) -> _Way:
    """*way* with one more onset, and what that costs."""
    upper, lower = step
    cost = way.cost + (_SECOND_VOICE if lower else 0.0)
    for new, old, other in ((upper, way.upper, way.lower), (lower, way.lower, way.upper)):
        if new is None:
            continue
        cost += sum(_loss(p.end - p.onset, abs(p.end - new.end)) for p in new.notes) * strictness
        if old is not None:
            cost += _LEAP * abs(new.high - old.high)
            if old.end > new.onset:
                cost += _loss(old.end - old.onset, old.end - new.onset) * strictness
        held = other is not None and other.end > new.onset
        if held and other is not None:
            crossed = new.low < other.high if new is upper else new.high > other.low
            cost += _CROSSING if crossed else 0.0
    return _Way(cost, upper or way.upper, lower or way.lower, step, way)


def _loss(length: int, lost: int) -> float:
    """What it costs to write a note of this length so much shorter or longer."""
    if lost == 0:
        return 0.0
    share = lost / max(1, length)
    return min(lost / UNIT, 4.0) * 0.8 * min(1.0, 2 * share) + (_CUT if share > 0.25 else 0.05)


def _cut_at_next(voice: list[Sounding]) -> list[Sounding]:
    """The voice without overlaps: each note or chord ends where the next begins, at the latest."""
    return [
        sounding if sounding.end <= following.onset else sounding._replace(end=following.onset)
        for sounding, following in pairwise([*voice, Sounding(1 << 62, 0, ())])
    ]
