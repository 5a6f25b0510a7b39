"""What the converters share: errors as music21 expects them, encoding, and writing to a target."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable
from io import IOBase
from typing import Any

from music21 import base, common
from music21.converter.subConverters import SubConverter
from music21.exceptions21 import SubConverterException

from music21_lstm.encoding.performance import Performance
from music21_lstm.errors import Music21LstmError
from music21_lstm.files import write_bytes

__all__ = ["ConversionError", "named", "performance_for", "written"]


class ConversionError(Music21LstmError, SubConverterException):
    """One of this package's errors, as music21 expects it from a converter."""


def performance_for(obj: base.Music21Object, keywords: dict[str, Any]) -> Performance:
    """*obj* encoded; takes ``resolution`` and ``performed`` out of *keywords*."""
    from music21_lstm.streams.encode import performance_of_stream

    resolution, performed = keywords.pop("resolution", None), keywords.pop("performed", True)
    try:
        return performance_of_stream(obj, resolution=resolution, performed=performed)
    except Music21LstmError as error:
        raise ConversionError(str(error)) from error


def named(path: str | pathlib.Path, error: Music21LstmError) -> str:
    """The error's line, with the file that it is about."""
    return str(error) if str(path) in str(error) else f"{path}: {error}"


def written(
    data: bytes,
    to: SubConverter,
    fp: str | pathlib.Path | IOBase | None,
    subformats: Iterable[str],
) -> pathlib.Path:
    """Write *data* to a path (a temporary one for None) or into an open file."""
    if fp is None:
        fp = to.getTemporaryFile(subformats)
    if isinstance(fp, str | os.PathLike):
        path = common.cleanpath(fp, returnPathlib=True)
        try:
            write_bytes(path, data)
        except Music21LstmError as error:
            raise ConversionError(str(error)) from error
        return pathlib.Path(path)
    text = "b" not in str(getattr(fp, "mode", "")) and not hasattr(fp, "getbuffer")
    fp.write(data.decode() if text else data)
    return pathlib.Path()
