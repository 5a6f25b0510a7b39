"""Keys: by name, and by ear where no key signature is given.

By ear it is the best path through the 24 keys, bar by bar (Viterbi): how often each degree sounds in
a key is D. Temperley's profile (*Music and Probability*, 2007), each accidental that a bar needs under
the signature has a price, and so has a change of key. Most modulations have no signature of their own
in print; so a new one pays only where it stays for long, is clear, or saves many accidentals.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from music21 import key as m21key
from numpy.typing import NDArray

from music21_lstm.encoding.events import Mode
from music21_lstm.errors import EncodingError
from music21_lstm.notation.bars import Bar
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.spelling import (
    MAJOR_PROFILE,
    MINOR_PROFILE,
    estimate_key,
    name_of,
    spell,
)

__all__ = ["Key", "keys_heard", "parse_key"]

Key = tuple[int, Mode]
"""Sharps (negative: flats) and mode."""

_MODES: tuple[Mode, ...] = ("major", "minor")
_KEYS: tuple[Key, ...] = tuple(
    ((tonic * 7 + (5 if mode == "major" else 2)) % 12 - 5, mode)
    for mode in _MODES
    for tonic in range(12)
)
_TONICS = np.tile(np.arange(12), 2)

_NEAR, _FAR = 60.0, 30.0
"""The price of a new signature, by less than three accidentals and by more, in nats of a bar."""

_SAME = 4.0
"""The price of the relative key: the same signature."""

_ACCIDENTAL = 0.7
"""The price of a pitch in a bar that is not of the signature."""

_SHORTEST = 4
"""Bars that a new signature must last."""

_NAMED = re.compile(r"\s*([A-Ga-g])\s*([#♯]{0,2}|[b♭-]{0,2})\s*(major|minor|maj|min|m)?\s*")
_FIFTHS = "FCGDAEB"


def parse_key(name: str | m21key.Key) -> Key:
    """The key that a name says; a small letter alone is minor.

    Raises :class:`~music21_lstm.errors.EncodingError` for a name that no key signature has.

    >>> parse_key("D"), parse_key("Bb minor"), parse_key("f#"), parse_key("E- major")
    ((2, 'major'), (-5, 'minor'), (3, 'minor'), (-3, 'major'))
    """
    # A music21 Key says "e- minor" of itself.
    asked = str(name) if isinstance(name, m21key.Key) else name
    found = _NAMED.fullmatch(asked) if isinstance(asked, str) else None
    if found is not None:
        letter, accidental, word = found.groups()
        minor = word.startswith("min") or word == "m" if word else letter.islower()
        place = _FIFTHS.index(letter.upper()) - 1
        place += 7 * (len(accidental) if accidental[:1] in "#♯" else -len(accidental))
        sharps = place - 3 if minor else place
        if -7 <= sharps <= 7:
            return sharps, "minor" if minor else "major"
    raise EncodingError(
        f"key {name!r} cannot be written; give one of up to seven accidentals, such as "
        "'D', 'B- major', 'f#' or 'C minor'"
    )


def keys_heard(placed: Sequence[Placed], bars: Sequence[Bar]) -> list[Key]:
    """The key signature of each bar, by ear; C major where nothing sounds."""
    sharps = np.array([key[0] for key in _KEYS])
    distance = np.abs(sharps[:, None] - sharps[None, :])
    distance = np.minimum(distance, 12 - distance)
    price = np.where(distance == 0, _SAME, np.where(distance < 3, _NEAR, _FAR))
    price[np.arange(24), np.arange(24)] = 0.0
    path = _path(_evidence(placed, bars) - _ACCIDENTAL * _accidentals(placed, bars), price)
    runs: list[tuple[Key, int]] = []
    for place, run in groupby(path):
        key, length = _KEYS[place], len(list(run))
        if runs and (runs[-1][0][0] == key[0] or length < _SHORTEST):
            runs[-1] = (runs[-1][0], runs[-1][1] + length)
        else:
            runs.append((_beside(key, runs[-1][0]) if runs else key, length))
    if len(runs) == 1:
        whole = estimate_key([p.note.pitch for p in placed], [p.end - p.onset for p in placed])
        return _plainer([whole] * len(bars), placed, bars)
    return _plainer([key for key, length in runs for _ in range(length)], placed, bars)


def _plainer(keys: list[Key], placed: Sequence[Placed], bars: Sequence[Bar]) -> list[Key]:
    """*keys*, those of six sharps with six flats, or the other way round, if that spares doubles."""
    other: list[Key] = [
        (-sharps, mode) if abs(sharps) == 6 else (sharps, mode) for sharps, mode in keys
    ]
    if other == keys:
        return keys
    order = sorted(placed, key=lambda p: (p.onset, p.note.pitch))
    rows = _rows(order, bars).tolist()
    pitches = [p.note.pitch for p in order]

    def doubles(named: list[Key]) -> int:
        places = spell(pitches, [named[row] for row in rows])
        return sum(abs(name_of(place)[1]) > 1 for place in places)

    return other if doubles(other) < doubles(keys) else keys


def _beside(key: Key, before: Key) -> Key:
    """*key* with six flats for six sharps and the like, where that is nearer to the key before."""
    sharps, mode = key
    other = sharps - 12 if sharps > 0 else sharps + 12
    nearer = abs(other - before[0]) < abs(sharps - before[0])
    return (other, mode) if abs(other) <= 7 and nearer else key


def _evidence(placed: Sequence[Placed], bars: Sequence[Bar]) -> NDArray[np.float64]:
    """How well each key (columns) explains the notes of each bar (rows), in nats a bar."""
    heard = np.zeros((len(bars), 12))
    if placed:
        lengths = np.array([max(1, p.end - p.onset) for p in placed], dtype=float)
        classes = np.array([p.note.pitch % 12 for p in placed])
        np.add.at(
            heard, (_rows(placed, bars), classes), np.minimum(lengths, np.median(lengths) * 4)
        )
    total = heard.sum(axis=1, keepdims=True)
    share = heard / np.where(total > 0, total, 1.0)
    profiles = []
    for profile in (MAJOR_PROFILE, MINOR_PROFILE):
        fit = np.log(np.array(profile) / sum(profile))
        profiles += [np.roll(fit, tonic) for tonic in range(12)]
    return np.asarray(share @ np.array(profiles).T)


def _accidentals(placed: Sequence[Placed], bars: Sequence[Bar]) -> NDArray[np.float64]:
    """How many pitches of each bar (rows) are not of each key's signature (columns)."""
    needed = np.zeros((len(bars), 12))
    if placed:
        rows = _rows(placed, bars)
        pitches = np.array([p.note.pitch for p in placed])
        once = np.unique(np.stack([rows, pitches], axis=1), axis=0)
        np.add.at(needed, (once[:, 0], once[:, 1] % 12), 1.0)
    scales = [{7 * place % 12 for place in range(sharps - 1, sharps + 6)} for sharps, _ in _KEYS]
    foreign = np.array([[pitch not in scale for scale in scales] for pitch in range(12)], float)
    return np.asarray(needed @ foreign)


def _rows(placed: Sequence[Placed], bars: Sequence[Bar]) -> NDArray[np.intp]:
    """The place of each note's bar."""
    starts = np.array([bar.start for bar in bars])
    onsets = np.array([p.onset for p in placed])
    return np.maximum(np.searchsorted(starts, onsets, side="right") - 1, 0)


def _path(evidence: NDArray[np.float64], price: NDArray[np.float64]) -> list[int]:
    """The likeliest path through the keys (Viterbi)."""
    total = evidence[0]
    came = np.zeros(evidence.shape, dtype=int)
    for index in range(1, len(evidence)):
        reached = total[:, None] - price
        came[index] = reached.argmax(axis=0)
        total = reached.max(axis=0) + evidence[index]
    path = [int(total.argmax())]
    for index in range(len(evidence) - 1, 0, -1):
        path.append(int(came[index, path[-1]]))
    return path[::-1]
