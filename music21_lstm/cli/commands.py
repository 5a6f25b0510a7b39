"""The commands, each one verb of the library."""

from __future__ import annotations

import typer

from music21_lstm.cli import about, analyse, convert, evaluate, sound
from music21_lstm.cli.engrave import engrave
from music21_lstm.cli.generate import generate
from music21_lstm.cli.page import page
from music21_lstm.cli.studio import studio
from music21_lstm.cli.train import train

__all__ = ["app"]

app = typer.Typer(
    name="music21-lstm",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "MIDI performances as text, an LSTM that improvises on them, readable scores and sound.\n\n"
        "Examples:\n\n"
        "  music21-lstm generate --preset chorale --measures 8 --seed 7 -o new.musicxml -o new.mp3\n\n"
        "  music21-lstm encode prelude.mid -o prelude.notetext\n\n"
        "  music21-lstm engrave prelude.mid -o prelude.musicxml\n\n"
        "  music21-lstm render prelude.mid -o prelude.mp3"
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        from music21_lstm import __version__

        typer.echo(f"music21-lstm {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    del version


app.command("encode")(convert.encode)
app.command("decode")(convert.decode)
app.command("engrave")(engrave)
app.command("train")(train)
app.command("generate")(generate)
app.command("fill")(analyse.fill)
app.command("surprisal")(analyse.surprisal)
app.command("originality")(analyse.originality)
app.command("evaluate")(evaluate.evaluate)
app.command("render")(sound.render)
app.command("page")(page)
app.command("studio")(studio)
app.command("inspect")(convert.inspect)
app.command("presets")(about.presets)
app.command("soundfonts")(sound.soundfonts)
app.command("doctor")(about.doctor)
