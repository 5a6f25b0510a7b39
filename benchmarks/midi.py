"""Encoding a MIDI file (bytes → notetext) against mido's parsing alone."""

import io
import statistics
from pathlib import Path

import mido

from music21_lstm.encoding.midi import read_midi
from music21_lstm.encoding.notetext import text_of

from .clock import cpu_seconds

DATA = Path(__file__).parent.parent / "tests" / "data"


def main() -> None:
    for path in sorted(DATA.glob("*.mid")):
        data = path.read_bytes()
        ratios = []
        for _ in range(15):
            theirs = cpu_seconds(lambda d=data: mido.MidiFile(file=io.BytesIO(d)))
            ours = cpu_seconds(lambda d=data: text_of(read_midi(d)))
            ratios.append(ours / theirs)
        print(f"{path.name:<28} {statistics.median(ratios):.2f} times mido's parsing (limit 1.6)")


if __name__ == "__main__":
    main()
