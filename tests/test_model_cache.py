"""A corpus is read once, and again whenever the file, the code or the entry is no longer good."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from music21_lstm.encoding import ControlChange, NoteOff, NoteOn, Performance, TimeSignature
from music21_lstm.encoding.midi import midi_bytes, read_midi
from music21_lstm.errors import FileError, MidiError, TrainingError
from music21_lstm.model.cache import (
    VARIABLE,
    Cache,
    default_folder,
    encoder_digest,
    read_corpus,
)
from music21_lstm.model.corpora_chorales import chorale_files, read_chorale
from music21_lstm.model.pieces import data_digest, performance_of, piece_of
from tests.strategies import short_performances

DATA = Path(__file__).parent / "data"
MUSIC = [DATA / name for name in ("satie-gymnopedie-no1.mid", "maple-leaf-rag.mid")]
ELISE = DATA / "fur-elise.mid"


def refuse(path):
    raise MidiError(f"{path} was read again")


def satie_for(path):
    """Another reader, for which every file is Satie's."""
    return read_midi(MUSIC[0])


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def same(one, other):
    return one.name == other.name and all(
        np.array_equal(getattr(one, field), getattr(other, field))
        for field in ("notes", "pedal", "metre")
    )


def test_a_piece_has_the_notes_as_played_in_milliseconds():
    elise = read_midi(ELISE)
    piece = piece_of(elise)
    times = elise.times
    heard = sorted(
        (times[n.on], n.pitch, times[n.off], n.velocity) for n in elise.notes if n.off is not None
    )
    assert len(piece) == len(elise.notes) == len(heard)
    onset, end, pitch, velocity = piece.notes.T
    assert np.abs(onset / 1000 - [row[0] for row in heard]).max() < 0.001
    assert np.abs(end / 1000 - [row[2] for row in heard]).max() < 0.001
    assert pitch.tolist() == [row[1] for row in heard]
    assert velocity.sum() == sum(row[3] for row in heard)


def test_the_pedal_is_down_while_it_is_down_on_any_channel():
    rows = [(0, 0, 64), (10, 1, 127), (10, 0, 63), (10, 0, 0), (10, 1, 0), (10, 1, 90), (0, 1, 3)]
    events = [ControlChange(delta, channel, 64, value) for delta, channel, value in rows]
    pedal = piece_of(Performance(500, events)).pedal
    assert pedal.tolist() == [[0, 1], [40, 0]]


@given(short_performances)
def test_a_piece_becomes_a_performance_with_the_same_notes_pedal_and_metre(performance):
    for time_base, resolution in (("played", 500), ("written", 24)):
        grid = {"time_base": time_base, "resolution": resolution}
        try:
            piece = piece_of(performance, **grid)
        except TrainingError:  # of the slowest tempos some last for months
            continue
        assert same(piece, piece_of(performance_of(piece), **grid))


def test_what_lasts_too_long_is_an_error():
    endless = Performance(500, [NoteOn(0, 60, 80), *[NoteOff(2**28 - 1, 60)] * 9])
    with pytest.raises(
        TrainingError, match=r"lasts .* ticks; train on what has 2147483647 at most"
    ):
        piece_of(endless)


def test_what_was_read_once_is_not_read_again(cache):
    first = read_corpus(MUSIC, read=satie_for, cache=cache)
    assert same(first[0], read_corpus(MUSIC[:1], cache=Cache(cache.folder / "other"))[0])
    again = read_corpus(MUSIC, read=satie_for, cache=cache)
    assert all(map(same, first, again))
    # What another reader makes of the same file is not what is wanted.
    with pytest.raises(MidiError, match=r"satie-gymnopedie-no1\.mid was read again"):
        read_corpus(MUSIC, read=refuse, cache=cache)
    rag = read_corpus(MUSIC, cache=cache)[1]
    assert len(rag) == len(read_midi(MUSIC[1]).notes)


def test_a_chorale_is_kept_in_ticks(cache):
    [path] = [path for path in chorale_files() if path.stem == "bwv66.6"]
    options = {"read": read_chorale, "time_base": "written", "resolution": 24, "cache": cache}
    [made], [kept] = read_corpus([path], **options), read_corpus([path], **options)
    assert same(made, kept)
    assert kept.metre.tolist() == [[0, 1, 4], [24, 4, 4]]
    assert performance_of(kept).duration == 36 * 24
    assert (kept.time_base, kept.resolution) == ("written", 24)


def test_a_file_that_changes_is_read_again(cache, tmp_path):
    tune = tmp_path / "tune.mid"
    shutil.copy(MUSIC[0], tune)
    [before] = read_corpus([tune], cache=cache)
    tune.write_bytes(midi_bytes(read_midi(MUSIC[0]).transposed(2)))
    [after] = read_corpus([tune], cache=cache)
    assert np.array_equal(after.notes[:, 2], before.notes[:, 2] + 2)
    assert after.sha256 != before.sha256
    assert data_digest([after]) != data_digest([before])


def test_what_other_code_made_is_made_anew(cache):
    [piece] = read_corpus(MUSIC[:1], cache=cache)
    [entry] = cache.folder.iterdir()
    with np.load(entry) as arrays:
        kept = dict(arrays)
    np.savez(entry, **{**kept, "notes": kept["notes"][:3], "encoder": "of last year"})
    assert same(read_corpus(MUSIC[:1], cache=cache)[0], piece)
    np.savez(entry, **{**kept, "notes": kept["notes"][:3]})  # as if by this code: it is believed
    assert len(read_corpus(MUSIC[:1], cache=cache)[0]) == 3


def test_the_encoder_is_another_as_soon_as_its_code_changes(tmp_path):
    package = tmp_path / "package"
    for place in ("encoding", "streams", "model"):
        shutil.copytree(str(files("music21_lstm") / place), package / place)
    assert encoder_digest(package) == encoder_digest()
    changed = tmp_path / "changed"
    shutil.copytree(package, changed)
    (changed / "encoding/midi.py").write_text("# another\n")
    assert encoder_digest(changed) != encoder_digest()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_entry_is_made_anew(cache, damage):
    [piece] = read_corpus(MUSIC[:1], cache=cache)
    [entry] = cache.folder.iterdir()
    whole = bytearray(entry.read_bytes())
    flipped = whole.copy()
    flipped[len(whole) // 2] ^= 0xFF
    entry.write_bytes(
        {"cut": whole[:-40], "flipped": flipped, "empty": b"", "text": b"music"}[damage]
    )
    assert same(read_corpus(MUSIC[:1], cache=cache)[0], piece)
    assert same(read_corpus(MUSIC[:1], cache=cache)[0], piece)


def test_where_nothing_can_be_kept_the_pieces_are_read_all_the_same(tmp_path):
    (tmp_path / "file").touch()
    [piece] = read_corpus(MUSIC[:1], cache=Cache(tmp_path / "file" / "cache"))
    assert len(piece) == len(read_midi(MUSIC[0]).notes)


def test_pieces_come_in_the_order_of_their_files_however_they_are_read(tmp_path):
    paths = [ELISE, *MUSIC, ELISE]
    told = []
    alone = read_corpus(paths, cache=Cache(tmp_path / "a"), on_read=lambda *n: told.append(n))
    assert told == [(done, 4) for done in range(1, 5)]
    together = read_corpus(paths, cache=Cache(tmp_path / "b"), workers=2)
    with ThreadPoolExecutor(2) as executor:
        threaded = read_corpus(paths, cache=Cache(tmp_path / "c"), executor=executor)
    backwards = read_corpus(paths[::-1], cache=Cache(tmp_path / "b"))
    assert [piece.name for piece in alone] == [path.name for path in paths]
    for others in (together, threaded, backwards[::-1]):
        assert all(map(same, alone, others))
    assert data_digest(alone) == data_digest(backwards)


def test_two_processes_may_fill_one_cache(cache):
    script = (
        "import sys; from pathlib import Path; from music21_lstm.model.cache import *\n"
        "folder, *paths = sys.argv[1:]\n"
        "for piece in read_corpus(paths * 3, cache=Cache(Path(folder))):\n"
        "    print(piece.name, piece.notes.sum(), piece.pedal.sum())\n"
    )
    command = [sys.executable, "-c", script, str(cache.folder), *map(str, [ELISE, *MUSIC])]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (process.communicate()[0] for process in running)
    assert [process.returncode for process in running] == [0, 0]
    assert first == second
    assert first.count(b"\n") == 9
    assert len(list(cache.folder.iterdir())) == 3  # and nothing half-written is left behind
    kept = read_corpus([ELISE, *MUSIC], cache=cache)
    assert [len(piece) for piece in kept] == [
        len(read_midi(path).notes) for path in [ELISE, *MUSIC]
    ]


def test_a_file_that_cannot_be_read_is_an_error_or_is_told(cache, tmp_path):
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"no music")
    paths = [tmp_path / "nowhere.mid", broken, MUSIC[0]]
    with pytest.raises(FileError, match=r"nowhere\.mid: no such file"):
        read_corpus(paths, cache=cache)
    with pytest.raises(MidiError, match=r"broken\.mid"):
        read_corpus(paths[1:], cache=cache)
    told, counted = [], []
    pieces = read_corpus(
        paths, cache=cache, on_skip=told.append, on_read=lambda *n: counted.append(n)
    )
    assert [piece.name for piece in pieces] == [MUSIC[0].name]
    assert [str(path) in line for path, line in zip(paths[:2], told, strict=True)] == [True, True]
    assert counted[-1] == (3, 3)


def test_the_environment_says_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    assert default_folder() == Cache().folder == tmp_path
    monkeypatch.delenv(VARIABLE)
    assert default_folder().name == "music21-lstm"


def test_metre_is_kept_at_its_tick():
    tune = Performance(480, [TimeSignature(0, 3, 4), NoteOn(1440, 60, 80), TimeSignature(0, 2, 2)])
    piece = piece_of(tune, time_base="written", resolution=24)
    assert piece.metre.tolist() == [[0, 3, 4], [72, 2, 2]]
