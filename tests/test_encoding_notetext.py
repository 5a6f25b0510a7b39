"""The text and its grammar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.encoding import (
    KeySignature,
    NoteOff,
    NoteOn,
    Performance,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.notetext import MNEMONICS, event_of, performance_of, text_of, token_of
from music21_lstm.errors import EventError, NoteTextError

from .strategies import events, performances


@given(events())
def test_a_token_spells_exactly_one_event(event):
    assert event_of(token_of(event)) == event
    assert token_of(event_of(token_of(event))) == token_of(event)


@given(performances)
def test_text_and_performance_are_inverses(performance):
    text = text_of(performance)
    assert performance_of(text) == performance
    assert text_of(performance_of(text)) == text


@given(performances, st.sampled_from([" ", "\n", "\r\n", "\t \n", "  # a comment\n"]))
def test_white_space_and_comments_mean_nothing(performance, between):
    spaced = between.join(text_of(performance).split()) + between
    assert performance_of("\ufeff" + between + spaced) == performance


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text):
    try:
        performance = performance_of(text)
    except NoteTextError as error:
        assert "\n" not in str(error)
        assert str(error).startswith("line ")
    else:
        assert performance_of(text_of(performance)) == performance


def test_the_posts_own_tokens_are_read():
    text = "0_no_77_57\n1_no_69_24\n1_no_62_25\n0_no_65_28\n4_nf_74_64\n13_nf_79_64"
    performance = performance_of(text, resolution=1440)
    assert performance.resolution == 1440
    assert performance.events[0] == NoteOn(0, 77, 57)
    assert performance.events[-1] == NoteOff(13, 79, 64)
    assert performance.duration == 19


def test_upstreams_file_is_read_as_it_is():
    """deep-improvisation: a header, one token a line, note-ons of velocity 0 as note-offs."""
    text = "rs_480\n0_st_119_500000\n0_cc_0_64_127\n12_no_60_80\n468_no_60_0\n"
    performance = performance_of(text)
    assert performance.resolution == 480
    assert performance.events[0] == SetTempo(0, 119, 500_000)
    assert performance.events[-1] == NoteOff(468, 60, 0)
    assert text_of(performance) == text
    assert performance.duration == 480


def test_every_delta_counts_of_whatever_event():
    performance = performance_of("10_cc_0_64_0 20_st_120_500000 30_ts_3_4 40_ks_-1_minor 50_no_1_1")
    assert performance.ticks == [10, 30, 60, 100, 150]
    assert performance.events[2:4] == (TimeSignature(30, 3, 4), KeySignature(40, -1, "minor"))


def test_without_a_header_the_resolution_is_480_or_the_argument():
    assert performance_of("0_no_60_80").resolution == 480
    assert performance_of("0_no_60_80", resolution=96).resolution == 96
    assert performance_of("rs_24 0_no_60_80", resolution=96).resolution == 24


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rs_480\n\n0_no_60_80 zz_1", "line 3, token 'zz_1': unknown event kind 'zz'; known kinds"),
        ("0_zz_1_1", "line 1, token '0_zz_1_1': unknown event kind 'zz'; known kinds: no, nf, cc"),
        ("0_no_128_80", "pitch is '128'; it must be a whole number from 0 to 127"),
        ("0_no_60_128", "velocity is '128'; it must be a whole number from 0 to 127"),
        ("-1_no_60_80", "delta is '-1'; it must be a whole number from 0 to 268435455"),
        ("1e9_no_60_80", "delta is '1e9'"),
        ("1000000000_no_60_80", "delta is '1000000000'"),
        ("0_no_60_+5", "velocity is '+5'"),
        ("0_no_٦٠_80", "pitch is '٦٠'"),
        ("0_no_60", "1 values where <delta>_no_<pitch>_<velocity> takes 2"),
        ("0_ts_3_3", "denominator is 3; it must be a power of two"),
        ("0_ks_0_dorian", "mode is 'dorian'; it must be major or minor"),
        ("0_st_120_0", "mpqn is '0'"),
        ("rs_0 0_no_60_80", "a header is rs_<ticks per quarter>, from rs_1 to rs_32767"),
        ("rs_x", "a header is rs_<ticks per quarter>"),
        ("0_no_60_80 rs_480", "may stand only once, as the first token"),
        ("hello", "not an event; one looks like 0_no_60_80"),
        ("MThd\x00\x00" + "x" * 500, "not an event"),
    ],
)
def test_bad_text_is_refused_with_line_token_and_what_to_do(text, message):
    with pytest.raises(NoteTextError) as caught:
        performance_of(text)
    line = str(caught.value)
    assert message in line
    assert "\n" not in line
    assert len(line) < 250


def test_each_row_of_the_table_has_its_own_mnemonic_and_event():
    assert len({row.name for row in MNEMONICS}) == len({row.event for row in MNEMONICS}) == 6


@pytest.mark.parametrize(
    "make",
    [
        lambda: NoteOn(0, 128, 1),
        lambda: NoteOn(0, 60, 0),
        lambda: NoteOn(0, 60.0, 80),
        lambda: NoteOn(True, 60, 80),
        lambda: NoteOff(-1, 60),
        lambda: SetTempo(0, 120, 0x1000000),
        lambda: KeySignature(0, 8),
        lambda: Performance(0),
        lambda: Performance(480.0),
    ],
)
def test_a_value_out_of_range_cannot_be_made(make):
    with pytest.raises(EventError, match="must be"):
        make()
