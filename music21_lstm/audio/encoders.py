"""Kinds of sound files, and how blocks of sound get into them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import BinaryIO, Protocol

import numpy as np

from music21_lstm.audio.mp3 import RATES as MP3_RATES
from music21_lstm.audio.mp3 import Lame, LameSettings
from music21_lstm.audio.ogg import set_serial
from music21_lstm.audio.synth import BLOCK, Block
from music21_lstm.errors import AudioError, FileError

__all__ = ["FORMATS", "QUALITIES", "AudioFormat", "Encoding", "decoded_blocks", "encoding_for"]

QUALITIES = ("draft", "good", "best")

Depth = int | str


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """A kind of sound file, in libsndfile's words.

    *subtypes* are its sample formats by their depth in bits; *compression* says of each quality how
    much smaller the file is made, from 0 to 1; *rates* are the frames a second that it can have,
    empty if any.
    """

    container: str
    subtypes: dict[str, str]
    compression: tuple[float, float, float] | None = None
    rates: tuple[int, ...] = ()
    sample_rate: int = 44100

    @property
    def lossy(self) -> bool:
        """Whether decoding gives less than what was encoded."""
        return self.compression is not None or self.container == "MP3"


FORMATS = {
    "wav": AudioFormat("WAV", {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}),
    "flac": AudioFormat("FLAC", {"16": "PCM_16", "24": "PCM_24"}),
    "ogg": AudioFormat("OGG", {"": "VORBIS"}, (0.7, 0.4, 0.1)),
    "opus": AudioFormat(
        "OGG", {"": "OPUS"}, (0.9, 0.7, 0.4), (8000, 12000, 16000, 24000, 48000), 48000
    ),
    "mp3": AudioFormat("MP3", {"": "MPEG_LAYER_III"}, None, MP3_RATES),
}
"""The formats by the suffix that stands for them."""

_LAME = {
    "draft": LameSettings(128, None, 7),
    "good": LameSettings(None, 1, 5),
    "best": LameSettings(320, None, 3),
}
_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file is encoded: a *kind* named *name*, with the options that it takes."""

    name: str
    kind: AudioFormat
    subtype: str
    sample_rate: int
    quality: int | str

    def open(self, path: Path) -> Encoder:
        """An encoder that writes to *path*."""
        return _Mp3(path, self) if self.name == "mp3" else _Soundfile(path, self)


class Encoder(Protocol):
    """Takes blocks of float32; leaving the ``with`` block completes the file."""

    def write(self, block: Block) -> None:
        """Encode the frames that come next."""

    def __enter__(self) -> Encoder: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def encoding_for(
    name: str, sample_rate: int | None, bits: Depth | None, quality: int | str
) -> Encoding:
    """The encoding that is asked for.

    Raises:
        AudioError: the format cannot have this sample rate, depth or quality; or libsndfile cannot
            write it.

    >>> encoding_for("opus", None, None, "good").sample_rate
    48000

    """
    kind = FORMATS[name]
    rate = kind.sample_rate if sample_rate is None else sample_rate
    if kind.rates and rate not in kind.rates:
        rates = ", ".join(map(str, kind.rates))
        raise AudioError(f"{name} cannot have {rate} frames a second; it can have {rates}")
    wanted = next(iter(kind.subtypes)) if bits is None else str(bits)
    if wanted not in kind.subtypes:
        known = " or ".join(filter(None, kind.subtypes))
        raise AudioError(
            f"{name} cannot have bits={bits}; "
            + (f"it can have {known}" if known else "what it loses is said by quality=")
        )
    _check_quality(name, quality)
    subtype = kind.subtypes[wanted]
    if name != "mp3" and not soundfile().check_format(kind.container, subtype):
        raise AudioError(
            f"the libsndfile in use cannot write {name}; pip install --upgrade soundfile"
        )
    return Encoding(name, kind, subtype, rate, quality)


def _check_quality(name: str, quality: int | str) -> None:
    known = ", ".join(QUALITIES)
    if isinstance(quality, str):
        if quality not in QUALITIES:
            raise AudioError(f"quality is {quality!r}; it must be one of {known}")
    elif name != "mp3":
        raise AudioError(f"a quality in kbps is for MP3; for {name} it is one of {known}")
    elif quality not in _KBPS:
        rates = ", ".join(map(str, _KBPS))
        raise AudioError(f"MP3 cannot have {quality} kbps; it can have {rates}, or {known}")


class _Mp3:
    """MP3 through LAME."""

    def __init__(self, path: Path, encoding: Encoding) -> None:
        quality = encoding.quality
        settings = _LAME[quality] if isinstance(quality, str) else LameSettings(quality, None, 5)
        if settings.kbps is not None and encoding.sample_rate < 32000:
            # Below 32 kHz the format has no more than 160 kbps, below 16 kHz 64.
            most = 160 if encoding.sample_rate >= 16000 else 64
            settings = settings._replace(kbps=min(settings.kbps, most))
        self._path = path
        try:
            self._file: BinaryIO = path.open("w+b")
        except OSError as error:
            raise _unwritable(path, error) from error
        self._lame = Lame(self._file, encoding.sample_rate, settings)

    def __enter__(self) -> Encoder:
        return self

    def write(self, block: Block) -> None:
        """Encode the frames that come next."""
        try:
            self._lame.write(block)
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                self._lame.finish()


class _Soundfile:
    """All but MP3, through libsndfile.

    A lossy encoder gets float32. Whole numbers are rounded here, as libsndfile rounds them down in
    WAV and not in FLAC.
    """

    def __init__(self, path: Path, encoding: Encoding) -> None:
        compression = encoding.kind.compression
        quality = QUALITIES.index(encoding.quality) if isinstance(encoding.quality, str) else 1
        self._path, self._kind = path, encoding.kind
        self._subtype = encoding.subtype
        self._errors = soundfile().LibsndfileError
        try:
            self._file = soundfile().SoundFile(
                path,
                "w",
                encoding.sample_rate,
                channels=2,
                subtype=encoding.subtype,
                format=encoding.kind.container,
                compression_level=compression[quality] if compression else None,
            )
        except self._errors as error:
            raise _unwritable(path, error) from error

    def __enter__(self) -> Encoder:
        return self

    def write(self, block: Block) -> None:
        """Encode the frames that come next."""
        try:
            self._file.write(_whole(block, self._subtype))
        except self._errors as error:
            raise _unwritable(self._path, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._file.close()
        except self._errors as failed:
            raise _unwritable(self._path, failed) from failed
        if error is None and self._kind.container == "OGG":
            with self._path.open("r+b") as file:
                set_serial(file, 0)


def _whole(block: Block, subtype: str) -> Block | np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """*block* as the whole numbers of a subtype that has them; 24 bits are the upper of 32."""
    if subtype == "PCM_16":
        return np.rint(block * 32767).astype(np.int16)  # type: ignore[return-value]
    if subtype == "PCM_24":
        return np.rint(block.astype(np.float64) * 8388607).astype(np.int32) << 8
    return block


def decoded_blocks(path: Path) -> list[Block]:
    """What a file that was written sounds like, block by block."""
    with soundfile().SoundFile(path) as file:
        return list(file.blocks(BLOCK, dtype="float32", always_2d=True))


def _unwritable(path: Path, error: Exception) -> FileError:
    return FileError(
        f"{path.parent}: the sound cannot be encoded there ({error}); is the disk full?"
    )


def soundfile() -> ModuleType:
    """The module ``soundfile``, which loads libsndfile."""
    try:
        return importlib.import_module("soundfile")
    except (ImportError, OSError) as error:
        raise AudioError(
            f"soundfile cannot be loaded ({error}); pip install --force-reinstall soundfile"
        ) from error
