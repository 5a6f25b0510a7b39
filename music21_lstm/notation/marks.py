"""Key signatures at bar lines: those of the performance, the one that was asked for, or by ear."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from music21_lstm.encoding.events import KeySignature
from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.keys import Key, keys_heard
from music21_lstm.notation.places import Places
from music21_lstm.notation.quantize import Placed, is_aligned

__all__ = ["Key", "keys_of"]


def keys_of(
    performance: Performance, places: Places, placed: Sequence[Placed], bars: Sequence[Bar]
) -> list[Key]:
    """The key of each bar: by the key signatures (each at the bar line nearest to it), or by ear.

    C major alone says nothing of what was played freely: it is every recording program's default.
    """
    starts = [bar.start for bar in bars]
    changes: dict[int, Key] = {}
    tick = 0
    for event in performance.events:
        tick += event.delta
        if isinstance(event, KeySignature):
            place = places.place(tick)
            after = min(bisect_left(starts, place), len(bars) - 1)
            nearest = after
            if after and place - starts[after - 1] <= abs(starts[after] - place):
                nearest = after - 1
            changes[nearest] = (event.sharps, event.mode)
    default = set(changes.values()) == {(0, "major")} and not is_aligned(performance)
    if not changes or default:
        return keys_heard(placed, bars)
    keys = []
    key = changes[min(changes)]
    for index in range(len(bars)):
        key = changes.get(index, key)
        keys.append(key)
    return keys
