"""surprisal, fill, originality: a model looks at music that is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from music21_lstm.cli.convert import check_targets, write_outputs
from music21_lstm.cli.options import (
    AsJson,
    MinP,
    Preset,
    Quiet,
    Repetition,
    Seed,
    Soundfont,
    Temperature,
    TopK,
    TopP,
)
from music21_lstm.cli.output import Printer, measures_of, read_source, sampling_of
from music21_lstm.errors import FileError

if TYPE_CHECKING:
    from music21 import stream

__all__ = ["fill", "originality", "surprisal"]

_SHOWN = 10
"""So many of the most surprising notes are printed."""

Source = Annotated[
    str,
    typer.Argument(help="MIDI, notetext, MusicXML, a corpus piece as bach/bwv66.6; - is stdin."),
]


def surprisal(
    source: Source,
    preset: Preset = "chorale",
    output: Annotated[
        list[str] | None,
        typer.Option("-o", "--output", help="Write the score, as MusicXML or mxl."),
    ] = None,
    color: Annotated[
        bool, typer.Option("--color", help="Colour the noteheads, from dark blue to orange.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say where a piece surprises a model: nats for each note.

    Examples:
      music21-lstm surprisal bach/bwv66.6 --color -o bwv66.6.musicxml

      music21-lstm surprisal prelude.mid --json

    """
    from music21_lstm.generation import load
    from music21_lstm.pipeline import SCORE_FORMATS, format_of

    targets = output or []
    if unread := [target for target in targets if format_of(target) not in SCORE_FORMATS]:
        raise FileError(f"{unread[0]}: colours stand in a score; write .musicxml or .mxl")
    if color and not targets:
        raise FileError("--color needs a score to colour: name it with -o, as -o out.musicxml")
    check_targets(targets)
    generator = load(preset)
    found = generator.surprisal(_music(source), color=color)
    if targets:
        write_outputs(found, targets, standard_format="musicxml")
    total = found.editorial["surprisal"]
    notes = list(_notes(found))
    facts = {
        "model": generator.name,
        "notes": total.notes,
        "nats": total.nats,
        "nats_per_note": total.nats_per_note,
        "by_field": dict(total.by_field),
        "each": notes,
    }
    fields = ", ".join(f"{name} {nats / total.notes:.2f}" for name, nats in total.by_field.items())
    lines = [
        f"{source}: {total.notes} notes, {total.nats_per_note:.3f} nats a note ({fields}), "
        f"model {generator.name}"
    ]
    for one in sorted(notes, key=lambda note: -note["nats"])[:_SHOWN]:
        lines.append(f"  {one['nats']:6.2f}  {one['pitch']} in measure {one['measure']}")
    printer = Printer(quiet=quiet, as_json=as_json)
    printer.result(facts, [] if quiet else lines)
    if targets:
        printer.say(f"-> {', '.join(targets)}")


def _music(source: str) -> Any:
    """What the library takes: a path or the name of a corpus piece as text, or bytes."""
    read = read_source(source)
    return read if isinstance(read, bytes) else str(read)


def _notes(score: stream.Stream[Any]) -> Iterator[dict[str, Any]]:
    """Every note of *score* that has nats, in order of time, in JSON's types."""
    found = []
    for element in score.recurse().notes:
        for note in element.notes if element.isChord else (element,):
            if "surprisal" in note.editorial:
                offset = float(element.getOffsetInHierarchy(score))
                found.append((offset, note.pitch.midi, note, element.measureNumber))
    for offset, _, note, measure in sorted(found, key=lambda row: row[:2]):
        yield {
            "quarter": round(offset, 4),
            "measure": measure,
            "pitch": note.pitch.nameWithOctave,
            "nats": round(note.editorial["surprisal"], 4),
        }


def fill(
    source: Source,
    measures: Annotated[str, typer.Option(help="Which measures to write anew: 5-6, or 5.")],
    output: Annotated[
        list[str],
        typer.Option("-o", "--output", help="Target; its suffix says the format; may be repeated."),
    ],
    preset: Preset = "chorale",
    candidates: Annotated[
        int, typer.Option(help="How many are played; the best that joins is taken.")
    ] = 16,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition: Repetition = None,
    seed: Seed = None,
    soundfont: Soundfont = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write measures of a score anew, so that they join on both sides.

    Example:
      music21-lstm fill bach/bwv66.6 --measures 5-6 --seed 1 -o new.musicxml -o new.mp3

    """
    from music21_lstm.generation import load

    first, last = measures_of(measures)
    check_targets(output)
    generator = load(preset)
    found = generator.fill(
        _music(source), first, last,
        candidates=candidates, repetition=repetition, seed=seed,
        **sampling_of(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p),
    )  # fmt: skip
    write_outputs(found, output, standard_format="musicxml", soundfont=soundfont)
    filling = found.editorial["fill"]
    printer = Printer(quiet=quiet, as_json=as_json)
    if as_json:
        printer.result({"model": generator.name, **asdict(filling), "targets": output}, [])
    printer.say(
        f"measures {first} to {last}: seed {filling.seed} of {candidates}, {filling.passage:.2f} "
        f"nats a note, what follows {filling.following:.2f} -> {', '.join(output)}"
    )


def originality(source: Source, preset: Preset = "chorale", as_json: AsJson = False) -> None:
    """Say how much of a piece stands in the music that a model was trained on.

    Example:
      music21-lstm originality new.mid --preset chorale

    """
    from music21_lstm.generation import load

    generator = load(preset)
    found = generator.originality(_music(source))
    runs = [
        {
            "notes": len(run),
            "start": round(run.start, 3),
            "end": round(run.end, 3),
            "piece": run.piece,
        }
        for run in found.runs
    ]
    facts = {
        "model": generator.name,
        "longest_run": found.longest_run,
        "piece": found.piece,
        "copied_share": found.copied_share,
        "eights": found.eights,
        "runs": runs,
    }
    lines = [f"{source}: {found.copied_share:.1%} of {found.eights} runs of eight notes are copied"]
    longest = found.longest
    if longest is not None:
        lines.append(
            f"  the longest: {len(longest)} notes from {longest.start:.1f} to {longest.end:.1f} s, "
            f"as in {longest.piece}"
        )
    Printer(as_json=as_json).result(facts, lines)
