"""Engraving: a performance as a piano score that a person can read."""

from __future__ import annotations

from collections.abc import Sequence

from music21 import layout, metadata, stream, tempo

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import EncodingError
from music21_lstm.notation.bars import Bar, bars_of, sections_of
from music21_lstm.notation.clefs import Clef, clefs_of
from music21_lstm.notation.hands import four_part_voices, split_hands
from music21_lstm.notation.marks import Key, TempoMark, keys_of, tempo_marks
from music21_lstm.notation.metre import UNIT, Metre, quarters
from music21_lstm.notation.pieces import bar_pieces
from music21_lstm.notation.quantize import Placed, is_aligned, place_notes
from music21_lstm.notation.spelling import spell
from music21_lstm.notation.voices import Staff, one_voice, two_voices
from music21_lstm.notation.writing import BarPlan, StaffWriter, traces_of

__all__ = ["engrave"]

_VOICE_IDS = (("1", "2"), ("5", "6"))
"""MusicXML's habit: voices 1 to 4 on the upper staff of a piano, 5 to 8 on the lower."""


def engrave(
    performance: Performance,
    *,
    time_signature: str | None = None,
    divisions: tuple[int, ...] = (4, 3),
    title: str | None = None,
    composer: str | None = None,
) -> stream.Score:
    """Write *performance* as a piano score: two staves, bars, voices, keys and note names.

    Ticks that are a score's own are written exactly. Others are snapped to the best of
    *divisions* of each quarter. *time_signature* (``"3/4"``) overrides the performance's own.
    Each note carries its :class:`~music21_lstm.encoding.trace.PerformedTrace`, so nothing of the
    performance is lost. The rules and what is still weak: docs/notation.md.

    Raises :class:`~music21_lstm.errors.EncodingError` for a *time_signature* or *divisions* that
    cannot be written; never for the performance.

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> score = engrave(Performance(480, [NoteOn(0, 61, 80), NoteOff(720, 61)]))
    >>> note = score.recurse().notes.first()
    >>> note.nameWithOctave, note.quarterLength
    ('C#4', 1.5)
    """
    override = _override(time_signature)
    if not divisions or any(d.__class__ is not int or not 1 <= d <= 32 for d in divisions):
        raise EncodingError(
            f"divisions {divisions!r} cannot be written; give whole numbers from 1 to 32, as (4, 3)"
        )
    sections = sections_of(performance, override)
    placed, sections = place_notes(performance, sections, divisions)
    bars = bars_of(sections, max((p.end for p in placed), default=0))
    keys = keys_of(performance, placed, bars)
    staves = _staves(placed, is_aligned(performance))
    parts = _parts(performance, placed, bars, keys, staves)
    _add_tempo(parts[0], bars, tempo_marks(performance, placed, bars))
    return _score(parts, title, composer)


def _override(time_signature: str | None) -> Metre | None:
    if time_signature is None:
        return None
    numerator, _, denominator = time_signature.partition("/")
    if numerator.isdecimal() and denominator.isdecimal():
        metre = Metre(int(numerator), int(denominator))
        if metre.writable:
            return metre
    raise EncodingError(
        f"time signature {time_signature!r} cannot be written; give one such as 4/4, 6/8 or 5/8"
    )


def _staves(placed: Sequence[Placed], aligned: bool) -> tuple[Staff, Staff, bool]:
    """The voices of the right and the left hand, and whether they are a chorale's four parts."""
    parts = four_part_voices(placed) if aligned else None
    if parts is not None:
        soprano, alto, tenor, bass = (
            one_voice(p for p, part in zip(placed, parts, strict=True) if part == wanted)
            for wanted in range(4)
        )
        return (soprano, alto), (tenor, bass), True
    right = split_hands(placed)
    hands = (
        [p for p, is_right in zip(placed, right, strict=True) if is_right],
        [p for p, is_right in zip(placed, right, strict=True) if not is_right],
    )
    return two_voices(hands[0], aligned=aligned), two_voices(hands[1], aligned=aligned), False


def _parts(
    performance: Performance,
    placed: Sequence[Placed],
    bars: Sequence[Bar],
    keys: Sequence[Key],
    staves: tuple[Staff, Staff, bool],
) -> list[stream.PartStaff]:
    right, left, four_part = staves
    spelled = _spelled(placed, bars, keys)
    # Voices in every bar or in none: else their numbers would change from bar to bar.
    voices_needed = bool(right[1] or left[1])
    usual: tuple[Clef, Clef] = ("treble", "bass")
    parts = []
    for number, staff in enumerate((right, left)):
        traces = traces_of(performance, [*staff[0], *staff[1]])
        ids = _VOICE_IDS[number] if voices_needed else None
        plans = _plans(staff, bars, keys, usual[number], all_rests=four_part)
        writer = StaffWriter(spelled, traces, ids)
        parts.append(writer.part(plans, f"P1-Staff{number + 1}"))
    return parts


def _spelled(placed: Sequence[Placed], bars: Sequence[Bar], keys: Sequence[Key]) -> dict[int, int]:
    """The place on the line of fifths of each note, by the place of its note on."""
    order = sorted(placed, key=lambda p: (p.onset, p.note.pitch))
    note_keys = []
    index = 0
    for p in order:
        while index + 1 < len(bars) and bars[index].end <= p.onset:
            index += 1
        note_keys.append(keys[index])
    names = spell([p.note.pitch for p in order], note_keys)
    return {p.note.on: name for p, name in zip(order, names, strict=True)}


def _plans(
    staff: Staff, bars: Sequence[Bar], keys: Sequence[Key], usual: Clef, *, all_rests: bool
) -> list[BarPlan]:
    voices = list(bar_pieces(staff, bars, all_rests=all_rests))
    clefs = clefs_of(
        [
            [
                p.note.pitch
                for piece in [*upper, *lower]
                if piece.sounding
                for p in piece.sounding.notes
            ]
            for upper, lower in voices
        ],
        usual,
    )
    return [
        BarPlan(
            bar,
            upper,
            lower,
            keys[i],
            new_key=i == 0 or keys[i] != keys[i - 1],
            new_clef=clefs[i] if i == 0 or clefs[i] != clefs[i - 1] else None,
            first=i == 0,
            last=i == len(bars) - 1,
        )
        for i, (bar, (upper, lower)) in enumerate(zip(bars, voices, strict=True))
    ]


def _add_tempo(part: stream.PartStaff, bars: Sequence[Bar], marks: Sequence[TempoMark]) -> None:
    """Print the marks as whole numbers of the metre's beats; they sound exactly."""
    measures = list(part.getElementsByClass(stream.Measure))
    for mark in marks:
        metre = bars[mark.bar].metre
        beat = metre.beat if metre.compound or metre.denominator <= 2 else UNIT
        exact = mark.bpm * UNIT / beat
        shown = tempo.MetronomeMark(number=round(exact), referent=quarters(beat))
        if round(exact) != exact:
            shown.numberSounding = exact
        measures[mark.bar].insert(0, shown)


def _score(parts: list[stream.PartStaff], title: str | None, composer: str | None) -> stream.Score:
    score = stream.Score()
    data = metadata.Metadata()
    # An empty name keeps music21 from printing "Music21 Fragment" and "Music21" as its own.
    data.movementName = title or ""
    data.composer = composer or ""
    score.insert(0, data)
    for part in parts:
        score.insert(0, part)
    score.insert(0, layout.StaffGroup(parts, name="Piano", symbol="brace", barTogether=True))
    return score
