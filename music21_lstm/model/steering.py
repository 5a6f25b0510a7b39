"""What a user can ask the music to be: its key, note density, velocity level and register.

Training makes them real: each piece is cut into segments of eight quarters (four seconds of played
time), what each of them is like is measured, and the model is told, for a share of the windows. So
a wish holds from the next moment on, and may change at any time; no wish is what it knows best.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from music21_lstm.errors import ModelError
from music21_lstm.model.config import EventsConfig

__all__ = ["Character", "Steering", "character", "measured"]

SEGMENT = 8
"""Quarters in a segment."""

_DENSEST = 100.0
"""Notes a second that can be asked for at most."""

_STEADY = 0.5
"""A piece has a key if such a share of its segments are in it."""

DENSITIES = (1.0, 2.0, 3.0, 4.5, 6.5, 9.0, 13.0)
VELOCITIES = (32, 44, 54, 64, 74, 84, 96)
REGISTERS = (48, 53, 57, 60, 63, 67, 72)

_NAMES = ("c", "c#", "d", "e-", "e", "f", "f#", "g", "a-", "a", "b-", "b")
_ALIASES = {"d-": "c#", "d#": "e-", "g-": "f#", "g#": "a-", "a#": "b-", "c-": "b", "e#": "f",
            "f-": "e", "b#": "c"}  # fmt: skip

_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
"""How well each pitch class fits C major and C minor: Krumhansl & Kessler 1982."""


@dataclass(frozen=True, slots=True)
class Steering:
    """A wish: each of the four, or None where the music is free.

    *key*: a tonic and ``major`` or ``minor``, as music21 writes it: ``E- major``, ``f# minor``, or
    ``c`` for minor and ``C`` for major. *density*: notes a second (of written time: a quarter).
    *velocity*: the mean velocity, 1 to 127. *register*: the mean pitch, as a MIDI number.

    >>> Steering(key="E- major", density=5).rows
    (4, 5, 0, 0)
    """

    key: str | None = None
    density: float | None = None
    velocity: float | None = None
    register: float | None = None

    def __post_init__(self) -> None:
        if self.density is not None and not 0 < self.density <= _DENSEST:
            raise ModelError(f"density is {self.density}; it must be above 0, in notes a second")
        if self.velocity is not None and not 1 <= self.velocity <= 127:
            raise ModelError(f"velocity level is {self.velocity}; it must be from 1 to 127")
        if self.register is not None and not 0 <= self.register <= 127:
            raise ModelError(f"register is {self.register}; it must be a MIDI pitch, 0 to 127")
        _key_row(self.key)

    @property
    def rows(self) -> tuple[int, int, int, int]:
        """The rows of the embeddings, in the order of ``STEER_ROWS``; 0 for no wish."""
        return (
            _key_row(self.key),
            _level(self.density, DENSITIES),
            _level(self.velocity, VELOCITIES),
            _level(self.register, REGISTERS),
        )


def _level(value: float | None, edges: tuple[float, ...]) -> int:
    return 0 if value is None else 1 + bisect_right(edges, value)


def _key_row(name: str | None) -> int:
    """1–12 for C major to B major, 13–24 for the minors; 0 for None."""
    if name is None:
        return 0
    # A music21 Key has a tonic and a mode, and says "e- minor" of itself.
    if not isinstance(name, str):
        name = str(name)
    tonic, _, mode = name.strip().replace("♭", "-").replace("♯", "#").partition(" ")
    flat = tonic[:1].lower() + tonic[1:].replace("b", "-").lower()
    mode = mode.strip().lower() or ("major" if tonic[:1].isupper() else "minor")
    flat = _ALIASES.get(flat, flat)
    if flat not in _NAMES or mode not in ("major", "minor"):
        raise ModelError(f"key {name!r} is none; one looks like 'E- major' or 'f# minor'")
    return 1 + _NAMES.index(flat) + 12 * (mode == "minor")


Character = tuple[str | None, float, float | None, float]
"""What a whole piece is like: its key (None where it changes too much to have one), its notes a second
(of written time: a quarter), its mean velocity (None where none is learned), and its mean pitch; in
the order of the fields of :class:`Steering`."""


def character(notes: NDArray[np.integer], resolution: int, config: EventsConfig) -> Character:
    """What a piece is like whose *notes*, (N, 4), are in ticks of *resolution* to the quarter.

    Rounded to a tenth of a note, and to whole velocities and pitches. A quarter of played time is half
    a second; what is shorter than a segment counts as long as that.
    """
    quarters = max(SEGMENT, notes[:, 1].max() / resolution)
    time = quarters / 2 if config.time_base == "played" else quarters
    density = min(_DENSEST, max(0.1, round(float(len(notes) / time), 1)))
    velocity = round(float(notes[:, 3].mean())) if config.has_velocity else None
    return _key(notes, resolution), density, velocity, round(float(notes[:, 2].mean()))


def _key(notes: NDArray[np.integer], resolution: int) -> str | None:
    """The key of a piece; None if more than half of its segments are in others."""
    heard = _heard(notes, resolution)
    whole = int(_fitting(heard.sum(0)[None])[0])
    if np.mean(_keys(heard)[heard.any(1)] == whole) < _STEADY:
        return None
    name = _NAMES[(whole - 1) % 12]
    return f"{name} minor" if whole > 12 else f"{name.capitalize()} major"


def measured(
    notes: NDArray[np.integer], ticks: NDArray[np.integer], config: EventsConfig
) -> NDArray[np.int32]:
    """What the music is like around each of the events at *ticks*: (T, 4) rows of embeddings.

    *notes*: (N, 4) of onset, end, pitch and velocity on the model's grid. A segment without notes
    has none.
    """
    span = SEGMENT * config.resolution
    onset, _, pitch, velocity = notes.astype(np.int64).T
    place = onset // span
    segments = int(max(place.max(initial=0), ticks.max(initial=0) // span)) + 1
    count = np.bincount(place, minlength=segments)
    some = np.maximum(count, 1)
    seconds = SEGMENT / 2 if config.time_base == "played" else SEGMENT
    means = [np.bincount(place, each, segments) / some for each in (velocity, pitch)]
    levels = [
        1 + np.searchsorted(edges, values, side="right")
        for values, edges in zip(
            (count / seconds, *means), (DENSITIES, VELOCITIES, REGISTERS), strict=True
        )
    ]
    keys = _keys(_heard(notes, config.resolution, segments))
    table = np.stack([keys, *levels], 1) * (count > 0)[:, None]
    found: NDArray[np.int32] = table[ticks // span].astype(np.int32)
    return found


def _keys(heard: NDArray[Any]) -> NDArray[np.int64]:
    """The likeliest key of each segment and its neighbours, by correlation of the profiles."""
    padded = np.pad(heard, ((1, 1), (0, 0)))
    return _fitting(padded[:-2] + padded[1:-1] + padded[2:])


def _fitting(heard: NDArray[Any]) -> NDArray[np.int64]:
    """The likeliest key, 1 to 24, of each row of how long each pitch class is heard, (rows, 12)."""
    profiles = [np.roll(profile, tonic) for profile in (_MAJOR, _MINOR) for tonic in range(12)]
    centred = np.array(profiles) - np.mean(profiles, axis=1, keepdims=True)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    found: NDArray[np.int64] = ((heard - heard.mean(1, keepdims=True)) @ centred.T).argmax(1) + 1
    return found


def _heard(
    notes: NDArray[np.integer], resolution: int, segments: int | None = None
) -> NDArray[np.float64]:
    """How long each pitch class is heard in each segment, (segments, 12); a note two quarters at most.

    There are so many *segments*, or as many as have notes.
    """
    onset, end, pitch, _ = notes.astype(np.int64).T
    place = onset // (SEGMENT * resolution)
    count = int(place.max()) + 1 if segments is None else segments
    lasting = np.minimum(end - onset, 2 * resolution).astype(float)
    found = np.bincount(place * 12 + pitch % 12, lasting, count * 12)
    return found.astype(np.float64).reshape(-1, 12)
