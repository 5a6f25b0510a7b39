"""Sound files: whole, level, the same each time; and what bad requests get."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from music21_lstm.audio import FORMATS, find, library, render
from music21_lstm.audio.synth import BLOCK, SynthSettings, synthesize
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


def opening(seconds=6.0):
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
    assert heard.shape == (round(result.duration * 44100), 2)
    assert result.peak == pytest.approx(-1.0)
    assert 20 * np.log10(np.abs(heard).max()) == pytest.approx(-1.0, abs=0.5)
    assert not result.complete
    assert result.format == name
    assert (result.soundfont, result.library) == (find().path, library().path)


@pytest.mark.parametrize(("name", "decibels"), [("flac", 90), ("mp3", 35), ("ogg", 20)])
def test_a_compressed_file_sounds_like_the_wav(satie, name, decibels):
    wav, other = satie["wav"][1], satie[name][1]
    noise = np.mean((wav - other) ** 2) + 1e-20
    assert 10 * np.log10(np.mean(wav**2) / noise) > decibels


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
        (NOTE, {"format": "aiff"}, AudioError, "wav, flac, ogg, mp3"),
        (NOTE, {"format": "mp3", "sample_rate": 96000}, AudioError, "48000"),
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
    with pytest.raises(AudioError, match=r"wav, flac, ogg, mp3"):
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
