"""Jazz: a line that moves freely over held chords is written by the chords."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.encoding.performance import PLAYED_RESOLUTION, with_deltas
from music21_lstm.notation.beats.comping import comping, joined
from music21_lstm.notation.beats.placing import place_played, table_of
from music21_lstm.notation.metre import UNIT

DATA = Path(__file__).parent / "data"
CHORDS = [(48, 55, 64), (50, 57, 65), (43, 53, 59), (48, 52, 55)]
LINE = [67, 69, 71, 72, 74, 76, 74, 72]


def comped(late=0.0, beat=0.5, bars=12, seed=1):
    """Twelve bars of held chords, and eighths over them that are *late* by so many seconds.

    Some are later, and some earlier: nobody is late by the same all the time.
    """
    rng = np.random.default_rng(seed)
    timed = []
    for bar in range(bars):
        start = 4 * beat * bar
        for pitch in CHORDS[bar % 4]:
            timed += [(start, NoteOn(0, pitch, 60)), (start + 4 * beat, NoteOff(0, pitch, 64))]
        for eighth, pitch in enumerate(LINE):
            on = start + eighth * beat / 2 + late + rng.normal(0, 0.008)
            timed.append((max(0.0, on), NoteOn(0, pitch, 90)))
            timed.append((max(0.01, on + 0.8 * beat / 2), NoteOff(0, pitch, 64)))
    timed.sort(key=lambda pair: (pair[0], isinstance(pair[1], NoteOn)))
    ticks = [(round(1000 * second), event) for second, event in timed]
    return Performance(PLAYED_RESOLUTION, with_deltas(ticks))


@pytest.mark.parametrize("late", [-0.04, 0.0, 0.04, 0.055])
@pytest.mark.parametrize("beat", [0.4, 0.53])
def test_held_chords_stand_on_strong_beats_however_late_the_line_is(late, beat):
    performance = comped(late, beat)
    placed, sections, _ = place_played(performance)
    assert [str(section.metre) for section in sections] == ["4/4"]
    chords = [p.onset - sections[0].start for p in placed if p.note.pitch < 66]
    # A bar, or half of one: how fast a beat is nobody has said.
    assert all(onset % (2 * UNIT) == 0 for onset in chords)
    length = (chords[-1] - chords[0]) // 11
    line = sorted(p.onset for p in placed if p.note.pitch >= 66)
    assert np.mean([onset % (length // 8) == 0 for onset in line]) > 0.9


def test_of_a_line_the_note_that_is_nearest_goes_with_its_chord():
    onsets = np.array([0.0, 0.95, 1.0, 1.04, 1.5, 2.0])
    chord = np.array([True, False, True, False, False, True])
    assert joined(onsets, chord).tolist() == [0.0, 0.95, 1.0, 1.0, 1.5, 2.0]


@pytest.mark.parametrize("name", ["fur-elise", "maple-leaf-rag", "satie-gymnopedie-no1"])
def test_piano_music_is_not_taken_for_it(name):
    assert not comping(table_of(ml.read(DATA / f"{name}.mid").played())).any()


def test_chords_alone_are_no_accompaniment():
    timed = [
        (bar * 1000, made)
        for bar in range(20)
        for pitch in CHORDS[bar % 4]
        for made in (NoteOn(0, pitch, 60),)
    ]
    timed += [(bar * 1000 + 1000, NoteOff(0, p, 64)) for bar in range(20) for p in CHORDS[bar % 4]]
    timed.sort(key=lambda pair: (pair[0], isinstance(pair[1], NoteOn)))
    table = table_of(Performance(PLAYED_RESOLUTION, with_deltas(timed)))
    assert not comping(table)[table[:, 2] > 66].any()


def test_the_notes_of_the_chords_are_found_and_no_others():
    performance = comped(0.03)
    table = table_of(performance)
    assert (comping(table) == (table[:, 2] < 66)).all()
