"""Nothing is lost on the page: performances come back event for event, and edits where they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import (
    articulations,
    dynamics,
    expressions,
    key,
    meter,
    note,
    pitch,
    spanner,
    stream,
    tempo,
)

import music21_lstm as ml
from music21_lstm.encoding import ControlChange, NoteOff, NoteOn, Performance, SetTempo
from music21_lstm.encoding.notetext import performance_of, text_of
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.encoding.trace import (
    ORNAMENT_KEY,
    TRACE_KEY,
    OrnamentNote,
    PerformedTrace,
)
from music21_lstm.notation import engrave
from music21_lstm.streams.clock import clock_of
from music21_lstm.streams.decode import engraved_stream, remember_performance
from music21_lstm.streams.elements import PerformanceEvent
from music21_lstm.streams.encode import performance_of_stream

from .performances import of_notes
from .strategies import short_performances

DATA = Path(__file__).parent / "data"
PIECES = ["fur-elise", "satie-gymnopedie-no1", "maple-leaf-rag"]


def freely(performance, *, resolution=500):
    """*performance* with its beats stretched and shrunk, as by a player; the events stay in order."""
    # A quarter of 700 ticks, 18 % slower and faster in waves: the page's beats are far from these.
    ticks, now, last = [], 0.0, 0
    for index, tick in enumerate(performance.ticks):
        quarters = (tick - last) / performance.resolution
        now += quarters * 700 * (1 + 0.18 * ((index // 7) % 3 - 1))
        last = tick
        ticks.append(round(now))
    return Performance(resolution, with_deltas(zip(ticks, performance.events, strict=True)))


def freely_engraved(written):
    """The page of *written*, which a free performance of it was played from."""
    played = freely(written)
    score = engrave(written)
    remember_performance(score, played)
    return score, played


def pieces_of(score, on):
    """The notes of the page, tied ones, that a note on is."""
    found = []
    for element in score.recurse().notes:
        for one in getattr(element, "notes", (element,)):
            if one.hasEditorialInformation and one.editorial[TRACE_KEY].on == on:
                found.append((element, one))
    return found


def delete(score, on):
    for element, one in pieces_of(score, on):
        if element is one:
            element.activeSite.remove(element)
        else:
            # By what it is: a chord may hold two equal notes, and remove() takes the first.
            element.notes = tuple(each for each in element.notes if each is not one)


def without(performance, places):
    kept = [
        (tick, event)
        for place, (tick, event) in enumerate(
            zip(performance.ticks, performance.events, strict=True)
        )
        if place not in places
    ]
    return Performance(performance.resolution, with_deltas(kept))


@given(short_performances, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_any_edited_note_is_edited_and_all_else_comes_back(performance, random):
    score = engraved_stream(performance)
    assert performance_of_stream(score).events == performance.events
    notes = performance.notes
    if not notes:
        return
    # A key that bounced is one note of the page: what it carries goes with it.
    by_on = {note.on: note for note in notes}
    along = {
        note.on: [by_on[sign.trace.on] for sign in one.editorial[ORNAMENT_KEY]]
        for note in notes
        for _, one in pieces_of(score, note.on)
        if ORNAMENT_KEY in one.editorial
    }
    carried = {note.on for others in along.values() for note in others}
    edited, deleted = (random.choice([n for n in notes if n.on not in carried]) for _ in "ab")
    delete(score, deleted.on)
    expected = list(performance.events)
    for _, one in pieces_of(score, edited.on):
        one.pitch = pitch.Pitch(midi=(edited.pitch + 5) % 128)
        one.volume.velocity = 101
    midi = (edited.pitch + 5) % 128
    expected[edited.on] = replace(expected[edited.on], pitch=midi, velocity=101)
    for one in along.get(edited.on, ()):
        expected[one.on] = replace(expected[one.on], pitch=midi)
    for one in (edited, *along.get(edited.on, ())):
        if one.off is not None:
            expected[one.off] = replace(expected[one.off], pitch=midi)
    gone = {place for one in (deleted, *along.get(deleted.on, ())) for place in (one.on, one.off)}
    wanted = without(Performance(performance.resolution, expected), gone)
    assert text_of(performance_of_stream(score)) == text_of(wanted)


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("view", ["written", "played", "freely"])
def test_real_music_comes_back_event_for_event_however_it_was_played(name, view):
    performance = ml.read(DATA / f"{name}.mid")
    if view == "freely":
        score, performance = freely_engraved(performance)
    else:
        performance = performance.played() if view == "played" else performance
        score = ml.engrave(performance)
    assert text_of(ml.read(score)) == text_of(performance)


def test_generated_music_comes_back_event_for_event(tmp_path):
    score = ml.load("piano").generate(seconds=8, seed=3)
    performance = ml.read(score)
    assert any(isinstance(event, ControlChange) for event in performance.events)
    again = ml.engrave(performance)
    assert ml.read(again) == performance
    assert ml.read(again.write("midi", tmp_path / "again.mid")).notes == performance.notes


def test_write_mid_and_notetext_give_the_events_back(tmp_path):
    performance = ml.read(DATA / "fur-elise.mid")
    score = ml.engrave(performance, title="Für Elise")
    for name, format in (("again.mid", "midi"), ("again.notetext", "notetext")):
        path = score.write(format, tmp_path / name)
        assert ml.read(path).events == performance.events
    assert (
        score.write("mid", tmp_path / "more.mid").read_bytes()
        == (tmp_path / "again.mid").read_bytes()
    )


def test_midi_of_other_streams_and_with_other_options_is_music21s(tmp_path):
    score = ml.engrave("notetext: rs_480 7_no_60_80 470_nf_60_64")
    ours = ml.read(score.write("midi", tmp_path / "ours.mid"))
    theirs = ml.read(score.write("midi", tmp_path / "theirs.mid", addEndDelay=True))
    assert [n.onset for n in ours.notes] == [7]
    assert [n.onset * 480 // theirs.resolution for n in theirs.notes] == [0]
    alone = stream.Stream([note.Note("E4")])
    assert [n.pitch for n in ml.read(alone.write("midi", tmp_path / "a.mid")).notes] == [64]


# --- as it is written ---------------------------------------------------------------------------


TEXT = (
    "notetext: rs_480 0_st_60_1000000 0_cc_0_64_127 7_no_60_33 475_nf_60_64 "
    "3_no_62_100 470_nf_62_64 0_cc_0_64_0"
)


def test_written_a_score_has_the_pages_time_and_the_pedal_of_its_marks():
    performance = ml.read(ml.engrave(TEXT), performed=False)
    assert [(n.onset, n.end) for n in performance.notes] == [(0, 480), (480, 960)]
    pedal = [
        (tick, event.value)
        for tick, event in zip(performance.ticks, performance.events, strict=True)
        if isinstance(event, ControlChange)
    ]
    assert pedal == [(0, 127), (480, 0)]
    assert [e.bpm for e in performance.events if isinstance(e, SetTempo)] == [60]


def test_written_the_dynamics_of_the_page_count_and_performed_the_velocities():
    score = ml.engrave("notetext: rs_480 0_no_60_33 480_nf_60_64")
    measure = score.parts[0].getElementsByClass(stream.Measure).first()
    measure.remove(list(measure.getElementsByClass(dynamics.Dynamic)))
    measure.insert(0, dynamics.Dynamic("ff"))
    assert [n.velocity for n in ml.read(score).notes] == [33]
    assert [n.velocity for n in ml.read(score, performed=False).notes] == [108]


def test_midi_and_notetext_are_written_as_written_on_request(tmp_path):
    score = ml.engrave(TEXT)
    for target in ("a.mid", "a.notetext"):
        ml.write(score, tmp_path / target, performed=False)
        assert [n.onset for n in ml.read(tmp_path / target).notes] == [0, 480]
        path = score.write(Path(target).suffix[1:], tmp_path / f"b{target}", performed=False)
        assert path.read_bytes() == (tmp_path / target).read_bytes()


def test_marks_that_the_page_adds_are_not_played_twice():
    score = ml.engrave(TEXT)
    performance = ml.read(score)
    upper = score.parts[0]
    measure = upper.getElementsByClass(stream.Measure).first()
    notes = list(upper.recurse().notes)
    notes[0].articulations.append(articulations.Staccato())
    notes[0].expressions.append(expressions.Fermata())
    measure.insert(0, expressions.TextExpression("Swing"))
    measure.insert(0, dynamics.Dynamic("ff"))
    upper.insert(0, dynamics.Crescendo(*notes))
    upper.insert(0, expressions.PedalMark(*notes))
    upper.insert(0, spanner.Slur(*notes))
    assert ml.read(score) == performance


# --- what the page shows otherwise ----------------------------------------------------------------


def ornamented():
    """A C whose trill stands for two more notes, after a grace note; as an engraver makes them."""
    performance = ml.read(
        "notetext: rs_480 3_no_59_40 40_nf_59_64 0_no_60_80 120_nf_60_64 0_no_62_70 100_nf_62_64 "
        "0_no_60_75 230_nf_60_64"
    )
    score = stream.Score()
    bar = stream.Measure(number=1)
    grace = note.Note("B3", type="eighth").getGrace()
    grace.editorial[TRACE_KEY] = PerformedTrace(0, 1, 3, 43, 64, False)
    trill = note.Note("C4", quarterLength=1)
    trill.expressions.append(expressions.Trill())
    trill.editorial[TRACE_KEY] = PerformedTrace(2, 3, 43, 163 - 480, 64, False)
    trill.volume.velocity, grace.volume.velocity = 80, 40
    trill.editorial[ORNAMENT_KEY] = (
        OrnamentNote(PerformedTrace(4, 5, 163, 263, 64, False), 2, 70),
        OrnamentNote(PerformedTrace(6, 7, 263, 493, 64, False), 0, 75),
    )
    bar.append([meter.TimeSignature("1/4"), grace, trill])
    score.insert(0, stream.PartStaff([bar]))
    score.insert(0, stream.PartStaff([stream.Measure([note.Rest()], number=1)]))
    remember_performance(score, performance)
    return score, performance, trill


def test_the_notes_of_an_ornament_and_graces_are_played_as_they_were():
    score, performance, _ = ornamented()
    assert not score.recurse().getElementsByClass(PerformanceEvent)
    assert text_of(ml.read(score)) == text_of(performance)


def test_an_ornament_goes_where_its_note_goes():
    score, performance, trill = ornamented()
    trill.pitch = pitch.Pitch("G4")
    assert [n.pitch for n in ml.read(score).notes] == [59, 67, 69, 67]
    trill.activeSite.remove(trill)
    assert [n.pitch for n in ml.read(score).notes] == [59]
    assert performance.notes[0].onset == 3


def test_a_note_that_the_page_does_not_show_is_played_all_the_same():
    performance = ml.read("notetext: rs_480 0_no_60_80 480_nf_60_64 5_no_64_50 9_nf_64_64")
    score = engrave(performance[:2])
    remember_performance(score, performance)
    assert ml.read(score) == performance


# --- played freely ----------------------------------------------------------------------------------


def quarters(count, resolution=480):
    events = []
    for index in range(count):
        events += [NoteOn(0, 60 + index % 12, 80), NoteOff(resolution, 60 + index % 12)]
    return Performance(resolution, events)


def test_a_moved_note_is_played_in_the_rubato_of_its_new_place():
    score, played = freely_engraved(quarters(16))
    onsets = [n.onset for n in played.notes]
    assert abs(onsets[9] - 9 * 500) > 500
    mover = next(iter(score.parts[0].recurse().notes))
    bar = mover.activeSite
    bar.remove(mover)
    third = score.parts[0].getElementsByClass(stream.Measure)[2]
    third.insert(1, mover)
    moved = [n for n in ml.read(score).notes if n.pitch == 60 and n.on is not None]
    assert onsets[9] in [n.onset for n in moved]


def test_an_added_note_is_played_with_those_beside_it():
    score, played = freely_engraved(quarters(16))
    bar = score.parts[1].getElementsByClass(stream.Measure)[1]
    bar.insert(2, note.Note("C2"))
    (added,) = [n for n in ml.read(score).notes if n.pitch == 36]
    beside = played.notes[6]
    assert (added.onset, added.end) == (beside.onset, beside.end)


def test_bars_that_are_cut_out_keep_their_rubato():
    score, played = freely_engraved(quarters(16))
    cut = ml.read(score.measures(2, 3))
    wanted = [n.onset - played.notes[4].onset for n in played.notes[4:12]]
    assert [n.onset for n in cut.notes] == wanted
    assert cut.resolution == played.resolution


def test_a_new_bar_moves_what_follows_by_the_time_of_a_bar():
    score, played = freely_engraved(quarters(16))
    for part in score.parts:
        for bar in part.getElementsByClass(stream.Measure)[2:]:
            part.setElementOffset(bar, bar.offset + 4)
        part.coreElementsChanged()
        part.insert(8, stream.Measure([note.Rest(quarterLength=4)], number=99))
    shifts = {
        after.onset - before.onset
        for before, after in zip(played.notes, ml.read(score).notes, strict=True)
    }
    assert len(shifts) == 2
    assert 0 in shifts
    assert 4 * 500 < max(shifts) < 4 * 900


def test_a_flattened_page_and_one_staff_alone_still_know_the_time():
    score, played = freely_engraved(quarters(16))
    assert ml.read(score.flatten()).events == played.events
    assert [n.onset for n in ml.read(score.parts[0]).notes] == [n.onset for n in played.notes]
    assert clock_of(score)
    assert not clock_of(ml.engrave(quarters(16)))


# --- what may be engraved ---------------------------------------------------------------------------


def test_a_stream_of_any_kind_is_engraved(tmp_path):
    performance = ml.read(DATA / "satie-gymnopedie-no1.mid")
    engraved, exact = ml.engrave(performance), ml.to_stream(performance, exact=True)
    for source in (
        engraved,
        exact,
        DATA / "satie-gymnopedie-no1.mid",
        text_of(performance).encode(),
    ):
        score = ml.engrave(source)
        assert len(score.parts) == 2
        assert ml.read(score) == performance
    assert len(ml.engrave(note.Note("C4")).recurse().notes) == 1


def test_an_engraved_stream_keeps_its_title_and_may_get_another():
    score = ml.engrave("notetext: rs_4 0_no_60_80 4_nf_60_64", title="Air", composer="A. Nonymous")
    again = ml.engrave(score)
    assert (again.metadata.bestTitle, again.metadata.composer) == ("Air", "A. Nonymous")
    assert ml.engrave(score, title="Song").metadata.bestTitle == "Song"


def test_options_reach_the_engraver_and_unknown_ones_are_refused():
    score = ml.engrave(quarters(6), time_signature="3/4", key="E- major")
    assert score.recurse().getElementsByClass(meter.TimeSignature).first().ratioString == "3/4"
    assert score.recurse().getElementsByClass(key.KeySignature).first().sharps == -3
    with pytest.raises(TypeError):
        ml.engrave(quarters(6), nonsense=1)


def test_a_hidden_tempo_of_the_performer_counts_and_a_new_mark_too():
    score = ml.engrave(TEXT)
    second = score.parts[0].getElementsByClass(stream.Measure).first()
    second.insert(1, tempo.MetronomeMark(number=90))
    tempi = [(t, e.bpm) for t, e in zip(ml.read(score).ticks, ml.read(score), strict=True)
             if isinstance(e, SetTempo)]  # fmt: skip
    assert tempi == [(0, 60), (480, 90)]


def test_one_key_struck_twice_while_it_sounds_gives_each_stroke_its_own_end():
    timed = [(0, NoteOn(0, 60, 80)), (240, NoteOn(0, 60, 70)), (480, NoteOn(0, 64, 70))]
    timed += [(2640, NoteOff(0, 60)), (3600, NoteOff(0, 60)), (4800, NoteOff(0, 64))]
    performance = Performance(480, with_deltas(timed))
    for view in (performance, performance.played()):
        assert ml.read(ml.engrave(view)).events == view.events


@pytest.mark.parametrize("played", [False, True])
def test_a_page_that_starts_before_its_performance_can_be_transposed_and_added_to(played):
    # The first note stands on the second beat, and is heard at once: the bar line is before it.
    notes = [(0, 340, 64, 80)]
    notes += [(480 * n - 125, 480 * n + 275, 60 + n % 5, 80) for n in range(1, 24)]
    performance = of_notes(notes).played() if played else of_notes(notes)
    beats = [(0.37 + 0.5 * n, (n + 2) % 4 + 1) for n in range(24)]
    page = ml.engrave(performance, beats=beats)
    assert clock_of(page)(0) < 0
    moved = ml.read(page.transpose(2))
    assert [n.pitch for n in moved.notes] == [n.pitch + 2 for n in performance.notes]
    measure = page.parts[0].getElementsByClass(stream.Measure).first()
    measure.insert(0, tempo.MetronomeMark(number=99))
    measure.insert(0, note.Note("C2"))
    added = ml.read(page)
    assert len(added.notes) == len(performance.notes) + 1
    assert added.notes[0].onset == 0


def test_what_comes_after_the_last_bar_makes_it_no_longer():
    notes = " ".join("0_no_60_80 480_nf_60_64" for _ in range(8))
    performance = performance_of(f"rs_480 0_ts_4_4 {notes} 0_cc_0_64_127 4800_cc_0_64_0")
    page = ml.engrave(performance)
    lengths = [m.quarterLength for m in page.parts[0].getElementsByClass(stream.Measure)]
    assert lengths == [4, 4]
    assert ml.read(page).events == performance.events
