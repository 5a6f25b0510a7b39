"""evaluate: how good a model is, as a table or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from music21_lstm.cli.options import AsJson, MinP, Quiet, Temperature, TopK, TopP
from music21_lstm.cli.output import Printer, progress, sampling_of
from music21_lstm.errors import ModelError, Music21LstmError

if TYPE_CHECKING:
    from music21_lstm.encoding.performance import Performance

__all__ = ["evaluate"]


def evaluate(
    checkpoint: Annotated[str, typer.Argument(help="A preset's name or a checkpoint folder.")],
    files: Annotated[
        list[str],
        typer.Argument(help="Music that it was not trained on; folders are searched."),
    ],
    generate: Annotated[
        int, typer.Option(help="How many pieces to generate and compare; 0: none.")
    ] = 10,
    seconds: Annotated[float, typer.Option(help="How long each of them is.")] = 60.0,
    seed: Annotated[int, typer.Option(help="The seed of the first; each next has one more.")] = 0,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="A folder to compare with: a checkpoint or baseline; may be repeated."),
    ] = None,
    train: Annotated[
        list[str] | None,
        typer.Option(help="Music to count for the unigram baseline; may be repeated."),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Write a PNG of each feature's histograms here.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say how well a model explains music, in nats a note, and how like it its own music is.

    Examples:
      music21-lstm evaluate chorale held-out/ --generate 20 --plots plots

      music21-lstm evaluate my-model held-out/ --train training/ --baseline other-model --json

    """
    from music21_lstm.evaluation.baselines import counting, load_baseline
    from music21_lstm.evaluation.evaluating import check_lengths
    from music21_lstm.evaluation.evaluating import evaluate as evaluate_model
    from music21_lstm.evaluation.plots import plot_histograms
    from music21_lstm.generation import load

    printer = Printer(quiet=quiet, as_json=as_json)
    if plots is not None and not generate:
        raise ModelError(
            "--plots shows generated music beside the files; give --generate 1 or more"
        )
    # All that can be wrong with the options, before the music is read.
    check_lengths(generate, seconds)
    generator = load(checkpoint)
    others = [load_baseline(folder) for folder in baseline or []]
    meter = _Meter(quiet or as_json)
    pieces = _read(files, printer, meter)
    counted = [performance for _, performance in _read(train or [], printer, meter)]
    others = [counting(one, counted) for one in others]
    try:
        found = evaluate_model(
            generator, pieces, baselines=others, train=counted, generate=generate, seconds=seconds,
            seed=seed, on_step=meter.step,
            **sampling_of(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p),
        )  # fmt: skip
    finally:
        meter.close()
    facts = found.to_json()
    if plots is not None and found.likeness is not None:
        paths = plot_histograms(found.likeness.histograms, plots, found.likeness.pooled)
        printer.say(f"{len(paths)} plots -> {plots}")
    printer.result(facts, list(_lines(facts)))


def _read(names: list[str], printer: Printer, meter: _Meter) -> list[tuple[str, Performance]]:
    """The music of files and folders; what was found in a folder and cannot be read is passed over."""
    from music21_lstm.pipeline import read, training_files

    if not names:
        return []
    paths = training_files(names)
    meter.step("reading", len(paths))
    found, skipped = [], []
    for path in paths:
        try:
            performance = read(path)
            if not performance.notes:
                raise ModelError(f"{path}: no notes in it; name music that has some")
            found.append((str(path), performance))
        except Music21LstmError as error:
            if str(path) in names:
                meter.close()
                raise
            skipped.append(str(error))
        meter.step("", 1)
    meter.close()
    for line in skipped:
        printer.say(f"skipped {line}")
    return found


class _Meter:
    """A progress bar for each step."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._context: Any = None
        self._bar: Any = None

    def step(self, what: str, count: int) -> None:
        """A step begins, or so many of its pieces are done."""
        if not what:
            self._bar.update(count)
            return
        self.close()
        self._context = progress(self._quiet, count, what)
        self._bar = self._context.__enter__()

    def close(self) -> None:
        """End the bar's line."""
        if self._context is not None:
            self._context.__exit__(None, None, None)
            self._context = None


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """The facts as tables for people."""
    minutes = facts["seconds"] / 60
    yield (
        f"{facts['checkpoint']}: recipe {facts['recipe']}, {facts['parameters']} weights, "
        f"grid {facts['grid']}"
    )
    yield (
        f"{len(facts['files'])} files, {facts['notes']} notes, {facts['events']} events, "
        f"{minutes:.1f} minutes"
    )
    yield from _nats_lines(facts)
    if facts["overlap_area"] is not None:
        yield from _overlap_lines(facts)
    elif "generated" in facts:
        yield "no Overlap Area: it needs two excerpts of files and two generated pieces or more"
    if "statistics" in facts:
        yield from _statistics_lines(facts)


def _nats_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    fields = list(facts["by_field"])
    fields += sorted(
        {f for one in facts["baselines"].values() for f in one["by_field"]} - {*fields}
    )
    yield ""
    yield f"{'nats a note':<24}{'total':>9}" + "".join(f"{field:>9}" for field in fields)
    rows = {facts["checkpoint"]: facts, **facts["baselines"]}
    for name, row in rows.items():
        cells = (row["by_field"].get(field) for field in fields)
        shown = "".join(f"{'–' if cell is None else f'{cell:.3f}':>9}" for cell in cells)
        share = row.get("below")
        below = f"   {share:+.1%} below" if share is not None else ""
        yield f"{Path(name).name[:23]:<24}{row['nats_per_note']:>9.3f}{shown}{below}"
        if row is not facts and share is None:
            yield f"  (on its own grid, {row['grid']}: not the same task)"
        elif row["notes"] != facts["notes"]:
            yield f"  (on its own grid, with {row['notes']} notes: not the same task)"
    yield f"{facts['nats_per_event']:.3f} nats an event, {facts['nats_per_second']:.3f} a second"
    if "pedal" in facts:
        yield f"pedal: {facts['pedal']:.3f} nats a note, not counted in the total"
    if not facts["baselines"]:
        yield "no baseline: name music to count with --train, or a folder with --baseline"


def _overlap_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    made = facts["generated"]
    yield ""
    yield (
        f"{made['pieces']} generated pieces against {made['excerpts_of_files']} excerpts of the files, "
        f"{made['length']:g} {made['unit']}s each; {made['collapsed']} collapsed besides"
    )
    yield f"{'overlap area':<24}{'mgeval':>9}{'pooled':>9}{'files with files':>19}"
    columns = ("overlap_area", "overlap_area_pooled", "overlap_area_of_files")
    for name in facts["overlap_area"]:
        areas = ((facts[column] or {}).get(name) for column in columns)
        cells = ["–" if area is None else f"{area:.3f}" for area in areas]
        yield f"{name.replace('_', ' '):<24}{cells[0]:>9}{cells[1]:>9}{cells[2]:>19}"


def _statistics_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"{'mean (sd) of an excerpt':<24}{'files':>18}{'generated':>18}"
    for name, both in facts["statistics"].items():
        cells = (
            f"{spread['mean']:.3f} ({spread['sd']:.3f})" if spread else "–"
            for spread in (both["files"], both["generated"])
        )
        yield f"{name.replace('_', ' '):<24}" + "".join(f"{cell:>18}" for cell in cells)
