"""The benchmark of every page goes on from where it was, and nothing stops it."""

from __future__ import annotations

import json
import sys

import pytest

import music21_lstm as ml
from benchmarks import valid
from benchmarks.page_checks import verovio_says

TUNE = "rs_480 " + " ".join(f"0_no_{60 + i}_80 480_nf_{60 + i}_64" for i in range(4))


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the benchmark on two tunes and a file that is no music; what it prints, and its rows."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name in ("a", "c"):
        (folder / f"{name}.notetext").write_text(TUNE, encoding="utf-8")
    (folder / "b.mid").write_bytes(b"no music")
    rows = tmp_path / "rows.jsonl"

    def call(*words):
        argv = ["benchmarks", "valid", str(folder), *words, "-o", str(rows)]
        monkeypatch.setattr(sys, "argv", argv)
        valid.main()
        return capsys.readouterr().out, [json.loads(line) for line in rows.open(encoding="utf-8")]

    call.rows = rows
    return call


def test_each_page_is_a_row_and_a_bad_file_is_one_fault_and_stops_nothing(run):
    said, rows = run()
    assert [(row["file"], bool(row["faults"])) for row in rows] == [
        ("a.notetext", False), ("a.notetext", False), ("b.mid", True), ("b.mid", True),
        ("c.notetext", False), ("c.notetext", False),
    ]  # fmt: skip
    assert sum(line.startswith("b.mid (") for line in said.splitlines()) == 2
    assert "as played: 3 pages, 2 without a fault" in said
    assert len(run()[1]) == 6


def test_a_row_that_was_cut_off_in_writing_is_made_again(run):
    _, rows = run("3")
    text = run.rows.read_text(encoding="utf-8")
    run.rows.write_text(f"{text[:-20]}\n", encoding="utf-8")
    assert len(valid._read(run.rows)) == len(rows) - 1
    valid.main()
    assert list(valid._read(run.rows)) == [("a.notetext", "played"), ("a.notetext", "written")]


def test_every_nth_file_is_taken_from_an_offset_on(run):
    _, rows = run("2", "--offset", "1")
    assert {row["file"] for row in rows} == {"b.mid"}


def test_what_verovio_cannot_load_is_said_of_that_page_alone(tmp_path):
    good, bad = tmp_path / "good.musicxml", tmp_path / "bad.musicxml"
    ml.write(f"notetext: {TUNE}", good)
    bad.write_text("<nothing/>", encoding="utf-8")
    said = verovio_says([good, bad])
    assert said[good] == []
    assert said[bad]
