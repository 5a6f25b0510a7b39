"""How right a page is, against the true one; every share is of the notes that can be judged."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
from mir_eval.beat import f_measure

from benchmarks.notation.muster import errors
from benchmarks.notation.page import Note, Page, beats_of, performed_times
from benchmarks.notation.truth import Piece

__all__ = ["FACTORS", "beat_measures", "measures"]

FACTORS = tuple(
    Fraction(*f)
    for f in (
        (1, 1),
        (1, 2),
        (2, 1),
        (1, 4),
        (4, 1),
        (2, 3),
        (3, 2),
        (1, 3),
        (3, 1),
        (3, 4),
        (4, 3),
    )
)
"""By these a whole page may be written in other values than the true one."""


def measures(piece: Piece, page: Page) -> dict[str, float | None]:
    """All measures of *page* for *piece*; None where the piece does not tell.

    ``beat`` and ``downbeat``: F measure within 70 ms (mir_eval). ``position``: the same place in the
    bar, in quarters. ``value``: the same note value; where ticks are the truth, a short note may also
    be longer with a staccato dot, up to the next one of its hand. ``position_x`` and ``value_x``: the
    same but for one factor for the whole page, that of the most values. ``hand``: the right staff.
    ``spelling``: the right name, but for a diminished second for the whole page. ``key`` and
    ``metre``: notes that stand under the right signature; keys that sound the same are. ``muster``:
    mean error; then its five parts. Notes that a page only shows by a sign (a trill's) are missing.
    """
    times = piece.times()
    found: dict[str, float | None] = dict(
        zip(("beat", "downbeat"), beat_measures(piece, page, times), strict=True)
    )
    by_played = {note.played: note for note in page.notes if note.played is not None}
    pairs = [
        (note, by_played.get(note.played)) for note in piece.truth.notes if note.played is not None
    ]
    found |= _rhythm(piece.truth, page, pairs)
    found["hand"] = _share(pairs, lambda a, b: a.upper == b.upper, lambda a: a.upper is not None)
    found["spelling"] = _spelling(pairs)
    found["key"] = _share(
        pairs, lambda a, b: _same_key(piece.truth.sharps(a.onset), page.sharps(b.onset))
    )
    found["metre"] = _share(
        pairs, lambda a, b: piece.truth.bar(a.onset).metre == page.bar(b.onset).metre
    )
    wrong = errors(piece.truth.notes, page.notes)
    found["muster"] = wrong.mean
    found |= {f"muster_{name}": rate for name, rate in wrong._asdict().items()}
    return found


def _share(
    pairs: Iterable[tuple[Note, Note | None]],
    right: Callable[[Note, Note], bool],
    judged: Callable[[Note], bool] = lambda _: True,
) -> float | None:
    """The share of the judged notes that are right; one that is not on the page is not."""
    found = [b is not None and right(a, b) for a, b in pairs if judged(a)]
    return sum(found) / len(found) if found else None


def beat_measures(piece: Piece, page: Page, times: list[float]) -> tuple[float, float]:
    """The F measures of the beats and of the downbeats of *page*, within 70 ms."""
    true = piece.beats or tuple(
        performed_times(piece.truth, times, places) for places in beats_of(piece.truth)
    )
    estimated = [performed_times(page, times, places) for places in beats_of(page)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no beats at all: the measure is 0, and that is said
        a, b = (
            float(f_measure(np.unique(one), np.unique(other)))
            for one, other in zip(true, estimated, strict=True)
        )
    return a, b


def _rhythm(
    truth: Page, page: Page, pairs: list[tuple[Note, Note | None]]
) -> dict[str, float | None]:
    ratios = Counter(
        a.value / b.value for a, b in pairs if b is not None and a.sure_value and b.value
    )
    factor = max(FACTORS, key=lambda f: ratios[f])
    return {
        "position": _share(
            pairs,
            lambda a, b: truth.position(a.onset) == page.position(b.onset),
            lambda a: a.sure_onset,
        ),
        "position_x": _share(
            pairs,
            lambda a, b: truth.position(a.onset) == factor * page.position(b.onset),
            lambda a: a.sure_onset,
        ),
        "value": _share(pairs, lambda a, b: _same_value(a, b, b.value), lambda a: a.sure_value),
        "value_x": _share(
            pairs, lambda a, b: _same_value(a, b, factor * b.value), lambda a: a.sure_value
        ),
    }


def _same_key(true: int | None, sharps: int | None) -> bool:
    """Whether two key signatures sound the same: six sharps are as right as six flats."""
    return true is not None and sharps is not None and (true - sharps) % 12 == 0


def _same_value(true: Note, note: Note, value: Fraction) -> bool:
    """Whether a value is right: the true one, or a staccato where ticks leave both open."""
    dotted = note.staccato and true.room is not None and true.value < value <= true.room
    return value == true.value or dotted


def _spelling(pairs: list[tuple[Note, Note | None]]) -> float | None:
    """The share of notes with the right name, the whole page being moved by 12 fifths at will."""
    shifts = (-12, 0, 12)
    found = [
        _share(
            pairs,
            lambda a, b, s=shift: b.fifths is not None and a.fifths == b.fifths + s,
            lambda a: a.fifths is not None,
        )
        for shift in shifts
    ]
    return max((share for share in found if share is not None), default=None)
