"""train, generate, presets: the model's commands."""

from __future__ import annotations

import datetime
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from music21_lstm.cli.convert import write_outputs
from music21_lstm.cli.options import AsJson, Percussion, Quiet, Seed, Soundfont, Track
from music21_lstm.cli.output import STANDARD, Printer, is_number, progress, read_source, track_of
from music21_lstm.errors import FileError, TrainingError

if TYPE_CHECKING:
    from music21_lstm.encoding.performance import Performance
    from music21_lstm.model.training import Progress

__all__ = ["generate", "presets", "train"]


def generate(
    preset: Annotated[
        str,
        typer.Option("--preset", "--checkpoint", help="A preset's name or a checkpoint folder."),
    ] = "chorale",
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
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest, 2 is wild.")] = 1.0,
    top_k: Annotated[int, typer.Option(help="Draw from the k likeliest; 0 is all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw from the likeliest that make up p.")] = 1.0,
    min_p: Annotated[float, typer.Option(help="Leave out what is below p of the likeliest.")] = 0.1,
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

    """
    from music21_lstm.generation import load

    printer = Printer(quiet=quiet, as_json=as_json)
    generator = load(preset)
    if primer is None and primer_measures is not None:
        raise FileError("--primer-measures without a --primer; name one, as bach/bwv66.6")
    heard = None if primer is None else _primer(primer, primer_measures, track, percussion)
    if heard is not None and primer is not None:
        printer.losses(heard, primer)
    if seed is None:
        seed = int(datetime.datetime.now(datetime.UTC).timestamp() * 1000) % 2**31
    performance = generator.perform(
        heard,
        events=events,
        notes=notes,
        measures=measures,
        seconds=seconds,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        seed=seed,
        time_signature=time_signature,
        include_primer=not without_primer,
    )
    targets = output or [STANDARD]
    title = f"Improvisation ({generator.name}, seed {seed})"
    write_outputs(performance, targets, standard_format=to, title=title, soundfont=soundfont)
    if as_json and STANDARD not in targets:
        facts = {
            "model": generator.name,
            "seed": seed,
            "notes": len(performance.notes),
            "events": len(performance),
            "seconds": round(performance.seconds, 3),
            "targets": targets,
        }
        printer.result(facts, [])
    printer.say(
        f"{len(performance.notes)} notes, {performance.seconds:.1f} s, model {generator.name}, "
        f"seed {seed} -> {', '.join(targets)}"
    )


def _primer(name: str, measures: str | None, track: str | None, percussion: bool) -> Performance:
    """The primer as a performance, cut to *measures* if it is a score."""
    from music21_lstm.pipeline import read, score_from
    from music21_lstm.streams.decode import engraved_stream
    from music21_lstm.streams.reading import MIDI_SUFFIXES, NOTETEXT_SUFFIXES

    if measures is None:
        return read(read_source(name), track=track_of(track), percussion=percussion)
    first, _, last = measures.partition("-")
    if name == STANDARD or not is_number(first) or (last and not is_number(last)):
        raise FileError(
            f"measures {measures!r}: give one number or two, as 0-4, and a primer's name"
        )
    if Path(name).suffix.lower() in (*MIDI_SUFFIXES, *NOTETEXT_SUFFIXES):
        # By way of our own reading: music21's of MIDI loses notes, and we know its tracks.
        heard = read(Path(name), track=track_of(track), percussion=percussion)
        score: Any = engraved_stream(heard)
    else:
        score = score_from(name)
    score = score.measures(int(first), int(last or first))
    if not score.recurse().notes:
        raise FileError(f"{name}: it has no notes in measures {measures}; give others")
    return read(score)


def train(
    files: Annotated[
        list[str] | None, typer.Argument(help="MIDI, notetext or scores; folders are searched.")
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="The checkpoint's folder.")] = "",
    recipe: Annotated[str, typer.Option(help="events (factored) or post (the blog post's).")] = (
        "events"
    ),
    corpus: Annotated[
        str | None, typer.Option(help="A corpus that comes with music21: chorales.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="How often all the data is seen.")] = None,
    units: Annotated[int | None, typer.Option(help="Width of an LSTM layer.")] = None,
    layers: Annotated[int | None, typer.Option(help="LSTM layers (events).")] = None,
    head_units: Annotated[int | None, typer.Option(help="Width of the heads (events).")] = None,
    dropout: Annotated[float | None, typer.Option(help="Dropout between layers (events).")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Windows in a step.")] = None,
    window: Annotated[int | None, typer.Option(help="Events in a window.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the optimiser.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="AdamW's (events).")] = None,
    transpose: Annotated[
        int | None, typer.Option(help="Transpose at random by up to so many semitones (events).")
    ] = None,
    time_base: Annotated[
        str | None, typer.Option(help="'written' ticks or time as 'played' (events).")
    ] = None,
    grid: Annotated[
        int | None, typer.Option(help="Grid ticks a quarter; as played 50 is 10 ms (events).")
    ] = None,
    velocity_bins: Annotated[int | None, typer.Option(help="1: learn none (events).")] = None,
    bar_positions: Annotated[
        int | None, typer.Option(help="Longest bar in grid ticks; 0: none (events).")
    ] = None,
    held_out: Annotated[
        float | None, typer.Option(help="Share of pieces never trained on.")
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(help="Stop after the epoch in which they run out.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of weights and order.")] = None,
    half: Annotated[
        bool | None, typer.Option("--half", help="Store the weights as float16.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="The licence of the data, for the checkpoint's metadata.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after an interruption.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a model; needs the extra 'train'. Ctrl-C stops it, --resume goes on.

    Examples:
      music21-lstm train song.mid -o song-model --recipe post

      music21-lstm train ~/midi -o my-model --epochs 20

    """
    from music21_lstm import pipeline

    if not output:
        raise TrainingError("no target; name the checkpoint's folder with -o DIR")
    settings = {
        "epochs": epochs, "units": units, "layers": layers, "head_units": head_units,
        "dropout": dropout, "batch_size": batch_size, "window": window,
        "learning_rate": learning_rate, "weight_decay": weight_decay, "transpose": transpose,
        "time_base": time_base, "resolution": grid, "velocity_bins": velocity_bins,
        "bar_positions": bar_positions, "held_out": held_out, "max_minutes": max_minutes,
        "seed": seed, "half": half,
    }  # fmt: skip
    about = {
        "command": shlex.join(["music21-lstm", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **({"licence": licence} if licence else {}),
    }
    meter = _Meter(quiet)
    try:
        checkpoint = pipeline.train(
            files or [], output, recipe=recipe, corpus=corpus, resume=resume, about=about,
            on_progress=meter.step, on_read=meter.read, on_skip=meter.skip, **settings,
        )  # fmt: skip
    except KeyboardInterrupt:
        meter.close()
        typer.echo(f"\nstopped; {output} holds the best epoch so far, --resume goes on", err=True)
        raise typer.Exit(130) from None
    meter.close()
    loss = checkpoint.metadata.get("held_out_loss") or checkpoint.metadata["train_loss"]
    Printer(quiet=quiet).say(
        f"{output}: {checkpoint.parameters} weights, epoch {checkpoint.metadata['epoch']}, "
        f"{loss['total']:.4f} {checkpoint.metadata['loss_unit']}"
    )


class _Meter:
    """Training's progress as a bar an epoch, with the loss."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._epoch = 0
        self._context: Any = None
        self._bar: Any = None
        self._done = 0

    def read(self, count: int, total: int) -> None:
        """So many files of so many have been read."""
        if not self._quiet and (count % 20 == 0 or count == total > 20):
            typer.echo(f"read {count} of {total} files", err=True)

    def skip(self, line: str) -> None:
        """A file found in a folder cannot be read."""
        typer.echo(f"skipped {line}", err=True)

    def step(self, now: Progress) -> None:
        """A training step is done."""
        if now.epoch != self._epoch and sys.stderr.isatty():
            self.close()
            self._epoch, self._done = now.epoch, 0
            self._context = progress(self._quiet, now.steps, f"epoch {now.epoch}/{now.epochs}")
            self._bar = self._context.__enter__()
        if self._context is not None:
            self._bar.label = f"epoch {now.epoch}/{now.epochs}, loss {now.loss:.3f}"
            self._bar.update(now.step - self._done)
            self._done = now.step
        if now.step == now.steps and not self._quiet:
            self.close()
            held = "" if now.held_out is None else f", held out {now.held_out:.4f}"
            typer.echo(
                f"epoch {now.epoch}/{now.epochs}: {now.loss:.4f}{held} nats per {now.unit}, "
                f"{now.seconds:.0f} s",
                err=True,
            )

    def close(self) -> None:
        """End the bar's line."""
        if self._context is not None:
            self._context.__exit__(None, None, None)
            self._context = None


def presets(as_json: AsJson = False) -> None:
    """List the bundled models.

    Example:
      music21-lstm presets --json

    """
    import json

    from music21_lstm.model import presets as bundled
    from music21_lstm.model.checkpoint import CONFIG_FILE, METADATA_FILE, WEIGHTS_FILE

    found = []
    for name in bundled.names():
        folder = bundled.path(name)
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
        found.append(
            {
                "name": name,
                "recipe": config["recipe"],
                "parameters": metadata["parameters"],
                "megabytes": round((folder / WEIGHTS_FILE).stat().st_size / 1e6, 2),
                "source": metadata.get("source"),
                "licence": metadata.get("licence"),
                "held_out_loss": metadata.get("held_out_loss"),
                "loss_unit": metadata.get("loss_unit"),
                "command": metadata.get("command"),
                "card": str(folder / "MODEL_CARD.md"),
            }
        )
    lines = [
        f"{one['name']}: recipe {one['recipe']}, {one['parameters']} weights, "
        f"{one['megabytes']} MB, trained on {one['source']}; held out "
        f"{(one['held_out_loss'] or {}).get('total', float('nan')):.3f} {one['loss_unit']}\n"
        f"  card: {one['card']}"
        for one in found
    ]
    Printer(as_json=as_json).result(found, lines)
