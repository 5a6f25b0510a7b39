"""Verovio's SVG made small and safe: known elements only, no identifiers but our own."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree

__all__ = ["tidied"]

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_ELEMENTS = frozenset(
    "svg g path use defs symbol text tspan rect line polygon polyline ellipse circle".split()
)
_ATTRIBUTES = frozenset(
    "class d points transform x y x1 y1 x2 y2 cx cy r rx ry width height viewBox stroke-width "
    "stroke-linecap stroke-linejoin stroke-dasharray fill-opacity text-anchor font-size "
    "font-family font-style font-weight visibility opacity".split()
)
"""What a score is drawn with. All else goes, so that no script and no link can come in by a score."""


_NOTES = str.maketrans(
    {"\ueca3": "\U0001d15e", "\ueca5": "\u2669", "\ueca7": "\u266a", "\uecb7": "."}
)
"""The notes of metronome marks: in Verovio's own font, which is not sent along, and in any other's."""


def tidied(svg: str, prefix: str, notes: Mapping[str, Mapping[str, str]]) -> str:
    """The drawing of *svg*, as text for an HTML page.

    *prefix* makes the names of its glyphs the page's only ones. *notes* are the attributes of each
    note by its identifier in *svg*; all identifiers go.
    """
    # Verovio wrote this XML itself: no entities, whatever the score says.
    root = ElementTree.fromstring(svg)  # noqa: S314
    glyphs = {
        each.get("id", ""): f"{prefix}-{number}"
        for number, each in enumerate(root.findall(f"{_SVG}defs/*"))
    }
    made = _copied(root, glyphs, notes)
    made.set("xmlns", "http://www.w3.org/2000/svg")
    made.set("aria-hidden", "true")
    return ElementTree.tostring(made, encoding="unicode", short_empty_elements=False)


def _copied(
    old: ElementTree.Element, glyphs: Mapping[str, str], notes: Mapping[str, Mapping[str, str]]
) -> ElementTree.Element:
    new = ElementTree.Element(old.tag.removeprefix(_SVG))
    new.attrib = {name: value for name, value in old.attrib.items() if name in _ATTRIBUTES}
    if old.get("fill") == "none":
        # Wedges and brackets are lines; any other colour is the page's.
        new.set("fill", "none")
    own = old.get("id", "")
    if own in glyphs:
        new.set("id", glyphs[own])
    new.attrib.update(notes.get(own, {}))
    if new.tag == "use":
        reference = old.get(_HREF) or old.get("href") or ""
        new.set("href", "#" + glyphs.get(reference.removeprefix("#"), ""))
    if old.text and old.text.strip():
        new.text = old.text.translate(_NOTES)
    for child in old:
        if child.tag.removeprefix(_SVG) not in _ELEMENTS or "placeholder" in child.get("class", ""):
            continue
        made = _copied(child, glyphs, notes)
        if new.tag in ("text", "tspan"):
            made.tail = child.tail and child.tail.strip("\n")
        if len(made) or made.tag != "g":
            new.append(made)
    return new
