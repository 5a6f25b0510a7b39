"""MIDI files in and out, and the report of what is left out."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings

import music21_lstm as ml
from music21_lstm.encoding import ControlChange, KeySignature, NoteOff, NoteOn, SetTempo
from music21_lstm.encoding.midi import midi_bytes, midi_tracks, read_midi, write_midi
from music21_lstm.encoding.notetext import performance_of, text_of
from music21_lstm.errors import FileError, MidiError
from music21_lstm.streams.interpretation import ensemble_from

from .strategies import performances

DATA = Path(__file__).parent / "data"
FILES = sorted(DATA.glob("*.mid"))


def midi(*tracks, kind=1, resolution=480):
    """A MIDI file's bytes from lists of mido messages."""
    file = mido.MidiFile(type=kind, ticks_per_beat=resolution)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack(messages))
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def on(note, time=0, velocity=80, channel=0):
    return mido.Message("note_on", note=note, velocity=velocity, time=time, channel=channel)


def off(note, time=0, channel=0):
    return mido.Message("note_off", note=note, velocity=64, time=time, channel=channel)


@given(performances)
@settings(max_examples=60)
def test_midi_and_performance_are_inverses(performance):
    again = read_midi(midi_bytes(performance), percussion=True)
    # MIDI has no place for the beats a minute that the text spells out beside the exact tempo.
    assert [type(e) for e in again.events] == [type(e) for e in performance.events]
    assert text_of(again).split("_st_")[0] == text_of(performance).split("_st_")[0]
    plain = [e for e in performance.events if not isinstance(e, SetTempo)]
    assert [e for e in again.events if not isinstance(e, SetTempo)] == plain
    assert [e.mpqn for e in again.events if isinstance(e, SetTempo)] == [
        e.mpqn for e in performance.events if isinstance(e, SetTempo)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_real_music_goes_through_text_and_midi_event_for_event(path):
    performance = read_midi(path)
    assert len(performance.notes) > 100
    text = text_of(performance)
    assert performance_of(text) == performance
    assert read_midi(midi_bytes(performance_of(text))) == performance


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_real_music_lasts_as_long_as_mido_says(path):
    performance = read_midi(path)
    messages = [m for m in mido.MidiFile(path) if m.type != "end_of_track"]
    assert performance.seconds == pytest.approx(sum(m.time for m in messages), abs=1e-6)
    struck = sum(m.type == "note_on" and m.velocity > 0 for m in messages)
    assert len(performance.notes) == struck


def test_tracks_are_merged_in_the_order_of_time_and_the_tempo_of_any_track_counts():
    data = midi(
        [mido.MetaMessage("set_tempo", tempo=400_000, time=240)],
        [on(60), off(60, 480)],
        [on(72, 120), off(72, 480)],
    )
    assert read_midi(data).events == (
        NoteOn(0, 60, 80),
        NoteOn(120, 72, 80),
        SetTempo(120, 150, 400_000),
        NoteOff(240, 60),
        NoteOff(120, 72),
    )


def test_a_track_is_chosen_by_number_name_or_most_notes_and_keeps_the_tempo_map():
    name = mido.MetaMessage("track_name", name="Left hand")
    data = midi(
        [mido.MetaMessage("set_tempo", tempo=400_000)],
        [on(60), off(60, 480), on(62), off(62, 480)],
        [name, on(40), off(40, 480)],
    )
    for track, pitches in ((1, [60, 62]), ("Left hand", [40]), ("most notes", [60, 62])):
        chosen = read_midi(data, track=track)
        assert [n.pitch for n in chosen.notes] == pitches
        assert chosen.events[0] == SetTempo(0, 150, 400_000)
    with pytest.raises(MidiError, match="no track 'Right hand'; it has 0 '', 1 '', 2 'Left hand'"):
        read_midi(data, track="Right hand")


def test_percussion_is_left_out_and_reported_unless_asked_for():
    data = midi([on(36, channel=9), off(36, 240, channel=9), on(60, 0), off(60, 240)])
    without = read_midi(data)
    assert [n.pitch for n in without.notes] == [60]
    assert without.events[0] == NoteOn(240, 60, 80)
    assert "1 × percussion note left out (channel 10)" in map(str, without.losses)
    assert [n.pitch for n in read_midi(data, percussion=True).notes] == [36, 60]


def test_what_the_encoding_cannot_hold_is_reported():
    data = midi(
        [
            mido.Message("program_change", program=5),
            mido.Message("pitchwheel", pitch=100),
            mido.Message("pitchwheel", pitch=0, time=10),
            mido.MetaMessage("lyrics", text="la"),
            on(60),
            off(60, 480),
            on(64, channel=1),
            off(64, 10, channel=1),
            mido.MetaMessage("end_of_track", time=960),
        ],
        kind=0,
    )
    losses = {loss.what: loss.count for loss in read_midi(data).losses}
    assert losses["pitch bend"] == 2
    assert losses["program change"] == 1
    assert losses["lyrics"] == 1
    assert losses["channel merged into one"] == 2
    assert losses["tick of silence after the last event"] == 960


def test_the_deltas_of_what_is_left_out_are_kept():
    data = midi([on(60), mido.Message("pitchwheel", pitch=1, time=100), off(60, 380)])
    assert read_midi(data).duration == 480


def test_the_tracks_of_a_type_2_file_follow_one_another():
    data = midi([on(60), off(60, 480)], [on(62), off(62, 480)], kind=2)
    assert [(n.onset, n.pitch) for n in read_midi(data).notes] == [(0, 60), (480, 62)]
    slow = [mido.MetaMessage("set_tempo", tempo=1_000_000), on(60), off(60, 480)]
    assert read_midi(midi(slow, [on(62), off(62, 480)], kind=2)).seconds == 1.5
    assert [n.pitch for n in read_midi(data, track=1).notes] == [62]


def test_a_key_signature_that_is_none_costs_itself_and_not_the_file():
    data = midi([mido.MetaMessage("key_signature", key="C"), on(60), off(60, 480)])
    broken = data.replace(b"\xff\x59\x02\x00\x00", b"\xff\x59\x02\x09\x00")
    assert broken != data
    performance = read_midi(broken)
    assert len(performance.notes) == 1
    assert not any(isinstance(e, KeySignature) for e in performance.events)
    assert "1 × key signature that is none" in map(str, performance.losses)


def test_notes_go_to_the_channel_of_the_pedal_so_that_it_is_heard():
    performance = performance_of("0_cc_3_64_127 0_no_60_80 480_nf_60_64")
    written = mido.MidiFile(file=io.BytesIO(midi_bytes(performance)))
    assert {m.channel for m in written.tracks[0] if not m.is_meta} == {3}
    assert isinstance(read_midi(midi_bytes(performance)).events[0], ControlChange)


def test_a_control_change_of_the_percussion_draws_no_note_to_its_channel():
    performance = performance_of("0_cc_9_7_100 0_no_60_80 480_nf_60_64")
    again = read_midi(midi_bytes(performance))
    assert len(again.notes) == 1
    assert "1 × percussion control change left out (channel 10)" in map(str, again.losses)


def test_smpte_time_becomes_ticks_of_the_same_length():
    data = bytearray(midi([on(60), off(60, 1000)]))
    data[12:14] = struct.pack(">bB", -25, 40)  # 25 frames of 40 ticks: a tick is a millisecond
    assert read_midi(bytes(data)).seconds == 1.0
    data[12:14] = struct.pack(">bB", -29, 80)  # 30 frames in 1.001 seconds
    assert read_midi(bytes(data)).seconds == pytest.approx(1000 / (30 * 80) * 1.001)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"hello, this is text", "not a MIDI file"),
        (FILES[0].read_bytes()[:2000], "truncated"),
        (FILES[0].read_bytes()[:20], "truncated"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x01\xe0MTrk\x00\x00\x00\x04\x00\x90\x3c\x50", None),
    ],
)
def test_what_is_no_whole_midi_file_is_refused_in_one_line(data, message):
    if message is None:
        assert len(read_midi(data).notes) == 1
        return
    with pytest.raises(MidiError, match=message) as caught:
        read_midi(data)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileError, match=r"nothing\.mid: no such file"):
        read_midi(tmp_path / "nothing.mid")


def test_a_failed_write_leaves_the_target_as_it_was(tmp_path):
    target = tmp_path / "kept.mid"
    performance = performance_of("0_no_60_80 480_nf_60_64")
    write_midi(performance, target)
    before = target.read_bytes()
    with pytest.raises(FileError, match="cannot be written"):
        write_midi(performance, tmp_path / "no" / "such" / "folder.mid")
    with pytest.raises(FileError, match="is a folder"):
        write_midi(performance, tmp_path)
    assert target.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kept.mid"]


def test_tracks_are_summarised_to_choose_one_by():
    summary = midi_tracks(DATA / "fur-elise.mid")
    right = summary[1]
    assert (right.name, right.notes, right.lowest, right.highest) == ("Piano right", 601, 57, 100)
    assert summary[0].tempo_changes == 923


def test_a_link_is_written_through_and_a_device_is_not_replaced(tmp_path):
    performance = performance_of("0_no_60_80 480_nf_60_64")
    real, link = tmp_path / "real.mid", tmp_path / "link.mid"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_midi(performance, link)
    assert link.is_symlink()
    assert read_midi(real) == performance
    write_midi(performance, "/dev/null")
    assert not Path("/dev/null").is_file()


def one_note_file():
    return midi_bytes(performance_of("rs_480 0_no_60_80 480_nf_60_64"))


def test_a_file_in_a_riff_is_read():
    data = one_note_file()
    size = len(data).to_bytes(4, "little")
    riff = b"RIFF" + (len(data) + 12).to_bytes(4, "little") + b"RMIDdata" + size + data
    assert read_midi(riff) == read_midi(data)
    assert ml.read(riff) == read_midi(data)
    assert ensemble_from(riff).parts == ensemble_from(data).parts


def test_a_chunk_that_is_no_track_is_passed_over_and_told():
    data = one_note_file()
    strange = data[:14] + b"XFIH\0\0\0\4abcd" + data[14:]
    assert read_midi(strange) == read_midi(data)
    assert [loss.what for loss in read_midi(strange).losses] == ["chunk that is no track"]


def test_a_track_that_the_header_forgot_is_read():
    data = one_note_file()
    twice = data[:8] + b"\0\1\0\1" + data[12:] + data[14:]
    assert len(read_midi(twice).notes) == 2


def test_the_name_of_a_track_is_utf8_where_it_can_be():
    for name, coded in (("Flöte", "utf-8"), ("Flöte", "latin-1"), ("ピアノ", "utf-8")):
        midi = mido.MidiFile(type=1)
        for text in (name, "other"):
            meta = mido.MetaMessage("track_name", name=text.encode(coded).decode("latin-1"))
            midi.tracks.append(mido.MidiTrack([meta, mido.Message("note_on", note=60)]))
        buffer = io.BytesIO()
        midi.save(file=buffer)
        assert midi_tracks(buffer.getvalue())[0].name == name
        assert len(read_midi(buffer.getvalue(), track=name).notes) == 1
