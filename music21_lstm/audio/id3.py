"""ID3v2.4: the tag of an MP3 file, and of a WAV file's chunk "id3 ", as text in UTF-8.

Frames are named as the standard names them (``TIT2`` the title, ``TCOM`` the composer); a comment is
``COMM``, and a text of one's own ``TXXX:`` with its description. Layout: id3.org, ID3v2.4.0.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

__all__ = ["pack", "size_of", "unpack"]

_HEADER = struct.Struct(">3sBBB4s")
_FRAME = struct.Struct(">4s4sH")
_UTF8 = b"\3"
_LANGUAGE = b"eng"
_OWN = "TXXX:"


def pack(frames: Mapping[str, str]) -> bytes:
    """A tag with *frames*; the inverse of :func:`unpack`.

    >>> unpack(pack({"TIT2": "月の光", "TXXX:mine": "x"}))
    {'TIT2': '月の光', 'TXXX:mine': 'x'}
    """
    body = b"".join(_packed(name, text) for name, text in frames.items())
    return _HEADER.pack(b"ID3", 4, 0, 0, _synchsafe(len(body))) + body


def unpack(tag: bytes) -> dict[str, str]:
    """The frames of a *tag* that :func:`pack` made; of another's those that are UTF-8 text."""
    frames: dict[str, str] = {}
    place, stop = _HEADER.size, min(size_of(tag), len(tag))
    while place + _FRAME.size <= stop:
        name, size, _ = _FRAME.unpack_from(tag, place)
        place += _FRAME.size
        body = tag[place : place + _whole(size)]
        place += _whole(size)
        if body[:1] == _UTF8:
            key, text = _unpacked(name.decode("latin-1"), body[1:])
            frames[key] = text.rstrip("\0")
    return frames


def size_of(head: bytes) -> int:
    """The bytes of the tag that starts with *head*; 0 where none does."""
    if len(head) < _HEADER.size:
        return 0
    magic, version, _, _, size = _HEADER.unpack_from(head)
    return _HEADER.size + _whole(size) if magic == b"ID3" and version == 4 else 0


def _packed(name: str, text: str) -> bytes:
    start = b""
    if name == "COMM":
        start = _LANGUAGE + b"\0"  # Its description is empty.
    elif name.startswith(_OWN):
        name, start = _OWN[:-1], name.removeprefix(_OWN).encode() + b"\0"
    body = _UTF8 + start + text.encode()
    return _FRAME.pack(name.encode("ascii"), _synchsafe(len(body)), 0) + body


def _unpacked(name: str, body: bytes) -> tuple[str, str]:
    if name == "COMM":
        body = body[len(_LANGUAGE) :].partition(b"\0")[2]
    elif name == _OWN[:-1]:
        description, _, body = body.partition(b"\0")
        name = _OWN + description.decode("utf-8", "replace")
    return name, body.decode("utf-8", "replace")


def _synchsafe(size: int) -> bytes:
    """*size* in four bytes of seven bits, so that no decoder takes it for the start of a frame."""
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _whole(size: bytes) -> int:
    return sum((byte & 0x7F) << shift for byte, shift in zip(size, (21, 14, 7, 0), strict=True))
