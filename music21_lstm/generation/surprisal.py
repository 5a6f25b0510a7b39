"""Where a piece surprises a model: nats for each note, back onto the Stream.

A note's surprisal is all that the model pays for it: its note on (when, which key, how loud) and its
note off (when, which key). So the notes add up to the piece. A pitch that several voices strike
at once is one note to the model; each gets its share. A note that a repeat plays twice has
the nats of both.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from music21 import base, chord, note, stream

from music21_lstm.encoding.performance import Performance
from music21_lstm.generation.scoring import EXPLAINED, Scored, grid_of, score
from music21_lstm.model.checkpoint import Checkpoint
from music21_lstm.model.config import END
from music21_lstm.model.features import gridded
from music21_lstm.streams.decode import engraved_stream
from music21_lstm.streams.encode import performance_of_stream
from music21_lstm.streams.reading import (
    MIDI_SUFFIXES,
    NOTETEXT_SUFFIXES,
    Source,
    is_musicxml,
    performance_from,
    score_from,
    score_of,
)

__all__ = [
    "SURPRISAL_KEY",
    "Surprisal",
    "annotated",
    "color_of",
    "color_top",
    "members_of",
    "note_nats",
    "stream_from",
    "written_places",
]

AnyStream = stream.Stream[Any]

SURPRISAL_KEY = "surprisal"
"""``note.editorial[SURPRISAL_KEY]``: nats, a float; the Stream's own holds a :class:`Surprisal`."""

COLOR_RANGE = 3
"""The brightest colour stands for so many times what the model pays for a note of music it has not
seen; brighter there is none."""

_COLORS = ("0d0887", "46039f", "7201a8", "9c179e", "bd3786", "d8576b", "ed7953", "fb9f3a")
"""Eight even steps of the first 78 % of matplotlib's map "plasma" (N. Smith and S. van der Walt, CC0):
perceptually even, told apart by the colour-blind, from nearly black to orange; the yellow that
follows would be lost on white paper."""

_BASE = 127
_UNSET = object()


@dataclass(frozen=True, slots=True)
class Surprisal:
    """What a whole piece costs a model: *nats* in all and by field, over so many *notes*.

    *color_top* is the nats of the brightest colour; 0 nats is the darkest.
    """

    nats: float
    by_field: Mapping[str, float]
    notes: int
    color_top: float

    @property
    def nats_per_note(self) -> float:
        """The mean of a note."""
        return self.nats / self.notes


def note_nats(checkpoint: Checkpoint, performance: Performance) -> tuple[list[float], Scored]:
    """The nats of each note, in the order of ``performance.notes``, and what they were made from.

    They add up to the total of :func:`~music21_lstm.generation.scoring.score`.
    """
    scored = score(checkpoint, performance)
    by_struck = _by_struck(scored)
    grid = gridded(performance, grid_of(checkpoint.config))
    struck = [(one.onset, one.pitch) for one in grid.notes]
    shares = Counter(struck)
    # The canonical note ons stand in order of onset and pitch, one for each that is struck.
    nats = dict(zip(sorted(shares), by_struck, strict=True))
    return [nats[each] / shares[each] for each in struck], scored


def _by_struck(scored: Scored) -> list[float]:
    """The nats of each canonical note, on and off, in the order of the note ons."""
    events = sum((scored.nats[name] for name in EXPLAINED if name in scored.nats), np.zeros(1))
    nats: list[float] = []
    open_: dict[int, int] = {}
    for key, cost in zip(scored.fields.key.tolist(), events.tolist(), strict=True):
        if 128 <= key < END:
            open_[key - 128] = len(nats)
            nats.append(cost)
        elif key < 128:
            nats[open_[key]] += cost
    return nats


def annotated(checkpoint: Checkpoint, source: AnyStream, *, color: bool = False) -> AnyStream:
    """A copy of *source* whose notes know their surprisal; see ``Generator.surprisal``."""
    performance = performance_of_stream(source)
    nats, scored = note_nats(checkpoint, performance)
    result = copy.deepcopy(source)
    members = members_of(result)
    sums: dict[int, float] = defaultdict(float)
    times: Counter[int] = Counter()
    for place, cost in zip(written_places(source, performance), nats, strict=True):
        sums[place] += cost
        times[place] += 1
    for place, total in sums.items():
        members[place].editorial[SURPRISAL_KEY] = total
    by_field = {name: float(scored.nats[name].sum()) for name in EXPLAINED if name in scored.nats}
    top = color_top(checkpoint, sum(nats) / len(nats))
    facts = Surprisal(sum(nats), by_field, len(nats), top)
    result.editorial[SURPRISAL_KEY] = facts
    if color:
        _paint(result, {id(members[p]): color_of(sums[p] / times[p], top) for p in sums})
    return result


def stream_from(source: Source) -> AnyStream:
    """*source* as the Stream that it is, or as an engraved score."""
    if isinstance(source, stream.Stream):
        return source
    if isinstance(source, base.Music21Object):
        return stream.Part([copy.deepcopy(source)])  # type: ignore[no-untyped-call]
    if isinstance(source, bytes) and is_musicxml(source):
        read: AnyStream = score_of(source)
        return read
    if not isinstance(source, Performance | bytes):
        suffix = Path(source).suffix.lower()
        text = str(source).lstrip().lower().startswith("notetext:")
        if not text and suffix not in (*MIDI_SUFFIXES, *NOTETEXT_SUFFIXES):
            found: AnyStream = score_from(str(source))
            return found
    return engraved_stream(performance_from(source))


# --- from note ons back to notes ---------------------------------------------------------------


def members_of(source: AnyStream) -> list[note.Note]:
    """Every Note of *source*, those in chords too, in an order that a copy keeps."""
    found: list[note.Note] = []
    for element in source.recurse().notes:
        members = element.notes if isinstance(element, chord.ChordBase) else (element,)
        found += [member for member in members if isinstance(member, note.Note)]
    return found


def written_places(source: AnyStream, performance: Performance) -> list[int]:
    """For each note of *performance*, encoded from *source*, the place in :func:`members_of`.

    Encoding joins ties, plays repeats and graces, and transposes copies, so a note is followed
    through it by what it cannot lose: its velocity, which for a moment spells its number, a
    digit at a time. The Stream is left as it was.
    """
    members = members_of(source)
    saved: list[Any] = [
        m.volume.velocityScalar if m.hasVolumeInformation() else _UNSET for m in members
    ]
    places = [0] * len(performance.notes)
    scale = 1
    try:
        while scale < max(2, len(members)):
            for number, member in enumerate(members):
                member.volume.velocity = 1 + number // scale % _BASE
            told = performance_of_stream(source, resolution=performance.resolution)
            for i, each in enumerate(told.notes):
                places[i] += (each.velocity - 1) * scale
            scale *= _BASE
    finally:
        for member, old in zip(members, saved, strict=True):
            if old is _UNSET or old is None:
                member.volume = None
            else:
                member.volume.velocityScalar = old
    return places


# --- colour ------------------------------------------------------------------------------------


def color_of(nats: float, top: float) -> str:
    """The colour of so many *nats*, ``#rrggbb``: dark blue at 0, orange from *top* on.

    >>> color_of(0, 6), color_of(3, 6), color_of(60, 6)
    ('#0d0887', '#ac2792', '#fb9f3a')
    """
    steps = len(_COLORS) - 1
    place = min(max(nats / top, 0.0), 1.0) * steps
    low = min(int(place), steps - 1)
    mixed = [
        round(int(a, 16) + (place - low) * (int(b, 16) - int(a, 16)))
        for a, b in zip(_channels(_COLORS[low]), _channels(_COLORS[low + 1]), strict=True)
    ]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def _channels(color: str) -> Sequence[str]:
    return color[:2], color[2:4], color[4:]


def color_top(checkpoint: Checkpoint, mean: float) -> float:
    """The nats of the brightest colour: by the model's held-out loss, else by the piece's mean."""
    held_out = checkpoint.metadata.get("held_out_loss") or {}
    usual = (
        held_out.get("total") if checkpoint.metadata.get("loss_unit") == "nats per note" else None
    )
    return COLOR_RANGE * float(usual or mean)


def _paint(result: AnyStream, colors: Mapping[int, str]) -> None:
    """Colour the noteheads; the tied rest of a note is of its first head's colour."""
    parts: list[AnyStream] = [*result.getElementsByClass(stream.Part)] or [result]
    for part in parts:
        last: dict[int, str] = {}
        for member in members_of(part):
            tied = member.tie is not None and member.tie.type in ("stop", "continue")
            color = colors.get(id(member)) or (last.get(member.pitch.midi) if tied else None)
            if color is not None:
                member.style.color = color
                last[member.pitch.midi] = color
