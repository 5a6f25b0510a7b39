"""MusicXML of engraved scores: valid, the notes that music21 would write, and edits in it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import verovio
from hypothesis import given, settings
from music21 import (
    articulations,
    chord,
    clef,
    converter,
    corpus,
    dynamics,
    expressions,
    harmony,
    key,
    layout,
    note,
    pitch,
    spanner,
    stream,
    tempo,
)
from music21.musicxml.m21ToXml import GeneralObjectExporter

import music21_lstm as ml
from benchmarks import page_checks
from music21_lstm.encoding import NoteOff, NoteOn, Performance, TimeSignature
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.notation import engrave
from music21_lstm.streams.musicxml import engraved_bytes, musicxml_bytes

from .musicxml_checks import page_of, read_musicxml, schema_errors
from .strategies import messy_performances

DATA = Path(__file__).parent / "data"
PIECES = ["fur-elise", "satie-gymnopedie-no1", "maple-leaf-rag"]
SCALE = "notetext: rs_4 " + " ".join(f"0_no_{p}_80 4_nf_{p}_64" for p in (60, 62, 64, 65) * 4)


def engraved(name="satie-gymnopedie-no1", **options):
    return ml.engrave(DATA / f"{name}.mid", **options)


def scale():
    return ml.engrave(SCALE, key="C major")


def as_music21_writes(score):
    exporter = GeneralObjectExporter(score)
    exporter.makeNotation = False
    return read_musicxml(exporter.parse())


def is_straight(root):
    """Whether this package wrote it: music21 puts a comment before each measure."""
    return not any("Measure" in (c.text or "") for c in root.iter() if not isinstance(c.tag, str))


def written(score):
    root = read_musicxml(musicxml_bytes(score))
    assert schema_errors(musicxml_bytes(score)) == []
    assert is_straight(root)
    return root


def verovio_says(document):
    """What verovio complains of when it reads *document*, which it must."""
    verovio.enableLog(verovio.LOG_WARNING)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(document.decode())
    return toolkit.getLog()


def plain(element):
    """A note as nested text, without what the two exporters say otherwise."""
    left_out = {"dynamics", "print-spacing"}
    attributes = sorted((k, v) for k, v in element.attrib.items() if k not in left_out)
    children = [plain(child) for child in element if isinstance(child.tag, str)]
    return element.tag, attributes, (element.text or "").strip(), children


def notes_in(root):
    """The notes, without their voices: music21 numbers those anew where a bar needs but one."""
    for parent in root.iter("note"):
        parent.remove(parent.find("voice"))
    return [plain(n) for n in root.iter("note") if n.find("rest[@measure]") is None]


def again(score, tmp_path):
    path = tmp_path / "again.musicxml"
    ml.write(score, path)
    return converter.parse(path, forceSource=True, storePickle=False)


def sounding(source):
    performance = ml.read(source, resolution=10080, performed=False)
    return sorted((n.onset, n.pitch, n.end) for n in performance.notes)


@pytest.mark.parametrize("name", PIECES)
def test_every_note_is_written_as_music21_writes_it(name):
    score = engraved(name)
    ours, theirs = notes_in(written(score)), notes_in(as_music21_writes(score))
    assert len(ours) > 200
    assert ours == theirs


@pytest.mark.parametrize("name", PIECES)
def test_a_real_piece_is_valid_whole_and_read_again_with_the_same_notes(name, tmp_path):
    score = engraved(name)
    assert page_of(written(score)).faults == []
    assert sounding(again(score, tmp_path)) == sounding(score)


@given(messy_performances())
@settings(max_examples=30, deadline=None)
def test_any_performance_is_written_straight_and_valid(performance):
    written(ml.engrave(performance))


@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize(
    "options", [{}, {"lead_sheet": True}, {"key": "b-", "title": "Für E. <&>"}]
)
def test_writing_a_performance_gives_the_bytes_of_its_score(name, options, tmp_path):
    performance = ml.read(DATA / f"{name}.mid")
    for source in (performance, performance.played()):
        ml.write(source, tmp_path / "page.musicxml", **options)
        score = engrave(source, **options)
        assert (tmp_path / "page.musicxml").read_bytes() == musicxml_bytes(score, engraved=True)


@given(messy_performances())
@settings(max_examples=30, deadline=None)
def test_writing_any_performance_gives_the_bytes_of_its_score(performance):
    score = engrave(performance)
    assert engraved_bytes(performance) == musicxml_bytes(score, engraved=True)


def test_verovio_lays_a_real_piece_out_without_a_word():
    verovio.enableLog(verovio.LOG_WARNING)
    toolkit = verovio.toolkit()
    assert toolkit.loadData(musicxml_bytes(engraved("maple-leaf-rag")).decode())
    assert toolkit.getPageCount() > 1
    assert "<svg" in toolkit.renderToSVG(1)
    assert toolkit.getLog() == ""


def test_voices_keep_their_numbers_from_the_first_bar_to_the_last():
    root = written(ml.engrave(corpus.parse("bach/bwv66.6")))
    voices = {(n.findtext("staff"), n.findtext("voice")) for n in root.iter("note")}
    assert voices == {("1", "1"), ("1", "2"), ("2", "5"), ("2", "6")}


def test_the_same_score_makes_the_same_bytes():
    assert musicxml_bytes(engraved()) == musicxml_bytes(engraved())


def test_the_title_the_composer_and_the_instrument_stand_in_the_head():
    root = written(engraved(title="Une & deux", composer="Satie"))
    assert root.findtext("movement-title") == "Une & deux"
    assert root.findtext("identification/creator") == "Satie"
    assert root.findtext("part-list/score-part/part-name") == "Piano"
    assert root.find("part").get("id") == root.find("part-list/score-part").get("id") == "P1"


def decorated():
    """A scale with all that a page may hold, put in as a user would."""
    score = scale()
    upper, lower = score.parts
    notes = list(upper.recurse().notes)
    first = upper.getElementsByClass(stream.Measure).first()
    notes[0].expressions.append(expressions.Trill())
    notes[1].articulations += [articulations.Staccato(), articulations.Fingering(3)]
    notes[2].expressions.append(expressions.Fermata())
    notes[3].lyric = "la"
    upper.insert(0, spanner.Slur(notes[0], notes[3]))
    upper.insert(0, spanner.Slur(notes[1], notes[5]))
    upper.insert(0, dynamics.Crescendo(notes[4], notes[7]))
    upper.insert(0, spanner.Ottava(notes[8], notes[9], type="8va", transposing=False))
    pedal = expressions.PedalMark(notes[4], notes[7])
    pedal.pedalForm = expressions.PedalForm.Line
    upper.insert(0, pedal)
    for offset, mark in (
        (0, dynamics.Dynamic("mf")),
        (0, tempo.MetronomeMark("Andante", 76)),
        (0.5, expressions.TextExpression("dolce & lento")),
        (1, harmony.ChordSymbol("Am7")),
        (2, expressions.RehearsalMark("A")),
        (1.5, clef.BassClef()),
    ):
        first.insert(offset, mark)
    grace = note.Note("B4", type="eighth").getGrace()
    first.insert(1, grace)
    rolled = chord.Chord("C3 E3 G3")
    rolled.expressions.append(expressions.ArpeggioMark())
    bar = lower.getElementsByClass(stream.Measure)[1]
    bar.remove(next(iter(bar.notesAndRests)))
    for offset in (0, 1, 2, 3):
        bar.insert(offset, note.Rest() if offset else rolled)
    return score


def test_all_that_a_page_may_hold_is_written_and_read_again(tmp_path):
    root = written(decorated())
    tags = {element.tag for element in root.iter() if isinstance(element.tag, str)}
    assert tags >= set(
        "trill-mark staccato fingering fermata lyric slur wedge octave-shift pedal dynamics metronome"
        " words harmony rehearsal grace arpeggiate".split()
    )
    numbers = [s.get("number") for s in root.iter("slur")]
    assert sorted(numbers) == ["1", "1", "2", "2"]
    read = again(decorated(), tmp_path)
    flat = read.flatten()
    assert [d.value for d in flat.getElementsByClass(dynamics.Dynamic)] == ["mf"]
    assert [h.figure for h in flat.getElementsByClass(harmony.ChordSymbol)] == ["Am7"]
    texts = {t.content: t.offset for t in flat.getElementsByClass(expressions.TextExpression)}
    assert texts["dolce & lento"] == 0.5
    assert [c.offset for c in flat.getElementsByClass(clef.BassClef)] == [0, 1.5]
    assert len(flat.getElementsByClass(spanner.Slur)) == 2
    assert sum(n.duration.isGrace for n in flat.notes) == 1


def test_the_word_of_a_tempo_stands_before_its_number():
    score = scale()
    measure = score.parts[0].getElementsByClass(stream.Measure).first()
    measure.remove(list(measure.getElementsByClass(tempo.MetronomeMark)))
    measure.insert(0, tempo.MetronomeMark("Andante", 76))
    direction = written(score).find(".//metronome/../..")
    kinds = [kind[0].tag for kind in direction.findall("direction-type")]
    assert kinds == ["words", "metronome"]
    assert direction.find("sound").get("tempo") == "76"


def test_an_edited_note_gets_the_accidental_that_it_needs():
    score = scale()
    notes = list(score.recurse().notes)
    notes[1].pitch = pitch.Pitch("F#4")
    notes[3].pitch = pitch.Pitch("F4")
    found = [n.findtext("accidental") for n in written(score).iter("note")][:4]
    assert found == [None, "sharp", None, "natural"]


def test_a_spanner_that_lost_its_note_is_left_out():
    score = scale()
    notes = list(score.recurse().notes)
    score.parts[0].insert(0, spanner.Slur(notes[0], notes[2]))
    notes[2].activeSite.replace(notes[2], note.Note("A4"))
    assert written(score).find(".//slur") is None


def test_sixteen_slurs_at_once_have_sixteen_numbers():
    score = scale()
    notes = list(score.recurse().notes)
    for _ in range(16):
        score.parts[0].insert(0, spanner.Slur(notes[0], notes[-1]))
    starts = [s.get("number") for s in written(score).iter("slur") if s.get("type") == "start"]
    assert sorted(map(int, starts)) == list(range(1, 17))


def test_what_does_not_fit_its_bar_goes_to_music21_and_keeps_its_notes(tmp_path):
    score = scale()
    measure = score.parts[0].getElementsByClass(stream.Measure).first()
    measure.insert(0.5, note.Note("C6", quarterLength=2))
    assert not is_straight(read_musicxml(musicxml_bytes(score)))
    assert schema_errors(musicxml_bytes(score)) == []
    assert 84 in {n.pitch for n in ml.read(again(score, tmp_path)).notes}


def test_a_score_that_was_not_engraved_is_written_by_music21(tmp_path):
    chorale = corpus.parse("bach/bwv66.6")
    assert sounding(again(chorale, tmp_path)) == sounding(chorale)
    assert not is_straight(read_musicxml(musicxml_bytes(chorale)))


def test_write_musicxml_takes_the_straight_way_and_make_notation_music21s(tmp_path):
    score = scale()
    path = score.write("musicxml", tmp_path / "page.musicxml")
    assert path.read_bytes() == musicxml_bytes(score)
    assert score.write("musicxml", tmp_path / "page") == tmp_path / "page.musicxml"
    path = score.write("musicxml", tmp_path / "slow.musicxml", makeNotation=True)
    assert not is_straight(read_musicxml(path))
    temporary = score.write("musicxml")
    assert temporary.read_bytes() == musicxml_bytes(score)
    temporary.unlink()


def test_a_pick_up_of_no_single_value_in_which_a_hand_is_silent_is_read_again(tmp_path):
    """A rest of five sixteenths for the whole bar would be read as one of three quarters."""
    tune = [(480 * q, 480, pitch) for q, pitch in enumerate((72, 74, 76) * 8)]
    low = [(1440 * bar, 1440, 48) for bar in range(8)]
    timed = [(0, 0, TimeSignature(0, 5, 16)), (600, 0, TimeSignature(0, 3, 4))]
    for start, length, midi in [(-600, 600, 79), *tune, *low]:
        timed.append((600 + start, 2, NoteOn(0, midi, 80)))
        timed.append((600 + start + length, 1, NoteOff(0, midi)))
    timed.sort(key=lambda entry: entry[:2])
    score = ml.engrave(Performance(480, with_deltas((tick, e) for tick, _, e in timed)))
    assert [p.getElementsByClass("Measure")[0].quarterLength for p in score.parts] == [1.25, 1.25]
    assert sounding(again(score, tmp_path)) == sounding(score)


def test_a_compressed_score_is_the_same_score(tmp_path):
    score = scale()
    path = score.write("mxl", tmp_path / "page.mxl")
    with zipfile.ZipFile(path) as archive:
        assert archive.read("score.musicxml") == musicxml_bytes(score)
    assert sounding(converter.parse(path, forceSource=True, storePickle=False)) == sounding(score)
    ml.write(score, tmp_path / "same.mxl")
    assert (tmp_path / "same.mxl").read_bytes() == path.read_bytes()


def test_a_transposed_score_is_valid_and_read_again_with_the_same_notes(tmp_path):
    moved = engraved().transpose(3)
    assert schema_errors(musicxml_bytes(moved)) == []
    assert sounding(again(moved, tmp_path)) == sounding(moved)
    assert moved.recurse().getElementsByClass(key.KeySignature).first().sharps != 2


@pytest.mark.parametrize("hidden", [True, False])
def test_what_stands_beside_the_voices_goes_with_one_that_is_seen(hidden):
    rest = note.Rest(quarterLength=4)
    rest.style.hideObjectOnPrint = hidden
    measure = stream.Measure(number=1)
    measure.insert(0, stream.Voice([rest], id="1"))
    measure.insert(0, stream.Voice([note.Note("C7", quarterLength=4)], id="2"))
    start, end = spanner.SpannerAnchor(), spanner.SpannerAnchor()
    measure.insert(0, start)
    measure.insert(4, end)
    part = stream.PartStaff([measure])
    part.id = "staff"
    part.insert(0, spanner.Ottava(start, end, type="8va", transposing=False))
    document = musicxml_bytes(stream.Score([part]), engraved=True)
    kinds = []
    for one in read_musicxml(document).find("part/measure"):
        line = one.find(".//octave-shift")
        kinds.append(one.findtext("voice") if line is None else line.get("type"))
    assert [kind for kind in kinds if kind] == (
        ["1", "down", "2", "stop"] if hidden else ["down", "1", "stop", "2"]
    )
    assert verovio_says(document) == ""


def test_one_pitch_twice_is_tied_with_one_arc_under_a_sign_too():
    # Two keys of one pitch (two hands' tracks), over a bar line: the second head is hidden.
    two = "notetext: rs_4 12_no_60_80 0_no_60_70 8_nf_60_64 0_nf_60_64"
    score = ml.engrave(two, key="C major")
    struck = next(iter(score.recurse().getElementsByClass(chord.Chord)))
    struck.expressions.append(expressions.Trill())
    document = musicxml_bytes(score)
    root = read_musicxml(document)
    assert [n.get("print-object") for n in root.iter("note") if n.find("tie") is not None] == [
        None,
        "no",
        None,
        "no",
    ]
    assert [arc.get("type") for arc in root.iter("tied")] == ["start", "stop"]
    assert verovio_says(document) == ""


def test_a_bar_that_is_wider_than_a_page_makes_the_staves_smaller(tmp_path):
    # Sixty-fourths in thirds, each with its accidentals.
    pairs = [(61 + i % 5 * 2 + i % 2, 66 + i % 5 * 2 + i % 3) for i in range(64)]
    text = " ".join(f"0_no_{a}_80 0_no_{b}_80 30_nf_{a}_64 0_nf_{b}_64" for a, b in pairs)
    score = ml.engrave(f"notetext: rs_480 {text}", key="C major", time_signature="4/4")
    document = musicxml_bytes(score)
    assert schema_errors(document) == []
    sizes = [float(one.text) for one in read_musicxml(document).iter("staff-size")]
    assert len(sizes) == 2
    assert all(65 <= size < 100 for size in sizes)
    read = converter.parseData(document, format="musicxml")
    assert {one.staffSize for one in read.recurse().getElementsByClass(layout.StaffLayout)} == set(
        sizes
    )
    for part in score.parts:
        measure = part.getElementsByClass(stream.Measure)[0]
        measure.remove(measure.getElementsByClass(layout.StaffLayout)[0])
    small, usual = tmp_path / "small.musicxml", tmp_path / "usual.musicxml"
    small.write_bytes(document)
    usual.write_bytes(musicxml_bytes(score))
    said = page_checks.verovio_says([small, usual])
    assert said[small] == []
    assert "highly compressed" in said[usual][0]


def test_staves_are_of_full_size_where_all_bars_have_room():
    assert b"staff-size" not in musicxml_bytes(engraved("maple-leaf-rag"))


def test_keys_below_the_piano_are_valid_an_octave_higher():
    root = written(ml.engrave("notetext: rs_4 0_no_0_80 0_no_11_80 4_nf_0_64 0_nf_11_64"))
    assert {
        n.findtext("pitch/octave") for n in root.iter("note") if n.find("pitch") is not None
    } == {"0"}
