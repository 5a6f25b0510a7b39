"""Every file below a folder, engraved and looked at: schema, bars, voices, readers, round trip.

``python -m benchmarks valid FOLDER [EVERY] [--offset N] [-j N] [-o ROWS.jsonl] [--again] [--report]``

Each file twice: as played, and as written where the ticks are a score's. EVERY takes one file in so
many, from the one at ``--offset`` on; ``-j`` are the processes. Each page is one line of JSON in ROWS
(``valid.jsonl`` in the working folder): run again, it goes on from there; ``--again`` looks again at
the pages that had faults; ``--report`` only sums up. Nothing stops it: a page that takes more than
``--timeout`` seconds, or the process of which dies, is a fault.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from .page_checks import engraved_faults, files_below, musescore, musescore_says, verovio_says

BATCH = 4
"""Files that one process engraves before MuseScore and verovio are asked about all their pages."""

MEGABYTES = 1500
"""A process that has needed more than this is replaced."""

PIANO = ("piano-midi-de", "giantmidi", "vienna4x22", "jam-sessions")
"""Folders of piano music; only their means have limits."""

LIMITS = {"ties": 0.12, "printed rests": 0.15, "ledgers": 0.01}

Key = tuple[str, str]
"""A file's path below the folder, and the view of it."""


def main() -> None:
    options = _options(sys.argv[1:])
    rows = _read(options.output)
    if options.again:
        rows = {key: row for key, row in rows.items() if not row["faults"]}
    files = [str(path.relative_to(options.folder)) for path in files_below(options.folder)]
    wanted = [(f, v) for f in files[options.offset :: options.every] for v in ("played", "written")]
    if not options.report:
        _run(options, [key for key in wanted if key not in rows], rows)
    _report([rows[key] for key in wanted if key in rows], len(wanted))


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks valid")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("tests/data"))
    parser.add_argument("every", type=int, nargs="?", default=1)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path("valid.jsonl"))
    parser.add_argument("--timeout", type=float, default=900.0)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--report", action="store_true")
    # Run among others without a folder of its own, it takes the defaults.
    if "valid" not in words:
        return parser.parse_args([])
    return parser.parse_args([word for word in words if word != "valid"])


def _read(path: Path) -> dict[Key, dict[str, Any]]:
    """The rows so far; a line that was cut off in writing counts as not written."""
    rows = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError, KeyError):
            row = json.loads(line)
            rows[row["file"], row["view"]] = row
    return rows


# --- the processes -----------------------------------------------------------------------------


def _run(options: argparse.Namespace, todo: list[Key], rows: dict[Key, dict[str, Any]]) -> None:
    """Look at all of *todo*, some at a time in each process, and keep each row as it comes."""
    batches = [todo[at : at + 2 * BATCH] for at in range(0, len(todo), 2 * BATCH)][::-1]
    workers = [_Worker(options) for _ in range(min(options.jobs, len(batches)))]
    started, said = time.perf_counter(), 0
    with options.output.open("a", encoding="utf-8") as log:
        while batches or any(worker.batch for worker in workers):
            for worker in workers:
                if batches and not worker.batch:
                    worker.give(batches.pop())
            wait([worker.pipe for worker in workers if worker.batch], timeout=5.0)
            for worker in workers:
                for row in worker.take():
                    rows[row["file"], row["view"]] = row
                    log.write(json.dumps(row) + "\n")
                    log.flush()
                    for fault in row["faults"]:
                        print(f"{row['file']} ({row['view']}): {fault}", flush=True)
                if worker.left:
                    batches.append(worker.left)
                    worker.left = []
            done = sum(key in rows for key in todo)
            minutes = (time.perf_counter() - started) / 60
            if done > said:
                print(
                    f"{done} of {len(todo)} pages, {minutes:.0f} min", file=sys.stderr, flush=True
                )
                said = done
    for worker in workers:
        worker.stop()


class _Worker:
    """A process that looks at batches of pages; it is replaced if it dies or hangs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.batch: list[Key] = []
        self.left: list[Key] = []
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, self.options.folder, self.options.timeout), daemon=True
        )
        self.process.start()
        theirs.close()
        self.at: Key | None = None
        self.heard = time.perf_counter()

    def give(self, batch: list[Key]) -> None:
        self.batch, self.at, self.heard = batch, None, time.perf_counter()
        self.pipe.send(batch)

    def take(self) -> list[dict[str, Any]]:
        """The rows that have come; if the process is lost, one that says so."""
        if not self.batch:
            return []
        try:
            while self.pipe.poll():
                message = self.pipe.recv()
                self.heard = time.perf_counter()
                if isinstance(message, list):
                    self.batch = []
                    if max(row.get("megabytes", 0) for row in message) > MEGABYTES:
                        self.stop()
                        self._start()
                    return message
                self.at = message
        except (EOFError, OSError):
            return self._lost("the process died")
        # The readers have the timeout for themselves, once for each page of the batch and all.
        patience = self.options.timeout * (1 if self.at else 2 + len(self.batch))
        if time.perf_counter() - self.heard > patience:
            return self._lost(f"not done after {patience:.0f} s")
        return []

    def _lost(self, why: str) -> list[dict[str, Any]]:
        """Blame the page at hand; the others of the batch are to be looked at again, singly."""
        self.stop()
        blamed = self.at or (self.batch[0] if len(self.batch) == 1 else None)
        rest = [key for key in self.batch if key != blamed]
        half = len(rest) // 2 if blamed is None else len(rest)
        self.batch, self.left = rest[half:], rest[:half]
        rows = [] if blamed is None else [{**_row(*blamed), "faults": [f"{why}"]}]
        batch = self.batch
        self._start()
        self.batch = []
        if batch:
            self.give(batch)
        return rows

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _row(file: str, view: str) -> dict[str, Any]:
    return {"file": file, "view": view, "faults": [], "means": None}


def _work(pipe: Connection, folder: Path, timeout: float) -> None:
    """What a process does: batch after batch, saying which page it is at."""
    program = musescore()
    while True:
        try:
            batch = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        with tempfile.TemporaryDirectory() as temporary:
            rows, pages = [], {}
            for number, (file, view) in enumerate(batch):
                pipe.send((file, view))
                page = Path(temporary) / f"{number}.musicxml"
                rows.append(_look(folder, file, view, page))
                if page.exists():
                    pages[number] = page
            pipe.send(None)
            said = {"verovio": verovio_says(list(pages.values()), timeout=timeout)}
            if program is not None:
                said["MuseScore"] = musescore_says(program, list(pages.values()), timeout=timeout)
            for reader, of_pages in said.items():
                for number, page in pages.items():
                    rows[number]["faults"] += [f"{reader}: {t}" for t in of_pages[page]]
                    rows[number].setdefault("readers", []).append(reader)
        pipe.send(rows)


def _look(folder: Path, file: str, view: str, page: Path) -> dict[str, Any]:
    """Engrave one file to *page*; all but what other programs say of it."""
    import music21_lstm as ml
    from music21_lstm.notation.quantize import is_aligned

    row = _row(file, view)
    before = time.process_time()
    try:
        performance = ml.read(folder / file)
        if view == "played":
            performance = performance.played()
        elif not is_aligned(performance):
            return {**row, "skipped": "its ticks are no score's"}
        faults, found, seconds = engraved_faults(performance, page)
        row.update(faults=faults, means=found.means, notes=found.notes, engraving=seconds)
    except Exception as error:  # whatever it is, it is this file's fault and no other's
        row["faults"].append(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
    row["seconds"] = round(time.process_time() - before, 2)
    row["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return row


# --- the summary -------------------------------------------------------------------------------


def _report(rows: list[dict[str, Any]], wanted: int) -> None:
    print(f"{len(rows)} of {wanted} pages looked at")
    for view in ("played", "written"):
        own = [row for row in rows if row["view"] == view and "skipped" not in row]
        bad = [row for row in own if row["faults"]]
        skipped = sum(row["view"] == view and "skipped" in row for row in rows)
        others = f" ({skipped} have ticks that are no score's)" if skipped else ""
        print(f"as {view}: {len(own)} pages{others}, {len(own) - len(bad)} without a fault")
        kinds = Counter(kind for row in bad for kind in {_kind(f) for f in row["faults"]})
        for kind, count in kinds.most_common():
            print(f"  {count} pages: {kind}")
        _report_means(own)
    unasked = sum("MuseScore" not in row.get("readers", ()) for row in rows if row["means"])
    if unasked:
        print(f"MuseScore was not asked about {unasked} pages")


def _report_means(rows: list[dict[str, Any]]) -> None:
    """Means over pages, by collection; and those of piano music beside their limits."""
    by_folder: defaultdict[str, list[dict[str, float]]] = defaultdict(list)
    for row in rows:
        if row["means"]:
            first = row["file"].split("/")[0]
            by_folder[first].append(row["means"])
            if first in PIANO:
                by_folder["piano together"].append(row["means"])
    for folder, means in sorted(by_folder.items()):
        shown = (f"{n} {statistics.mean(m[n] for m in means):.3f}" for n in means[0])
        print(f"  {folder} ({len(means)}): {', '.join(shown)}")
    for name, limit in LIMITS.items() if by_folder["piano together"] else ():
        mean = statistics.mean(m[name] for m in by_folder["piano together"])
        print(f"  {name} a note: {mean:.4f}, limit {limit} ({'kept' if mean <= limit else 'NOT'})")


def _kind(fault: str) -> str:
    """A fault without what is particular to one page."""
    if fault.startswith("bar "):
        return "bars: " + " ".join(w for w in fault.split(": ", 1)[1].split() if not _counts(w))
    words = [word for word in fault.split() if not _counts(word)]
    return " ".join(words)[:90]


def _counts(word: str) -> bool:
    return any(letter.isdigit() for letter in word)


if __name__ == "__main__":
    main()
