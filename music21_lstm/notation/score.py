"""Engraving: a performance as a piano score that a person can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from music21 import layout, metadata, stream

from music21_lstm.encoding.performance import Performance
from music21_lstm.notation.beats import Beats
from music21_lstm.notation.directions import (
    add_chords,
    add_directions,
    add_readings,
    add_staff_size,
    add_system_breaks,
)
from music21_lstm.notation.planning import DIVISIONS, PagePlan, plan_page
from music21_lstm.notation.sketching import SketchWriter
from music21_lstm.notation.writing import Flow, StaffWriter, traces_of

__all__ = ["Sketch", "engrave", "sketch"]

_VOICE_IDS = (("1", "2"), ("5", "6"))
"""MusicXML's habit: voices 1 to 4 on the upper staff of a piano, 5 to 8 on the lower."""


def engrave(
    performance: Performance,
    *,
    time_signature: str | None = None,
    key: str | None = None,
    beats: Beats | None = None,
    divisions: tuple[int, ...] = DIVISIONS,
    lead_sheet: bool = False,
    title: str | None = None,
    composer: str | None = None,
    generated_by: str | None = None,
) -> stream.Score:
    """Write *performance* as a piano score: two staves, bars, voices, keys and note names.

    Ticks that are a score's own are written exactly. Others are snapped to the best of
    *divisions* of each quarter. *time_signature* (``"3/4"``) and *key* (``"B- major"``, ``"f#"``)
    override the performance's own.
    What was played to no click has its beats and bars found first; *beats* (the second of each, or
    of each with its number in the bar) are obeyed.
    Eighths that swing are written straight, with the word. A *lead_sheet* is one staff: the melody,
    with chord symbols for the rest. *title*, *composer* and *generated_by* (a preset) are metadata.
    Each note carries its :class:`~music21_lstm.encoding.trace.PerformedTrace`, so nothing of the
    performance is lost (but on a lead sheet). The rules and what is still weak: docs/notation.md.

    Raises :class:`~music21_lstm.errors.EncodingError` for a *time_signature*, *key*, *beats*
    or *divisions* that cannot be written; never for the performance.

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> score = engrave(Performance(480, [NoteOn(0, 61, 80), NoteOff(720, 61)]))
    >>> note = score.recurse().notes.first()
    >>> note.nameWithOctave, note.quarterLength
    ('C#4', 1.5)
    """
    plan = plan_page(
        performance,
        time_signature=time_signature,
        key=key,
        beats=beats,
        divisions=divisions,
        lead_sheet=lead_sheet,
    )
    score, _ = _built(plan, StaffWriter)
    return _named(score, title, composer, generated_by)


@dataclass(frozen=True, slots=True)
class Sketch:
    """A page on its way into a file: *score* has measures without notes, *flows* has the notes.

    *flows*: the voices of each measure by its ``id``, each with its name; see :class:`SketchWriter`.
    """

    score: stream.Score
    flows: dict[int, list[tuple[str, Flow]]]


def sketch(
    performance: Performance,
    *,
    title: str | None = None,
    composer: str | None = None,
    generated_by: str | None = None,
    **options: Any,
) -> Sketch:
    """What :func:`engrave` makes with the same *options*, but for a file alone: no trace is kept."""
    score, writers = _built(plan_page(performance, **options), SketchWriter)
    flows = {measure: voices for writer in writers for measure, voices in writer.flows.items()}
    return Sketch(_named(score, title, composer, generated_by), flows)


_Writer = TypeVar("_Writer", bound=StaffWriter)


def _built(plan: PagePlan, kind: type[_Writer]) -> tuple[stream.Score, list[_Writer]]:
    """The page as planned, but for its names, and the writers of its staves."""
    loudness = plan.directions.loudness
    writers, parts = [], []
    for number, staff in enumerate(plan.staves):
        writer = kind(
            plan.spelled,
            traces_of(plan.performance, [*staff.staff[0], *staff.staff[1]]),
            _VOICE_IDS[number] if plan.in_voices else None,
            loudness.accents,
            plan.directions.tempo.fermatas,
        )
        part = writer.part(staff.bars, f"P1-Staff{number + 1}")
        add_readings(part, plan.bars, staff.readings)
        writers.append(writer)
        parts.append(part)
    if plan.chords:
        add_chords(parts[0], plan.bars, plan.keys, plan.chords)
    add_directions(parts, plan.bars, plan.directions)
    signs = [sum(counts) for counts in zip(*(writer.signs for writer in writers), strict=True)]
    add_staff_size(parts, plan.columns, signs)
    add_system_breaks(parts[0], plan.columns)
    score = stream.Score()
    for part in parts:
        score.insert(0, part)
    if len(parts) > 1:
        score.insert(0, layout.StaffGroup(parts, name="Piano", symbol="brace", barTogether=True))
    return score, writers


def _named(
    score: stream.Score, title: str | None, composer: str | None, generated_by: str | None
) -> stream.Score:
    data = metadata.Metadata()
    # An empty name keeps music21 from printing "Music21 Fragment" and "Music21" as its own.
    data.movementName = title or ""
    data.composer = composer or ""
    data.add("software", f"music21-lstm, {generated_by}" if generated_by else "music21-lstm")
    score.insert(0, data)
    return score
