"""What share of generated music is copied, and of held-out human music: originality [PRESET] [FOLDER].

Both against the preset's index of its training set, in passages of as many notes. Without arguments:
the preset chorale and the chorales that it was not trained on; FOLDER has held-out files.
"""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

from music21_lstm.encoding import NoteOn
from music21_lstm.generation import load
from music21_lstm.generation.index import INDEX_FILE, Index, build_index
from music21_lstm.generation.originality import originality
from music21_lstm.model import presets
from music21_lstm.model.corpora import corpus
from music21_lstm.pipeline import read, training_files

NOTES = 200
"""Of a passage: the longer the music, the longer the longest run, so like is held against like."""
PIECES = 100


def chorales(generator, key):
    """The chorales that the metadata names as ``trained_on`` or ``held_out``."""
    names = {name for name, _ in generator.checkpoint.metadata["data"][key]}
    return [(name, piece) for name, piece in corpus("chorales") if name in names]


def index_of(generator):
    """The index shipped with the preset; one of the chorales is built if there is none."""
    path = presets.resolve(generator.name) / INDEX_FILE
    if path.exists():
        return Index.load(path)
    return build_index(chorales(generator, "trained_on"), "written")


def passages(performance, time_base):
    """*performance* cut into passages of NOTES notes; a shorter piece is one."""
    if time_base == "played":
        performance = performance.played()
    ons = [i for i, event in enumerate(performance.events) if isinstance(event, NoteOn)]
    cuts = [*ons[::NOTES], len(performance.events)]
    parts = [performance[a:b] for a, b in pairwise(cuts)]
    return parts if len(ons) <= NOTES or len(ons) % NOTES == 0 else parts[:-1]


def show(name, index, pieces):
    """One line of figures of *pieces*; the passage of the longest run in words."""
    found = [
        originality(index, part) for piece in pieces for part in passages(piece, index.time_base)
    ]
    eights = sum(one.eights for one in found)
    share = sum(one.copied_share * one.eights for one in found) / max(1, eights)
    runs = [one.longest_run for one in found]
    middle, most, longest = np.percentile(runs, [50, 95, 100])
    print(
        f"{name:<10}{len(found):>6} passages{share:>12.2%} copied   longest run: median {middle:.0f}, "
        f"95 of 100 within {most:.0f}, longest {longest:.0f} ({found[int(np.argmax(runs))].piece})"
    )
    return share


def main() -> None:
    words = [word for word in sys.argv[1:] if word != "originality"]
    folders = [word for word in words if Path(word).is_dir() and word not in presets.names()]
    models = [word for word in words if word in presets.names()] or folders[:1] or ["chorale"]
    generator = load(models[0])
    index = index_of(generator)
    others = [folder for folder in folders if folder != models[0]]
    if others:
        human = [read(path) for path in training_files(others)]
    else:
        human = [piece for _, piece in chorales(generator, "held_out")]
    print(f"{generator.name}, {index}, passages of {NOTES} notes, seeds 0 to {PIECES - 1}")
    of_humans = show("held out", index, human)
    made = [generator.perform(notes=NOTES, seed=seed) for seed in range(PIECES)]
    of_model = show("generated", index, made)
    print(f"copied no more than between human pieces: {'yes' if of_model <= of_humans else 'NO'}")


if __name__ == "__main__":
    main()
