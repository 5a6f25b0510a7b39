"""The files that a page holds, byte for byte as :func:`music21_lstm.write` makes them."""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from music21_lstm.audio import Tags
from music21_lstm.pages.piece import Music
from music21_lstm.pipeline import write

__all__ = ["KINDS", "downloads", "file_name"]

KINDS: Mapping[str, tuple[str, str, str]] = {
    "midi": ("MIDI", "mid", "audio/midi"),
    "musicxml": ("MusicXML", "musicxml", "application/vnd.recordare.musicxml+xml"),
    "notetext": ("Notetext", "notetext", "text/plain"),
    "mp3": ("MP3", "mp3", "audio/mpeg"),
}
"""Of each format its name for people, its suffix and its media type."""


def downloads(music: Music, *, tagged: bool = True, **sound: Any) -> dict[str, bytes]:
    """The bytes of *music* in each format of :data:`KINDS`; *sound* are options of the renderer.

    Unless it is *tagged* the sound says nothing of itself.
    """
    tags = Tags(music.title, music.composer, comment=music.comment) if tagged else Tags()
    found = {}
    for kind in KINDS:
        target = io.BytesIO()
        if kind == "mp3":
            write(music.sound, target, format=kind, tags=tags, **sound)
        else:
            write(music.score if kind == "musicxml" else music.performance, target, format=kind)
        found[kind] = target.getvalue()
    return found


def file_name(title: str, kind: str) -> str:
    """A name that every file system takes, in the title's own script.

    >>> file_name("Für Elise / «Ⅱ»?", "midi")
    'Für-Elise-II.mid'
    >>> file_name("../..", "mp3")
    'music.mp3'
    """
    words = re.findall(r"[\w.]+", unicodedata.normalize("NFKC", title))
    stem = "-".join(words).strip(".-")[:60].rstrip(".-")
    return f"{stem or 'music'}.{KINDS[kind][1]}"
