"""What turns MIDI into sound: ours and its peers, each as commands that are run and measured."""

import ctypes.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from music21_lstm.audio.libfluidsynth import VARIABLE

RATE = 44100
INSTALL = (
    "pip install midi2audio pretty_midi pyfluidsynth 'symusic<0.6' mido; "
    "pip install --no-deps tinysoundfont"
)
"""symusic 0.6.0 cannot hand its sound over; tinysoundfont's own dependency pyaudio has to be compiled,
and is not needed to render."""

PYTHON = os.environ.get("PEERS_PYTHON", sys.executable)
"""The Python that has the peers: an environment of their own leaves ours as it is."""

SCRIPTS = {
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

# The polyphony and the reverberation that ours has: settings of equal quality.
SETTINGS = {
    "synth.polyphony": 512,
    "synth.reverb.room-size": 0.6,
    "synth.reverb.damp": 0.3,
    "synth.reverb.width": 0.8,
    "synth.reverb.level": 0.7,
}
OURS, OURS_THERE, CLI, LEAN_CLI = "ours", "  CLI's library", "fluidsynth CLI", "  loading less"
"""Ours with its own choice of library and with the one that the CLI uses; the CLI as it comes, and
told to decode only the samples that it needs, as ours does."""

PLAYERS = (OURS, OURS_THERE, CLI, LEAN_CLI, *SCRIPTS)
LAME = ("lame", "--silent", "-V1", "-q5")
"""lame's settings that ours has for quality "good"."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds, and the most megabytes that a process took at a time."""

    cpu: float
    peak: float

    def then(self, other: "Cost") -> "Cost":
        """This, and afterwards the *other*."""
        return Cost(self.cpu + other.cpu, max(self.peak, other.peak))


class FailedError(Exception):
    """A tool is missing or fails; the words say which."""


def command(player: str, source: Path, bank: Path, target: Path) -> list[str]:
    """What makes *player* render *source*."""
    if player in (OURS, OURS_THERE):
        start = [sys.executable, "-m", "music21_lstm", "render", "--quiet"]
        if player == OURS_THERE:
            there = ctypes.util.find_library("fluidsynth") or "none"
            start = ["env", f"{VARIABLE}={there}", *start]
        return [*start, str(source), "-o", str(target), "--soundfont", str(bank)]
    if player in SCRIPTS:
        return [PYTHON, "-c", SCRIPTS[player], str(source), str(bank), str(target)]
    settings = {**SETTINGS, "synth.dynamic-sample-loading": int(player == LEAN_CLI)}
    words = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    return [
        *("fluidsynth", "-ni", "-q", "-g", "0.5", "-r", str(RATE), *words),
        *("-T", "wav", "-O", "s16", "-F", str(target), str(bank), str(source)),
    ]


# A process starts with the peak of the one that it was forked from: so from a small one.
LAUNCH = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
"""


def run(words: list[str]) -> Cost:
    """What a process costs."""
    if shutil.which(words[0]) is None:
        raise FailedError(f"{words[0]} is not installed")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCH, *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    status, cpu, peak = map(float, done.stdout.split())
    if status != 0:
        lines = done.stderr.strip().splitlines() or [f"status {status:.0f}"]
        raise FailedError(f"fails: {next((x for x in lines if 'Error:' in x), lines[-1])}")
    # Linux counts in units of 1024 bytes, macOS in bytes.
    return Cost(cpu, peak * (1 if sys.platform == "darwin" else 1024) / 1e6)


def rendered(player: str, source: Path, bank: Path, target: Path) -> Cost:
    """What it costs *player* to render *source*."""
    if player in SCRIPTS:
        known = subprocess.run([PYTHON, "-c", f"import {player}"], capture_output=True, check=False)
        if known.returncode:
            raise FailedError(f"not installed: {INSTALL}")
    cost = run(command(player, source, bank, target))
    if not target.is_file():
        raise FailedError("fails, and says nothing")
    return cost
