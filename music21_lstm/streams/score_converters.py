"""Converters that stand before music21's own for MusicXML and MIDI, for the scores made here.

Reading, and writing anything else, is left to music21's.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable
from io import IOBase
from typing import Any

from music21 import base, stream
from music21.converter.subConverters import ConverterMidi, ConverterMusicXML

from music21_lstm.streams.converting import performance_for, written
from music21_lstm.streams.elements import resolution_of

__all__ = ["ConverterPerformedMidi", "ConverterScore"]


class ConverterScore(ConverterMusicXML):
    """``score.write('musicxml')`` of an engraved Score, without music21's pass over its notation.

    That pass would take long and number the left hand's voices anew in each bar. ``makeNotation=``
    asks for music21's exporter, as do the formats made from MusicXML (``musicxml.png``).
    """

    def write(
        self,
        obj: base.Music21Object,
        fmt: str | None,
        fp: str | pathlib.Path | IOBase | None = None,
        subformats: Iterable[str] = (),
        **keywords: Any,
    ) -> pathlib.Path:
        """Write *obj*, whole or not at all; ``compress=True`` or a name in ``.mxl`` compresses it."""
        known = keywords.keys() <= {"compress"}
        if subformats or not known or not isinstance(obj, stream.Score) or not _is_ours(obj):
            found: pathlib.Path = super().write(obj, fmt, fp, subformats, **keywords)
            return found
        from music21_lstm.streams.musicxml import musicxml_bytes, mxl_bytes

        compress = keywords.get("compress")
        if compress is None:
            compress = str(fp).endswith(".mxl")
        data = musicxml_bytes(obj)
        if isinstance(fp, str | pathlib.Path):
            # music21 keeps the suffix it is given, and adds one where there is none.
            usual = ".mxl" if compress else ".musicxml"
            fp = pathlib.Path(fp)
            if not fp.suffix or (compress and fp.suffix != usual):
                fp = fp.with_suffix(usual)
        return written(mxl_bytes(data) if compress else data, self, fp, subformats)


class ConverterPerformedMidi(ConverterMidi):
    """``score.write('midi')`` of what came from a performance gives its very events back.

    With ``performed=False`` the score is played as it is written. music21's own options, such as
    ``addStartDelay=``, ask for music21's exporter.
    """

    def write(
        self,
        obj: base.Music21Object,
        fmt: str | None,
        fp: str | pathlib.Path | IOBase | None = None,
        subformats: Iterable[str] = (),
        **keywords: Any,
    ) -> Any:
        """Write *obj*, whole or not at all."""
        known = keywords.keys() <= {"performed", "resolution"}
        if not known or not isinstance(obj, stream.Stream) or not _is_ours(obj):
            return super().write(obj, fmt, fp, subformats, **keywords)
        from music21_lstm.encoding.midi import midi_bytes

        return written(midi_bytes(performance_for(obj, keywords)), self, fp, subformats)


def _is_ours(obj: stream.Stream[Any]) -> bool:
    """Whether *obj* was made from a performance."""
    return resolution_of(obj) is not None
