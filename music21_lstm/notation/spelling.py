"""Pitch spelling and key: which of C sharp and D flat is meant.

A place on the *line of fifths* says how a pitch class is spelled: … B♭ −2, F −1, C 0, G 1, D 2 …
F♯ 6 … A note is spelled by the company it keeps, after the first stage of ps13 (D. Meredith, "The
ps13 Pitch Spelling Algorithm", *Journal of New Music Research* 35, 2006): each pitch class that
sounds near it is taken for a tonic as often as it sounds, and votes for the name that the note has
in its harmonic chromatic scale. The names of the tonics themselves come from the key signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.events import Mode

__all__ = ["MAJOR_PROFILE", "MINOR_PROFILE", "Step", "estimate_key", "name_of", "spell"]

Step = Literal["C", "D", "E", "F", "G", "A", "B"]

_STEPS: tuple[Step, ...] = ("F", "C", "G", "D", "A", "E", "B")

_BEFORE, _AFTER = 10, 42
"""The company of a note: so many notes before and after it (ps13's own values)."""

_DOUBLE = 0.2
"""This share of the votes less has a name with a double sharp or flat: it needs the company of a tonic
to be read as one, as F double sharp has in G sharp minor. (ps13 has no such rule.)"""

# How well each degree fits a major and a minor key: D. Temperley, *Music and Probability* (2007).
MAJOR_PROFILE = (0.748, 0.060, 0.488, 0.082, 0.670, 0.460, 0.096, 0.715, 0.104, 0.366, 0.057, 0.400)
MINOR_PROFILE = (0.712, 0.084, 0.474, 0.618, 0.049, 0.460, 0.105, 0.747, 0.404, 0.067, 0.133, 0.330)


def estimate_key(pitches: Sequence[int], lengths: Sequence[float]) -> tuple[int, Mode]:
    """The sharps (negative: flats) and the mode of a whole piece; C major if it has no notes.

    The key whose profile correlates best with how long each pitch class sounds (C. Krumhansl and
    M. Schmuckler, 1990, with Temperley's profiles).

    >>> estimate_key([62, 66, 69, 74, 73, 67], [4, 2, 2, 4, 1, 1])
    (2, 'major')
    """
    heard = np.zeros(12)
    np.add.at(heard, np.asarray(pitches, dtype=int) % 12, np.asarray(lengths, dtype=float))
    if np.ptp(heard) == 0:
        return 0, "major"
    best: tuple[float, int, Mode] = (-2.0, 0, "major")
    profiles: tuple[tuple[Mode, tuple[float, ...], int], ...]
    profiles = (("major", MAJOR_PROFILE, 0), ("minor", MINOR_PROFILE, -3))
    for mode, profile, shift in profiles:
        for tonic in range(12):
            fit = float(np.corrcoef(heard, np.roll(profile, tonic))[0, 1])
            sharps = (tonic * 7 + shift + 5) % 12 - 5
            best = max(best, (fit, sharps, mode), key=lambda found: found[0])
    return best[1], best[2]


def spell(pitches: Sequence[int], keys: Sequence[tuple[int, Mode]]) -> list[int]:
    """The place on the line of fifths of each pitch, in order of onset, each with its key.

    >>> [name_of(place) for place in spell([62, 66, 69, 61], [(2, "major")] * 4)]
    [('D', 0), ('F', 1), ('A', 0), ('C', 1)]
    """
    if not pitches:
        return []
    classes = np.asarray(pitches, dtype=int) % 12
    # The middle of a key on the line of fifths: the tonic of a major key, with its leading note's
    # side counted; a minor key reaches as far to the sharps as its raised degrees do.
    centre = np.array([sharps + (2 if mode == "minor" else 1) for sharps, mode in keys])
    as_tonic = _nearest(np.arange(12)[None, :], centre[:, None])
    as_named = _nearest(classes[:, None], as_tonic)
    votes = _company(classes)
    candidates = np.arange(as_named.min(), as_named.max() + 1)
    tally = np.stack([np.where(as_named == place, votes, 0).sum(axis=1) for place in candidates])
    doubled = _DOUBLE * votes.sum(axis=1) * (np.abs((candidates + 1) // 7) > 1)[:, None]
    # Among equals the name nearest to the key.
    away = np.abs(candidates[:, None] - centre[None, :])
    spelled = candidates[(tally - doubled - 1e-3 * away).argmax(axis=0)]
    return [int(place) for place in _bounded(spelled)]


def _company(classes: NDArray[np.int_]) -> NDArray[np.int_]:
    """How often each pitch class (columns) sounds near each note (rows)."""
    one_hot = np.zeros((len(classes) + 1, 12), dtype=int)
    one_hot[np.arange(1, len(classes) + 1), classes] = 1
    total = one_hot.cumsum(axis=0)
    place = np.arange(len(classes))
    first = np.maximum(place - _BEFORE, 0)
    last = np.minimum(place + _AFTER, len(classes))
    return np.asarray(total[last] - total[first])


def _nearest(classes: NDArray[np.int_], centre: NDArray[np.int_]) -> NDArray[np.int_]:
    """The place on the line of fifths of a pitch class, from five below *centre* to six above."""
    return np.asarray(centre - 5 + (classes * 7 - (centre - 5)) % 12)


def _bounded(places: NDArray[np.int_]) -> NDArray[np.int_]:
    """No more than double sharps and double flats."""
    return np.where(places > 19, places - 12, np.where(places < -15, places + 12, places))


def name_of(place: int) -> tuple[Step, int]:
    """The step and the alteration of a place on the line of fifths.

    >>> name_of(0), name_of(6), name_of(-2)
    (('C', 0), ('F', 1), ('B', -1))
    """
    alteration, step = divmod(place + 1, 7)
    return _STEPS[step], alteration
