"""A Stream as an ensemble plays it: instruments, dynamics, articulations, fermatas, swing, pedal.

:func:`~music21_lstm.streams.encode.performance_of_stream` says which keys a Stream has; here each
player's staves are encoded by themselves, after what is written on the notes was put into their
velocities and lengths, and all are brought into seconds by one clock, so that they stay together.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from music21 import base, chord, dynamics, repeat, spanner, stream
from music21.exceptions21 import Music21Exception

from music21_lstm.audio.ensemble import Ensemble, SoundingPart, ensemble_of, part_of
from music21_lstm.audio.midifile import ensemble_of_midi
from music21_lstm.encoding.midi import is_midi
from music21_lstm.encoding.performance import Performance
from music21_lstm.encoding.trace import TRACE_KEY
from music21_lstm.streams.elements import PerformanceEvent
from music21_lstm.streams.encode import performance_of_stream
from music21_lstm.streams.players import players_of
from music21_lstm.streams.reading import (
    MIDI_SUFFIXES,
    NOTETEXT_SUFFIXES,
    Source,
    is_musicxml,
    performance_from,
    score_from,
    score_of,
)
from music21_lstm.streams.ready import AnyStream, walk
from music21_lstm.streams.real_time import RealTime

__all__ = ["ensemble_from", "ensemble_of_stream", "generated_by", "times_of_stream"]

_HEARD = ("instrument", "articulation", "percussion")
"""What one piano cannot say and an ensemble can."""


def ensemble_from(
    source: Source, *, track: int | str | None = None, performed: bool = True
) -> Ensemble:
    """*source* as an ensemble: a Performance, a music21 object, a path, or a file's bytes.

    A MIDI file keeps its channels with their programs and drums, a Stream its instruments. *track*
    is for MIDI, *performed* for Streams.

    Raises one of the package's errors, naming the file.
    """
    if isinstance(source, base.Music21Object):
        return ensemble_of_stream(source, performed=performed)
    if isinstance(source, bytes) and is_midi(source):
        return ensemble_of_midi(source, track=track)
    if isinstance(source, bytes) and is_musicxml(source):
        return ensemble_of_stream(score_of(source), performed=performed)
    if isinstance(source, Performance | bytes):
        return ensemble_of(performance_from(source))
    text = str(source).lower().lstrip()
    if text.endswith(MIDI_SUFFIXES):
        return ensemble_of_midi(source, track=track)
    if text.startswith("notetext:") or text.endswith(NOTETEXT_SUFFIXES):
        return ensemble_of(performance_from(source))
    return ensemble_of_stream(score_from(str(source)), performed=performed)


def ensemble_of_stream(source: base.Music21Object, *, performed: bool = True) -> Ensemble:
    """A Stream as an ensemble; *source* is left as it is.

    Each Part has its instrument's General MIDI program, changes of instrument included; unpitched
    percussion is played on a drum kit, and the staves of a piano by one player. Notes without a
    velocity of their own have the one that dynamics and hairpins ask for; articulations shorten and
    stress by music21's own ``lengthShift`` and ``volumeShift``; a fermata doubles the length for
    all; eighths under a text "Swing" are swung until one says "straight"; pedal marks hold.

    A Stream that came from a performance sounds as it was performed, in which all of that has its
    place already; with ``performed=False`` it is played as it is written.
    """
    if isinstance(source, stream.Opus):
        return _in_a_row([ensemble_of_stream(s, performed=performed) for s in source.scores])
    if not isinstance(source, stream.Stream):
        return ensemble_of(performance_of_stream(source))
    score = _expanded(source)
    whole = performance_of_stream(score, performed=performed)
    if not performed:
        _forget(score)
    played = _was_played(score)
    time = RealTime(whole, [] if played else walk(score, 0))
    players = players_of(score)
    if played and len(players) == 1:
        # As it was performed: the page's own clock and marks have been followed already.
        (player,) = players
        parts = [part_of(whole, whole.times, program=player.program, name=player.name)]
    else:
        for player in () if played else players:
            player.interpret()
        parts = [player.part(whole.resolution, time) for player in players]
    return Ensemble(
        tuple(parts),
        time.beats(),
        tuple(loss for loss in whole.losses if not loss.what.startswith(_HEARD)),
        **_names(source),
    )


def times_of_stream(source: AnyStream) -> list[float]:
    """When each event of ``performance_of_stream(source)`` is heard by :func:`ensemble_of_stream`.

    That is in seconds, with fermatas and swing, which a Performance has no word for.
    """
    score = _expanded(source)
    whole = performance_of_stream(score)
    return RealTime(whole, [] if _was_played(score) else walk(score, 0)).seconds(whole.ticks)


def _was_played(score: AnyStream) -> bool:
    """Whether notes of *score* know how they were played."""
    return any(TRACE_KEY in n.editorial for n in _notes(score) if n.hasEditorialInformation)


def generated_by(preset: str | None, seed: int | None) -> str:
    """How music that a model made came about, for the tags of its sound.

    >>> generated_by("piano", 3)
    'generated by music21-lstm, preset piano, seed 3'
    """
    made = [f"preset {preset}"] if preset else []
    made += [f"seed {seed}"] if seed is not None else []
    return ", ".join(["generated by music21-lstm", *made])


def _names(source: AnyStream) -> dict[str, str]:
    """What *source* says of itself."""
    metadata: Any = source.metadata
    # bestTitle would be the name of the file, where there is no other.
    said = {"title": metadata.title, "composer": metadata.composer} if metadata else {}
    if metadata and not metadata.title and metadata.movementName:
        said["title"] = metadata.movementName
    if source.hasEditorialInformation and "seed" in source.editorial:
        said["comment"] = generated_by(source.editorial.get("preset"), source.editorial["seed"])
    return {name: str(value) for name, value in said.items() if value}


def _in_a_row(pieces: Sequence[Ensemble]) -> Ensemble:
    """The scores of an Opus, one after another."""
    parts: list[SoundingPart] = []
    beats = []
    start = 0.0
    for piece in pieces:
        parts += [part.delayed(start) for part in piece.parts]
        beats += [beat._replace(time=beat.time + start) for beat in piece.beats]
        start += piece.seconds
    losses = tuple(loss for piece in pieces for loss in piece.losses)
    return Ensemble(tuple(parts), tuple(beats), losses)


def _expanded(source: AnyStream) -> AnyStream:
    """A copy of *source* with its repeats played out, or played once where music21 cannot."""
    marks = (repeat.RepeatMark, spanner.RepeatBracket)
    if not source.recurse().getElementsByClass(marks):
        return copy.deepcopy(source)
    score = source
    try:
        if isinstance(source, stream.Score | stream.Part):
            score = source.expandRepeats()
    except Music21Exception:
        score = source
    score = copy.deepcopy(source) if score is source else score
    # What is left of them must not be played out again, staff by staff.
    score.remove(list(score.recurse().getElementsByClass(marks)), recurse=True)
    return score


def _notes(score: AnyStream) -> Iterator[Any]:
    for element in score.recurse().notes:
        yield element
        if isinstance(element, chord.ChordBase):
            yield from element.notes


def _forget(score: AnyStream) -> None:
    """Take away what is not written: how it was played once."""
    marked = bool(score.recurse().getElementsByClass(dynamics.Dynamic))
    for element in _notes(score):
        if element.hasEditorialInformation:
            element.editorial.pop(TRACE_KEY, None)
        if marked and element.hasVolumeInformation():
            element.volume.velocity = None
    score.remove(list(score.recurse().getElementsByClass(PerformanceEvent)), recurse=True)
