"""A Stream as an ensemble plays it: who plays, how loud, how long, and when."""

from __future__ import annotations

from itertools import pairwise

import pytest
from music21 import (
    articulations,
    bar,
    chord,
    corpus,
    dynamics,
    expressions,
    instrument,
    meter,
    note,
    stream,
    tempo,
)

from music21_lstm.audio import ensemble_of
from music21_lstm.audio.ensemble import Status
from music21_lstm.audio.tags import read_tags
from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.pipeline import to_stream, write
from music21_lstm.streams.interpretation import ensemble_from, ensemble_of_stream

VIOLIN, VIOLA, CELLO = 40, 41, 42


def part(*elements, marks=(), bpm=60, who=None):
    made = stream.Part([who or instrument.Violin(), meter.TimeSignature("4/4")])
    made.insert(0, tempo.MetronomeMark(number=bpm))
    for element in elements:
        made.append(element)
    for where, mark in marks:
        made.insert(where, mark)
    return made


def notes(music, number=0, **options):
    """Onset, end, pitch and velocity of each note of a part, in order."""
    sounding, found = {}, []
    for time, status, pitch, velocity in (
        ensemble_of_stream(music, **options).parts[number].messages
    ):
        if status is Status.NOTE_ON:
            sounding[pitch] = (time, velocity)
        elif status is Status.NOTE_OFF:
            onset, struck = sounding.pop(pitch)
            found.append((round(onset, 6), round(time, 6), pitch, struck))
    return sorted(found)


def quarter(name="C4", mark=None):
    made = note.Note(name)
    if mark is not None:
        made.articulations.append(mark)
    return made


QUARTET = ("Violin I", "Violin II", "Viola", "Violoncello")


def test_a_string_quartet_sounds_like_one():
    bows = (instrument.Violin, instrument.Violin, instrument.Viola, instrument.Violoncello)
    quartet = stream.Score([part(quarter(), who=bow()) for bow in bows])
    assert [p.program for p in ensemble_of_stream(quartet).parts] == [VIOLIN, VIOLIN, VIOLA, CELLO]


def test_a_part_that_is_called_a_violin_is_one_though_its_program_is_a_piano():
    quartet = stream.Score([part(quarter(), who=instrument.Piano()) for _ in QUARTET])
    for name, each in zip(QUARTET, quartet.parts, strict=True):
        each.partName = name
    ensemble = ensemble_of_stream(quartet)
    assert [p.program for p in ensemble.parts] == [VIOLIN, VIOLIN, VIOLA, CELLO]
    assert [p.name for p in ensemble.parts] == list(QUARTET)


def test_a_piano_part_of_two_staves_is_one_player():
    left, right = (stream.PartStaff(part(quarter(n)).elements) for n in ("C3", "C5"))
    score = stream.Score([right, left])
    (player,) = ensemble_of_stream(score).parts
    ons = [m.first for m in player.messages if m.status is Status.NOTE_ON]
    assert sorted(ons) == [48, 72]


def test_an_instrument_that_changes_changes_the_program():
    music = part(quarter(), quarter(), marks=[(1, instrument.Flute())])
    (player,) = ensemble_of_stream(music).parts
    changes = [(m.time, m.second) for m in player.messages if m.status is Status.PROGRAM]
    assert (player.program, changes) == (VIOLIN, [(1.0, 73)])


def test_unpitched_percussion_is_played_on_the_drum_kit():
    kick = note.Unpitched()
    kick.storedInstrument = instrument.BassDrum()
    kick.storedInstrument.percMapPitch = 36
    drums = stream.Part([instrument.Percussion(), kick])
    (player,) = ensemble_of_stream(drums).parts
    assert player.percussion
    assert [m.first for m in player.messages if m.status is Status.NOTE_ON] == [36]


def test_staccato_shortens_and_accents_are_louder_by_what_music21_says():
    short, loud = articulations.Staccato(), articulations.Accent()
    plain, staccato, accent = notes(part(quarter("C4"), quarter("D4", short), quarter("E4", loud)))
    assert [end - onset for onset, end, *_ in (plain, staccato, accent)] == pytest.approx(
        [1.0, short.lengthShift, 1.0], abs=0.002
    )
    assert accent[3] == round(plain[3] + 127 * loud.volumeShift)


def test_dynamics_and_hairpins_are_heard():
    played = [quarter() for _ in range(8)]
    music = part(*played, marks=[(0, dynamics.Dynamic("p")), (6, dynamics.Dynamic("ff"))])
    music.insert(0, dynamics.Crescendo(*played[2:6]))
    levels = [velocity for *_, velocity in notes(music)]
    assert levels[0] == levels[1] == levels[2]
    assert all(before < after for before, after in pairwise(levels[2:7]))
    assert levels[6] == levels[7] == round(127 * dynamics.Dynamic("ff").volumeScalar)


def test_a_fermata_holds_everyone():
    held = quarter("E4")
    held.expressions.append(expressions.Fermata())
    upper = part(quarter("C4"), held, quarter("F4"))
    lower = part(quarter("C3"), quarter("D3"), quarter("E3"), who=instrument.Violoncello())
    score = stream.Score([upper, lower])
    for number in (0, 1):
        assert [row[:2] for row in notes(score, number)] == [(0, 1), (1, 3), (3, 4)]


def test_swing_delays_the_second_eighth_and_leaves_triplets_alone():
    eighths = [note.Note(p, quarterLength=0.5) for p in ("C4", "D4", "E4", "F4")]
    triplet = [note.Note(p, quarterLength=1 / 3) for p in ("G4", "A4", "B4")]
    straight = [note.Note(p, quarterLength=0.5) for p in ("C5", "D5")]
    music = part(*eighths, *triplet, *straight)
    music.insert(0, expressions.TextExpression("Swing"))
    music.insert(3, expressions.TextExpression("Straight 8ths"))
    onsets = [onset for onset, *_ in notes(music)]
    assert onsets == pytest.approx([0, 2 / 3, 1, 5 / 3, 2, 7 / 3, 8 / 3, 3, 3.5], abs=0.003)


def test_metronome_marks_count_for_all_parts():
    upper = part(quarter(), quarter(), marks=[(1, tempo.MetronomeMark(number=120))])
    lower = stream.Part([instrument.Violoncello(), quarter("C3"), quarter("D3")])
    score = stream.Score([upper, lower])
    assert [row[:2] for row in notes(score, 1)] == [(0, 1), (1, 1.5)]


def test_a_pedal_mark_holds():
    played = [quarter() for _ in range(3)]
    music = part(*played)
    music.insert(0, expressions.PedalMark(*played[:2]))
    (player,) = ensemble_of_stream(music).parts
    pedal = [(m.time, m.second) for m in player.messages if m.status is Status.CONTROL]
    assert pedal == [(0.0, 127), (2.0, 0)]


def test_repeats_are_played_by_all_parts_alike():
    parts = []
    for who in (instrument.Violin(), instrument.Viola()):
        made = stream.Part([stream.Measure([who, meter.TimeSignature("2/4")])])
        made[0].append([quarter("C4"), quarter("D4")])
        made[0].rightBarline = bar.Repeat(direction="end")
        made.append(stream.Measure([note.Note("E4", quarterLength=2)]))
        parts.append(made)
    score = stream.Score(parts)
    for number in (0, 1):
        assert [row[2] for row in notes(score, number)] == [60, 62, 60, 62, 64]
        assert [row[0] for row in notes(score, number)] == [0, 0.5, 1, 1.5, 2]


def test_the_source_is_left_as_it_was():
    short = quarter("C4", articulations.Staccato())
    music = part(short, chord.Chord(["C4", "E4"]), marks=[(0, dynamics.Dynamic("p"))])
    ensemble_of_stream(music)
    assert short.quarterLength == 1.0
    assert short.volume.velocity is None


def test_an_engraved_performance_sounds_as_performed_or_as_written():
    events = [NoteOn(0, 60, 33), NoteOff(470, 60), NoteOn(21, 64, 99), NoteOff(455, 64)]
    performance = Performance(480, events)
    score = to_stream(performance)
    assert ensemble_of_stream(score).parts[0].messages == ensemble_of(performance).parts[0].messages
    written = notes(score, performed=False)
    assert [row[0] for row in written] == [0.0, 0.5]


def test_title_composer_and_seed_come_along():
    score = corpus.parse("bach/bwv66.6")
    score.metadata.title, score.metadata.composer = "編曲", "J. S. Bach"
    score.editorial["seed"] = 7
    ensemble = ensemble_from(score)
    assert (ensemble.title, ensemble.composer) == ("編曲", "J. S. Bach")
    assert ensemble.comment == "generated by music21-lstm, seed 7"


def test_the_scores_of_an_opus_follow_one_another():
    opus = stream.Opus([stream.Score([part(quarter())]), stream.Score([part(quarter("D4"))])])
    ensemble = ensemble_of_stream(opus)
    onsets = [m.time for p in ensemble.parts for m in p.messages if m.status is Status.NOTE_ON]
    assert onsets == [0.0, 1.0]


def test_the_title_that_write_is_given_is_the_sound_files(tmp_path):
    tune = Performance(480, [NoteOn(0, 60, 90), NoteOff(240, 60)])
    write(tune, tmp_path / "tune.flac", title="Ein Ton")
    assert read_tags(tmp_path / "tune.flac", "flac").title == "Ein Ton"


@pytest.mark.parametrize("drum", ["BassDrum", "Woodblock", "Cowbell", "CrashCymbals", "Triangle"])
def test_a_drum_without_pitch_is_struck_on_its_own_key(drum):
    made = getattr(instrument, drum)
    ensemble = ensemble_from(stream.Part([made(), note.Unpitched(), note.Unpitched()]))
    (part,) = ensemble.parts
    keys = {m.first for m in part.messages if m.status is Status.NOTE_ON}
    assert (part.percussion, keys) == (True, {made().percMapPitch})


def test_a_tempo_of_nothing_is_a_loss():
    part = stream.Part([note.Note("C4")])
    part.insert(0, tempo.MetronomeMark(number=0))
    (loss,) = ensemble_from(part).losses
    assert loss.what.startswith("MetronomeMark that MIDI cannot say")
