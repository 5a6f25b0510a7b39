"""What music21 users call: parse, write, show."""

from __future__ import annotations

import io

import pytest
import soundfile
from music21 import converter, corpus, exceptions21, note, stream

import music21_lstm as ml
from music21_lstm.audio import FORMATS
from music21_lstm.streams.subconverters import CONVERTERS

TEXT = "rs_480 0_no_60_80 470_nf_60_33 10_no_64_70 480_nf_64_64"
LINES = TEXT.replace(" ", "\n") + "\n"


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "tune.notetext"
    target.write_text(TEXT, encoding="utf-8")
    return target


def pitches(score):
    return [n.pitch.midi for n in score.recurse().notes]


def test_a_path_a_string_bytes_and_a_format_are_parsed(path, tmp_path):
    other = tmp_path / "tune.txt"
    other.write_text(TEXT, encoding="utf-8")
    for parsed in (
        converter.parse(path),
        converter.parse(str(path)),
        converter.parse(f"notetext: {TEXT}"),
        converter.parse(TEXT, format="notetext"),
        converter.parse(TEXT.encode(), format="notetext"),
        converter.parse(b"\xef\xbb\xbf" + TEXT.encode(), format="notetext"),
        converter.parse(other, format="notetext"),
    ):
        assert pitches(parsed) == [60, 64]


def test_the_default_is_a_score_to_read_and_quantize_post_false_is_exact(path):
    score = converter.parse(path)
    assert len(score.parts) == 2
    assert score.recurse().notes.first().quarterLength == 1
    exact = converter.parse(path, quantizePost=False)
    assert len(exact.parts) == 1
    assert exact.recurse().notes.first().quarterLength * 480 == 470


def test_a_header_that_is_missing_is_an_argument():
    parsed = converter.parse("0_no_60_80 96_nf_60_64", format="notetext", resolution=96)
    assert parsed.recurse().notes.first().quarterLength == 1


@pytest.mark.parametrize("quantize", [True, False])
def test_unedited_the_text_comes_back(path, tmp_path, quantize):
    score = converter.parse(path, quantizePost=quantize)
    written = score.write("notetext", tmp_path / "again.notetext")
    assert written.read_text(encoding="utf-8") == LINES


def test_writing_without_a_path_makes_a_temporary_file_and_show_prints(path, capsys):
    score = converter.parse(path)
    written = score.write("notetext")
    assert written.suffix == ".notetext"
    assert written.read_text(encoding="utf-8") == LINES
    written.unlink()
    score.show("notetext")
    assert capsys.readouterr().out == LINES


def test_an_open_file_is_written_to(path):
    score = converter.parse(path)
    text, data = io.StringIO(), io.BytesIO()
    score.write("notetext", text)
    score.write("notetext", data)
    assert text.getvalue() == LINES == data.getvalue().decode()


def test_any_stream_is_written(tmp_path):
    target = tmp_path / "chorale.notetext"
    corpus.parse("bach/bwv66.6").write("notetext", target)
    assert len(pitches(converter.parse(target, quantizePost=False))) == 163
    assert note.Note("C4").write("notetext", target).read_text().startswith("rs_480\n0_no_60_90")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_stream_is_written_as_sound(path, tmp_path, suffix):
    target = tmp_path / f"tune.{suffix}"
    assert converter.parse(path).write(suffix, target) == target
    samples, rate = soundfile.read(target)
    assert rate == FORMATS[suffix].sample_rate
    assert 1.0 < len(samples) / rate < 12
    assert 0.5 < abs(samples).max() <= 1


def test_show_in_a_notebook_is_a_player_with_the_sound_inside(path, monkeypatch):
    from IPython import display

    monkeypatch.setattr("music21.common.runningInNotebook", lambda: True)
    player = converter.parse(path).show("mp3")
    assert isinstance(player, display.Audio)
    assert "data:audio/mpeg;base64," in player._repr_html_()


def test_registering_twice_changes_nothing_and_unregistering_undoes_it():
    assert registered() == len(CONVERTERS)
    ml.register()
    assert registered() == len(CONVERTERS)
    assert pitches(converter.parse(f"notetext: {TEXT}")) == [60, 64]
    ml.unregister()
    ml.unregister()
    assert registered() == 0
    with pytest.raises(exceptions21.Music21Exception, match="opus"):
        note.Note("C4").write("opus")
    with pytest.raises(exceptions21.Music21Exception):
        converter.parse(f"notetext: {TEXT}")
    ml.register()
    assert pitches(converter.parse(f"notetext: {TEXT}")) == [60, 64]


def registered():
    known = converter.Converter().subConvertersList()
    return sum(known.count(each) for each in CONVERTERS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("rs_480 0_no_128_80", "line 1, token '0_no_128_80': pitch is '128'"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
    ],
)
def test_bad_text_raises_music21s_own_kind_of_error_in_one_line(data, message, tmp_path):
    with pytest.raises(exceptions21.Music21Exception, match=message):
        converter.parse(data, format="notetext")
    target = tmp_path / "bad.notetext"
    target.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(ml.Music21LstmError, match=r"bad\.notetext: .*"):
        converter.parse(target)


def test_a_failed_write_leaves_the_target_as_it_was(tmp_path):
    target = tmp_path / "kept.notetext"
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(ml.Music21LstmError, match="beyond MIDI's 128 pitches"):
        stream.Part([note.Note("C12")]).write("notetext", target)
    with pytest.raises(ml.Music21LstmError, match="nothing to hear"):
        stream.Part().write("mp3", target)
    assert target.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [target]
