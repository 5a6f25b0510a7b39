"""Lead sheets: a melody with chord symbols over it."""

from __future__ import annotations

from music21 import converter, harmony

from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.notation import engrave

from .musicxml_checks import read_musicxml, schema_errors
from .test_notation_score import musicxml, of_chorale

TUNE = (76, 79, 77, 74, 79, 77, 74, 71, 72, 76, 79, 84)


def song(*chords):
    """A tune in quarters over chords of a bar each."""
    timed = []
    for index, chord in enumerate(chords):
        for pitch in chord:
            timed.append((1920 * index, 2, NoteOn(0, pitch, 60)))
            timed.append((1920 * index + 1900, 1, NoteOff(0, pitch)))
        for beat in range(4):
            pitch = TUNE[(4 * index + beat) % len(TUNE)]
            tick = 1920 * index + 480 * beat
            timed.append((tick, 2, NoteOn(0, pitch, 90)))
            timed.append((tick + 480, 1, NoteOff(0, pitch)))
    timed.sort(key=lambda entry: entry[:2])
    return Performance(480, with_deltas((tick, event) for tick, _, event in timed))


DM7, G7, C, C_E = (50, 60, 65, 69), (43, 59, 62, 65), (48, 55, 60, 64), (52, 55, 60, 67)


def figures(page):
    found = page.recurse().getElementsByClass(harmony.ChordSymbol)
    return [(c.measureNumber, c.offset, c.figure) for c in found]


def test_the_chords_under_a_tune_are_named_where_they_change():
    page = engrave(song(DM7, G7, C, C), key="C", lead_sheet=True)
    assert figures(page) == [(1, 0.0, "Dm7"), (2, 0.0, "G7"), (3, 0.0, "C")]


def test_a_bass_that_is_not_the_root_is_written_after_a_stroke():
    page = engrave(song(C, C_E), key="C", lead_sheet=True)
    assert figures(page) == [(1, 0.0, "C"), (2, 0.0, "C/E")]


def test_chords_are_named_as_the_key_has_them():
    page = engrave(song((46, 58, 62, 65), (51, 58, 63, 67)), key="B- major", lead_sheet=True)
    assert [figure for *_, figure in figures(page)] == ["B-", "E-"]


def test_the_melody_stands_alone_on_one_staff():
    page = engrave(song(DM7, G7, C), lead_sheet=True)
    (part,) = page.parts
    notes = [n for n in part.recurse().notes if not isinstance(n, harmony.ChordSymbol)]
    assert [n.pitch.midi for n in notes] == list(TUNE)


def test_a_chorale_s_lead_sheet_is_its_soprano():
    source, performance = of_chorale("bach/bwv66.6")
    page = engrave(performance, lead_sheet=True)
    soprano = [n.pitch.midi for n in source.parts[0].stripTies().flatten().notes]
    melody = page.parts[0].stripTies().flatten().getElementsByClass("Note")
    assert [n.pitch.midi for n in melody] == soprano


def test_a_lead_sheet_is_valid_musicxml_and_is_read_again(tmp_path):
    page = engrave(song(DM7, G7, C, C_E), lead_sheet=True, title="Tune")
    text = musicxml(page, make_notation=False)
    assert schema_errors(text) == []
    assert len(read_musicxml(text).findall(".//harmony")) == len(figures(page))
    path = page.write("musicxml", fp=tmp_path / "tune.musicxml", makeNotation=False)
    assert [f for *_, f in figures(converter.parse(path, forceSource=True))] == [
        f for *_, f in figures(page)
    ]


def test_no_notes_are_an_empty_lead_sheet():
    page = engrave(Performance(480, []), lead_sheet=True)
    assert figures(page) == []
    assert schema_errors(musicxml(page, make_notation=False)) == []
