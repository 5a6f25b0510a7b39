"""A score as SVG whose notes know which performed notes they stand for.

Verovio engraves the MusicXML that music21 writes. Each written note gets an identifier on the way,
which comes out again on the drawn note; so the cursor can follow the performance, not the page's tempo.
"""

from __future__ import annotations

import copy
import importlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from music21 import note, stream
from music21.musicxml.m21ToXml import GeneralObjectExporter

from music21_lstm.errors import Music21LstmError
from music21_lstm.generation.surprisal import members_of, written_places
from music21_lstm.pages.piece import Music
from music21_lstm.pages.svg import tidied

__all__ = ["LAYOUTS", "Drawing", "drawn"]

LAYOUTS = {"wide": 1080, "narrow": 390}
"""Widths of the score in CSS pixels: for a screen or a projector, and for a telephone."""

_SCALE = 40
"""Per cent; a staff is then about 29 pixels high."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """The pages of a score as SVG by layout, and the number of each bar, from left to right."""

    layouts: dict[str, tuple[str, ...]]
    bars: tuple[int, ...]


def drawn(music: Music, prefix: str) -> Drawing:
    """Engrave *music*; drawn notes have ``data-n``, the places in ``performance.notes``.

    A note that goes on from a tie has ``data-tied`` as well. *prefix* starts the names of glyphs.

    Raises :class:`~music21_lstm.errors.Music21LstmError` if Verovio is not installed.
    """
    verovio = _verovio()
    # Another's score is left as it is.
    score = music.score if music.engraved else copy.deepcopy(music.score)
    members = members_of(score)
    notes = _attributes(music, members)
    for place, member in enumerate(members):
        member.id = f"n{place}"
    exporter = GeneralObjectExporter()
    exporter.makeNotation = not music.engraved
    xml = exporter.parse(score).decode()
    layouts = {
        name: tuple(_pages(verovio, xml, width, f"{prefix}-{name}", notes))
        for name, width in LAYOUTS.items()
    }
    return Drawing(layouts, _bar_numbers(music.score))


def _verovio() -> Any:
    try:
        found = importlib.import_module("verovio")
    except ImportError:
        raise Music21LstmError(
            "a page is engraved by verovio, which is not installed; pip install 'music21-lstm[page]'"
        ) from None
    found.enableLog(found.LOG_OFF)
    return found


def _attributes(music: Music, members: Sequence[note.Note]) -> dict[str, dict[str, str]]:
    """For each written note that is heard, the performed notes that it stands for."""
    heard: dict[int, list[int]] = defaultdict(list)
    for number, place in enumerate(written_places(music.score, music.performance)):
        heard[place].append(number)
    found: dict[str, dict[str, str]] = {}
    last: dict[tuple[object, int], list[int]] = {}
    for place, member in enumerate(members):
        voice = (_part_of(member), member.pitch.midi)
        tied = member.tie is not None and member.tie.type in ("stop", "continue")
        numbers = last.get(voice, []) if tied and place not in heard else heard[place]
        if numbers:
            last[voice] = numbers
            found[f"n{place}"] = {"data-n": " ".join(map(str, numbers))}
            if place not in heard:
                found[f"n{place}"]["data-tied"] = ""
    return found


def _part_of(member: note.Note) -> object:
    part = member.getContextByClass(stream.Part)
    return None if part is None else id(part)


def _pages(
    verovio: Any, xml: str, width: int, prefix: str, notes: dict[str, dict[str, str]]
) -> Iterator[str]:
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "scale": _SCALE,
            "pageWidth": width * 100 // _SCALE,
            "pageHeight": 60_000,
            "pageMarginLeft": 10,
            "pageMarginRight": 10,
            "pageMarginTop": 60,
            "pageMarginBottom": 20,
            "adjustPageHeight": True,
            "breaks": "auto",
            "header": "none",
            "footer": "none",
            "svgViewBox": True,
            "xmlIdSeed": 1,
        }
    )
    if not toolkit.loadData(xml):
        raise Music21LstmError(
            "verovio cannot engrave this score; write it as MusicXML and look at it in MuseScore"
        )
    for page in range(1, toolkit.getPageCount() + 1):
        yield tidied(toolkit.renderToSVG(page), f"{prefix}{page}", notes)


def _bar_numbers(score: stream.Stream[Any]) -> tuple[int, ...]:
    parts = list(score.getElementsByClass(stream.Part))
    measures = (parts[0] if parts else score).getElementsByClass(stream.Measure)
    return tuple(int(measure.number) for measure in measures)
