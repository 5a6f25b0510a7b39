"""Notation: a performance as a score that a person can read."""

from music21_lstm.notation.score import engrave

__all__ = ["engrave"]
