"""A chorale in the style of Bach: a model goes on where a piece of music21's corpus breaks off.

It plays three versions, of which the one is kept that surprises the model neither least nor most, looks
whether it has copied anything, and writes score, MIDI and sound.

    python examples/continue_a_chorale.py made
    python examples/continue_a_chorale.py made --piece bach/bwv269 --measures 12 --key "e minor"
"""

import argparse
from pathlib import Path

from music21 import corpus

import music21_lstm as ml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--piece", default="bach/bwv66.6", help="what to continue")
    parser.add_argument("--measures", type=int, default=8, help="how much is added")
    parser.add_argument("--temperature", type=float, default=0.8, help="lower is tamer")
    parser.add_argument("--key", help="ask for a key, as 'G major' or 'e minor'")
    parser.add_argument("--seed", type=int, default=7, help="another one, another chorale")
    given = parser.parse_args()

    primer = corpus.parse(given.piece).measures(0, 4)
    generator = ml.load("chorale")
    chorale, *_ = generator.generate(
        primer,
        measures=given.measures,
        temperature=given.temperature,
        key=given.key,
        seed=given.seed,
        count=3,
        rank=True,
    )
    chorale.metadata.title = f"After {given.piece}"

    # Of a passage that the training set has, too, the notes that are not the primer's count.
    new_from = chorale.editorial["primer"]
    copied = [
        sum(note >= new_from for note in run.notes) for run in generator.originality(chorale).runs
    ]
    print(f"the primer is in {primer.analyze('key')}, all of it in {chorale.analyze('key')}")
    print(f"seed {chorale.editorial['seed']}, {len(chorale.recurse().notes)} notes and chords")
    print(
        f"new notes in a row that also stand in the training set: {max(copied, default=0)} at most"
    )

    given.folder.mkdir(parents=True, exist_ok=True)
    for suffix in ("musicxml", "midi", "mp3"):
        target = given.folder / f"chorale.{'mid' if suffix == 'midi' else suffix}"
        print(chorale.write(suffix, target))


if __name__ == "__main__":
    main()
