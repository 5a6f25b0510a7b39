"""music21's side of the language: performances to Streams and back, and the converters."""

from music21_lstm.streams.decode import engraved_stream, exact_stream
from music21_lstm.streams.elements import PerformanceEvent
from music21_lstm.streams.encode import performance_of_stream
from music21_lstm.streams.reading import Source, performance_from
from music21_lstm.streams.subconverters import register, unregister

__all__ = [
    "PerformanceEvent",
    "Source",
    "engraved_stream",
    "exact_stream",
    "performance_from",
    "performance_of_stream",
    "register",
    "unregister",
]
