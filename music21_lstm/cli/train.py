"""train: a model learns from files or from a corpus, anew or from where another stands."""

from __future__ import annotations

import datetime
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from music21_lstm.cli.options import Quiet
from music21_lstm.cli.output import Printer, progress
from music21_lstm.errors import TrainingError

if TYPE_CHECKING:
    from music21_lstm.model.records import Epoch
    from music21_lstm.model.training import Progress

__all__ = ["train"]

BARS = "▁▂▃▄▅▆▇█"

TIMED_STEPS = 5
"""After so many steps it is said how long the training will take."""

_data = partial(typer.Option, rich_help_panel="What is learned from")
_net = partial(typer.Option, rich_help_panel="The network (recipe events)")
_run = partial(typer.Option, rich_help_panel="The training")


def train(
    files: Annotated[
        list[str] | None, typer.Argument(help="MIDI, notetext or scores; folders are searched.")
    ] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="The checkpoint's folder.")] = "",
    recipe: Annotated[str, typer.Option(help="events (factored) or post (the blog post's).")] = (
        "events"
    ),
    settings: Annotated[
        str | None, typer.Option(help="Those of a preset to begin with: piano, jazz or chorale.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Train a preset or a checkpoint on (fine-tuning)."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after an interruption.")] = False,
    corpus: Annotated[str | None, _data(help="chorales (with music21), piano or jazz.")] = None,
    data: Annotated[
        str | None,
        _data(envvar="MUSIC21_LSTM_DATA", help="The folder with the files of piano and jazz."),
    ] = None,
    cache: Annotated[
        str | None, _data(envvar="MUSIC21_LSTM_CACHE", help="Where what was read is kept.")
    ] = None,
    workers: Annotated[int | None, _data(help="How many processes read.")] = None,
    incomplete: Annotated[
        bool, _data("--incomplete", help="Train on what there is of a corpus.")
    ] = False,
    licence: Annotated[
        str | None, _data(help="The licence of the data, for the checkpoint's metadata.")
    ] = None,
    held_out: Annotated[float | None, _data(help="Share of pieces never trained on.")] = None,
    transpose: Annotated[
        int | None, _data(help="Transpose at random by up to so many semitones (events).")
    ] = None,
    stretch: Annotated[
        float | None, _data(help="Stretch at random by up to this share (events).")
    ] = None,
    louder: Annotated[
        int | None, _data(help="Change velocities at random by up to so much (events).")
    ] = None,
    humanize: Annotated[
        float | None, _data(help="Share of sequenced pieces to play as a person would (events).")
    ] = None,
    untold: Annotated[
        float | None, _data(help="Share of windows that are told nothing to follow (events).")
    ] = None,
    time_base: Annotated[str | None, _net(help="'written' ticks or time as 'played'.")] = None,
    grid: Annotated[int | None, _net(help="Grid ticks a quarter; as played 50 is 10 ms.")] = None,
    velocity_bins: Annotated[int | None, _net(help="1: learn none.")] = None,
    bar_positions: Annotated[int | None, _net(help="Longest bar in grid ticks; 0: none.")] = None,
    units: Annotated[int | None, _net(help="Width of an LSTM layer (recipe post, too).")] = None,
    layers: Annotated[int | None, _net(help="LSTM layers.")] = None,
    head_units: Annotated[int | None, _net(help="Width of the heads.")] = None,
    delta_size: Annotated[int | None, _net(help="Width of a delta's embedding.")] = None,
    key_size: Annotated[int | None, _net(help="Width of a key's embedding.")] = None,
    velocity_size: Annotated[int | None, _net(help="Width of a velocity's embedding.")] = None,
    position_size: Annotated[int | None, _net(help="Width of a place's in the bar.")] = None,
    dropout: Annotated[float | None, _net(help="Dropout between layers.")] = None,
    ages: Annotated[bool | None, _net(help="See how long ago each pitch was struck.")] = None,
    recall: Annotated[bool | None, _net(help="See what came next the last time.")] = None,
    sequences: Annotated[bool | None, _net(help="… in any key (with --recall).")] = None,
    ends: Annotated[bool | None, _net(help="… and when its notes ended (with --recall).")] = None,
    tolerant: Annotated[
        bool | None, _net(help="… in whatever order, three notes ahead (with --recall).")
    ] = None,
    steering: Annotated[
        bool | None, _net(help="Learn to follow a key, density, velocity and register.")
    ] = None,
    steered_heads: Annotated[
        bool | None, _net(help="… told to the heads, too (with --steering).")
    ] = None,
    pedal: Annotated[bool | None, _net(help="Learn the sustain pedal.")] = None,
    epochs: Annotated[int | None, _run(help="How often all the data is seen.")] = None,
    batch_size: Annotated[int | None, _run(help="Windows in a step.")] = None,
    window: Annotated[int | None, _run(help="Events in a window.")] = None,
    learning_rate: Annotated[float | None, _run(help="Of the optimiser.")] = None,
    weight_decay: Annotated[float | None, _run(help="AdamW's (events).")] = None,
    average: Annotated[
        float | None, _run(help="Decay of the mean of the weights that is kept (events).")
    ] = None,
    precision: Annotated[
        str | None,
        _run(help="float32, bfloat16, or auto: what the processor is made for (events)."),
    ] = None,
    half: Annotated[bool | None, _run(help="Store the weights as float16.")] = None,
    patience: Annotated[
        int | None, _run(help="Stop after so many epochs without a better one (with --from: 3).")
    ] = None,
    max_minutes: Annotated[
        float | None, _run(help="Stop after the epoch in which they run out.")
    ] = None,
    seed: Annotated[int | None, _run(help="Random seed of weights and order.")] = None,
    index: Annotated[
        bool, _run(help="Write what 'originality' and '--max-copy' compare with.")
    ] = True,
    quiet: Quiet = False,
) -> None:
    """Train a model; needs the extra 'train'. Ctrl-C stops it, --resume goes on.

    Examples:
      music21-lstm train song.mid -o song-model --recipe post

      music21-lstm train ~/midi -o my-model --settings piano --epochs 20

      music21-lstm train --from chorale ~/hymns -o hymns

    """
    if not output:
        raise TrainingError("no target; name the checkpoint's folder with -o DIR")
    own = {
        "transpose": transpose, "stretch": stretch, "louder": louder,
        "humanize": humanize, "untold": untold,
        "held_out": held_out, "time_base": time_base, "resolution": grid,
        "velocity_bins": velocity_bins, "bar_positions": bar_positions, "units": units,
        "layers": layers, "head_units": head_units, "delta_size": delta_size,
        "key_size": key_size, "velocity_size": velocity_size, "position_size": position_size,
        "dropout": dropout, "ages": ages, "recall": recall, "sequences": sequences, "ends": ends,
        "tolerant": tolerant, "steering": steering, "steered_heads": steered_heads,
        "pedal": pedal,
        "epochs": epochs, "batch_size": batch_size, "window": window,
        "learning_rate": learning_rate, "weight_decay": weight_decay, "average": average,
        "precision": precision, "half": half, "max_minutes": max_minutes, "seed": seed,
    }  # fmt: skip
    meter = _Meter(quiet)
    _run_training(
        files or [], output, meter, recipe=recipe, base=settings, corpus=corpus, data=data,
        start=start, cache=cache, workers=workers, index=index, resume=resume,
        patience=patience, about=_about(licence), on_skip=meter.skip, incomplete=incomplete, **own,
    )  # fmt: skip


def _about(licence: str | None) -> dict[str, str]:
    return {
        "command": shlex.join(["music21-lstm", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **({"licence": licence} if licence else {}),
    }


def _run_training(files: list[str], output: str, meter: _Meter, **options: Any) -> None:
    from music21_lstm import pipeline

    try:
        checkpoint = pipeline.train(
            files, output,
            on_progress=meter.step, on_epoch=meter.epoch, on_read=meter.read, **options,
        )  # fmt: skip
    except KeyboardInterrupt:
        meter.close()
        typer.echo(f"\nstopped; {output} holds the best epoch so far, --resume goes on", err=True)
        raise typer.Exit(130) from None
    meter.close()
    say = Printer(quiet=meter.quiet).say
    facts = checkpoint.metadata
    last = meter.last
    if last is not None and last.epoch < last.epochs:
        why = "the time is up" if facts["epoch"] == last.epoch else "it no longer got better"
        say(f"stopped after epoch {last.epoch} of {last.epochs}: {why}")
    if held_out := [name for name, _ in facts["data"]["held_out"]]:
        more = f" and {len(held_out) - 3} more" if len(held_out) > 3 else ""
        say(f"held out: {', '.join(held_out[:3])}{more}; the curve is in {output}/loss.png")
    loss = facts.get("held_out_loss") or facts["train_loss"]
    say(
        f"{output}: {checkpoint.parameters} weights, epoch {facts['epoch']}, "
        f"{loss['total']:.4f} {facts['loss_unit']}"
    )


class _Meter:
    """Training's progress: a bar an epoch with the loss, and how it stands after each."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._epoch = 0
        self._context: Any = None
        self._bar: Any = None
        self._done = 0
        self._warned = False
        self._first: Progress | None = None
        self.last: Progress | None = None

    def read(self, count: int, total: int) -> None:
        """So many files of so many have been read."""
        if count % 20 == 0 or count == total > 20:
            self._say(f"read {count} of {total} files")

    def skip(self, line: str) -> None:
        """A file found in a folder cannot be read."""
        typer.echo(f"skipped {line}", err=True)

    def step(self, now: Progress) -> None:
        """A training step is done."""
        self.last = now
        self._foretell(now)
        if now.epoch != self._epoch and sys.stderr.isatty():
            self.close()
            self._epoch, self._done = now.epoch, 0
            self._context = progress(self.quiet, now.steps, f"epoch {now.epoch}/{now.epochs}")
            self._bar = self._context.__enter__()
        if self._context is not None:
            self._bar.label = f"epoch {now.epoch}/{now.epochs}, loss {now.loss:.3f}"
            self._bar.update(now.step - self._done)
            self._done = now.step
        if now.step == now.steps:
            self.close()
            held = "" if now.held_out is None else f", held out {now.held_out:.4f}"
            self._say(
                f"epoch {now.epoch}/{now.epochs}: {now.loss:.4f}{held} nats per {now.unit}, "
                f"{now.seconds:.0f} s"
            )

    def _foretell(self, now: Progress) -> None:
        """Say once, as soon as it is known, how long all of it will take; the first step compiles."""
        first = self._first = self._first or now
        timed = min(first.step + TIMED_STEPS, now.steps) - first.step
        if timed and now.epoch == first.epoch and now.step == first.step + timed:
            epoch = (now.seconds - first.seconds) / timed * now.steps
            left = now.epochs - now.epoch + 1
            self._say(f"up to {left} epochs of about {_time(epoch)}: {_time(left * epoch)} in all")

    def epoch(self, history: tuple[Epoch, ...]) -> None:
        """An epoch is done: whether it can be seen that the model memorises, and whether it does."""
        from music21_lstm.model.training import memorising

        last = history[-1]
        if not last.epoch:
            self._say(f"before: held out {last.loss:.4f} nats per note")
        elif len(history) > 2 and last.held_out:
            self._say(f"  held out so far: {curve([row.loss for row in history])}")
        if self._warned:
            return
        if last.held_out is None:
            line = (
                "nothing is held out, so it cannot be seen when the model begins to memorise; "
                "give five pieces or more, of several works, and --held-out 0.2"
            )
        elif memorising(history):
            best = min(history, key=lambda row: row.loss)
            kept = f"epoch {best.epoch}" if best.epoch else "the model as it was"
            line = (
                f"the model has begun to memorise: what is held out gets worse; {kept} is kept; "
                "to go on gains nothing, more music may"
            )
        else:
            return
        self._warned = True
        self._say(line)

    def _say(self, line: str) -> None:
        if not self.quiet:
            typer.echo(line, err=True)

    def close(self) -> None:
        """End the bar's line."""
        if self._context is not None:
            self._context.__exit__(None, None, None)
            self._context = None


def curve(losses: Sequence[float]) -> str:
    """The course of *losses* as a line of bars, in ASCII where the terminal knows no other.

    >>> curve([2.5, 2.0, 1.0, 1.5])
    '█▆▁▃ (best: 1.0000)'
    """
    low, high = min(losses), max(losses)
    bars = BARS if _can_show(BARS) else "_.-=+*#"
    steps = (len(bars) - 1) / ((high - low) or 1)
    line = "".join(bars[round((loss - low) * steps)] for loss in losses)
    return f"{line} (best: {low:.4f})"


def _can_show(text: str) -> bool:
    try:
        text.encode(sys.stderr.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _time(seconds: float) -> str:
    """A time as people say it.

    >>> _time(42), _time(300), _time(9000)
    ('42 s', '5 minutes', '2.5 hours')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
