"""Run trials one after the other, each in a process of its own; what is done is not done again.

    python -m benchmarks.trials DATA [NAME…] [--updates N] [--results FILE]

DATA is the folder of the corpus ``piano``. Without names all are run that are not in FILE yet.
"""

from __future__ import annotations

import argparse
import csv
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, fields
from multiprocessing import get_context
from pathlib import Path

from benchmarks.trials.arms import TRIALS
from benchmarks.trials.race import Result, run_on

RESULTS = Path(__file__).with_name("results.csv")
COLUMNS = ("trial", "updates", "an update costs", "numbers", "held out", "against the base",
           "delta", "key", "velocity", "pedal")  # fmt: skip
ONE_THREAD = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("data")
    asked.add_argument("names", nargs="*", help=", ".join(TRIALS))
    asked.add_argument("--updates", type=int, default=250, help="of the base (default: 250)")
    asked.add_argument("--results", type=Path, default=RESULTS)
    given = asked.parse_args()
    if unknown := [name for name in given.names if name not in TRIALS]:
        asked.error(f"no trial {unknown[0]!r}; there are {', '.join(TRIALS)}")
    for variable in ONE_THREAD:
        os.environ[variable] = "1"
    for name in given.names or TRIALS:
        if name not in read(given.results):
            with ProcessPoolExecutor(1, get_context("spawn")) as one:
                result = one.submit(run_on, name, given.data, given.updates).result()
            # Read again: another may have been at it.
            write(given.results, {**read(given.results), name: result})
    print(table(read(given.results)))


def read(path: Path) -> dict[str, Result]:
    """The results so far; the inverse of :func:`write`."""
    if not path.exists():
        return {}
    kinds = {field.name: {"str": str, "int": int, "float": float}[str(field.type)]
             for field in fields(Result)}  # fmt: skip
    with path.open(newline="") as stored:
        rows = [
            {key: kinds[key](value) for key, value in row.items()} for row in csv.DictReader(stored)
        ]
    return {row["name"]: Result(**row) for row in rows}


def write(path: Path, done: dict[str, Result]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as out:
        rows = csv.DictWriter(out, [field.name for field in fields(Result)])
        rows.writeheader()
        rows.writerows(asdict(result) for result in done.values())


def table(done: dict[str, Result]) -> str:
    """A table in Markdown, in the order of the trials."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for name, trial in TRIALS.items():
        if name in done:
            row = done[name]
            other = done.get(trial.against)
            gain = "" if name == "base" or other is None else f"{row.total - other.total:+.3f}"
            gain += f" ({trial.against})" if gain and trial.against != "base" else ""
            lines.append(
                f"| {trial.what} | {row.updates} | {row.cost:.2f} | {row.parameters / 1e6:.2f} M | "
                f"{row.total:.3f} | {gain} | {row.delta:.3f} | {row.key:.3f} | {row.velocity:.3f} | "
                f"{row.pedal:.3f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
