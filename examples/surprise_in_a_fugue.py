"""Where a fugue surprises a model: a score with coloured notes, a curve, and each entry of the subject.

The fugue is the exposition of Bach's in C minor, BWV 847. Its subject comes three times. The model has
never been trained on a fugue; does it expect the subject when it comes again?

    python examples/surprise_in_a_fugue.py made
    python examples/surprise_in_a_fugue.py made --piece fugue.musicxml --preset piano
"""

import argparse
from collections import defaultdict
from pathlib import Path

from matplotlib.figure import Figure
from music21 import converter, corpus, key, metadata, stream

import music21_lstm as ml

BWV_847 = {
    "Soprano": """r1 r1
        r8 g'16 f'# g'8 c' e'- g'16 f'# g'8 a'          d'8 g'16 f'# g'8 a' c'16 d' e'-4 d'16 c'
        b-8 e'-16 d' e'-8 g a- f'16 e'- f'8 a           b-8 g'16 f' g'8 b c' d'16 e'- f'4~
        f'8 e'-16 d' c' b- a- g f8 a'- g' f'            e'-8 d' e'- f' b c' d' b
        c'8 g'16 f'# g'8 d' e'-4 r8 e'""",
    "Alto": """
        r8 c'16 b c'8 g a- c'16 b c'8 d'                g8 c'16 b c'8 d' f16 g a-4 g16 f
        e-16 c' b a g f e- d c8 e'- d' c'               b-8 a b- c' f# g a f#
        g4 r16 c16 d e- f g a-8. d16 e- f               g16 a b-8. e-16 f g a- g f e- d8 c'16 b
        c'8 r r4 r8 f' e'- d'                           r8 a- g f g f16 e- f8 d
        g4 r8 b c' c'16 b c'8 g""",
    "Bass": """r1 r1 r1 r1 r1 r1
        r8 c16 B c8 G A- c16 B c8 d                     G8 c16 B c8 d F16 G A-4 G16 F
        E-16 c B A G F E- D C D E- D C BB- AA- GG""",
}
"""The voices in music21's TinyNotation, measures 1 to 9; most lines have two."""

ENTRIES = {"Alto": 1, "Soprano": 3, "Bass": 7}
"""The measure in which each voice has the subject: twenty notes from its second eighth on."""


def fugue() -> stream.Score:
    score = stream.Score()
    score.insert(0, metadata.Metadata(title="Fugue in C minor, BWV 847", composer="J. S. Bach"))
    for name, text in BWV_847.items():
        part = converter.parse(f"tinynotation: 4/4 {text}")
        part.partName = name
        part.measure(1).insert(0, key.Key("c"))
        score.insert(0, part)
    return score


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--piece", help="a file, or a piece of the corpus, instead of the fugue")
    parser.add_argument("--preset", default="chorale", help="whom it surprises")
    given = parser.parse_args()

    if given.piece is None:
        score = fugue()
    else:
        score = (converter if Path(given.piece).exists() else corpus).parse(given.piece)
    explained = ml.load(given.preset).surprisal(score, color=True)
    facts = explained.editorial["surprisal"]
    print(f"{facts.notes} notes, {facts.nats_per_note:.2f} nats a note")

    nats = defaultdict(list)  # of the notes, by measure
    for note in explained.recurse().notes:
        for one in note.notes if note.isChord else [note]:
            if "surprisal" in one.editorial:
                nats[note.measureNumber].append(one.editorial["surprisal"])
    means = {measure: sum(found) / len(found) for measure, found in sorted(nats.items())}
    print("it surprises most in measures", sorted(means, key=means.get, reverse=True)[:3])

    for voice, measure in ENTRIES.items() if given.piece is None else ():
        part = next(part for part in explained.parts if part.partName == voice)
        notes = part.measures(measure, measure + 2).recurse().notes.stream()[:20]
        subject = [note.editorial["surprisal"] for note in notes]
        print(
            f"the subject in the {voice.lower():<8} from measure {measure}: its first note "
            f"{subject[0]:4.1f} nats, the others {sum(subject[1:]) / 19:.1f} each"
        )

    given.folder.mkdir(parents=True, exist_ok=True)
    print(explained.write("musicxml", given.folder / "surprise.musicxml"))
    print(curve(means, given.folder / "surprise.png"))


def curve(means: dict[int, float], path: Path) -> Path:
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.add_subplot(xlabel="measure", ylabel="nats a note")
    axes.bar(list(means), list(means.values()), color="#7201a8")
    figure.savefig(path)
    return path


if __name__ == "__main__":
    main()
