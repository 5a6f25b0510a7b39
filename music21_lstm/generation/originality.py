"""How much of a performance stands in a training set, measured afterwards or watched as it is made.

A *run* is a passage whose notes follow one another as they do at one place of the training set: same
intervals, same chords, same rhythm ratios (:mod:`music21_lstm.generation.shingles`). It begins and
ends with eight notes that are no mere figure; between them figures count like all else.

:func:`originality` measures; :class:`CopyWatch` follows the same runs note by note and says which
pitches would make one too long. Both go through :func:`_followed`, so they cannot disagree.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import GenerationError
from music21_lstm.generation.index import Index, run_keys
from music21_lstm.generation.shingles import (
    CHORD,
    GAP,
    MARK_NOTES,
    RUN,
    figures,
    line_of,
    marks,
    shingled,
    step_after,
)

__all__ = ["CopyWatch", "Originality", "Run", "originality"]

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Run:
    """A copied passage: *notes* are places in ``performance.notes``, in the order of comparison.

    *start* and *end* are the onsets of its first and its last note in seconds; *piece* is the name
    of the training piece, the first that has it if there are several.
    """

    notes: tuple[int, ...]
    start: float
    end: float
    piece: str

    def __len__(self) -> int:
        return len(self.notes)


@dataclass(frozen=True, slots=True)
class Originality:
    """What of a performance stands in the training set.

    *eights* is the number of its runs of eight notes that are no mere figure, and *copied_share* the
    share of these that stand in the training set (0 if there are none). *runs* are the copied
    passages in order, none within another; they may overlap.
    """

    eights: int
    copied_share: float
    runs: tuple[Run, ...]

    @property
    def longest(self) -> Run | None:
        """The longest copied passage, the first of equals; None if nothing is copied."""
        return max(self.runs, key=len, default=None)

    @property
    def longest_run(self) -> int:
        """Its length in notes: 0, or from 8 up."""
        return len(self.longest or ())

    @property
    def where(self) -> tuple[int, float] | None:
        """Where it begins: the place in ``performance.notes``, and seconds."""
        return None if self.longest is None else (min(self.longest.notes), self.longest.start)

    @property
    def piece(self) -> str | None:
        """The training piece that it stands in."""
        return None if self.longest is None else self.longest.piece


@dataclass(frozen=True, slots=True, eq=False)
class _Alive:
    """The places in an index that the music so far agrees with, in the order of their starts.

    *places*: where in the marks each stands now; *starts*: the number of the note at which each run
    began. As long as nothing is alive both are empty.
    """

    places: Places
    starts: Places


_NONE = _Alive(np.zeros(0, np.int64), np.zeros(0, np.int64))


def _followed(index: Index, alive: _Alive, mark: int, opened: Places | None, note: int) -> _Alive:
    """*alive* after one more *note*, whose mark is *mark*.

    *opened* are the places at which its last eight notes stand; None where these are a mere figure,
    which goes on with a run but does not begin one.
    """
    if len(alive.places):
        kept = index.marks[alive.places + 1] == mark
        alive = _Alive(alive.places[kept] + 1, alive.starts[kept])
    if opened is None or not len(opened):
        return alive
    new = opened[~np.isin(opened, alive.places)] if len(alive.places) else opened
    starts = np.full(len(new), note - RUN + 1)
    return _Alive(np.append(alive.places, new), np.append(alive.starts, starts))


def originality(index: Index, performance: Performance) -> Originality:
    """What of *performance* stands in the training set of *index*."""
    line = line_of(performance, index.time_base)
    if len(line) < RUN:
        return Originality(0, 0.0, ())
    line_marks = shingled(line)
    first, last = index.found(run_keys(line_marks)[RUN - MARK_NOTES :])
    own = ~figures(sliding_window_view(line.pitch, RUN))
    longest: list[tuple[int, int, int]] = []  # first note, last note, place in the index
    alive = _NONE
    spans = zip(own.tolist(), first.tolist(), last.tolist(), strict=True)
    for note, (counts, low, high) in enumerate(spans, RUN - 1):
        if low == high and not len(alive.places):
            continue
        opened = index.places(low, high) if counts else None
        alive = _followed(index, alive, int(line_marks[note - MARK_NOTES + 1]), opened, note)
        if counts and len(alive.places):
            longest.append((int(alive.starts[0]), note, int(alive.places[0])))
    copied, eights = int(((last > first) & own).sum()), int(own.sum())
    times, notes = performance.times, performance.notes

    def run(start: int, end: int, place: int) -> Run:
        members = line.note[start : end + 1].tolist()
        onsets = [times[notes[member].on] for member in members]
        return Run(tuple(members), min(onsets), max(onsets), index.piece_at(place))

    return Originality(
        eights, copied / max(1, eights), tuple(run(*span) for span in _outermost(longest))
    )


def _outermost(spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Those of *spans*, in order of their ends, that are not within another."""
    kept: list[tuple[int, int, int]] = []
    for span in reversed(spans):
        if not kept or span[0] < kept[-1][0]:
            kept.append(span)
    return kept[::-1]


# --- note by note --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """What is known after some notes: the last seven of them, their marks, and what is alive."""

    pitches: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()
    alive: _Alive = _NONE
    count: int = 0
    run: int = 0
    """The notes of the longest run that ends with the last note."""

    def after(self, index: Index, pitch: int, step: int) -> _Heard:
        """The same with one more note."""
        pitches, steps = (*self.pitches, pitch), (*self.steps, step)
        if len(pitches) < MARK_NOTES:
            return _Heard(pitches, steps, (), _NONE, self.count + 1)
        rows = np.array([pitches, steps], np.int64)
        mark = int(marks(rows[:1, -MARK_NOTES:], rows[1:, -MARK_NOTES:])[0])
        heard = (*self.marks, mark)
        alive, run = self.alive, 0
        if len(pitches) == RUN:
            own = not figures(rows[:1])[0]
            opened = self._opened(index, heard) if own else None
            alive = _followed(index, alive, mark, opened, self.count)
            if own and len(alive.starts):
                run = self.count + 1 - int(alive.starts[0])
        kept = 1 - RUN
        return _Heard(pitches[kept:], steps[kept:], heard[-2:], alive, self.count + 1, run)

    @staticmethod
    def _opened(index: Index, heard: tuple[int, ...]) -> Places:
        first, last = index.found(run_keys(np.array(heard, np.uint16))[-1:])
        return index.places(int(first[0]), int(last[0]))

    def reach(self, left: int) -> int:
        """The notes of the longest run that there can be after one more note and *left* others."""
        starts = self.alive.starts
        oldest = self.count + 1 - int(starts[0]) if len(starts) else 0
        return max(oldest, RUN) + left

    def copying(
        self, index: Index, pitches: range, step: int, following: Sequence[int]
    ) -> Iterator[int]:
        """Those of *pitches* that as the next note stand in eight notes of the training set.

        *step* is how it follows; *following* are the notes of the same chord above it.
        """
        tail = following[: RUN - 1]
        length = len(self.pitches) + 1 + len(tail)
        if length < RUN or not len(pitches):
            return
        rows = np.array([[*self.pitches, pitch, *tail] for pitch in pitches], np.int64)
        steps = np.array([[*self.steps, step, *[CHORD] * len(tail)]] * len(pitches), np.int64)
        windows = (
            sliding_window_view(part, MARK_NOTES, axis=1).reshape(-1, MARK_NOTES)
            for part in (rows, steps)
        )
        keys = run_keys(marks(*windows)).reshape(len(pitches), -1)
        # The first keys of a row would reach into the row before.
        first, last = index.found(keys[:, RUN - MARK_NOTES :])
        for place in np.flatnonzero((last > first).any(axis=1)).tolist():
            yield pitches[place]


class CopyWatch:
    """Which runs are being copied while music is made, and what would make one too long.

    *max_copy* is the longest run that may come about, in notes, from 8 on. *resolution* is ticks per
    quarter of the onsets that it is told. *primer* has been heard before: its notes count, and onsets
    go from its end. Told each note on by :meth:`hear`, and with none played that :meth:`forbidden`
    forbids, no run that ends in one of these notes is longer than *max_copy*, as
    :func:`originality` measures the primer and them together.
    """

    def __init__(
        self, index: Index, max_copy: int, resolution: int, primer: Performance | None = None
    ) -> None:
        if max_copy.__class__ is not int or max_copy < RUN:
            raise GenerationError(
                f"max_copy is {max_copy!r}; it must be a whole number of notes from {RUN} on: "
                "shorter runs stand in everybody's music"
            )
        self._index, self._limit, self._resolution = index, max_copy, resolution
        self._gap = GAP[index.time_base]
        self._start = Fraction(0)
        self._last: Fraction | None = None
        self._onsets: list[Fraction] = []  # of the last three chords
        self._chord: list[int] = []
        self._states = [_Heard()]  # before the last chord, and after each of its notes
        if primer is not None:
            self._listen(primer)

    def _listen(self, primer: Performance) -> None:
        """Hear all of *primer*, on the clock that it is compared by."""
        played = self._index.time_base == "played"
        heard = primer.played() if played else primer
        scale = 1 if played else heard.resolution
        for note in heard.notes:
            self._take(Fraction(note.onset, scale), note.pitch)
        self._start = Fraction(heard.duration, scale)

    def copied(self) -> CopyWatch:
        """Another that has heard the same, of the same index."""
        return copy.deepcopy(self, {id(self._index): self._index})

    @property
    def run(self) -> int:
        """The notes of the longest run that ends with the last note; 0 if none does."""
        return self._states[-1].run

    def hear(self, tick: int, pitch: int) -> None:
        """Go on to a note on; *tick* counts from the primer's end and never goes back."""
        self._take(self._time(tick), pitch)

    def forbidden(self, tick: int) -> NDArray[np.bool_]:
        """Which pitches, (128,), would make a run longer than *max_copy* if struck at *tick*."""
        time = self._time(tick)
        joins = self._joins(time)
        chord = self._chord if joins else []
        states = self._states if joins else self._states[-1:]
        step = step_after(self._onsets if joins else [*self._onsets, time][-3:])
        mask = np.zeros(128, np.bool_)
        edges = [-1, *chord, 128]
        for slot, state in enumerate(states):
            above, own = chord[slot:], CHORD if slot else step
            if state.reach(len(above)) <= self._limit:
                continue  # most notes are decided here
            between = range(edges[slot] + 1, edges[slot + 1])
            for pitch in state.copying(self._index, between, own, above):
                after = self._sung(state, [pitch, *above], own)
                mask[pitch] = any(heard.run > self._limit for heard in after)
        return mask

    def _time(self, tick: int) -> Fraction:
        """*tick* on the clock of the index: whole milliseconds as played, or quarters."""
        if self._index.time_base == "written":
            return self._start + Fraction(tick, self._resolution)
        # Rounded as Performance.played() rounds.
        return self._start + (1000 * tick + self._resolution) // (2 * self._resolution)

    def _joins(self, time: Fraction) -> bool:
        return self._last is not None and time - self._last <= self._gap

    def _take(self, time: Fraction, pitch: int) -> None:
        if not self._joins(time):
            self._onsets = [*self._onsets, time][-3:]
            self._chord, self._states = [], self._states[-1:]
        self._last = time
        slot = bisect_left(self._chord, pitch)
        if pitch in self._chord[slot : slot + 1]:
            return
        insort(self._chord, pitch)
        step = CHORD if slot else step_after(self._onsets)
        after = self._sung(self._states[slot], self._chord[slot:], step)
        self._states[slot + 1 :] = after

    def _sung(self, state: _Heard, pitches: Sequence[int], step: int) -> list[_Heard]:
        """The states after each of *pitches*, notes of one chord; *step* is that of the first."""
        states = []
        for pitch in pitches:
            state = state.after(self._index, pitch, step)
            states.append(state)
            step = CHORD
        return states
