"""Pieces of piano-midi.de: what was played, and where in the bar it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from music21_lstm.encoding.events import SetTempo, TimeSignature
from music21_lstm.encoding.midi import read_midi
from music21_lstm.model.corpora_listed import listed_files
from music21_lstm.notation.bars import Section, sections_of
from music21_lstm.notation.beats.tables import LEARNT
from music21_lstm.notation.metre import UNIT, Metre

__all__ = ["ALIKE", "Piece", "live", "pieces"]

VIENNA = ("op10_e03", "mz_331", "op38", "d783")
ALIKE = {
    "2/8": "2/4", "4/8": "4/4", "8/4": "4/4", "2/2": "4/4", "3/2": "3/4", "3/16": "3/8", "6/4": "6/8",
    "6/16": "6/8", "9/16": "9/8", "12/16": "12/8",
}  # fmt: skip
"""Metres that are another learnt one in other note values."""

_NAMES = [str(metre) for metre in LEARNT]
_NEAR = UNIT / 16


@dataclass(frozen=True)
class Piece:
    """*notes* ``(n, 4)``: onset and end in seconds, pitch, velocity, as played. Of each note:
    *place* on the page and *inside* the bar, in units; *level* 0 to 3 (downbeat, beat, half, finer);
    *metre*, its index in LEARNT or −1; *written*, whether in these very note values; *period*, the
    seconds of a beat. *longest*: start, end (units) and metre of the longest stretch of one metre.
    """

    notes: np.ndarray
    place: np.ndarray
    inside: np.ndarray
    level: np.ndarray
    metre: np.ndarray
    written: np.ndarray
    period: np.ndarray
    longest: tuple[int, int, Metre]
    clock: tuple[np.ndarray, np.ndarray]

    def seconds(self, places: np.ndarray) -> np.ndarray:
        return np.interp(places, *self.clock)


def pieces(data: Path) -> Iterator[Piece]:
    """The pieces that may be learnt from."""
    for listed in listed_files("piano"):
        name = listed.path
        known = any(work in name for work in VIENNA)
        if name.startswith("piano-midi-de") and not listed.held_out and not known:
            performance = read_midi(data / name)
            signed = any(isinstance(event, TimeSignature) for event in performance.events)
            if signed and len(performance.notes) >= 30:
                yield _piece(performance)


def _piece(performance) -> Piece:
    ticks, times, notes = performance.ticks, performance.times, performance.notes
    rows = [
        (times[n.on], times[-1 if n.off is None else n.off], n.pitch, n.velocity) for n in notes
    ]
    place = np.array([n.onset * UNIT / performance.resolution for n in notes])
    turns = [i for i, event in enumerate(performance.events) if isinstance(event, SetTempo)]
    turns = sorted({*turns, len(ticks) - 1})
    clock = (
        np.array([0.0, *(ticks[i] * UNIT / performance.resolution for i in turns)]),
        np.array([0.0, *(times[i] for i in turns)]),
    )
    sections = sections_of(performance)
    columns = [np.zeros(len(notes)), *(np.full(len(notes), -1) for _ in range(2))]
    inside, level, metre = columns
    written, period = np.zeros(len(notes), bool), np.full(len(notes), np.nan)
    which = np.searchsorted([s.start for s in sections], place + 1, side="right") - 1
    for index, section in enumerate(_without_pick_up(sections)):
        mine = which == index
        beat, here = section.metre.beat, place[mine]
        inside[mine] = (here - section.start) % section.metre.length
        level[mine] = _levels(inside[mine], section.metre)
        name = str(section.metre)
        metre[mine] = _NAMES.index(ALIKE.get(name, name)) if ALIKE.get(name, name) in _NAMES else -1
        written[mine] = name in _NAMES
        low, high = np.maximum(here - 2 * beat, 0), np.minimum(here + 2 * beat, clock[0][-1])
        gone = np.interp(high, *clock) - np.interp(low, *clock)
        period[mine] = np.maximum(gone, 0.05) / np.clip((high - low) / beat, 0.5, 4)
    ends = [*(s.start for s in sections[1:]), round(place.max())]
    spans = [(end - s.start, s.start, end, s.metre) for s, end in zip(sections, ends, strict=True)]
    longest = max(spans, key=lambda span: span[0])[1:]
    return Piece(np.array(rows), place, inside, level, metre, written, period, longest, clock)


def _without_pick_up(sections: list[Section]) -> list[Section]:
    """The sections; a pick-up counted back from the bar line after it."""
    if len(sections) > 1:
        first, second = sections[:2]
        if second.start - first.start <= first.metre.length < second.metre.length:
            return [Section(second.start - second.metre.length, second.metre), *sections[1:]]
    return sections


def _levels(inside: np.ndarray, metre: Metre) -> np.ndarray:
    half = metre.beat / (3 if metre.compound else 2)

    def near(step: float) -> np.ndarray:
        return np.abs((inside + _NEAR) % step - _NEAR) < _NEAR

    return np.where(
        near(metre.length), 0, np.where(near(metre.beat), 1, np.where(near(half), 2, 3))
    )


def live(piece: Piece, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """The notes as a person might have played them, their order in the piece, and how much slower.

    Chords are spread, with the melody ahead, and onsets, lengths and loudness vary, about as much
    as in the Vienna 4x22 corpus (whose notes of one chord deviate by 17 to 23 ms).
    """
    notes, slower = piece.notes.copy(), float(np.exp(rng.normal(0, 0.15)))
    _, chord = np.unique(np.round(notes[:, 0], 3), return_inverse=True)
    highest = np.zeros(chord.max() + 1)
    np.maximum.at(highest, chord, notes[:, 2])
    tune = (notes[:, 2] == highest[chord]) & (np.bincount(chord)[chord] > 1)
    together, apart = rng.uniform(0.004, 0.03), rng.uniform(0.003, 0.02)
    late = rng.normal(0, together, len(highest))[chord] - rng.uniform(0, 0.03) * tune
    late += np.clip(rng.normal(0, apart, len(notes)), -3 * apart, 3 * apart)
    length = (
        (notes[:, 1] - notes[:, 0]).clip(0.04) * slower * np.exp(rng.normal(0, 0.25, len(notes)))
    )
    notes[:, 0] = notes[:, 0] * slower + late
    notes[:, 0] -= min(0.0, notes[:, 0].min())
    notes[:, 1] = notes[:, 0] + length
    notes[:, 3] = 64 + (notes[:, 3] - 64) * rng.uniform(0.4, 1.2)
    notes[:, 3] += rng.normal(0, rng.uniform(2, 9), len(notes))
    order = np.argsort(notes[:, 0], kind="stable")
    return notes[order], order, slower
