"""The rules of notation one by one: values, hands, voices, spelling, clefs."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import converter, corpus, note

from music21_lstm.encoding import PerformedNote
from music21_lstm.notation.bars import Bar, Section, bars_of
from music21_lstm.notation.clefs import Stretch, readings_of
from music21_lstm.notation.hands import four_part_voices, split_hands
from music21_lstm.notation.metre import FINEST, UNIT, Metre
from music21_lstm.notation.pieces import bar_pieces
from music21_lstm.notation.quantize import Placed
from music21_lstm.notation.spelling import estimate_key, name_of, spell
from music21_lstm.notation.values import family, regions_of, split
from music21_lstm.notation.voices import one_voice, two_voices

COMMON = Metre(4, 4)
WALTZ = Metre(3, 4)
JIG = Metre(6, 8)


def placed(*notes):
    """Notes on the page from (pitch, onset, end) in quarters."""
    return [
        Placed(
            PerformedNote(0, 0, pitch, 64, 64, place, None), int(on * UNIT), int(off * UNIT), True
        )
        for place, (pitch, on, off) in enumerate(notes)
    ]


def shown(metre, start, end, **how):
    return [
        (a / UNIT, b / UNIT) for a, b in split(metre, int(start * UNIT), int(end * UNIT), **how)
    ]


# Value by value, as Gould's Behind Bars groups them.
@pytest.mark.parametrize(
    ("metre", "start", "end", "wanted"),
    [
        (COMMON, 0, 4, [(0, 4)]),
        (COMMON, 0, 3, [(0, 3)]),
        (COMMON, 1, 4, [(1, 4)]),
        (COMMON, 1, 3, [(1, 3)]),
        (COMMON, 0, 2.5, [(0, 2), (2, 2.5)]),
        (COMMON, 0, 3.5, [(0, 2), (2, 3.5)]),
        (COMMON, 0.5, 2, [(0.5, 2)]),
        (COMMON, 0.5, 1.5, [(0.5, 1.5)]),
        (COMMON, 1.5, 2.5, [(1.5, 2), (2, 2.5)]),
        (COMMON, 0.25, 0.75, [(0.25, 0.75)]),
        (COMMON, 0.75, 1.25, [(0.75, 1), (1, 1.25)]),
        (COMMON, 0.25, 2, [(0.25, 1), (1, 2)]),
        (COMMON, 1, 3.75, [(1, 3), (3, 3.75)]),
        (COMMON, 0, 3.25, [(0, 3), (3, 3.25)]),
        (WALTZ, 0.5, 3, [(0.5, 1), (1, 3)]),
        (WALTZ, 0, 2.5, [(0, 2), (2, 2.5)]),
        (JIG, 0, 3, [(0, 3)]),
        (JIG, 0.5, 1.5, [(0.5, 1.5)]),
        (JIG, 0, 2, [(0, 1.5), (1.5, 2)]),
        (JIG, 1, 2, [(1, 1.5), (1.5, 2)]),
        (Metre(9, 8), 0.5, 4.5, [(0.5, 1.5), (1.5, 4.5)]),
        (Metre(5, 8), 0, 2.5, [(0, 1), (1, 2.5)]),
    ],
)
def test_a_note_value_shows_the_beats(metre, start, end, wanted):
    assert shown(metre, start, end) == wanted


@pytest.mark.parametrize(
    ("metre", "start", "end", "wanted"),
    [
        (COMMON, 0.5, 1.5, [(0.5, 1), (1, 1.5)]),
        (COMMON, 1, 3, [(1, 2), (2, 3)]),
        (COMMON, 1, 4, [(1, 2), (2, 4)]),
        (COMMON, 0.25, 1, [(0.25, 0.5), (0.5, 1)]),
        (JIG, 0, 1.5, [(0, 1.5)]),
    ],
)
def test_a_rest_is_never_syncopated(metre, start, end, wanted):
    assert shown(metre, start, end, rest=True) == wanted


METRES = st.builds(Metre, st.integers(1, 17), st.sampled_from([2, 4, 8, 16]))
STEPS = st.sampled_from([FINEST, UNIT // 4, UNIT // 3, UNIT // 6, UNIT // 5, UNIT // 7])


@given(METRES, STEPS, st.data(), st.booleans())
def test_written_values_fill_their_stretch_and_have_at_most_one_dot(metre, step, data, rest):
    end = data.draw(st.integers(1, max(1, metre.length // step))) * step
    start = data.draw(st.integers(0, end // step - 1)) * step
    values = split(metre, start, end, rest=rest)
    assert values[0][0] == start
    assert values[-1][1] == end
    assert all(a[1] == b[0] for a, b in pairwise(values))
    for first, last in values:
        single = note.Note(quarterLength=(last - first) / UNIT)
        assert len(single.duration.components) == 1
        assert single.duration.dots <= 1


def test_octaves_in_both_hands_are_split_between_them():
    low, high = (36, 48), (72, 84)
    notes = placed(*((pitch, beat, beat + 1) for beat in range(8) for pitch in (*low, *high)))
    assert split_hands(notes) == [False, False, True, True] * 8


def test_a_tune_above_middle_c_is_for_the_right_hand_alone():
    assert all(split_hands(placed(*((72 + i % 5, i, i + 1) for i in range(16)))))


def test_chords_of_four_notes_are_no_chorale_if_they_leave_the_compass_of_a_choir():
    chord = [(pitch, beat, beat + 1) for beat in range(8) for pitch in (24, 60, 64, 67)]
    assert four_part_voices(placed(*chord)) is None


def test_a_chorale_part_that_is_silent_leaves_its_place_to_no_other():
    full = [(p, beat, beat + 1) for beat in range(12) for p in (72, 67, 60, 48)]
    without_tenor = [(72, 12, 13), (67, 12, 13), (48, 12, 13)]
    parts = four_part_voices(placed(*full, *without_tenor))
    assert parts is not None
    assert parts[:4] == [0, 1, 2, 3]
    assert parts[-3:] == [0, 1, 3]


def test_a_bass_held_under_chords_has_the_second_voice():
    notes = placed((36, 0, 4), (48, 1, 2), (52, 1, 2), (48, 2, 3), (52, 2, 3), (50, 3, 4))
    upper, lower = two_voices(notes)
    assert [(s.low, s.onset // UNIT, s.end // UNIT) for s in lower] == [(36, 0, 4)]
    assert [(s.low, s.high) for s in upper] == [(48, 52), (48, 52), (50, 50)]


def test_notes_that_only_follow_each_other_have_one_voice():
    upper, lower = two_voices(placed((60, 0, 1), (64, 0, 1), (62, 1, 2), (60, 3, 4)))
    assert len(upper) == 3
    assert lower == []


@given(
    st.lists(st.tuples(st.integers(40, 60), st.integers(0, 30), st.integers(1, 12)), max_size=40)
)
def test_two_voices_hold_every_note_once_and_never_overlap(raw):
    notes = placed(*((pitch, onset / 4, (onset + length) / 4) for pitch, onset, length in raw))
    upper, lower = two_voices(notes)
    held = [p.note.on for sounding in (*upper, *lower) for p in sounding.notes]
    assert sorted(held) == list(range(len(notes)))
    for voice in (upper, lower):
        assert all(a.end <= b.onset for a, b in pairwise(voice))
        assert all(sounding.onset < sounding.end for sounding in voice)


def test_one_voice_joins_what_starts_together_and_ends_at_the_next_onset():
    voice = one_voice(placed((60, 0, 3), (64, 0, 3), (62, 1, 2)))
    assert [(s.low, s.high, s.onset // UNIT, s.end // UNIT) for s in voice] == [
        (60, 64, 0, 1),
        (62, 62, 1, 2),
    ]


def test_leading_notes_are_sharps_and_the_sixth_degree_of_minor_is_flat():
    d_minor = [62, 65, 69, 61, 62, 70, 69, 67, 65, 64, 62, 61, 62]
    named = [name_of(place) for place in spell(d_minor, [(-1, "minor")] * len(d_minor))]
    assert named[3] == ("C", 1)
    assert named[5] == ("B", -1)


@pytest.mark.parametrize("name", ["bach/bwv66.6", "bach/bwv269", "mozart/k155/movement2"])
def test_composers_own_spelling_is_found_for_nearly_every_note(name):
    source = corpus.parse(name)
    notes = sorted(
        (float(n.getOffsetInHierarchy(source)), n.pitch.midi, n.pitch.name)
        for n in source.recurse().getElementsByClass(note.Note)
    )
    sharps = source.recurse().getElementsByClass("KeySignature").first().sharps
    places = spell([midi for _, midi, _ in notes], [(sharps, "major")] * len(notes))
    right = sum(
        step + ("#" * alter if alter > 0 else "-" * -alter) == name
        for (step, alter), (_, _, name) in zip(map(name_of, places), notes, strict=True)
    )
    assert right >= 0.98 * len(notes)


@pytest.mark.parametrize(
    ("tune", "wanted"),
    [
        ("tinynotation: 4/4 c4 d e f g a b c'", (0, "major")),
        ("tinynotation: 4/4 e4 f# g# a b c#' d#' e'", (4, "major")),
        ("tinynotation: 4/4 d4 e f g a b- c# d", (-1, "minor")),
    ],
)
def test_the_key_of_a_scale_is_its_own(tune, wanted):
    notes = converter.parse(tune).recurse().notes
    assert estimate_key([n.pitch.midi for n in notes], [n.quarterLength for n in notes]) == wanted


def test_no_notes_are_in_c_major():
    assert estimate_key([], []) == (0, "major")
    assert spell([], []) == []


def test_one_high_bar_changes_no_clef():
    bars = [Stretch([48, 50]), Stretch([67, 67]), Stretch([48, 50])]
    assert readings_of(bars, "bass") == ["bass"] * 3


def test_a_deep_octave_under_high_chords_stays_in_bass_clef():
    assert readings_of([Stretch([31, 43, 63, 67, 70, 63, 67, 70])] * 4, "bass") == ["bass"] * 4


def test_a_left_hand_that_stays_high_is_in_treble_clef_from_the_start():
    assert readings_of([Stretch([67, 72, 76, 79])] * 4, "bass") == ["treble"] * 4


def test_the_beats_of_six_eight_weigh_more_than_its_eighths():
    assert [JIG.weight(i * UNIT // 2) for i in range(6)] == [20, 17, 17, 18, 17, 17]


def test_an_octave_line_waits_for_the_end_of_a_held_note():
    low, high = Stretch([76, 79]), [96, 98, 100, 96]
    free = readings_of([low, *[Stretch(high)] * 4], "treble")
    held = readings_of([low, Stretch(high, held=True), *[Stretch(high)] * 3], "treble")
    assert free == ["treble"] + ["treble 8va"] * 4
    assert held[:2] == ["treble"] * 2 or held[:2] == ["treble 8va"] * 2
    assert held[2:] == ["treble 8va"] * 3


def test_no_octave_line_is_where_the_other_staff_has_one():
    low = [Stretch([24, 26, 28, 24])] * 4
    assert readings_of(low, "bass") == ["bass 8vb"] * 4
    beside = [Stretch([24, 26, 28, 24], other=True)] * 4
    assert readings_of(beside, "bass") == ["bass"] * 4


@given(
    st.sampled_from([COMMON, WALTZ, JIG]),
    st.lists(st.integers(1, 35), max_size=6),
    st.sampled_from([3, 5, 7]),
)
def test_the_values_of_a_tuplet_make_it_whole(metre, cuts, many):
    """Plain thirty-seconds and one kind of tuplet in a voice, mixed within its beats."""
    frame = metre.frame
    step = frame // (many * 4)
    places = {0, metre.length} | {
        (cut // 8) % (metre.length // frame) * frame
        + cut * (step if cut % 2 else frame // 8) % frame
        for cut in cuts
    }
    order = sorted(place for place in places if place <= metre.length)
    regions = regions_of(metre, order)
    values = [value for a, b in pairwise(order) for value in split(metre, a, b, regions=regions)]
    assert [a for a, _ in values] + [metre.length] == [0] + [b for _, b in values]
    for first, last, kind in regions:
        inside = [(a, b) for a, b in values if first <= a < last]
        assert sum(b - a for a, b in inside) == last - first or any(b > last for _, b in inside)
        for a, b in inside:
            assert (b - a) * kind % (last - first) == 0 or (b - a) * kind % FINEST == 0
            assert family(metre, a) in (1, kind)


def test_a_plain_sixteenth_within_a_triplet_is_written_in_its_notes():
    third = UNIT // 3
    places = [0, UNIT // 4, third, 2 * third, UNIT]
    regions = regions_of(COMMON, places)
    assert regions == ((0, UNIT, 3),)
    assert split(COMMON, 0, UNIT // 4, regions=regions) == ((0, UNIT // 6), (UNIT // 6, UNIT // 4))
    assert split(COMMON, UNIT // 4, third, regions=regions) == ((UNIT // 4, third),)


def test_three_quarters_in_the_time_of_two_stay_whole():
    places = [0, 2 * UNIT // 3, 4 * UNIT // 3, 2 * UNIT]
    regions = regions_of(COMMON, places)
    values = [value for a, b in pairwise(places) for value in split(COMMON, a, b, regions=regions)]
    assert values == list(pairwise(places))


def test_rests_that_make_a_tuplet_whole_are_printed_and_others_of_a_second_voice_are_not():
    third = Fraction(1, 3)
    upper = one_voice(placed((72, 0, 4)))
    lower = one_voice(placed((60, third, 2 * third), (62, 3, 4)))
    bar = Bar(1, 0, COMMON.length, COMMON, True)
    _, pieces = next(bar_pieces((upper, lower), [bar]))
    rests = [(Fraction(p.start, UNIT), p.visible) for p in pieces if not p.sounding]
    assert rests == [(0, True), (2 * third, True), (1, False), (2, False)]


def test_where_both_voices_of_a_chorale_rest_one_rest_is_printed():
    staff = one_voice(placed((72, 0, 2))), one_voice(placed((64, 0, 1)))
    bar = Bar(1, 0, COMMON.length, COMMON, True)
    upper, lower = next(bar_pieces(staff, [bar], all_rests=True))
    shown = [[(p.start // UNIT, p.visible) for p in v if not p.sounding] for v in (upper, lower)]
    assert shown == [[(2, True)], [(1, True), (2, False)]]


def test_a_bar_that_is_cut_short_by_the_same_metre_has_a_time_signature_of_its_own():
    sections = [Section(0, WALTZ), Section(5 * UNIT, WALTZ), Section(8 * UNIT, JIG)]
    bars = bars_of(sections, 11 * UNIT)
    assert [(str(bar.metre), bar.new_metre, bar.missing) for bar in bars] == [
        ("3/4", True, 0), ("2/4", True, 0), ("3/4", True, 0), ("6/8", True, 0)
    ]  # fmt: skip
