"""Laws of engraving that hold for any performance, and pages compared note for note."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from music21 import converter, corpus, stream
from music21.common.numberTools import opFrac
from music21.musicxml.m21ToXml import GeneralObjectExporter

import music21_lstm as ml
from music21_lstm.encoding import (
    ControlChange,
    KeySignature,
    NoteOff,
    NoteOn,
    Performance,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.errors import EncodingError
from music21_lstm.notation import engrave
from tests.performances import of_notes

from .musicxml_checks import read_musicxml, schema_errors

DELTAS = st.one_of(
    st.just(0),
    st.sampled_from([60, 80, 120, 160, 240, 320, 480, 960, 1920]),
    st.integers(0, 3000),
    st.integers(0, 0x0FFFFFFF),
)
PITCHES = st.integers(12, 127)
METRES = st.sampled_from(
    [(4, 4), (3, 4), (6, 8), (5, 8), (7, 8), (2, 2), (1, 4), (9, 8), (255, 128)]
)
EVENTS = st.one_of(
    st.builds(NoteOn, DELTAS, PITCHES, st.integers(1, 127)),
    st.builds(NoteOn, st.just(0), st.integers(55, 65), st.just(64)),
    st.builds(NoteOff, DELTAS, PITCHES, st.integers(0, 127)),
    st.builds(NoteOff, DELTAS, st.integers(55, 65), st.just(64)),
    st.builds(ControlChange, DELTAS, st.just(0), st.just(64), st.integers(0, 127)),
    st.builds(SetTempo.from_mpqn, DELTAS, st.integers(1, 0xFFFFFF)),
    st.builds(lambda d, m: TimeSignature(d, *m), DELTAS, METRES),
    st.builds(KeySignature, DELTAS, st.integers(-7, 7), st.sampled_from(["major", "minor"])),
)
PERFORMANCES = st.builds(
    Performance, st.sampled_from([1, 24, 96, 384, 480, 500, 32767]), st.lists(EVENTS, max_size=40)
)


def notes_of(score):
    """Every Note of a score, those in chords too, with its absolute offset and its voice."""
    for number, part in enumerate(score.parts):
        for measure in part.getElementsByClass(stream.Measure):
            for voice in measure.voices or [measure]:
                for element in voice.notes:
                    offset = opFrac(Fraction(measure.offset) + Fraction(element.offset))
                    for single in element.notes if element.isChord else [element]:
                        name = voice.id if measure.voices else None
                        yield number, name, offset, element.duration.quarterLength, single


def pieces_by_note(score):
    """The pieces of each performed note, in order, by the place of its note on."""
    pieces = defaultdict(list)
    for number, voice, offset, length, single in notes_of(score):
        pieces[single.editorial["performed"].on].append((offset, length, number, voice, single))
    return pieces


def bounced(score):
    """The note ons that have no head: they ride along with the note whose key bounced."""
    heads = [one for n in score.recurse().notes for one in getattr(n, "notes", (n,))]
    signs = [sign for one in heads for sign in one.editorial.get("ornament", ())]
    return {sign.trace.on for sign in signs}


def musicxml(score, **how):
    exporter = GeneralObjectExporter(score)
    exporter.makeNotation = how.get("make_notation", True)
    return exporter.parse()


def performed(*parts, resolution=480, signs=()):
    """A performance of parts, each of (pitch, length in quarters) or (None, length) for a rest."""
    notes = []
    for part in parts:
        tick = 0
        for pitch, length in part:
            end = tick + round(Fraction(length) * resolution)
            if pitch is not None:
                notes.append((tick, end, pitch, 80))
            tick = end
    return of_notes(notes, resolution, [(0, sign) for sign in signs])


def of_chorale(name):
    """A performance of a chorale, its pick-up marked by a time signature on the first bar line."""
    score = corpus.parse(name)
    timed = []
    for part in score.parts:
        for single in part.stripTies().flatten().notes:
            onset, length = Fraction(single.offset), Fraction(single.quarterLength)
            timed.append((round(onset * 480), 2, NoteOn(0, single.pitch.midi, 80)))
            timed.append((round((onset + length) * 480), 1, NoteOff(0, single.pitch.midi)))
    metre = score.recurse().getElementsByClass("TimeSignature").first()
    key = score.recurse().getElementsByClass("KeySignature").first()
    first = score.parts[0].getElementsByClass(stream.Measure).first().quarterLength
    timed.append((0, 0, KeySignature(0, key.sharps)))
    for tick in {0, round(first * 480)}:
        timed.append((tick, 0, TimeSignature(0, metre.numerator, metre.denominator)))
    timed.sort(key=lambda entry: entry[:2])
    return score, Performance(480, with_deltas((tick, event) for tick, _, event in timed))


@given(PERFORMANCES)
@settings(deadline=None, max_examples=60)
def test_any_performance_is_engraved_whole(performance):
    score = engrave(performance)
    pieces = pieces_by_note(score)
    along = bounced(score)
    assert not along & set(pieces)
    assert Counter(p[0][4].pitch.midi for p in pieces.values()) == Counter(
        note.pitch for note in performance.notes if note.on not in along
    )
    assert set(pieces) | along == {note.on for note in performance.notes}


@given(PERFORMANCES)
@settings(deadline=None, max_examples=60)
def test_the_trace_of_each_note_gives_its_ticks_back(performance):
    score = engrave(performance)
    pieces = pieces_by_note(score)
    along = bounced(score)
    for note in performance.notes:
        if note.on in along:
            continue
        first, last = pieces[note.on][0], pieces[note.on][-1]
        trace = first[4].editorial["performed"]
        onset = round(first[0] * performance.resolution)
        end = round(opFrac(Fraction(last[0]) + Fraction(last[1])) * performance.resolution)
        assert (onset + trace.onset_shift, end + trace.end_shift) == (note.onset, note.end)
        assert (trace.on, trace.off) == (note.on, note.off)
        assert trace.release_velocity == note.release_velocity
        assert first[4].volume.velocity == note.velocity


@given(PERFORMANCES)
@settings(deadline=None, max_examples=60)
def test_every_voice_of_every_bar_is_full_and_nothing_overlaps(performance):
    score = engrave(performance)
    for part, names in zip(score.parts, (("1", "2"), ("5", "6")), strict=True):
        for measure in part.getElementsByClass(stream.Measure):
            expected = (
                measure.barDuration.quarterLength - measure.paddingLeft - measure.paddingRight
            )
            assert len(measure.voices) <= 2
            assert [voice.id for voice in measure.voices] == list(names[: len(measure.voices)])
            for voice in measure.voices or [measure]:
                end = 0
                for element in voice.notesAndRests:
                    assert element.offset == end
                    end = opFrac(Fraction(end) + Fraction(element.duration.quarterLength))
                assert end == expected


@given(PERFORMANCES)
@settings(deadline=None, max_examples=40)
def test_tied_pieces_follow_each_other_and_are_marked_as_one_note(performance):
    for pieces in pieces_by_note(engrave(performance)).values():
        ties = [single.tie.type if single.tie else None for *_, single in pieces]
        wanted = ["start", *["continue"] * (len(ties) - 2), "stop"] if len(ties) > 1 else [None]
        assert ties == wanted
        for (offset, length, *_), following in pairwise(pieces):
            assert Fraction(offset) + Fraction(length) == Fraction(following[0])
        assert len({single.pitch.nameWithOctave for *_, single in pieces}) == 1


@given(PERFORMANCES)
@settings(deadline=None, max_examples=15)
def test_any_engraved_page_is_valid_musicxml(performance):
    assert schema_errors(musicxml(engrave(performance), make_notation=False)) == []


# Where Bach's alto goes below his tenor, one keyboard cannot show who sang what: the parts stay
# in order. (Alto, tenor) by offset.
CROSSINGS = {
    "bach/bwv66.6": {26.5: ("F#3", "B3")},
    "bach/bwv269": {},
    "bach/bwv153.1": {26.0: ("E4", "A4"), 27.0: ("E4", "G#4")},
}


@pytest.mark.parametrize("name", CROSSINGS)
def test_a_chorale_is_engraved_note_for_note_with_a_voice_for_each_part(name):
    source, performance = of_chorale(name)
    voices = defaultdict(list)
    for pieces in pieces_by_note(engrave(performance)).values():
        offset, _, staff, voice, single = pieces[0]
        length = sum(Fraction(piece[1]) for piece in pieces)
        voices[staff, voice].append((Fraction(offset), single.pitch.nameWithOctave, length))
    for place, part in zip([(0, "1"), (0, "2"), (1, "5"), (1, "6")], source.parts, strict=True):
        wanted = {
            (Fraction(n.offset), n.pitch.nameWithOctave, Fraction(n.quarterLength))
            for n in part.stripTies().flatten().notes
        }
        for offset, crossed in CROSSINGS[name].items():
            alto_or_tenor = {(0, "2"): crossed, (1, "5"): crossed[::-1]}.get(place)
            if alto_or_tenor:
                (old,) = (n for n in wanted if n[0] == offset)
                assert old[1] == alto_or_tenor[0]
                wanted = wanted - {old} | {(old[0], alto_or_tenor[1], old[2])}
        assert sorted(voices[place]) == sorted(wanted)


def test_music21_joins_the_tied_pieces_to_the_notes_that_were_performed():
    _, performance = of_chorale("bach/bwv66.6")
    joined = engrave(performance).stripTies()
    assert sum(len(n.pitches) for n in joined.recurse().notes) == len(performance.notes)


def test_a_chorale_has_the_bars_of_its_source():
    source, performance = of_chorale("bach/bwv66.6")
    page = engrave(performance)
    wanted = source.parts[0].getElementsByClass(stream.Measure)
    for part in page.parts:
        measures = part.getElementsByClass(stream.Measure)
        assert [m.number for m in measures] == [m.number for m in wanted]
        assert [m.offset for m in measures] == [m.offset for m in wanted]
        assert [m.quarterLength for m in measures] == [m.quarterLength for m in wanted]


def test_a_chorale_shows_the_accidentals_of_its_key_and_two_courtesies():
    _, performance = of_chorale("bach/bwv66.6")
    page = engrave(performance)
    shown = Counter(
        single.pitch.name
        for *_, single in notes_of(page)
        if single.pitch.accidental is not None and single.pitch.accidental.displayStatus
    )
    assert shown == {"E#": 6, "A#": 3, "D#": 1, "E": 2}


@pytest.mark.parametrize("make_notation", [True, False])
def test_an_exported_page_is_valid_and_has_the_same_notes_when_read_again(make_notation, tmp_path):
    _, performance = of_chorale("bach/bwv66.6")
    page = engrave(performance, title="Chorale", composer="J. S. Bach")
    path = tmp_path / "page.musicxml"
    page.write("musicxml", fp=path, makeNotation=make_notation)
    assert schema_errors(path) == []
    again = converter.parse(path, forceSource=True)
    assert [len(part.recurse().notes) for part in again.parts] == [
        len(part.recurse().notes) for part in page.parts
    ]
    names = [
        sorted(str(n.pitches) + str(n.quarterLength) for n in s.recurse().notes)
        for s in (again, page)
    ]
    assert names[0] == names[1]


def test_music21_s_own_pass_over_the_notation_changes_nothing():
    _, performance = of_chorale("bach/bwv66.6")
    page = engrave(performance)
    kinds = ("accidental", "beam", "tie", "time-modification", "tuplet", "dot", "rest")
    counts = []
    for make_notation in (True, False):
        root = read_musicxml(musicxml(page, make_notation=make_notation))
        counts.append({kind: len(root.findall(f".//{kind}")) for kind in kinds})
    assert counts[0] == counts[1]
    assert counts[0]["beam"] > 40


def test_voices_keep_their_numbers_from_bar_to_bar():
    # Two voices are needed in the third bar alone.
    held = performed(
        [(72, 1), (74, 1), (76, 1), (77, 1)] * 3, [(None, 8), (67, 4)], [(48, 4), (50, 4), (52, 4)]
    )
    # (With its own pass over the notation, music21 takes single Voices out and renumbers them.)
    root = read_musicxml(musicxml(engrave(held), make_notation=False))
    found = {(n.findtext("staff"), n.findtext("voice")) for n in root.iter("note")}
    assert found == {("1", "1"), ("1", "2"), ("2", "5")}


def test_a_melody_with_a_bass_needs_no_voices():
    page = engrave(performed([(72, 1), (74, 1), (76, 2)], [(48, 4)]))
    assert not list(page.recurse().getElementsByClass(stream.Voice))


def test_a_pick_up_is_bar_zero_and_the_last_bar_makes_it_whole():
    tune = performed([(67, 1), (72, 1), (74, 1), (76, 1), (77, 1), (79, 3)])
    barred = Performance(
        480, [TimeSignature(0, 1, 4), *tune.events[:2], TimeSignature(0, 4, 4), *tune.events[2:]]
    )
    first, second, last = engrave(barred).parts[0].getElementsByClass(stream.Measure)
    assert (first.number, first.paddingLeft, first.quarterLength) == (0, 3.0, 1.0)
    assert (second.number, second.quarterLength) == (1, 4.0)
    assert (last.number, last.quarterLength) == (2, 3.0)
    assert [ts.ratioString for ts in first.getElementsByClass("TimeSignature")] == ["4/4"]


def test_numbers_are_titles_too(tmp_path):
    performance = performed([(60, 1)])
    data = engrave(performance, title=7, composer=1685).metadata
    assert (data.movementName, data.composer) == ("7", "1685")
    written = tmp_path / "seven.musicxml"
    ml.write(performance, written, title=7)
    assert "<movement-title>7</movement-title>" in written.read_text()


def test_an_empty_performance_is_one_empty_bar():
    page = engrave(Performance(480, []))
    assert [len(part.getElementsByClass(stream.Measure)) for part in page.parts] == [1, 1]
    assert all(rest.fullMeasure for rest in page.recurse().getElementsByClass("Rest"))
    assert schema_errors(musicxml(page)) == []


def test_a_change_of_metre_in_the_middle_of_a_bar_starts_a_new_bar():
    notes = performed([(72, 1)] * 9).events
    mixed = Performance(480, [*notes[:12], TimeSignature(0, 3, 4), *notes[12:]])
    lengths = [m.quarterLength for m in engrave(mixed).parts[0].getElementsByClass(stream.Measure)]
    assert lengths == [4.0, 2.0, 3.0]


def test_a_silence_of_years_is_not_written_out():
    long = Performance(
        1, [NoteOn(0, 60, 64), NoteOff(1, 60), NoteOn(0x0FFFFFFF, 62, 64), NoteOff(1, 62)]
    )
    page = engrave(long)
    assert len(page.parts[0].getElementsByClass(stream.Measure)) < 100
    traces = {n.pitch.midi: n.editorial["performed"] for *_, n in notes_of(page)}
    assert traces[60].onset_shift == 0
    assert traces[62].onset_shift > 0x0FFFFFFF - 500


def test_given_time_signatures_override_those_performed():
    tune = performed([(72, 1)] * 6, signs=[TimeSignature(0, 4, 4)])
    measures = engrave(tune, time_signature="3/4").parts[0].getElementsByClass(stream.Measure)
    assert [m.quarterLength for m in measures] == [3.0, 3.0]


@pytest.mark.parametrize("wrong", ["", "4", "4/5", "0/4", "x/4", "4/4/4", "1/64", "-3/4"])
def test_a_time_signature_that_cannot_be_written_is_refused_in_one_line(wrong):
    with pytest.raises(EncodingError, match=r"^time signature '.*' cannot be written; give"):
        engrave(Performance(480, []), time_signature=wrong)


@pytest.mark.parametrize("wrong", [(), (0,), (4.0,), (33,)])
def test_divisions_that_are_none_are_refused_in_one_line(wrong):
    with pytest.raises(EncodingError, match=r"^divisions .* cannot be written; give"):
        engrave(Performance(480, []), divisions=wrong)


def test_triplets_are_exact_and_bracketed():
    third = Fraction(1, 3)
    page = engrave(performed([(72, third), (74, third), (76, third), (77, 1), (79, 2)]))
    notes = page.parts[0].recurse().notes
    assert [n.quarterLength for n in notes] == [third, third, third, 1.0, 2.0]
    assert [n.duration.tuplets[0].type for n in notes[:3]] == ["start", None, "stop"]
    assert schema_errors(musicxml(page)) == []


@pytest.mark.parametrize("parts", [5, 6, 7, 8, 12, 16])
def test_ticks_on_a_fine_grid_are_written_exactly(parts):
    step = Fraction(1, parts)
    tune = performed([(72 + i % 5, step) for i in range(parts)] + [(72, 1)] * 3, resolution=3360)
    page = engrave(tune)
    for _, _, _, _, single in notes_of(page):
        trace = single.editorial["performed"]
        assert (trace.onset_shift, trace.end_shift) == (0, 0)
    assert schema_errors(musicxml(page)) == []


def test_ticks_near_the_grid_are_snapped_to_it():
    ticks = [(0, 60), (233, 62), (491, 64), (715, 65), (968, 67)]
    timed = [(tick, NoteOn(0, pitch, 64)) for tick, pitch in ticks]
    timed += [(tick + 225, NoteOff(0, pitch)) for tick, pitch in ticks]
    page = engrave(Performance(480, with_deltas(sorted(timed, key=lambda entry: entry[0]))))
    notes = [(offset, n.pitch.midi) for _, _, offset, _, n in notes_of(page)]
    assert sorted(notes) == [(0.0, 60), (0.5, 62), (1.0, 64), (1.5, 65), (2.0, 67)]


def test_one_tempo_stands_over_the_first_bar_and_rubato_is_not_printed():
    steady = performed([(72, 1)] * 8, signs=[SetTempo.from_mpqn(0, 600_000)])
    marks = engrave(steady).recurse().getElementsByClass("MetronomeMark")
    assert [mark.number for mark in marks] == [100]
    rubato = Performance(
        480,
        [
            e
            for i in range(40)
            for e in (
                SetTempo.from_mpqn(0, 500_000 + 1000 * i),
                NoteOn(0, 72, 64),
                NoteOff(480, 72),
            )
        ],
    )
    marks = engrave(rubato).recurse().getElementsByClass("MetronomeMark")
    assert [mark.number for mark in marks] == [115]
    assert marks[0].getQuarterBPM() == pytest.approx(60e6 / 519_500, rel=0.005)


def test_keys_change_at_bar_lines_and_the_notes_are_spelled_by_them():
    tune = performed([(61, 4), (61, 4)], signs=[KeySignature(0, 7)]).events
    both = Performance(480, [*tune[:3], KeySignature(0, -5), *tune[3:]])
    page = engrave(both)
    assert [n.pitch.name for *_, n in notes_of(page)] == ["C#", "D-"]
    keys = page.parts[0].recurse().getElementsByClass("KeySignature")
    assert [(k.measureNumber, k.sharps) for k in keys] == [(1, 7), (2, -5)]


def test_a_second_key_of_one_pitch_is_kept_but_not_printed():
    page = engrave(performed([(72, 1)], [(72, 1)]))
    (chord,) = page.recurse().notes
    assert [n.style.hideObjectOnPrint for n in chord.notes] == [False, True]
    assert len({n.editorial["performed"].on for n in chord.notes}) == 2
