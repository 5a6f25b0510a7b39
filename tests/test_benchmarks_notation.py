"""Laws of the measures by which pages are compared, and one piece from end to end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import corpus

import music21_lstm as ml
from benchmarks import notation
from benchmarks.notation.alignment import aligned
from benchmarks.notation.counters import counters
from benchmarks.notation.measures import measures
from benchmarks.notation.muster import errors, rhythm_cost
from benchmarks.notation.page import Bar, Note, Page, beats_of, performed_times
from benchmarks.notation.programs import make
from benchmarks.notation.reading import page_of_musicxml
from benchmarks.notation.truth import Piece, bars_between, match_piece, piano_piece
from music21_lstm.encoding import NoteOff, NoteOn, Performance, SetTempo, TimeSignature
from music21_lstm.encoding.midi import midi_bytes
from music21_lstm.encoding.performance import with_deltas

SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
FIFTHS = (0, 2, 4, -1, 1, 3, 5, 0)


def page_of(values, *, metre=(4, 4), shift=0, factor=1):
    """A scale in *values* (quarters), upper staff; played one note after the other."""
    notes, place = [], Fraction(0)
    for i, value in enumerate(values):
        pitch, name = 60 + SCALE[i % 8], FIFTHS[i % 8]
        notes.append(Note(place * factor, Fraction(value) * factor, pitch, name, True, i))
        place += Fraction(value)
    signatures = (
        [(Fraction(0), metre), (Fraction(shift), metre)] if shift else [(Fraction(0), metre)]
    )
    return Page(notes, bars_between(signatures, place * factor), [(Fraction(0), 0)])


def piece_of(values, **options):
    """The same scale, played at 120 quarters a minute."""
    page = page_of(values, **options)
    timed = []
    for note in page.notes:
        timed += [(int(note.onset * 480), NoteOn(0, note.pitch, 64))]
        timed += [(int((note.onset + note.value) * 480), NoteOff(0, note.pitch))]
    timed.sort(key=lambda entry: (entry[0], isinstance(entry[1], NoteOn)))
    return Piece("scale", Performance(480, with_deltas(timed)), page)


VALUES = st.lists(
    st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(3, 2), Fraction(2)]),
    min_size=6,
    max_size=40,
)


@given(VALUES)
@settings(max_examples=30, deadline=None)
def test_a_perfect_page_has_every_note_right_and_no_error(values):
    piece = piece_of(values)
    found = measures(piece, piece.truth)
    shares = ("beat", "downbeat", "position", "value", "hand", "spelling", "key", "metre")
    assert [found[name] for name in shares] == [1] * len(shares)
    assert found["muster"] == 0


def test_a_page_half_a_bar_late_has_its_beats_right_and_its_downbeats_wrong():
    piece = piece_of([1] * 32)
    late = Page(piece.truth.notes, page_of([1] * 32, shift=2).bars, piece.truth.keys)
    found = measures(piece, late)
    assert found["beat"] > 0.95
    assert found["downbeat"] == 0
    assert found["position"] == 0
    assert found["value"] == 1
    assert found["muster"] == 0


def test_a_page_at_double_values_is_wrong_in_values_and_right_but_for_a_factor():
    piece = piece_of([1, 1, 2, Fraction(1, 2), Fraction(1, 2), 1, 2] * 4)
    double = page_of([1, 1, 2, Fraction(1, 2), Fraction(1, 2), 1, 2] * 4, metre=(4, 2), factor=2)
    found = measures(piece, double)
    assert found["value"] == 0
    assert (found["value_x"], found["position_x"], found["beat"]) == (1, 1, 1)
    assert (found["muster_onset"], found["muster_offset"]) == (100 / 28, 0)


def test_twice_the_beats_cost_a_third_of_the_beat_measure():
    piece = piece_of([1] * 32)
    eighths = Page(piece.truth.notes, bars_between([(Fraction(0), (8, 8))], Fraction(32)), [])
    found = measures(piece, eighths)
    assert found["beat"] == pytest.approx(2 / 3, abs=0.01)
    assert found["downbeat"] == 1


def test_a_short_note_may_be_longer_with_a_dot_up_to_the_next_one_of_its_hand():
    piece = piece_of([Fraction(1, 2), 1, 1, 1])
    true = [piece.truth.notes[0]._replace(room=Fraction(1)), *piece.truth.notes[1:]]
    piece = Piece("scale", piece.performance, Page(true, piece.truth.bars, piece.truth.keys))

    def values_right(**changes):
        notes = [true[0]._replace(**changes), *true[1:]]
        return measures(piece, Page(notes, piece.truth.bars, []))["value"]

    assert values_right(value=Fraction(1), staccato=True) == 1
    assert values_right(value=Fraction(1), staccato=False) == 3 / 4
    assert values_right(value=Fraction(2), staccato=True) == 3 / 4


def test_a_note_on_the_wrong_staff_or_with_the_wrong_name_counts_once():
    piece = piece_of([1] * 16)
    notes = list(piece.truth.notes)
    notes[3] = notes[3]._replace(upper=False)
    notes[5] = notes[5]._replace(fifths=notes[5].fifths + 12)
    found = measures(piece, Page(notes, piece.truth.bars, piece.truth.keys))
    assert (found["hand"], found["spelling"]) == (15 / 16, 15 / 16)


def test_a_whole_page_in_the_enharmonic_key_is_spelled_right():
    piece = piece_of([1] * 16)
    notes = [note._replace(fifths=note.fifths - 12) for note in piece.truth.notes]
    assert measures(piece, Page(notes, piece.truth.bars, []))["spelling"] == 1


def test_a_note_left_out_is_missing_and_one_that_nobody_played_is_extra():
    true = piece_of([1] * 10).truth.notes
    assert errors(true, true[1:]).missing == 10
    assert errors(true, true[1:]).extra == 0
    added = [*true, Note(Fraction(3), Fraction(1), 90)]
    assert errors(true, added).extra == pytest.approx(100 / 11)


def test_a_wrong_value_is_an_error_of_the_end_and_not_of_the_onset():
    true = piece_of([1] * 10).truth.notes
    short = [true[0]._replace(value=Fraction(1, 2)), *true[1:]]
    found = errors(true, short)
    assert (found.onset, found.offset) == (0, 10)
    assert found.mean == 2


def test_notes_that_are_not_sure_are_not_judged():
    true = list(piece_of([1] * 10).truth.notes)
    wrong = [true[0]._replace(onset=Fraction(1, 3), value=Fraction(1, 7)), *true[1:]]
    true[0] = true[0]._replace(sure_onset=False, sure_value=False)
    assert errors(true, wrong).mean == 0


PLACES = st.lists(st.integers(1, 8), min_size=3, max_size=30).map(
    lambda steps: [Fraction(sum(steps[:i]), 4) for i in range(len(steps))]
)


@given(PLACES, st.sampled_from([Fraction(1, 2), Fraction(2), Fraction(3, 2), Fraction(4)]))
@settings(max_examples=40, deadline=None)
def test_a_rhythm_in_other_values_costs_one_change_of_scale_at_most(places, factor):
    cost, scale = rhythm_cost(places, [place * factor for place in places])
    assert cost <= 1
    assert cost == 0 or scale == 1 / factor


@given(PLACES, st.integers(1, 28), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_one_wrong_step_costs_at_most_one(places, where, by):
    shifted = [place + Fraction(by, 7) * (i >= where) for i, place in enumerate(places)]
    assert rhythm_cost(places, shifted)[0] == (1 if where < len(places) else 0)


def test_a_change_of_tempo_halfway_costs_one():
    true = [Fraction(i) for i in range(20)]
    found = [place if place < 10 else 10 + (place - 10) / 2 for place in true]
    assert rhythm_cost(true, found)[0] == 1


def test_three_eighths_are_three_beats_and_six_are_two():
    page = Page([], bars_between([(Fraction(0), (3, 8))], Fraction(3, 2)), [])
    assert len(beats_of(page)[0]) == 3
    page = Page([], bars_between([(Fraction(0), (6, 8))], Fraction(3)), [])
    assert [len(places) for places in beats_of(page)] == [2, 1]


def test_a_pick_up_has_beats_but_no_downbeat():
    bars = [
        Bar(Fraction(0), Fraction(1), (3, 4), Fraction(2)),
        Bar(Fraction(1), Fraction(3), (3, 4)),
    ]
    assert beats_of(Page([], bars, [])) == ([0, 1, 2, 3], [1])


def test_beats_without_notes_are_played_between_their_neighbours():
    page = page_of([1, 2, 1, 1])
    times = [0.0, 0.5, 1.7, 2.2]
    assert performed_times(page, times, [Fraction(2), Fraction(3)]) == pytest.approx([1.1, 1.7])


@given(st.lists(st.integers(60, 64), min_size=8, max_size=60), st.data())
@settings(max_examples=30, deadline=None)
def test_alignment_finds_the_notes_though_some_are_left_out(pitches, data):
    # A pitch of which nothing is left out, at either end, keeps the two sides together.
    pitches = [70, *pitches, 70]
    dropped = data.draw(st.sets(st.integers(1, len(pitches) - 2), max_size=2))
    kept = [i for i in range(len(pitches)) if i not in dropped]
    page = Page([Note(Fraction(i), Fraction(1), pitches[i]) for i in kept], [], [])
    found = aligned(page, pitches, [i * 0.5 for i in range(len(pitches))])
    assert [note.played for note in found.notes] == kept


@pytest.fixture(scope="module")
def chorale(tmp_path_factory):
    """A chorale with a tempo that swings by a quarter, as a file whose ticks are the score's."""
    score = ml.read(corpus.parse("bach/bwv66.6"), resolution=480)
    timed = [
        (tick, event)
        for tick, event in zip(score.ticks, score.events, strict=True)
        if not isinstance(event, SetTempo)
    ]
    for beat in range(int(timed[-1][0] / 480)):
        timed.append((beat * 480, SetTempo.from_mpqn(0, 600_000 + 75_000 * (beat % 8 - 4))))
    timed.sort(key=lambda entry: (entry[0], not isinstance(entry[1], SetTempo)))
    path = tmp_path_factory.mktemp("chorale") / "bwv66.mid"
    path.write_bytes(midi_bytes(Performance(480, with_deltas(timed))))
    return path


def test_what_programs_get_tells_neither_metre_nor_key_nor_tempo(chorale):
    piece = piano_piece(chorale)
    kinds = {type(event).__name__ for event in piece.performance.events}
    assert kinds == {"SetTempo", "NoteOn", "NoteOff"}
    assert sum(isinstance(event, SetTempo) for event in piece.performance.events) == 1
    score = ml.read(chorale)
    times = [score.times[note.on] for note in score.notes]
    assert piece.times() == pytest.approx(times, abs=0.0016)


def test_the_true_beats_of_a_file_are_those_of_its_tempo_map(chorale):
    piece = piano_piece(chorale)
    beats, downbeats = piece.beats
    steps = [b - a for a, b in pairwise(beats)]
    assert steps[0] == pytest.approx(0.3)
    assert steps[4] == pytest.approx(0.6)
    assert set(downbeats) < set(beats)
    page, truth = measures(piece, piece.truth), piece.truth
    assert page["beat"] == 1
    assert page["muster"] == 0
    assert truth.bars[0].shift == 3


def test_musicxml_read_and_aligned_is_the_page_that_the_traces_tell(chorale, tmp_path):
    piece = piano_piece(chorale)
    made = make("music21-lstm", piece, tmp_path)
    pitches = [note.pitch for note in piece.performance.notes]
    read = aligned(page_of_musicxml(made.file), pitches, piece.times())
    assert len(made.page.notes) == len(piece.performance.notes)
    # Voices in unison are one place and pitch; which of the two notes is which, only a trace tells.
    told = Counter(n[:5] for n in made.page.notes)
    found = Counter(n[:5] for n in read.notes)
    assert found == told
    onsets = {n.played: (n.onset, n.pitch) for n in made.page.notes}
    assert {n.played: (n.onset, n.pitch) for n in read.notes} == onsets
    assert read.bars == made.page.bars
    counted = counters(made.file)
    assert counted["overlaps"] == counted["gaps"] == 0
    assert 1 <= counted["voices"] <= 2


MATCH = """info(matchFileVersion,1.0.0).
scoreprop(keySignature,Fm,0:1,0,-1.0000).
scoreprop(timeSignature,3/4,0:1,0,-1.0000).
snote(n1,[E,b],4,0:1,0,1/4,-1.0000,0.0000,[v1,staff1])-note(n1,63,960,1400,60,0,0).
snote(n2,[A,b],4,1:1,0,1/2,0.0000,2.0000,[v1,staff1])-note(n0,68,1450,2500,60,0,0).
snote(n3,[C,n],5,1:3,0,0,2.0000,2.0000,[v1,staff1,grace])-note(n3,72,2500,2600,60,0,0).
snote(n4,[D,b],3,1:3,0,1/4,2.0000,3.0000,[v5,staff2])-deletion.
insertion-note(n9,40,3000,3100,1,0,0).
sustain(1000,127).
"""


def test_a_match_file_is_read_note_for_note(tmp_path):
    path = tmp_path / "x.match"
    path.write_text(MATCH)
    piece = match_piece(path)
    first, second, grace, lower = sorted(piece.truth.notes, key=lambda n: (n.onset, -n.pitch))
    assert (first.onset, first.pitch, first.fifths, first.played) == (0, 63, -3, 0)
    assert (second.onset, second.value, second.upper) == (1, 2, True)
    assert (grace.value, grace.sure_onset) == (0, False)
    assert (lower.pitch, lower.upper, lower.played) == (49, False, None)
    assert piece.truth.keys == [(0, -4)]
    assert [bar.shift for bar in piece.truth.bars] == [2, 0]
    assert [note.pitch for note in piece.performance.notes] == [63, 68, 72, 40]


def test_the_command_prints_a_line_a_program_and_writes_the_rows(
    chorale, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(
        notation, "sources", lambda data, only: [chorale] if only == "piano" else []
    )
    rows = tmp_path / "rows.json"
    words = ["-m", "notation", str(tmp_path), "--json", str(rows), "--work", str(tmp_path / "work")]
    monkeypatch.setattr(sys, "argv", words)
    notation.main()
    out = capsys.readouterr().out
    assert "music21-lstm    1/1" in out
    assert "vienna: no pieces" in out
    (row,) = json.loads(rows.read_text())
    assert row["muster_missing"] == row["muster_extra"] == 0
    assert 0 <= row["beat"] <= 1


def test_a_program_that_fails_is_counted_and_said(chorale, tmp_path, monkeypatch):
    from benchmarks.notation import programs

    monkeypatch.setattr(programs, "_MUSIC21", "raise SystemExit('no such thing')")
    rows = list(notation.compare([chorale], ["music21"], tmp_path))
    assert rows == [{"program": "music21", "piece": "bwv66", "failed": "no such thing"}]
    assert "   0/1" in notation.table(rows)


def test_a_time_signature_that_changes_cuts_the_bar_before_short():
    signatures = [(Fraction(0), (4, 4)), (Fraction(6), (3, 4))]
    bars = bars_between(signatures, Fraction(12))
    assert [(bar.start, bar.length) for bar in bars] == [(0, 4), (4, 2), (6, 3), (9, 3)]
    assert TimeSignature(0, 4, 4).numerator == 4
