"""The value in the middle: time, notes, and the changes that have a name."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from music21_lstm.encoding import Loss, NoteOff, NoteOn, Performance, SetTempo
from music21_lstm.errors import EncodingError, EventError

from .strategies import performances, short_performances


@given(performances, st.integers(0, 40))
def test_two_slices_joined_are_the_whole(performance, place):
    assert performance[:place] + performance[place:] == performance


@given(performances)
def test_seconds_are_the_time_of_the_last_event(performance):
    times = performance.times
    assert performance.seconds == (times[-1] if times else 0)
    assert times == sorted(times)


@given(short_performances)
def test_as_played_keeps_every_time_to_half_a_millisecond(performance):
    played = performance.played()
    kept = [e for e in performance.events if not isinstance(e, SetTempo)]
    exact = [
        time
        for time, event in zip(performance.times, performance.events, strict=True)
        if not isinstance(event, SetTempo)
    ]
    assert len(played) == len(kept) + 1
    assert played.resolution == 500
    for event, time, tick in zip(kept, exact, played.ticks[1:], strict=True):
        assert abs(tick / 1000 - time) <= 0.000_501, event
    assert [type(e) for e in played.events[1:]] == [type(e) for e in kept]
    assert played.played() == played


def test_as_played_one_tick_is_one_millisecond():
    slow = Performance(
        480,
        [
            SetTempo(0, 60, 1_000_000),
            NoteOn(480, 60, 80),
            SetTempo(0, 240, 250_000),
            NoteOff(480, 60),
        ],
    )
    assert slow.played().ticks == [0, 1000, 1250]
    assert slow.played().seconds == slow.seconds == 1.25


@given(short_performances, st.integers(-130, 130))
def test_transposing_there_and_back_changes_nothing_or_is_refused(performance, semitones):
    try:
        moved = performance.transposed(semitones)
    except EventError as error:
        assert "pitch" in str(error)
    else:
        assert moved.transposed(-semitones) == performance


@given(short_performances)
def test_quantized_twice_is_quantized_once_and_no_note_vanishes(performance):
    ends = {note.off for note in performance.notes}
    offs = {i for i, e in enumerate(performance.events) if isinstance(e, NoteOff)}
    assume(offs <= ends)  # a stray note off may end a note that was made longer
    step = Fraction(1, 4)
    grid = step * performance.resolution
    once = performance.quantized(step)
    assert once.quantized(step) == once
    assert len(once) == len(performance)
    if grid.denominator == 1:
        assert all(tick % grid == 0 for tick in once.ticks)
        assert all(n.duration > 0 for n in once.notes if n.off is not None)


@given(short_performances)
def test_rescaling_up_and_back_changes_nothing(performance):
    if performance.resolution <= 1000:
        assert (
            performance.rescaled(performance.resolution * 30).rescaled(performance.resolution)
            == performance
        )


def test_of_two_overlapping_notes_of_a_pitch_the_first_on_is_the_first_off():
    events = [NoteOn(0, 60, 10), NoteOn(10, 60, 20), NoteOff(10, 60), NoteOff(10, 60)]
    first, second = Performance(480, events).notes
    assert (first.onset, first.end, first.velocity) == (0, 20, 10)
    assert (second.onset, second.end, second.velocity) == (10, 30, 20)


def test_a_note_that_is_never_released_ends_with_the_performance():
    (note,) = Performance(480, [NoteOff(5, 61), NoteOn(5, 60, 10), NoteOff(90, 61)]).notes
    assert (note.onset, note.end, note.off) == (10, 100, None)


def test_losses_are_reported_and_do_not_count_in_equality():
    lossy = Performance(480, [], [Loss("lyric", 3, "soprano")])
    assert lossy == Performance(480, [])
    assert str(lossy.losses[0]) == "3 × lyric (soprano)"


def test_performances_of_two_resolutions_are_not_joined_by_mistake():
    with pytest.raises(EncodingError, match=r"rescaled\(resolution\)"):
        Performance(480, []) + Performance(96, [])
