"""MIDI to sound on one bank: ours beside the FluidSynth CLI, midi2audio, pretty_midi and others.

``python -m benchmarks sound FILE.mid`` takes another file. Peers that are not installed are said to
be missing; ``PEERS_PYTHON`` names a Python that has them.
"""

import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import soundfile

from benchmarks.clock import cpu_seconds
from benchmarks.players import (
    CLI,
    LAME,
    OURS,
    OURS_THERE,
    PLAYERS,
    RATE,
    Cost,
    FailedError,
    rendered,
    run,
)
from music21_lstm.audio import find, library
from music21_lstm.audio.encoders import encoding_for
from music21_lstm.audio.synth import BLOCK

DATA = Path(__file__).parent.parent / "tests" / "data"
WOODBLOCK = 115


@dataclass(frozen=True, slots=True)
class Row:
    """What is measured of one player.

    *onsets* are seconds off; *tail* seconds after the music, *end* how loud its last 10 ms are
    beside the loudest sample, *ratio* the MP3's signal to noise, both in dB.
    """

    wav: Cost
    mp3: Cost
    onsets: np.ndarray
    tail: float
    end: float
    ratio: float


def clicks(path: Path) -> list[float]:
    """A file of wood blocks in a changing tempo; when each sounds, in seconds."""
    track = mido.MidiTrack([mido.Message("program_change", program=WOODBLOCK)])
    track.append(mido.Message("control_change", control=91, value=0))
    generator, time, onsets, rest = np.random.default_rng(7), 0.0, [], 0
    for _ in range(60):
        mpqn = int(generator.integers(250_000, 800_000))
        track.append(mido.MetaMessage("set_tempo", tempo=mpqn, time=0))
        track.append(mido.Message("note_on", note=76, velocity=120, time=rest))
        time += rest * mpqn / 480e6
        onsets.append(time)
        track.append(mido.Message("note_off", note=76, time=60))
        rest = int(generator.integers(200, 500))
        time += 60 * mpqn / 480e6
    midi = mido.MidiFile(type=0, ticks_per_beat=480)
    midi.tracks.append(track)
    midi.save(path)
    return onsets


def heard(sound: np.ndarray, onsets: list[float]) -> np.ndarray:
    """When the block near each of *onsets* is first heard, in seconds."""
    level = np.abs(sound if sound.ndim == 1 else sound.mean(axis=1))
    found = []
    for onset in onsets:
        start = max(0, round((onset - 0.03) * RATE))
        window = level[start : start + round(0.08 * RATE)]
        if window.max(initial=0.0) < 1e-4:
            found.append(np.nan)  # Cut off.
            continue
        found.append((start + int(np.argmax(window > 0.2 * window.max()))) / RATE)
    return np.array(found)


def signal_to_noise(lossless: Path, lossy: Path) -> float:
    """Signal to noise of what *lossy* decodes to, in dB."""
    sound = soundfile.read(lossless, dtype="float32")[0]
    back = soundfile.read(lossy, dtype="float32")[0]
    length = min(len(sound), len(back))
    sound, back = sound[:length], back[:length]
    if sound.ndim < back.ndim:
        back = back.mean(axis=1)
    return float(10 * np.log10(np.mean(sound**2) / np.mean((sound - back) ** 2)))


def measured(player: str, midi: Path, bank: Path, folder: Path) -> Row:
    """The row of one player."""
    wav, mp3, struck = (
        folder / f"sound.{player.strip()}{end}" for end in (".wav", ".mp3", "-c.wav")
    )
    onsets = np.array(clicks(folder / "clicks.mid"))
    cost = rendered(player, midi, bank, wav)
    if player in (OURS, OURS_THERE):
        whole = rendered(player, midi, bank, mp3)
    else:
        whole = cost.then(run([*LAME, str(wav), str(mp3)]))
    rendered(player, folder / "clicks.mid", bank, struck)
    found = heard(soundfile.read(struck, dtype="float32")[0], onsets.tolist())
    sound = np.abs(soundfile.read(wav, dtype="float32")[0])
    tail = len(sound) / RATE - mido.MidiFile(midi).length
    end = float(20 * np.log10(sound[-RATE // 100 :].max() / sound.max() + 1e-6))
    return Row(cost, whole, found - onsets, tail, end, signal_to_noise(wav, mp3))


def encoding(folder: Path, wav: Path) -> None:
    """Bit rate, CPU and signal to noise of our MP3 and of lame's, of the same sound.

    Ours is timed within this process, as Python's start is none of the encoder's.
    """
    mine, lame = folder / "mine.mp3", folder / "lame.mp3"
    blocks = list(soundfile.blocks(wav, BLOCK, dtype="float32", always_2d=True))
    settings = encoding_for("mp3", RATE, None, "good")

    def encode() -> None:
        with settings.open(mine) as encoder:
            for block in blocks:
                encoder.write(block)

    print(f"\nMP3 of the same sound ({' '.join(LAME[2:])})   kbps   CPU s   SNR dB")
    rows = [("ours", cpu_seconds(encode, repeat=3), mine)]
    try:
        costs = [run([*LAME, str(wav), str(lame)]).cpu for _ in range(3)]
        rows.append(("lame", statistics.median(costs), lame))
    except FailedError as error:
        print(f"  {error}")
    for name, cpu, path in rows:
        kbps = path.stat().st_size * 8 / soundfile.info(wav).duration / 1000
        print(f"  {name:<31} {kbps:6.0f} {cpu:7.2f} {signal_to_noise(wav, path):8.1f}")


def main() -> None:
    named = [Path(word) for word in sys.argv[1:] if word.lower().endswith((".mid", ".midi"))]
    midi = named[0] if named else DATA / "maple-leaf-rag.mid"
    bank = find().path
    print(f"{midi.name}, {mido.MidiFile(midi).length:.0f} s; {bank.name}")
    print(f"ours with FluidSynth {library().version}; the same settings for its command line")
    print("MP3: ours, and of the others their WAV through lame with our settings")
    print("                     WAV             MP3          onset error ms      tail")
    print("                CPU s   MB    CPU s   MB SNR dB    mean    max       s   dB  CPU / CLI")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        attack, base = 0.0, None
        for player in PLAYERS:
            try:
                row = measured(player, midi, bank, folder)
            except FailedError as error:
                print(f"{player:<15} {error}", flush=True)
                continue
            if player == OURS:
                # The block's own attack: ours strikes the first one at frame 0 exactly.
                attack = row.onsets[0]
            if player == CLI:
                base = row.wav.cpu
            show(player, row, attack, base)
        encoding(folder, folder / "sound.ours.wav")


def show(player: str, row: Row, attack: float, base: float | None) -> None:
    """One line of the table; *base* are the CLI's CPU seconds, where it has run."""
    errors = np.abs(row.onsets - attack) * 1000
    lost = np.isnan(errors).sum()
    print(
        f"{player:<15}{row.wav.cpu:6.1f} {row.wav.peak:4.0f} {row.mp3.cpu:8.1f} {row.mp3.peak:4.0f}"
        f" {row.ratio:6.1f} {np.nanmean(errors):7.2f} {np.nanmax(errors):6.2f} {row.tail:7.1f}"
        f" {row.end:4.0f}"
        f" {f'{row.wav.cpu / base:10.2f}' if base else ''}"
        + (f"  {lost} of {len(errors)} onsets are missing" if lost else ""),
        flush=True,
    )


if __name__ == "__main__":
    main()
