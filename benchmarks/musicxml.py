"""20 generated chorales: valid MusicXML 4.0, and the same notes when read again."""

import tempfile
from pathlib import Path

from music21 import converter, corpus

import music21_lstm as ml
from tests.musicxml_checks import schema_errors


def main() -> None:
    generator = ml.load("chorale")
    primer = corpus.parse("bach/bwv66.6").measures(0, 2)
    valid = same = notes = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(20):
            performance = generator.perform(primer, measures=8, temperature=0.9, seed=seed)
            path = Path(folder) / f"chorale-{seed}.musicxml"
            ml.write(performance, path)
            errors = schema_errors(path)
            valid += not errors
            again = converter.parse(path, forceSource=True, storePickle=False)
            played = [(n.onset, n.pitch) for n in ml.read(again, resolution=480).notes]
            wanted = [(n.onset, n.pitch) for n in performance.notes]
            same += sorted(played) == sorted(wanted)
            notes += len(played)
            if errors:
                print(seed, errors[0])
    print(f"of 20: {valid} valid, {same} re-parsed with the same notes ({notes} in all)")


if __name__ == "__main__":
    main()
