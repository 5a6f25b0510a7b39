"""Time from a Performance to the MusicXML file: by the number of notes, and beside MuseScore.

``python -m benchmarks engraving FOLDER``: files of FOLDER of about three minutes, played freely.
"""

import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from music21.musicxml.m21ToXml import GeneralObjectExporter

import music21_lstm as ml
from music21_lstm.notation.beats import place_played

from .clock import cpu_seconds
from .page_checks import files_below, musescore, run_musescore

COUNTS = (1_250, 2_500, 5_000, 10_000, 20_000)
THEIRS = 5_000
"""music21's own exporter is asked up to here: it takes minutes for more."""

FILES, ROUNDS = 5, 5


def main() -> None:
    folder = next((Path(word) for word in sys.argv[1:] if Path(word).is_dir()), Path("tests/data"))
    paths = files_below(folder)
    # Enough to choose from: some forty files from all over the folder.
    played = {path: ml.read(path).played() for path in paths[:: max(1, len(paths) // 40)]}
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary) / "page.musicxml"
        _by_length(list(played.values()), target)
        _beside_musescore(played, target)


def _by_length(played: list[ml.Performance], target: Path) -> None:
    """The exponent of the time in the number of notes, of real music put together."""
    whole = played[0]
    for piece in played[1:]:
        whole += piece
    while len(whole.notes) < COUNTS[-1]:
        whole += whole
    onsets = [note.on for note in whole.notes]
    seconds = {}
    print("notes, CPU seconds: Performance to file; of that the export; music21's export")
    for count in COUNTS:
        part = whole[: onsets[count - 1] + 1]
        seconds[count] = cpu_seconds(lambda p=part: ml.write(p, target), repeat=1)
        score = ml.engrave(part)
        ours = cpu_seconds(lambda s=score: ml.write(s, target))
        theirs = ""
        if count <= THEIRS:
            exporter = GeneralObjectExporter(score)
            exporter.makeNotation = False
            theirs = f"{cpu_seconds(exporter.parse):8.2f}"
        print(f"{count:>7} {seconds[count]:8.2f} {ours:8.2f} {theirs}", flush=True)
    for low, high in ((COUNTS[0], COUNTS[-1]), (COUNTS[-2], COUNTS[-1])):
        exponent = math.log(seconds[high] / seconds[low]) / math.log(high / low)
        print(f"exponent from {low} to {high} notes: {exponent:.2f} (limit 1.1)")


def _beside_musescore(played: dict[Path, ml.Performance], target: Path) -> None:
    """Pieces of about three minutes, each by both in turn, and the medians.

    MuseScore's command starts a program; so ours is timed in a process that is warm, and as a command.
    """
    program = musescore()
    if program is None:
        print("MuseScore is not installed")
        return
    print(f"median seconds of {ROUNDS} rounds: ours, warm; of that beats; our command; MuseScore's")
    near = sorted(played, key=lambda path: abs(played[path].seconds - 180))[:FILES]
    source = target.with_suffix(".mid")
    command = [sys.executable, "-m", "music21_lstm", "engrave", source, "-o", target]
    shares = []
    for path in sorted(near):
        performance = played[path]
        ml.write(performance, source)
        works: list[Callable[[], object]] = [
            lambda p=performance: ml.write(p, target),
            lambda p=performance: place_played(p),
            lambda: subprocess.run(command, check=True, capture_output=True),
            lambda: run_musescore(program, source, target.with_name("other.musicxml")),
        ]
        rounds = [[_seconds(work) for work in works] for _ in range(ROUNDS)]
        ours, beats, whole, theirs = map(median, zip(*rounds, strict=True))
        shares.append(ours / theirs)
        print(
            f"{path.name}: {performance.seconds:.0f} s, {len(performance.notes)} notes: {ours:.2f}, "
            f"{beats:.2f}, {whole:.2f}, {theirs:.2f}: {shares[-1]:.2f} of MuseScore's",
            flush=True,
        )
    print(f"from Performance to file {max(shares):.2f} of MuseScore's time at most (limit 1)")


def _seconds(work: Callable[[], object]) -> float:
    """How long *work* takes by the clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
