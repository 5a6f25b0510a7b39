"""Synthesis: MIDI messages through FluidSynth, as blocks of sound that flow by.

FluidSynth's own file player is not used: it has had a heap overflow, moves events by 3 ms and need
never end. Messages are sent from here, between grains of 64 frames, and sound is drawn from the
synthesizer block by block, so memory does not grow with the length of the music. One core and a
fixed block size make equal input equal output, for one version of FluidSynth.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from music21_lstm.audio import libfluidsynth
from music21_lstm.audio.soundfonts import Soundfont
from music21_lstm.audio.timeline import GRAIN, Status, SynthEvent
from music21_lstm.errors import AudioError, FluidSynthError, SoundfontError

__all__ = ["BLOCK", "Block", "SynthReport", "SynthSettings", "synthesize", "warm"]

Block: TypeAlias = NDArray[np.float32]
"""Sound of shape (frames, 2): left and right, full scale at ±1 (it may go beyond)."""

BLOCK = 64 * GRAIN
"""Frames in a block."""

SAMPLE_RATES = (8000, 96000)
GAINS = (0.0, 10.0)
TAIL_SECONDS = 10.0
"""The longest tail: what still sounds after the last release, reverberation included."""

SILENCE = 1e-4
"""A tail has ended when no more than this part of the loudest sample is left: −80 dB."""

_INTEGERS = {
    "synth.polyphony": 512,  # A held pedal adds up: two or four voices to a note.
    "synth.cpu-cores": 1,  # More gain nothing here, and are not deterministic.
    "synth.dynamic-sample-loading": 1,  # Only what is played is decoded.
    "synth.lock-memory": 0,
    "synth.reverb.active": 1,
    "synth.chorus.active": 1,
}
_NUMBERS = {  # FluidSynth's own defaults have changed between versions.
    "synth.reverb.room-size": 0.6,
    "synth.reverb.damp": 0.3,
    "synth.reverb.width": 0.8,
    "synth.reverb.level": 0.7,
}


@dataclass(frozen=True, slots=True)
class SynthSettings:
    """How sound is made: frames a second, FluidSynth's *gain* (0 to 10, usually below 1), channels."""

    sample_rate: int = 44100
    gain: float = 0.5
    channels: int = 16

    def __post_init__(self) -> None:
        low, high = SAMPLE_RATES
        if not low <= self.sample_rate <= high:
            raise AudioError(
                f"the sample rate is {self.sample_rate}; it must be {low} to {high} frames a second"
            )
        if not GAINS[0] < self.gain <= GAINS[1]:
            raise AudioError(f"the gain is {self.gain}; it must be above 0 and at most {GAINS[1]}")


@dataclass(slots=True)
class SynthReport:
    """What was seen while the sound was made: the most *voices* that sounded at a time."""

    voices: int = 0


def synthesize(
    events: Iterable[SynthEvent],
    soundfont: Soundfont,
    settings: SynthSettings,
    report: SynthReport | None = None,
) -> Iterator[Block]:
    """The sound of *events*, in order of their frames, block by block.

    A block has :data:`BLOCK` frames at the most. After the last event the tail is played out:
    until it is below −80 dB of the loudest sample, and for ten seconds at the most. The frames of
    *events* must be multiples of 64. *report* is filled on the way.

    Raises:
        FluidSynthError: the library is missing.
        SoundfontError: FluidSynth cannot load the bank, or the bank lacks a program.

    """
    synth = _Synth(soundfont, settings)
    seen = report if report is not None else SynthReport()
    try:
        loudest, quiet = 0.0, 0
        for block in _filled(events, synth):
            seen.voices = max(seen.voices, synth.voices())
            loudest = max(loudest, float(np.abs(block).max(initial=0.0)))
            yield block
        for _ in range(0, round(TAIL_SECONDS * settings.sample_rate), BLOCK):
            block = synth.draw(BLOCK)
            level = float(np.abs(block).max())
            loudest = max(loudest, level)
            # Nothing starts any more: what is as soft as this for two blocks stays so, although the
            # voices of high strings, which have no dampers, go on for seconds.
            quiet = quiet + 1 if level <= SILENCE * loudest else 0
            if quiet == 2:
                return
            yield block
    finally:
        synth.close()


@contextmanager
def warm() -> Iterator[None]:
    """Keep the samples that are decoded within this block until it ends, for the next render.

    FluidSynth shares them between synthesizers; decoding a piano takes two seconds each time.
    """
    kept: dict[Path, tuple[_Synth, set[tuple[int, int]]]] = {}
    token = _kept.set(kept)
    try:
        yield
    finally:
        _kept.reset(token)
        for synth, _ in kept.values():
            synth.close()


def keep(soundfont: Soundfont, presets: Iterable[tuple[int, int]]) -> None:
    """Within :func:`warm`, decode the *presets* (bank and program) and hold them."""
    kept = _kept.get()
    if kept is None:
        return
    if soundfont.path not in kept:
        kept[soundfont.path] = _Synth(soundfont, SynthSettings(channels=_KEPT_PRESETS)), set()
    synth, held = kept[soundfont.path]
    for bank, program in presets:
        if (bank, program) not in held and len(held) < _KEPT_PRESETS:
            synth.send(SynthEvent(0, len(held), Status.PROGRAM, bank, program))
            held.add((bank, program))


def _filled(events: Iterable[SynthEvent], synth: _Synth) -> Iterator[Block]:
    """Blocks of sound up to the last event; the last one may be shorter, or empty."""
    block, filled, now = np.empty((BLOCK, 2), np.float32), 0, 0
    for event in events:
        while now < event.frame:
            count = min(event.frame - now, BLOCK - filled)
            synth.write(block[filled : filled + count])
            now, filled = now + count, filled + count
            if filled == BLOCK:
                yield block
                block, filled = np.empty((BLOCK, 2), np.float32), 0
        synth.send(event)
    yield block[:filled]


_KEPT_PRESETS = 256


class _Synth:
    """A FluidSynth synthesizer with one bank."""

    def __init__(self, soundfont: Soundfont, settings: SynthSettings) -> None:
        self._fluid: ModuleType = libfluidsynth.bindings()
        self._write = _write_float(self._fluid)
        self._soundfont = soundfont
        self._settings = self._fluid.new_fluid_settings()
        channels = -(-settings.channels // 16) * 16  # FluidSynth has them by sixteens.
        for name, number in {**_INTEGERS, "synth.midi-channels": channels}.items():
            self._fluid.fluid_settings_setint(self._settings, name.encode(), number)
        numbers = {
            **_NUMBERS,
            "synth.sample-rate": float(settings.sample_rate),
            "synth.gain": settings.gain,
        }
        for name, value in numbers.items():
            self._fluid.fluid_settings_setnum(self._settings, name.encode(), value)
        self._synth = self._fluid.new_fluid_synth(self._settings)
        if not self._synth:
            self._fluid.delete_fluid_settings(self._settings)
            raise FluidSynthError("FluidSynth cannot make a synthesizer; is there memory left?")
        self._bank = self._fluid.fluid_synth_sfload(self._synth, os.fsencode(soundfont.path), 0)
        if self._bank < 0:
            self.close()
            raise SoundfontError(
                f"{soundfont.path}: FluidSynth {libfluidsynth.library().version} cannot load this "
                "soundfont; try another bank"
            )

    def send(self, event: SynthEvent) -> None:
        """Pass one message on."""
        channel, first, second = event.channel, event.first, event.second
        match event.status:
            case Status.NOTE_ON:
                self._fluid.fluid_synth_noteon(self._synth, channel, first, second)
            case Status.NOTE_OFF:
                self._fluid.fluid_synth_noteoff(self._synth, channel, first)
            case Status.CONTROL:
                self._fluid.fluid_synth_cc(self._synth, channel, first, second)
            case Status.PROGRAM:
                self._select(channel, first, second)
            case Status.BEND:
                self._fluid.fluid_synth_pitch_bend(self._synth, channel, first)
            case Status.PRESSURE:
                self._fluid._fl.fluid_synth_channel_pressure(
                    ctypes.c_void_p(self._synth), channel, first
                )

    def _select(self, channel: int, bank: int, program: int) -> None:
        selected = self._fluid.fluid_synth_program_select(
            self._synth, channel, self._bank, bank, program
        )
        if selected != self._fluid.FLUID_OK:
            raise SoundfontError(
                f"{self._soundfont.path}: the soundfont has no program {program} in bank {bank}; "
                "choose another program or soundfont"
            )

    def write(self, block: Block) -> None:
        """Fill *block*, contiguous and of shape (frames, 2), with the sound that comes next."""
        start = block.ctypes.data
        self._write(self._synth, len(block), start, 0, 2, start, 1, 2)

    def draw(self, count: int) -> Block:
        """The next *count* frames."""
        block = np.empty((count, 2), np.float32)
        self.write(block)
        return block

    def voices(self) -> int:
        """How many voices sound now: two or more a note, where its samples are in stereo."""
        return int(self._fluid._fl.fluid_synth_get_active_voice_count(ctypes.c_void_p(self._synth)))

    def close(self) -> None:
        """Give the memory back."""
        self._fluid.delete_fluid_synth(self._synth)
        self._fluid.delete_fluid_settings(self._settings)


_kept: ContextVar[dict[Path, tuple[_Synth, set[tuple[int, int]]]] | None]
_kept = ContextVar("_kept", default=None)


def _write_float(fluid: ModuleType) -> Callable[..., int]:
    """``fluid_synth_write_float``, which pyfluidsynth does not wrap."""
    integer, pointer = ctypes.c_int, ctypes.c_void_p
    prototype = ctypes.CFUNCTYPE(
        integer, pointer, integer, pointer, integer, integer, pointer, integer, integer
    )
    function: Callable[..., int] = prototype(("fluid_synth_write_float", fluid._fl))
    return function
