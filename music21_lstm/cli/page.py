"""page: music as one HTML file, to listen to, to look at, to read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from music21_lstm.cli.generate import generate, heard_primer
from music21_lstm.cli.options import AsJson, Quiet, Soundfont
from music21_lstm.cli.output import Printer, per_field
from music21_lstm.errors import FileError

if TYPE_CHECKING:
    from music21_lstm.pages import Piece

__all__ = ["page"]

_SUFFIXES = (".mid", ".midi", ".notetext", ".musicxml", ".mxl", ".xml")
"""What is taken from a folder."""


def page(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="MIDI, notetext, MusicXML, corpus pieces; a folder is searched."),
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="The HTML file.")] = "page.html",
    improvise: Annotated[
        list[str] | None,
        typer.Option("--generate", help="Improvise a piece: options of 'generate', in quotes."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The title of the page.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", "--checkpoint", help="Show what surprises this model, and what it copied."
        ),
    ] = None,
    made_by_model: Annotated[
        list[str] | None,
        typer.Option(help="Which of the files a model made (for --quiz); may be repeated."),
    ] = None,
    quiz: Annotated[
        bool, typer.Option("--quiz", help="Ask which of the pieces a model made.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the order of a quiz.")] = 0,
    soundfont: Soundfont = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make one HTML file with player, score, piano roll and downloads; it needs no network.

    Examples:
      music21-lstm page prelude.mid --preset piano -o prelude.html

      music21-lstm page --generate "--temperature 0.6 --seed 7" --generate "--temperature 1.1 --seed 7"

      music21-lstm page bach/bwv269 --generate "--measures 12 --seed 7" --quiz -o quiz.html

    """
    from music21_lstm.pages import Piece
    from music21_lstm.pages import page as page_of
    from music21_lstm.pages.page import html_file

    printer = Printer(quiet=quiet, as_json=as_json)
    html_file(output)
    if not Path(output).parent.is_dir() or Path(output).is_dir():
        raise FileError(f"{output}: cannot be written there; name a file in a folder that exists")
    made = set(made_by_model or ())
    if unknown := made.difference(what or ()):
        raise FileError(f"--made-by-model {unknown.pop()}: is none of the files; name it as there")
    pieces = [Piece(path, preset="a model" if path in made else "") for path in _files(what or ())]
    for options in improvise or ():
        pieces += _improvised(options, printer)
    sound: dict[str, Any] = {"soundfont": soundfont} if soundfont else {}
    found = page_of(pieces, title=title, preset=preset, quiz=quiz, seed=seed, **sound)
    found.write(output)
    facts = {"page": output, "title": found.title, "files": [list(files) for files in found.files]}
    if as_json:
        printer.result(facts, [])
    printer.say(
        f"{found.title}: {len(found.files)} to hear, {len(found.html) / 1e6:.1f} MB -> {output}"
    )


def _files(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not Path(name).is_dir():
            yield name
            continue
        found = sorted(p for p in Path(name).rglob("*") if p.suffix.lower() in _SUFFIXES)
        if not found:
            raise FileError(f"{name}: no music in this folder; known: {', '.join(_SUFFIXES)}")
        yield from map(str, found)


def _improvised(text: str, printer: Printer) -> list[Piece]:
    """The pieces that ``music21-lstm generate`` makes with the options of *text*."""
    from music21_lstm.generation import load
    from music21_lstm.pages import improvised

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise FileError(f"--generate {text!r}: {error}; quote it once more") from None
    asked = _parsed(words)
    heard = heard_primer(
        asked["primer"], asked["primer_measures"], asked["track"], asked["percussion"], printer
    )
    same = (
        "events notes measures seconds until_end repetition key density register guidance "
        "max_copy retries seed time_signature"
    )
    options: dict[str, Any] = {name: asked[name] for name in same.split()}
    for name in ("temperature", "top_k", "top_p", "min_p"):
        options[name] = per_field(f"--{name.replace('_', '-')}", asked[name])
    options["velocity"] = asked["velocity_level"]
    options |= {
        "watch": not asked["no_watch"],
        "include_primer": not asked["without_primer"],
        "character": not asked["no_character"],
    }
    given: Any = {
        name: value
        for name, value in options.items()
        if value is not None and value != _DEFAULTS.get(name)
    }
    found = improvised(load(asked["preset"]), heard, count=asked["count"] or 1, **given)
    told = {name: asked[name] for name in ("primer", "primer_measures") if asked[name]}
    return [
        replace(piece, options={**told, **piece.options}, command=_command(piece, words))
        for piece in found
    ]


_DEFAULTS = {
    "until_end": False, "retries": 3, "time_signature": "4/4", "watch": True, "include_primer": True,
    "character": True,
}  # fmt: skip
"""What need not be said, as it is the same without."""


def _parsed(words: list[str]) -> dict[str, Any]:
    """The options of ``generate`` as its own command line reads them."""
    app = typer.Typer()
    app.command("generate")(generate)
    parsed: dict[str, Any] = (
        typer.main.get_command(app).make_context("generate", list(words)).params
    )
    return parsed


def _command(piece: Piece, words: list[str]) -> str:
    """What makes *piece* and no other: the options with its own seed, and one of it."""
    kept = _without(words, "--seed", "--count", "-o", "--output", "--to")
    return shlex.join(
        ["music21-lstm", "generate", *kept, "--seed", str(piece.seed), "-o", "new.mid"]
    )


def _without(words: Sequence[str], *names: str) -> list[str]:
    """*words* without options of these *names* and their values.

    >>> _without(["--seed", "7", "--key=C major", "--count=2"], "--seed", "--count")
    ['--key=C major']
    """
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in names:
            skip = True
        elif not word.startswith(tuple(f"{name}=" for name in names)):
            kept.append(word)
    return kept
