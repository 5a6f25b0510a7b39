"""Hypothesis strategies: any event, any performance."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from music21_lstm.encoding import (
    MAX_DELTA,
    MAX_RESOLUTION,
    ControlChange,
    KeySignature,
    NoteOff,
    NoteOn,
    Performance,
    SetTempo,
    TimeSignature,
)

__all__ = [
    "deltas",
    "events",
    "messy_performances",
    "note_tables",
    "performances",
    "resolutions",
    "short_performances",
]

resolutions = st.one_of(
    st.sampled_from([1, 24, 96, 384, 480, 500, 960]), st.integers(1, MAX_RESOLUTION)
)
_seven = st.integers(0, 127)


def deltas(longest: int = MAX_DELTA):
    """Deltas in ticks, mostly musical ones."""
    return st.one_of(
        st.sampled_from([d for d in (0, 0, 0, 1, 60, 120, 240, 480) if d <= longest]),
        st.integers(0, min(longest, 4000)),
        st.integers(0, longest),
    )


def events(longest: int = MAX_DELTA):
    """One event of any kind."""
    delta = deltas(longest)
    return st.one_of(
        st.builds(NoteOn, delta, _seven, st.integers(1, 127)),
        st.builds(NoteOff, delta, _seven, _seven),
        st.builds(NoteOff, delta, _seven, st.just(0), st.just(True)),
        # A few pitches only, so that notes are paired, struck again and overlap.
        st.builds(NoteOn, delta, st.integers(60, 62), st.integers(1, 127)),
        st.builds(NoteOff, delta, st.integers(60, 62), _seven),
        st.builds(ControlChange, delta, st.integers(0, 15), _seven, _seven),
        st.builds(SetTempo, delta, st.integers(0, 60_000_000), st.integers(1, 0xFFFFFF)),
        st.builds(
            TimeSignature,
            delta,
            st.integers(1, 255),
            st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128]),
        ),
        st.builds(KeySignature, delta, st.integers(-7, 7), st.sampled_from(["major", "minor"])),
    )


performances = st.builds(Performance, resolutions, st.lists(events(), max_size=40))
short_performances = st.builds(Performance, resolutions, st.lists(events(2000), max_size=40))


@st.composite
def messy_performances(
    draw: st.DrawFn, metres: tuple[tuple[int, ...], ...] = ((), (3, 4), (6, 8), (1, 4), (4, 2))
) -> Performance:
    """Overlaps, re-strikes, stuck notes, strays, chords, long rests and a restless pedal."""
    events = [NoteOn(draw(st.integers(0, 3)), 60, 80)]
    pitches = draw(st.sampled_from([[60], [60, 61], [0, 60, 61, 64, 127]]))
    for _ in range(draw(st.integers(1, 40))):
        delta = draw(st.sampled_from([0, 0, 1, 5, 24, 120, 480, 700, 20_000]))
        pitch = draw(st.sampled_from(pitches))
        kind = draw(st.sampled_from(["on", "on", "off", "off", "pedal"]))
        if kind == "pedal":
            events.append(ControlChange(delta, 0, 64, draw(st.sampled_from([0, 127]))))
        elif kind == "on":
            events.append(NoteOn(delta, pitch, draw(st.integers(1, 127))))
        else:
            events.append(NoteOff(delta, pitch))
    metre = draw(st.sampled_from(metres))
    head = [TimeSignature(0, *metre)] if metre else []
    return Performance(draw(st.sampled_from([24, 96, 480])), [*head, *events])


@st.composite
def note_tables(draw: st.DrawFn) -> NDArray[np.int64]:
    """Notes as (N, 4) of onset, end, pitch and velocity: few pitches, so that they collide."""
    note = st.tuples(
        st.integers(0, 20), st.integers(0, 12), st.sampled_from([0, 60, 61, 127]),
        st.integers(1, 127),
    )  # fmt: skip
    rows = draw(st.lists(note, max_size=30))
    found = np.array(rows, np.int64).reshape(-1, 4)
    found[:, 1] += found[:, 0]
    return found
