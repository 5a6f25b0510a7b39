"""Every error that music21-lstm raises on purpose.

::

    Music21LstmError                 whatever went wrong, in one clear line
    ├── EncodingError (ValueError)   notes that cannot be said in the encoding
    │   ├── EventError                 a field out of its range
    │   ├── NoteTextError              text that is not notetext: line, token, what was expected
    │   ├── MidiError                  bytes that are no MIDI file, or one that cannot be read
    │   └── StreamError                a music21 object that cannot be encoded or decoded
    ├── ModelError                   training and checkpoints
    │   ├── CheckpointError            a folder that is no checkpoint, is damaged or too new
    │   └── TrainingError              data or settings that cannot be trained on
    ├── GenerationError              a request that the generator cannot fulfil
    ├── AudioError                   sound that cannot be made
    │   ├── SoundfontError             a file that is no soundfont
    │   └── FluidSynthError            the FluidSynth library is missing or failed
    └── FileError (OSError)          a source that cannot be read, a target that cannot be written

The message of each says what, where, and what to do next, in one line. The command line prints
it and leaves with exit code 1; a bug keeps its traceback.
"""

from __future__ import annotations

__all__ = [
    "AudioError",
    "CheckpointError",
    "EncodingError",
    "EventError",
    "FileError",
    "FluidSynthError",
    "GenerationError",
    "MidiError",
    "ModelError",
    "Music21LstmError",
    "NoteTextError",
    "SoundfontError",
    "StreamError",
    "TrainingError",
]


class Music21LstmError(Exception):
    """The root of every error raised on purpose by this package."""


class EncodingError(Music21LstmError, ValueError):
    """Something cannot be said in the encoding."""


class EventError(EncodingError):
    """A field of an event is out of its range."""


class NoteTextError(EncodingError):
    """A text is not notetext."""


class MidiError(EncodingError):
    """Bytes are no MIDI file, or one that cannot be read."""


class StreamError(EncodingError):
    """A music21 object cannot be encoded or decoded."""


class ModelError(Music21LstmError):
    """Training or a checkpoint failed."""


class CheckpointError(ModelError):
    """A folder is no checkpoint, is damaged, or is of another format version."""


class TrainingError(ModelError):
    """The data or the settings cannot be trained on."""


class GenerationError(Music21LstmError):
    """The generator cannot fulfil a request."""


class AudioError(Music21LstmError):
    """Sound cannot be made."""


class SoundfontError(AudioError):
    """A file is no soundfont, or lacks what is needed."""


class FluidSynthError(AudioError):
    """The FluidSynth library is missing or failed."""


class FileError(Music21LstmError, OSError):
    """A source cannot be read or a target cannot be written."""
