"""The converters that music21 calls: notetext in and out, and sound out."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Iterable
from io import IOBase
from typing import Any, BinaryIO, ClassVar, cast

from music21 import base, common, converter, stream
from music21.converter.subConverters import SubConverter
from music21.exceptions21 import SubConverterException

from music21_lstm.encoding.notetext import performance_of, text_of
from music21_lstm.encoding.performance import DEFAULT_RESOLUTION
from music21_lstm.errors import Music21LstmError, NoteTextError
from music21_lstm.files import decoded, read_bytes
from music21_lstm.streams.converting import ConversionError, named, performance_for, written
from music21_lstm.streams.score_converters import ConverterPerformedMidi, ConverterScore

__all__ = [
    "ConverterFlac",
    "ConverterMp3",
    "ConverterNoteText",
    "ConverterOgg",
    "ConverterOpus",
    "ConverterPerformedMidi",
    "ConverterScore",
    "ConverterWav",
    "register",
    "unregister",
]


class ConverterNoteText(SubConverter):
    """``converter.parse('tune.notetext')`` and ``stream.write('notetext', 'tune.notetext')``.

    Reading takes two keywords, named as music21's MIDI converter has them (its pickle cache tells
    just these two apart): ``quantizePost=False`` gives the exact view, tick for tick, instead of the
    engraved score; ``quarterLengthDivisors`` is the grid of the engraved view, (4, 3) by default.
    ``resolution`` is for text without a header.
    """

    registerFormats = ("notetext",)
    registerShowFormats = ("notetext",)
    registerInputExtensions = ("notetext",)
    registerOutputExtensions = ("notetext",)

    def parseData(
        self,
        dataString: str | bytes,
        number: int | None = None,
    ) -> stream.Score:
        """Read notetext from a string or from bytes (UTF-8, a byte order mark is skipped)."""
        del number
        try:
            text = dataString if isinstance(dataString, str) else decoded(dataString)
            self.stream = self._read(text)
        except NoteTextError as error:
            raise ConversionError(str(error)) from error
        score: stream.Score = self.stream
        return score

    def parseFile(
        self,
        filePath: str | pathlib.Path,
        number: int | None = None,
        **keywords: Any,
    ) -> stream.Score:
        """Read a file, as UTF-8 whatever the locale is."""
        del number
        self.keywords = {**self.keywords, **keywords}
        try:
            self.stream = self._read(decoded(read_bytes(filePath)))
        except Music21LstmError as error:
            raise ConversionError(named(filePath, error)) from error
        score: stream.Score = self.stream
        return score

    def _read(self, text: str) -> stream.Score:
        options = self.keywords
        performance = performance_of(text, resolution=options.get("resolution", DEFAULT_RESOLUTION))
        # Registering is done at import: it must not cost what only parsing needs.
        from music21_lstm.streams.decode import engraved_stream, exact_stream

        if options.get("quantizePost", True) is False:
            return exact_stream(performance)
        divisors = options.get("quarterLengthDivisors")
        return engraved_stream(performance, **({"divisions": tuple(divisors)} if divisors else {}))

    def write(
        self,
        obj: base.Music21Object,
        fmt: str | None,
        fp: str | pathlib.Path | IOBase | None = None,
        subformats: Iterable[str] = (),
        **keywords: Any,
    ) -> pathlib.Path:
        """Write *obj* as notetext, whole or not at all; ``resolution=`` in ticks per quarter.

        ``performed=False`` writes an engraved score as it is written, not as it was played.
        """
        del fmt
        text = text_of(performance_for(obj, keywords))
        return written(text.encode(), self, fp, subformats)

    def show(
        self,
        obj: base.Music21Object,
        fmt: str | None,
        app: str | None = None,
        subformats: Iterable[str] = (),
        **keywords: Any,
    ) -> None:
        """Print the notetext of *obj*, as music21's own text format does."""
        del fmt, app, subformats
        sys.stdout.write(text_of(performance_for(obj, keywords)))


class _ConverterAudio(SubConverter):
    """Sound, written by FluidSynth; ``stream.write('wav', fp, soundfont=…)``."""

    readBinary = True
    suffix: ClassVar[str]
    mimetype: ClassVar[str]

    def write(
        self,
        obj: base.Music21Object,
        fmt: str | None,
        fp: str | pathlib.Path | IOBase | None = None,
        subformats: Iterable[str] = (),
        **keywords: Any,
    ) -> pathlib.Path:
        """Render *obj*; *keywords* go to :func:`music21_lstm.render`.

        An engraved score sounds as it was performed; with ``performed=False``, as it is written.
        """
        from music21_lstm.audio import render
        from music21_lstm.streams.interpretation import ensemble_of_stream

        del fmt
        if fp is None:
            fp = self.getTemporaryFile(subformats)
        if isinstance(fp, str | os.PathLike):
            fp = common.cleanpath(fp, returnPathlib=True)
        keywords.pop("resolution", None)
        try:
            ensemble = ensemble_of_stream(obj, performed=keywords.pop("performed", True))
            render(ensemble, cast("str | BinaryIO", fp), format=self.suffix, **keywords)
        except Music21LstmError as error:
            raise ConversionError(str(error)) from error
        return pathlib.Path(fp) if isinstance(fp, str | os.PathLike) else pathlib.Path()

    def show(
        self,
        obj: base.Music21Object,
        fmt: str | None,
        app: str | None = None,
        subformats: Iterable[str] = (),
        **keywords: Any,
    ) -> Any:
        """A player in a notebook (its sound inside the page, no network), else the system's player."""
        path = self.write(obj, fmt, subformats=subformats, **keywords)
        if common.runningInNotebook():
            from IPython.display import Audio

            player = Audio(  # type: ignore[no-untyped-call]
                data=path.read_bytes(), embed=True
            )
            player.mimetype = self.mimetype
            path.unlink()
            return player
        if app is None and common.getPlatform() == "nix":
            app = "xdg-open"
        try:
            self.launch(path, fmt=fmt, app=app)
        except SubConverterException as error:
            raise ConversionError(
                f"{path} was written, but no player was found for it; open it by hand or name one: "
                f"show({self.suffix!r}, app='…')"
            ) from error
        return None


def _audio_converter(suffix: str, mimetype: str) -> type[_ConverterAudio]:
    """The converter of one format: ``stream.write('wav', 'tune.wav')``."""
    formats = (suffix,)
    return type(
        f"Converter{suffix.capitalize()}",
        (_ConverterAudio,),
        {
            "__doc__": f"``stream.write({suffix!r}, 'tune.{suffix}')``.",
            "__module__": __name__,
            "suffix": suffix,
            "mimetype": mimetype,
            "registerFormats": formats,
            "registerShowFormats": formats,
            "registerOutputExtensions": formats,
        },
    )


ConverterWav = _audio_converter("wav", "audio/wav")
ConverterFlac = _audio_converter("flac", "audio/flac")
ConverterOgg = _audio_converter("ogg", "audio/ogg")
ConverterOpus = _audio_converter("opus", "audio/ogg")
ConverterMp3 = _audio_converter("mp3", "audio/mpeg")

CONVERTERS = (
    ConverterNoteText,
    ConverterScore,
    ConverterPerformedMidi,
    ConverterWav,
    ConverterFlac,
    ConverterOgg,
    ConverterOpus,
    ConverterMp3,
)


def register() -> None:
    """Add the converters to music21's registry; a second call changes nothing.

    (music21 would take a converter twice, and then cut the header ``notetext:`` off twice.)
    """
    known = converter.Converter().subConvertersList()
    for each in CONVERTERS:
        if each not in known:
            converter.registerSubConverter(each)
    common.findInputExtension.cache_clear()


def unregister() -> None:
    """Take the converters out of music21's registry; a second call changes nothing."""
    known = converter.Converter().subConvertersList()
    for each in CONVERTERS:
        if each in known:
            converter.unregisterSubConverter(each)
    common.findInputExtension.cache_clear()
