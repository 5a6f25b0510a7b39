"""Originality: a copy is found in any key and at any tempo, other music is not; the watch holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import numpy as arrays_format

import music21_lstm as ml
from music21_lstm.encoding import NoteOn, Performance
from music21_lstm.encoding.midi import read_midi
from music21_lstm.errors import CheckpointError, FileError, GenerationError
from music21_lstm.generation.index import Index, build_index
from music21_lstm.generation.originality import CopyWatch, originality
from music21_lstm.generation.shingles import RUN, line_of
from music21_lstm.model.corpora import chorales
from tests.performances import of_notes
from tests.strategies import short_performances

DATA = Path(__file__).parent / "data"
NAMES = ("fur-elise", "maple-leaf-rag", "satie-gymnopedie-no1")


def played(notes, resolution=500):
    """A performance of (onset, pitch) pairs."""
    return of_notes([(onset, onset + 1, pitch, 80) for onset, pitch in notes], resolution)


def notes_of(performance):
    return [(note.onset, note.pitch) for note in performance.played().notes]


@pytest.fixture(scope="module")
def pieces():
    return {name: read_midi(DATA / f"{name}.mid") for name in NAMES}


@pytest.fixture(scope="module")
def index(pieces):
    return build_index(pieces.items())


@pytest.fixture(scope="module")
def bach():
    return dict(chorales({"bwv66.6", "bwv153.1", "bwv269", "bwv267"}))


# --- what is a copy, and what is not ---------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_piece_of_the_training_set_is_copied_from_end_to_end(index, pieces, name):
    found = originality(index, pieces[name])
    assert found.copied_share == 1
    assert found.piece == name
    assert found.longest_run >= 0.9 * len(line_of(pieces[name], "played"))
    assert found.where[1] == pieces[name].times[pieces[name].notes[found.where[0]].on]


@pytest.mark.parametrize("name", NAMES)
def test_another_key_tempo_and_touch_hide_nothing(index, pieces, name):
    notes = [(round(onset / 1.15), pitch + 5) for onset, pitch in notes_of(pieces[name])]
    found = originality(index, played(notes))
    assert found.copied_share > 0.9
    assert found.piece == name
    assert found.longest_run > 60


@pytest.mark.parametrize("name", NAMES)
def test_a_rolled_chord_and_an_unsteady_hand_hide_little(index, pieces, name):
    shake = np.random.default_rng(3)
    notes = [(onset + int(shake.integers(21)), pitch) for onset, pitch in notes_of(pieces[name])]
    found = originality(index, played(notes))
    assert found.copied_share > 0.7
    assert found.piece == name
    assert found.longest_run > 30


def test_a_quotation_is_found_where_it_stands(index, pieces):
    quoted = notes_of(pieces["maple-leaf-rag"])[200:240]
    own = [(150 * i + i % 7, 48 + i * 17 % 29) for i in range(60)]
    moved = [(9300 + onset - quoted[0][0], pitch - 2) for onset, pitch in quoted]
    later = [(20_000 + onset, pitch) for onset, pitch in own]
    performance = played([*own, *moved, *later])
    found = originality(index, performance)
    assert found.piece == "maple-leaf-rag"
    assert 30 <= found.longest_run <= 40
    assert set(found.longest.notes) <= set(range(60, 100))
    assert found.where == (min(found.longest.notes), found.longest.start)
    assert 9.3 <= found.longest.start < found.longest.end < 20


@pytest.mark.parametrize("name", NAMES)
def test_a_piece_is_not_copied_from_the_others(pieces, name):
    others = build_index((other, piece) for other, piece in pieces.items() if other != name)
    found = originality(others, pieces[name])
    assert found.copied_share < 0.05
    assert found.longest_run < 20


@pytest.mark.parametrize(
    "pitches",
    [
        [60] * 24,
        [60, 62] * 12,
        [60, 67, 64, 67] * 6,
        [40, 52, 55, 60, 64, 67, 72, 76],
        range(40, 64),
        [p for low in (60, 62, 64, 65, 67, 69, 71, 72) for p in (low, low + 12)],
    ],
    ids=["repeated note", "trill", "Alberti bass", "arpeggio", "chromatic scale", "octave scale"],
)
def test_a_figure_that_everybody_uses_is_nobodys(pitches):
    figure = played([(100 * i, pitch) for i, pitch in enumerate(pitches)])
    found = originality(build_index([("study", figure)]), figure)
    assert (found.eights, found.copied_share, found.runs) == (0, 0.0, ())


def test_what_is_copied_with_a_figure_in_the_middle_is_one_run():
    theme = [60, 67, 65, 64, 62, 69, 71, 66]
    pitches = [*theme, *[60, 67, 64, 67] * 6, *[pitch + 1 for pitch in reversed(theme)]]
    tune = played([(100 * i, pitch) for i, pitch in enumerate(pitches)])
    found = originality(build_index([("tune", tune)]), tune)
    assert found.longest_run == len(pitches)
    assert found.eights < len(pitches) - RUN + 1


def test_rhythm_counts():
    pitches = [60, 67, 65, 64, 62, 69, 71, 66, 60, 63, 70, 61]
    even = played([(200 * i, pitch) for i, pitch in enumerate(pitches)])
    dotted = played([(200 * i + 100 * (i % 2), pitch) for i, pitch in enumerate(pitches)])
    index = build_index([("even", even)])
    assert originality(index, even).longest_run == len(pitches)
    assert originality(index, dotted).longest_run == 0


def test_passages_within_others_are_not_listed_and_all_copied_notes_are(index, pieces):
    notes = notes_of(pieces["fur-elise"])
    found = originality(index, played([*notes[100:160], (10**6, 1), *_after(notes[40:80], 10**6)]))
    spans = [set(run.notes) for run in found.runs]
    assert len(spans) >= 2
    assert not any(a < b for a in spans for b in spans)
    assert [run.start for run in found.runs] == sorted(run.start for run in found.runs)
    assert len(set().union(*spans)) > 80


def _after(notes, start):
    return [(start + 500 + onset - notes[0][0], pitch) for onset, pitch in notes]


@given(short_performances)
@settings(max_examples=40)
def test_any_performance_can_be_measured(index, performance):
    for used in (index, build_index([("itself", performance)], "written")):
        found = originality(used, performance)
        assert 0 <= found.copied_share <= 1
        assert found.longest_run == max(map(len, found.runs), default=0)


@given(short_performances)
@settings(max_examples=40)
def test_every_eight_notes_of_a_piece_stand_in_its_own_index(performance):
    for time_base in ("written", "played"):
        found = originality(build_index([("itself", performance)], time_base), performance)
        assert found.copied_share == (1.0 if found.eights else 0.0)


def test_noise_is_no_copy_of_noise():
    random_ = np.random.default_rng(0)
    noise = [
        (str(i), played([(120 * j, int(p)) for j, p in enumerate(random_.integers(21, 109, 4000))]))
        for i in range(6)
    ]
    tune = played([(120 * j, int(p)) for j, p in enumerate(random_.integers(21, 109, 4000))])
    assert originality(build_index(noise), tune).copied_share == 0


# --- the file --------------------------------------------------------------------------------


def test_an_index_is_saved_and_loaded_the_same_and_with_the_same_bytes(index, pieces, tmp_path):
    index.save(tmp_path / "a")
    Index.load(tmp_path / "a").save(tmp_path / "b")
    build_index(pieces.items()).save(tmp_path / "c")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "c").read_bytes()
    tune = pieces["fur-elise"].transposed(2)
    assert originality(Index.load(tmp_path / "b"), tune) == originality(index, tune)


def test_an_index_takes_two_bytes_a_note(index, pieces, tmp_path):
    index.save(tmp_path / "a")
    notes = sum(len(piece.notes) for piece in pieces.values())
    assert (tmp_path / "a").stat().st_size < 2 * notes + 1000


def test_an_index_of_nothing_finds_nothing(pieces, tmp_path):
    build_index([("short", played([(0, 60)]))]).save(tmp_path / "a")
    assert originality(Index.load(tmp_path / "a"), pieces["fur-elise"]).runs == ()
    assert originality(build_index([]), pieces["fur-elise"]).runs == ()


def test_a_damaged_index_is_one_clear_error(index, tmp_path):
    path = tmp_path / "a"
    index.save(path)
    whole = path.read_bytes()
    arrays = arrays_format.load(whole)
    for broken in (
        b"",
        b"no index",
        whole[:-7],
        arrays_format.save({**arrays, "starts": arrays["starts"] + 1}),
        arrays_format.save({**arrays, "marks": arrays["marks"][:-1]}),
        arrays_format.save({**arrays, "about": np.frombuffer(b"[1]", np.uint8)}),
        arrays_format.save({"marks": arrays["marks"]}),
    ):
        path.write_bytes(broken)
        with pytest.raises(CheckpointError, match="no originality index"):
            Index.load(path)
    about = arrays["about"].tobytes().replace(b'"version": 1', b'"version": 9')
    path.write_bytes(arrays_format.save({**arrays, "about": np.frombuffer(about, np.uint8)}))
    with pytest.raises(CheckpointError, match="version 9"):
        Index.load(path)
    with pytest.raises(FileError, match="no such file"):
        Index.load(tmp_path / "none")


# --- the watch -------------------------------------------------------------------------------


def replayed(watch, wanted, seed):
    """The notes of a player that copies *wanted* wherever the watch lets it, in grid ticks."""
    chance = np.random.default_rng(seed)
    notes = []
    for tick, pitch in wanted:
        free = np.flatnonzero(~watch.forbidden(tick))
        near = free[np.argsort(np.abs(free - pitch), kind="stable")]
        chosen = int(near[0] if near[0] == pitch else chance.choice(near[:6]))
        watch.hear(tick, chosen)
        notes.append((tick, chosen))
    return notes


@given(
    st.sampled_from(NAMES),
    st.integers(RUN, 24),
    st.integers(0, 500),
    st.integers(0, 3),
    st.integers(-6, 6),
)
@settings(max_examples=20)
def test_a_copying_player_copies_no_more_than_it_may(index, pieces, name, most, first, roll, key):
    shake = np.random.default_rng(first)
    source = notes_of(pieces[name])[first : first + 120]
    # On the grid of 10 ms, chords spread over as many as four ticks and struck in any order.
    wanted = sorted(
        (((onset - source[0][0]) // 10 + int(shake.integers(roll + 1))), pitch + key)
        for onset, pitch in source
    )
    watch = CopyWatch(index, most, 50)
    made = played([(10 * tick, pitch) for tick, pitch in replayed(watch, wanted, first)])
    assert originality(index, made).longest_run <= most


@given(st.integers(RUN, 20), st.sampled_from(["bwv66.6", "bwv153.1", "bwv269"]), st.integers(0, 9))
@settings(max_examples=10)
def test_a_primer_counts_and_what_follows_breaks_its_run(bach, most, name, seed):
    tune = next(piece for title, piece in bach.items() if title.startswith(name))
    index = build_index(bach.items(), "written")
    cut = len(tune.events) // 3 + seed
    primer, rest = tune[:cut], tune.events[cut:]
    ticks = Performance(tune.resolution, rest).ticks
    wanted = [(t, e.pitch) for t, e in zip(ticks, rest, strict=True) if isinstance(e, NoteOn)]
    notes = replayed(CopyWatch(index, most, tune.resolution, primer), wanted, seed)
    new = [(primer.duration + tick, pitch) for tick, pitch in notes]
    old = [(note.onset, note.pitch) for note in primer.notes]
    whole = played(old + new, tune.resolution)
    assert originality(index, whole).runs
    for run in originality(index, whole).runs:
        # A run may be as long as it likes in the primer, but only there.
        assert len(run) <= most or max(run.notes) < len(old)
    assert originality(index, played(new, tune.resolution)).longest_run <= most


def test_the_watch_rounds_time_as_a_performance_as_played_does():
    # 12 ticks of 119 a quarter are 50.4 ms: now one chord, now two, as the rounding falls.
    pitches = np.random.default_rng(1).integers(40, 90, 300).tolist()
    wanted = [(12 * i, pitch) for i, pitch in enumerate(pitches)]
    index = build_index([("tune", played(wanted, 119))])
    assert originality(index, played(wanted, 119)).longest_run > 200
    notes = replayed(CopyWatch(index, 9, 119), wanted, 0)
    assert originality(index, played(notes, 119)).longest_run <= 9


def test_the_bundled_preset_is_kept_from_repeating_itself():
    generator = ml.load("chorale")
    made = [generator.perform(measures=8, seed=seed) for seed in (1, 2)]
    index = build_index([(str(seed), piece) for seed, piece in enumerate(made)], "written")
    for piece in made:
        assert originality(index, piece).longest_run > 60
        wanted = [(note.onset, note.pitch) for note in piece.notes]
        notes = replayed(CopyWatch(index, 12, piece.resolution), wanted, 5)
        assert originality(index, played(notes, piece.resolution)).longest_run <= 12


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(60, 66)), min_size=40, max_size=60))
@settings(max_examples=60)
def test_the_watch_hears_the_runs_that_are_measured(rows):
    onset, notes = 0, []
    for step, pitch in rows:
        onset += 100 * step
        notes.append((onset, pitch))
    index = build_index([("half", played(notes[:30])), ("other", played(notes[20:]))])
    watch = CopyWatch(index, RUN, 500)
    heard = []
    for tick, pitch in notes:
        watch.hear(tick, pitch)
        heard.append(watch.run)
    assert max(heard) == originality(index, played(notes)).longest_run


def test_only_the_pitch_that_would_go_on_copying_is_forbidden():
    pitches = [60, 67, 65, 64, 62, 69, 71, 66, 60, 63, 70, 61]
    index = build_index([("tune", played([(200 * i, p) for i, p in enumerate(pitches)]))])
    watch = CopyWatch(index, 8, 500)
    for i, pitch in enumerate(pitches[:8]):
        assert not watch.forbidden(200 * i).any()
        watch.hear(200 * i, pitch)
    assert watch.run == 8
    assert np.flatnonzero(watch.forbidden(1600)).tolist() == [60]
    assert not watch.forbidden(2000).any(), "in another rhythm it is no copy"


@pytest.mark.parametrize("most", [7, 0, -1, 8.5, "16"])
def test_a_limit_that_no_music_could_keep_is_an_error(index, most):
    with pytest.raises(GenerationError, match="max_copy is"):
        CopyWatch(index, most, 50)


def test_the_loudness_and_the_ends_of_notes_do_not_count(index, pieces):
    tune = pieces["fur-elise"]
    softer = Performance(
        tune.resolution,
        [replace(e, velocity=40) if isinstance(e, NoteOn) else e for e in tune.events],
    )
    assert originality(index, softer) == originality(index, tune)
