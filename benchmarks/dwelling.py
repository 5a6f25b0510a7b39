"""How much one pitch is dwelt on in generated minutes, and in held-out ones: dwelling PRESET FOLDER.

Of each minute: the largest share that one pitch has of the onsets of any eight seconds with twelve
onsets or more. Presets of played time; FOLDER has files that it was not trained on.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np

from music21_lstm.evaluation.likeness import generated
from music21_lstm.evaluation.statistics import Excerpt, excerpts
from music21_lstm.generation import load
from music21_lstm.model import presets
from music21_lstm.pipeline import read, training_files

MINUTES, SECONDS = 100, 60
WINDOW, LEAST = 8.0, 12
SHARES = (25, 50, 75, 90)


def most_dwelt_on(excerpt: Excerpt) -> float:
    """The largest share of the onsets of a window that are of one pitch."""
    counts: Counter[int] = Counter()
    first, largest = 0, 0.0
    pitches = excerpt.pitch.tolist()
    for last, (time, pitch) in enumerate(zip(excerpt.onset.tolist(), pitches, strict=True)):
        counts[pitch] += 1
        while excerpt.onset[first] <= time - WINDOW:
            counts[pitches[first]] -= 1
            first += 1
        if time >= WINDOW and last - first + 1 >= LEAST:
            largest = max(largest, max(counts.values()) / (last - first + 1))
    return largest


def main() -> None:
    words = [word for word in sys.argv[1:] if word != "dwelling"]
    generator = load(next((word for word in words if word in presets.names()), "piano"))
    folder = next((word for word in words if Path(word).is_dir()), "tests/data")
    grid = generator.checkpoint.config
    minutes = {f"files of {folder}": [
        one for path in training_files([folder]) for one in excerpts(read(path), grid, SECONDS)
    ]}  # fmt: skip
    for name, options in (("generated", {}), ("generated, repetition 0", {"repetition": 0.0})):
        made = generated(generator.checkpoint, MINUTES, SECONDS, 0, retries=50, **options)
        minutes[name] = [excerpts(one.performance, grid)[0] for one in made]
    print("share of the pitch that is dwelt on most:", *(f"{p} of 100 within" for p in SHARES))
    for name, several in minutes.items():
        found = np.percentile([most_dwelt_on(one) for one in several], SHARES)
        print(f"{generator.name}, {name}: {len(several)} minutes:", *(f"{v:.2f}" for v in found))


if __name__ == "__main__":
    main()
