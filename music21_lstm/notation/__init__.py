"""Notation: a performance as a score that a person can read."""

from music21_lstm.notation.score import Sketch, engrave, sketch
from music21_lstm.notation.writing import ENGRAVED

__all__ = ["ENGRAVED", "Sketch", "engrave", "sketch"]
