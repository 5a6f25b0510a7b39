"""How many generated chorales slip off their beat and never find back, by min-p."""

from music21 import corpus

import music21_lstm as ml

PIECES = 40


def main() -> None:
    generator = ml.load("chorale")
    primer = ml.read(corpus.parse("bach/bwv66.6").measures(0, 4))
    for min_p in (0.0, 0.02, 0.05, 0.1, 0.2):
        slipped = 0
        for heard in (None, primer):
            known = 0 if heard is None else len(heard.notes)
            for seed in range(PIECES):
                made = generator.perform(
                    heard, measures=16, temperature=0.9, min_p=min_p, seed=seed
                )
                onsets = [note.onset for note in made.notes[known:]]
                sixteenth = made.resolution // 4
                slipped += sum(onset % sixteenth != 0 for onset in onsets) > 0.1 * len(onsets)
        print(f"min_p {min_p:<5}: {slipped} of {2 * PIECES} pieces")


if __name__ == "__main__":
    main()
