"""engrave: performances as scores to read."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from music21_lstm.cli.options import Percussion, Quiet, Track
from music21_lstm.cli.output import (
    STANDARD,
    Printer,
    is_number,
    read_source,
    standard_output,
    title_of,
    track_of,
)
from music21_lstm.errors import EncodingError, FileError, Music21LstmError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from music21_lstm.streams.reading import Source

__all__ = ["engrave"]


def engrave(
    sources: Annotated[
        list[str], typer.Argument(help="MIDI, notetext or whatever music21 reads; - is stdin.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", help="A file, a folder, or - ; default: .musicxml beside the source."
        ),
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", help="musicxml, or mxl (compressed).")
    ] = None,
    time_signature: Annotated[
        str | None, typer.Option(help="The metre, as 3/4; default: the performance's, or by ear.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="The key: 'B- major', 'f#' (minor) …")] = None,
    beats: Annotated[
        Path | None, typer.Option(help="A text file of the times of the beats, in seconds.")
    ] = None,
    divisions: Annotated[
        str | None, typer.Option(help="Into how many a quarter is divided, as 4,3.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The title; default: the file's name.")] = None,
    composer: Annotated[str | None, typer.Option(help="The composer.")] = None,
    lead_sheet: Annotated[
        bool, typer.Option("--lead-sheet", help="The melody with chord symbols over it.")
    ] = False,
    track: Track = None,
    percussion: Percussion = False,
    quiet: Quiet = False,
) -> None:
    """Write performances as piano scores that can be read.

    Examples:
      music21-lstm engrave in.mid -o out.musicxml

      music21-lstm engrave played/*.mid -o scores/ --format mxl --composer 'F. Chopin'

    """
    chosen = _format(output, format)
    targets = _targets(sources, output, chosen)
    options: dict[str, Any] = {
        "time_signature": time_signature,
        "key": key,
        "beats": None if beats is None else _beats(beats),
        "divisions": None if divisions is None else _divisions(divisions),
        "composer": composer,
        "lead_sheet": lead_sheet or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    printer = Printer(quiet=quiet)
    failed: list[Music21LstmError] = []
    for source, target in zip(sources, targets, strict=True):
        named = {**given, "title": title or title_of(source)}
        try:
            music = _music(source, track, percussion, printer)
            _write(music, target, chosen, {n: v for n, v in named.items() if v is not None})
        except Music21LstmError as error:
            failed.append(error)
            continue
        if target != STANDARD:
            printer.say(f"{source}: {target}")
    if failed:
        # The others are written: one bad file of many must not lose them.
        others = f" ({len(failed)} of {len(sources)} failed)" if len(sources) > 1 else ""
        raise type(failed[0])(f"{'; '.join(map(str, failed))}{others}")


def _music(source: str, track: str | None, percussion: bool, printer: Printer) -> Source:
    from music21_lstm.pipeline import read

    performance = read(read_source(source), track=track_of(track), percussion=percussion)
    printer.losses(performance, source)
    return performance


def _write(music: Source, target: str, chosen: str, options: dict[str, Any]) -> None:
    from music21_lstm.pipeline import write

    if target == STANDARD:
        with standard_output() as out:
            write(music, out, format=chosen, **options)
    else:
        write(music, target, format=chosen, **options)


def _format(output: str | None, wanted: str | None) -> str:
    """The format: the one asked for, or what the target's suffix says."""
    from music21_lstm.pipeline import SCORE_FORMATS, format_of

    named = output not in (None, STANDARD) and not _is_folder(str(output))
    chosen = wanted or (format_of(str(output)) if named else SCORE_FORMATS[0])
    if chosen not in SCORE_FORMATS:
        raise FileError(
            f"engrave writes {' or '.join(SCORE_FORMATS)}, not {chosen}; try decode or render"
        )
    return chosen


def _targets(sources: Sequence[str], output: str | None, chosen: str) -> list[str]:
    """Where each source's score goes; nothing is written before all of them are known."""
    if output is not None and not _is_folder(output):
        if len(sources) > 1:
            raise FileError(f"{output}: is one file for {len(sources)} scores; name a folder")
        return [output]
    targets = []
    for source in sources:
        if source == STANDARD:
            targets.append(STANDARD if output is None else str(Path(output) / f"score.{chosen}"))
            continue
        beside = Path(source).with_suffix(f".{chosen}")
        targets.append(str(beside if output is None else Path(output) / beside.name))
        if Path(targets[-1]) == Path(source):
            raise FileError(f"{source}: would be written over; name a target with -o")
    twice = {target for target in targets if targets.count(target) > 1}
    if twice:
        raise FileError(f"{min(twice)}: two of the sources would be written there; name them apart")
    if output is not None:
        try:
            Path(output).mkdir(exist_ok=True)
        except OSError as error:
            raise FileError(f"{output}: no folder can be made there ({error.strerror})") from None
    return targets


def _is_folder(output: str) -> bool:
    return Path(output).is_dir() or output.endswith(("/", os.sep))


def _divisions(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(map(is_number, parts)):
        raise EncodingError(f"divisions {text!r}: give whole numbers, as 4,3")
    return tuple(map(int, parts))


def _beats(path: Path) -> list[float]:
    """The first number of each line of *path*, as beat trackers and label editors write them."""
    from music21_lstm.files import decoded, read_bytes

    times = []
    for number, line in enumerate(decoded(read_bytes(path)).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            times.append(float(line.replace(",", " ").split()[0]))
        except ValueError:
            times.append(math.nan)
        if not math.isfinite(times[-1]):
            raise FileError(f"{path}, line {number}: {line.strip()!r} is no time in seconds")
    return times
