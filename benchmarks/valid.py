"""Every file below a folder, engraved and looked at: schema, bars, voices, readers, round trip.

``python -m benchmarks valid FOLDER [EVERY]``: as played, and as written where the ticks are a score's.
EVERY takes one file in so many. What is done is kept in ``valid.jsonl`` in the working folder: run
again, it goes on from there.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import music21_lstm as ml
from music21_lstm.notation.quantize import is_aligned

from .page_checks import faults_of, files_below, musescore

LOG = Path("valid.jsonl")


def main() -> None:
    words = [word for word in sys.argv[1:] if Path(word).is_dir() or word.isdecimal()]
    folder = next((Path(word) for word in words if Path(word).is_dir()), Path("tests/data"))
    every = next((int(word) for word in words if word.isdecimal()), 1)
    done = {}
    if LOG.exists():
        rows = [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()]
        done = {(row["file"], row["view"]): row for row in rows}
    program = musescore()
    files = files_below(folder)[::every]
    found = []
    for number, path in enumerate(files, 1):
        for view in ("played", "written"):
            key = (str(path), view)
            if key not in done:
                row = _look(path, view, program)
                done[key] = row
                with LOG.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(row) + "\n")
                if row["faults"]:
                    print(f"{path} ({view}): {row['faults'][0]}", flush=True)
            found.append(done[key])
        if number % 10 == 0:
            print(f"{number} of {len(files)}", file=sys.stderr, flush=True)
    _report(found, program)


def _look(path: Path, view: str, program: str | None) -> dict[str, object]:
    """One line of the log."""
    start = time.perf_counter()
    row: dict[str, object] = {"file": str(path), "view": view, "faults": [], "means": None}
    try:
        performance = ml.read(path)
        if view == "played":
            performance = performance.played()
        elif not is_aligned(performance):
            return {**row, "view": view, "skipped": "its ticks are no score's"}
        faults, page = faults_of(performance, program=program)
        row.update(faults=faults, means=page.means, notes=page.notes)
    except Exception as error:
        row["faults"] = [f"{type(error).__name__}: {error}"]
    row["seconds"] = round(time.perf_counter() - start, 2)
    return row


def _report(rows: list[dict], program: str | None) -> None:
    for view in ("played", "written"):
        own = [row for row in rows if row["view"] == view and "skipped" not in row]
        bad = [row for row in own if row["faults"]]
        print(f"as {view}: {len(own)} pages, {len(own) - len(bad)} without a fault")
        kinds: dict[str, int] = {}
        for row in bad:
            for fault in row["faults"]:
                kind = fault.split(":")[0] if ":" in fault else fault
                kind = "bars" if kind.startswith("bar ") else kind
                kinds[kind] = kinds.get(kind, 0) + 1
        for kind, count in sorted(kinds.items()):
            print(f"  {kind}: {count}")
        means = [row["means"] for row in own if row["means"]]
        for name in means[0] if means else ():
            print(f"  {name} a note: {statistics.mean(m[name] for m in means):.3f}")
    if program is None:
        print("MuseScore is not installed: it was not asked")


if __name__ == "__main__":
    main()
