"""Loudness, true peaks, the limiter; and what a thread that runs ahead must not change."""

from __future__ import annotations

import subprocess
import threading
import time

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_lstm.audio import levels
from music21_lstm.audio.ahead import ahead
from music21_lstm.audio.levels import Meter, limited

RATE = 48000
CEILING = 10 ** (-1 / 20)


def measured(sound, rate=RATE, *, step=4096, true_peak=False):
    meter = Meter(rate, true_peak=true_peak)
    for start in range(0, len(sound), step):
        meter.add(sound[start : start + step].astype(np.float32))
    return meter.finish()


def sine(frequency, decibels, seconds, rate=RATE, phase=0.0):
    wave = np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate + phase)
    return np.repeat(wave[:, None], 2, axis=1) * 10 ** (decibels / 20)


def music(seconds=12.0, rate=RATE):
    """Noise that swells and strikes, with peaks far above its loudness."""
    generator = np.random.default_rng(3)
    count = round(seconds * rate)
    envelope = 0.02 + 0.3 * np.exp(-8 * (np.arange(count) / rate % 1.0))
    noise = generator.normal(0, 0.6, (count + 2, 2))
    # Without what is near half the sample rate, where no two oversampling filters agree.
    soft = 0.25 * noise[:-2] + 0.5 * noise[1:-1] + 0.25 * noise[2:]
    return soft * envelope[:, None]


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
def test_a_sine_of_1_khz_has_the_loudness_that_the_standard_says(rate):
    # EBU Tech 3341, case 1: stereo, −23 dBFS, 1000 Hz is −23 LUFS.
    assert measured(sine(1000, -23, 20, rate), rate).loudness == pytest.approx(-23, abs=0.1)


def test_silence_between_does_not_count_and_soft_passages_count_less():
    # EBU Tech 3341, case 3: −36, −23, −36 LUFS; the relative gate leaves the middle.
    parts = [sine(1000, -36, 5), sine(1000, -23, 30), sine(1000, -36, 5)]
    assert measured(np.concatenate(parts)).loudness == pytest.approx(-23, abs=0.1)
    padded = np.concatenate([sine(1000, -23, 10), np.zeros((RATE * 10, 2))])
    assert measured(padded).loudness == pytest.approx(-23, abs=0.1)


def test_silence_and_nothing_have_no_loudness():
    assert measured(np.zeros((RATE, 2))).loudness == -np.inf
    assert measured(np.zeros((0, 2))).loudness == -np.inf


def test_loudness_and_true_peak_agree_with_ffmpeg(tmp_path):
    sound = music()
    soundfile.write(tmp_path / "music.wav", sound, RATE, subtype="FLOAT")
    said = subprocess.run(
        [
            *("ffmpeg", "-nostats", "-hide_banner", "-i", tmp_path / "music.wav"),
            *("-filter_complex", "ebur128=peak=true", "-f", "null", "-"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    summary = said[said.rindex("Summary") :].split()
    found = measured(sound, true_peak=True)
    assert found.loudness == pytest.approx(float(summary[summary.index("I:") + 1]), abs=0.1)
    peak = float(summary[summary.index("Peak:") + 1])
    assert 20 * np.log10(found.true_peak) == pytest.approx(peak, abs=0.15)


def test_a_true_peak_lies_between_the_samples():
    # A quarter of the sample rate, 45 degrees off: each sample is 3 dB below the top.
    found = measured(sine(RATE / 4, 0, 1, phase=np.pi / 4)[256:-256], true_peak=True)
    assert 20 * np.log10(found.peak) == pytest.approx(-3.01, abs=0.01)
    inner = found.true_peaks[50:-50]
    assert 20 * np.log10(inner.max()) == pytest.approx(0, abs=0.05)


@settings(max_examples=12)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=6))
def test_it_does_not_matter_how_sound_is_cut_into_blocks(cuts):
    sound = music(0.8).astype(np.float32)
    whole, meter, start = measured(sound), Meter(RATE), 0
    for cut in cuts:
        meter.add(sound[start : start + cut])
        start += cut
    meter.add(sound[start:])
    found = meter.finish()
    np.testing.assert_allclose(found.energies, whole.energies, rtol=1e-3, atol=1e-6)
    assert (found.peak, found.frames) == (whole.peak, whole.frames)


def test_the_limiter_keeps_the_ceiling_and_reaches_the_loudness():
    sound = music().astype(np.float32)
    before = measured(sound, true_peak=True)
    envelope, said = limited(before, -16.0, CEILING)
    blocks = [envelope.apply(sound[i : i + 4096], i) for i in range(0, len(sound), 4096)]
    found = measured(np.concatenate(blocks), true_peak=True)
    assert before.true_peak * envelope.scale > CEILING, "there is something to limit"
    assert found.true_peak < CEILING * 1.01
    assert found.loudness == pytest.approx(-16, abs=0.1)
    assert said == pytest.approx(found.loudness, abs=0.1)


@pytest.mark.parametrize("at_a_time", [1, 7, 1000])
def test_gains_rise_no_faster_than_they_may_however_they_are_cut(at_a_time, monkeypatch):
    monkeypatch.setattr(levels, "_AT_A_TIME", at_a_time)
    gains = -(np.random.default_rng(5).exponential(3, 200).astype(np.float32))
    expected, last = [], 0.0
    for gain in gains:
        last = min(last + 0.25, float(gain))
        expected.append(last)
    levels._rise(gains, 0.25)
    np.testing.assert_allclose(gains, expected, atol=1e-5)


def test_what_is_below_the_ceiling_is_only_scaled():
    sound = (music() * 0.05).astype(np.float32)
    before = measured(sound, true_peak=True)
    envelope, _ = limited(before, before.loudness + 3, CEILING)
    changed = envelope.apply(sound, 0)
    np.testing.assert_allclose(changed, sound * 10 ** (3 / 20), rtol=2e-3, atol=1e-7)


def test_an_error_in_the_making_is_raised_where_the_item_is_taken():
    def items():
        yield 1
        raise KeyError("two")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(KeyError, match="two"):
        next(found)


def test_who_stops_early_leaves_no_thread_and_closes_what_was_making():
    closed = []

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    before = threading.active_count()
    found = ahead(items(), count=2)
    next(found)
    found.close()
    assert closed == [True]
    assert threading.active_count() == before


def test_no_more_is_made_ahead_than_was_said():
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    found = ahead(items(), count=3)
    next(found)
    time.sleep(0.3)
    assert len(made) <= 6
    found.close()
