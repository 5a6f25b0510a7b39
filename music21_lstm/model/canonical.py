"""Notes in the one order that there is to say them in, on whole ticks: arrays in, arrays out.

Notes of one pitch never overlap, each lasts at least one tick, and at one tick first come the note
offs and then the note ons, each from low to high. Low to high because the bass carries the harmony:
it is chosen first, and the voices above are chosen knowing it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["canonical", "separate"]

Ints = NDArray[np.int64]


def separate(notes: NDArray[np.integer]) -> Ints:
    """The *notes*, (N, 4) of onset, end, pitch and velocity, with none overlapping one of its pitch.

    Two that start together are one, the longer and the louder; a re-strike ends the note before it,
    and lasts until both would have ended, as a pitch shared by two voices does.

    >>> separate(np.array([(0, 9, 60, 50), (4, 6, 60, 70)])).tolist()
    [[0, 4, 60, 50], [4, 9, 60, 70]]
    """
    found = notes.astype(np.int64)
    found[:, 1] = np.maximum(found[:, 1], found[:, 0] + 1)
    onset, end, pitch, velocity = found[np.lexsort((found[:, 1], found[:, 0], found[:, 2]))].T
    if not len(onset):
        return found
    first = np.append(True, (pitch[1:] != pitch[:-1]) | (onset[1:] != onset[:-1]))
    last = np.append(first[1:], True)
    # Until which tick any note of the pitch so far would have lasted; the pitches are kept apart.
    apart = (pitch - pitch[0]) * (end.max() + 1)
    lasting = np.maximum.accumulate(end + apart) - apart
    loudest = np.maximum.reduceat(velocity, np.flatnonzero(first))
    onset, pitch, lasting = onset[first], pitch[first], lasting[last]
    next_onset = np.append(onset[1:], lasting[-1])
    same = np.append(pitch[1:] == pitch[:-1], False)
    end = np.where(same, np.minimum(lasting, next_onset), lasting)
    return np.stack([onset, end, pitch, loudest], 1)


def canonical(notes: NDArray[np.integer]) -> tuple[Ints, Ints, Ints]:
    """Tick, key and velocity of every note off and note on of the *notes*, in order.

    A key is the pitch of a note off, or 128 and the pitch of a note on; offs have velocity 0.
    """
    onset, end, pitch, velocity = separate(notes).T
    tick = np.concatenate([onset, end])
    key = np.concatenate([128 + pitch, pitch])
    order = np.lexsort((key, tick))
    loud = np.concatenate([velocity, np.zeros_like(velocity)])
    return tick[order], key[order], loud[order]
