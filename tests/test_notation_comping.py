"""Jazz: a line that moves freely over held chords is written by the chords."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn, Performance, SetTempo, TimeSignature
from music21_lstm.encoding.notetext import text_of
from music21_lstm.encoding.performance import PLAYED_RESOLUTION, with_deltas
from music21_lstm.notation.beats.accompaniment import beats_under, numbers_under
from music21_lstm.notation.beats.comping import comping, joined
from music21_lstm.notation.beats.placing import accompanied, accompaniment, place_played, table_of
from music21_lstm.notation.metre import UNIT
from music21_lstm.notation.quantize import is_aligned
from music21_lstm.streams.encode import performance_of_stream

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


def soloist(steps, beat=0.32, bars=16, chord=(48, 52, 58), loud=90, length=4):
    """Chords of a bar each, and over each bar the line *steps*: (place in beats, pitch, beats long)."""
    timed = []
    for bar in range(bars):
        start, end = length * beat * bar, length * beat * (bar + 1)
        for pitch in chord:
            timed += [(start, NoteOn(0, pitch, 60)), (end, NoteOff(0, pitch, 64))]
        for place, pitch, beats in steps:
            on = max(0.0, start + place * beat)
            timed += [(on, NoteOn(0, pitch, loud)), (on + beats * beat, NoteOff(0, pitch, 64))]
    timed.sort(key=lambda pair: (round(1000 * pair[0]), isinstance(pair[1], NoteOn)))
    ticks = [(round(1000 * second), event) for second, event in timed]
    return Performance(PLAYED_RESOLUTION, with_deltas(ticks))


SWUNG = [(n + part, 70 + n, 0.3) for n in range(4) for part in (0.02, 0.62)]


def test_swung_eighths_over_chords_are_straight_ones_under_the_word():
    score = ml.engrave(soloist(SWUNG))
    line = [n for n in score.parts[0].flatten().notes if n.pitch.midi >= 66]
    assert {n.quarterLength for n in line} == {0.5}
    assert "Swing" in {
        text.content for text in score.flatten().getElementsByClass("TextExpression")
    }


def test_the_beat_is_where_the_chords_are_though_the_line_lays_back():
    late = [(place + 0.15, pitch, length) for place, pitch, length in SWUNG]
    placed, sections, tempo = place_played(soloist(late))
    assert [str(section.metre) for section in sections] == ["4/4"]
    beats = [tempo.second(place) for place in range(0, 56 * UNIT, UNIT)]
    assert np.allclose(beats, np.arange(56) * 0.32, atol=0.02)
    line = [p.onset for p in placed if p.note.pitch >= 66]
    assert all(onset % (UNIT // 2) == 0 for onset in line)


@given(st.lists(st.sampled_from([1, 2, 4, 4, 8]), min_size=12, max_size=40), st.integers(0, 99))
def test_beats_are_found_under_chords_of_one_to_eight_beats_while_the_tempo_drifts(lasts, seed):
    rng = np.random.default_rng(seed)
    total = sum(lasts)
    beats = np.cumsum(np.r_[0, 0.36 * np.exp(np.cumsum(rng.normal(0, 0.003, total)))])
    chords = beats[np.cumsum([0, *lasts])]
    line = np.sort(np.concatenate([beats[:-1], beats[:-1] + 0.6 * np.diff(beats)]))
    found = beats_under(chords, line)
    # Whoever hears half as many or twice as many hears the same music.
    heard = {level: np.round(found[::level], 3) for level in (1, 2)}
    true = {level: np.round(beats[::level], 3) for level in (1, 2)}
    near = [
        np.mean(np.abs(some[:, None] - other).min(axis=1) < 0.05)
        for some, other in ((true[1], heard[1]), (true[2], heard[1]))
    ]
    assert max(near) > 0.95
    assert set(np.round(chords, 6)) <= set(np.round(found, 6))


def test_bars_begin_with_the_chords_that_last_and_a_waltz_has_three_beats():
    beats = np.arange(49) * 0.4
    assert numbers_under(beats, beats[0:48:4])[:6].tolist() == [1, 2, 3, 4, 1, 2]
    upbeat = np.r_[0, beats[2:48:4]]
    assert numbers_under(beats, upbeat)[:6].tolist() == [3, 4, 1, 2, 3, 4]
    assert numbers_under(beats, beats[0:48:3])[:6].tolist() == [1, 2, 3, 1, 2, 3]


def test_a_line_is_the_right_hand_s_and_the_chords_are_the_left_s_wherever_they_are():
    low = [(n + part, 47 + 3 * n, 0.3) for n in range(4) for part in (0.02, 0.62)]
    score = ml.engrave(soloist(low, chord=(55, 60, 66)))
    upper, lower = (list(part.flatten().notes) for part in score.parts)
    assert not any(n.isChord for n in upper)
    assert {n.pitch.midi for n in upper} == {47, 50, 53, 56}
    assert {tuple(p.midi for p in n.pitches) for n in lower} == {(55, 60, 66)}
    assert not score.recurse().getElementsByClass("Voice")


def test_a_chord_is_held_on_though_the_line_strikes_one_of_its_notes():
    performance = soloist([(0.02, 70, 0.3), (1.62, 58, 0.3), (2.62, 58, 0.3), (3.5, 70, 0.3)])
    score = ml.engrave(performance)
    lower = list(score.parts[1].flatten().notes)
    assert {tuple(p.midi for p in n.pitches) for n in lower} == {(48, 52, 58)}
    assert {n.quarterLength for n in lower} == {4.0}
    struck = [n for n in score.parts[0].flatten().notes if n.pitch.midi == 58]
    assert len(struck) == 32
    assert all(n.quarterLength <= 1 for n in struck)
    assert text_of(performance_of_stream(score)) == text_of(performance)


def test_ticks_that_the_chords_stand_on_tell_the_beats():
    """A rhythm section that a person tapped: the tempo changes from beat to beat."""
    rng = np.random.default_rng(3)
    paces = 400_000 + rng.integers(-30_000, 30_000, 64)
    timed = [(480 * beat, SetTempo.from_mpqn(0, int(pace))) for beat, pace in enumerate(paces)]
    for bar in range(16):
        for pitch in (48, 52, 58):
            timed += [(1920 * bar, NoteOn(0, pitch, 60)), (1920 * (bar + 1), NoteOff(0, pitch, 64))]
        for place, pitch, length in SWUNG:
            on = round(480 * (4 * bar + place)) + int(rng.integers(0, 30))
            timed += [(on, NoteOn(0, pitch, 90)), (on + round(480 * length), NoteOff(0, pitch, 64))]
    timed.sort(key=lambda pair: (pair[0], isinstance(pair[1], NoteOn)))
    performance = Performance(480, with_deltas(timed))
    assert not is_aligned(performance)
    score = ml.engrave(performance)
    chords = list(score.parts[1].flatten().notes)
    assert [n.offset for n in chords] == [4.0 * bar for bar in range(16)]
    assert {n.quarterLength for n in score.parts[0].flatten().notes} == {0.5}


@pytest.mark.parametrize("place", [0.0, 0.085, -0.055])
def test_a_note_of_the_chord_that_the_line_strikes_with_it_is_two_notes(place):
    # Within an instant of the chord, and again: of one pitch three notes, one of them held.
    performance = soloist([(place, 58, 0.4), (1.62, 58, 0.3), (2.62, 72, 0.3), (3.5, 70, 0.3)])
    assert all(note.off > note.on for note in accompaniment(performance)[0])
    score = ml.engrave(performance)
    assert {tuple(p.midi for p in n.pitches) for n in score.parts[1].flatten().notes} == {
        (48, 52, 58)
    }
    line = [n for n in score.parts[0].flatten().notes if n.pitch.midi == 58]
    assert len(line) == 32
    assert all(n.quarterLength <= 1 for n in line)
    assert text_of(performance_of_stream(score)) == text_of(performance)


@pytest.mark.parametrize("told", ["in the file", "asked for"])
@pytest.mark.parametrize("beats", [2, 3, 5, 7])
def test_metres_that_are_told_are_kept_over_chords(beats, told):
    line = [(n + part, 70 + n, 0.3) for n in range(beats) for part in (0.02, 0.62)]
    performance = soloist(line, length=beats)
    how = {}
    if told == "asked for":
        how = {"time_signature": f"{beats}/4"}
    else:
        events = (TimeSignature(0, beats, 4), *performance.events)
        performance = Performance(performance.resolution, events)
    score = ml.engrave(performance, **how)
    signs = score.parts[1].recurse().getElementsByClass("TimeSignature")
    assert [sign.ratioString for sign in signs] == [f"{beats}/4"]
    chords = score.parts[1].flatten().notes
    begun = [n for n in chords if n.tie is None or n.tie.type == "start"]
    assert [n.offset for n in begun] == [float(beats * bar) for bar in range(16)]


def test_six_eight_is_kept_over_chords():
    line = [(n / 3, 70 + n % 3, 0.2) for n in range(12)]
    score = ml.engrave(soloist(line, beat=0.5), time_signature="6/8")
    signs = score.parts[0].recurse().getElementsByClass("TimeSignature")
    assert [sign.ratioString for sign in signs] == ["6/8"]


def test_the_line_may_begin_long_before_the_chords_and_end_long_after_them():
    alone = [(5000 + 320 * i, 5000 + 320 * i + 200, 72, 80) for i in range(30)]
    timed = []
    for on, end, pitch, loud in alone:
        timed += [(on, NoteOn(0, pitch, loud)), (end, NoteOff(0, pitch, 64))]
    solo = soloist(SWUNG)
    start = 20_000
    timed += [(start + tick, event) for tick, event in zip(solo.ticks, solo.events, strict=True)]
    timed += [(80_000, NoteOn(0, 72, 80)), (80_200, NoteOff(0, 72, 64))]
    performance = Performance(PLAYED_RESOLUTION, with_deltas(timed))
    assert len(accompanied(performance)) == 48


def test_the_last_beat_of_ticks_that_tell_is_as_long_as_the_others():
    timed = [(0, SetTempo.from_mpqn(0, 400_000))]
    for bar in range(12):
        for pitch in (48, 52, 58):
            end = 1920 * (bar + 1) + 10 * (bar == 11)
            timed += [(1920 * bar, NoteOn(0, pitch, 60)), (end, NoteOff(0, pitch, 64))]
        for n in range(4):
            on = 1920 * bar + 480 * n + 37 * (n + 1) % 31
            timed += [(on, NoteOn(0, 70 + n, 90)), (on + 160, NoteOff(0, 70 + n, 64))]
    timed.sort(key=lambda pair: (pair[0], isinstance(pair[1], NoteOn)))
    score = ml.engrave(Performance(480, with_deltas(timed)))
    assert len(score.parts[0].getElementsByClass("Measure")) == 12


def test_a_low_line_that_begins_before_the_chords_is_the_right_hand_s_too():
    low = [(n + part, 47 + n, 0.3) for n in range(4) for part in (0.02, 0.62)]
    solo = soloist(low)
    timed = [(tick + 12_000, event) for tick, event in zip(solo.ticks, solo.events, strict=True)]
    for i in range(24):
        timed += [(320 * i, NoteOn(0, 46 + i % 5, 90)), (320 * i + 200, NoteOff(0, 46 + i % 5, 64))]
    timed.sort(key=lambda pair: (pair[0], isinstance(pair[1], NoteOn)))
    score = ml.engrave(Performance(PLAYED_RESOLUTION, with_deltas(timed)))
    assert {tuple(p.midi for p in n.pitches) for n in score.parts[1].flatten().notes} == {
        (48, 52, 58)
    }


def test_a_lead_sheet_has_the_line_and_the_names_of_the_chords_that_were_struck():
    bars = [(53, 57, 63), (46, 53, 62, 68)]
    performance = soloist([(n + part, 58 + n, 0.3) for n in range(4) for part in (0.02, 0.62)])
    chords = {48: 0, 52: 1, 58: 2}
    # F7 and B flat 7 in turn, in the place of one chord.
    timed = []
    for tick, event in zip(performance.ticks, performance.events, strict=True):
        bar = tick // 1280 - isinstance(event, NoteOff) * (tick % 1280 == 0)
        kind = bars[bar % 2]
        if event.pitch in chords and (tick % 1280) in (0,):
            timed.append((tick, replace(event, delta=0, pitch=kind[chords[event.pitch]])))
            if event.pitch == 58 and bar % 2:
                timed.append((tick, replace(event, delta=0, pitch=kind[3])))
        else:
            timed.append((tick, replace(event, delta=0)))
    score = ml.engrave(Performance(PLAYED_RESOLUTION, with_deltas(timed)), lead_sheet=True)
    (part,) = score.parts
    symbols = part.recurse().getElementsByClass("ChordSymbol")
    assert [(s.figure, s.getOffsetInHierarchy(part)) for s in symbols] == [
        (("F7", "B-7")[bar % 2], 4.0 * bar) for bar in range(16)
    ]
    line = [n for n in part.flatten().notes if "ChordSymbol" not in n.classes]
    assert {n.quarterLength for n in line} == {0.5}
    assert {n.pitch.midi for n in line} == {58, 59, 60, 61}
