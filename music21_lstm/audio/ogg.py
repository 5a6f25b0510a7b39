"""Ogg: the pages of a Vorbis or Opus file, their serial number, and the comment among its headers.

Every encoder draws a random serial number for its stream, as streams may be mixed in one file.
Ours holds a single stream, so any number will do, and a fixed one makes equal sound equal bytes.
The comment is a packet of the header; as it grows, the header takes more pages, and all pages are
numbered anew. Pages, packets and checksum are those of RFC 3533, the headers those of RFC 7845
(Opus) and of the Vorbis I specification.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

__all__ = ["comment_of", "set_serial", "with_comment"]

_HEADER = struct.Struct("<4sBBqIIIB")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_CONTINUED = 1
_NOTHING_ENDS = -1  # As granule position: no packet ends on this page.
_MOST_SEGMENTS, _SEGMENT = 255, 255

_HEADERS = {b"OpusHead": (1, b"OpusTags", b""), b"\1vorbis": (2, b"\3vorbis", b"\1")}
"""By the start of a stream: how many packets of header follow, and what is around the comment."""


class Page(NamedTuple):
    """A page: *kind* and *granule* as they are, its stream's *serial*, its *number*, its segments."""

    kind: int
    granule: int
    serial: int
    number: int
    table: bytes
    body: bytes

    def packed(self) -> bytes:
        """The page with its checksum; the inverse of :func:`_pages`."""
        fields = (b"OggS", 0, self.kind, self.granule, self.serial, self.number)
        blank = _HEADER.pack(*fields, 0, len(self.table))
        checksum = _checksum(blank + self.table + self.body)
        return _HEADER.pack(*fields, checksum, len(self.table)) + self.table + self.body


def set_serial(file: BinaryIO, serial: int) -> None:
    """Give every page of the Ogg stream in *file* (open for update) the number *serial*."""
    file.seek(0)
    place = 0
    for page in _pages(file):
        data = page._replace(serial=serial).packed()
        file.seek(place)
        file.write(data)
        place += len(data)
        file.seek(place)


def comment_of(file: BinaryIO) -> bytes:
    """The comment of the stream in *file*: what is common to Vorbis's and Opus's packets."""
    pages = _pages(file)
    count, start, _ = _layout(next(pages))
    packets, _ = _packets(pages, count)
    if not packets[0].startswith(start):
        raise ValueError("the second packet of the stream is no comment")
    return packets[0].removeprefix(start)


def with_comment(source: BinaryIO, sink: BinaryIO, comment: bytes) -> None:
    """Copy the stream of *source* to *sink*, with another *comment*."""
    pages = _pages(source)
    first = next(pages)
    count, start, end = _layout(first)
    packets, read = _packets(pages, count)
    header = list(_paged([start + comment + end, *packets[1:]], first.serial))
    for page in (first, *header):
        sink.write(page.packed())
    for page in pages:
        sink.write(page._replace(number=page.number + len(header) - read).packed())


def _pages(file: BinaryIO) -> Iterator[Page]:
    while header := file.read(_HEADER.size):
        if len(header) < _HEADER.size or not header.startswith(b"OggS"):
            raise ValueError("no Ogg page starts where one should")
        _, _, kind, granule, serial, number, _, segments = _HEADER.unpack(header)
        table = file.read(segments)
        yield Page(kind, granule, serial, number, table, file.read(sum(table)))


def _layout(first: Page) -> tuple[int, bytes, bytes]:
    for magic, layout in _HEADERS.items():
        if first.body.startswith(magic):
            return layout
    raise ValueError("the stream is neither Vorbis nor Opus")


def _packets(pages: Iterator[Page], count: int) -> tuple[list[bytes], int]:
    """The next *count* packets, after which a page ends; and how many pages they took."""
    packets, packet, read = list[bytes](), b"", 0
    while len(packets) < count:
        page = next(pages, None)
        if page is None:
            raise ValueError("the stream ends within its header")
        read, place = read + 1, 0
        for size in page.table:
            packet += page.body[place : place + size]
            place += size
            if size < _SEGMENT:
                packets.append(packet)
                packet = b""
    return packets, read


def _paged(packets: list[bytes], serial: int) -> Iterator[Page]:
    """The pages, from the second of a stream on, that hold *packets* of its header."""
    body = b"".join(packets)
    sizes = b"".join(b"\xff" * (len(p) // _SEGMENT) + bytes([len(p) % _SEGMENT]) for p in packets)
    place, within = 0, False
    for number, at in enumerate(range(0, len(sizes), _MOST_SEGMENTS), 1):
        table = sizes[at : at + _MOST_SEGMENTS]
        granule = 0 if min(table) < _SEGMENT else _NOTHING_ENDS
        kind = _CONTINUED if within else 0
        yield Page(kind, granule, serial, number, table, body[place : place + sum(table)])
        place, within = place + sum(table), table[-1] == _SEGMENT


def _checksum(data: bytes) -> int:
    """The checksum of an Ogg page: CRC-32 with the bits the other way round, and no inversion.

    zlib's CRC-32 is the same polynomial reflected, starting from and ending with all bits
    inverted; reflecting the bytes going in and the sum coming out turns the one into the other.
    """
    reflected = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
