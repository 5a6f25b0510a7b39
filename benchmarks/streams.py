"""Text → Performance → Stream and back, against bare notes put into a Part, at 1k and 100k notes."""

from fractions import Fraction

from music21 import note, stream

from music21_lstm.encoding.notetext import performance_of, text_of
from music21_lstm.streams.decode import exact_stream
from music21_lstm.streams.encode import performance_of_stream

from .clock import cpu_seconds

TEXTS = {
    # A time that no binary fraction of a quarter can say costs music21 a Fraction each.
    "eighths": lambda i: (
        f"{240 * (i % 3 == 0)}_no_{21 + i % 88}_{i % 127 + 1} 240_nf_{21 + i % 88}_64"
    ),
    "any tick": lambda i: (
        f"{i % 50}_no_{21 + i % 88}_{i % 127 + 1} {i % 100 + 1}_nf_{21 + i % 88}_64"
    ),
}


def bare(count: int) -> stream.Part:
    """As many bare notes, created and inserted the fastest way that music21 has."""
    part = stream.Part()
    for index in range(count):
        part.coreInsert(Fraction(index, 2), note.Note())
    part.coreElementsChanged()
    return part


def main() -> None:
    for name, token in TEXTS.items():
        text = {n: "rs_480 " + " ".join(map(token, range(n))) for n in (1_000, 100_000)}
        there, back, limit = {}, {}, {}
        for count, repeat in ((1_000, 15), (100_000, 3)):
            limit[count] = cpu_seconds(lambda n=count: bare(n), repeat=repeat) / count
            there[count] = (
                cpu_seconds(lambda t=text[count]: exact_stream(performance_of(t)), repeat=repeat)
                / count
            )
            score = exact_stream(performance_of(text[count]))
            back[count] = (
                cpu_seconds(lambda s=score: text_of(performance_of_stream(s)), repeat=repeat)
                / count
            )
            del score
        print(f"{name}, CPU µs a note at 1k and at 100k:")
        for label, found in (("bare notes", limit), ("text → Stream", there), ("back", back)):
            print(
                f"  {label:<15}{found[1_000] * 1e6:7.1f} {found[100_000] * 1e6:7.1f}"
                f"   100k / 1k: {found[100_000] / found[1_000]:.2f}"
            )
        print(
            f"  text → Stream / bare notes at 100k: {there[100_000] / limit[100_000]:.2f} (limit 2)"
        )


if __name__ == "__main__":
    main()
