"""MIDI performances as text, an LSTM that improvises on them, scores and sound, for music21."""
__version__ = "0.1.0"
