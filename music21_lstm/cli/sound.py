"""render, soundfonts: the sound's commands."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from music21_lstm.cli.convert import write_outputs
from music21_lstm.cli.options import AsJson, Percussion, Quiet, Soundfont, Track
from music21_lstm.cli.output import STANDARD, Printer, read_source, track_of

__all__ = ["render", "soundfonts"]


def render(
    source: Annotated[str, typer.Argument(help="MIDI, notetext, MusicXML …; - is stdin.")],
    output: Annotated[
        list[str] | None,
        typer.Option(
            "-o", "--output", help="WAV, FLAC, OGG or MP3; default: .mp3 beside the source."
        ),
    ] = None,
    to: Annotated[str, typer.Option(help="The format of '-o -'.")] = "wav",
    soundfont: Soundfont = None,
    sample_rate: Annotated[int, typer.Option(help="Samples a second.")] = 44_100,
    program: Annotated[int, typer.Option(help="General MIDI program from 0; 0 is a piano.")] = 0,
    gain: Annotated[float | None, typer.Option(help="FluidSynth's gain; default: fit.")] = None,
    max_duration: Annotated[
        float | None, typer.Option(help="Stop the music after so many seconds.")
    ] = None,
    track: Track = None,
    percussion: Percussion = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make a listenable file.

    Examples:
      music21-lstm render prelude.mid -o prelude.mp3

      music21-lstm render score.musicxml -o score.flac --soundfont ~/banks/grand.sf2

    """
    from music21_lstm.errors import AudioError
    from music21_lstm.pipeline import AUDIO_FORMATS, format_of, read

    printer = Printer(quiet=quiet, as_json=as_json)
    performance = read(read_source(source), track=track_of(track), percussion=percussion)
    printer.losses(performance, source)
    targets = output or [_beside(source)]
    options: dict[str, Any] = {
        "soundfont": soundfont,
        "sample_rate": sample_rate,
        "program": program,
        "gain": gain,
        "max_duration": max_duration,
    }
    given = {name: value for name, value in options.items() if value is not None}
    formats = [to if target == STANDARD else format_of(target) for target in targets]
    if unheard := [name for name in formats if name not in AUDIO_FORMATS]:
        raise AudioError(f"{unheard[0]} is no sound; render makes {', '.join(AUDIO_FORMATS)}")
    results = write_outputs(performance, targets, standard_format=to, **given)
    facts = [{key: _plain(value) for key, value in asdict(r).items()} for r in results if r]
    if as_json and STANDARD not in targets:
        printer.result(facts, [])
    for target, result in zip(targets, facts, strict=True):
        printer.say(f"{target}: {result['duration']:.1f} s")


def _beside(source: str) -> str:
    return STANDARD if source == STANDARD else str(Path(source).with_suffix(".mp3"))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def soundfonts(as_json: AsJson = False) -> None:
    """List the banks of sounds that are found.

    Example:
      music21-lstm soundfonts

    """
    from music21_lstm.audio import available

    found = [
        {
            "name": bank.name,
            "path": str(bank.path),
            "programs": len(bank.programs),
            "title": bank.title,
            "copyright": bank.copyright,
        }
        for bank in available()
    ]
    lines = [f"{b['name']}: {b['programs']} programs, {b['path']}" for b in found]
    Printer(as_json=as_json).result(found, lines)
