"""The bundled bank, finding banks, and files that are none."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import struct
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from music21_lstm.audio import available, find
from music21_lstm.audio.ogg import set_serial
from music21_lstm.audio.riff import chunks
from music21_lstm.audio.soundfonts import VARIABLE, read
from music21_lstm.audio.synth import BLOCK, SynthSettings, synthesize
from music21_lstm.audio.timeline import Status, SynthEvent
from music21_lstm.errors import SoundfontError

FOLDER = Path(__file__).parent.parent / "soundfonts"
BANK = FOLDER / "music21-lstm.sf3"


@pytest.fixture(scope="module", autouse=True)
def _piano_stays_loaded():
    """Hold the piano's samples, which take two seconds to decode, while the tests come and go."""
    events = [SynthEvent(BLOCK, 0, Status.PROGRAM, 0, 0)]
    stream = synthesize([events[0]._replace(frame=0), *events], find(), SynthSettings())
    next(stream)
    yield
    stream.close()


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("soundfont_build", FOLDER / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _no_bank_of_the_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def sound(bank, events):
    return np.concatenate(list(synthesize(events, bank, SynthSettings())))


def note(key, velocity, *, program=0, bank=0, frames=22016):
    return [
        SynthEvent(0, 0, Status.PROGRAM, bank, program),
        SynthEvent(0, 0, Status.NOTE_ON, key, velocity),
        SynthEvent(frames, 0, Status.NOTE_OFF, key, 64),
    ]


def test_the_bundled_bank_has_all_of_general_midi_and_a_drum_kit():
    bank = find()
    assert bank.path == BANK
    assert bank.programs == frozenset(range(128))
    assert [p.program for p in bank.presets if p.bank == 128] == [0]
    assert bank.path.stat().st_size <= 32_000_000


def test_the_bundled_bank_is_the_one_that_was_built_and_carries_its_licences():
    sums = dict(line.split()[::-1] for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
    assert hashlib.sha256(BANK.read_bytes()).hexdigest() == sums[BANK.name]
    comment = find().comment
    assert comment.count("Permission is hereby granted, free of charge") == 2
    for who in ("Frank Wen", "Michael Cowgill", "S. Christian Collins"):
        assert who in comment


def test_every_program_and_the_kit_sound():
    step = 8192
    events = []
    for place, (bank, program) in enumerate([*((0, p) for p in range(128)), (128, 0)]):
        start = place * step
        events += [
            SynthEvent(start, 0, Status.CONTROL, 120, 0),  # all sound off
            SynthEvent(start, 0, Status.PROGRAM, bank, program),
            SynthEvent(start, 0, Status.NOTE_ON, 60, 110),
            SynthEvent(start + step - 64, 0, Status.NOTE_OFF, 60, 64),
        ]
    peaks = np.abs(sound(find(), events))[: 129 * step].reshape(129, -1).max(axis=1)
    assert [place for place, peak in enumerate(peaks) if peak < 1e-3] == []


@pytest.mark.parametrize("key", [24, 60, 96])
def test_the_piano_is_the_louder_the_harder_it_is_struck_from_velocity_1_on(key):
    levels = [np.std(sound(find(), note(key, v))[:22016]) for v in (1, 2, 20, 64, 127)]
    assert levels[0] > 0
    assert all(soft < loud for soft, loud in pairwise(levels))


@pytest.mark.parametrize("key", [0, 11, 109, 127])
def test_the_piano_has_no_silent_key(key):
    assert np.abs(sound(find(), note(key, 80))).max() > 1e-4


def test_a_copied_preset_sounds_exactly_as_in_its_parent(build, tmp_path):
    composite = build.Composite()
    composite.add(build.Bank.read(BANK), [(0, 48), (128, 0)])
    child = tmp_path / "strings.sf3"
    child.write_bytes(composite.finish({"ifil": struct.pack("<HH", 3, 1)}))
    assert [(p.bank, p.program) for p in read(child).presets] == [(0, 48), (128, 0)]
    for events in (note(60, 90, program=48), note(38, 90, bank=128)):
        np.testing.assert_array_equal(sound(read(child), events), sound(find(), events))


def test_only_ranges_that_end_at_the_limits_are_widened(build):
    zones = [([(43, 12 | 24 << 8)], []), ([(43, 25 | 108 << 8), (44, 12 | 108 << 8)], [])]
    assert build.widened(zones, 43, (12, 108)) == [
        ([(43, 0 | 24 << 8)], []),
        ([(43, 25 | 127 << 8), (44, 12 | 108 << 8)], []),
    ]


def test_a_bank_is_found_by_path_by_name_and_by_the_environment(monkeypatch, tmp_path):
    copy = tmp_path / "soundfonts" / "Mine.sf3"
    copy.parent.mkdir()
    copy.symlink_to(BANK)
    other = tmp_path / "other.sf3"
    other.write_bytes(BANK.read_bytes()[:100])
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert find(copy).path == find(str(copy)).path == copy
    assert find("music21-lstm").path == find("Music21-LSTM.sf3").path == BANK
    monkeypatch.setenv(VARIABLE, str(copy))
    assert find().path == copy
    assert find("music21-lstm").path == BANK, "what is asked for goes before the environment"


def test_available_lists_each_bank_once_and_no_file_that_is_none(monkeypatch, tmp_path, build):
    folder = tmp_path / "soundfonts"
    folder.mkdir()
    composite = build.Composite()
    composite.add(build.Bank.read(BANK), [(0, 73)])
    (folder / "flute.sf3").write_bytes(
        composite.finish({"ifil": struct.pack("<HH", 3, 1), "INAM": b"A flute\0"})
    )
    (folder / "twin.sf3").symlink_to(folder / "flute.sf3")
    (folder / "broken.sf2").write_bytes(b"RIFF")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    banks = available()
    assert banks[0].name == "music21-lstm"
    mine = [bank for bank in banks if bank.path.parent == folder]
    assert [(b.name, b.title, sorted(b.programs)) for b in mine] == [("flute", "A flute", [73])]
    assert find("flute") == mine[0]


def cut_short(tmp_path):
    path = tmp_path / "cut.sf3"
    path.write_bytes(BANK.read_bytes()[:1_000_000])
    return path


def text_in_disguise(tmp_path):
    path = tmp_path / "page.sf2"
    path.write_text("<html>not found</html>")
    return path


def a_wav(tmp_path):
    path = tmp_path / "sound.wav"
    soundfile.write(path, np.zeros(10, np.float32), 8000)
    return path


def empty(tmp_path):
    path = tmp_path / "empty.sf2"
    path.touch()
    return path


def without_presets(tmp_path):
    path = tmp_path / "hollow.sf2"
    path.write_bytes(b"RIFF" + struct.pack("<I", 4) + b"sfbk")
    return path


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (cut_short, "cut short"),
        (text_in_disguise, "not a soundfont"),
        (a_wav, "not a soundfont"),
        (empty, "not a soundfont"),
        (without_presets, "lacks"),
        (lambda folder: folder, "no such soundfont file"),
        (lambda folder: folder / "missing.sf2", "no such soundfont file"),
        (lambda folder: "no-such-bank", "music21-lstm"),
    ],
)
def test_a_file_that_is_no_soundfont_gets_one_line(make, word, tmp_path):
    with pytest.raises(SoundfontError) as caught:
        find(make(tmp_path))
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_environment_is_named_when_it_is_to_blame(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "missing.sf2"))
    with pytest.raises(SoundfontError, match=VARIABLE):
        find()


def test_an_odd_chunk_is_read_with_and_without_its_padding():
    odd, even = b"abcd\1\0\0\0x", b"efgh\2\0\0\0yz"
    for data in (odd + even, odd + b"\0" + even):
        assert [c.name for c in chunks(io.BytesIO(data), 0, len(data))] == [b"abcd", b"efgh"]


def test_a_serial_number_changes_no_sound_and_can_be_set_back():
    stream = io.BytesIO()
    noise = np.random.default_rng(1).normal(0, 0.1, (60_000, 2)).astype(np.float32)
    soundfile.write(stream, noise, 44100, format="OGG", subtype="VORBIS")
    original = stream.getvalue()
    serial = struct.unpack_from("<I", original, 14)[0]
    set_serial(stream, serial ^ 1)
    changed = stream.getvalue()
    assert changed != original
    decoded = [soundfile.read(io.BytesIO(data))[0] for data in (original, changed)]
    np.testing.assert_array_equal(*decoded)
    set_serial(stream, serial)
    assert stream.getvalue() == original, "each checksum is the encoder's own again"
