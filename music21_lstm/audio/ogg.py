"""Ogg pages: the serial number that makes two equal encodings differ, set to a chosen one.

Every encoder draws a random serial number for its stream, as streams may be mixed in one file.
Ours holds a single stream, so any number will do, and a fixed one makes equal sound equal bytes.
The page layout and the checksum are those of RFC 3533.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

__all__ = ["set_serial"]

_HEADER = struct.Struct("<4sBBqIIIB")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def set_serial(file: BinaryIO, serial: int) -> None:
    """Give every page of the Ogg stream in *file* (open for update) the number *serial*."""
    place = 0
    while True:
        file.seek(place)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        magic, version, kind, granule, _, page, _, segments = _HEADER.unpack(header)
        if magic != b"OggS":
            raise ValueError(f"byte {place}: no Ogg page starts here")
        table = file.read(segments)
        body = file.read(sum(table))
        fields = (magic, version, kind, granule, serial, page)
        blank = _HEADER.pack(*fields, 0, segments)
        checksum = _checksum(blank + table + body)
        file.seek(place)
        file.write(_HEADER.pack(*fields, checksum, segments))
        place += _HEADER.size + len(table) + len(body)


def _checksum(data: bytes) -> int:
    """The checksum of an Ogg page: CRC-32 with the bits the other way round, and no inversion.

    zlib's CRC-32 is the same polynomial reflected, starting from and ending with all bits
    inverted; reflecting the bytes going in and the sum coming out turns the one into the other.
    """
    reflected = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
