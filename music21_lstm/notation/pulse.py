"""Whether the ticks' quarter is a beat of the music, or the music goes evenly by another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from music21_lstm.encoding.events import SetTempo, TimeSignature
from music21_lstm.encoding.performance import DEFAULT_MPQN, PLAYED_RESOLUTION, Performance

__all__ = ["FEWEST", "has_other_pulse"]

_OTHERS = (
    *(2 / 3, 3 / 4, 3 / 5, 4 / 5, 5 / 6, 5 / 8, 8 / 9, 9 / 10),
    *(3 / 2, 4 / 3, 5 / 3, 5 / 4, 6 / 5, 8 / 5, 9 / 8, 10 / 9),
)
"""Beats that music may have, in the ticks' quarters."""

_PARTS = ((1, 0.0), (2, 1.0), (3, 1.58), (4, 2.0), (6, 2.58), (8, 3.0), (12, 3.58), (16, 4.0))
"""Parts of a beat and what an onset on them costs, in bits: log2 of the parts."""

_ANYWHERE = 5.0
_NEAR = 0.008
"""So near to a place, in beats, is on it."""

_MOST_ASIDE = 0.25
"""Of another beat no more onsets than this may stand on no part: then it is no even tempo either."""

FEWEST = 32
"""Onsets; of fewer nothing can be said."""

_PLAINER, _PLAINER_PLAYED = 0.9, 0.3
"""Bits an onset by which another beat must be plainer to be believed. Where the ticks may be a
score's, none of 127 scores of piano-midi.de and 69 chorales reaches 0.8; music of another even tempo
has 1 to 3. In music as played the ticks' quarter means nothing."""

_MOST_THIRDS = 0.5
"""Where more onsets than this stand on triplets' places, the beat is in three or is another: at an
even 90 a sixteenth is a third of the ticks' quarter."""


def has_other_pulse(performance: Performance) -> bool:
    """Whether music that says nothing of its tempo plainly goes by another than the ticks'.

    A file without a tempo is at 120 quarters a minute, whatever was played: at an even 100 a quarter
    is 1.2 of the ticks', and each onset would stand on tenths of them. So of a few simple ratios the
    one is sought by which the onsets stand on the plainest parts of the beat, in bits an onset, and
    less the bits by which the beat itself is longer. A tempo or a metre in the file is believed.

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> even = [NoteOn(0, 60, 80), NoteOff(288, 60)] * 60
    >>> has_other_pulse(Performance(480, even)), has_other_pulse(Performance(576, even))
    (True, False)
    """
    played = performance.resolution == PLAYED_RESOLUTION
    if any(_tells(event, played) for event in performance.events):
        return False
    onsets = np.unique([note.onset for note in performance.notes])
    if len(onsets) < FEWEST:
        return False
    places = onsets / performance.resolution
    if _of_thirds(places) > _MOST_THIRDS:
        return True
    # (Nobody knows where another beat would begin; the ticks' own are at 0.)
    others = ((_bits(places - first, beat), beat) for beat in _OTHERS for first in places[:3])
    plainest = min(
        (
            float(bits.mean() - np.log2(beat))
            for bits, beat in others
            if (bits == _ANYWHERE).mean() <= _MOST_ASIDE
        ),
        default=np.inf,
    )
    own = float(_bits(places, 1.0).mean())
    return own - plainest > (_PLAINER_PLAYED if played else _PLAINER)


def _tells(event: object, played: bool) -> bool:
    """Whether an event says what the beats are; of music *as played* a metre in it does not."""
    if isinstance(event, TimeSignature):
        return not played and (event.numerator, event.denominator) != (4, 4)
    return isinstance(event, SetTempo) and event.mpqn != DEFAULT_MPQN


def _of_thirds(places: npt.NDArray[np.float64]) -> float:
    """The share of onsets that stand where only triplets are."""
    thirds, halves = (np.abs(places * n - np.round(places * n)) < _NEAR * n for n in (12, 4))
    return float((thirds & ~halves).mean())


def _bits(places: npt.NDArray[np.float64], beat: float) -> npt.NDArray[np.float64]:
    """How finely *beat* must be divided for each of the *places*, as a number of halvings."""
    inside = places / beat
    found = np.full(len(places), _ANYWHERE)
    for parts, cost in reversed(_PARTS):
        finer = inside * parts
        found[np.abs(finer - np.round(finer)) < _NEAR * parts] = cost
    return found
