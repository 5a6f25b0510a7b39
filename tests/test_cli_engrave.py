"""The command ``engrave``: targets, options, and what goes wrong in one line."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from music21 import converter, key, meter

import music21_lstm as ml
from music21_lstm.cli import main

DATA = Path(__file__).parent / "data"
TEXT = "rs_480 " + " ".join(f"0_no_{60 + i}_80 480_nf_{60 + i}_64" for i in range(6))


class Done:
    def __init__(self, returncode, stdout, stderr):
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path):
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*words, data=b""):
        monkeypatch.setattr(sys, "argv", ["music21-lstm", "engrave", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return Done(code, *capsysbinary.readouterr())

    return call


@pytest.fixture
def tune(tmp_path):
    path = tmp_path / "tune.notetext"
    path.write_text(TEXT, encoding="utf-8")
    return path


def score_of(path):
    return converter.parse(path, forceSource=True, storePickle=False)


def test_the_score_stands_beside_its_source_with_its_name_as_title(run, tune):
    done = run(tune)
    assert (done.returncode, done.stdout) == (0, b"")
    score = score_of(tune.with_suffix(".musicxml"))
    assert score.metadata.bestTitle == "tune"
    assert len(score.parts) == 2


def test_several_performances_go_into_a_new_folder_compressed(run, tune, tmp_path):
    folder = tmp_path / "scores"
    done = run(tune, DATA / "satie-gymnopedie-no1.mid", "-o", f"{folder}/", "--format", "mxl", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sorted(p.name for p in folder.iterdir()) == ["satie-gymnopedie-no1.mxl", "tune.mxl"]
    assert len(score_of(folder / "tune.mxl").recurse().notes) == 6


def test_one_bad_file_of_several_loses_no_other(run, tune, tmp_path):
    bad = tmp_path / "bad.mid"
    bad.write_bytes(b"no music")
    done = run(bad, tune, "-o", tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "tune.musicxml").exists()
    assert not (tmp_path / "bad.musicxml").exists()
    last = done.stderr.decode().strip().splitlines()[-1]
    assert last.startswith("music21-lstm: ")
    assert "bad.mid" in last
    assert last.endswith("(1 of 2 failed)")


def test_metre_key_and_names_are_as_asked_for(run, tune, tmp_path):
    target = tmp_path / "out.musicxml"
    done = run(tune, "-o", target, "--time-signature", "3/4", "--key", "E- major",
               "--title", "Air", "--composer", "A. Nonymous", "--divisions", "4")  # fmt: skip
    assert done.returncode == 0, done.stderr
    score = score_of(target)
    assert score.recurse().getElementsByClass(meter.TimeSignature).first().ratioString == "3/4"
    assert score.recurse().getElementsByClass(key.KeySignature).first().sharps == -3
    assert (score.metadata.bestTitle, score.metadata.composer) == ("Air", "A. Nonymous")


def test_standard_input_becomes_standard_output(run):
    done = run("-", "-o", "-", data=TEXT.encode())
    assert done.returncode == 0
    assert done.stdout.startswith(b"<?xml")
    assert done.stdout.count(b"<pitch>") == 6


def test_it_writes_what_the_library_writes(run, tune, tmp_path):
    run(tune, "-o", tmp_path / "a.musicxml")
    ml.write(tune, tmp_path / "b.musicxml", title="tune")
    assert (tmp_path / "a.musicxml").read_bytes() == (tmp_path / "b.musicxml").read_bytes()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.mid"], "nothing.mid: no such file"),
        (["{tune}", "-o", "out.mp3"], "engrave writes musicxml or mxl, not mp3"),
        (["{tune}", "{tune}", "-o", "one.musicxml"], "one file for 2 scores; name a folder"),
        (["{tune}", "{tune}"], "two of the sources would be written there"),
        (["{tune}", "-o", "nowhere/out.musicxml"], "nowhere"),
        (["{tune}", "--divisions", "x"], "give whole numbers, as 4,3"),
        (["{tune}", "--time-signature", "7"], "time signature '7' cannot be written"),
        (["{tune}", "--format", "pdf"], "not pdf"),
        (["{tune}", "--beats", "{tune}"], "is no time in seconds"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_1(run, words, message, tune):
    done = run(*[word.format(tune=tune) for word in words])
    lines = done.stderr.decode().strip().splitlines()
    assert done.returncode == 1
    assert len(lines) == 1
    assert message in lines[0]
