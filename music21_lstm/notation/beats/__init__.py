"""Beats: where the bars, beats and metres are in music that does not say it."""

from music21_lstm.notation.beats.given import Beats, GivenBeats, read_beats
from music21_lstm.notation.beats.on_grid import sections_heard
from music21_lstm.notation.beats.placing import Played, accompanied, place_played
from music21_lstm.notation.beats.tempo import Pause, Tempo

__all__ = [
    "Beats",
    "GivenBeats",
    "Pause",
    "Played",
    "Tempo",
    "accompanied",
    "place_played",
    "read_beats",
    "sections_heard",
]
