"""RIFF chunks: the boxes within boxes that WAV files and soundfonts are made of."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

__all__ = ["Chunk", "chunks"]


class Chunk(NamedTuple):
    """A chunk's four-letter *name*, and the *start* and *size* in bytes of what it holds."""

    name: bytes
    start: int
    size: int

    @property
    def stop(self) -> int:
        """The place of the first byte after the chunk."""
        return self.start + self.size


def chunks(file: BinaryIO, start: int, stop: int) -> Iterator[Chunk]:
    """The chunks that stand between two places of *file*, in order.

    A chunk of odd size is followed by a padding byte; some well-known banks forget it, so it is
    skipped only where it is there. A size that points beyond *stop* is given as it is: who reads
    decides whether that is an error.

    >>> import io
    >>> list(chunks(io.BytesIO(b"odd." + bytes([1, 0, 0, 0]) + b"!" + b"next" + bytes(4)), 0, 17))
    [Chunk(name=b'odd.', start=8, size=1), Chunk(name=b'next', start=17, size=0)]
    """
    place = start
    while place + 8 <= stop:
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        chunk = Chunk(name, place + 8, size)
        yield chunk
        place = chunk.stop
        if size & 1:
            file.seek(place)
            place += file.read(1) == b"\0"
