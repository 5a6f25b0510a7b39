"""How far what is asked for is heard: key, density, register and velocity, by guidance.

``python -m benchmarks steering [PRESET …] [WISH …]``: eight pieces of half a minute for each wish (for
presets of written time, of sixteen measures), seeds from 0. In brackets: takes that collapsed and were
played anew. Of a change of velocity, sixteen pieces of a minute: the mean of the second half and the
piece that comes least near.
"""

import sys
from collections.abc import Iterator
from statistics import fmean

import music21_lstm as ml
from music21_lstm.generation.joining import is_played
from music21_lstm.model import presets

GUIDANCES = (1.0, 1.5, 2.0, 3.0)
PIECES = 8
KEYS = {"C major": 0, "F# major": 6, "E- major": 3, "a minor": 0}
"""Keys, and the tonic of the major scale with the same notes."""
SCALE = (0, 2, 4, 5, 7, 9, 11)
WISHES = {"density": (2, 12), "register": (52, 68), "velocity": (35, 90)}
WRITTEN = {"density": (1.5, 6), "register": (56, 66)}


def heard(what: str, asked: object, pieces: list[ml.Performance], quarters: bool) -> float:
    """What the pieces are like: the share in the scale, notes a second, the mean pitch or velocity."""
    notes = [note for piece in pieces for note in piece.notes]
    if what == "key":
        scale = {(KEYS[str(asked)] + step) % 12 for step in SCALE}
        return 100 * sum(note.pitch % 12 in scale for note in notes) / len(notes)
    if what == "density":
        if quarters:
            return len(notes) / sum(piece.notes[-1].end / piece.resolution for piece in pieces)
        return len(notes) / sum(piece.seconds for piece in pieces)
    values = [note.pitch if what == "register" else note.velocity for note in notes]
    return sum(values) / len(values)


def changed(generator: ml.Generator, first: int, second: int) -> Iterator[tuple[float, float]]:
    """For each guidance the mean velocity some time after it was to change, and the furthest off."""
    steer = [(0, ml.Steering(velocity=first)), (30, ml.Steering(velocity=second))]
    for guidance in GUIDANCES:
        pieces = generator.perform(seconds=60, seed=0, count=16, steer=steer, guidance=guidance)
        means = [
            fmean([n.velocity for n in piece.notes if piece.times[n.on] > 34] or [0])
            for piece in pieces
        ]
        yield fmean(means), max(means, key=lambda mean: abs(mean - second))


def main() -> None:
    named = [word for word in sys.argv[1:] if word in presets.names()]
    for name in named or presets.names():
        generator = ml.load(name)
        played = is_played(generator.checkpoint.config)
        length = {"seconds": 30} if played else {"measures": 16}
        wishes = [("key", key) for key in KEYS]
        wishes += [(what, a) for what, two in (WISHES if played else WRITTEN).items() for a in two]
        chosen = {what for what, _ in wishes} & set(sys.argv[1:])
        wishes = [one for one in wishes if not chosen or one[0] in chosen]
        print(f"{name}: guidance", *(f"{guidance:>8g}" for guidance in GUIDANCES))
        for what, asked in wishes:
            found = []
            for guidance in GUIDANCES:
                made = generator.variations(
                    seed=0, count=PIECES, guidance=guidance, retries=50, **{what: asked}, **length
                )
                thrown = sum(len(one.collapsed) for one in made)
                pieces = [one.performance for one in made]
                value = f"{heard(what, asked, pieces, not played):.1f}" + (
                    f"({thrown})" if thrown else ""
                )
                found.append(f"{value:>8}")
            unit = " (% in the scale)" if what == "key" else ""
            print(f"  {what} {asked}{unit}:", *found, flush=True)
        if generator.checkpoint.config.has_velocity and (not chosen or "velocity" in chosen):
            for first, second in ((40, 90), (90, 40)):
                found = [
                    f"{mean:.0f} ({worst:.0f})" for mean, worst in changed(generator, first, second)
                ]
                print(f"  velocity {first}, then {second}:", *(f"{one:>8}" for one in found))


if __name__ == "__main__":
    main()
