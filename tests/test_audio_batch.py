"""Many files: those done are left out, a bad one does not stop the others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

SATIE = Path(__file__).parent / "data" / "satie-gymnopedie-no1.mid"


def run(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "music21_lstm", "render", *words, "--max-duration", "2"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path):
    for name in ("一.mid", "two.mid"):
        shutil.copy(SATIE, tmp_path / name)
    (tmp_path / "bad.mid").write_text("no MIDI")
    return tmp_path


def test_a_bad_file_is_listed_at_the_end_and_the_others_are_there_and_not_made_again(folder):
    first = run(folder, "bad.mid", "一.mid", "two.mid", "-o", "out/", "-j", "2")
    assert first.returncode == 1
    assert "1 of 3 could not be rendered: bad.mid" in first.stderr.splitlines()[-1]
    files = sorted((folder / "out").iterdir())
    assert [file.name for file in files] == ["two.mp3", "一.mp3"]
    assert all(soundfile.info(file).duration > 2 for file in files)
    before = [file.stat().st_mtime_ns for file in files]
    again = run(folder, "一.mid", "two.mid", "-o", "out/", "--json")
    assert again.returncode == 0
    assert all(fact["skipped"] for fact in json.loads(again.stdout))
    assert [file.stat().st_mtime_ns for file in files] == before
    # Another option is another sound.
    other = run(folder, "two.mid", "-o", "out", "--program", "19", "--json")
    assert "skipped" not in json.loads(other.stdout)[0]


def test_two_sources_of_one_name_are_refused_before_anything_is_made(folder):
    (folder / "sub").mkdir()
    shutil.copy(SATIE, folder / "sub" / "two.mid")
    done = run(folder, "two.mid", "sub/two.mid", "-o", "out/")
    assert done.returncode == 1
    assert "both two.mid and sub/two.mid" in done.stderr
    assert not list((folder / "out").iterdir())


def test_several_sources_need_a_folder(folder):
    done = run(folder, "一.mid", "two.mid", "-o", "one.mp3")
    assert done.returncode == 1
    assert "folder" in done.stderr


def test_stems_and_a_count_in_come_from_the_command_line(folder):
    assert run(folder, "two.mid", "-o", "two.flac", "--stems").returncode == 0
    stems = [path.name for path in folder.glob("two-*.flac")]
    assert len(stems) == 2
    plain = soundfile.info(folder / "two.flac").duration
    assert run(folder, "two.mid", "-o", "in.flac", "--count-in", "1").returncode == 0
    assert soundfile.info(folder / "in.flac").duration < plain + 3
    refused = run(folder, "two.mid", "-o", "two.flac", "--stems", "--click")
    assert "click" in refused.stderr
