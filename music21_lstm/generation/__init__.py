"""What is played: trained models that improvise, in NumPy alone."""

from music21_lstm.generation.generator import Generator, Length, load
from music21_lstm.generation.sampling import Sampling

__all__ = ["Generator", "Length", "Sampling", "load"]
