"""Engraving one file and looking at all of its page: what ``valid`` and ``engraving`` share."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
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


def verovio_says(path: Path) -> str:
    """What verovio complains of when it lays out the page at *path*."""
    code = (
        "import sys, verovio; verovio.enableLog(verovio.LOG_WARNING); t = verovio.toolkit();"
        "ok = t.loadFile(sys.argv[1]); pages = t.getPageCount() if ok else 0;"
        "[t.renderToSVG(n + 1) for n in range(pages)];"
        "print('' if pages else 'not loaded'); print(t.getLog())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    return "; ".join((done.stdout + done.stderr).split("\n")).strip("; ")


def notes_of(source: object) -> Counter[tuple[Fraction, int, Fraction]]:
    """Onset, pitch and end, in quarters, of each note of a Stream as it is written."""
    performance = ml.read(source, resolution=10080, performed=False)
    return Counter(
        (Fraction(n.onset, 10080), n.pitch, Fraction(n.end, 10080)) for n in performance.notes
    )


def faults_of(performance: ml.Performance, *, program: str | None) -> tuple[list[str], Page]:
    """All that is wrong with the page of *performance*, and what stands on it."""
    score = ml.engrave(performance)
    faults = []
    if ml.read(score).events != performance.events:
        faults.append("round trip: other events")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.musicxml"
        ml.write(score, path)
        faults += [f"schema: {error}" for error in schema_errors(path)[:3]]
        page = page_of(read_musicxml(path))
        faults += page.faults[:3]
        with contextlib.redirect_stderr(io.StringIO()):
            again = converter.parse(path, forceSource=True, storePickle=False)
        wanted, found = notes_of(score), notes_of(again)
        if wanted != found:
            lost, new = sum((wanted - found).values()), sum((found - wanted).values())
            faults.append(f"music21 reads it otherwise: {lost} notes lost, {new} new")
        if said := verovio_says(path):
            faults.append(f"verovio: {said[:200]}")
        if program is not None:
            _, said = run_musescore(program, path, Path(folder) / "page.mscx")
            if said:
                faults.append(f"MuseScore: {said[:200]}")
    return faults, page
