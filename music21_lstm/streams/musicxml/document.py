"""A whole MusicXML document: its head by music21, its measures by this package."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, indent, tostring

from music21 import base, instrument, layout, metadata, spanner, stream, text
from music21.musicxml.m21ToXml import GeneralObjectExporter, ScoreExporter

from music21_lstm.encoding.performance import Performance
from music21_lstm.memory import growing
from music21_lstm.notation import Sketch, engrave, sketch
from music21_lstm.streams.elements import resolution_of
from music21_lstm.streams.musicxml.bars import elements_of, part_xml
from music21_lstm.streams.musicxml.rare import NotPlainError

__all__ = ["engraved_bytes", "musicxml_bytes", "mxl_bytes"]

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN"'
    ' "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container>
  <rootfiles>
    <rootfile full-path="score.musicxml" media-type="application/vnd.recordare.musicxml+xml"/>
  </rootfiles>
</container>
"""


def musicxml_bytes(source: base.Music21Object, *, engraved: bool = False) -> bytes:
    """*source* as a MusicXML 4.0 document, in UTF-8.

    A Score that :func:`music21_lstm.engrave` made, edited or not, is written directly, in time
    linear in its notes and with the same bytes each time. Anything else, and a Score that is no
    longer laid out so, goes through music21's own exporter, which makes its notation first.
    *engraved* says of a Score that remembers no performance that it was made so.
    """
    if isinstance(source, stream.Score) and (engraved or resolution_of(source) is not None):
        try:
            with growing():
                return _straight(source)
        except NotPlainError:
            pass
    exporter = GeneralObjectExporter(source)
    made: bytes = exporter.parse()
    return made


def engraved_bytes(performance: Performance, **options: Any) -> bytes:
    """*performance*, engraved with *options*: what its Score would give, without making all of it."""
    with growing():
        try:
            return _sketched(sketch(performance, **options))
        except NotPlainError:
            return musicxml_bytes(engrave(performance, **options), engraved=True)


def mxl_bytes(document: bytes) -> bytes:
    """A MusicXML *document*, compressed as a ``.mxl`` archive."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        # A fixed date: the same music makes the same bytes.
        for name, content in (
            ("META-INF/container.xml", _CONTAINER.encode()),
            ("score.musicxml", document),
        ):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _straight(score: stream.Score) -> bytes:
    """The document of an engraved score; raises :class:`NotPlainError` for any other."""
    known = (stream.Part, spanner.Spanner, metadata.Metadata, layout.LayoutBase, text.TextBox)
    if not all(isinstance(element, known) for element in score):
        raise NotPlainError("something beside the parts of the score")
    parts = _parts(score)
    spanners = [
        one
        for one in score.getElementsByClass(spanner.Spanner)
        if not isinstance(one, layout.StaffGroup)
    ]
    bodies = ["\n".join(part_xml(staves, spanners)) for staves in parts]
    return _document(_head_text(score, parts), bodies)


_heads: dict[Any, str] = {}
_MOST_HEADS = 64


def _sketched(page: Sketch) -> bytes:
    """The document of a sketch. What comes before the music is the same for the same names."""
    parts = [list(page.score.parts)]
    key = (*page.names, len(parts[0]))
    if key not in _heads:
        if len(_heads) >= _MOST_HEADS:
            _heads.clear()
        _heads[key] = _head_text(page.score, parts)
    return _document(_heads[key], ["\n".join(part_xml(parts[0], (), page.flows))])


def _head_text(score: stream.Score, parts: Sequence[Sequence[stream.Part]]) -> str:
    """The document with its parts empty; they are called P1, P2 and so on."""
    root = _head(score, parts)
    found = root.findall("part")
    if len(found) != len(parts):
        raise NotPlainError("music21 takes the parts of the score together in another way")
    for number, part in enumerate(found):
        _named(root, part, f"P{number + 1}")
        part.clear()
        part.set("id", f"P{number + 1}")
    indent(root)
    return tostring(root, encoding="unicode", short_empty_elements=True)


def _document(head: str, bodies: Sequence[str]) -> bytes:
    for number, body in enumerate(bodies):
        empty = f'<part id="P{number + 1}" />'
        whole = f'<part id="P{number + 1}">\n{body}\n</part>'
        head = head.replace(empty, whole, 1)
    return (_HEAD + head + "\n").encode()


def _parts(score: stream.Score) -> list[list[stream.Part]]:
    """The staves of each part: a piano has two."""
    parts = list(score.parts)
    groups = [_members(group) for group in score.getElementsByClass(layout.StaffGroup)]
    found: list[list[stream.Part]] = []
    for part in parts:
        if score.elementOffset(part):
            raise NotPlainError("a part that starts later")
        together = [g for g in groups if isinstance(part, stream.PartStaff) and part in g]
        if together and found and found[-1][-1] in together[0]:
            found[-1].append(part)
        else:
            found.append([part])
    if not found:
        raise NotPlainError("a score without parts")
    return found


def _head(score: stream.Score, parts: Sequence[Sequence[stream.Part]]) -> Element:
    """The document of a score of one empty bar that has the titles, parts and layout of *score*."""
    shell = stream.Score()
    for element in score:
        if isinstance(element, metadata.Metadata | layout.ScoreLayout | text.TextBox):
            shell.insert(score.elementOffset(element), copy.deepcopy(element))
    twins: dict[int, Any] = {}
    for staves in parts:
        for part in staves:
            twin: Any = type(part)(id=part.id)
            twin.partName, twin.partAbbreviation = part.partName, part.partAbbreviation
            measure = stream.Measure(number=1)
            played = [one for one in elements_of(part) if isinstance(one, instrument.Instrument)]
            if len(played) > 1:
                raise NotPlainError("a change of instrument")
            player: type[instrument.Instrument] = instrument.Piano
            measure.insert(0, copy.deepcopy(played[0]) if played else player())
            twin.append(measure)
            shell.insert(0, twin)
            twins[id(part)] = twin
    for group in score.getElementsByClass(layout.StaffGroup):
        shell.insert(0, _twin_of(group, twins))
    exporter = ScoreExporter(shell, makeNotation=False)
    root: Element = exporter.parse()
    for dated in root.iter("encoding"):
        for date in dated.findall("encoding-date"):
            dated.remove(date)
    return root


def _twin_of(group: layout.StaffGroup, twins: dict[int, Any]) -> layout.StaffGroup:
    """A staff group like *group*, of the twins of its parts."""
    members = [twins[id(part)] for part in _members(group) if id(part) in twins]
    return layout.StaffGroup(
        members,
        name=group.name,
        abbreviation=group.abbreviation,
        symbol=group.symbol,
        barTogether=group.barTogether,
    )


def _members(group: Any) -> list[stream.Part]:
    found: list[stream.Part] = group.getSpannedElements()
    return found


def _named(root: Element, part: Element, name: str) -> None:
    """Call *part* and its instruments by *name*: music21's own names change from run to run."""
    old = part.get("id")
    for listed in root.iter("score-part"):
        if listed.get("id") == old:
            listed.set("id", name)
            names: dict[str, str] = {}
            for one in listed.iter():
                own = one.get("id") if one is not listed else None
                if own:
                    one.set("id", names.setdefault(own, f"{name}-I{len(names) + 1}"))
