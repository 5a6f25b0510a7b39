"""How pieces are changed at random for each epoch, before they are put on the grid.

They are transposed, stretched, made louder or softer, and what was sequenced is played as a person
would play it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from music21_lstm.model.config import EventsConfig
from music21_lstm.model.features import Bars, Fields, encode_notes
from music21_lstm.model.pieces import Piece
from music21_lstm.model.settings import EventsSettings

__all__ = ["Change", "drawn_for", "fields_of", "humanized"]

Ints = NDArray[np.int32]

_APART = (3.0, 18.0)
"""How far a person's chords come apart: the standard deviation of onsets in milliseconds, from to."""

_TOUCH = (2.0, 7.0)
"""How uneven a person's velocities are: the standard deviation about what was meant, from to."""

_HELD = (1.0, 4.0)
"""How much more than onsets a person's durations vary, from to."""

_TOGETHER = 0.1
"""Where more of the notes than this stand at the tick of the one before, the music was sequenced."""

LOWEST, HIGHEST = 21, 108
"""The keys of a piano: a transposition goes no further, unless the piece does."""


@dataclass(frozen=True, slots=True)
class Change:
    """How a piece is changed for an epoch: semitones up, times longer, velocities louder.

    *apart*: how far the notes of a chord come apart, as a standard deviation in milliseconds
    (0: not at all), drawn by *seed*.
    """

    shift: int = 0
    stretch: float = 1.0
    louder: int = 0
    apart: float = 0.0
    seed: int = 0


def drawn_for(piece: Piece, settings: EventsSettings, rng: np.random.Generator) -> Change:
    """A change of *piece* by chance, within what the *settings* allow."""
    low, high = int(piece.notes[:, 2].min()), int(piece.notes[:, 2].max())
    down = max(-settings.transpose, min(0, LOWEST - low))
    up = min(settings.transpose, max(0, HIGHEST - high))
    shift = int(rng.integers(down, up + 1))
    stretch = float(rng.uniform(1 - settings.stretch, 1 + settings.stretch))
    louder = int(rng.integers(-settings.louder, settings.louder + 1))
    change = Change(shift, stretch, louder)
    if settings.humanize and rng.random() < settings.humanize and _sequenced(piece):
        apart, seed = float(rng.uniform(*_APART)), int(rng.integers(2**32))
        change = replace(change, apart=apart, seed=seed)
    return change


def _sequenced(piece: Piece) -> bool:
    """Whether the notes of chords are struck at the very same tick, as no person does."""
    return float(np.mean(np.diff(piece.notes[:, 0]) == 0)) > _TOGETHER if len(piece) > 1 else False


def humanized(notes: Ints, apart: float, seed: int) -> Ints:
    """*notes*, (N, 4) of onset, end, pitch and velocity, as a person would strike them.

    Onsets move by a standard deviation of *apart* ticks, durations by one to four times as much,
    velocities by 2 to 7: both are drawn for the piece. A note lasts as long as *apart* at least.
    They are in order of onset and pitch again.

    >>> chord = np.array([[0, 500, 60, 64], [0, 500, 64, 64]], np.int32)
    >>> onsets = humanized(chord, 10.0, seed=1)[:, 0]
    >>> bool(onsets[0] < onsets[1] < 60)
    True
    """
    rng = np.random.default_rng(seed)
    touch, held = rng.uniform(*_TOUCH), rng.uniform(*_HELD)
    onsets, ends, pitches, velocities = notes.T.astype(np.float64)
    late = rng.normal(0, apart, len(notes))
    first = np.maximum(0, onsets + late)
    last = np.maximum(first + apart, ends + late + rng.normal(0, held * apart, len(notes)))
    level = np.clip(velocities + rng.normal(0, touch, len(notes)), 1, 127)
    found: Ints = np.rint(np.stack([first, last, pitches, level], axis=1)).astype(np.int32)
    return found[np.lexsort((found[:, 2], found[:, 0]))]


def fields_of(
    piece: Piece, change: Change, config: EventsConfig
) -> tuple[Fields, NDArray[np.int64]]:
    """A *piece*, changed, from START to END; and its notes on the grid."""
    scale = change.stretch * config.resolution / piece.resolution

    def grid(ticks: Ints) -> NDArray[np.int64]:
        rounded: NDArray[np.int64] = np.floor(ticks * scale + 0.5).astype(np.int64)
        return rounded

    played = humanized(piece.notes, change.apart, change.seed) if change.apart else piece.notes
    notes = played.astype(np.int64)
    notes[:, :2] = grid(played[:, :2])
    notes[:, 2] = np.clip(notes[:, 2] + change.shift, 0, 127)
    notes[:, 3] = np.clip(notes[:, 3] + change.louder, 1, 127)
    metre = [(round(tick * scale), over, under) for tick, over, under in piece.metre.tolist()]
    pedal = list(zip(grid(piece.pedal[:, 0]).tolist(), piece.pedal[:, 1].tolist(), strict=True))
    bars = Bars.of_metre(metre, config)
    return encode_notes(notes, bars, config, pedal=pedal, end=True), notes
