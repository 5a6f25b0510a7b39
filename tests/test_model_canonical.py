"""The one order of notes: the arrays do what a plain walk over the notes does."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given

from music21_lstm.model.canonical import canonical, separate
from tests.strategies import note_tables


def _separated_by_hand(notes):
    """Note by note: those that start together are one, and a re-strike ends the note before it."""
    held = defaultdict(list)
    for onset, end, pitch, velocity in sorted(notes, key=lambda note: (note[0], note[1])):
        end = max(end, onset + 1)
        before = held[pitch]
        if before and before[-1][1] > onset:
            start, last, _, loudness = before[-1]
            end = max(end, last)
            if start == onset:
                before.pop()
                velocity = max(velocity, loudness)
            else:
                before[-1] = (start, onset, pitch, loudness)
        before.append((onset, end, pitch, velocity))
    return sorted(note for notes in held.values() for note in notes)


@given(note_tables())
def test_notes_are_separated_as_by_a_walk_over_them(notes):
    found = sorted(map(tuple, separate(notes).tolist()))
    assert found == _separated_by_hand(notes.tolist())


@given(note_tables())
def test_separated_notes_stay_as_they_are(notes):
    once = separate(notes)
    assert np.array_equal(separate(once), once)


@given(note_tables())
def test_events_rise_by_tick_and_key_and_every_note_goes_on_and_off(notes):
    tick, key, velocity = canonical(notes)
    order = list(zip(tick.tolist(), key.tolist(), strict=True))
    assert order == sorted(set(order))
    ons = key >= 128
    assert len(key) == 2 * ons.sum() == 2 * len(separate(notes))
    assert velocity[ons].all()
    assert not velocity[~ons].any()
    for pitch in set((key % 128).tolist()):
        told = ons[key % 128 == pitch]
        assert np.array_equal(told, np.arange(len(told)) % 2 == 0)  # on, off, on, off …
