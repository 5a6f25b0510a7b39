"""Assembling the page: data, drawings, style and script in one HTML file."""

from __future__ import annotations

import base64
import html
import os
import tempfile
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from music21 import base, common, stream

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import FileError, Music21LstmError
from music21_lstm.files import write_bytes
from music21_lstm.generation.generator import Generator, load
from music21_lstm.pages.downloads import KINDS, downloads, file_name
from music21_lstm.pages.engraving import drawn
from music21_lstm.pages.markup import document, json_text
from music21_lstm.pages.piece import Music, Piece, music_of, piece_of
from music21_lstm.pages.sight import judged, length_of, sight_of
from music21_lstm.streams.reading import Source

__all__ = ["Page", "html_file", "html_of", "page", "show"]

_FRAME_HEIGHT = 720

_IN_NOTEBOOK: dict[str, Any] = {"quality": 96}
"""Options of the sound: a notebook keeps all that it shows in its file."""


@dataclass(frozen=True, slots=True, repr=False)
class Page:
    """A page as text. *html* is the whole file; *files* are what it holds, by piece and name."""

    title: str
    html: str
    files: tuple[dict[str, bytes], ...]

    def __repr__(self) -> str:
        size = len(self.html) / 1e6
        kind = "piece" if len(self.files) == 1 else "pieces"
        return f"<Page {self.title!r}: {len(self.files)} {kind}, {size:.1f} MB>"

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page to the file *path*, ``.html`` or ``.htm``, whole or not at all."""
        write_bytes(html_file(path), self.html.encode())

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame of its own, which can reach nothing outside."""
        # In an attribute only these two have a meaning; a page has many of the others.
        held = self.html.replace("&", "&amp;").replace('"', "&quot;")
        return (
            f'<iframe title="{html.escape(self.title)}" sandbox="allow-scripts allow-downloads" '
            f'style="width:100%;height:{_FRAME_HEIGHT}px;border:0" srcdoc="{held}"></iframe>'
        )


def html_file(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """*path*, if its name is that of an HTML file; raises :class:`~music21_lstm.errors.FileError`."""
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise FileError(f"{path}: a page is HTML; name it {Path(path).with_suffix('.html').name}")
    return path


def page(
    sources: Source | Piece | Sequence[Source | Piece],
    *,
    title: str | None = None,
    preset: str | Generator | None = None,
    quiz: bool = False,
    seed: int = 0,
    selectable: bool = False,
    **sound: Any,
) -> Page:
    """A page on which *sources* can be heard, seen and read; several make a gallery.

    Each is a :class:`Piece`, or anything that can be read: a Stream, a Performance, a path. With
    *preset*, a model's name or the model, notes show how much they surprise it and what stands in
    its training set. With *quiz* the page asks which pieces a model made (those whose ``preset``
    is not empty); they come in an order drawn from *seed*, and the answers are kept out of sight
    until they are asked for. *selectable*: a page around this one is told which bars are chosen.
    *sound* are options of :func:`music21_lstm.render`, as ``soundfont``.

    Raises :class:`~music21_lstm.errors.Music21LstmError` if there is nothing to show, or if the
    engraver is not installed (the extra ``page``).
    """
    pieces = [piece_of(each) for each in _listed(sources)]
    if not pieces:
        raise Music21LstmError("a page of nothing; name a MIDI, notetext or MusicXML file, or more")
    judge = load(preset) if isinstance(preset, str) else preset
    if quiz:
        _check_quiz(pieces)
        order = np.random.default_rng(seed).permutation(len(pieces))
        pieces = [pieces[place] for place in order]
    data, drawings, files = [], {}, []
    for number, piece in enumerate(pieces):
        each = replace(piece, judge=judge or piece.judge)
        shown, pages, held = _shown(each, number, quiz, sound)
        data.append(shown)
        drawings.update(pages)
        files.append(held)
    name = title or ("Which one is the LSTM?" if quiz else _title(data))
    facts = {"title": name, "quiz": quiz, "selectable": selectable, "pieces": data}
    return Page(name, document(name, facts, drawings), tuple(files))


def show(source: Source | Piece | Sequence[Source | Piece], **options: Any) -> None:
    """Show *source* with score, piano roll and player: in a notebook here, else in the web browser.

    *options* are those of :func:`page`. Nothing is fetched from anywhere. In a notebook the sound
    has 96 kbps, unless *quality* says otherwise, so that the file of the notebook stays small.
    """
    if common.runningInNotebook():
        from IPython.display import display

        display(page(source, **{**_IN_NOTEBOOK, **options}))  # type: ignore[no-untyped-call]
        return
    made = page(source, **options)
    handle, name = tempfile.mkstemp(prefix="music21-lstm-", suffix=".html")
    os.close(handle)
    made.write(name)
    webbrowser.open(Path(name).as_uri())


def html_of(score: stream.Score) -> str | None:
    """What a notebook shows of *score* if a model made it, else None: its plain ``repr``.

    A notebook asks for it by itself; where no page can be made it says why instead.
    """
    if "preset" not in score.editorial:
        return None
    try:
        return page(score, **_IN_NOTEBOOK)._repr_html_()
    except Music21LstmError as error:
        return f"<p>{html.escape(str(error))}</p>"


def _listed(sources: Source | Piece | Sequence[Source | Piece]) -> list[Source | Piece]:
    if isinstance(sources, Piece | Performance | base.Music21Object | str | bytes | os.PathLike):
        return [sources]
    return list(sources)


def _check_quiz(pieces: Sequence[Piece]) -> None:
    made = sum(bool(each.preset) for each in pieces)
    if made in (0, len(pieces)):
        kind = "no piece" if not made else "every piece"
        raise Music21LstmError(
            f"{kind} of this quiz was made by a model; a quiz needs music of both kinds, and each "
            "model's piece to say its preset"
        )


def _title(data: Sequence[dict[str, Any]]) -> str:
    return data[0]["open"]["title"] if len(data) == 1 else f"{len(data)} pieces"


def _shown(
    piece: Piece, number: int, quiz: bool, sound: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]], dict[str, bytes]]:
    """What the page's script knows of a piece, its drawings by name, and its files by name."""
    # In a quiz all are engraved alike: the look of a page must not give the answer.
    music = music_of(piece, engraved=quiz)
    if not music.performance.notes:
        raise Music21LstmError(f"{music.title or 'a piece'}: no notes; there is nothing to show")
    # The files first: drawing names the notes of the score.
    held = downloads(music, tagged=not quiz, **sound)
    drawing = drawn(music, f"p{number}")
    title = music.title or "Untitled"
    told = {
        "title": title,
        "composer": music.composer,
        "machine": bool(piece.preset),
        "facts": _facts(piece, music),
        "command": piece.command,
        "primer": piece.primer,
        "files": [
            {
                "kind": kind,
                "label": KINDS[kind][0],
                "name": file_name(title, kind),
                "type": KINDS[kind][2],
                # The sound is there already, for the player.
                "data": None if kind == "mp3" else base64.b64encode(data).decode(),
            }
            for kind, data in held.items()
        ],
    }
    if piece.judge is not None:
        told["judged"] = judged(music.performance, music.times, piece.judge, piece.primer)
    data = {
        **sight_of(music.performance, music.times),
        "bars": drawing.bars,
        "audio": base64.b64encode(held["mp3"]).decode(),
        # In a quiz these are out of sight until they are asked for.
        "open": None if quiz else told,
        "sealed": base64.b64encode(json_text(told).encode()).decode() if quiz else None,
    }
    drawings = {f"score-{number}-{name}": pages for name, pages in drawing.layouts.items()}
    return data, drawings, {file_name(title, kind): content for kind, content in held.items()}


def _facts(piece: Piece, music: Music) -> list[tuple[str, str]]:
    """What is to be read about a piece, in words."""
    performance = music.performance
    minutes, seconds = divmod(int(length_of(performance, music.times)), 60)
    facts = [("Length", f"{minutes}:{seconds:02d}, {len(performance.notes)} notes")]
    if piece.preset:
        facts.append(("Model", piece.preset))
    if piece.seed is not None:
        facts.append(("Seed", str(piece.seed)))
    facts += [(_words(name), str(value)) for name, value in piece.options.items()]
    if performance.losses:
        facts.append(("Left out", "; ".join(map(str, performance.losses))))
    return facts


def _words(option: str) -> str:
    """An option's name as words."""
    return option.replace("_", " ").capitalize()
