"""1,000,000 events over temperatures 0.2 to 2: no note left sounding, and every one decodes."""

import time
from collections import Counter

import music21_lstm as ml
from music21_lstm.encoding import NoteOff, NoteOn
from music21_lstm.encoding.notetext import performance_of, text_of

TOTAL = 1_000_000
PIECE = 10_000
TEMPERATURES = (0.2, 0.5, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0)


def faults(performance: ml.Performance) -> Counter[str]:
    """What is wrong with a generated performance."""
    found: Counter[str] = Counter()
    sounding: set[int] = set()
    for event in performance.events:
        if isinstance(event, NoteOn):
            found["struck while sounding"] += event.pitch in sounding
            sounding.add(event.pitch)
        elif isinstance(event, NoteOff):
            found["off while silent"] += event.pitch not in sounding
            sounding.discard(event.pitch)
    found["left sounding"] += len(sounding)
    found["pieces not decoded"] += performance_of(text_of(performance)) != performance
    return found


def main() -> None:
    generator = ml.load("chorale")
    total: Counter[str] = Counter()
    start = time.perf_counter()
    for index in range(TOTAL // PIECE):
        temperature = TEMPERATURES[index % len(TEMPERATURES)]
        performance = generator.perform(events=PIECE, temperature=temperature, min_p=0, seed=index)
        total["events"] += sum(isinstance(e, NoteOn | NoteOff) for e in performance.events)
        total.update(faults(performance))
    minutes = (time.perf_counter() - start) / 60
    print(
        ", ".join(f"{count} {name}" for name, count in total.items()), f"in {minutes:.1f} minutes"
    )


if __name__ == "__main__":
    main()
