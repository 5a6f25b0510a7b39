"""Sound files: a performance rendered to WAV, FLAC, OGG or MP3, written whole or not at all."""

from __future__ import annotations

import importlib
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, BinaryIO

import numpy as np

from music21_lstm.audio import soundfonts
from music21_lstm.audio.libfluidsynth import library
from music21_lstm.audio.ogg import set_serial
from music21_lstm.audio.synth import BLOCK, Block, SynthSettings, synthesize
from music21_lstm.audio.timeline import SynthEvent, timeline
from music21_lstm.encoding.events import NoteOn
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import AudioError, FileError, SoundfontError
from music21_lstm.files import whole_file

__all__ = ["FORMATS", "LONGEST_SECONDS", "PEAK_DBFS", "AudioFormat", "RenderResult", "render"]

PEAK_DBFS = -1.0
"""The loudest sample of a normalized file, in dB relative to full scale."""

LONGEST_SECONDS = 3 * 60 * 60.0
"""The longest music that is rendered: at 96 kHz more would not fit into a WAV file."""

_INAUDIBLE = 1e-6  # −120 dBFS: less than this is what a reverberation of nothing leaves.


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A kind of sound file, in libsndfile's words.

    *compression* is 0 for the best and largest, 1 for the smallest; *rates* are the sample rates
    that it can have, empty if any.
    """

    container: str
    subtype: str
    compression: float | None = None
    rates: tuple[int, ...] = ()


FORMATS = {
    "wav": AudioFormat("WAV", "PCM_16"),
    "flac": AudioFormat("FLAC", "PCM_16"),
    "ogg": AudioFormat("OGG", "VORBIS", 0.4),
    "mp3": AudioFormat(
        "MP3",
        "MPEG_LAYER_III",
        0.0,
        (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ),
}
"""The formats by the suffix that stands for them."""


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What was written: *duration* in seconds, the tail included, *peak* in dBFS.

    *path* is None where the sound went into an open file; *complete* is false where
    ``max_duration`` cut the music short.
    """

    path: Path | None
    format: str
    duration: float
    peak: float
    sample_rate: int
    complete: bool
    soundfont: Path
    library: str
    library_version: str


def render(
    performance: Performance,
    target: str | os.PathLike[str] | BinaryIO,
    *,
    soundfont: str | os.PathLike[str] | None = None,
    sample_rate: int = 44100,
    gain: float = 0.5,
    program: int = 0,
    format: str | None = None,
    normalize: bool = True,
    max_duration: float | None = None,
) -> RenderResult:
    """Render a performance to a sound file, by its own tempo map, pedal and reverberation included.

    Args:
        performance: what is played.
        target: a path whose suffix says the format, or a binary file that is open for writing (it
            need not be seekable; give *format*).
        soundfont: a bank's path or name; without it the environment's or the bundled one.
        sample_rate: frames a second, 8000 to 96000.
        gain: FluidSynth's gain, above 0 and at most 10; what counts when *normalize* is false.
        program: the instrument, a General MIDI program from 0 (the piano) to 127.
        format: ``wav``, ``flac``, ``ogg`` or ``mp3``, whatever the suffix.
        normalize: bring the loudest sample to −1 dBFS; if false it is only kept from going above.
        max_duration: render no more than the first so many seconds of the music; its tail comes
            on top.

    Raises:
        AudioError: nothing would be heard, or an option is out of its range.
        SoundfontError: the bank is none, or lacks the program.
        FluidSynthError: the FluidSynth library is missing.
        FileError: the target cannot be written; an existing one is left as it was.

    """
    name, kind = _format_of(target, format)
    settings = SynthSettings(sample_rate, gain)
    if kind.rates and sample_rate not in kind.rates:
        rates = ", ".join(map(str, kind.rates))
        raise AudioError(f"{name} cannot have {sample_rate} frames a second; it can have {rates}")
    bank = _bank(soundfont, program)
    events = _events(performance, sample_rate, program, max_duration)
    used = library()
    with _destination(target, name) as path:
        blocks = synthesize(events, bank, settings)
        peak, frames = _write(blocks, path, kind, sample_rate, normalize)
    return RenderResult(
        path=Path(target) if isinstance(target, str | os.PathLike) else None,
        format=name,
        duration=frames / sample_rate,
        peak=20 * math.log10(peak),
        sample_rate=sample_rate,
        complete=max_duration is None or performance.seconds <= max_duration,
        soundfont=bank.path,
        library=used.path,
        library_version=used.version,
    )


def _format_of(
    target: str | os.PathLike[str] | BinaryIO, asked: str | None
) -> tuple[str, AudioFormat]:
    """The format that is asked for, or that the suffix of *target* stands for."""
    known = ", ".join(FORMATS)
    if asked is not None:
        name, what = asked.lower().removeprefix("."), f"format {asked!r}"
    elif isinstance(target, str | os.PathLike):
        suffix = Path(target).suffix
        name, what = suffix[1:].lower(), f"{os.fspath(target)}: the suffix {suffix!r}"
    else:
        raise AudioError(f"sound for an open file needs a format: one of {known}")
    if name not in FORMATS:
        raise AudioError(f"{what} is no sound format; use one of {known}")
    kind = FORMATS[name]
    if not _soundfile().check_format(kind.container, kind.subtype):
        raise AudioError(
            f"the libsndfile in use cannot write {name}; pip install --upgrade soundfile"
        )
    return name, kind


def _bank(asked: str | os.PathLike[str] | None, program: int) -> soundfonts.Soundfont:
    """The bank to use, which must have *program*."""
    bank = soundfonts.find(asked)
    if program in bank.programs:
        return bank
    raise SoundfontError(
        f"{bank.path}: there is no program {program} in this soundfont; it has "
        f"{_ranges(sorted(bank.programs)) or 'none in bank 0'}"
    )


def _ranges(numbers: list[int]) -> str:
    """Ascending whole numbers in few words.

    >>> _ranges([0, 1, 2, 24, 40, 41])
    '0-2, 24, 40-41'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


def _events(
    performance: Performance, sample_rate: int, program: int, max_duration: float | None
) -> list[SynthEvent]:
    """The messages to render, of which there is a note, and which last no longer than allowed."""
    if not any(event.__class__ is NoteOn for event in performance.events):
        raise AudioError("the performance has no notes; there is nothing to hear")
    if max_duration is not None and not max_duration > 0:
        raise AudioError(f"max_duration is {max_duration}; it must be a number of seconds above 0")
    events = timeline(performance, sample_rate, program=program, until=max_duration)
    seconds = events[-1].frame / sample_rate
    if seconds > LONGEST_SECONDS:
        raise AudioError(
            f"the music lasts {seconds / 3600:,.1f} hours and at most {LONGEST_SECONDS / 3600:.0f} "
            "are rendered; give max_duration= in seconds to hear the beginning"
        )
    return events


@contextmanager
def _destination(target: str | os.PathLike[str] | BinaryIO, suffix: str) -> Iterator[Path]:
    """A path to write to, whose bytes come to *target* when the block ends well.

    An encoder goes back to fill in its header, so even what goes to a pipe or a device becomes a
    file first; and a device must not be replaced by a file.
    """
    if isinstance(target, str | os.PathLike):
        path = Path(target)
        if path.is_dir() or path.is_file() or not path.exists():
            with whole_file(path) as temporary:
                yield temporary
            return
    with tempfile.TemporaryDirectory(prefix="music21-lstm-") as folder:
        path = Path(folder, f"sound.{suffix}")
        yield path
        try:
            with path.open("rb") as source, _opened(target) as sink:
                shutil.copyfileobj(source, sink)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise FileError(f"the sound cannot be written: {error.strerror or error}") from error


def _opened(target: str | os.PathLike[str] | BinaryIO) -> AbstractContextManager[BinaryIO]:
    if isinstance(target, str | os.PathLike):
        return Path(target).open("wb")
    return nullcontext(target)


def _write(
    blocks: Iterable[Block], path: Path, kind: AudioFormat, sample_rate: int, normalize: bool
) -> tuple[float, int]:
    """Encode *blocks* into *path*; the peak of what was written, and the number of frames.

    The peak is known only at the end. Keeping the sound in a file until then costs 21 MB of disk a
    minute; rendering it a second time would double the work. The file is beside the target, as a
    temporary folder may be in memory, and has no name, so that a killed process leaves none.
    """
    with tempfile.TemporaryFile(dir=path.parent) as raw:
        peak, frames = 0.0, 0
        for block in blocks:
            peak = max(peak, float(np.abs(block).max(initial=0.0)))
            frames += len(block)
            raw.write(block.data)
        if peak < _INAUDIBLE:
            raise AudioError(
                "the result is silent: the soundfont has no sound for these notes, or the "
                "controllers turn it off; choose another program or soundfont"
            )
        wanted = 10 ** (PEAK_DBFS / 20)
        scale = wanted / peak if normalize else min(1.0, wanted / peak)
        raw.seek(0)
        _encode(raw, scale, path, kind, sample_rate)
        return peak * scale, frames


def _encode(raw: IO[bytes], scale: float, path: Path, kind: AudioFormat, sample_rate: int) -> None:
    """Encode the float32 frames of *raw*, scaled.

    A lossy encoder gets float32: of 16-bit stereo libsndfile's MP3 encoder makes noise. For WAV and
    FLAC they are rounded here, as libsndfile rounds them down in the one and not in the other.
    """
    soundfile = _soundfile()
    factor, exact = np.float32(scale), kind.subtype == "PCM_16"
    try:
        with soundfile.SoundFile(
            path,
            "w",
            sample_rate,
            channels=2,
            subtype=kind.subtype,
            format=kind.container,
            compression_level=kind.compression,
        ) as sink:
            while data := raw.read(BLOCK * 8):
                block = np.frombuffer(data, np.float32).reshape(-1, 2) * factor
                sink.write(np.rint(block * 32767).astype(np.int16) if exact else block)
    except soundfile.LibsndfileError as error:
        raise FileError(
            f"{path.parent}: the sound cannot be encoded there ({error}); is the disk full?"
        ) from error
    if kind.container == "OGG":
        with path.open("r+b") as file:
            set_serial(file, 0)


def _soundfile() -> ModuleType:
    """The module ``soundfile``, which loads libsndfile."""
    try:
        return importlib.import_module("soundfile")
    except (ImportError, OSError) as error:
        raise AudioError(
            f"soundfile cannot be loaded ({error}); pip install --force-reinstall soundfile"
        ) from error
