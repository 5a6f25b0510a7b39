"""Notation: a performance as a score that a person can read."""

from music21_lstm.notation.score import Sketch, engrave, sketch

__all__ = ["Sketch", "engrave", "sketch"]
