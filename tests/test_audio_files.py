"""Sound files: whole, level, the same each time; and what bad requests get."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from music21_lstm.audio import FORMATS, Tags, find, library, read_tags, render
from music21_lstm.audio.encoders import encoding_for
from music21_lstm.audio.levels import Meter
from music21_lstm.audio.synth import BLOCK, SynthSettings, synthesize
from music21_lstm.audio.tags import write_tags
from music21_lstm.audio.timeline import Status, SynthEvent
from music21_lstm.encoding import ControlChange, NoteOff, NoteOn, Performance
from music21_lstm.encoding.midi import read_midi
from music21_lstm.errors import AudioError, FileError, SoundfontError

SATIE = Path(__file__).parent / "data" / "satie-gymnopedie-no1.mid"
NOTE = Performance(480, [NoteOn(0, 60, 100), NoteOff(480, 60)])


@pytest.fixture(scope="module", autouse=True)
def _piano_stays_loaded():
    """Hold the piano's samples, which take two seconds to decode, while the tests come and go."""
    events = [SynthEvent(BLOCK, 0, Status.PROGRAM, 0, 0)]
    stream = synthesize([events[0]._replace(frame=0), *events], find(), SynthSettings())
    next(stream)
    yield
    stream.close()


def opening(seconds=4.0):
    """The first bars of Satie's first Gymnopédie, as a render keyword says how long."""
    return {"performance": read_midi(SATIE), "max_duration": seconds}


@pytest.fixture(scope="module")
def satie(tmp_path_factory):
    """The opening in each format: name to result and decoded sound."""
    folder = tmp_path_factory.mktemp("satie")
    results = {name: render(target=folder / f"satie.{name}", **opening()) for name in FORMATS}
    return {name: (r, soundfile.read(r.path, dtype="float32")[0]) for name, r in results.items()}


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_has_the_length_and_the_peak_that_are_reported(satie, name):
    result, heard = satie[name]
    assert heard.shape == (round(result.duration * result.sample_rate), 2)
    assert result.peak == pytest.approx(-1.0)
    assert 20 * np.log10(np.abs(heard).max()) == pytest.approx(-1.0, abs=0.5)
    assert -30 < result.loudness < -10
    assert not result.complete
    assert result.format == name
    assert (result.soundfont, result.library) == (find().path, library().path)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """The opening as float samples, at the rates that the formats have."""
    folder = tmp_path_factory.mktemp("rendered")
    return {
        rate: soundfile.read(
            render(target=folder / f"{rate}.wav", bits="float", sample_rate=rate, **opening()).path,
            dtype="float32",
        )[0]
        for rate in (44100, 48000)
    }


def ratio(sound, other):
    """Signal to noise in dB; both have to be equally long, so that none is shifted."""
    assert sound.shape == other.shape
    sound, other = sound.astype(float), other.astype(float)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(np.mean(sound**2) / np.mean((sound - other) ** 2))


@pytest.mark.parametrize(
    ("name", "options", "decibels"),
    [
        ("wav", {}, 70),
        ("wav", {"bits": 24}, 115),
        ("flac", {}, 70),
        ("flac", {"bits": 24}, 115),
        ("ogg", {"quality": "draft"}, 18),
        ("ogg", {}, 25),
        ("ogg", {"quality": "best"}, 30),
        ("opus", {"quality": "draft"}, 15),
        ("opus", {}, 22),
        ("opus", {"quality": "best"}, 28),
        ("mp3", {"quality": "draft"}, 20),
        ("mp3", {}, 35),
        ("mp3", {"quality": "best"}, 50),
        ("mp3", {"quality": 96}, 20),
    ],
)
def test_decoding_gives_the_rendered_samples_back(rendered, name, options, decibels, tmp_path):
    result = render(target=tmp_path / f"satie.{name}", **options, **opening())
    heard = soundfile.read(result.path, dtype="float32")[0]
    assert ratio(rendered[result.sample_rate], heard) > decibels


@pytest.mark.parametrize("name", ["mp3", "opus", "ogg", "flac"])
def test_another_decoder_hears_the_same_from_the_first_sample_to_the_last(satie, name, tmp_path):
    result, heard = satie[name]
    command = ["ffmpeg", "-v", "error", "-i", result.path, "-f", "f32le", "-ac", "2", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    assert ratio(heard, np.frombuffer(raw, np.float32).reshape(-1, 2)[: len(heard)]) > 40


@pytest.mark.parametrize("name", FORMATS)
def test_a_loud_file_has_16_lufs_and_a_true_peak_below_1_dbfs_as_it_decodes(name, tmp_path):
    result = render(target=tmp_path / f"loud.{name}", normalize="loudness", **opening())
    meter = Meter(result.sample_rate, true_peak=True)
    meter.add(soundfile.read(result.path, dtype="float32")[0])
    found = meter.finish()
    assert found.loudness == pytest.approx(-16, abs=0.3)
    assert result.loudness == pytest.approx(found.loudness, abs=0.05)
    assert 20 * np.log10(found.true_peak) <= -1.0 + 0.02
    assert result.gain > 5


TAGS = Tags("ジムノペディ 第1番", "Эрик Сати", "Trois Gymnopédies", "generated by …, seed 7")
NAMED = ("title", "composer", "album", "comment")
ID3 = {"title": "TIT2", "composer": "TCOM", "album": "TALB", "comment": "COMM::eng"}


@pytest.mark.parametrize("name", FORMATS)
def test_tags_in_any_script_are_read_by_two_other_programs(name, tmp_path):
    path = render(NOTE, tmp_path / f"名前.{name}", tags=TAGS).path
    command = ["ffprobe", "-v", "error", "-show_entries", "format_tags:stream_tags", "-of", "json"]
    said = json.loads(subprocess.run([*command, path], capture_output=True, check=True).stdout)
    tags = {**said["format"].get("tags", {}), **said["streams"][0].get("tags", {})}
    tags = {key.lower(): value for key, value in tags.items()}
    file = mutagen.File(path)
    for field in NAMED:
        assert tags[field] == getattr(TAGS, field)
        theirs = file.tags[ID3[field] if name in ("mp3", "wav") else field]
        assert str(getattr(theirs, "text", theirs)[0]) == getattr(TAGS, field)
    found = read_tags(path, name)
    assert replace(found, software="") == TAGS
    assert "FluidSynth" in found.software
    assert file.info.length == pytest.approx(soundfile.info(path).duration, abs=0.06)


@pytest.fixture(scope="module")
def untagged(tmp_path_factory):
    """A short sound in each format that says nothing of itself."""
    folder = tmp_path_factory.mktemp("untagged")
    noise = np.random.default_rng(1).normal(0, 0.1, (30_000, 2)).astype(np.float32)
    paths = {name: folder / f"noise.{name}" for name in FORMATS}
    for name, path in paths.items():
        with encoding_for(name, None, None, "good").open(path) as encoder:
            encoder.write(noise)
    return paths


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", FORMATS)
@given(tags=st.builds(Tags, *[texts] * 6))
def test_reading_gives_the_tags_that_were_written_and_no_sound_changes(
    name, tags, untagged, tmp_path
):
    path = shutil.copy(untagged[name], tmp_path / f"tagged.{name}")
    write_tags(path, name, tags)
    assert read_tags(path, name) == tags
    np.testing.assert_array_equal(soundfile.read(path)[0], soundfile.read(untagged[name])[0])


@pytest.mark.parametrize("size", [0, 1, 254, 255, 256, 65_024, 65_025, 65_026, 200_000])
@pytest.mark.parametrize("name", FORMATS)
def test_a_comment_of_any_length_leaves_a_file_that_other_programs_read_without_complaint(
    name, size, untagged, tmp_path
):
    path = shutil.copy(untagged[name], tmp_path / f"tagged.{name}")
    write_tags(path, name, Tags("名", comment="x" * size))
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert mutagen.File(path).tags
    assert len(read_tags(path, name).comment) == size


@pytest.mark.parametrize("name", [*FORMATS, "mid"])
def test_a_file_that_is_none_has_no_tags(name, untagged, tmp_path):
    path = tmp_path / "file"
    assert read_tags(path, name) == Tags()
    for other in untagged.values():
        whole = other.read_bytes()
        for data in (b"", whole[:60], whole[:200]):
            path.write_bytes(data)
            assert read_tags(path, name) == Tags()


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_performance_gives_the_same_bytes(name, tmp_path):
    files = [tmp_path / f"{place}.{name}" for place in range(2)]
    for file in files:
        render(NOTE, file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_without_normalizing_a_soft_note_stays_soft_and_a_loud_chord_does_not_clip(tmp_path):
    soft = Performance(480, [NoteOn(0, 60, 20), NoteOff(480, 60)])
    assert render(soft, tmp_path / "soft.wav", normalize=False).peak < -20
    chord = [NoteOn(0, key, 127) for key in range(36, 84)]
    result = render(Performance(480, chord), tmp_path / "loud.wav", normalize=False, gain=5.0)
    assert result.peak == pytest.approx(-1.0)
    heard = soundfile.read(result.path)[0]
    assert np.abs(heard).max() < 0.9


def test_a_program_changes_the_instrument(tmp_path):
    heard = []
    for program in (0, 73):
        result = render(NOTE, tmp_path / f"{program}.wav", program=program)
        heard.append(soundfile.read(result.path)[0][:20_000])
    assert np.corrcoef(heard[0][:, 0], heard[1][:, 0])[0, 1] < 0.9


def test_an_open_file_gets_the_same_bytes_as_a_path_and_need_not_be_seekable(tmp_path):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    result = render(NOTE, pipe, format="wav")
    render(NOTE, tmp_path / "note.wav")
    assert result.path is None
    assert pipe.data == (tmp_path / "note.wav").read_bytes()


def test_the_format_goes_before_the_suffix(tmp_path):
    render(NOTE, tmp_path / "note.bin", format=".FLAC")
    assert soundfile.info(tmp_path / "note.bin").format == "FLAC"


def test_a_relative_target_and_an_upper_case_suffix_are_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert render(NOTE, "NOTE.WAV").complete
    assert soundfile.info(tmp_path / "NOTE.WAV").format == "WAV"


SILENT = Performance(480, [NoteOn(0, 60, 80), ControlChange(0, 0, 120, 0), NoteOff(480, 60)])
HOURS = Performance(480, [NoteOn(0, 60, 80), NoteOff(0x0FFFFFFF, 60)])


@pytest.mark.parametrize(
    ("performance", "options", "error", "word"),
    [
        (SILENT, {}, AudioError, "silent"),
        (Performance(480, [NoteOff(480, 60)]), {}, AudioError, "no notes"),
        (Performance(480), {}, AudioError, "no notes"),
        (HOURS, {}, AudioError, "max_duration"),
        (NOTE, {"max_duration": 0}, AudioError, "max_duration"),
        (NOTE, {"max_duration": float("nan")}, AudioError, "max_duration"),
        (NOTE, {"program": 128}, SoundfontError, "no program 128 in this soundfont; it has 0-127"),
        (NOTE, {"sample_rate": 1}, AudioError, "sample rate"),
        (NOTE, {"gain": 0}, AudioError, "gain"),
        (NOTE, {"format": "aiff"}, AudioError, "wav, flac, ogg, opus, mp3"),
        (NOTE, {"format": "mp3", "sample_rate": 96000}, AudioError, "48000"),
        (NOTE, {"format": "opus", "sample_rate": 44100}, AudioError, "24000, 48000"),
        (NOTE, {"bits": 8}, AudioError, "16 or 24 or float"),
        (NOTE, {"format": "mp3", "bits": 16}, AudioError, "quality"),
        (NOTE, {"quality": "superb"}, AudioError, "draft, good, best"),
        (NOTE, {"format": "mp3", "quality": 100}, AudioError, "96"),
        (NOTE, {"format": "ogg", "quality": 128}, AudioError, "for MP3"),
        (NOTE, {"normalize": "max"}, AudioError, "normalize"),
        (NOTE, {"soundfont": __file__}, SoundfontError, "not a soundfont"),
    ],
)
def test_a_failed_render_is_one_line_and_leaves_the_target_as_it_was(
    performance, options, error, word, tmp_path
):
    target = tmp_path / "old.wav"
    target.write_bytes(b"what was there")
    with pytest.raises(error) as caught:
        render(performance, target, **options)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)
    assert target.read_bytes() == b"what was there"
    assert [path.name for path in tmp_path.iterdir()] == ["old.wav"]


def test_hours_of_music_are_rendered_as_far_as_asked(tmp_path):
    result = render(HOURS, tmp_path / "start.wav", max_duration=2)
    assert 2 < result.duration < 2 + 10
    assert not result.complete


@pytest.mark.parametrize("name", ["note.xyz", "note"])
def test_an_unknown_suffix_lists_the_known_ones(name, tmp_path):
    with pytest.raises(AudioError, match=r"wav, flac, ogg, opus, mp3"):
        render(NOTE, tmp_path / name)


def test_an_open_file_without_a_format_is_an_error():
    with pytest.raises(AudioError, match="needs a format"):
        render(NOTE, io.BytesIO())


def test_a_missing_folder_is_found_out_before_anything_is_rendered(tmp_path):
    target = tmp_path / "missing" / "note.wav"
    with pytest.raises(FileError, match=r"note\.wav"):
        render(NOTE, target)
    assert not target.parent.exists()


def test_a_folder_as_target_is_an_error(tmp_path):
    with pytest.raises(FileError):
        render(NOTE, tmp_path, format="wav")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_device_is_written_to_and_not_replaced():
    render(NOTE, "/dev/null", format="wav")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(FileError, match=r"(?i)no space"):
        render(NOTE, "/dev/full", format="wav")
