"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = [
    "AsJson",
    "MinP",
    "Percussion",
    "Preset",
    "Quiet",
    "Repetition",
    "Resolution",
    "Seed",
    "Soundfont",
    "Temperature",
    "TopK",
    "TopP",
    "Track",
]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Track = Annotated[
    str | None,
    typer.Option(help="Of a MIDI file only this track: its number, its name or 'most notes'."),
]
Percussion = Annotated[bool, typer.Option("--percussion", help="Keep channel 10 of a MIDI file.")]
Resolution = Annotated[
    int | None,
    typer.Option(help="Ticks per quarter, for text without a header and for scores."),
]
Seed = Annotated[int | None, typer.Option(help="Random seed: the same seed gives the same music.")]
Preset = Annotated[
    str, typer.Option("--preset", "--checkpoint", help="A preset's name or a checkpoint folder.")
]
_FIELDS = "for all, or for some fields: key=0.9,velocity=1.1"
Temperature = Annotated[
    str | None, typer.Option(help=f"0 takes the likeliest, 2 is wild; {_FIELDS}.")
]
TopK = Annotated[str | None, typer.Option(help="Draw from the k likeliest; 0 is all.")]
TopP = Annotated[str | None, typer.Option(help="Draw from the likeliest that make up p.")]
MinP = Annotated[str | None, typer.Option(help="Leave out what is below p of the likeliest.")]
Repetition = Annotated[
    float | None,
    typer.Option(help="What it costs to play the same again, in nats; 0.5 is mild, 0 nothing."),
]
Soundfont = Annotated[
    str | None, typer.Option(help="An SF2 or SF3 bank: a path, or a name of 'soundfonts'.")
]
