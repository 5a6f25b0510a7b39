"""The page as a file: whole, self-contained, safe, and with the same bytes as files have."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import sys
from fractions import Fraction

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from music21 import bar, corpus, expressions, instrument, note, stream

import music21_lstm as ml
from music21_lstm.audio import Tags, ensemble_of_midi, read_tags
from music21_lstm.audio.ensemble import Status
from music21_lstm.encoding import NoteOff, NoteOn, Performance
from music21_lstm.errors import FileError, Music21LstmError
from music21_lstm.pages import Piece, improvised, page
from music21_lstm.pages.downloads import file_name
from music21_lstm.pages.engraving import LAYOUTS, drawn
from music21_lstm.pages.markup import json_text
from music21_lstm.pages.page import html_of
from music21_lstm.pages.piece import music_of
from music21_lstm.pages.svg import tidied
from tests.test_cli import SATIE, run  # noqa: F401

C = Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60), NoteOn(0, 64, 50), NoteOff(480, 64)])
EVIL = "</script><script>window.hacked=1</script><img src=x onerror=hacked=1>\u2028日本語"


@pytest.fixture(scope="module")
def evil():
    piece = Piece(C, title=EVIL, composer=EVIL, preset=EVIL, options={EVIL: EVIL}, command=EVIL)
    return page(piece, title=EVIL)


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


def told_by(text):
    """The answers that a quiz holds back."""
    sealed = [each["sealed"] for each in data_of(text)["pieces"]]
    return [json.loads(base64.b64decode(each)) for each in sealed]


def test_nothing_in_the_page_points_outside(evil):
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+[^\s\"'<)]*", evil.html))
    addresses = {each for each in addresses if "." in each}
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"(?!data:)", evil.html)
    assert "@import" not in evil.html
    assert "url(" not in evil.html


def test_the_policy_lets_this_one_script_run_and_forbids_every_request(evil):
    policy = html.unescape(re.search(r'Security-Policy" content="(.*?)"', evil.html)[1])
    script = re.search(r"<script>(.*?)</script>", evil.html, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none'")
    assert "connect-src 'none'" in policy
    assert "form-action 'none'" in policy


def test_a_title_with_a_script_in_it_is_text_and_nothing_else(evil):
    assert evil.html.count("<script") == 2
    assert "<img" not in evil.html
    told = data_of(evil.html)["pieces"][0]["open"]
    assert told["title"] == told["composer"] == told["command"] == EVIL
    assert f"<h1>{html.escape(EVIL)}</h1>" in evil.html


@given(st.text())
def test_no_text_ends_or_begins_a_tag_in_the_data(text):
    said = json_text({"text": text})
    assert "<" not in said
    assert json.loads(said) == {"text": text}


def test_what_an_engraver_might_bring_in_goes():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<defs><g id="E0A4"><path d="M0"/></g></defs><script>hacked=1</script>'
        '<a xlink:href="javascript:hacked=1"><path d="M1"/></a><style>@import "x"</style>'
        '<g id="n0" class="note" onclick="hacked=1"><use xlink:href="#E0A4"/>'
        '<use xlink:href="http://example.com/x.svg#a"/></g></svg>'
    )
    made = tidied(svg, "p0", {"n0": {"data-n": "3"}})
    assert "hacked" not in made
    assert "import" not in made
    assert "example" not in made
    assert '<g class="note" data-n="3"><use href="#p0-0"></use>' in made


def test_brackets_and_hairpins_are_lines_and_not_wedges_of_ink():
    lengths = [Fraction(2, 3)] * 3 + [2]
    measure = stream.Measure([note.Note("C4", quarterLength=each) for each in lengths], number=1)
    score = stream.Score([stream.Part([measure])])
    for [drawing] in drawn(music_of(Piece(score)), "p").layouts.values():
        lines = re.findall(r"<polyline[^>]*>", drawing)
        assert lines
        assert all('fill="none"' in line for line in lines)
    assert 'fill="url' not in tidied(
        '<svg xmlns="http://www.w3.org/2000/svg"><path fill="url(#a)"/></svg>', "p", {}
    )


@given(st.text())
def test_a_file_name_stays_in_its_folder(title):
    name = file_name(title, "midi")
    assert name.endswith(".mid")
    assert not set(name) & set('/\\:*?"<>|\0')
    assert not name.startswith((".", "-"))


@pytest.mark.parametrize("name", ["satie", "bach/bwv66.6"])
def test_every_performed_note_is_drawn_in_each_layout(name):
    music = music_of(Piece(SATIE if name == "satie" else name))
    drawing = drawn(music, "p0")
    assert set(drawing.layouts) == set(LAYOUTS)
    for pages in drawing.layouts.values():
        found = re.findall(r'class="note" data-n="([\d ]+)"( data-tied)?', "".join(pages))
        first = [int(n) for numbers, tied in found if not tied for n in numbers.split()]
        assert sorted(first) == list(range(len(music.performance.notes)))
        assert "".join(pages).count('class="measure"') == len(drawing.bars)


def test_a_note_that_a_repeat_plays_twice_is_one_note_on_the_page():
    measure = stream.Measure([note.Note("C4", quarterLength=4)], number=1)
    measure.rightBarline = bar.Repeat(direction="end")
    score = stream.Score([stream.Part([measure])])
    for [drawing] in drawn(music_of(Piece(score)), "p").layouts.values():
        assert 'data-n="0 1"' in drawing


def test_the_users_own_score_is_left_as_it_was():
    score = corpus.parse("bach/bwv66.6").measures(0, 1)
    before = [(each.id, each.hasVolumeInformation()) for each in score.recurse().notes]
    drawn(music_of(Piece(score)), "p")
    assert [(each.id, each.hasVolumeInformation()) for each in score.recurse().notes] == before


def test_the_files_in_the_page_are_those_that_write_makes(evil, tmp_path):
    [files] = evil.files
    made = {name.rpartition(".")[2]: content for name, content in files.items()}
    assert set(made) == {"mid", "musicxml", "notetext", "mp3"}
    score = ml.engrave(C, title=EVIL, composer=EVIL)
    for suffix, content in made.items():
        if suffix == "mp3":
            tags = Tags(EVIL, EVIL, comment=f"generated by music21-lstm, preset {EVIL}")
            ml.render(C, tmp_path / "c.mp3", tags=tags)
        else:
            ml.write(score, tmp_path / f"c.{suffix}")
        assert content == (tmp_path / f"c.{suffix}").read_bytes(), suffix


def duet():
    """Flute and cello; a fermata in the middle."""
    score = stream.Score()
    for player, pitch in ((instrument.Flute(), "C5"), (instrument.Violoncello(), "C3")):
        part = stream.Part([player])
        for place in range(6):
            part.append(note.Note(pitch).transpose(place))
        part.notes[2].expressions.append(expressions.Fermata())
        score.insert(0, part.makeMeasures())
    return score


def test_a_score_is_heard_with_its_instruments_and_seen_when_it_is_heard(tmp_path):
    made = page(duet())
    [piece] = data_of(made.html)["pieces"]
    starts = [on for on, *_ in piece["notes"][::2]]
    assert starts == [0, 0.5, 1, 2, 2.5, 3]
    [sound] = [content for name, content in made.files[0].items() if name.endswith(".mp3")]
    ml.write(duet(), tmp_path / "duet.mp3")
    ml.write(ml.read(duet()), tmp_path / "piano.mp3")
    assert sound == (tmp_path / "duet.mp3").read_bytes()
    assert sound != (tmp_path / "piano.mp3").read_bytes()


def test_a_midi_file_is_seen_when_it_is_heard():
    [piece] = data_of(page(SATIE).html)["pieces"]
    heard = [
        message.time
        for part in ensemble_of_midi(SATIE).parts
        for message in part.messages
        if message.status is Status.NOTE_ON
    ]
    seen = [on for on, *_ in piece["notes"]]
    assert seen == pytest.approx(sorted(heard), abs=0.001)


def test_what_the_primer_brought_along_is_not_called_copied():
    primer = corpus.parse("bach/bwv66.6").measures(0, 2)
    [piece] = improvised(ml.load("chorale"), primer, measures=1, seed=7)
    judged = data_of(page(piece).html)["pieces"][0]["open"]["judged"]
    assert judged["share"] is None
    assert all(max(each["notes"]) >= piece.primer for each in judged["copied"])
    whole = data_of(page(primer, preset="chorale").html)["pieces"][0]["open"]["judged"]
    assert whole["share"] == 1
    assert whole["copied"]


def test_a_score_that_a_model_made_says_itself_how_it_came_about():
    score = ml.load("chorale").generate(C, measures=1, temperature=0.7, seed=4)
    [piece] = data_of(page(score).html)["pieces"]
    assert piece["open"]["primer"] == 2
    assert piece["open"]["judged"]["judge"] == "chorale"
    facts = dict(piece["open"]["facts"])
    assert (facts["Model"], facts["Seed"], facts["Temperature"]) == ("chorale", "4", "0.7")
    call = "music21_lstm.load('chorale').generate(primer, measures=1, temperature=0.7, seed=4)"
    assert piece["open"]["command"] == call
    told = told_by(page([C, score], quiz=True).html)
    assert sorted(each["machine"] for each in told) == [False, True]


def test_the_files_of_a_quiz_say_nothing_of_themselves(tmp_path):
    made = page(
        [Piece(C, title="Anna"), Piece(C, title="Net", preset="chorale", seed=1)], quiz=True
    )
    for files in made.files:
        [sound] = [content for name, content in files.items() if name.endswith(".mp3")]
        (tmp_path / "a.mp3").write_bytes(sound)
        tags = read_tags(tmp_path / "a.mp3", "mp3")
        assert (tags.title, tags.comment) == ("", "")


def test_the_sound_in_the_page_can_be_decoded_and_is_not_silent(evil):
    audio = base64.b64decode(data_of(evil.html)["pieces"][0]["audio"])
    samples, rate = soundfile.read(io.BytesIO(audio))
    assert abs(samples).max() > 0.5
    assert len(samples) / rate > C.seconds


def test_how_a_piece_came_about_is_noted_down():
    generator = ml.load("chorale")
    first, second = improvised(generator, C, notes=8, temperature=0.9, seed=4, count=2)
    assert (first.seed, second.seed, first.primer) == (4, 5, 2)
    assert first.options == {"notes": 8, "temperature": 0.9}
    assert first.source == generator.perform(C, notes=8, temperature=0.9, seed=4)


def test_nothing_of_the_answers_of_a_quiz_can_be_read():
    human = Piece(C, title="By Anna Magdalena")
    machine = Piece(C.transposed(2), title="By a network", preset="chorale", seed=7)
    made = page([human, machine], quiz=True, seed=1)
    assert "Magdalena" not in made.html
    assert "By a network" not in made.html
    for piece in data_of(made.html)["pieces"]:
        assert piece["open"] is None
        told = json.loads(base64.b64decode(piece["sealed"]))
        assert told["machine"] == (told["title"] == "By a network")


def test_a_quiz_needs_music_of_both_kinds():
    with pytest.raises(Music21LstmError, match="no piece of this quiz was made by a model"):
        page([C, C], quiz=True)
    with pytest.raises(Music21LstmError, match="every piece"):
        page([Piece(C, preset="chorale")], quiz=True)


def test_a_page_of_nothing_is_an_error():
    with pytest.raises(Music21LstmError, match="page of nothing"):
        page([])
    with pytest.raises(Music21LstmError, match="no notes"):
        page(Performance(480))


def test_a_notebook_shows_the_page_in_a_frame_that_reaches_nothing(evil):
    frame = evil._repr_html_()
    assert re.match(r'<iframe title="[^<>]*" sandbox="allow-scripts allow-downloads"', frame)
    assert html.unescape(re.search(r'srcdoc="(.*)"></iframe>', frame, re.S)[1]) == evil.html


def test_a_notebook_shows_scores_of_others_as_it_always_did():
    assert html_of(duet()) is None


def test_without_an_engraver_a_notebook_says_what_to_install(monkeypatch):
    score = ml.load("chorale").generate(notes=4, seed=1)
    assert html_of(score).startswith("<iframe")
    monkeypatch.setitem(sys.modules, "verovio", None)
    assert "pip install &#x27;music21-lstm[page]&#x27;</p>" in html_of(score)


def test_the_command_page_makes_a_gallery_of_files_and_improvisations(run, tmp_path):  # noqa: F811
    (tmp_path / "music").mkdir()
    ml.write(C, tmp_path / "music" / "c.mid")
    options = "--notes 6 --seed 3 --temperature 0.7"
    done = run("page", "music", "--generate", options, "--quiz", "-o", "quiz.html", "--json")
    assert done.code == 0, done.err
    told = told_by((tmp_path / "quiz.html").read_text())
    [machine] = [each for each in told if each["machine"]]
    kept = "--notes 6 --temperature 0.7"
    assert machine["command"] == f"music21-lstm generate {kept} --seed 3 -o new.mid"
    assert ["Temperature", "0.7"] in machine["facts"]
    assert [each["title"] for each in told if not each["machine"]] == ["c"]


def test_the_command_page_refuses_in_one_line(run, tmp_path):  # noqa: F811
    assert "no music in this folder" in run("page", str(tmp_path)).err
    assert "page of nothing" in run("page").err
    assert "none of the files" in run("page", SATIE, "--made-by-model", "x.mid").err
    assert "name it page.html" in run("page", SATIE, "-o", str(tmp_path / "page.pdf")).err
    with pytest.raises(FileError, match=r"name it page\.html"):
        page(SATIE).write(tmp_path / "page")
    assert list(tmp_path.iterdir()) == []
