"""What the network sees of a whole piece at each event, besides the event itself: arrays.

:class:`~music21_lstm.model.tracker.Tracker` gives the same numbers event by event.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from music21_lstm.model.config import CLOCK_ROWS, END, EventsConfig, embeddings
from music21_lstm.model.features import Fields
from music21_lstm.model.recall import AHEAD, Recall

__all__ = [
    "AGE_SCALE",
    "FADE",
    "LONG_FADE",
    "NEVER",
    "TIMES",
    "clock",
    "clock_of",
    "clock_of_next",
    "observe",
    "recall_rows",
    "rows_seen",
]

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]

NEVER = CLOCK_ROWS - 1
"""The code of a time that never was."""

TIMES: Floats = (2.0 ** (np.arange(CLOCK_ROWS) / 16) - 1).astype(np.float32)
"""The time in grid ticks that each code of :func:`clock` stands for."""
TIMES[NEVER] = 1e6

_LONGEST = 2**16 - 1
"""Times from here on have one code."""

_CODES: Codes = np.minimum(np.rint(16 * np.log2(1.0 + np.arange(_LONGEST + 1))), NEVER - 1).astype(
    np.uint8
)
_CODES_OF_NEXT = np.append(np.uint8(NEVER), _CODES)

FADE, LONG_FADE = 100.0, 600.0
"""In how many grid ticks the two traces of a pitch that was struck fall to 1/e."""

AGE_SCALE = 7.0
"""The logarithm of an age is divided by this: 1 is 11 seconds of played time."""


def clock(ticks: NDArray[np.integer]) -> Codes:
    """Times in grid ticks as codes of 16 to a doubling; ``TIMES`` inverts them, to 2 %."""
    codes: Codes = _CODES[np.minimum(np.maximum(ticks, 0), _LONGEST)]
    return codes


def clock_of(ticks: int) -> int:
    """:func:`clock` of one time, 0 or longer."""
    return _CODES.item(min(ticks, _LONGEST))


def clock_of_next(ticks: NDArray[np.int64], out: Codes) -> Codes:
    """:func:`clock` of *ticks* less one, into *out*; ``NEVER`` for what is 0 or below."""
    return _CODES_OF_NEXT.take(ticks, None, out, "clip")


def recall_rows(recall: Recall, tick: int, config: EventsConfig) -> list[int]:
    """The rows of the embeddings of recall, in their order."""
    length, pitch, due, level = recall.rows(tick)
    found = [length, pitch, _wait_row(due, config) if length else 0, level]
    if config.ends:
        found += _note_rows(recall.end(tick), config)
    if config.tolerant:
        later = [*recall.later(tick), *[None] * AHEAD]
        for note in later[: AHEAD - 1]:
            found += _note_rows(note, config)
    return found


def _note_rows(note: tuple[int, int] | None, config: EventsConfig) -> tuple[int, int]:
    """The rows of a pitch and of when it is due; 0 where there is none."""
    return (0, 0) if note is None else (1 + note[0], _wait_row(note[1], config))


def _wait_row(due: int, config: EventsConfig) -> int:
    """The row of the embedding for a note that is *due* in so many grid ticks."""
    return bisect_right(config.delta_edges, due)


def rows_seen(config: EventsConfig) -> tuple[str, ...]:
    """The names of the embeddings that :func:`observe` and the tracker give rows of."""
    return tuple(name for name in embeddings(config) if not name.startswith("steer_"))


def observe(fields: Fields, config: EventsConfig) -> dict[str, NDArray[np.generic]]:
    """Each embedding's row at each event, (T,) int32, by name; and ``since``, (T, 128) uint8.

    *since* is the code of how long ago each pitch was struck (only with ``ages``). Steering is not
    among them: it is the user's.
    """
    columns: dict[str, NDArray[np.generic]] = {
        name: getattr(fields, name) for name in rows_seen(config) if hasattr(fields, name)
    }
    ticks = np.cumsum(np.array(config.delta_edges)[fields.delta])
    struck = (fields.key >= 128) & (fields.key < END)
    if config.ages:
        columns |= _ages(ticks, fields.key, struck)
    if config.recall:
        columns |= _recalled(ticks, fields, config)
    return columns


def _ages(
    ticks: NDArray[np.int64], key: NDArray[np.int32], struck: NDArray[np.bool_]
) -> dict[str, NDArray[np.generic]]:
    rows = np.flatnonzero(struck)
    last = np.full((len(key), 128), -1, np.int64)
    last[rows, key[rows] - 128] = ticks[rows]
    last = np.maximum.accumulate(last, axis=0)
    since = np.where(last < 0, NEVER, clock(ticks[:, None] - last)).astype(np.uint8)
    latest = last.max(axis=1)
    pause = np.where(latest < 0, NEVER, clock(ticks - latest)).astype(np.int32)
    return {"pause": pause, "since": since}


def _recalled(
    ticks: NDArray[np.int64], fields: Fields, config: EventsConfig
) -> dict[str, NDArray[np.generic]]:
    recall = Recall(config.sequences, config.tolerant)
    names = [name for name in embeddings(config) if name.startswith("recall_")]
    table = np.zeros((len(ticks), len(names)), np.int32)
    walk = zip(ticks.tolist(), fields.key.tolist(), fields.velocity.tolist(), strict=True)
    for row, (tick, key, velocity) in enumerate(walk):
        if key < 128:
            recall.release(tick, key)
        elif key < END:
            recall.strike(tick, key - 128, velocity)
        table[row] = recall_rows(recall, tick, config)
    return {name: table[:, column] for column, name in enumerate(names)}
