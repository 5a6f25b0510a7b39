"""Music that no one would write down still makes a page: whole, valid, and nothing lost."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from music21 import stream

import music21_lstm as ml
from music21_lstm.cli import main
from music21_lstm.encoding import ControlChange, NoteOff, NoteOn, Performance, SetTempo
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.notation.beats.chords import rebounds
from music21_lstm.notation.beats.placing import table_of
from music21_lstm.streams.musicxml import musicxml_bytes

from .musicxml_checks import page_of, read_musicxml, schema_errors


def performed(notes, *, resolution=480, before=()):
    """A Performance of (onset, end, pitch) in ticks."""
    timed = [(0, event) for event in before]
    for onset, end, pitch in notes:
        timed += [(onset, NoteOn(0, pitch, 64)), (end, NoteOff(0, pitch))]
    timed.sort(key=lambda pair: pair[0])
    return Performance(resolution, with_deltas(timed))


def at_random(count, seconds, *, seed=1, pitches=(21, 109)):
    draw = np.random.default_rng(seed)
    onsets = np.sort(draw.integers(0, round(seconds * 960), count))
    lengths = draw.integers(20, 2000, count)
    return [
        (int(on), int(on + length), int(pitch))
        for on, length, pitch in zip(onsets, lengths, draw.integers(*pitches, count), strict=True)
    ]


CASES = {
    "no event": Performance(480, ()),
    "no note": Performance(480, [ControlChange(0, 0, 64, 127), ControlChange(4000, 0, 64, 0)]),
    "one note": performed([(0, 480, 60)]),
    "one note without length": performed([(7, 7, 60)]),
    "one note, very late": performed([(10_000_000, 10_000_480, 60)]),
    "a note never released": Performance(480, [NoteOn(0, 60, 64)]),
    "128 notes at once": performed([(0, 480, pitch) for pitch in range(128)]),
    "2,000 notes a second": performed(at_random(1500, 0.75)),
    "random notes": performed(at_random(250, 125)),
    "one key again and again": performed([(61 * i, 61 * i + 50, 60) for i in range(300)]),
    "tempo 5": performed([(480 * i, 480 * i + 400, 60 + i % 7) for i in range(32)],
                         before=[SetTempo.from_mpqn(0, 12_000_000)]),
    "tempo 1,000": performed([(480 * i, 480 * i + 400, 60 + i % 7) for i in range(64)],
                             before=[SetTempo.from_mpqn(0, 60_000)]),
    "no pulse": performed([(round(700 * i**1.21), round(700 * i**1.21) + 900, 50 + i % 23)
                           for i in range(120)]),
    "one tick a quarter": performed([(i, i + 1, 60 + i) for i in range(12)], resolution=1),
    "the finest resolution": performed([(32767 * i, 32767 * i + 11, 60) for i in range(9)],
                                       resolution=32767),
}  # fmt: skip


@pytest.mark.parametrize("view", ["written", "played"])
@pytest.mark.parametrize("name", CASES)
def test_a_bad_case_ends_well(name, view):
    performance = CASES[name].played() if view == "played" else CASES[name]
    score = ml.engrave(performance)
    document = musicxml_bytes(score)
    assert schema_errors(document) == []
    page = page_of(read_musicxml(document))
    assert page.faults == []
    assert bool(page.notes) == bool(performance.notes)
    assert ml.read(score) == performance


def test_an_empty_piece_is_a_bar_of_rest_in_two_staves():
    score = ml.engrave(CASES["no event"])
    assert [len(part.getElementsByClass(stream.Measure)) for part in score.parts] == [1, 1]
    assert not score.recurse().notes


def test_a_long_time_of_random_notes_has_a_bar_for_every_two_seconds():
    performance = performed(at_random(300, 600))
    score = ml.engrave(performance, time_signature="4/4")
    root = read_musicxml(musicxml_bytes(score))
    assert page_of(root).faults == []
    assert ml.read(score) == performance


def test_an_hour_of_random_notes_has_no_more_bars_and_note_heads_than_its_length_asks_for():
    performance = performed(at_random(2400, 3600))
    score = ml.engrave(performance)
    root = read_musicxml(musicxml_bytes(score))
    page = page_of(root)
    assert page.faults == []
    # By chance a key is struck again before it can be: that is one note head.
    firsts = rebounds(table_of(performance)).tolist()
    struck = sum(first == index for index, first in enumerate(firsts))
    assert page.notes - page.ties == struck >= 2390
    assert page.ties < 2400
    # No tempo is above 375 quarters a minute, and no bar is shorter than three eighths.
    assert len(root.findall("part/measure")) <= 3600 / 60 * 375 / 1.5
    assert ml.read(score) == performance


def test_the_command_engraves_every_bad_case(tmp_path, monkeypatch):
    names = [f"{number}.mid" for number in range(len(CASES))]
    for name, performance in zip(names, CASES.values(), strict=True):
        ml.write(performance, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["music21-lstm", "engrave", *names, "-o", "pages/", "-q"])
    try:
        main()
    except SystemExit as stop:
        assert not stop.code
    for name, performance in zip(names, CASES.values(), strict=True):
        document = (tmp_path / "pages" / name).with_suffix(".musicxml").read_bytes()
        assert schema_errors(document) == []
        page = page_of(read_musicxml(document))
        assert page.faults == []
        # Each end of each note makes no more than a few tied values of it.
        assert bool(performance.notes) <= page.notes <= 40 * len(performance.notes)


def test_both_hands_at_the_ends_of_the_keyboard_have_octave_lines_in_turn():
    high = [(480 * i, 480 * i + 480, 97 + i % 4) for i in range(32)]
    low = [(480 * i, 480 * i + 480, 25 + i % 4) for i in range(64)]
    root = read_musicxml(musicxml_bytes(ml.engrave(performed(high + low))))
    lines = [
        (line.get("type"), direction.findtext("staff"))
        for direction in root.iter("direction")
        for line in direction.iter("octave-shift")
    ]
    assert lines == [("down", "1"), ("stop", "1"), ("up", "2"), ("stop", "2")]
    page = page_of(root)
    assert page.faults == []
    # Under a line none is over three ledger lines away; the low notes beside the high ones are.
    assert page.ledgers == 32
