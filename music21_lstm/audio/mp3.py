"""MP3 through LAME, with the frame in front that says how long the sound is.

An encoder delays sound by 576 samples and fills the last frame up; and of a variable bit rate no
player can tell the length. LAME's own program therefore puts a frame without sound in front, the
Xing or Info tag, from which a decoder learns what to cut off (gapless playback) and where to seek.
lameenc leaves it out, so it is made here: its layout is the one that LAME's documentation gives.
"""

from __future__ import annotations

import importlib
import struct
from typing import BinaryIO, NamedTuple

import numpy as np

from music21_lstm.audio.synth import Block

__all__ = ["RATES", "Lame", "LameSettings"]

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)

_DELAY = 576
"""Samples that LAME's encoder delays sound by."""

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBPS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_TOC_POINTS = 100


class LameSettings(NamedTuple):
    """*kbps* for a constant bit rate, or *vbr* from 0 (the best) to 9; *effort* 2 (most) to 7."""

    kbps: int | None
    vbr: int | None
    effort: int


class _Frame(NamedTuple):
    """What the header of an MP3 frame says: *size* in bytes, *samples*, bytes of side information."""

    size: int
    samples: int
    side: int


class Lame:
    """Encodes blocks into *file*, which must be seekable: the first frame is written at the end."""

    def __init__(self, file: BinaryIO, sample_rate: int, settings: LameSettings) -> None:
        self._file = file
        encoder = importlib.import_module("lameenc").Encoder()
        encoder.silence()
        encoder.set_channels(2)
        encoder.set_in_sample_rate(sample_rate)
        encoder.set_out_sample_rate(sample_rate)
        if settings.kbps is not None:
            encoder.set_bit_rate(settings.kbps)
        else:
            encoder.set_vbr(4)
            encoder.set_vbr_quality(settings.vbr)
        encoder.set_quality(settings.effort)
        self._encoder, self._variable = encoder, settings.kbps is None
        self._frames = 0
        self._rest = b""
        self._sizes: list[int] = []
        self._front: bytes | None = None

    def write(self, block: Block) -> None:
        """Encode the frames of *block*; beyond full scale they are cut off there."""
        self._frames += len(block)
        whole = np.rint(np.clip(block, -1.0, 1.0) * 32767).astype("<i2")
        self._pour(bytes(self._encoder.encode(whole.tobytes())))

    def finish(self) -> None:
        """Encode what is left, and write the frame in front."""
        self._pour(bytes(self._encoder.flush()))
        if self._front is not None:
            self._file.seek(0)
            self._file.write(self._tag(self._front))

    def _pour(self, data: bytes) -> None:
        """Write *data* on, noting the sizes of the frames that it completes."""
        data = self._rest + data
        place = 0
        while place + 4 <= len(data):
            frame = _frame(data[place : place + 4])
            if place + frame.size > len(data):
                break
            if self._front is None:
                self._front = _silent_header(data[place : place + 4])
                self._file.write(bytes(_frame(self._front).size))
            self._sizes.append(frame.size)
            place += frame.size
        self._file.write(data[:place])
        self._rest = data[place:]

    def _tag(self, header: bytes) -> bytes:
        """The frame in front: number of frames and bytes, points to seek to, delay and padding."""
        size, samples, side = _frame(header)
        padding = max(0, len(self._sizes) * samples - _DELAY - self._frames)
        total = size + sum(self._sizes)
        starts = size + np.concatenate([[0], np.cumsum(self._sizes)])
        places = np.arange(_TOC_POINTS) * len(self._sizes) // _TOC_POINTS
        points = np.minimum(255, starts[places] * 256 // total).astype(np.uint8)
        kind = b"Xing" if self._variable else b"Info"
        tag = kind + struct.pack(">III", 0b0111, len(self._sizes), total) + points.tobytes()
        # The rest is LAME's own; of it decoders read the delays.
        tag += b"LAME3.100" + bytes([0x04 if self._variable else 0x01]) + bytes(11)
        tag += (min(_DELAY, 4095) << 12 | min(padding, 4095)).to_bytes(3, "big") + bytes(4)
        tag += struct.pack(">IH", total, 0)
        front: bytes = header + bytes(side) + tag
        return (front + struct.pack(">H", _crc16(front))).ljust(size, b"\0")


def _frame(header: bytes) -> _Frame:
    """Read the four bytes of a header of layer III."""
    version, bits = header[1] >> 3 & 3, header[2]
    first = version == 3
    rate = _RATES[version][bits >> 2 & 3]
    samples = 1152 if first else 576
    kbps = _KBPS[first][bits >> 4]
    mono = header[3] >> 6 == 3
    side = (17 if mono else 32) if first else (9 if mono else 17)
    return _Frame(samples // 8 * kbps * 1000 // rate + (bits >> 1 & 1), samples, side)


def _silent_header(header: bytes) -> bytes:
    """*header* with the least bit rate at which the tag fits in, without padding."""
    for place in range(1, 15):
        smaller = bytes([*header[:2], place << 4 | header[2] & 0b00001100, header[3]])
        frame = _frame(smaller)
        if frame.size >= 4 + frame.side + 156:
            return smaller
    raise ValueError("no MP3 frame is large enough for its tag")


def _crc16(data: bytes) -> int:
    """CRC-16 with the polynomial 0x8005, bits reflected, as LAME has it."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc
