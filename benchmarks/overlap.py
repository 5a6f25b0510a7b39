"""Overlap Area of generated minutes against held-out music: overlap [PRESET] [FOLDER] [MINUTES].

Without arguments: 100 minutes of the preset chorale against the chorales that it was not trained on.
"""

import sys
from pathlib import Path

from music21_lstm.evaluation.evaluating import evaluate
from music21_lstm.generation import load
from music21_lstm.model import presets
from music21_lstm.model.corpora import corpus
from music21_lstm.pipeline import read, training_files

GOAL = 0.85
SEED = 0


def held_out(generator):
    """The chorales that the metadata names as held out."""
    names = {name for name, _ in generator.checkpoint.metadata["data"]["held_out"]}
    return [(name, piece) for name, piece in corpus("chorales") if name in names]


def main() -> None:
    words = [word for word in sys.argv[1:] if word != "overlap"]
    minutes = int(next((word for word in words if word.isdigit()), 100))
    folders = [word for word in words if Path(word).is_dir() and word not in presets.names()]
    models = [word for word in words if word in presets.names()] or folders[:1] or ["chorale"]
    generator = load(models[0])
    files = training_files([f for f in folders if f != models[0]]) if folders else []
    pieces = [(path.name, read(path)) for path in files] or held_out(generator)
    found = evaluate(generator, pieces, generate=minutes, seconds=60, seed=SEED).to_json()
    made = found["generated"]
    print(
        f"{generator.name}: {made['pieces']} generated minutes, seeds from {SEED}, against "
        f"{made['excerpts_of_files']} excerpts of {len(pieces)} files, {made['length']:g} "
        f"{made['unit']}s each; {made['silent']} silent, "
        f"{made['collapsed']} collapsed and played again"
    )
    print(f"{'':<14}{'mgeval':>9}{'pooled':>9}{'files with files':>19}")
    for name, area in found["overlap_area"].items():
        others = [found[f"overlap_area_{kind}"] or {} for kind in ("pooled", "of_files")]
        cells = [area, *(column.get(name) for column in others)]
        shown = ["–" if cell is None else f"{cell:.3f}" for cell in cells]
        print(f"{name:<14}{shown[0]:>9}{shown[1]:>9}{shown[2]:>19}")
    mean = found["overlap_area"]["mean"]
    print(f"mean {mean:.3f}, to reach {GOAL}: {'yes' if mean >= GOAL else 'NO'}")


if __name__ == "__main__":
    main()
