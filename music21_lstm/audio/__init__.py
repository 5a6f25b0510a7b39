"""Performance to sound: soundfonts, FluidSynth, and WAV, FLAC, OGG and MP3 files.

Importing it loads neither FluidSynth nor an encoder; that happens when something is rendered.
"""

from music21_lstm.audio.files import FORMATS, RenderResult, render
from music21_lstm.audio.libfluidsynth import Library, library
from music21_lstm.audio.soundfonts import Preset, Soundfont, available, find

__all__ = [
    "FORMATS",
    "Library",
    "Preset",
    "RenderResult",
    "Soundfont",
    "available",
    "find",
    "library",
    "render",
]
