"""Beats found by ear: what was played to no click gets its bars, beats and values."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from music21 import converter, corpus, note, tempo

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn, Performance, SetTempo, TimeSignature
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.errors import EncodingError
from music21_lstm.notation import engrave
from music21_lstm.notation.bars import bars_of, locate
from music21_lstm.notation.beats import Tempo, place_played, read_beats, sections_heard
from music21_lstm.notation.beats.barring import bar_lines
from music21_lstm.notation.beats.chords import FEATURES, features_of, group, rebounds
from music21_lstm.notation.beats.counting import count_bars
from music21_lstm.notation.beats.lattice import lattice_of
from music21_lstm.notation.beats.placing import table_of
from music21_lstm.notation.beats.tables import LEARNT, tables
from music21_lstm.notation.metre import UNIT, Metre
from music21_lstm.notation.pulse import has_other_pulse
from music21_lstm.notation.quantize import is_aligned, is_clocked
from tests.performances import of_notes
from tests.strategies import performances

DATA = Path(__file__).parent / "data"


def played(notes, resolution=500):
    """A performance at 120 beats a minute from (second, seconds long, pitch, velocity)."""
    rows = []
    for start, length, pitch, velocity in notes:
        on, off = (round(second * 2 * resolution) for second in (start, start + length))
        rows.append((on, max(off, on + 1), pitch, velocity))
    return of_notes(rows, resolution)


def human(second, rng):
    """A time a little off, as people play."""
    return second + float(rng.normal(0, 0.012))


def rubato(beat):
    """When a beat is played by someone whose tempo comes and goes by a sixth: 0.6 s on average."""
    return 0.31 + 0.6 * beat + 0.6 * np.sin(beat / 6)


def waltz(bars=24, seed=0):
    """A bass and two chords in each bar, under a tune, freely played; and when its bars begin."""
    rng = np.random.default_rng(seed)
    tune = (74, 76, 77, 79, 81, 79, 77, 76)
    notes = []
    for bar in range(bars):
        root = (50, 45, 43, 50)[bar % 4]
        for beat in range(3):
            begin, end = rubato(3 * bar + beat), rubato(3 * bar + beat + 1)
            chord = (root,) if beat == 0 else (root + 12, root + 16, root + 19)
            length = (end - begin) * (0.9 if beat == 0 else 0.5)
            notes += [(human(begin, rng), length, p, 70 if beat == 0 else 50) for p in chord]
        for start, beats, pitch in ((0, 1.5, 0), (1.5, 0.5, 2), (2, 0.5, 3), (2.5, 0.5, -1)):
            begin, end = rubato(3 * bar + start), rubato(3 * bar + start + beats)
            notes.append(
                (human(begin, rng), end - begin, tune[bar % 8] + pitch, 80 - 5 * int(start))
            )
    return played(sorted(notes)), [rubato(3 * bar) for bar in range(bars)]


def found_bars(performance, **how):
    """The seconds at which the bars found begin."""
    placed, sections, tempo = place_played(performance, **how)
    bars = bars_of(sections, max(p.end for p in placed))
    return [tempo.second(bar.start) for bar in bars if not bar.shift]


def hits(wanted, found):
    """F measure with a window of 70 ms, as in MIREX."""
    near = sum(any(abs(one - other) <= 0.07 for other in found) for one in wanted)
    return 2 * near / (len(wanted) + len(found))


# Whether there is anything to find.


def test_a_score_s_own_ticks_need_no_beats():
    for name in ("fur-elise", "maple-leaf-rag", "satie-gymnopedie-no1"):
        assert is_aligned(ml.read(DATA / f"{name}.mid"))


def evenly(performance, beats_a_minute):
    """Its notes at an even tempo, in the ticks of a file that says nothing and so is at 120."""
    scale = 480 / performance.resolution * 120 / beats_a_minute
    timed = [
        (round(tick * scale), event)
        for tick, event in zip(performance.ticks, performance.events, strict=True)
        if isinstance(event, NoteOn | NoteOff)
    ]
    return Performance(480, with_deltas(timed))


@pytest.mark.parametrize("beats_a_minute", [72, 80, 90, 100, 108, 150])
def test_an_even_tempo_that_the_file_does_not_tell_is_heard(beats_a_minute):
    rag = evenly(ml.read(DATA / "maple-leaf-rag.mid"), beats_a_minute)
    assert has_other_pulse(rag)
    assert not is_aligned(rag)
    assert not is_clocked(rag)
    page = ml.engrave(rag)
    heard = page[tempo.MetronomeMark].first().getQuarterBPM()
    assert any(heard == pytest.approx(beats_a_minute * k, rel=0.03) for k in (0.5, 1, 2))
    notes = [one for each in page[note.NotRest] for one in getattr(each, "notes", (each,))]
    tied = sum(one.tie is not None and one.tie.type in ("start", "continue") for one in notes)
    assert tied < 0.12 * len(rag.notes)
    assert sum(bool(each.duration.tuplets) for each in page[note.NotRest]) < 0.05 * len(rag.notes)
    assert ml.read(page).notes == rag.notes


def test_the_beats_of_a_score_are_its_ticks_quarters():
    scores = [ml.read(path) for path in sorted(DATA.glob("*.mid"))]
    scores += [
        ml.read(corpus.parse(name)) for name in ("bach/bwv66.6", "haydn/opus74no1/movement3")
    ]
    for score in scores:
        assert not has_other_pulse(score)
        assert not has_other_pulse(evenly(score, 120))
    rag = evenly(ml.read(DATA / "maple-leaf-rag.mid"), 100)
    for told in (TimeSignature(0, 2, 4), SetTempo.from_mpqn(0, 600_000)):
        assert not has_other_pulse(Performance(480, [told, *rag.events]))
    assert not has_other_pulse(rag[:60])


def test_a_score_that_says_no_metre_is_written_in_the_one_that_is_heard():
    """Ticks of a waltz, of one with a pick-up, and of a march, without any time signature."""

    def metres(performance):
        page = engrave(performance).parts[0]
        signatures = [s.ratioString for s in page.recurse().getElementsByClass("TimeSignature")]
        return signatures, [m.quarterLength for m in page.getElementsByClass("Measure")][:2]

    assert metres(accompanied(3)) == (["3/4"], [3, 3])
    assert metres(accompanied(3, pick_up=1)) == (["3/4"], [1, 3])
    assert metres(accompanied(4)) == (["4/4"], [4, 4])
    told = Performance(480, [TimeSignature(0, 4, 4), *accompanied(3).events])
    assert metres(told) == (["4/4"], [4, 4])


def test_the_metre_that_was_heard_is_not_written_back_into_the_performance(tmp_path):
    before, after = tmp_path / "waltz.notetext", tmp_path / "again.notetext"
    ml.write(accompanied(3), before)
    page = converter.parse(before)
    assert page.recurse().getElementsByClass("TimeSignature")[0].ratioString == "3/4"
    page.write("notetext", after)
    assert after.read_text() == before.read_text()


def test_where_nothing_tells_the_bars_apart_the_metre_is_the_default():
    even = of_notes([(480 * beat, 480 * beat + 470, 60, 80) for beat in range(1000)])
    assert sections_heard(even) is None
    assert sections_heard(even[:20]) is None
    assert sections_heard(Performance(480, [])) is None
    years = [*even.events, NoteOn(0x0FFFFFFF, 60, 80), NoteOff(480, 60)]
    assert sections_heard(Performance(1, years)) is None


def accompanied(beats, pick_up=0, bars=24):
    """A bass note, chords on the other *beats* and a slow tune, after some quarters of *pick_up*."""
    rng = np.random.default_rng(bars)
    notes = [(480 * beat, 470, 67, 70) for beat in range(pick_up)]
    for bar in range(bars):
        start, root = 480 * (beats * bar + pick_up), (36, 43, 41, 38)[bar % 4]
        notes.append((start, 470, root, 84))
        notes.append((start, 480 * beats - 20, int(72 + rng.integers(8)), 92))
        for beat in range(1, beats):
            notes += [(start + 480 * beat, 400, root + step, 60) for step in (12, 16, 19)]
    return of_notes((on, on + length, *rest) for on, length, *rest in notes)


@pytest.mark.parametrize("resolution", [50, 480, 500])
def test_free_playing_is_not_taken_for_a_score_on_any_grid(resolution):
    free = waltz()[0].rescaled(resolution)
    assert not is_aligned(free)
    assert not is_clocked(free)


@pytest.mark.parametrize("resolution", [4, 12, 24, 96, 480])
def test_even_sixteenths_are_a_score_at_any_resolution(resolution):
    step = resolution // 4
    ticks = [(i * step, NoteOn(0, 60 + i % 12, 64)) for i in range(32)]
    assert is_aligned(Performance(resolution, with_deltas(ticks)))


def test_playing_to_a_click_is_told_from_playing_freely():
    rng = np.random.default_rng(1)
    ticks = sorted(max(0, 240 * i + int(rng.normal(0, 14))) for i in range(40))
    performance = Performance(480, with_deltas((tick, NoteOn(0, 60, 64)) for tick in ticks))
    assert is_clocked(performance)
    assert not is_aligned(performance)


def test_the_preset_piano_plays_freely():
    made = ml.load("piano").perform(notes=60, seed=3)
    assert not is_aligned(made)
    assert not is_clocked(made)


# Chords.


def test_a_spread_chord_is_one_and_a_grace_note_is_not():
    spread = np.array([0.0, 0.5, 0.53, 0.575, 1.1])
    assert len(group(spread, np.array([60, 48, 55, 64, 60])).times) == 3
    assert len(group(spread, np.array([60, 48, 62, 64, 60])).times) == 4


def test_fast_notes_are_not_one_chord():
    run = np.arange(30) * 0.06
    assert len(group(run, np.arange(30) * 3 + 30).times) == 30


@given(st.lists(st.floats(0, 20, width=32), min_size=1, max_size=40))
def test_every_chord_has_a_row_of_finite_features(onsets):
    notes = np.array([(t, t + 0.3, 40 + i, 64) for i, t in enumerate(sorted(onsets))])
    features = features_of(group(notes[:, 0], notes[:, 2]), notes)
    assert features.shape[1] == FEATURES
    assert np.isfinite(features).all()


# What was learnt.


@pytest.mark.parametrize("metre", LEARNT, ids=str)
def test_the_steps_from_each_slot_are_a_distribution(metre):
    steps, opening = tables().steps[str(metre)], tables().openings[str(metre)]
    np.testing.assert_allclose(steps.sum((0, 2)), 1, atol=0.01)
    np.testing.assert_allclose(opening.sum(), 1, atol=0.01)


def test_a_step_of_the_lattice_goes_as_far_as_its_places_are_apart():
    lattice = lattice_of((Metre(3, 4), Metre(6, 8)))
    bar = 3 * 24
    leads = lattice.weight > -1e3
    apart = (lattice.slot[None, None, :] - lattice.slot[lattice.source]) % bar
    assert (lattice.distance % bar == apart)[leads].all()
    assert (lattice.metre_of[lattice.source] == lattice.metre_of)[leads].all()


# Beats and bars.


def test_the_bars_of_a_freely_played_waltz_are_found():
    performance, bars = waltz()
    _, sections, _ = place_played(performance)
    assert {str(section.metre) for section in sections} == {"3/4"}
    assert hits(bars, found_bars(performance)) > 0.9


@pytest.mark.parametrize("name", ["maple-leaf-rag", "satie-gymnopedie-no1"])
def test_the_rhythm_of_a_piece_is_found_in_its_sound_alone(name):
    written = ml.read(DATA / f"{name}.mid")
    bare = written.played()
    timed = zip(bare.ticks, bare.events, strict=True)
    notes = [(tick, event) for tick, event in timed if isinstance(event, NoteOn | NoteOff)]
    placed, _, _ = place_played(Performance(bare.resolution, with_deltas(notes)))
    places = {n.onset: p.onset for n, p in zip(written.notes, placed, strict=True)}
    # In proportion: the same music may be written in other values, but in the same ones throughout.
    steps = [
        (places[after] - places[before]) / (after - before)
        for before, after in pairwise(sorted(places))
    ]
    usual = sorted(steps)[len(steps) // 2]
    assert sum(abs(step / usual - 1) < 0.01 for step in steps) > 0.95 * len(steps)


def test_a_given_time_signature_is_obeyed():
    for text in ("3/4", "5/4", "7/8", "2/2", "6/16"):
        metre = Metre(*map(int, text.split("/")))
        _, sections, _ = place_played(waltz(8)[0], metre)
        assert {section.metre for section in sections} == {metre}


def test_time_signatures_in_a_free_performance_say_which_metres_come():
    performance, _ = waltz(8)
    signed = Performance(performance.resolution, (TimeSignature(0, 6, 8), *performance.events))
    assert {str(section.metre) for section in place_played(signed)[1]} == {"6/8"}


def test_given_beats_are_obeyed():
    performance, _ = waltz(12)
    # Someone who counts the waltz in six, from its third beat on.
    beats = [(rubato(beat), (beat - 2) % 6 + 1) for beat in range(2, 37)]
    placed, sections, _ = place_played(performance, beats=read_beats(beats))
    bars = [place for place in (locate(sections, p.onset)[1] for p in placed) if place > 0]
    assert {str(section.metre) for section in sections} == {"6/4"}
    on_bars = [p.note.onset / 1000 for p in placed if p.onset in bars]
    assert on_bars
    assert all(min(abs(rubato(beat) - on) for beat in range(2, 38, 6)) < 0.07 for on in on_bars)


def test_given_beats_without_numbers_are_the_page_s_beats():
    performance, _ = waltz(12)
    placed, _, _ = place_played(
        performance, Metre(3, 4), read_beats([rubato(beat) for beat in range(37)])
    )
    bass = [p.onset for p in placed if p.note.pitch <= 50]
    assert {after - before for before, after in pairwise(sorted(bass))} == {3 * UNIT}


@pytest.mark.parametrize(
    "wrong",
    [[], [1.0], [1.0, 0.5], [(0.5, 0), (1.0, 1)], [(0.5, 1), (1.0, 65)], "now", [(1, 2, 3)] * 2],
)
def test_beats_that_cannot_be_followed_are_refused_in_one_line(wrong):
    with pytest.raises(EncodingError, match=r"beats cannot be followed; give .*"):
        engrave(waltz(2)[0], beats=wrong)


def test_a_pick_up_is_bar_zero():
    performance, _ = waltz(16)
    times = performance.times
    notes = [
        (times[n.on] + 0.8, times[n.off] - times[n.on], n.pitch, n.velocity)
        for n in performance.notes
    ]
    upbeat = (rubato(0) + 0.8 - 0.68, 0.5, 69, 70)
    placed, sections, _ = place_played(played([upbeat, *notes]), Metre(3, 4))
    bars = bars_of(sections, max(p.end for p in placed))
    assert (bars[0].number, bars[0].length) == (0, UNIT)


def test_a_pause_is_no_change_of_tempo():
    rng = np.random.default_rng(2)
    starts = [*(0.1 + 0.5 * i for i in range(32)), *(19.3 + 0.5 * i for i in range(32))]
    notes = [
        (human(start, rng), 0.45, 48 if i % 4 == 0 else 60 + i % 5, 80 if i % 4 == 0 else 55)
        for i, start in enumerate(starts)
    ]
    _, _, tempo = place_played(played(notes))
    assert max(tempo.paces) / min(tempo.paces) < 1.25
    assert [pause for pause in tempo.pauses if 1.5 < pause.seconds < 4]


def test_each_bar_line_is_where_all_of_the_piece_wants_it():
    # Quarters: twenty bars of three, then sixty of two; a downbeat in four is not heard as one.
    downbeats = [*range(1, 61, 3), *range(61, 181, 2)]
    level = np.zeros((181, 4))
    level[:, 0], level[:, 1] = -3.0, 1.0
    level[downbeats] = (2.0, -2.0, 0.0, 0.0)
    level[downbeats[::4]] = (-1.0, 1.0, 0.0, 0.0)
    metres = [Metre(2, 4), Metre(3, 4)]
    first, bars, _ = bar_lines(24 * np.arange(181), level, metres, np.zeros(2), tables())
    assert [(first + place, str(metre)) for place, metre in bars] == [
        (24 * -2, "3/4"),
        (24 * 61, "2/4"),
    ]


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=60),
    st.sampled_from([LEARNT[:3], LEARNT[3:], LEARNT[:1], (Metre(5, 4),)]),
)
def test_bar_lines_are_on_beats_and_one_is_at_the_first_chord_or_before(steps, metres):
    slots = np.cumsum(steps)
    beat = metres[0].beat * 24 // UNIT
    slots -= slots % 3
    level = np.random.default_rng(0).normal(size=(len(slots), 4))
    first, bars, _ = bar_lines(slots, level, metres, np.zeros(len(metres)), tables())
    assert first <= slots[0] < first + 24 * bars[0][1].length // UNIT
    assert bars[0][0] == first % beat == 0
    assert all(before[0] < after[0] for before, after in pairwise(bars))
    assert all(place % beat == 0 for place, _ in bars)


# Tuplets.


def onsets_in_beat(parts, beats=32, seed=0):
    """The places in the beat at which evenly divided beats are written."""
    rng = np.random.default_rng(seed)
    notes = []
    for beat in range(beats):
        start, end = 0.2 + 0.62 * beat, 0.2 + 0.62 * (beat + 1)
        notes.append((human(start, rng), 0.55, 43 if beat % 4 == 0 else 48, 80))
        for part in range(parts):
            notes.append(
                (human(start + (end - start) * part / parts, rng), 0.15, 67 + 2 * part, 64)
            )
    performance = played(sorted(notes))
    beats_given = read_beats([0.2 + 0.62 * beat for beat in range(beats + 1)])
    placed, _, _ = place_played(performance, Metre(4, 4), beats_given)
    return {p.onset * parts % UNIT for p in placed}


@pytest.mark.parametrize("parts", [2, 3, 4, 6])
def test_beats_divided_evenly_are_written_so(parts):
    assert onsets_in_beat(parts) == {0}


# The tempo curve.


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.floats(-2, 60))
def test_a_place_is_played_when_its_second_says(steps, second):
    places = tuple(np.cumsum([0, *steps]).tolist())
    tempo = Tempo(
        tuple(UNIT * place for place in places),
        tuple(0.4 * place + 0.01 * place**2 for place in places),
        (0.5,) * len(places),
    )
    assert tempo.second(tempo.place(second)) == pytest.approx(second, abs=1e-3)


# Whatever is played.


def lawful(performance, placed, sections):
    assert [p.note for p in placed] == performance.notes
    assert all(p.end > p.onset >= 0 for p in placed)
    # A key that bounced is where it was struck.
    first = rebounds(table_of(performance)) == np.arange(len(placed))
    struck = [p for p, own in zip(placed, first, strict=True) if own]
    in_time = sorted((performance.times[p.note.on], p.onset) for p in struck)
    assert all(before[1] <= after[1] for before, after in pairwise(in_time))
    bars = bars_of(sections, max((p.end for p in placed), default=0))
    assert all(before.end == after.start for before, after in pairwise(bars))
    assert all(0 < bar.length <= bar.metre.length for bar in bars)


@settings(deadline=None, max_examples=60)
@given(performances)
@example(Performance(480))
def test_any_performance_gets_whole_bars_with_its_notes_in_order(performance):
    placed, sections, tempo = place_played(performance)
    lawful(performance, placed, sections)
    assert all(before < after for before, after in pairwise(tempo.places))


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(1, 1), (128, 0), (2000, 1), (300, 3000), (1500, 150), (1000, 3600)],
    ids=str,
)
def test_music_without_any_pulse_ends_well(count, seconds):
    rng = np.random.default_rng(count)
    starts = np.sort(rng.uniform(0, seconds, count)) if seconds else np.zeros(count)
    notes = [(float(s), float(rng.uniform(0.02, 3)), i % 128, 64) for i, s in enumerate(starts)]
    performance = played(notes)
    placed, sections, _ = place_played(performance)
    lawful(performance, placed, sections)


@pytest.mark.parametrize("bpm", [5, 1000])
def test_extreme_tempi_end_well(bpm):
    notes = [(i * 60 / bpm, 30 / bpm, 60 + i % 7, 64) for i in range(60)]
    performance = played(notes)
    placed, sections, _ = place_played(performance)
    lawful(performance, placed, sections)


def test_a_long_piece_takes_little_more_memory_than_a_short_one():
    rng = np.random.default_rng(0)

    def peak(chords):
        times = np.cumsum(rng.uniform(0.1, 0.6, chords))
        notes = np.stack([times, times + 0.3, rng.integers(40, 80, chords), times * 0 + 64], 1)
        tracemalloc.start()
        count_bars(group(times, notes[:, 2]), notes)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(100)
    assert peak(2800) - peak(1400) < 1400 * 8192


def test_the_blocks_of_a_long_piece_join_without_a_seam():
    performance, bars = waltz(400)
    assert hits(bars, found_bars(performance, metre=Metre(3, 4))) > 0.95


def test_bars_of_rest_are_kept_where_the_beats_are_given():
    bars = [*range(4), *range(16, 20)]
    notes = [(2.0 * bar + 0.5 * beat, 0.4, 60 + beat, 80) for bar in bars for beat in range(4)]
    beats = [(0.5 * beat, beat % 4 + 1) for beat in range(81)]
    placed, sections, _ = place_played(played(notes), beats=read_beats(beats))
    assert [str(section.metre) for section in sections] == ["4/4"]
    assert [p.onset // UNIT for p in placed] == [
        4 * bar + beat for bar in bars for beat in range(4)
    ]


def test_a_bar_that_the_given_numbers_cut_short_is_short_and_no_beat_is_lost():
    numbers = [1, 2, 3, 4] * 3 + [1, 2, 3] + [1, 2, 3, 4] * 3
    beats = [(0.5 * beat, number) for beat, number in enumerate(numbers)]
    notes = [(0.5 * beat, 0.4, 60 + number, 90) for beat, number in enumerate(numbers)]
    placed, sections, _ = place_played(played(notes), beats=read_beats(beats))
    assert [p.onset for p in placed] == [beat * UNIT for beat in range(len(numbers))]
    assert [(s.start // UNIT, str(s.metre)) for s in sections] == [
        (0, "4/4"),
        (12, "3/4"),
        (15, "4/4"),
    ]


def test_beats_given_from_the_middle_on_number_the_bars_before_them_too():
    notes = [(0.5 * beat, 0.4, 60, 90) for beat in range(24)]
    beats = [(0.5 * beat, (beat - 9) % 4 + 1) for beat in range(9, 17)]
    placed, sections, _ = place_played(played(notes), beats=read_beats(beats))
    assert [p.onset for p in placed] == [beat * UNIT for beat in range(24)]
    # The ninth beat begins a bar, so the first is the last of one.
    assert [(s.start // UNIT, str(s.metre)) for s in sections] == [(0, "4/4"), (1, "4/4")]


def test_given_beats_of_compound_time_are_its_dotted_ones():
    notes = [(0.2 * eighth, 0.18, 60 + eighth % 6, 90) for eighth in range(48)]
    beats = [(0.6 * beat, beat % 2 + 1) for beat in range(17)]
    placed, sections, _ = place_played(played(notes), Metre(6, 8), read_beats(beats))
    assert [str(s.metre) for s in sections] == ["6/8"]
    assert [p.onset for p in placed] == [eighth * UNIT // 2 for eighth in range(48)]
