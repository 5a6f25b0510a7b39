"""Corpora of MIDI files that a user keeps in a folder, held to a list of what was trained on.

Beside this module, ``lists/<name>.tsv`` says of each file on which side of the split it is, its
SHA-256 and its path under the data folder. Held out are whole works, in every recording.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from music21_lstm.errors import TrainingError
from music21_lstm.files import read_bytes

__all__ = ["LISTED", "VARIABLE", "Listed", "ListedFile", "found_files", "listed_files"]

VARIABLE = "MUSIC21_LSTM_DATA"
"""The environment variable that names the folder in which the corpora's folders are."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A corpus in a user's folder: its *licence*, with attribution, and what belongs where."""

    licence: str
    contents: str


LISTED = {
    "piano": Listed(
        "piano-midi.de: Bernd Krueger, http://www.piano-midi.de, CC BY-SA 3.0 DE. GiantMIDI-Piano: "
        "Qiuqiang Kong, Bochen Li, Jitong Chen and Yuxuan Wang, arXiv:2010.07061, CC BY 4.0. The "
        "works are in the public domain.",
        "the MIDI files of piano-midi.de in piano-midi-de/midis (a folder for each composer) and those "
        "of GiantMIDI-Piano in giantmidi/midi",
    ),
    "jazz": Listed(
        "Weimar Jazz Database, by way of jazzodata: Klaus Frieler, Martin Pfleiderer, Wolf-Georg "
        "Zaddach and Jakob Abeßer, MIT (jazzodata), upstream ODbL. Jazz Trio Database, by way of "
        "ImprovID: MIT.",
        "the solos of the Weimar Jazz Database with chords, as MIDI, in jazz/solo_chords and the piano "
        "of the Jazz Trio Database's clips, as MIDI, in jazz/trio-piano/midi",
    ),
}
"""The corpora by name."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of a corpus: its *path* under the data folder, and whether it is *held_out*."""

    path: str
    sha256: str
    held_out: bool


@cache
def listed_files(name: str) -> tuple[ListedFile, ...]:
    """The files of the corpus *name*, by path."""
    text = files("music21_lstm").joinpath(f"model/lists/{name}.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return tuple(ListedFile(path, sha256, side == "held-out") for side, sha256, path in rows)


def found_files(
    name: str,
    data: str | os.PathLike[str] | None = None,
    on_skip: Callable[[str], None] | None = None,
) -> list[tuple[ListedFile, Path]]:
    """The files of the corpus *name* and where they are, each checked by its SHA-256.

    They are looked for in the folder *data*, else in the environment variable's. One that is missing
    or is another than the list's is an error, since what is trained on it is another model; it is
    passed over if *on_skip* is there to be told why. None at all is an error in any case.
    """
    folder = data or os.environ.get(VARIABLE)
    if not folder:
        raise TrainingError(
            f"corpus {name}: where its files are is not said; name the folder that has "
            f"{LISTED[name].contents}, or set {VARIABLE} to it"
        )
    found, faults = [], []
    for listed in listed_files(name):
        path = Path(folder, listed.path)
        if not path.is_file():
            faults.append(f"{path} is missing")
        elif hashlib.sha256(read_bytes(path)).hexdigest() != listed.sha256:
            faults.append(f"{path} is another file than was trained on (its SHA-256 differs)")
        else:
            found.append((listed, path))
    if faults and (on_skip is None or not found):
        more = f", and {len(faults) - 1} more files are at fault" if len(faults) > 1 else ""
        raise TrainingError(f"corpus {name}: {faults[0]}{more}; needed are {LISTED[name].contents}")
    if on_skip is not None:
        for fault in faults:
            on_skip(f"corpus {name}: {fault}")
    return found
