"""From events to sound: when it is heard, how long, and at what cost of memory."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given

from music21_lstm.audio import find
from music21_lstm.audio.synth import BLOCK, SynthSettings, synthesize
from music21_lstm.audio.timeline import GRAIN, Status, SynthEvent, timeline
from music21_lstm.encoding import ControlChange, NoteOff, NoteOn, Performance, SetTempo
from music21_lstm.errors import AudioError, SoundfontError
from tests.strategies import performances, short_performances

RATE = 44100
ORGAN, WOODBLOCK = 19, 115


@pytest.fixture(scope="module", autouse=True)
def _piano_stays_loaded():
    """Hold the piano's samples, which take two seconds to decode, while the tests come and go."""
    events = [SynthEvent(BLOCK, 0, Status.PROGRAM, 0, 0)]
    stream = synthesize([events[0]._replace(frame=0), *events], find(), SynthSettings())
    next(stream)
    yield
    stream.close()


def blocks(performance, program=0, rate=RATE, **options):
    events = timeline(performance, rate, program=program, **options)
    return synthesize(events, find(), SynthSettings(rate))


def sound(performance, program=0, **options):
    return np.concatenate(list(blocks(performance, program, **options)))


def level(heard, start, stop):
    return float(np.std(heard[round(start * RATE) : round(stop * RATE)]))


def messages(performance, status, **options):
    return [e for e in timeline(performance, RATE, **options) if e.status is status]


@given(short_performances)
def test_every_note_is_released_and_the_messages_are_in_order(performance):
    events = timeline(performance, RATE)
    sounding: set[int] = set()
    for event in events:
        if event.status is Status.NOTE_ON:
            sounding.add(event.first)
        elif event.status is Status.NOTE_OFF:
            assert event.first in sounding
            sounding.remove(event.first)
    assert not sounding
    frames = [event.frame for event in events]
    assert frames == sorted(frames)
    assert all(frame % GRAIN == 0 for frame in frames)


@given(performances)
def test_each_note_stands_within_half_a_grain_of_its_time(performance):
    ons = messages(performance, Status.NOTE_ON)
    times = [
        (time, event)
        for time, event in zip(performance.times, performance.events, strict=True)
        if isinstance(event, NoteOn)
    ]
    assert len(ons) == len(times)
    for message, (time, event) in zip(ons, times, strict=True):
        assert (message.first, message.second) == (event.pitch, event.velocity)
        # A float of many hours is not exact to the last frame.
        assert abs(message.frame - time * RATE) <= GRAIN / 2 + time * 1e-9


def test_a_key_struck_again_is_let_go_with_its_last_note():
    performance = Performance(
        480, [NoteOn(0, 60, 80), NoteOn(480, 60, 80), NoteOff(480, 60), NoteOff(480, 60)]
    )
    offs = messages(performance, Status.NOTE_OFF)
    assert [round(off.frame / RATE, 2) for off in offs] == [1.5]


def test_a_note_that_is_never_released_sounds_half_a_second_at_the_least():
    (off,) = messages(Performance(480, [NoteOn(480, 60, 80)]), Status.NOTE_OFF)
    assert off.frame / RATE == pytest.approx(1.0, abs=2 * GRAIN / RATE)


def test_until_lets_everything_go_there():
    performance = Performance(480, [NoteOn(0, 60, 80), NoteOn(4800, 64, 80), NoteOff(480, 60)])
    events = timeline(performance, RATE, until=2.0)
    assert [e.first for e in events if e.status is Status.NOTE_ON] == [60]
    assert events[-1].frame / RATE == pytest.approx(2.0, abs=0.001)


def test_the_reverb_send_is_ours_unless_the_performance_has_its_own():
    plain = Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60)])
    own = Performance(480, [ControlChange(0, 3, 91, 7), *plain.events])
    sends = [[e.second for e in messages(p, Status.CONTROL) if e.first == 91] for p in (plain, own)]
    assert sends == [[80], [7]]


def test_controllers_of_all_channels_act_but_none_sets_the_synthesizer_up_anew():
    controls = [ControlChange(0, 5, 64, 127), ControlChange(0, 1, 11, 90)]
    setup = [ControlChange(0, 0, control, 1) for control in (0, 32, 124, 125, 126, 127)]
    performance = Performance(480, [*setup, *controls, NoteOn(0, 60, 80), NoteOff(480, 60)])
    seen = Counter((e.channel, e.first) for e in messages(performance, Status.CONTROL))
    assert seen == {(0, 91): 1, (0, 64): 2, (0, 11): 1, (0, 66): 1}


def test_notes_are_heard_when_the_tempo_map_says():
    events = [SetTempo.from_mpqn(0, 500_000)]
    expected, time = [], 0.0
    for beat, mpqn in enumerate([500_000, 300_000, 741_337, 250_000, 400_000, 612_345]):
        events += [NoteOn(0, 76, 120), SetTempo.from_mpqn(0, mpqn), NoteOff(480, 76)]
        expected.append(time)
        time += mpqn / 1e6
        assert len(expected) == beat + 1
    heard = np.abs(sound(Performance(480, events), WOODBLOCK)).max(axis=1)
    found = []
    for onset in expected:
        start = max(0, round((onset - 0.05) * RATE))
        window = heard[start : start + round(0.1 * RATE)]
        threshold = 0.2 * window.max()
        found.append((start + int(np.argmax(window > threshold))) / RATE)
    errors = np.array(found) - expected
    # The sample has an attack of its own, the same for all.
    assert np.abs(errors - np.median(errors)).max() < 0.002
    assert abs(np.median(errors)) < 0.005


def test_the_sustain_pedal_is_heard_and_lifted_at_the_end():
    note = [NoteOn(0, 48, 100), NoteOff(240, 48)]
    dry = sound(Performance(480, [*note, ControlChange(1920, 0, 7, 100)]))
    held = sound(
        Performance(480, [ControlChange(0, 0, 64, 127), *note, ControlChange(1920, 0, 7, 100)])
    )
    assert level(held, 1.5, 2.0) > 10 * level(dry, 1.5, 2.0)
    assert len(held) / RATE < 8, "the pedal is let go at the end, and the sound dies away"


def test_reverberation_is_heard_after_the_release():
    note = [NoteOn(0, 60, 100), NoteOff(480, 60)]
    wet = sound(Performance(480, note))
    dry = sound(Performance(480, [ControlChange(0, 0, 91, 0), *note]))
    padded = np.zeros_like(wet)
    padded[: len(dry)] = dry[: len(wet)]
    assert level(wet, 0.8, 1.0) > 5 * level(padded, 0.8, 1.0)


def test_the_tail_is_played_out():
    heard = sound(Performance(480, [NoteOn(0, 60, 100), NoteOff(480, 60)]))
    assert len(heard) / RATE > 1.0
    assert np.abs(heard[-100:]).max() < 1e-3 * np.abs(heard).max()


def test_an_organ_note_that_is_never_released_ends():
    heard = sound(Performance(480, [NoteOn(0, 60, 100)]), ORGAN)
    assert len(heard) / RATE < 0.5 + 10 + 0.1


def test_memory_does_not_grow_with_the_length():
    def peak(quarters):
        notes = [
            e
            for i in range(quarters)
            for e in (NoteOn(0, 60 + i % 12, 80), NoteOff(480, 60 + i % 12))
        ]
        performance = Performance(480, notes)
        stream = blocks(performance, rate=8000)
        next(stream)
        tracemalloc.start()
        try:
            assert all(len(block) <= BLOCK for block in stream)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(200) < 1.5 * peak(20) + BLOCK * 8


def test_the_same_performance_gives_the_same_sound():
    performance = Performance(480, [NoteOn(0, 60, 100), NoteOn(30, 67, 90), NoteOff(480, 60)])
    np.testing.assert_array_equal(sound(performance), sound(performance))


def test_two_renders_at_a_time_do_not_mix():
    low, high = (Performance(480, [NoteOn(0, key, 90), NoteOff(480, key)]) for key in (40, 80))
    together = list(zip(blocks(low), blocks(high), strict=False))
    for place, alone in enumerate((low, high)):
        heard = np.concatenate([pair[place] for pair in together])
        np.testing.assert_array_equal(heard, sound(alone)[: len(heard)])


@pytest.mark.parametrize("rate", [0, 7999, 96001])
def test_a_sample_rate_out_of_range_is_an_error(rate):
    with pytest.raises(AudioError, match="sample rate"):
        SynthSettings(sample_rate=rate)


@pytest.mark.parametrize("gain", [0.0, -1.0, 10.5, float("nan")])
def test_a_gain_out_of_range_is_an_error(gain):
    with pytest.raises(AudioError, match="gain"):
        SynthSettings(gain=gain)


def test_a_program_that_the_bank_lacks_is_an_error():
    performance = Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60)])
    with pytest.raises(SoundfontError, match="no program 200"):
        next(blocks(performance, program=200))
