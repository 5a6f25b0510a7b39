"""Slurs, hairpins, pedal marks …: which begin and end at which element, and their numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from music21 import base, dynamics, expressions, layout, note, spanner

from music21_lstm.streams.musicxml.rare import NotPlainError

__all__ = ["Attached"]

_AS_DIRECTIONS = (
    dynamics.DynamicWedge,
    spanner.Ottava,
    spanner.Line,
    expressions.PedalMark,
)
_IN_NOTES = (
    spanner.Slur,
    spanner.Glissando,
    expressions.TrillExtension,
    expressions.ArpeggioMarkSpanner,
)
_MOST = 16
"""The highest number of a spanner in MusicXML."""


class Attached:
    """The spanners of a part by the elements that they begin and end at.

    One of which an end is not among *there*, the elements of the part, is left out. Raises
    :class:`NotPlainError` for a kind that is not known here.
    """

    def __init__(self, spanners: Iterable[spanner.Spanner], there: set[int]) -> None:
        self.found: defaultdict[int, list[Any]] = defaultdict(list)
        self.numbers: defaultdict[type, dict[int, int]] = defaultdict(dict)
        self.ended: set[int] = set()
        for one in spanners:
            if isinstance(one, layout.StaffGroup):
                continue
            sounding = not isinstance(one, spanner.Ottava) or not one.transposing
            if not (sounding and isinstance(one, _AS_DIRECTIONS + _IN_NOTES)):
                raise NotPlainError(f"{one!r}")
            elements = _spanned(one)
            if elements and {id(elements[0]), id(elements[-1])} <= there:
                inner = isinstance(one, expressions.ArpeggioMarkSpanner)
                ends = elements if inner else (elements[0], elements[-1])
                for key in dict.fromkeys(map(id, ends)):
                    self.found[key].append(one)

    def at(self, element: base.Music21Object) -> tuple[list[Any], list[Any]]:
        """The spanners at *element*: those written as directions, and those within its note."""
        here = self.found.get(id(element))
        if not here:
            return [], []
        for one in here:
            self._number(one, element)
        directions = [one for one in here if isinstance(one, _AS_DIRECTIONS)]
        within = [one for one in here if not isinstance(one, _AS_DIRECTIONS)]
        if within and not isinstance(element, note.GeneralNote):
            raise NotPlainError(f"{within[0]!r} at {element!r}")
        return directions, within

    def _number(self, one: Any, element: base.Music21Object) -> None:
        """Give *one* the lowest number that is free of its kind, or free its number if it ends."""
        used = self.numbers[type(one)]
        if id(one) not in used:
            free = set(range(1, _MOST + 1)) - set(used.values())
            used[id(one)] = one.idLocal = min(free, default=_MOST)
        elements = _spanned(one)
        seen = {id(elements[0]), id(elements[-1])} - {id(element)}
        if not seen or id(one) in self.ended:
            del used[id(one)]
        else:
            self.ended.add(id(one))


def _spanned(one: Any) -> list[base.Music21Object]:
    found: list[base.Music21Object] = one.getSpannedElements()
    return found
