"""An hour of piano to WAV and MP3: CPU and peak memory, beside the FluidSynth CLI and lame.

It takes a quarter of an hour. The limit of our own is 200 MB.
"""

import tempfile
from itertools import cycle
from pathlib import Path

import mido

from benchmarks.players import CLI, LAME, LEAN_CLI, OURS, Cost, FailedError, rendered, run
from music21_lstm.audio import find

DATA = Path(__file__).parent.parent / "tests" / "data"
SECONDS, TICKS_A_SECOND = 3600, 960
PEDAL = 64


def write_hour(target: Path) -> int:
    """Write the pieces of tests/data again and again; how many notes they have in an hour."""
    track, now, start = mido.MidiTrack(), 0, 0.0
    for source in cycle(sorted(DATA.glob("*.mid"))):
        midi, time = mido.MidiFile(source), start
        for message in midi:
            time += message.time
            if not message.is_meta and time < SECONDS:
                tick = round(time * TICKS_A_SECOND)
                track.append(message.copy(time=tick - now))
                now = tick
        start += midi.length + 2
        if start >= SECONDS:
            break
    for key in range(128):
        track.append(mido.Message("note_off", note=key))
    track.append(mido.Message("control_change", control=PEDAL, value=0))
    midi = mido.MidiFile(type=0, ticks_per_beat=TICKS_A_SECOND // 2)
    midi.tracks.append(track)
    midi.save(target)
    return sum(message.type == "note_on" and message.velocity > 0 for message in track)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        midi, bank = folder / "hour.mid", find().path
        notes = write_hour(midi)
        print(f"{mido.MidiFile(midi).length / 60:.0f} minutes, {notes} notes; {bank.name}")
        print("                    CPU s   peak MB")
        for player in (OURS, CLI, LEAN_CLI):
            wav, mp3 = folder / "sound.wav", folder / "sound.mp3"
            try:
                cost = rendered(player, midi, bank, wav)
                show(f"{player}, WAV", cost)
                if player == OURS:
                    show(f"{player}, MP3", rendered(player, midi, bank, mp3))
                else:
                    show(f"{player}, lame", cost.then(run([*LAME, str(wav), str(mp3)])))
            except FailedError as error:
                print(f"{player}: {error}")
            wav.unlink(missing_ok=True)


def show(what: str, cost: Cost) -> None:
    """One row."""
    print(f"{what:<20}{cost.cpu:5.0f} {cost.peak:9.0f}", flush=True)


if __name__ == "__main__":
    main()
