"""The page as a whole: names, lines of bars, clefs inside bars, and what other programs read."""

from __future__ import annotations

from itertools import pairwise

from music21 import clef, layout, stream

from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.notation import engrave

from .musicxml_checks import read_musicxml, schema_errors
from .test_notation_score import musicxml, of_chorale, performed


def test_title_composer_and_program_are_in_the_file():
    page = engrave(of_chorale("bach/bwv66.6")[1], title="T", composer="C", generated_by="preset p")
    root = read_musicxml(musicxml(page, make_notation=False))
    assert root.findtext(".//movement-title") == "T"
    assert root.findtext(".//creator[@type='composer']") == "C"
    assert "music21-lstm, preset p" in [s.text for s in root.iter("software")]


def breaks(page):
    measures = page.parts[0].getElementsByClass(stream.Measure)
    return [m.number for m in measures if m.getElementsByClass(layout.SystemLayout)]


def test_plain_bars_stand_four_to_six_in_a_line_and_dense_ones_fewer():
    plain = breaks(engrave(performed([(72, 1)] * 96)))
    assert all(4 <= b - a <= 6 for a, b in pairwise(plain))
    quick = performed([(72 + i % 7, 0.25) for i in range(16 * 24)])
    dense = breaks(engrave(quick))
    assert all(1 < b - a < 4 for a, b in pairwise(dense))


def test_a_staff_that_leaps_for_long_within_a_bar_changes_its_clef_there():
    low, high = [(36, 0.5), (40, 0.5)], [(79, 0.25), (84, 0.25), (88, 0.25), (84, 0.25)]
    bar = low * 2 + high * 2
    page = engrave(performed([(96, 4)] * 8, bar * 8))
    part = page.parts[1]
    inside = [c for c in part.recurse().getElementsByClass(clef.Clef) if c.offset > 0]
    assert inside
    assert all(c.offset == int(c.offset) for c in inside)
    assert schema_errors(musicxml(page, make_notation=False)) == []


def test_a_wide_page_keeps_all_but_few_notes_near_the_staff():
    events = []
    for step in range(160):
        for pitch in (24 + step % 80,):
            events += [NoteOn(0, pitch, 70), NoteOff(240, pitch)]
    page = engrave(Performance(480, events))
    assert schema_errors(musicxml(page, make_notation=False)) == []
    assert {n.pitch.midi for n in page.recurse().notes} == {24 + i for i in range(80)}
