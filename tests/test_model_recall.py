"""The memory of a piece: it finds what is repeated, and knows nothing of what is to come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from music21_lstm.encoding.midi import read_midi
from music21_lstm.model.changes import humanized
from music21_lstm.model.config import EventsConfig
from music21_lstm.model.features import encode
from music21_lstm.model.recall import Recall

NOTHING = (0, 0, 0, 0)


def _rows(notes):
    """What is recalled after each of the notes, at its own tick."""
    recall, found = Recall(), []
    for tick, pitch, velocity in notes:
        recall.strike(tick, pitch, velocity)
        found.append(recall.rows(tick))
    return found


tunes = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from([60, 62, 64]), st.integers(1, 32)), max_size=60
)


def _timed(tune):
    tick, notes = 0, []
    for wait, pitch, velocity in tune:
        tick += wait
        notes.append((tick, pitch, velocity))
    return notes


@given(tunes, st.integers(0, 60))
def test_what_is_recalled_depends_on_the_notes_so_far_alone(tune, cut):
    notes = _timed(tune)
    assert _rows(notes[:cut]) == _rows(notes)[:cut]


@given(tunes)
def test_whatever_is_recalled_did_follow_the_same_four_notes_before(tune):
    notes = _timed(tune)
    pitches = [pitch for _, pitch, _ in notes]
    for count, (length, pitch, due, velocity) in enumerate(_rows(notes), 1):
        if not length:
            continue
        last = pitches[count - 4 : count]
        followed = {
            (pitches[i], notes[i][0] - notes[i - 1][0], notes[i][2])
            for i in range(4, count)
            if pitches[i - 4 : i] == last
        }
        assert (pitch, due, velocity) in followed


@given(tunes)
def test_when_four_notes_came_before_something_is_recalled(tune):
    pitches = [pitch for _, pitch, _ in tune]
    for count, row in enumerate(_rows(_timed(tune)), 1):
        before = range(4, count)
        heard = count >= 4 and any(pitches[i - 4 : i] == pitches[count - 4 : count] for i in before)
        assert (row != NOTHING) == heard


def test_a_literal_repetition_is_foretold_to_its_last_note():
    theme = [(60, 4, 20), (64, 2, 11), (67, 2, 12), (65, 6, 13), (62, 1, 14), (71, 1, 15),
             (72, 8, 16), (55, 3, 17)]  # fmt: skip
    notes = _timed([(wait, pitch, velocity) for pitch, wait, velocity in (*theme, *theme)])
    found = _rows(notes)
    assert found[:11] == [NOTHING] * 11
    for place in range(11, 15):
        now, after = notes[place], notes[place + 1]
        assert found[place][1:] == (after[1], after[0] - now[0], after[2])
    lengths = [length for length, *_ in found[11:]]
    assert lengths == sorted(lengths)
    assert lengths[-1] > lengths[0]


def test_the_later_of_two_places_is_taken_and_the_longer_context_before_it():
    head, tail = [60, 62, 64, 65], [70, 71]
    pitches = [*head, 40, *tail, *head, 41, 50, *head]
    assert _rows([(t, pitch, 9) for t, pitch in enumerate(pitches)])[-1][1] == 41
    # Ten notes that are the same say more than four, though the four came later.
    ten = [50, 52, 54, 55, 57, 59, 60, 62, 64, 65]
    pitches = [*ten, 40, *ten[-4:], 41, 99, *ten]
    recall = Recall()
    for tick, pitch in enumerate(pitches):
        recall.strike(tick, pitch, 9)
    assert recall.pitches[recall.place] == 40


def test_a_note_repeated_for_ever_recalls_itself_from_the_fifth_on():
    found = _rows([(3 * t, 60, 7) for t in range(40)])
    assert found[:4] == [NOTHING] * 4
    assert [row[1:] for row in found[4:]] == [(60, 3, 7)] * 36
    assert found[4][0] == 5
    assert found[-1][0] == 1 + round(2 * 5.285)  # log2 of 39 notes that are the same


def test_what_is_due_comes_nearer_and_is_never_late():
    recall = Recall()
    for t, pitch in enumerate([60, 62, 64, 65, 67, 60, 62, 64, 65]):
        recall.strike(10 * t, pitch, 7)
    assert [recall.rows(tick)[2] for tick in (80, 84, 90, 200)] == [10, 6, 0, 0]


def test_a_wrong_note_ends_a_repetition():
    pitches = [60, 62, 64, 65, 67, 69, 60, 62, 64, 65, 30]
    found = _rows([(t, pitch, 7) for t, pitch in enumerate(pitches)])
    assert found[-2][1] == 67
    assert found[-1] == NOTHING


def test_most_of_what_is_recalled_in_a_rag_is_what_comes():
    rows = encode(read_midi("tests/data/maple-leaf-rag.mid"), EventsConfig(recall=True))
    recall, told, right = Recall(), 0, 0
    for delta, key, velocity in rows.steps:
        if 128 <= key < 256:
            told += recall.place >= 0
            right += recall.place >= 0 and recall.pitches[recall.place] == key - 128
            recall.strike(delta, key - 128, velocity)
    assert told > rows.notes / 3
    assert right > 0.8 * told


def _to_come(pitches, **settings):
    """The pitches that are foretold after each of *pitches*, a tick apart; at most three."""
    recall, found = Recall(tolerant=True, **settings), []
    for tick, pitch in enumerate(pitches):
        recall.strike(tick, pitch, 20)
        first = [recall.rows(tick)[1]] * (recall.place >= 0)
        found.append([*first, *(later for later, _ in recall.later(tick))])
    return found


CHORDS = [(48, 60, 64), (43, 59, 62), (45, 57, 65), (41, 55, 69)]


@given(st.permutations(CHORDS[2]), st.permutations(CHORDS[3]))
def test_a_chord_that_is_struck_in_another_order_is_foretold_by_those_before_it(third, fourth):
    first = [pitch for chord in CHORDS for pitch in chord]
    found = _to_come([*first, *first[:6], *third, *fourth])
    for place, struck in enumerate((*third, *fourth), 17):
        assert struck in found[place], (place, struck)


@given(st.integers(4, 9), st.integers(72, 79))
def test_a_wrong_note_in_a_passage_does_not_make_it_forgotten(place, wrong):
    theme = [60, 64, 67, 65, 62, 71, 57, 55, 59, 69, 66, 63]
    again = [*theme[:place], wrong, *theme[place:]]
    found = _to_come([*theme, *again])[len(theme) :]
    assert found[place] == theme[place : place + 3]
    for then, after in enumerate(again[place + 2 : -1], place + 1):
        assert found[then][0] == after


@given(tunes, st.integers(0, 60))
def test_what_is_foretold_tolerantly_depends_on_the_notes_so_far_alone(tune, cut):
    pitches = [pitch for _, pitch, _ in tune]
    assert _to_come(pitches[:cut], sequences=True) == _to_come(pitches, sequences=True)[:cut]


def _foretold(struck, **settings):
    """How many of the notes *struck* are the very one that was foretold."""
    recall, right = Recall(sequences=True, **settings), 0
    for tick, pitch in enumerate(struck):
        right += recall.place >= 0 and recall.rows(tick)[1] == pitch
        recall.strike(tick, pitch, 20)
    return right


@pytest.mark.parametrize("seed", range(5))
def test_where_chords_come_apart_more_is_foretold_when_order_is_not_insisted_on(seed):
    rag = read_midi("tests/data/maple-leaf-rag.mid").played()
    notes = np.array([(n.onset, n.end, n.pitch, n.velocity) for n in rag.notes], np.int32)
    struck = humanized(notes, 15.0, seed)[:, 2].tolist()
    together = _foretold(notes[np.lexsort((notes[:, 2], notes[:, 0])), 2].tolist())
    assert 1.2 * _foretold(struck) < _foretold(struck, tolerant=True) < together
