"""Hypothesis strategies: any event, any performance."""

from __future__ import annotations

from hypothesis import strategies as st

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

__all__ = ["deltas", "events", "performances", "resolutions", "short_performances"]

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
