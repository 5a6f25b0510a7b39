"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["AsJson", "Percussion", "Quiet", "Resolution", "Seed", "Soundfont", "Track"]

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
Soundfont = Annotated[
    str | None, typer.Option(help="An SF2 or SF3 bank: a path, or a name of 'soundfonts'.")
]
