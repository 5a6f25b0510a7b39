"""The command line: one verb each, several targets at once, one line and exit code 1 for a failure."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from music21 import converter, corpus

from music21_lstm.cli import main
from music21_lstm.encoding.midi import read_midi
from music21_lstm.encoding.notetext import performance_of
from music21_lstm.model.presets import path as preset_path

DATA = Path(__file__).parent / "data"
SATIE = str(DATA / "satie-gymnopedie-no1.mid")
C = "rs_480\n0_no_60_80\n480_nf_60_64\n"


class Result:
    def __init__(self, code, out, err):
        self.code, self.data, self.err = code, out, err

    @property
    def out(self):
        return self.data.decode()


@pytest.fixture
def run(monkeypatch, capsysbinary, tmp_path):
    """Run the command line in a folder of its own; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["music21-lstm", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsysbinary.readouterr()
        return Result(code, out, err.decode())

    return call


def test_encode_writes_notetext_to_a_file_or_to_standard_output(run):
    assert run("encode", SATIE, "-o", "satie.notetext").code == 0
    printed = run("encode", SATIE)
    assert printed.out == Path("satie.notetext").read_text()
    assert performance_of(printed.out) == read_midi(SATIE)
    assert "left out" in printed.err
    assert run("encode", SATIE, "--quiet").err == ""


def test_encode_reads_midi_and_text_from_standard_input(run):
    assert run("encode", "-", stdin=Path(SATIE).read_bytes()).out == run("encode", SATIE).out
    assert run("encode", "-", stdin=C.encode()).out == C
    assert run("encode", "-", "--resolution", "24", stdin=b"0_no_1_1").out.startswith("rs_24\n")


def test_encode_as_played_bakes_the_tempo_in(run):
    played = performance_of(run("encode", DATA / "fur-elise.mid", "--played").out)
    assert played.resolution == 500
    written = read_midi(DATA / "fur-elise.mid")
    assert played.notes[-1].end / 1000 == pytest.approx(
        written.times[written.notes[-1].off], abs=0.001
    )


def test_decode_writes_several_formats_at_once(run):
    Path("c.notetext").write_text(C)
    result = run(
        "decode", "c.notetext", *"-o c.mid -o c.musicxml -o c.mxl -o c.wav -o c.mp3".split()
    )
    assert result.code == 0, result.err
    assert read_midi("c.mid") == performance_of(C)
    for score in ("c.musicxml", "c.mxl"):
        (parsed,) = converter.parse(Path(score), forceSource=True).recurse().notes
        assert parsed.pitch.midi == 60
    assert soundfile.info("c.wav").duration > 0.5
    assert soundfile.info("c.mp3").duration > 0.5


def test_standard_output_takes_any_format(run):
    result = run("decode", "-", "-o", "-", "--to", "midi", stdin=C.encode())
    assert read_midi(result.data) == performance_of(C)
    assert run("decode", "-", "-o", "-", "--to", "wav", stdin=C.encode()).data.startswith(b"RIFF")
    assert (
        b"<score-partwise"
        in run("decode", "-", "-o", "-", "--to", "musicxml", stdin=C.encode()).data
    )


def test_generate_continues_a_primer_and_says_its_seed(run):
    result = run(
        *"generate --primer bach/bwv66.6 --primer-measures 0-2 --measures 2 --seed 7".split(),
        *"-o new.notetext -o new.mid -o new.musicxml".split(),
    )
    assert result.code == 0, result.err
    assert "seed 7" in result.err
    assert read_midi("new.mid") == performance_of(Path("new.notetext").read_text())
    again = run(
        *"generate --primer bach/bwv66.6 --primer-measures 0-2 --measures 2 --seed 7".split()
    )
    assert again.out == Path("new.notetext").read_text()


def test_generate_takes_a_checkpoint_folder_a_file_and_standard_input_as_primer(run):
    chorale = str(preset_path("chorale"))
    Path("c.notetext").write_text(C)
    one = run(
        "generate", "--checkpoint", chorale, "--primer", "c.notetext", "--notes", 5, "--seed", 1
    )
    two = run("generate", "--primer", "-", "--notes", 5, "--seed", 1, stdin=C.encode())
    assert one.out == two.out != ""
    assert len(performance_of(one.out).notes) == 6


def test_generate_several_numbers_the_targets_and_tells_each_seed(run):
    words = (
        "generate --count 3 --rank --measures 2 --seed 5 --temperature key=0.9,delta=0.8".split()
    )
    facts = json.loads(run(*words, "-o", "new.mid", "-o", "new.notetext", "--json").out)
    assert sorted(one["seed"] for one in facts) == [5, 6, 7]
    assert {path.name for path in Path().iterdir()} == {
        f"new-{number}.{suffix}" for number in (1, 2, 3) for suffix in ("mid", "notetext")
    }
    first = facts[0]
    assert first["targets"] == ["new-1.mid", "new-1.notetext"]
    alone = run(
        "generate",
        "--measures",
        2,
        "--seed",
        first["seed"],
        *"--temperature key=0.9,delta=0.8".split(),
    )
    assert alone.out == Path("new-1.notetext").read_text()
    nats = [one["surprisal"] for one in facts]
    assert abs(nats[0] - sorted(nats)[1]) == min(abs(n - sorted(nats)[1]) for n in nats)


def test_generate_until_the_end_says_whether_the_model_ended_it(run):
    words = "generate --until-end --measures 60 --seed 1 --repetition 0.5 -o a.mid --json".split()
    facts = json.loads(run(*words).out)
    assert facts["ended"] is True
    assert facts["collapsed"] == []


def test_surprisal_prints_the_nats_of_each_note_and_colours_a_score(run):
    Path("c.notetext").write_text(C)
    facts = json.loads(run("surprisal", "c.notetext", "--json").out)
    assert [note["pitch"] for note in facts["each"]] == ["C4"]
    assert facts["each"][0]["nats"] == pytest.approx(facts["nats"], abs=1e-3)
    assert facts["nats"] == pytest.approx(sum(facts["by_field"].values()))
    told = run(*"surprisal bach/bwv66.6 --color -o colours.musicxml".split())
    assert "nats a note" in told.out
    assert "in measure" in told.out
    assert 'color="#' in Path("colours.musicxml").read_text()


def test_fill_writes_some_measures_anew_and_leaves_the_others(run):
    words = (
        "fill bach/bwv66.6 --measures 4-5 --candidates 2 --seed 3 -o new.musicxml --json".split()
    )
    facts = json.loads(run(*words).out)
    assert facts["seed"] in (3, 4)
    before, after = corpus.parse("bach/bwv66.6"), converter.parse(Path("new.musicxml"))

    def pitches(score, first, last):
        return [n.pitch.midi for p in score.parts for n in p.measures(first, last).recurse().notes]

    assert pitches(before, 6, 9) == pitches(after, 6, 9)
    assert pitches(before, 4, 5) != pitches(after, 4, 5)


def test_originality_names_the_chorale_that_was_copied(run):
    facts = json.loads(run("originality", "bach/bwv253", "--json").out)
    assert facts["copied_share"] > 0.9
    assert facts["piece"].startswith("bwv253")
    assert facts["runs"][0]["notes"] <= facts["longest_run"]
    assert "the longest: " in run("originality", "bach/bwv253").out
    free = run(*"generate --notes 40 --max-copy 9 --seed 1 -o free.mid".split())
    assert free.code == 0, free.err
    assert json.loads(run("originality", "free.mid", "--json").out)["longest_run"] <= 9


def test_train_from_a_model_says_when_nothing_can_be_held_out(run, monkeypatch):
    monkeypatch.setenv("MUSIC21_LSTM_CACHE", "cache")
    Path("c.notetext").write_text("rs_480\n" + "0_no_60_80\n240_nf_60_64\n" * 90)
    small = "--units 8 --layers 1 --head-units 8 --no-ages --recall --epochs 1 --held-out 0".split()
    begun = run("train", "c.notetext", "-o", "begun", *small, "--no-index", "--quiet")
    assert begun.code == 0, begun.err
    assert not Path("begun/originality.safetensors").exists()
    trained = run(*"train c.notetext --from begun -o tuned --epochs 1".split())
    assert trained.code == 0, trained.err
    assert "nothing is held out" in trained.err
    assert Path("tuned/originality.safetensors").is_file()
    assert json.loads(Path("tuned/config.json").read_text())["recall"] is True


def test_train_post_then_generate_and_render_repeats_the_posts_result(run):
    """On real music, for two epochs and with a small network: the path, not the quality."""
    trained = run(
        *f"train {SATIE} -o song --recipe post --epochs 2 --units 16 --seed 3".split(), "--quiet"
    )
    assert trained.code == 0, trained.err
    assert json.loads(Path("song/metadata.json").read_text())["command"].startswith(
        "music21-lstm train"
    )
    assert {p.name for p in Path("song").iterdir()} >= {
        "config.json", "metadata.json", "weights.safetensors", "history.csv", "loss.png",
    }  # fmt: skip
    made = run(*"generate --checkpoint song --notes 30 --seed 2 -o song.mid -o song.mp3".split())
    assert made.code == 0, made.err
    assert len(read_midi("song.mid").notes) == 30
    assert soundfile.info("song.mp3").duration > 1
    resumed = run(
        *f"train {SATIE} -o song --recipe post --epochs 3 --units 16 --seed 3".split(), "--resume"
    )
    assert resumed.code == 0, resumed.err
    assert "epoch 3" in resumed.err


def test_render_names_the_file_after_its_source_and_tells_json_what_it_did(run):
    Path("c.notetext").write_text(C)
    assert run("render", "c.notetext").code == 0
    assert soundfile.info("c.mp3").samplerate == 44_100
    facts = json.loads(run("render", "c.notetext", "-o", "c.flac", "--json").out)
    assert facts[0]["format"] == "flac"
    assert facts[0]["duration"] == pytest.approx(soundfile.info("c.flac").duration, abs=0.01)


def test_inspect_shows_tracks_ranges_and_what_is_left_out(run):
    text = run("inspect", DATA / "fur-elise.mid").out
    assert "track 1 'Piano right': 601 notes" in text
    assert "left out: 8 × track name" in text
    facts = json.loads(run("inspect", DATA / "fur-elise.mid", "--json", "--plot", "roll.png").out)
    assert facts["notes"] == 1041
    assert facts["tracks"][2]["name"] == "Piano left"
    assert Path("roll.png").read_bytes().startswith(b"\x89PNG")
    assert "read: track 1" in run("inspect", DATA / "fur-elise.mid", "--track", 1).out


def test_presets_soundfonts_and_doctor_say_what_there_is(run):
    (chorale,) = (p for p in json.loads(run("presets", "--json").out) if p["name"] == "chorale")
    assert chorale["megabytes"] < 12
    assert Path(chorale["card"]).is_file()
    assert "chorale: recipe events" in run("presets").out
    assert any(
        "music21-lstm.sf3" in bank["path"] for bank in json.loads(run("soundfonts", "--json").out)
    )
    doctor = json.loads(run("doctor", "--json").out)
    assert "chorale" in doctor["presets"]
    assert doctor["fluidsynth"][0].isdigit()
    assert all(doctor["packages"].values())
    assert "fluidsynth: " in run("doctor").out


def test_the_shell_is_completed_and_help_has_examples(run):
    words = "encode decode train generate fill surprisal originality evaluate render inspect"
    for command in words.split():
        text = run(command, "--help").out
        assert f"music21-lstm {command}" in text, command
        assert "Example" in text
    assert run("--version").out.startswith("music21-lstm ")
    # From a shell, as a user does: which one it is, is looked up among the processes above.
    shown = subprocess.run(
        ["/bin/bash", "-c", '"$0" -m music21_lstm --show-completion; true', sys.executable],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "complete" in shown.stdout


def test_several_targets_are_all_written_or_none_is(run, tmp_path):
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "silent.notetext").write_text("rs_480")
    for command in (
        "decode {} -o kept.mid -o folder.mid",
        "decode silent.notetext -o kept.mid -o x.mp3",
    ):
        (tmp_path / "kept.mid").write_bytes(b"precious")
        assert run(*command.format(SATIE).split()).code == 1
        assert (tmp_path / "kept.mid").read_bytes() == b"precious"
        assert {path.name for path in tmp_path.iterdir()} == {
            "folder.mid", "silent.notetext", "kept.mid",
        }  # fmt: skip


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl"])
def test_musicxml_comes_from_standard_input_too(run, tmp_path, suffix):
    target = tmp_path / f"page{suffix}"
    assert run("engrave", SATIE, "-o", target).code == 0
    named = run("encode", target)
    assert run("encode", "-", stdin=target.read_bytes()).out == named.out
    assert run("inspect", "-", stdin=target.read_bytes()).code == 0
    # The first line has the name, then come the notes with their measures: those of the score.
    nats = run("surprisal", target).out.splitlines()[1:]
    assert run("surprisal", "-", stdin=target.read_bytes()).out.splitlines()[1:] == nats
    assert run("render", target, "-o", "named.wav").code == 0
    assert run("render", "-", "-o", "piped.wav", stdin=target.read_bytes()).code == 0
    sounds = [soundfile.read(tmp_path / name)[0] for name in ("named.wav", "piped.wav")]
    assert (sounds[0] == sounds[1]).all()
    broken = run("encode", "-", stdin=b"<?xml version='1.0'?><score-partwise>")
    assert broken.code == 1
    assert broken.err.startswith("music21-lstm: MusicXML data: music21 cannot read it")


@pytest.fixture
def bad(tmp_path):
    """A folder of things that are not what they seem."""
    (tmp_path / "text.mid").write_text("this is not MIDI")
    (tmp_path / "cut.mid").write_bytes(Path(SATIE).read_bytes()[:900])
    (tmp_path / "range.notetext").write_text("rs_480\n0_no_128_80\n")
    (tmp_path / "minus.notetext").write_text("-1_no_60_80")
    (tmp_path / "huge.notetext").write_text("1e9_no_60_80")
    (tmp_path / "header.notetext").write_text("rs_fast 0_no_60_80")
    (tmp_path / "binary.notetext").write_bytes(b"\x00\xff\xfe" * 20)
    (tmp_path / "silent.notetext").write_text("rs_480 0_cc_0_64_127")
    (tmp_path / "c.notetext").write_text(C)
    (tmp_path / "no.sf2").write_text("not a soundfont")
    (tmp_path / "broken.musicxml").write_text("<score-partwise><part>")
    (tmp_path / "kept.mid").write_bytes(b"mine")
    (tmp_path / "kept.mp3").write_bytes(b"mine")
    (tmp_path / "kept.musicxml").write_bytes(b"mine")
    for name in ("changed", "newer"):
        shutil.copytree(preset_path("chorale"), tmp_path / name)
    shutil.copytree(preset_path("chorale"), tmp_path / "bare")
    (tmp_path / "bare" / "originality.safetensors").unlink()
    weights = tmp_path / "changed" / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-100] ^= 1
    weights.write_bytes(bytes(data))
    metadata = tmp_path / "newer" / "metadata.json"
    metadata.write_text(metadata.read_text().replace('"format_version": 1', '"format_version": 99'))
    return tmp_path


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("encode missing.mid", "missing.mid: no such file"),
        ("encode text.mid", "text.mid: not a MIDI file"),
        ("encode cut.mid", "cut.mid: the MIDI file is truncated"),
        ("encode broken.musicxml", "broken.musicxml: music21 cannot read it"),
        ("encode c.notetext --track 3 -o sub/no.notetext", "cannot be written"),
        ("decode range.notetext -o kept.mid", "line 2, token '0_no_128_80': pitch is '128'"),
        ("decode minus.notetext -o kept.mid", "delta is '-1'"),
        ("decode huge.notetext -o kept.mid", "delta is '1e9'"),
        ("decode header.notetext -o kept.mid", "a header is rs_<ticks per quarter>"),
        ("decode binary.notetext -o kept.mid", "not UTF-8 text"),
        ("decode c.notetext -o kept.mid -o c.pdf", "unknown suffix '.pdf'"),
        ("decode c.notetext -o /proc/no/c.mid", "cannot be written"),
        ("render c.notetext -o kept.mp3 --soundfont no.sf2", "no.sf2"),
        ("render c.notetext -o kept.mp3 --soundfont missing.sf2", "missing.sf2"),
        ("render c.notetext range.notetext -o . --soundfont nobody", "no soundfont 'nobody'"),
        ("render silent.notetext -o kept.mp3", "no"),
        ("render c.notetext -o kept.mp3 --sample-rate 12", "12"),
        ("generate --primer silent.notetext -o kept.mid", "the primer has no notes"),
        ("generate --primer nobody/nothing -o kept.mid", "no piece of music21's corpus"),
        ("generate --primer-measures 0-2 -o kept.mid", "--primer-measures without a --primer"),
        ("generate --primer bach/bwv66.6 --primer-measures 90-99", "no notes in measures 90-99"),
        ("render c.notetext -o kept.mid", "midi is no sound; render makes wav"),
        ("inspect c.notetext --plot kept.pdf", "the piano roll is a PNG"),
        ("generate --checkpoint changed -o kept.mid", "weights.safetensors is damaged"),
        ("generate --checkpoint newer -o kept.mid", "format version 99"),
        ("generate --checkpoint missing -o kept.mid", "neither a folder nor a bundled preset"),
        ("generate --temperature -1 -o kept.mid", "temperature is -1"),
        (f"encode {SATIE} --track ²", "no track '²'"),
        ("generate --seed -1 -o kept.mid", "seed is -1"),
        ("train c.notetext -o model --seed 99999999999", "seed is 99999999999"),
        (f"decode c.notetext -o {'n' * 300}.mid", "cannot be written"),
        (f"generate --primer {'n' * 300}", "cannot be read"),
        ("decode c.notetext -o kept.mid -o no/such/folder.mp3", "cannot be written"),
        ("encode c.notetext --resolution 0", "resolution is 0"),
        ("inspect text.mid", "not a MIDI file"),
        ("train silent.notetext -o model", "no"),
        ("train c.notetext", "name the checkpoint's folder with -o DIR"),
        ("train c.notetext -o model --recipe waltz", "known recipes: events, post"),
        ("train missing -o model", "missing"),
        ("train c.notetext -o model --settings waltz", "no settings 'waltz'"),
        ("train c.notetext -o model --from missing", "neither a folder nor a bundled preset"),
        ("train c.notetext -o model --from chorale --units 3", "leave out units"),
        ("train --corpus hymns -o model", "known corpora: chorales, piano, jazz"),
        ("generate --count 2", "--count 2 needs files"),
        ("generate --count 0 -o kept.mid", "count is 0"),
        ("generate --temperature hot -o kept.mid", "--temperature 'hot': give a number"),
        ("generate --temperature pitch=1 -o kept.mid", "an event has no such field"),
        ("generate --velocity-level 5 -o kept.mid", "has learned no velocity"),
        ("generate --max-copy 3 -o kept.mid", "max_copy is 3"),
        ("generate --retries -1 -o kept.mid", "retries is -1"),
        ("surprisal c.notetext -o kept.mid", "colours stand in a score"),
        ("surprisal c.notetext --color", "name it with -o"),
        ("surprisal silent.notetext", "no notes"),
        ("fill c.notetext --measures 7 -o kept.mid", "measures 7 to 7 are not there"),
        ("fill c.notetext --measures last -o kept.mid", "measures 'last'"),
        ("originality text.mid", "not a MIDI file"),
        ("originality c.notetext --preset bare", "came without an index"),
    ],
)
def test_bad_input_gets_one_line_exit_code_1_and_nothing_is_lost(run, bad, command, message):
    before = {p: p.read_bytes() for p in bad.rglob("*") if p.is_file()}
    result = run(*command.split())
    assert result.code == 1
    lines = [line for line in result.err.splitlines() if "left out" not in line]
    assert len(lines) == 1, result.err
    assert lines[0].startswith("music21-lstm: ")
    assert message in lines[0]
    assert "Traceback" not in result.err
    after = {p: p.read_bytes() for p in bad.rglob("*") if p.is_file()}
    assert after == before


def test_a_bug_keeps_its_traceback(run, monkeypatch):
    def broken(*_args, **_keywords):
        raise ZeroDivisionError

    monkeypatch.setattr("music21_lstm.pipeline.read", broken)
    with pytest.raises(ZeroDivisionError):
        run("encode", SATIE)
