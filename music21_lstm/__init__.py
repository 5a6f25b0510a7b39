"""MIDI performances as text, an LSTM that improvises on them, readable scores and sound, for music21.

Importing the package registers its converters with music21: ``converter.parse('tune.notetext')``,
``stream.write('notetext')`` and ``stream.write('mp3')`` then work. Nothing heavy is loaded until it
is used: no FluidSynth, no TensorFlow.

>>> from music21 import converter
>>> import music21_lstm as ml
>>> tune = converter.parse("notetext: rs_480 0_no_60_80 480_nf_60_64")
>>> [note.nameWithOctave for note in tune.recurse().notes]
['C4']
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from music21_lstm.audio import RenderResult
    from music21_lstm.encoding import (
        ControlChange,
        Event,
        KeySignature,
        Loss,
        NoteOff,
        NoteOn,
        Performance,
        SetTempo,
        TimeSignature,
    )
    from music21_lstm.errors import Music21LstmError
    from music21_lstm.generation import (
        Generator,
        Originality,
        Sampling,
        Steering,
        Surprisal,
        Variation,
        load,
    )
    from music21_lstm.pages import Page, Piece, improvised, page, show
    from music21_lstm.pipeline import engrave, read, render, to_stream, train, write
    from music21_lstm.streams.elements import PerformanceEvent
    from music21_lstm.streams.subconverters import register, unregister

__version__ = "0.1.0"

_WHERE = {
    "ControlChange": "encoding",
    "Event": "encoding",
    "Generator": "generation",
    "KeySignature": "encoding",
    "Loss": "encoding",
    "Music21LstmError": "errors",
    "NoteOff": "encoding",
    "NoteOn": "encoding",
    "Originality": "generation",
    "Page": "pages",
    "Performance": "encoding",
    "PerformanceEvent": "streams.elements",
    "Piece": "pages",
    "RenderResult": "audio",
    "Sampling": "generation",
    "SetTempo": "encoding",
    "Steering": "generation",
    "Surprisal": "generation",
    "TimeSignature": "encoding",
    "Variation": "generation",
    "engrave": "pipeline",
    "improvised": "pages",
    "load": "generation",
    "page": "pages",
    "read": "pipeline",
    "register": "streams.subconverters",
    "render": "pipeline",
    "show": "pages",
    "to_stream": "pipeline",
    "train": "pipeline",
    "unregister": "streams.subconverters",
    "write": "pipeline",
}

__all__ = [
    "ControlChange",
    "Event",
    "Generator",
    "KeySignature",
    "Loss",
    "Music21LstmError",
    "NoteOff",
    "NoteOn",
    "Originality",
    "Page",
    "Performance",
    "PerformanceEvent",
    "Piece",
    "RenderResult",
    "Sampling",
    "SetTempo",
    "Steering",
    "Surprisal",
    "TimeSignature",
    "Variation",
    "__version__",
    "engrave",
    "improvised",
    "load",
    "page",
    "read",
    "register",
    "render",
    "show",
    "to_stream",
    "train",
    "unregister",
    "write",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name in _WHERE:
        value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _is_command_line() -> bool:
    """Whether this process is the command line, which has no use for registered converters.

    Importing music21 takes most of a second: too long for ``music21-lstm --help``.
    """
    program = Path(sys.argv[0]).stem if sys.argv else ""
    return program == "music21-lstm" or (
        program == "-m" and sys.orig_argv[1:3] == ["-m", "music21_lstm"]
    )


def _html_of(score: Any) -> str | None:
    """What a notebook shows of a music21 Score."""
    shown: str | None = import_module(f"{__name__}.pages.page").html_of(score)
    return shown


def _tell_notebook() -> None:
    """Let a notebook show as a page what a model made; no notebook is loaded for that."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        formatter = shell.display_formatter.formatters["text/html"]
        formatter.for_type_by_name("music21.stream.base", "Score", _html_of)


if not _is_command_line():
    import_module(f"{__name__}.streams.subconverters").register()
    _tell_notebook()
