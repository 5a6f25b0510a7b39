"""What is played: trained models that improvise, in NumPy alone."""

from music21_lstm.generation.generator import Generator, Length, load
from music21_lstm.generation.originality import Originality, Run
from music21_lstm.generation.sampling import FieldSampling, Sampling
from music21_lstm.generation.surprisal import Surprisal
from music21_lstm.generation.variations import Variation
from music21_lstm.generation.watch import Collapse
from music21_lstm.model.steering import Steering

__all__ = [
    "Collapse",
    "FieldSampling",
    "Generator",
    "Length",
    "Originality",
    "Run",
    "Sampling",
    "Steering",
    "Surprisal",
    "Variation",
    "load",
]
