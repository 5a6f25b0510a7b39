"""Any music21 object, encoded."""

from __future__ import annotations

from pathlib import Path

import pytest
from music21 import (
    articulations,
    chord,
    converter,
    corpus,
    dynamics,
    expressions,
    harmony,
    instrument,
    key,
    meter,
    note,
    repeat,
    stream,
    tempo,
    tie,
)

import music21_lstm as ml
from music21_lstm.encoding import ControlChange, KeySignature, NoteOn, SetTempo, TimeSignature
from music21_lstm.encoding.notetext import text_of
from music21_lstm.errors import StreamError
from music21_lstm.streams.encode import performance_of_stream


def notes(source, **options):
    """Onset, end and pitch of each note, in ticks."""
    return [(n.onset, n.end, n.pitch) for n in performance_of_stream(source, **options).notes]


def test_a_single_note_and_a_chord():
    assert notes(note.Note("C4")) == [(0, 480, 60)]
    assert notes(chord.Chord(["C4", "E4"], quarterLength=2)) == [(0, 960, 60), (0, 960, 64)]


def test_a_chorale_has_all_notes_of_its_four_parts_with_ties_joined():
    score = corpus.parse("bach/bwv66.6")
    performance = performance_of_stream(score)
    expected = sorted(
        (round(480 * n.getOffsetInHierarchy(score)), n.pitch.midi)
        for n in score.stripTies().recurse().notes
    )
    assert sorted((n.onset, n.pitch) for n in performance.notes) == expected
    assert sum(isinstance(e, KeySignature) for e in performance.events) == 1


def test_a_pickup_is_a_short_bar_before_the_first_full_one():
    performance = performance_of_stream(corpus.parse("bach/bwv66.6"))
    metres = [
        (tick, event.numerator, event.denominator)
        for tick, event in zip(performance.ticks, performance.events, strict=True)
        if isinstance(event, TimeSignature)
    ]
    assert metres == [(0, 1, 4), (480, 4, 4)]


def test_ties_are_joined_over_bar_lines_and_in_chords():
    first, second = chord.Chord(["C4", "E4"]), chord.Chord(["C4", "F4"])
    first.notes[0].tie, second.notes[0].tie = tie.Tie("start"), tie.Tie("stop")
    part = stream.Part([first, second])
    assert notes(part) == [(0, 960, 60), (0, 480, 64), (480, 960, 65)]


def test_a_tie_of_three_is_one_note_and_one_that_leads_nowhere_is_its_own():
    part = stream.Part([note.Note("C4") for _ in range(4)])
    for one, kind in zip(part.notes, ("start", "continue", "stop", "stop"), strict=True):
        one.tie = tie.Tie(kind)
    assert notes(part) == [(0, 1440, 60), (1440, 1920, 60)]


def test_grace_notes_sound_just_before_their_note():
    part = stream.Part([note.Note("G4")])
    part.append([note.Note("C5").getGrace(), note.Note("D5").getGrace(), note.Note("E5")])
    assert notes(part) == [(0, 480, 67), (360, 420, 72), (420, 480, 74), (480, 960, 76)]


def test_grace_notes_at_the_very_start_take_their_time_from_their_note():
    part = stream.Part([note.Note("C5").getGrace(), note.Note("D5").getGrace(), note.Note("E5")])
    assert notes(part) == [(0, 60, 72), (60, 120, 74), (120, 480, 76)]


def test_a_grace_at_the_end_of_a_voice_sounds_there():
    first = stream.Measure([note.Note("A4", quarterLength=4)], number=1)
    upper = stream.Voice([note.Note("D4", quarterLength=4), note.Note("E4").getGrace()])
    second = stream.Measure(number=2)
    second.insert(0, upper)
    second.insert(0, stream.Voice([note.Note("C3", quarterLength=4)]))
    part = stream.Part([first, second])
    assert (3780, 3840, 64) in notes(part)


def test_voices_sound_together():
    measure = stream.Measure([stream.Voice([note.Note("C5", quarterLength=4)])])
    measure.insert(0, stream.Voice([note.Note("C4") for _ in range(4)]))
    assert len(notes(measure)) == 5
    assert max(end for _, end, _ in notes(measure)) == 1920


def test_repeats_are_played_out():
    part = stream.Part()
    for number, name in enumerate("CD", 1):
        measure = stream.Measure([note.Note(name + "4", quarterLength=4)], number=number)
        part.append(measure)
    part[stream.Measure][1].rightBarline = repeat_end()
    assert [pitch for _, _, pitch in notes(part)] == [60, 62, 60, 62]


def repeat_end():
    from music21 import bar

    return bar.Repeat(direction="end")


def test_a_repeat_that_cannot_be_expanded_is_reported_not_dropped():
    part = stream.Part()
    measure = stream.Measure([note.Note("C4", quarterLength=4)], number=1)
    measure.insert(0, repeat.DalSegno())
    part.append(measure)
    performance = performance_of_stream(part)
    assert len(performance.notes) == 1
    assert any("repeat" in loss.what for loss in performance.losses)


def test_transposing_instruments_sound_where_they_sound():
    part = stream.Part([instrument.Clarinet(), note.Note("D4")])
    part.atSoundingPitch = False
    assert notes(part) == [(0, 480, 60)]


def test_the_scores_of_an_opus_follow_one_another():
    opus = stream.Opus()
    for name in ("C4", "D4"):
        opus.append(stream.Score([stream.Part([note.Note(name, quarterLength=4)])]))
    assert notes(opus) == [(0, 1920, 60), (1920, 3840, 62)]


def test_an_opus_in_an_opus_and_one_of_parts_lose_nothing():
    def score(name):
        return stream.Score([stream.Part([note.Note(name, quarterLength=4)])])

    inner = stream.Opus()
    inner.append(score("C4"))
    outer = stream.Opus()
    outer.append(inner)
    outer.append(score("D4"))
    assert [pitch for _, _, pitch in notes(outer)] == [60, 62]
    parts = stream.Opus()
    parts.append(stream.Part([note.Note("C4")]))
    assert notes(parts) == [(0, 480, 60)]


def test_a_short_first_measure_is_a_pickup_only_if_the_next_follows_at_once():
    part = stream.Part()
    part.insert(0, stream.Measure([meter.TimeSignature("4/4"), note.Note()], number=1))
    part.insert(4, stream.Measure([note.Note(quarterLength=4)], number=2))
    events = performance_of_stream(part).events
    assert [e for e in events if isinstance(e, TimeSignature)] == [TimeSignature(0, 4, 4)]


def test_repeats_are_played_out_in_parts_that_stand_in_a_plain_stream():
    part = stream.Part()
    for number, name in enumerate("CD", 1):
        part.append(stream.Measure([note.Note(name + "4", quarterLength=4)], number=number))
    part[stream.Measure][1].rightBarline = repeat_end()
    assert [pitch for _, _, pitch in notes(stream.Stream([part]))] == [60, 62, 60, 62]


def test_a_mark_that_midi_cannot_say_costs_itself_and_not_the_piece():
    part = stream.Part([key.KeySignature(9), tempo.MetronomeMark(number=0.5), note.Note("C4")])
    performance = performance_of_stream(part)
    assert len(performance.notes) == 1
    assert sum("that MIDI cannot say" in loss.what for loss in performance.losses) == 2


def test_drums_are_no_piano_notes():
    part = stream.Part([instrument.Woodblock(), note.Note("C2")])
    performance = performance_of_stream(stream.Score([part]))
    assert performance.notes == []
    assert "1 × percussion note" in map(str, performance.losses)


def test_dynamics_say_how_loud_a_note_without_a_velocity_is():
    part = stream.Part(
        [dynamics.Dynamic("pp"), note.Note("C4"), dynamics.Dynamic("ff"), note.Note()]
    )
    part.append(note.Note("E4"))
    part.notes[2].volume.velocity = 17
    soft, loud, own = (n.velocity for n in performance_of_stream(part).notes)
    assert soft < 64 < loud
    assert own == 17


def test_tempo_metre_and_key_become_events_once_for_all_parts():
    parts = []
    for _ in range(2):
        part = stream.Part([tempo.MetronomeMark(number=90), meter.TimeSignature("3/4")])
        part.insert(0, key.Key("e"))
        part.append(note.Note("E4", quarterLength=3))
        parts.append(part)
    head = performance_of_stream(stream.Score(parts)).events[:3]
    assert set(head) == {
        SetTempo(0, 90, 666_667),
        TimeSignature(0, 3, 4),
        KeySignature(0, 1, "minor"),
    }


def test_chord_symbols_are_silent_and_reported():
    part = stream.Part([harmony.ChordSymbol("Am"), note.Note("A4")])
    performance = performance_of_stream(part)
    assert [n.pitch for n in performance.notes] == [69]
    assert "1 × chord symbol" in map(str, performance.losses)


def test_what_a_performance_cannot_say_is_counted():
    one = note.Note("C4", lyric="la")
    one.articulations.append(articulations.Staccato())
    one.expressions.append(expressions.Trill())
    losses = {loss.what: loss.count for loss in performance_of_stream(one).losses}
    assert losses == {"lyric": 1, "articulation": 1, "ornament or expression": 1}


def test_the_resolution_fits_the_rhythm_or_the_rounding_is_reported():
    septuplet = stream.Part([note.Note("C4", quarterLength=1 / 7) for _ in range(7)])
    fitting = performance_of_stream(septuplet)
    assert fitting.resolution % 7 == 0
    assert not fitting.losses
    rounded = performance_of_stream(septuplet, resolution=480)
    assert rounded.resolution == 480
    assert any("rounded" in loss.what for loss in rounded.losses)


def test_a_quarter_tone_is_rounded_and_reported():
    performance = performance_of_stream(note.Note("C~4"))
    assert "1 × microtone (rounded)" in map(str, performance.losses)


@pytest.mark.parametrize(
    "path",
    [
        "schoenberg/opus19/movement2",
        "joplin/maple_leaf_rag",
        "mozart/k545/movement1_exposition",
        "schumann_robert/opus48no2",
        "demos/two-voices",
        "bach/bwv846",
    ],
)
def test_the_corpus_is_encoded_and_read_back_from_its_text(path):
    from music21_lstm.encoding.notetext import performance_of

    score = corpus.parse(path)
    performance = performance_of_stream(score)
    assert performance_of(text_of(performance)) == performance
    assert all(n.off is not None for n in performance.notes)
    assert len(performance.notes) >= len(score.parts[0].flatten().stripTies().notes)


def test_what_holds_no_music_is_refused():
    with pytest.raises(StreamError, match="give a Stream, a Note or a Chord"):
        performance_of_stream("C4")
    with pytest.raises(StreamError, match="beyond MIDI's 128 pitches"):
        performance_of_stream(note.Note("C12"))


def test_an_empty_stream_is_an_empty_performance():
    assert performance_of_stream(stream.Stream()).events == ()
    assert performance_of_stream(converter.parse("tinynotation: 4/4 r1")).notes == []
    assert all(
        not isinstance(e, NoteOn) for e in performance_of_stream(note.Rest(quarterLength=4)).events
    )


def test_pedal_marks_are_control_changes():
    notes = [note.Note(60 + step) for step in range(4)]
    part = stream.Part(notes)
    part.insert(0, expressions.PedalMark(notes[1], notes[2]))
    found = performance_of_stream(part)
    pedals = [
        (tick, event.value)
        for tick, event in zip(found.ticks, found.events, strict=True)
        if isinstance(event, ControlChange) and event.control == 64
    ]
    assert pedals == [(480, 127), (1440, 0)]
    assert found.losses == ()


def test_the_signs_of_a_page_of_ours_are_no_losses_but_what_a_user_adds_is():
    played = ml.read(Path(__file__).parent / "data" / "fur-elise.mid").played()
    page = ml.engrave(played)
    assert any(one.articulations for one in page.recurse().notes)
    assert ml.read(page).losses == ()
    page.parts[0].recurse().notes.first().articulations.append(articulations.Tenuto())
    page.parts[0].getElementsByClass(stream.Measure).first().insert(
        0, expressions.TextExpression("dolce")
    )
    assert {(loss.what, loss.count) for loss in ml.read(page).losses} == {
        ("articulation", 1),
        ("text", 1),
    }
