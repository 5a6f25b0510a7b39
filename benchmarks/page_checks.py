"""Engraving one file and looking at all of its page: what ``valid`` and ``engraving`` share."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from music21 import converter

import music21_lstm as ml
from tests.musicxml_checks import Page, page_of, read_musicxml, schema_errors

SUFFIXES = (".mid", ".midi", ".notetext")
MUSESCORE = ("musescore3", "mscore3", "musescore", "mscore")
_HARMLESS = ("QStandardPaths", "convert <", "to <", "... success!", "libpng", "JIT ")


def files_below(folder: Path) -> list[Path]:
    """Every file of music below *folder*, in order."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)


def musescore() -> str | None:
    """The command of MuseScore, where it is installed."""
    for name in MUSESCORE:
        for place in os.environ.get("PATH", "").split(os.pathsep):
            if (Path(place) / name).is_file():
                return str(Path(place) / name)
    return None


def run_musescore(program: str, source: Path, target: Path) -> tuple[float, str]:
    """Seconds of MuseScore's command line from *source* to *target*, and what it complains of."""
    start = time.perf_counter()
    done = subprocess.run(
        [program, "-o", str(target), str(source)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    seconds = time.perf_counter() - start
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(_HARMLESS)]
    if done.returncode or not target.exists():
        said.append(f"exit code {done.returncode}, no {target.name}")
    return seconds, "; ".join(said)


def musescore_says(
    program: str, pages: Sequence[Path], *, timeout: float = 600
) -> dict[Path, list[str]]:
    """What MuseScore's log says of each of *pages*, many of them in one run (it starts slowly).

    If a run does not come to its end, each page that it has not got through is tried by itself.
    """
    if not pages:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        targets = {page: Path(folder) / f"{number}.mscx" for number, page in enumerate(pages)}
        job.write_text(json.dumps([{"in": str(p), "out": str(t)} for p, t in targets.items()]))
        code, lines = _run([program, "-j", str(job)], timeout)
        said: dict[Path, list[str]] = {page: [] for page in pages}
        names = {f"convert <{page}>...": page for page in pages}
        at = None
        for line in lines:
            at = names.get(line, at)
            if at is not None and not line.startswith(_HARMLESS):
                said[at].append(line)
        for page, target in targets.items():
            if target.exists():
                continue
            if len(pages) > 1:
                said |= musescore_says(program, [page], timeout=timeout)
            else:
                said[page].append(f"no page, exit code {code}")
    return {page: _kinds(lines) for page, lines in said.items()}


_VEROVIO = """
import sys, verovio
verovio.enableLog(verovio.LOG_WARNING)
for path in sys.argv[1:]:
    print("page", path, flush=True)
    toolkit = verovio.toolkit()
    pages = toolkit.getPageCount() if toolkit.loadFile(path) else 0
    for number in range(pages):
        toolkit.renderToSVG(number + 1)
    print(toolkit.getLog(), flush=True)
    print("done" if pages else "not loaded", flush=True)
"""


def verovio_says(pages: Sequence[Path], *, timeout: float = 600) -> dict[Path, list[str]]:
    """What verovio complains of when it lays out each of *pages*."""
    if not pages:
        return {}
    code, lines = _run([sys.executable, "-c", _VEROVIO, *map(str, pages)], timeout)
    said: dict[Path, list[str]] = {page: [] for page in pages}
    names = {f"page {page}": page for page in pages}
    at, done = None, set()
    for line in lines:
        if line == "done":
            done.add(at)
        elif line in names:
            at = names[line]
        elif at is not None:
            said[at].append(line)
    for page in set(pages) - done:
        if len(pages) > 1:
            said |= verovio_says([page], timeout=timeout)
        else:
            said[page].append(f"no page, exit code {code}")
    return {page: _kinds(lines) for page, lines in said.items()}


def _run(command: Sequence[str], timeout: float) -> tuple[int | str, list[str]]:
    """The exit code of a command (or that it was stopped), and all that it printed, in order."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as out:
        try:
            code: int | str = subprocess.run(
                command,
                env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=timeout,
            ).returncode
        except subprocess.TimeoutExpired:
            code = f"none after {timeout:.0f} s"
        out.seek(0)
        return code, [line.strip() for line in out if line.strip()]


def _kinds(lines: Sequence[str]) -> list[str]:
    """The first line of each kind (they differ in numbers alone), and how often it came."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for line in lines:
        kind = re.sub(r"0x[0-9a-f]+|\d+", "#", line)
        first.setdefault(kind, line)
        counts[kind] += 1
    return [
        line[:200] + (f" ({counts[kind]} times)" if counts[kind] > 1 else "")
        for kind, line in first.items()
    ]


def notes_of(source: object) -> Counter[tuple[Fraction, int, Fraction]]:
    """Onset, pitch and end, in quarters, of each note of a Stream as it is written."""
    performance = ml.read(source, resolution=10080, performed=False)
    return Counter(
        (Fraction(n.onset, 10080), n.pitch, Fraction(n.end, 10080)) for n in performance.notes
    )


def engraved_faults(
    performance: ml.Performance, path: Path
) -> tuple[list[str], Page, dict[str, float]]:
    """All that is wrong with the page of *performance*, which is written to *path*.

    With it what stands on the page, and the seconds of processor time that it took.
    """
    faults = []
    start = time.process_time()
    score = ml.engrave(performance)
    engraved = time.process_time()
    ml.write(score, path)
    seconds = {"engrave": engraved - start, "write": time.process_time() - engraved}
    if ml.read(score).events != performance.events:
        faults.append("round trip: other events")
    faults += [f"schema: {error}" for error in schema_errors(path)[:3]]
    page = page_of(read_musicxml(path))
    faults += page.faults[:3]
    with contextlib.redirect_stderr(io.StringIO()):
        again = converter.parse(path, forceSource=True, storePickle=False)
    wanted, found = notes_of(score), notes_of(again)
    if wanted != found:
        lost, new = sum((wanted - found).values()), sum((found - wanted).values())
        faults.append(f"music21 reads it otherwise: {lost} notes lost, {new} new")
    return faults, page, {name: round(value, 2) for name, value in seconds.items()}
