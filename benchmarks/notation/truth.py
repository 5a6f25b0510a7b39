"""Pieces of which both the score and the performance are known.

piano-midi.de: the ticks are the score's and the tempo map is the performance. The files tell metres,
keys and hands (tracks), but neither note names nor articulation: a note is as long as its ticks.
Works that are held out of the training list only.

vienna4x22: what pianists played, matched note by note with a printed score (match files, 1.0.0).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import mido

from benchmarks.notation.page import Bar, Note, Page, beats_of
from music21_lstm.encoding import (
    ControlChange,
    KeySignature,
    NoteOff,
    NoteOn,
    Performance,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.events import Event
from music21_lstm.encoding.midi import read_midi
from music21_lstm.encoding.performance import with_deltas
from music21_lstm.model.corpora_listed import listed_files

__all__ = ["Piece", "bars_between", "match_piece", "piano_piece", "piece_of", "plain", "sources"]

RESOLUTION = 480
FIFTHS = "FCGDAEB"
_PEDALS = (64, 66, 67)
_GRIDS = (Fraction(1, 8), Fraction(1, 12), Fraction(1, 16), Fraction(1, 10), Fraction(1, 14))
"""What onsets of a score stand on, in quarters; what is off them is how an ornament was played."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A *performance* as any program gets it, and the page that it is of.

    *beats* and *downbeats* are when the true ones were played, in seconds; None if only the
    notes tell.
    """

    name: str
    performance: Performance
    truth: Page
    beats: tuple[list[float], list[float]] | None = None

    def times(self) -> list[float]:
        """The onset of each performed note in seconds."""
        times = self.performance.times
        return [times[note.on] for note in self.performance.notes]


def sources(data: Path, only: str | None = None) -> list[Path]:
    """The files in the folder *data* of ``"piano"``, of ``"vienna"``, or of both."""
    found: list[Path] = []
    if only in (None, "piano"):
        listed = [data / f.path for f in listed_files("piano") if f.held_out]
        found += [path for path in listed if "piano-midi-de" in path.parts and path.is_file()]
    if only in (None, "vienna"):
        found += sorted((data / "vienna4x22" / "match").glob("*.match"))
    return found


def piece_of(path: Path) -> Piece:
    """The piece in a file of either collection."""
    return match_piece(path) if path.suffix == ".match" else piano_piece(path)


def plain(performance: Performance) -> Performance:
    """Only what was played, at 120 beats a minute: notes and pedals, no metre, key or tempo."""
    played = performance.played().rescaled(RESOLUTION)
    kept = [
        (tick, event)
        for tick, event in zip(played.ticks, played.events, strict=True)
        if isinstance(event, NoteOn | NoteOff)
        or (isinstance(event, ControlChange) and event.control in _PEDALS)
    ]
    return Performance(RESOLUTION, [SetTempo.from_mpqn(0, 500_000), *with_deltas(kept)])


def piano_piece(path: Path) -> Piece:
    """A file whose ticks are the score and whose tempo map is the performance."""
    score = read_midi(path)
    hands = _hands(path)
    notes = []
    for i, note in enumerate(score.notes):
        onset, sure_onset = _snapped(Fraction(note.onset, score.resolution))
        end, _ = _snapped(Fraction(note.end, score.resolution))
        value, sure_value = _value(Fraction(note.duration, score.resolution), end - onset)
        side = hands.get((note.onset, note.pitch), [])
        upper = side.pop(0) if side else None
        notes.append(
            Note(onset, value, note.pitch, None, upper, i, sure_onset, sure_value and sure_onset)
        )
    notes = _with_room(notes)
    ticks = score.ticks
    places = [Fraction(tick, score.resolution) for tick in ticks]
    signatures = [
        (place, (event.numerator, event.denominator))
        for place, event in zip(places, score.events, strict=True)
        if isinstance(event, TimeSignature)
    ]
    keys = [
        (place, event.sharps)
        for place, event in zip(places, score.events, strict=True)
        if isinstance(event, KeySignature)
    ]
    end = max((note.onset + note.value for note in notes), default=Fraction(0))
    page = Page(notes, bars_between(signatures, end), keys)
    beats, downbeats = beats_of(page)
    return Piece(
        path.stem, plain(score), page, (_seconds(score, beats), _seconds(score, downbeats))
    )


def _with_room(notes: Sequence[Note]) -> list[Note]:
    """The notes, each knowing how long it is until the next onset of its hand."""
    onsets = {
        side: sorted({note.onset for note in notes if note.upper == side})
        for side in (True, False, None)
    }
    found = []
    for note in notes:
        own = onsets[note.upper]
        index = bisect_right(own, note.onset)
        found.append(note._replace(room=own[index] - note.onset if index < len(own) else None))
    return found


def _hands(path: Path) -> dict[tuple[int, int], list[bool | None]]:
    """Whether the track of each note, by tick and pitch, is called right or left (or pedal)."""
    hands: dict[tuple[int, int], list[bool | None]] = defaultdict(list)
    for track in mido.MidiFile(path, clip=True).tracks:
        name, tick = track.name.lower(), 0
        upper = True if "right" in name else False if "left" in name or "peda" in name else None
        for message in track:
            tick += message.time
            if message.type == "note_on" and message.velocity:
                hands[tick, message.note].append(upper)
    return hands


def _snapped(place: Fraction) -> tuple[Fraction, bool]:
    """The nearest place that a score could have, and whether it is so near as to be sure."""
    for grid in _GRIDS:
        nearest = round(place / grid) * grid
        if abs(place - nearest) <= Fraction(3, RESOLUTION):
            return nearest, True
    return round(place * 8) / Fraction(8), False


def _value(length: Fraction, between: Fraction) -> tuple[Fraction, bool]:
    """The written value of a note, and whether its ticks tell it: 9/10 of a quarter is a touch."""
    if length < 2 and any(length % grid == 0 for grid in (Fraction(1, 12), Fraction(1, 10))):
        return length, True
    nearest = round(length * 8) / Fraction(8)
    if nearest and -10 <= (length - nearest) * RESOLUTION <= 20:
        agrees = abs(between - nearest) <= Fraction(10, RESOLUTION)
        return (between if agrees else nearest), True
    return max(nearest, Fraction(1, 16)), length * 16 in (1, 2)


def bars_between(
    signatures: Sequence[tuple[Fraction, tuple[int, int]]], end: Fraction
) -> list[Bar]:
    """The bars from 0 to *end*, by the time *signatures*; a short first section is a pick-up.

    >>> [bar.shift for bar in bars_between([(Fraction(0), (1, 4)), (Fraction(1), (3, 4))], Fraction(4))]
    [Fraction(2, 1), Fraction(0, 1)]
    """
    if not signatures or signatures[0][0] > 0:
        signatures = [(Fraction(0), (4, 4)), *signatures]
    bars: list[Bar] = []
    for i, (start, metre) in enumerate(signatures):
        length = Fraction(4 * metre[0], metre[1])
        last = i + 1 == len(signatures)
        stop = max(end, start + length) if last else signatures[i + 1][0]
        while start < stop:
            bars.append(Bar(start, length if last else min(length, stop - start), metre))
            start += length
    if len(signatures) > 1 and len(bars) > 1 and bars[1].start == signatures[1][0]:
        missing = bars[1].length - bars[0].length
        if missing > 0:
            bars[0] = Bar(bars[0].start, bars[0].length, bars[1].metre, missing)
    return bars


def _seconds(performance: Performance, places: Iterable[Fraction]) -> list[float]:
    """When *places* in quarters are played, by the tempo map."""
    found, at, tick, mpqn = [], 0.0, 0, 500_000
    ahead = iter(
        [
            (t, e.mpqn)
            for t, e in zip(performance.ticks, performance.events, strict=True)
            if isinstance(e, SetTempo)
        ]
    )
    following = next(ahead, None)
    for place in places:
        target = float(place * performance.resolution)
        while following is not None and following[0] <= target:
            at += (following[0] - tick) * mpqn / performance.resolution / 1e6
            tick, mpqn = following
            following = next(ahead, None)
        found.append(at + (target - tick) * mpqn / performance.resolution / 1e6)
    return found


_SNOTE = re.compile(
    r"snote\((?P<id>[^,]*),\[(?P<step>[A-G]),(?P<alter>[^\]]*)\],(?P<octave>\d+),[^,]*,[^,]*,[^,]*,"
    r"(?P<onset>[-.\d]+),(?P<end>[-.\d]+),\[(?P<about>[^\]]*)\]\)"
)
_PLAYED = re.compile(
    r"[-)]note\((?P<id>[^,]*),(?P<pitch>\d+),(?P<on>\d+),(?P<off>\d+),(?P<velocity>\d+)"
)
_PEDAL = re.compile(r"(sustain|soft)\((\d+),(\d+)\)")
_PROPERTY = re.compile(r"scoreprop\((timeSignature|keySignature),([^,]+),[^,]*,[^,]*,([-.\d]+)\)")
_ALTER = {"n": 0, "": 0, "#": 1, "x": 2, "##": 2, "b": -1, "bb": -2}
_CONTROL = {"sustain": 64, "soft": 67}


def match_piece(path: Path) -> Piece:
    """A match file, of one metre and one key, as those of vienna4x22 are."""
    lines = path.read_text(encoding="utf-8").splitlines()
    properties = {found[1]: found for line in lines if (found := _PROPERTY.match(line))}
    numerator, denominator = map(int, properties["timeSignature"][2].split("/"))
    played = sorted(
        (found for line in lines if (found := _PLAYED.search(line))), key=lambda f: int(f["on"])
    )
    index = {found["id"]: i for i, found in enumerate(played)}
    pick_up = -Fraction(properties["timeSignature"][3]) * Fraction(4, denominator)
    notes, end = [], Fraction(0)
    for line in lines:
        if found := _SNOTE.match(line):
            match = _PLAYED.search(line)
            note = _score_note(
                found, Fraction(4, denominator), pick_up, index[match["id"]] if match else None
            )
            notes.append(note)
            end = max(end, note.onset + note.value)
    metre = (numerator, denominator)
    signatures = [(Fraction(0), metre), (pick_up, metre)] if pick_up else [(Fraction(0), metre)]
    keys = [(Fraction(0), _sharps(properties["keySignature"][2]))]
    page = Page(
        sorted(notes, key=lambda n: (n.onset, n.pitch)), bars_between(signatures, end), keys
    )
    return Piece(path.stem, _performance(played, lines), page)


def _score_note(
    found: re.Match[str], beat: Fraction, pick_up: Fraction, played: int | None
) -> Note:
    onset = Fraction(found["onset"]).limit_denominator(48) * beat + pick_up
    value = Fraction(found["end"]).limit_denominator(48) * beat + pick_up - onset
    alter = _ALTER[found["alter"]]
    place = FIFTHS.index(found["step"])
    pitch = 12 * (int(found["octave"]) + 1) + (5 + 7 * place) % 12 + alter
    grace = "grace" in found["about"] or not value
    return Note(
        onset, Fraction(0) if grace else value, pitch, place - 1 + 7 * alter,
        "staff1" in found["about"], played, not grace, not grace,
    )  # fmt: skip


def _sharps(name: str) -> int:
    """The sharps of a key such as E, Fm or Bb."""
    minor = name.endswith("m")
    return FIFTHS.index(name[0]) - 1 + 7 * (name.count("#") - name.count("b")) - 3 * minor


def _performance(played: Sequence[re.Match[str]], lines: Sequence[str]) -> Performance:
    timed: list[tuple[int, int, Event]] = []
    for line in lines:
        if found := _PEDAL.match(line):
            timed.append((int(found[2]), 0, ControlChange(0, 0, _CONTROL[found[1]], int(found[3]))))
    for found in played:
        on, off, pitch = int(found["on"]), int(found["off"]), int(found["pitch"])
        timed.append((on, 2, NoteOn(0, pitch, int(found["velocity"]))))
        timed.append((max(off, on + 1), 1, NoteOff(0, pitch)))
    timed.sort(key=lambda entry: entry[:2])
    events = with_deltas((tick, event) for tick, _, event in timed)
    return Performance(RESOLUTION, [SetTempo.from_mpqn(0, 500_000), *events])
