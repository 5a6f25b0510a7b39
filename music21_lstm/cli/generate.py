"""generate: a model improvises, once or several times."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from music21_lstm.cli.convert import check_targets, write_outputs
from music21_lstm.cli.options import (
    AsJson,
    MinP,
    Percussion,
    Preset,
    Quiet,
    Repetition,
    Seed,
    Soundfont,
    Temperature,
    TopK,
    TopP,
    Track,
)
from music21_lstm.cli.output import (
    STANDARD,
    Printer,
    measures_of,
    read_source,
    sampling_of,
    track_of,
)
from music21_lstm.errors import FileError

if TYPE_CHECKING:
    from music21_lstm.encoding.performance import Performance
    from music21_lstm.generation import Generator, Variation

__all__ = ["generate", "given_only", "heard_primer"]

_WISHES = "What is asked of the music (of models trained with steering)"


def generate(
    preset: Preset = "chorale",
    output: Annotated[
        list[str] | None,
        typer.Option("-o", "--output", help="Target; its suffix says the format; may be repeated."),
    ] = None,
    to: Annotated[str, typer.Option(help="The format of '-o -'.")] = "notetext",
    primer: Annotated[
        str | None,
        typer.Option(
            help="What to continue: MIDI, notetext, MusicXML, a corpus piece; - is stdin."
        ),
    ] = None,
    primer_measures: Annotated[
        str | None, typer.Option(help="Only these measures of a scored primer: 0-4, or 4.")
    ] = None,
    events: Annotated[int | None, typer.Option(help="How many events.")] = None,
    notes: Annotated[int | None, typer.Option(help="How many notes.")] = None,
    measures: Annotated[float | None, typer.Option(help="How many measures.")] = None,
    seconds: Annotated[float | None, typer.Option(help="How many seconds.")] = None,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop earlier if the model ends the music.")
    ] = False,
    count: Annotated[
        int | None,
        typer.Option(
            help="So many, of the seed and those after it; targets are numbered: new-1.mid …"
        ),
    ] = None,
    rank: Annotated[
        bool, typer.Option("--rank", help="Number them by how near the median their surprisal is.")
    ] = False,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition: Repetition = None,
    key: Annotated[
        str | None, typer.Option(help="As 'E- major' or 'f# minor'.", rich_help_panel=_WISHES)
    ] = None,
    density: Annotated[
        float | None,
        typer.Option(help="Notes a second (written time: a quarter).", rich_help_panel=_WISHES),
    ] = None,
    velocity_level: Annotated[
        float | None, typer.Option(help="The mean velocity, 1 to 127.", rich_help_panel=_WISHES)
    ] = None,
    register: Annotated[
        float | None, typer.Option(help="The mean pitch; 60 is C4.", rich_help_panel=_WISHES)
    ] = None,
    guidance: Annotated[
        float | None,
        typer.Option(
            help="How many times over the four are followed; 1: as the model would, usually 1.5.",
            rich_help_panel=_WISHES,
        ),
    ] = None,
    no_character: Annotated[
        bool,
        typer.Option(
            "--no-character",
            help="Where nothing is asked: draw none of the four for the piece either.",
            rich_help_panel=_WISHES,
        ),
    ] = False,
    max_copy: Annotated[
        int | None,
        typer.Option(help="No longer run of notes that stands in the training set; 8 or more."),
    ] = None,
    no_watch: Annotated[
        bool, typer.Option("--no-watch", help="Keep music that has collapsed.")
    ] = False,
    retries: Annotated[
        int, typer.Option(help="How many seeds in a row may collapse before it is an error.")
    ] = 3,
    seed: Seed = None,
    time_signature: Annotated[str, typer.Option(help="Without a primer.")] = "4/4",
    without_primer: Annotated[
        bool, typer.Option("--without-primer", help="Write only what is new.")
    ] = False,
    track: Track = None,
    percussion: Percussion = False,
    soundfont: Soundfont = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Improvise: continue a primer, or start from nothing.

    Examples:
      music21-lstm generate --measures 8 --seed 7 -o new.mid -o new.musicxml -o new.mp3

      music21-lstm generate --primer bach/bwv66.6 --primer-measures 0-2 -o new.musicxml

      music21-lstm generate --count 5 --temperature key=0.9,velocity=1.1 -o new.mid

    """
    from music21_lstm.generation import load

    printer = Printer(quiet=quiet, as_json=as_json)
    targets = output or [STANDARD]
    if as_json and STANDARD in targets:
        raise FileError(
            "--json and the music cannot both go to standard output; name a file with -o"
        )
    numbered = _numbered(targets, count)
    for each in numbered:
        check_targets(each)
    generator = load(preset)
    heard = heard_primer(primer, primer_measures, track, percussion, printer)
    found = generator.variations(
        heard, count=1 if count is None else count, rank=rank, measured=rank, events=events,
        notes=notes, measures=measures, seconds=seconds, until_end=until_end,
        **sampling_of(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p),
        repetition=repetition, key=key, density=density, velocity=velocity_level,
        register=register, guidance=guidance, character=not no_character, max_copy=max_copy,
        watch=not no_watch, retries=retries, seed=seed, time_signature=time_signature,
        include_primer=not without_primer,
    )  # fmt: skip
    facts = []
    for one, each in zip(found, numbered, strict=True):
        title = f"Improvisation ({generator.name}, seed {one.seed})"
        write_outputs(one.performance, each, standard_format=to, title=title, soundfont=soundfont)
        facts.append(_facts(generator, one, each))
        _tell(printer, facts[-1])
    if as_json:
        printer.result(facts[0] if count is None else facts, [])


def given_only(**options: Any) -> Any:
    """The options that are given; the others keep the library's defaults."""
    return {name: value for name, value in options.items() if value is not None}


def _numbered(targets: list[str], count: int | None) -> list[list[str]]:
    """The targets of each variation: as they are, or with its number at the end of the name."""
    if count is None:
        return [targets]
    if STANDARD in targets:
        raise FileError(f"--count {count} needs files: name them with -o")
    paths = [Path(target) for target in targets]
    return [
        [str(path.with_name(f"{path.stem}-{number}{path.suffix}")) for path in paths]
        for number in range(1, count + 1)
    ]


def _facts(generator: Generator, one: Variation, targets: list[str]) -> dict[str, Any]:
    return {
        "model": generator.name,
        "seed": one.seed,
        "notes": len(one.performance.notes),
        "events": len(one.performance),
        "seconds": round(one.performance.seconds, 3),
        "ended": one.ended,
        "surprisal": one.surprisal,
        "character": None if one.character is None else asdict(one.character),
        "collapsed": [str(collapse) for collapse in one.collapsed],
        "targets": targets,
    }


def _tell(printer: Printer, facts: dict[str, Any]) -> None:
    for collapse in facts["collapsed"]:
        printer.say(f"thrown away, {collapse}")
    nats = "" if facts["surprisal"] is None else f", {facts['surprisal']:.2f} nats a note"
    printer.say(
        f"{facts['notes']} notes, {facts['seconds']:.1f} s{nats}, model {facts['model']}, "
        f"seed {facts['seed']} -> {', '.join(facts['targets'])}"
    )


def heard_primer(
    name: str | None, measures: str | None, track: str | None, percussion: bool, printer: Printer
) -> Performance | None:
    """The primer, and what of it was left out."""
    if name is None:
        if measures is not None:
            raise FileError("--primer-measures without a --primer; name one, as bach/bwv66.6")
        return None
    heard = _primer(name, measures, track, percussion)
    printer.losses(heard, name)
    return heard


def _primer(name: str, measures: str | None, track: str | None, percussion: bool) -> Performance:
    """The primer as a performance, cut to *measures* if it is a score."""
    from music21_lstm.pipeline import read, score_from
    from music21_lstm.streams.decode import engraved_stream
    from music21_lstm.streams.reading import MIDI_SUFFIXES, NOTETEXT_SUFFIXES

    if measures is None:
        return read(read_source(name), track=track_of(track), percussion=percussion)
    first, last = measures_of(measures)
    if name == STANDARD:
        raise FileError("--primer-measures needs a primer's name, not standard input")
    if Path(name).suffix.lower() in (*MIDI_SUFFIXES, *NOTETEXT_SUFFIXES):
        # By way of our own reading: music21's of MIDI loses notes, and we know its tracks.
        heard = read(Path(name), track=track_of(track), percussion=percussion)
        score: Any = engraved_stream(heard)
    else:
        score = score_from(name)
    score = score.measures(first, last)
    if not score.recurse().notes:
        raise FileError(f"{name}: it has no notes in measures {measures}; give others")
    return read(score)
