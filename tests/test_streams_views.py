"""A performance as a Stream and back, in both views, untouched and edited."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import given, settings
from music21 import converter, duration, meter, note, pitch, stream, tempo

from music21_lstm.encoding import KeySignature
from music21_lstm.encoding.midi import read_midi
from music21_lstm.encoding.notetext import performance_of, text_of
from music21_lstm.streams.decode import engraved_stream, exact_stream
from music21_lstm.streams.elements import PerformanceEvent
from music21_lstm.streams.encode import performance_of_stream
from music21_lstm.streams.quick import Quarters, quick_pitch

from .strategies import performances, short_performances

DATA = Path(__file__).parent / "data"
TUNE = "rs_480\n0_no_60_80\n470_nf_60_33\n10_no_62_70\n3_cc_0_64_127\n480_no_62_0\n"


@given(performances)
@settings(max_examples=60)
def test_the_exact_view_gives_every_event_back(performance):
    again = performance_of_stream(exact_stream(performance))
    assert again == performance
    assert text_of(again) == text_of(performance)


@given(short_performances)
@settings(max_examples=40)
def test_the_engraved_view_gives_every_event_back(performance):
    again = performance_of_stream(engraved_stream(performance))
    assert again == performance
    assert text_of(again) == text_of(performance)


@pytest.mark.parametrize("view", [exact_stream, engraved_stream])
@pytest.mark.parametrize("name", ["fur-elise", "satie-gymnopedie-no1", "maple-leaf-rag"])
def test_real_music_comes_back_event_for_event(name, view):
    performance = read_midi(DATA / f"{name}.mid")
    assert text_of(performance_of_stream(view(performance))) == text_of(performance)


@pytest.mark.parametrize("view", [exact_stream, engraved_stream])
def test_copies_and_pickles_still_know_the_performance(view, tmp_path):
    performance = performance_of(TUNE)
    score = view(performance)
    assert performance_of_stream(copy.deepcopy(score)) == performance
    frozen = converter.freeze(score, fp=tmp_path / "score.p")
    assert performance_of_stream(converter.thaw(frozen)) == performance
    assert performance_of_stream(score.flatten()) == performance
    assert performance_of_stream(score.parts[0].__deepcopy__())[:1] == performance[:1]


def test_the_exact_view_places_notes_to_the_tick():
    score = exact_stream(performance_of("rs_480 7_no_60_80 161_nf_60_64"))
    (only,) = score.recurse().notes
    assert only.offset * 480 == 7
    assert only.quarterLength * 480 == 161
    assert only.volume.velocity == 80


@pytest.mark.parametrize("view", [exact_stream, engraved_stream])
def test_a_transposed_note_is_written_as_it_now_is(view):
    score = view(performance_of(TUNE))
    first = next(iter(score.recurse().notes))
    first.pitch = pitch.Pitch("G4")
    first.volume.velocity = 99
    text = text_of(performance_of_stream(score))
    assert text == TUNE.replace("0_no_60_80", "0_no_67_99").replace("470_nf_60_33", "470_nf_67_33")


@pytest.mark.parametrize("view", [exact_stream, engraved_stream])
def test_a_transposed_score_is_a_transposed_performance(view):
    performance = performance_of(TUNE)
    moved = view(performance).transpose(5)
    again = performance_of_stream(moved)
    # A page has a key; transposed, it says so.
    events = [e for e in again.events if not isinstance(e, KeySignature)]
    assert events == list(performance.transposed(5).events)


@pytest.mark.parametrize("view", [exact_stream, engraved_stream])
def test_a_deleted_note_is_gone_and_all_else_keeps_its_time(view):
    score = view(performance_of(TUNE))
    gone = next(iter(score.recurse().notes))
    gone.activeSite.remove(gone)
    text = text_of(performance_of_stream(score))
    assert text == "rs_480\n480_no_62_70\n3_cc_0_64_127\n480_no_62_0\n"


def test_a_moved_or_lengthened_note_keeps_its_own_timing_at_its_new_place():
    score = engraved_stream(
        performance_of(
            "rs_480 0_no_60_80 470_nf_60_64 10_no_62_80 470_nf_62_64 10_no_64_80 470_nf_64_64 "
            "14_no_65_80 466_nf_65_64"
        )
    )
    first, _, _, last = score.recurse().notes
    assert (first.offset, first.quarterLength, last.offset) == (0, 1, 3)
    first.duration = duration.Duration(3)
    last.activeSite.setElementOffset(last, 2)
    notes = {n.pitch: (n.onset, n.end) for n in performance_of_stream(score).notes}
    assert notes[60] == (0, 1430)
    assert notes[65] == (964, 1430)


def test_an_added_note_is_written_among_the_others():
    score = exact_stream(performance_of(TUNE))
    score.parts[0].insert(0.5, note.Note("E5", quarterLength=0.25))
    assert "240_no_76_90\n120_nf_76_64\n" in text_of(performance_of_stream(score))


@pytest.mark.parametrize("view", [exact_stream, engraved_stream])
def test_an_edited_tempo_counts_and_an_untouched_one_keeps_its_microseconds(view):
    text = "rs_480\n0_st_119_502513\n0_no_60_80\n480_nf_60_64\n"
    score = view(performance_of(text))
    assert text_of(performance_of_stream(score)) == text
    (mark,) = score.recurse().getElementsByClass(tempo.MetronomeMark)
    mark.number, mark.numberSounding = 60, None
    assert text_of(performance_of_stream(score)) == text.replace("119_502513", "60_1000000")


def test_control_changes_ride_along_and_can_be_taken_out():
    score = exact_stream(performance_of(TUNE))
    (pedal,) = score.recurse().getElementsByClass(PerformanceEvent)
    score.parts[0].remove(pedal)
    assert "cc" not in text_of(performance_of_stream(score))


def test_the_metre_of_the_page_is_not_written_unless_it_was_there():
    score = engraved_stream(performance_of(TUNE))
    assert score.recurse().getElementsByClass(meter.TimeSignature).first().ratioString == "4/4"
    assert "_ts_" not in text_of(performance_of_stream(score))
    for signature in score.recurse().getElementsByClass(meter.TimeSignature):
        signature.ratioString = "3/4"
    assert "0_ts_3_4" in text_of(performance_of_stream(score))


def test_measures_cut_out_of_a_score_keep_their_human_timing():
    performance = read_midi(DATA / "satie-gymnopedie-no1.mid")
    cut = performance_of_stream(engraved_stream(performance).measures(2, 3))
    assert cut.resolution == performance.resolution
    velocities = {n.velocity for n in performance.notes}
    assert cut.notes
    assert {n.velocity for n in cut.notes} <= velocities


def test_quick_objects_are_those_that_music21_makes():
    for midi in range(128):
        quick, slow = quick_pitch(midi), pitch.Pitch(midi=midi)
        assert (quick, quick.nameWithOctave) == (slow, slow.nameWithOctave)
        assert quick.spellingIsInferred == slow.spellingIsInferred
    quarters = Quarters(480)
    for ticks in (0, 1, 160, 240, 479, 480, 7 * 480 + 13):
        quick, slow = quarters.duration(ticks), duration.Duration(quarters[ticks])
        state = {name: value for name, value in quick.__getstate__().items() if name != "client"}
        assert state == {n: v for n, v in slow.__getstate__().items() if n != "client"}
        assert quick.quarterLength == slow.quarterLength
        assert [c.type for c in quick.components] == [c.type for c in slow.components]


def test_a_thousand_pianists_edit_makes_no_stuck_note():
    score = exact_stream(read_midi(DATA / "maple-leaf-rag.mid"))
    for index, one in enumerate(list(score.recurse().notes)):
        if index % 3 == 0:
            one.duration.quarterLength = 0
        elif index % 3 == 1:
            one.activeSite.remove(one)
    performance = performance_of_stream(score)
    assert performance.notes
    assert all(n.off is not None and n.end >= n.onset for n in performance.notes)


def test_two_scores_joined_in_one_stream_are_both_encoded():
    both = stream.Score()
    for offset in (0, 4):
        both.insert(offset, exact_stream(performance_of(TUNE)).parts[0])
    assert [n.onset for n in performance_of_stream(both).notes] == [0, 480, 1920, 2400]
