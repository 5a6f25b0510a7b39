"""Corpora by name, the works that their files belong to, and the files that they are held to."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path, PurePath

import pytest

from music21_lstm.encoding import TimeSignature
from music21_lstm.errors import TrainingError
from music21_lstm.model.cache import Cache
from music21_lstm.model.corpora import CORPORA, chorales, corpus, corpus_pieces, held_out
from music21_lstm.model.corpora_listed import LISTED, VARIABLE, found_files, listed_files
from music21_lstm.model.works import work_of

ELISE = Path(__file__).parent / "data" / "fur-elise.mid"
LISTED_ELISE = "piano-midi-de/midis/Beethoven/elise.mid"


@pytest.fixture
def data(tmp_path):
    """A data folder in which of the whole corpus there is one file."""
    path = tmp_path / "data" / LISTED_ELISE
    path.parent.mkdir(parents=True)
    shutil.copy(ELISE, path)
    return tmp_path / "data"


def test_a_chorale_is_read_as_it_is_written():
    [(name, tune)] = chorales({"bwv66.6"})
    assert name == "bwv66.6.mxl"
    timed = zip(tune.ticks, tune, strict=True)
    metre = [
        (tick, e.numerator, e.denominator) for tick, e in timed if isinstance(e, TimeSignature)
    ]
    assert metre == [(0, 1, 4), (24, 4, 4)]  # it begins with an upbeat
    assert tune.duration == 36 * 24
    from music21 import corpus as music21_corpus

    sung = music21_corpus.parse("bach/bwv66.6").stripTies().recurse().notes
    assert sorted(note.pitch for note in tune.notes) == sorted(n.pitch.midi for n in sung)


@pytest.mark.parametrize("reading", [corpus, corpus_pieces, held_out])
def test_no_corpus_of_another_name_is_known(reading):
    with pytest.raises(
        TrainingError, match="no corpus 'fugues'; known corpora: chorales, piano, jazz"
    ):
        reading("fugues")


@pytest.mark.parametrize("name", LISTED)
def test_no_work_of_a_listed_corpus_is_on_both_sides(name):
    sides = defaultdict(set)
    for listed in listed_files(name):
        sides[work_of(listed.path)].add(listed.held_out)
    assert [work for work, found in sides.items() if len(found) > 1] == []


@pytest.mark.parametrize("name", LISTED)
def test_a_list_names_each_file_once_and_holds_out_about_a_tenth(name):
    listed = listed_files(name)
    assert len({file.path for file in listed}) == len({file.sha256 for file in listed})
    assert all(len(file.sha256) == 64 and file.path.endswith(".mid") for file in listed)
    assert 0.1 < len(held_out(name)) / len(listed) < 0.15


def test_many_composers_are_held_out_of_the_piano_corpus():
    held = {
        PurePath(file.path).parent.name
        for file in listed_files("piano")
        if file.held_out and file.path.startswith("piano-midi-de")
    }
    assert len(held) == 15


def test_the_licence_of_each_corpus_names_whom_to_thank():
    assert "Bernd Krueger" in CORPORA["piano"]
    assert "CC BY-SA 3.0 DE" in CORPORA["piano"]
    assert "Qiuqiang Kong" in CORPORA["piano"]
    assert "Klaus Frieler" in CORPORA["jazz"]
    assert "music21" in CORPORA["chorales"]


def test_a_corpus_whose_place_is_not_said_says_what_is_needed(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(TrainingError, match=f"piano-midi.de in .*GiantMIDI-Piano.*{VARIABLE}"):
        corpus("piano")


def test_a_missing_file_is_an_error_that_names_it(data):
    first = listed_files("piano")[0].path.replace("(", r"\(")
    with pytest.raises(TrainingError, match=f"{first} is missing, and 391 more files"):
        corpus_pieces("piano", data=data)


def test_a_file_that_is_another_than_was_trained_on_is_passed_over_and_told(data):
    rag = ELISE.with_name("maple-leaf-rag.mid")
    other = data / "piano-midi-de/midis/Beethoven/mond_1.mid"
    shutil.copy(rag, other)
    told = []
    found = found_files("piano", data, told.append)
    assert [listed.path for listed, _ in found] == [LISTED_ELISE]
    assert len(told) == 392
    assert [line for line in told if "another file" in line] == [
        f"corpus piano: {other} is another file than was trained on (its SHA-256 differs)"
    ]


def test_where_nothing_of_a_corpus_is_to_be_found_there_is_no_going_on(tmp_path):
    with pytest.raises(TrainingError, match="is missing, and 537 more"):
        found_files("jazz", tmp_path, print)


def test_the_pieces_of_a_corpus_have_their_listed_names_and_works(data, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(data))
    told = []
    [piece] = corpus_pieces("piano", on_skip=told.append, cache=Cache(tmp_path / "cache"))
    assert (piece.name, piece.work) == (LISTED_ELISE, "beethoven woo59")
    assert piece.sha256 in held_out("piano")
    assert held_out("chorales") == frozenset()


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("Beethoven/beethoven_opus10_2.mid", "beethoven op10"),
        ("Beethoven_Piano_Sonata_No_18_Op_31_No_3_P-Q5aBAw-T4_cut_mov_1.mid", "beethoven op31"),
        ("Debussy_Suite_bergamasque_xAKeiyjjTKk_cut_no_3.mid", "debussy suite bergamasque"),
        ("Debussy_Suite_bergamasque.mid", "debussy suite bergamasque"),
        ("jam/clair-de-lune.mid", "debussy suite bergamasque"),
        ("Chopin, Frédéric, Études, Op.10, g0hoN6_HDVU.mid", "chopin op10"),
        ("chpn_op25_e11.mid", "chopin op10"),  # a recording has both sets in one file
        ("god_chpn_op10_e01.mid", "chopin op10"),
        ("Liszt, Franz, Hungarian Rhapsody No.2, S.244_2, LdH1hSWGFGU.mid", "liszt s244"),
        ("Ravel, Maurice, Jeux d'eau, v-QmwrhO3ec.mid", "ravel jeux d eau"),
        ("Ravel/rav_eau.mid", "ravel jeux d eau"),
        ("Scarlatti_Keyboard_Sonata_in_D_minor_K9_PzzKSiUS-X0_cut.mid", "scarlatti k9"),
        ("Haydn/hay_40_2.mid", "haydn hob xvi40"),
        ("Schubert_Sonata_in_D_major_D_850_Opus_53.mid", "schubert d850"),
        ("Mozart_K331_1st-mov_p07.mid", "mozart k331"),
        ("DonByas_HarvardBlues-2.mid", "tune harvardblues"),
        ("CliffordBrown_IllRememberApril_AlternateTake2.mid", "tune illrememberapril"),
        ("WyntonMarsalis_CherokeeII.mid", "tune cherokee"),
        ("jtd_evansb-autumnleavestake2-lafarosmotianp-1960-5b35a288_clip_002_midi.mid",
         "tune autumnleaves"),
        ("album/03 Summer.mid", "album/03 summer"),
        ("album/Symphony mvt 2.notetext", "album/symphony"),
        ("bach/bwv69.6-a.mxl", "bach/bwv69 6 a"),
    ],
)  # fmt: skip
def test_a_file_belongs_to_the_work_that_its_name_says(name, work):
    assert work_of(name) == work
