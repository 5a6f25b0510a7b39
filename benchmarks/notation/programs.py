"""The programs that are compared, each given the same MIDI file; what the peers wrote is kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.notation.alignment import aligned
from benchmarks.notation.page import Page
from benchmarks.notation.reading import page_of_musicxml, page_of_score
from benchmarks.notation.truth import Piece
from music21_lstm.encoding.midi import midi_bytes
from music21_lstm.notation import engrave

__all__ = ["PEERS", "PROGRAMS", "Failed", "Made", "make"]

SECONDS = 300
"""A program that needs more CPU seconds for a file has failed on it."""

_MUSIC21 = """
import sys
from music21 import converter
score = converter.parse(sys.argv[1], forceSource=True, storePickle=False)
score.write("musicxml", fp=sys.argv[2])
"""


class Failed(Exception):  # noqa: N818 - it is what happened, not a fault of the benchmark
    """A program made no page of a file; the text says why."""


class Made(NamedTuple):
    """What a program made: the page, and the MusicXML file."""

    page: Page
    file: Path


def make(program: str, piece: Piece, folder: Path) -> Made:
    """What *program* makes of *piece*, its files being in *folder*. Raises :class:`Failed`."""
    data = midi_bytes(piece.performance)
    stem = f"{piece.name}-{hashlib.sha256(data).hexdigest()[:8]}"
    source = folder / f"{stem}.mid"
    if not source.exists():
        folder.mkdir(parents=True, exist_ok=True)
        source.write_bytes(data)
    return PROGRAMS[program](piece, source)


def _ours(piece: Piece, source: Path) -> Made:
    target = source.with_suffix(".music21-lstm.musicxml")
    try:
        score = engrave(piece.performance)
        score.write("musicxml", fp=target, makeNotation=False)
    except Exception as fault:  # any fault is a page that was not made, and is counted
        raise Failed(f"{type(fault).__name__}: {fault}") from fault
    return Made(page_of_score(score, piece.performance), target)


def _music21(piece: Piece, source: Path) -> Made:
    command = [sys.executable, "-c", _MUSIC21]
    return _peer(
        piece, source, ".music21.musicxml", lambda target: [*command, str(source), str(target)]
    )


def _musescore(piece: Piece, source: Path) -> Made:
    program = shutil.which("musescore3") or shutil.which("mscore3")
    if program is None:
        raise Failed("musescore3 is not installed")
    return _peer(
        piece,
        source,
        ".musescore.musicxml",
        lambda target: [program, "-o", str(target), str(source)],
    )


def _peer(piece: Piece, source: Path, suffix: str, command: Callable[[Path], list[str]]) -> Made:
    """Run a program unless its page, or the news that there is none, is there from before."""
    target = source.with_suffix(suffix)
    failure = target.with_suffix(".failed")
    if failure.exists():
        raise Failed(failure.read_text(encoding="utf-8"))
    if not target.exists():
        reason = _run(command(target))
        if not target.exists():
            failure.write_text(reason, encoding="utf-8")
            raise Failed(reason)
    performance = piece.performance
    page = aligned(
        page_of_musicxml(target), [note.pitch for note in performance.notes], piece.times()
    )
    return Made(page, target)


def _run(command: list[str]) -> str:
    """Run a program; why there may be no file."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    limited = ["prlimit", f"--cpu={SECONDS}", *command] if shutil.which("prlimit") else command
    done = subprocess.run(
        limited, env=environment, capture_output=True, check=False, text=True, errors="replace"
    )
    if done.returncode in (-9, -24):
        return f"no page after {SECONDS} CPU seconds"
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


PROGRAMS: dict[str, Callable[[Piece, Path], Made]] = {
    "music21-lstm": _ours,
    "music21": _music21,
    "MuseScore 3": _musescore,
}
PEERS = ("music21", "MuseScore 3")
