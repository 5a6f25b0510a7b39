"""From performance to score on pieces whose score is known, beside music21's import and MuseScore 3.

``python -m benchmarks notation DATA [--only piano|vienna] [--limit N] [--peers] [--json FILE]
[--work FOLDER]``: what the peers wrote is kept in the folder of work. With ``--beats`` only our beats
and downbeats are judged, and no page is engraved.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from benchmarks.notation.counters import COUNTERS, counters
from benchmarks.notation.heard import heard
from benchmarks.notation.measures import measures
from benchmarks.notation.muster import Errors
from benchmarks.notation.programs import PEERS, Failed, make
from benchmarks.notation.truth import piece_of, sources

__all__ = ["compare", "main", "table"]

SHARED = Path(__file__).parents[3] / "shared" / "data"
BLOCKS = (
    ("beat", "downbeat", "position", "position_x", "value", "value_x", "hand", "spelling"),
    ("key", "metre", "muster", *(f"muster_{name}" for name in Errors._fields)),
    COUNTERS,
)
"""The columns of the table, as many beside one another as are read at a glance."""

BEATS = (("beat", "downbeat"),)
"""Those of ``--beats``."""


def compare(
    files: Sequence[Path], programs: Sequence[str], work: Path
) -> Iterator[dict[str, object]]:
    """A row for each file and program: its measures and counters, or why it ``failed``."""
    for path in files:
        piece = piece_of(path)
        for program in programs:
            row: dict[str, object] = {"program": program, "piece": piece.name}
            try:
                made = make(program, piece, work)
                row |= {**measures(piece, made.page), **counters(made.file)}
            except Failed as failure:
                row["failed"] = str(failure)
            yield row


def beats(files: Sequence[Path]) -> Iterator[dict[str, object]]:
    """A row for each file: how well its beats and downbeats are heard."""
    for path in files:
        piece = piece_of(path)
        yield {"program": "music21-lstm", "piece": piece.name, **heard(piece)}


def table(rows: Sequence[dict[str, object]], blocks: Sequence[Sequence[str]] = BLOCKS) -> str:
    """The mean of each measure, a line a program; files on which it failed are said and left out."""
    lines = []
    for columns in blocks:
        names = [name.replace("muster_", "m. ") for name in columns]
        lines.append(f"{'':<22}" + "".join(f"{name:>11}" for name in names))
        for program in dict.fromkeys(str(row["program"]) for row in rows):
            own = [row for row in rows if row["program"] == program]
            good = [row for row in own if "failed" not in row]
            cells = [_mean(row.get(name) for row in good) for name in columns]
            lines.append(f"{program:<13}{len(good):>4}/{len(own):<4}" + "".join(cells))
    return "\n".join(lines)


def _mean(found: Iterable[object]) -> str:
    numbers = [number for number in found if isinstance(number, int | float)]
    return f"{statistics.fmean(numbers):>11.3f}" if numbers else f"{'–':>11}"


def main() -> None:
    parser = argparse.ArgumentParser("python -m benchmarks notation", description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=SHARED)
    parser.add_argument("--only", choices=["piano", "vienna"])
    parser.add_argument(
        "--limit", type=int, help="so many pieces of each collection, spread over it"
    )
    parser.add_argument(
        "--peers", nargs="*", choices=PEERS, help="these as well; without a name, both"
    )
    parser.add_argument("--beats", action="store_true", help="only beats and downbeats, only ours")
    parser.add_argument("--json", type=Path, help="write the rows, piece by piece")
    parser.add_argument(
        "--work", type=Path, default=Path(tempfile.gettempdir()) / "notation-benchmark"
    )
    options = parser.parse_args([word for word in sys.argv[1:] if word != "notation"])
    peers = () if options.peers is None else options.peers or PEERS
    programs = ["music21-lstm", *peers]
    every: list[dict[str, object]] = []
    for collection in [options.only] if options.only else ["piano", "vienna"]:
        chosen = sources(options.data, collection)
        if options.limit and chosen:
            chosen = list(islice(chosen[:: max(1, len(chosen) // options.limit)], options.limit))
        if not chosen:
            print(f"{collection}: no pieces in {options.data}; name the folder that has them")
            continue
        rows = []
        made = beats(chosen) if options.beats else compare(chosen, programs, options.work)
        for row in made:
            rows.append(row)
            if options.json:
                options.json.write_text(json.dumps([*every, *rows], indent=1), encoding="utf-8")
        print(f"{collection}: {len(chosen)} pieces")
        print(table(rows, BEATS if options.beats else BLOCKS))
        if options.beats and collection == "vienna":
            for work in dict.fromkeys(str(row["piece"]).rsplit("_", 1)[0] for row in rows):
                print(work)
                print(table([row for row in rows if str(row["piece"]).startswith(work)], BEATS))
        for row in rows:
            if "failed" in row:
                print(f"{row['program']} failed on {row['piece']}: {row['failed']}")
        every += rows
