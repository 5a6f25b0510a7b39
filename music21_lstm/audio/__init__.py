"""Performance to sound: soundfonts, FluidSynth, and WAV, FLAC, OGG, Opus and MP3 files.

Importing it loads neither FluidSynth nor an encoder; that happens when something is rendered.
"""

from music21_lstm.audio.encoders import FORMATS
from music21_lstm.audio.ensemble import Beat, Ensemble, Message, SoundingPart, ensemble_of, part_of
from music21_lstm.audio.files import RenderResult, render, render_bytes, render_stems
from music21_lstm.audio.libfluidsynth import Library, library
from music21_lstm.audio.midifile import ensemble_of_midi
from music21_lstm.audio.soundfonts import Preset, Soundfont, available, find
from music21_lstm.audio.tags import Tags, read_tags

__all__ = [
    "FORMATS",
    "Beat",
    "Ensemble",
    "Library",
    "Message",
    "Preset",
    "RenderResult",
    "Soundfont",
    "SoundingPart",
    "Tags",
    "available",
    "ensemble_of",
    "ensemble_of_midi",
    "find",
    "library",
    "part_of",
    "read_tags",
    "render",
    "render_bytes",
    "render_stems",
]
