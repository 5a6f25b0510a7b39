"""Solos over held chords on the page, with and without the chords being believed to stand on beats.

``python -m benchmarks comping DATA [EVERY] [--learn]``: every thirtieth (or EVERY) solo of the
Weimar Jazz Database (jazz/solo_chords), whose ticks are the beats that people heard, as played; and
ten pieces of the preset ``jazz``. ``--learn`` prints the tables of ``notation/beats/accompaniment.py``
instead, from
each third solo, the second of three; what is measured is none of these.
"""

import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
import numpy.typing as npt

import music21_lstm as ml
from benchmarks.notation.counters import counters
from music21_lstm.encoding import Performance
from music21_lstm.notation.bars import locate
from music21_lstm.notation.beats import accompaniment, placing
from music21_lstm.notation.beats.comping import comping
from music21_lstm.notation.metre import UNIT

SOLOS, SEEDS = 30, range(1, 11)
SHOWN = ("ties", "rests", "tuplets", "voices")

Array = npt.NDArray[Any]


def tapped(performance: Performance) -> Array:
    """The second of each quarter of the ticks."""
    marks = np.arange(0, performance.ticks[-1] + 1, performance.resolution)
    return np.interp(marks, performance.ticks, performance.times)


def measured(
    performance: Performance, comped: Array, beats: Array | None, target: Path
) -> dict[str, float]:
    """Counts a note of the page, where its *comped* notes are, and F of its *beats*."""
    ml.write(performance, target)
    found = counters(target)
    placed, sections, tempo = placing.place_played(performance)
    chords = [p.onset for p, one in zip(placed, comped, strict=True) if one]
    line = np.array([p.onset for p, one in zip(placed, comped, strict=True) if not one])
    places = [(onset, *locate(sections, onset)) for onset in chords]
    end = max(p.onset for p in placed)
    heard = np.array(
        [tempo.second(place) for place in range(sections[-1].start % UNIT, end + 1, UNIT)]
    )
    at = [(at - bar) % section.metre.beat == 0 for at, section, bar in places]
    return {
        **{name: found[name] for name in SHOWN},
        "32nds": float(np.mean((line % (UNIT // 8) == 0) & (line % (UNIT // 4) != 0))),
        "on beats": float(np.mean(at)),
        "halves": float(np.mean([(at - bar) % (2 * UNIT) == 0 for at, _, bar in places])),
        "bars": float(np.mean([at == bar for at, _, bar in places])),
        **({} if beats is None else {"beat F": mir_eval.beat.f_measure(beats, heard)}),
        **({} if beats is None else {"other level": max(_levels(beats, heard))}),
    }


def _levels(beats: Array, heard: Array) -> Iterator[float]:
    """F of the beats, of their halves and of their doubles: what is right but for the level."""
    yield mir_eval.beat.f_measure(beats, heard)
    for first in (0, 1):
        yield mir_eval.beat.f_measure(beats[first::2], heard)
        yield mir_eval.beat.f_measure(beats, heard[first::2])


def learn(paths: list[Path]) -> None:
    """Print the tables of what a line's onsets say of the beat."""
    classes = [np.mean(pair) for pair in pairwise(accompaniment.CLASSES)]
    edges = np.log2(accompaniment.EDGES)
    places, gaps = np.ones((4, 12)), np.ones((4, len(edges) + 1))
    for path in paths:
        solo = ml.read(path)
        _, table, comped = placing.accompaniment(solo.played())
        if not comped.any():
            continue
        beats = tapped(solo)
        row = int(np.digitize(60 / np.median(np.diff(beats)), classes))
        onsets = np.interp(np.unique(table[~comped, 0]), beats, np.arange(len(beats)))
        onsets = onsets[(onsets > 0) & (onsets < len(beats) - 1)]
        weight = 200 / max(1, len(onsets))
        twelfths = np.rint(onsets % 1 * 12).astype(int) % 12
        places[row] += weight * np.bincount(twelfths, minlength=12)
        apart = np.digitize(np.log2(np.maximum(np.diff(onsets), 0.01)), edges)
        gaps[row] += weight * np.bincount(apart, minlength=len(edges) + 1)
    widths = np.diff(np.concatenate([[edges[0] - 1], edges, [edges[-1] + 1]]))
    print("PLACES", np.log(places / places.mean(1, keepdims=True)).round(1).tolist())
    print("GAPS", np.log(gaps / gaps.sum(1, keepdims=True) / widths).round(1).tolist())


def main() -> None:
    folder = next((Path(word) for word in sys.argv[1:] if Path(word).is_dir()), None)
    if folder is None:
        print("name the folder of the data: python -m benchmarks comping FOLDER")
        return
    paths = sorted(folder.glob("jazz/solo_chords/*.mid"))
    if "--learn" in sys.argv:
        learn(paths[1::3])
        return
    every = next((int(word) for word in sys.argv[1:] if word.isdecimal()), SOLOS)
    solos = [ml.read(path) for path in paths[2::3][3 :: max(1, every // 3)]]
    generator = ml.load("jazz")
    _compare("solos", [(solo.played(), tapped(solo)) for solo in solos])
    _compare("generated", [(generator.perform(seed=seed).played(), None) for seed in SEEDS])


def _compare(title: str, pieces: list[tuple[Performance, Array | None]]) -> None:
    found = [(piece, placing.accompaniment(piece)[2], beats) for piece, beats in pieces]
    held = [piece for piece in found if piece[1].any()]
    print(f"{title}: {len(held)} of {len(pieces)} are a line over held chords; means")
    for name, told in (("without", False), ("with", True)):
        if not told:
            placing.comping = lambda table: np.zeros(len(table), bool)
        try:
            with tempfile.TemporaryDirectory() as temporary:
                target = Path(temporary) / "page.musicxml"
                rows = [measured(*piece, target) for piece in held]
        finally:
            placing.comping = comping
        means = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        print(f"{name:8}", "  ".join(f"{key} {value:.3f}" for key, value in means.items()))


if __name__ == "__main__":
    main()
