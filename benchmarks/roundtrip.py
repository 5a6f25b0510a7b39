"""Every file of a folder: file → Performance → notetext → Performance → MIDI → Performance, equal.

``python -m benchmarks.roundtrip FOLDER``; a sample of 30 also through both views of a Stream.
"""

import sys
from pathlib import Path

from music21_lstm.encoding.midi import midi_bytes, read_midi
from music21_lstm.encoding.notetext import performance_of, text_of
from music21_lstm.streams.decode import engraved_stream, exact_stream
from music21_lstm.streams.encode import performance_of_stream

SHARED = Path(__file__).parent.parent.parent / "shared" / "data" / "piano-midi-de"
SAMPLE = 30


def main() -> None:
    folder = Path(sys.argv[-1]) if Path(sys.argv[-1]).is_dir() else SHARED
    files = sorted(folder.rglob("*.mid"))
    if not files:
        print(f"no MIDI files in {folder}; name a folder: python -m benchmarks.roundtrip FOLDER")
        return
    differences = events = notes = 0
    for path in files:
        performance = read_midi(path)
        from_text = performance_of(text_of(performance))
        from_midi = read_midi(midi_bytes(from_text))
        differences += not (performance == from_text == from_midi)
        differences += text_of(from_midi) != text_of(performance)
        events += len(performance)
        notes += len(performance.notes)
    print(f"{len(files)} files, {events} events, {notes} notes: {differences} differences")
    chosen = files[:: max(1, len(files) // SAMPLE)][:SAMPLE]
    for view in (exact_stream, engraved_stream):
        differences = 0
        for path in chosen:
            performance = read_midi(path)
            again = performance_of_stream(view(performance))
            differences += again != performance or text_of(again) != text_of(performance)
        print(f"{view.__name__}, {len(chosen)} files: {differences} differences")


if __name__ == "__main__":
    main()
