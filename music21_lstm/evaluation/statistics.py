"""What a piece is like, in numbers: its tonality, its rhythm, and how its notes are spread.

All of it is measured on the model's own grid, on files and on generated music alike. The unit of
time is the second for models of played time and the quarter note for models of written time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from music21_lstm.encoding.performance import Performance
from music21_lstm.model.config import EventsConfig
from music21_lstm.model.features import decode, encode

__all__ = [
    "FEATURES",
    "STATISTICS",
    "Excerpt",
    "Feature",
    "excerpts",
    "groove_consistency",
    "histograms",
    "note_density",
    "pitch_class_entropy",
    "polyphony",
    "scale_consistency",
    "time_unit",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MEASURE = 16
"""Cells of a measure, for the groove."""

_MAJOR = (0, 2, 4, 5, 7, 9, 11)

_SAMPLE = 0.05
"""Units of time from one look at the polyphony to the next."""


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """The notes of a stretch of music in order of onset, as arrays of one length.

    *onset*, *duration*: units of time from the start of the stretch; *length*: its own. *pitch*,
    *velocity*: as in MIDI. *cell*: the grid of the groove, a sixteenth note.
    """

    onset: Floats
    duration: Floats
    pitch: Ints
    velocity: Ints
    length: float
    cell: float


def time_unit(config: EventsConfig) -> str:
    """The unit of time in which a model's music is measured."""
    return "second" if config.time_base == "played" else "quarter"


def excerpts(
    performance: Performance, config: EventsConfig, length: float | None = None
) -> list[Excerpt]:
    """*performance* on the model's grid, cut into stretches of *length* units of time.

    A rest at the end shorter than half of *length* is left out, and so is a stretch with fewer than
    two notes. Without *length* it is one stretch. A note that sounds on past the end is cut there.
    """
    grid = decode(encode(performance, config, start=False), config)
    played = config.time_base == "played"
    a_unit = config.resolution * (2 if played else 1)
    notes = grid.notes
    onset, end = (
        np.array(t) / a_unit for t in zip(*((n.onset, n.end) for n in notes), strict=True)
    )
    pitch, velocity = (
        np.array([getattr(n, name) for n in notes]) for name in ("pitch", "velocity")
    )
    total = float(end.max())
    step = total if length is None else length
    # A sixteenth at the 120 quarters a minute of played time is an eighth of a second.
    cell = 0.125 if played else 0.25
    found = []
    for start in np.arange(0, max(step, total - step / 2), step):
        stop = min(start + step, total)
        inside = (onset >= start) & (onset < stop)
        if inside.sum() < 2:
            continue
        lasting = np.minimum(end[inside], stop) - onset[inside]
        found.append(
            Excerpt(onset[inside] - start, lasting, pitch[inside], velocity[inside],
                    float(stop - start), cell)
        )  # fmt: skip
    return found


def pitch_class_entropy(excerpt: Excerpt) -> float:
    """The entropy of the notes' pitch classes in bits, 0 to 3.58 (Wu & Yang 2020; as in MusPy)."""
    chances = np.bincount(excerpt.pitch % 12) / len(excerpt.pitch)
    chances = chances[chances > 0]
    return float(-(chances * np.log2(chances)).sum())


def scale_consistency(excerpt: Excerpt) -> float:
    """The share of notes in the major or minor scale that fits best (Mogren 2016; as in MusPy).

    A natural minor scale has the notes of its relative major, so that twelve scales are all.
    """
    classes = np.bincount(excerpt.pitch % 12, minlength=12)
    fits = [classes[[(root + step) % 12 for step in _MAJOR]].sum() for root in range(12)]
    return float(max(fits) / len(excerpt.pitch))


def groove_consistency(excerpt: Excerpt) -> float:
    """How alike the onsets of neighbouring measures are, 0 to 1 (Wu & Yang 2020; as in MusPy).

    One less the mean share of cells in which one of two neighbouring measures has an onset and the
    other has none. A measure is 16 cells, counted from the start of the excerpt: of written music
    sixteenth notes, so a measure of 4/4; played music has no beat to go by, so that a cell is 125
    ms and a measure two seconds. NaN for a single measure.
    """
    cells = np.round(excerpt.onset / excerpt.cell).astype(np.intp)
    measures = np.zeros((cells.max() // _MEASURE + 1, _MEASURE), np.bool_)
    measures[cells // _MEASURE, cells % _MEASURE] = True
    if len(measures) < 2:
        return float("nan")
    return float(1 - (measures[:-1] != measures[1:]).mean())


def note_density(excerpt: Excerpt) -> float:
    """Notes for each unit of time."""
    return len(excerpt.pitch) / excerpt.length


def polyphony(excerpt: Excerpt) -> float:
    """How many notes sound together, on average where any sounds (as in MusPy)."""
    sounding = _sounding(excerpt)
    sounding = sounding[sounding > 0]
    return float(sounding.mean()) if len(sounding) else 0.0


STATISTICS: Mapping[str, Callable[[Excerpt], float]] = {
    "pitch_class_entropy": pitch_class_entropy,
    "scale_consistency": scale_consistency,
    "groove_consistency": groove_consistency,
    "note_density": note_density,
    "polyphony": polyphony,
}
"""One number for an excerpt, by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """Something of which an excerpt has many values: what they are, and the *edges* of its bins.

    Values beyond the edges count in the outermost bins.
    """

    values: Callable[[Excerpt], Floats | Ints]
    edges: tuple[float, ...]
    logarithmic: bool = False

    def histogram(self, excerpt: Excerpt) -> Ints:
        """How many of the values of *excerpt* fall into each bin."""
        values = self.values(excerpt)
        bins = np.searchsorted(self.edges, values, side="right") - 1
        last = len(self.edges) - 2
        return np.bincount(np.clip(bins, 0, last), minlength=last + 1)


def _sounding(excerpt: Excerpt) -> Ints:
    """How many notes sound, looked at in equal steps."""
    times = np.arange(0, excerpt.length, _SAMPLE) + _SAMPLE / 2
    begun = np.searchsorted(np.sort(excerpt.onset), times, side="right")
    over = np.searchsorted(np.sort(excerpt.onset + excerpt.duration), times, side="right")
    counts: Ints = begun - over
    return counts


def _density(excerpt: Excerpt) -> Ints:
    """How many notes start in each whole unit of time."""
    whole = max(1, int(excerpt.length))
    return np.bincount(excerpt.onset.astype(np.intp), minlength=whole)[:whole]


_COUNTS = tuple(map(float, range(17)))
# A bin for notes struck together, then eight to a factor of ten, from 7.5 ms to 13 s.
_TIMES = (0.0, *(float(edge) for edge in np.geomspace(0.0075, 13.3, 27)))

FEATURES: Mapping[str, Feature] = {
    "pitch": Feature(lambda e: e.pitch, tuple(map(float, range(129)))),
    "pitch_class": Feature(lambda e: e.pitch % 12, tuple(map(float, range(13)))),
    "inter_onset": Feature(lambda e: np.diff(e.onset), _TIMES, logarithmic=True),
    "duration": Feature(lambda e: e.duration, _TIMES, logarithmic=True),
    "velocity": Feature(lambda e: e.velocity, tuple(map(float, range(0, 129, 4)))),
    "polyphony": Feature(_sounding, _COUNTS),
    "density": Feature(_density, tuple(map(float, range(41)))),
}
"""What the overlap is taken of, by name."""


def histograms(excerpt: Excerpt) -> dict[str, Ints]:
    """The histogram of each of :data:`FEATURES`."""
    return {name: feature.histogram(excerpt) for name, feature in FEATURES.items()}
