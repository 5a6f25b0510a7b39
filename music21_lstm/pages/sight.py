"""What a page's script knows of a piece: its notes in seconds, its pedal, what its judge says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.generator import Generator
from music21_lstm.generation.surprisal import color_top, note_nats
from music21_lstm.pianoroll import pedal_of
from music21_lstm.threads import one_thread

__all__ = ["judged", "length_of", "sight_of"]

_HELD = 5.0
"""Seconds for which a last note that the pedal holds is heard."""


def sight_of(performance: Performance, times: Sequence[float]) -> dict[str, Any]:
    """Notes as (onset, end, pitch, velocity), and the stretches of pedal.

    *times* are those of the events, in seconds.
    """
    end = times[-1] if times else 0.0
    return {
        "seconds": _ms(length_of(performance, times)),
        "notes": [
            [
                _ms(times[each.on]),
                _ms(end if each.off is None else times[each.off]),
                each.pitch,
                each.velocity,
            ]
            for each in performance.notes
        ],
        "pedal": [[_ms(down), _ms(up)] for down, up in pedal_of(performance, times)],
    }


def length_of(performance: Performance, times: Sequence[float]) -> float:
    """When the last note ends, in seconds, or a pedal that holds it, which is waited for a while.

    What comes later (a controller, a tempo) is not heard.
    """
    end = times[-1] if times else 0.0
    last = max((end if n.off is None else times[n.off] for n in performance.notes), default=end)
    held = [up for down, up in pedal_of(performance, times) if down <= last < up]
    return min(max([last, *held]), last + _HELD)


def judged(
    performance: Performance, times: Sequence[float], judge: Generator, primer: int = 0
) -> dict[str, Any]:
    """What *judge* says: nats of each note, and the passages that stand in its training set.

    Those are left out that have no more than the first *primer* notes, which were given; the share
    is then None. Without an index of the training set ``copied`` is None, too.
    """
    with one_thread():
        nats, _ = note_nats(judge.checkpoint, performance)
    mean = sum(nats) / len(nats)
    try:
        found = judge.originality(performance)
    except GenerationError:
        copied, share = None, None
    else:
        share = None if primer else found.copied_share
        notes = sight_of(performance, times)["notes"]
        copied = [
            {
                "notes": list(run.notes),
                "start": min(notes[n][0] for n in run.notes),
                "end": max(notes[n][1] for n in run.notes),
                "piece": run.piece,
            }
            for run in found.runs
            if max(run.notes) >= primer
        ]
    return {
        "judge": judge.name,
        "nats": [round(each, 2) for each in nats],
        "top": round(color_top(judge.checkpoint, mean), 3),
        "mean": round(mean, 3),
        "copied": copied,
        "share": share,
    }


def _ms(seconds: float) -> float:
    return round(seconds, 3)
