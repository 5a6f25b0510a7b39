"""Several players: MIDI files with their channels, the click, stems, and what a bank lacks."""

from __future__ import annotations

import struct

import mido
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.audio import (
    Ensemble,
    Message,
    SoundingPart,
    ensemble_of,
    ensemble_of_midi,
    find,
    render,
    render_bytes,
    render_stems,
)
from music21_lstm.audio.ensemble import CLICK, Messages, Status
from music21_lstm.audio.synth import warm
from music21_lstm.audio.timeline import timeline
from music21_lstm.encoding import NoteOff, NoteOn, Performance, SetTempo, TimeSignature
from music21_lstm.errors import AudioError, SoundfontError
from tests.test_soundfonts import FOLDER

RATE = 44100
FLUTE, CELLO = 73, 42


@pytest.fixture(scope="module", autouse=True)
def _samples_stay_loaded():
    with warm():
        yield


def midi_file(*tracks, type=1):
    midi = mido.MidiFile(type=type, ticks_per_beat=480)
    midi.tracks += [mido.MidiTrack(track) for track in tracks]
    return midi


def data(midi, tmp_path):
    midi.save(tmp_path / "file.mid")
    return (tmp_path / "file.mid").read_bytes()


def track(name, channel, program, keys, *more):
    messages = [
        mido.MetaMessage("track_name", name=name),
        mido.Message("program_change", channel=channel, program=program),
        *more,
    ]
    for key in keys:
        messages.append(mido.Message("note_on", channel=channel, note=key, velocity=90))
        messages.append(mido.Message("note_off", channel=channel, note=key, time=480))
    return messages


@pytest.fixture
def band(tmp_path):
    """A flute, a cello and drums at 60 beats a minute, in three."""
    head = [
        mido.MetaMessage("set_tempo", tempo=1_000_000),
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
    ]
    midi = midi_file(
        head,
        track("Flute", 0, FLUTE, [84, 86, 88]),
        track("Cello", 1, CELLO, [36, 38, 40]),
        track("Drums", 9, 0, [38, 42, 42]),
    )
    return ensemble_of_midi(data(midi, tmp_path))


def test_a_midi_file_has_a_part_for_each_channel_with_its_program_and_drums(band):
    assert [(p.name, p.program, p.percussion) for p in band.parts] == [
        ("Flute", FLUTE, False),
        ("Cello", CELLO, False),
        ("Drums", 0, True),
    ]
    assert band.seconds == pytest.approx(3.0)
    assert [(b.time, b.first) for b in band.beats] == [(0, True), (1, False), (2, False)]


def test_ports_make_more_than_sixteen_parts_and_all_are_heard(tmp_path):
    tracks = []
    for number in range(40):
        port = [mido.MetaMessage("midi_port", port=number // 16)]
        own = track(f"{number}", number % 16, FLUTE, [40 + number])
        tracks.append(port + own)
    ensemble = ensemble_of_midi(data(midi_file(*tracks), tmp_path))
    assert len(ensemble.parts) == 40
    ons = [e for e in timeline(ensemble, RATE) if e.status is Status.NOTE_ON]
    assert {e.channel for e in ons} == set(range(40))
    assert render(ensemble, tmp_path / "all.wav").voices >= 40


def test_a_change_of_program_and_a_bend_are_heard(tmp_path):
    bend = mido.Message("pitchwheel", channel=0, pitch=8191)
    plain = ensemble_of_midi(data(midi_file(track("", 0, FLUTE, [69])), tmp_path))
    bent = ensemble_of_midi(data(midi_file(track("", 0, FLUTE, [69], bend)), tmp_path))

    def pitch(ensemble):
        sound = soundfile.read(render(ensemble, tmp_path / "note.wav").path)[0][:, 0]
        spectrum = np.abs(np.fft.rfft(sound[4096:20480] * np.hanning(16384)))
        low, high = 400 * 16384 // RATE, 520 * 16384 // RATE
        return (low + np.argmax(spectrum[low:high])) * RATE / 16384

    assert pitch(plain) == pytest.approx(440, abs=6)
    assert pitch(bent) == pytest.approx(440 * 2 ** (2 / 12), abs=6), "two semitones"


def test_pieces_of_a_type_2_file_follow_one_another(tmp_path):
    midi = midi_file(track("One", 0, FLUTE, [60]), track("Two", 0, FLUTE, [62]), type=2)
    ensemble = ensemble_of_midi(data(midi, tmp_path))
    ons = [m for part in ensemble.parts for m in part.messages if m.status is Status.NOTE_ON]
    assert [(m.time, m.first) for m in ons] == [(0.0, 60), (0.5, 62)]


def test_one_track_is_chosen_and_the_tempo_of_another_counts(tmp_path):
    head = [mido.MetaMessage("set_tempo", tempo=1_000_000)]
    midi = midi_file(head, track("A", 0, FLUTE, [60]), track("B", 1, CELLO, [40]))
    ensemble = ensemble_of_midi(data(midi, tmp_path), track="B")
    assert [part.name for part in ensemble.parts] == ["B"]
    assert ensemble.seconds == 1.0


def test_one_instrument_for_all_leaves_the_drums(band):
    assert [p.program for p in band.with_program(19).parts] == [19, 19, 0]
    statuses = {m.status for m in band.with_program(19).parts[0].messages}
    assert Status.PROGRAM not in statuses


def test_a_count_in_comes_before_the_music_in_its_own_metre(band):
    counted = band.counted_in(2)
    clicks = [m for m in counted.parts[-1].messages if m.status is Status.NOTE_ON]
    assert counted.parts[-1].name == CLICK
    assert [m.time for m in clicks] == pytest.approx([0, 1, 2, 3, 4, 5])
    high, low = clicks[0].first, clicks[1].first
    assert [m.first for m in clicks] == [high, low, low] * 2
    assert counted.parts[0].messages[1].time == pytest.approx(6.0)


def test_a_click_follows_the_tempo_map_and_the_dotted_beat():
    events = [
        TimeSignature(0, 6, 8),
        NoteOn(0, 60, 80),
        SetTempo.from_mpqn(720, 1_000_000),
        NoteOff(1440, 60),
    ]
    beats = ensemble_of(Performance(480, events)).beats
    assert [(b.time, b.first) for b in beats] == [(0, True), (0.75, False), (2.25, True)]


@pytest.mark.parametrize("bars", [-1, 17])
def test_a_count_in_of_no_sensible_length_is_an_error(band, bars):
    with pytest.raises(AudioError, match="count_in"):
        band.counted_in(bars)


def test_the_stems_laid_over_one_another_are_the_whole(band, tmp_path):
    whole, *stems = render_stems(band, tmp_path / "band.wav", bits="float", normalize="loudness")
    assert [r.path.name for r in stems] == [
        "band-1-Flute.wav",
        "band-2-Cello.wav",
        "band-3-Drums.wav",
    ]
    mix = soundfile.read(whole.path)[0]
    total = np.zeros_like(mix)
    for stem in stems:
        sound = soundfile.read(stem.path)[0][: len(mix)]
        total[: len(sound)] += sound
    assert 10 * np.log10(np.mean(mix**2) / np.mean((mix - total) ** 2)) > 50


def child(tmp_path, presets, name="small.sf3"):
    """A bank with just these presets of the bundled one."""
    import importlib.util
    import sys

    spec = importlib.util.spec_from_file_location("soundfont_build", FOLDER / "build.py")
    build = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = build
    spec.loader.exec_module(build)
    composite = build.Composite()
    composite.add(build.Bank.read(find().path), presets)
    path = tmp_path / name
    path.write_bytes(composite.finish({"ifil": struct.pack("<HH", 3, 1)}))
    return path


def test_what_a_bank_lacks_is_reported_and_played_by_another(band, tmp_path):
    flute = child(tmp_path, [(0, FLUTE)])
    result = render(band, tmp_path / "band.wav", soundfont=flute)
    assert result.missing_programs == ((0, CELLO), (128, 0))
    assert result.soundfont == flute
    assert result.soundfont_sha256 != find().sha256
    drums = Ensemble((band.parts[2],))
    with pytest.raises(SoundfontError, match="drum kit"):
        render(drums, tmp_path / "drums.wav", soundfont=flute)


def test_a_result_says_what_it_was_made_with(band, tmp_path):
    result = render(band, tmp_path / "band.flac")
    assert result.missing_programs == ()
    assert result.voices >= 3
    assert result.soundfont_sha256 in (FOLDER / "SHA256SUMS").read_text()
    assert -40 < result.loudness < result.peak


def test_the_bytes_for_a_page_are_those_of_a_file(band, tmp_path):
    render(band, tmp_path / "band.ogg")
    assert render_bytes(band, "ogg") == (tmp_path / "band.ogg").read_bytes()


def test_what_follows_when_nothing_can_sound_is_not_waited_for():
    notes = [NoteOn(0, 60, 80), NoteOff(480, 60)]
    late = Message(9000.0, Status.CONTROL, 7, 100)
    part = ensemble_of(Performance(480, notes)).parts[0]
    part = SoundingPart((*part.messages, late))
    assert timeline(Ensemble((part,)), RATE)[-1].frame / RATE == pytest.approx(0.5, abs=0.001)


@given(
    st.lists(
        st.builds(
            Message,
            st.floats(0, 1e6),
            st.sampled_from(Status),
            st.integers(0, 16383),
            st.integers(0, 127),
        )
    ),
    st.integers(0, 5),
)
def test_packed_messages_are_the_messages(messages, place):
    packed = Messages(messages)
    assert list(packed) == messages
    assert packed == Messages(packed)
    assert list(packed[place:]) == messages[place:]
    assert [packed[at] for at in range(-len(messages), 0)] == messages
    with pytest.raises(IndexError):
        packed[len(messages)]


def test_beats_follow_every_change_of_tempo(tmp_path):
    head = [
        mido.MetaMessage("set_tempo", tempo=tempo, time=960) for tempo in (500_000, 250_000, 10**6)
    ]
    tune = track("", 0, FLUTE, [60] * 12)
    beats = ensemble_of_midi(data(midi_file(head, tune), tmp_path)).beats
    assert [beat.time for beat in beats[:8]] == [0, 0.5, 1.0, 1.5, 2.0, 2.25, 2.5, 3.5]
