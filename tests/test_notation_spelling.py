"""Spelling and keys where the performance says no key."""

from __future__ import annotations

import pytest
from music21 import converter, corpus, note, stream

from music21_lstm.encoding import KeySignature, NoteOff, NoteOn, Performance
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.errors import EncodingError
from music21_lstm.notation import engrave
from music21_lstm.notation.accidentals import Accidentals
from music21_lstm.notation.keys import parse_key
from music21_lstm.notation.spelling import name_of, spell
from tests.performances import of_notes


def without_key(source):
    """A performance of a score that tells pitches and times only, and the names of its notes."""
    timed, names = [], {}
    for part in source.parts:
        for single in part.stripTies().flatten().getElementsByClass(note.Note):
            if single.duration.isGrace:
                continue
            onset = round(float(single.offset) * 480)
            end = onset + max(1, round(float(single.quarterLength) * 480))
            names.setdefault((onset, single.pitch.midi), single.pitch.name)
            timed.append((onset, 2, NoteOn(0, single.pitch.midi, 80)))
            timed.append((end, 1, NoteOff(0, single.pitch.midi)))
    timed.sort(key=lambda entry: entry[:2])
    events = with_deltas((tick, event) for tick, _, event in timed)
    return Performance(480, events), names


def names_on(page):
    """The name of each note on a page, by its performed onset and pitch."""
    found = {}
    for part in page.parts:
        for element in part.recurse().notes:
            for single in element.notes if element.isChord else [element]:
                if single.tie is None or single.tie.type == "start":
                    trace = single.editorial["performed"]
                    onset = round(float(element.getOffsetInHierarchy(part)) * 480)
                    found[onset + trace.onset_shift, single.pitch.midi] = single.pitch.name
    return found


def tune(pitches, signs=()):
    events = [e for p in pitches for e in (NoteOn(0, p, 80), NoteOff(480, p))]
    return Performance(480, [*signs, *events])


@pytest.mark.parametrize(
    "name",
    ["bach/bwv66.6", "bach/bwv846", "mozart/k155/movement2", "schumann_clara/polonaise_op1n1"],
)
def test_composers_own_names_are_found_without_their_key(name):
    source = corpus.parse(name)
    performance, names = without_key(source)
    found = names_on(engrave(performance))
    shared = [place for place in names if place in found]
    assert len(shared) >= 0.95 * len(names)
    right = sum(names[place] == found[place] for place in shared)
    assert right >= 0.97 * len(shared)


def names_in(pitches, key):
    return [name_of(place) for place in spell(pitches, [key] * len(pitches))]


def test_the_leading_note_of_g_sharp_minor_is_f_double_sharp():
    tune = [56, 58, 59, 61, 63, 64, 67, 68, 67, 63, 59, 67, 68, 56, 63, 67, 70, 63, 59, 56, 68]
    assert names_in(tune, (5, "minor")).count(("F", 2)) == 4


def test_a_stray_note_in_a_flat_key_has_no_double_flat():
    flat = [58, 61, 65, 56, 60, 63, 54, 58, 61, 66, 65, 61, 63, 59, 54, 64]
    names = names_in([*flat, 57, *flat, 57, *flat], (-5, "minor"))
    assert {name for name in names if abs(name[1]) > 1} == set()


def test_a_long_and_clear_change_of_key_has_a_signature_of_its_own():
    c_major = [60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 65, 62] * 24
    e_major = [p + 4 for p in c_major]
    keys = engrave(tune([*c_major, *e_major])).parts[0].recurse().getElementsByClass("KeySignature")
    assert [k.sharps for k in keys] == [0, 4]
    assert abs(keys[1].measureNumber - 73) <= 1


def test_a_passing_modulation_has_none():
    c_major = [60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 65, 62] * 8
    g_major = [67, 69, 71, 72, 74, 76, 78, 79] * 3
    page = engrave(tune([*c_major, *g_major, *c_major]))
    keys = page.parts[0].recurse().getElementsByClass("KeySignature")
    assert [k.sharps for k in keys] == [0]


def test_the_key_that_is_asked_for_is_obeyed():
    heard = tune([61, 66, 68, 61], signs=[KeySignature(0, 0)])
    for asked, sharps, names in (("Gb", -6, "D- G- A- D-"), ("F# major", 6, "C# F# G# C#")):
        page = engrave(heard, key=asked)
        assert [k.sharps for k in page.parts[0].recurse().getElementsByClass("Key")] == [sharps]
        assert " ".join(n.pitch.name for n in page.recurse().notes) == names


@pytest.mark.parametrize("wrong", ["", "H", "G# major", "C dorian", "7", None.__class__])
def test_a_key_that_no_signature_has_is_refused_in_one_line(wrong):
    with pytest.raises(EncodingError, match=r"^key .* cannot be written; give one"):
        parse_key(wrong)


def shown(page):
    return [
        n.pitch.accidental.name if n.pitch.accidental and n.pitch.accidental.displayStatus else ""
        for n in page.parts[0].recurse().notes
    ]


def test_an_accidental_holds_to_the_bar_line_and_is_cancelled_once_in_the_next_bar():
    page = engrave(tune([72, 78, 78, 79, 77, 77, 76, 72, 77, 76, 74, 72]), key="C")
    assert shown(page) == ["", "sharp", "", "", "natural", "", "", "", "", "", "", ""]


def test_an_altered_note_is_cancelled_in_another_octave_of_its_bar():
    assert shown(engrave(tune([66, 77, 77, 76]), key="C"))[:3] == ["sharp", "natural", ""]


def test_what_was_tied_over_the_bar_line_is_cancelled_too():
    known = Accidentals()
    known.new_bar(0)
    assert known.shown("C", 5, 1)
    known.new_bar(0)
    assert not known.shown("C", 5, 1, tied=True)
    assert known.shown("C", 5, 0)
    known.new_bar(0)
    assert not known.shown("C", 5, 0)


def test_a_page_read_again_has_the_same_accidentals(tmp_path):
    page = engrave(tune([72, 78, 78, 79, 77, 77, 76, 72]), key="C")
    path = page.write("musicxml", fp=tmp_path / "page.musicxml", makeNotation=False)
    again = converter.parse(path, forceSource=True)
    assert shown(again) == shown(page)
    assert isinstance(again, stream.Score)


def test_six_flats_or_six_sharps_are_chosen_for_the_names_that_need_no_double():
    def doubles(degrees):
        notes = [(240 * i, 240 * i + 230, pitch, 80) for i, pitch in enumerate(degrees * 6)]
        score = engrave(of_notes(notes, 480))
        names = [p for n in score.recurse().notes for p in n.pitches]
        signs = score.recurse().getElementsByClass("KeySignature")
        return {k.sharps for k in signs}, sum(abs(p.alter) > 1 for p in names)

    # E flat minor, with a leading note (D) and the one above the fifth (C flat, or B).
    minor = [63, 65, 66, 68, 70, 71, 74, 75, 74, 70, 66, 65, 62, 63, 66, 70]
    assert doubles(minor) == ({-6}, 0)
    # F sharp major, whose E sharp is no double, and whose D sharp has a leading note.
    major = [66, 68, 70, 71, 73, 75, 77, 78, 77, 73, 70, 66, 64, 66]
    assert doubles(major)[1] == 0
