"""MIDI to sound on one bank: ours beside the FluidSynth CLI, midi2audio, pretty_midi and others.

``python -m benchmarks sound FILE.mid`` takes another file. The peers are left out where they are not
installed: ``pip install midi2audio pretty_midi tinysoundfont symusic``, and fluidsynth and lame.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import mido
import numpy as np
import soundfile

from music21_lstm.audio import find, library

DATA = Path(__file__).parent.parent / "tests" / "data"
RATE = 44100
WOODBLOCK = 115

PEERS = {
    "midi2audio": """
import sys
from midi2audio import FluidSynth
FluidSynth(sys.argv[2]).midi_to_audio(sys.argv[1], sys.argv[3])
""",
    "pretty_midi": """
import sys, numpy, pretty_midi, soundfile
sound = pretty_midi.PrettyMIDI(sys.argv[1]).fluidsynth(fs=44100, sf2_path=sys.argv[2])
soundfile.write(sys.argv[3], sound.astype(numpy.float32), 44100)
""",
    "tinysoundfont": """
import sys, mido, numpy, tinysoundfont, soundfile
synth = tinysoundfont.Synth(samplerate=44100)
synth.program_select(0, synth.sfload(sys.argv[2]), 0, 0)
player = tinysoundfont.Sequencer(synth)
player.midi_load(sys.argv[1])
with soundfile.SoundFile(sys.argv[3], "w", 44100, 2) as file:
    # It does not say when it has come to the end: the length and a second more.
    for _ in range(int((mido.MidiFile(sys.argv[1]).length + 1) * 44100 / 64)):
        player.process(64 / 44100)
        file.write(numpy.frombuffer(synth.generate(64), numpy.float32).reshape(-1, 2))
""",
    "symusic": """
import sys, numpy, soundfile, symusic
synth = symusic.Synthesizer(sf_path=sys.argv[2], sample_rate=44100)
soundfile.write(sys.argv[3], numpy.asarray(synth.render(symusic.Score(sys.argv[1]))).T, 44100)
""",
}
CLI_SETTINGS = {
    "synth.polyphony": 512,
    "synth.reverb.room-size": 0.6,
    "synth.reverb.damp": 0.3,
    "synth.reverb.width": 0.8,
    "synth.reverb.level": 0.7,
}


def command_line(midi: Path, bank: Path, target: Path) -> list[str]:
    """The FluidSynth CLI with our settings."""
    settings = [word for name, value in CLI_SETTINGS.items() for word in ("-o", f"{name}={value}")]
    return [
        *("fluidsynth", "-ni", "-q", "-g", "0.5", "-r", str(RATE), *settings),
        *("-T", "wav", "-O", "s16", "-F", str(target), str(bank), str(midi)),
    ]


def run(command: list[str]) -> tuple[float, float] | None:
    """CPU seconds and peak megabytes of a process and its children; None if it failed."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    return (usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024) if status == 0 else None


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


def mp3(folder: Path, wav: Path) -> None:
    """Bit rate, CPU and signal-to-noise of our MP3 and of lame's of the same sound."""
    sound = soundfile.read(wav, dtype="float32")[0]
    encode = (
        "import sys, soundfile; from pathlib import Path\n"
        "from music21_lstm.audio.encoders import encoding_for\n"
        "with encoding_for('mp3', 44100, None, 'good').open(Path(sys.argv[2])) as out:\n"
        "    for block in soundfile.blocks(sys.argv[1], 4096, dtype='float32'): out.write(block)\n"
    )
    nothing = [sys.executable, "-c", encode.partition("with")[0]]
    ours = [sys.executable, "-c", encode, str(wav), str(folder / "ours.mp3")]
    theirs = ["lame", "--silent", "-V1", "-q5", str(wav), str(folder / "lame.mp3")]
    base = run(nothing)
    print("MP3 (variable bit rate 1, effort 5)   kbps   CPU s   SNR dB")
    for name, command, path in (
        ("ours", ours, folder / "ours.mp3"),
        ("lame", theirs, folder / "lame.mp3"),
    ):
        cost = run(command)
        if cost is None:
            print(f"  {name:<33} not installed")
            continue
        # Python's own start is none of the encoder's.
        seconds = cost[0] - (base[0] if base and name == "ours" else 0)
        back = soundfile.read(path, dtype="float32")[0][: len(sound)]
        noise = np.mean((sound[: len(back)] - back) ** 2)
        ratio = 10 * np.log10(np.mean(sound**2) / noise)
        kbps = path.stat().st_size * 8 / (len(sound) / RATE) / 1000
        print(f"  {name:<33} {kbps:6.0f} {seconds:7.2f} {ratio:8.1f}")


def command(tool: str, source: Path, bank: Path, target: Path) -> list[str]:
    """What makes *tool* render *source*."""
    if tool == "fluidsynth CLI":
        return command_line(source, bank, target)
    if tool == "ours":
        start = [sys.executable, "-m", "music21_lstm", "render", "--quiet"]
        return [*start, str(source), "-o", str(target), "--soundfont", str(bank)]
    return [sys.executable, "-c", PEERS[tool], str(source), str(bank), str(target)]


def measure(tool: str, midi: Path, bank: Path, folder: Path) -> dict[str, Any] | None:
    """The row of one tool; None where it is not installed or fails on the bank."""
    target, struck = folder / f"{tool}.wav", folder / f"{tool}-clicks.wav"
    onsets = np.array(clicks(folder / "clicks.mid"))
    cost = run(command(tool, midi, bank, target))
    timed = run(command(tool, folder / "clicks.mid", bank, struck))
    if cost is None or timed is None or not target.is_file():
        return None
    found = heard(soundfile.read(struck, dtype="float32")[0], onsets.tolist())
    return {
        "cpu": cost[0],
        "peak": cost[1],
        "onsets": found - onsets,
        "tail": soundfile.info(target).duration - mido.MidiFile(midi).length,
    }


def main() -> None:
    named = [Path(word) for word in sys.argv[1:] if word.lower().endswith((".mid", ".midi"))]
    midi = named[0] if named else DATA / "maple-leaf-rag.mid"
    bank = find().path
    print(f"{midi.name}, {mido.MidiFile(midi).length:.0f} s; {bank.name}")
    print(f"ours with FluidSynth {library().version}; the same settings for its command line")
    print("                CPU s   / CLI   peak MB   onset error ms (mean, max)   tail s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = measure("ours", midi, bank, folder)
        theirs = measure("fluidsynth CLI", midi, bank, folder)
        if ours is None:
            raise SystemExit("ours failed")
        # The block's own attack: ours strikes the first one at frame 0 exactly.
        attack = ours["onsets"][0]
        for tool in ("ours", "fluidsynth CLI", *PEERS):
            known = {"ours": ours, "fluidsynth CLI": theirs}
            row = known[tool] if tool in known else measure(tool, midi, bank, folder)
            if row is None:
                print(f"{tool:<15} not installed, or it fails on this bank")
                continue
            errors = np.abs(row["onsets"] - attack) * 1000
            lost = np.isnan(errors).sum()
            ratio = f"{row['cpu'] / theirs['cpu']:.2f}" if theirs else "–"
            print(
                f"{tool:<15}{row['cpu']:6.1f} {ratio:>7} {row['peak']:9.0f}"
                f" {np.nanmean(errors):14.2f} {np.nanmax(errors):8.2f} {row['tail']:16.1f}"
                + (f"  {lost} of {len(errors)} onsets are missing" if lost else ""),
                flush=True,
            )
        mp3(folder, folder / "ours.wav")


if __name__ == "__main__":
    main()
