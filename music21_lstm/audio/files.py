"""Sound files: music rendered to WAV, FLAC, OGG, Opus or MP3, written whole or not at all."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from music21_lstm.audio import soundfonts
from music21_lstm.audio.encoders import Encoding, encoding_for
from music21_lstm.audio.ensemble import Ensemble, ensemble_of
from music21_lstm.audio.instruments import Orchestra
from music21_lstm.audio.levels import Envelope
from music21_lstm.audio.libfluidsynth import library
from music21_lstm.audio.mastering import Level, Mastered, master
from music21_lstm.audio.synth import SynthReport, SynthSettings, keep, synthesize, warm
from music21_lstm.audio.tags import Tags, write_tags
from music21_lstm.audio.targets import Target, destination, format_of
from music21_lstm.audio.timeline import Status, SynthEvent, timeline
from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import AudioError

__all__ = [
    "LONGEST_SECONDS",
    "RenderResult",
    "Target",
    "render",
    "render_bytes",
    "render_stems",
]

LONGEST_SECONDS = 3 * 60 * 60.0
"""The longest music that is rendered: at 96 kHz more would not fit into a WAV file."""

Normalize = bool | Literal["peak", "loudness"]


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What was written, and with what.

    *duration* is in seconds, the tail included; *peak* in dBFS (with ``normalize="loudness"`` the
    true peak of the file as it decodes), *loudness* in LUFS, *gain* in dB: what was added to what
    FluidSynth gave. *voices* is the most that sounded at a time. *missing_programs* are banks and
    programs that the soundfont lacks, for which others stood in. *path* is None where the sound
    went into an open file; *complete* is false where ``max_duration`` cut the music short.
    """

    path: Path | None
    format: str
    duration: float
    peak: float
    loudness: float
    gain: float
    sample_rate: int
    complete: bool
    voices: int
    missing_programs: tuple[tuple[int, int], ...]
    soundfont: Path
    soundfont_sha256: str
    library: str
    library_version: str


@dataclass(frozen=True, slots=True)
class _Options:
    """What is the same for a mix and its stems."""

    encoding: Encoding
    bank: soundfonts.Soundfont
    settings: SynthSettings
    program: int | None
    max_duration: float | None
    tags: Tags


def render(
    performance: Performance | Ensemble,
    target: Target,
    *,
    soundfont: str | os.PathLike[str] | None = None,
    sample_rate: int | None = None,
    gain: float = 0.5,
    program: int | None = None,
    format: str | None = None,
    normalize: Normalize = True,
    max_duration: float | None = None,
    bits: int | str | None = None,
    quality: int | str = "good",
    click: bool = False,
    count_in: int = 0,
    tags: Tags | None = None,
) -> RenderResult:
    """Render music to a sound file, by its own tempo map, pedal and reverberation included.

    Args:
        performance: what is played: a performance, or an ensemble with an instrument for each part.
        target: a path whose suffix says the format, or a binary file that is open for writing (it
            need not be seekable; give *format*).
        soundfont: a bank's path or name; without it the environment's or the bundled one.
        sample_rate: frames a second, 8000 to 96000; 44100 if not said, for Opus 48000.
        gain: FluidSynth's gain, above 0 and at most 10; what counts when *normalize* is false.
        program: one instrument for all but percussion, a General MIDI program from 0 (the piano) to
            127; without it each part's own.
        format: ``wav``, ``flac``, ``ogg``, ``opus`` or ``mp3``, whatever the suffix.
        normalize: true or ``"peak"`` brings the loudest sample to −1 dBFS; ``"loudness"`` the whole
            to −16 LUFS (ITU-R BS.1770) with a true peak below −1 dBFS; if false the sound is only
            kept from going above that.
        max_duration: render no more than the first so many seconds of the music; its tail comes
            on top.
        bits: of WAV 16, 24 or ``"float"``, of FLAC 16 or 24.
        quality: ``"draft"``, ``"good"`` or ``"best"``; of MP3 also a constant number of kbps.
        click: beat time on wood blocks meanwhile.
        count_in: bars of clicks before the music.
        tags: what the file says of itself; without it what the music does.

    Raises:
        AudioError: nothing would be heard, or an option is out of its range.
        SoundfontError: the bank is none, or lacks the program.
        FluidSynthError: the FluidSynth library is missing.
        FileError: the target cannot be written; an existing one is left as it was.

    """
    ensemble = _ensemble(performance)
    options = _options(
        ensemble,
        format_of(target, format),
        tags,
        soundfont=soundfont,
        sample_rate=sample_rate,
        gain=gain,
        program=program,
        max_duration=max_duration,
        bits=bits,
        quality=quality,
    )
    if click:
        ensemble = ensemble.with_click()
    if count_in:
        ensemble = ensemble.counted_in(count_in)
    return _render(ensemble, target, options, _level(normalize))[0]


def render_bytes(performance: Performance | Ensemble, format: str = "mp3", **options: Any) -> bytes:
    """The bytes of a sound file, for a page or a notebook; *options* are those of :func:`render`.

    >>> from music21_lstm.encoding import NoteOff, NoteOn
    >>> render_bytes(Performance(480, [NoteOn(0, 60, 80), NoteOff(480, 60)]), "flac")[:4]
    b'fLaC'
    """
    buffer = io.BytesIO()
    render(performance, buffer, format=format, **options)
    return buffer.getvalue()


def render_stems(
    performance: Performance | Ensemble,
    target: str | os.PathLike[str],
    *,
    normalize: Normalize = True,
    format: str | None = None,
    tags: Tags | None = None,
    **options: Any,
) -> list[RenderResult]:
    """Render *performance* to *target*, and each of its parts to a file of its own beside it.

    ``quartet.flac`` gets ``quartet-1-Violin I.flac`` and so on. All have the level that the whole
    needs, so that the parts laid over one another are the whole. *options* are those of
    :func:`render`, but without click and count-in. The first result is the whole's.
    """
    ensemble = _ensemble(performance)
    path = Path(target)
    common = _options(ensemble, format_of(path, format), tags, **options)
    with warm():
        return list(_whole_and_stems(ensemble, path, common, _level(normalize)))


def _whole_and_stems(
    ensemble: Ensemble, path: Path, options: _Options, level: Level
) -> Iterator[RenderResult]:
    whole, envelope = _render(ensemble, path, options, level)
    yield whole
    for number, part in enumerate(ensemble.parts, 1):
        if not part.sounds:
            continue
        name = re.sub(r"[^\w .\-]", "", part.name).strip(" .")
        stem = path.with_name(f"{path.stem}-{number}{'-' if name else ''}{name}{path.suffix}")
        title = " – ".join(filter(None, [options.tags.title, part.name]))
        own = replace(options, tags=replace(options.tags, title=title))
        yield _render(replace(ensemble, parts=(part,)), stem, own, envelope)[0]


def _ensemble(performance: Performance | Ensemble) -> Ensemble:
    return ensemble_of(performance) if isinstance(performance, Performance) else performance


def _options(
    ensemble: Ensemble,
    name: str,
    tags: Tags | None,
    *,
    soundfont: str | os.PathLike[str] | None = None,
    sample_rate: int | None = None,
    gain: float = 0.5,
    program: int | None = None,
    max_duration: float | None = None,
    bits: int | str | None = None,
    quality: int | str = "good",
) -> _Options:
    """The options checked, before anything is made."""
    encoding = encoding_for(name, sample_rate, bits, quality)
    settings = SynthSettings(encoding.sample_rate, gain)
    if not any(part.sounds for part in ensemble.parts):
        raise AudioError("the performance has no notes; there is nothing to hear")
    if max_duration is not None and not max_duration > 0:
        raise AudioError(f"max_duration is {max_duration}; it must be a number of seconds above 0")
    bank = soundfonts.find(soundfont)
    if program is not None:
        Orchestra(bank).check(program)
    if tags is None:
        tags = Tags(ensemble.title, ensemble.composer, comment=ensemble.comment)
    if not tags.software:
        tags = replace(tags, software=f"music21-lstm, FluidSynth {library().version}")
    return _Options(encoding, bank, settings, program, max_duration, tags)


def _level(normalize: Normalize) -> Level:
    levels: dict[object, Level] = {
        True: "peak", False: "limit", "peak": "peak", "loudness": "loudness",
    }  # fmt: skip
    if normalize not in levels:
        raise AudioError(
            f"normalize is {normalize!r}; it must be True, False, 'peak' or 'loudness'"
        )
    return levels[normalize]


def _render(
    ensemble: Ensemble, target: Target, options: _Options, level: Level
) -> tuple[RenderResult, Envelope]:
    """Render, encode, tag, and put in place; the result, and the gain that was applied."""
    orchestra = Orchestra(options.bank)
    playing = orchestra.seated(ensemble, options.program)
    events = _events(playing, orchestra, options)
    settings = replace(options.settings, channels=max(16, len(playing.parts)))
    used, report = library(), SynthReport()
    keep(options.bank, {(e.first, e.second) for e in events if e.status is Status.PROGRAM})
    with destination(target, options.encoding.name) as path:
        packed = np.array(events, np.int32)
        del events  # An hour of music is a hundred thousand; packed they take a tenth.
        blocks = synthesize(_unpacked(packed), options.bank, settings, report)
        done = master(blocks, path, options.encoding, level)
        write_tags(path, options.encoding.name, options.tags)
    limit, rate = options.max_duration, options.encoding.sample_rate
    result = RenderResult(
        path=Path(target) if isinstance(target, str | os.PathLike) else None,
        format=options.encoding.name,
        duration=done.frames / rate,
        peak=20 * math.log10(done.peak),
        loudness=done.loudness,
        gain=_gain(done),
        sample_rate=rate,
        complete=limit is None or ensemble.seconds <= limit,
        voices=report.voices,
        missing_programs=tuple(sorted(orchestra.missing)),
        soundfont=options.bank.path,
        soundfont_sha256=options.bank.sha256,
        library=used.path,
        library_version=used.version,
    )
    return result, done.envelope


def _unpacked(rows: NDArray[np.int32]) -> Iterator[SynthEvent]:
    for row in rows:
        frame, channel, status, first, second = row.tolist()
        yield SynthEvent(frame, channel, Status(status), first, second)


def _gain(done: Mastered) -> float:
    return 20 * math.log10(done.envelope.scale)


def _events(playing: Ensemble, orchestra: Orchestra, options: _Options) -> list[SynthEvent]:
    """The messages to render, which last no longer than allowed."""
    rate = options.encoding.sample_rate
    events = timeline(playing, rate, until=options.max_duration, resolve=orchestra.resolve)
    seconds = events[-1].frame / rate
    if seconds > LONGEST_SECONDS:
        raise AudioError(
            f"the music lasts {seconds / 3600:,.1f} hours and at most {LONGEST_SECONDS / 3600:.0f} "
            "are rendered; give max_duration= in seconds to hear the beginning"
        )
    return events
