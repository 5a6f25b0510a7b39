"""Is a file valid MusicXML 4.0, and what does it hold? Helpers for tests.

The schema is the one that the package ``musicxml`` carries. It imports two others by address;
nothing here goes to the network, so their few attributes that MusicXML uses are given below.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from importlib.resources import files
from pathlib import Path

from lxml import etree

_XML = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
  targetNamespace="http://www.w3.org/XML/1998/namespace">
  <xs:attribute name="lang" type="xs:language"/>
  <xs:attribute name="space" type="xs:NCName"/>
</xs:schema>"""

_XLINK = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
  targetNamespace="http://www.w3.org/1999/xlink">
  <xs:attribute name="href" type="xs:anyURI"/>
  <xs:attribute name="type" type="xs:string"/>
  <xs:attribute name="role" type="xs:string"/>
  <xs:attribute name="title" type="xs:string"/>
  <xs:attribute name="show" type="xs:string"/>
  <xs:attribute name="actuate" type="xs:string"/>
</xs:schema>"""


class _Local(etree.Resolver):
    def resolve(self, system_url, public_id, context):
        if system_url.endswith("/xml.xsd"):
            return self.resolve_string(_XML, context)
        if system_url.endswith("/xlink.xsd"):
            return self.resolve_string(_XLINK, context)
        return None


@cache
def _schema() -> etree.XMLSchema:
    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(_Local())
    text = files("musicxml").joinpath("generate_classes/musicxml_4_0.xsd").read_bytes()
    return etree.XMLSchema(etree.fromstring(text, parser))


def read_musicxml(source: Path | bytes) -> etree._Element:
    """The root of a MusicXML document, without its document type."""
    text = source if isinstance(source, bytes) else Path(source).read_bytes()
    return etree.fromstring(text, etree.XMLParser(no_network=True, load_dtd=False))


def schema_errors(source: Path | bytes) -> list[str]:
    """What the MusicXML 4.0 schema objects to, with line numbers; empty if the file is valid."""
    schema = _schema()
    schema.validate(read_musicxml(source))
    return [f"line {error.line}: {error.message}" for error in schema.error_log]


# --- what a page of piano music must hold, bar by bar ------------------------------------------


@dataclass(slots=True)
class Page:
    """What stands in a MusicXML document of one piano, and what is wrong with it."""

    faults: list[str] = field(default_factory=list)
    notes: int = 0
    """Note heads, ties counted apart."""
    ties: int = 0
    """Note heads that a tie leads to."""
    rests: int = 0
    """Rests, those too that only fill a voice and are not printed."""
    printed_rests: int = 0
    tuplets: int = 0
    ledgers: int = 0
    """Notes over three ledger lines from their staff, octave lines counted."""

    @property
    def means(self) -> dict[str, float]:
        """Ties, rests, printed rests, notes over three ledger lines and in tuplets, for a note."""
        struck = max(1, self.notes - self.ties)
        heads = max(1, self.notes)
        return {
            "ties": self.ties / struck,
            "rests": self.rests / heads,
            "printed rests": self.printed_rests / heads,
            "ledgers": self.ledgers / heads,
            "tuplets": self.tuplets / heads,
        }


def page_of(root: etree._Element) -> Page:
    """Walk over a document and say what is on the page.

    Faults: not two staves, no key or time signature, a voice that overlaps itself or runs over its
    bar, a bar that is not full, more than two voices in a staff. The first and the last bar, and
    one that a new time signature cuts short, may be shorter than their metre.
    """
    page = Page()
    parts = root.findall("part")
    staves = root.findtext("part/measure/attributes/staves")
    if len(parts) != 1 or staves != "2":
        page.faults.append(f"{len(parts)} parts of {staves} staves")
    for name in ("key", "time", "clef"):
        if root.find(f"part/measure/attributes/{name}") is None:
            page.faults.append(f"no {name}")
    for part in parts:
        reader = _BarReader(page)
        measures = part.findall("measure")
        for measure, after in zip(measures, [*measures[1:], None], strict=True):
            cut = after is None or after.find("attributes/time") is not None
            reader.read(measure, edge=measure is measures[0] or cut)
    return page


_STEPS = {step: number for number, step in enumerate("CDEFGAB")}
_LINES = {"G": (4, 4), "F": (3, 3), "C": (0, 4)}


class _BarReader:
    """Reads one bar after another, with the clefs and the metre that hold."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.divisions = 1
        self.length = Fraction(4)
        self.clefs = {1: ("G", 2, 0), 2: ("F", 4, 0)}
        self.octaves = {1: 0, 2: 0}

    def read(self, measure: etree._Element, *, edge: bool) -> None:
        place = Fraction(0)
        lines = self._octave_lines(measure)
        voices: dict[tuple[int, str], list[tuple[Fraction, Fraction]]] = defaultdict(list)
        for element in measure:
            length = Fraction(int(element.findtext("duration") or 0), self.divisions)
            if element.tag == "attributes":
                self._attributes(element)
            elif element.tag == "backup":
                place -= length
            elif element.tag == "forward":
                place += length
            elif element.tag == "note":
                joined = element.find("chord") is not None
                at = place - (length if joined else 0)
                self._count(element, self._octave(lines, at, int(element.findtext("staff") or 1)))
                if element.find("grace") is None and element.find("chord") is None:
                    staff = int(element.findtext("staff") or 1)
                    voices[staff, element.findtext("voice")].append((place, place + length))
                    place += length
        self._check(measure, voices, edge)
        for _, staff, shift in lines:
            self.octaves[staff] = shift

    def _octave_lines(self, measure: etree._Element) -> list[tuple[Fraction, int, int]]:
        """Place, staff, and by how many octaves lower notes are written from there on."""
        place, divisions = Fraction(0), self.divisions
        found = []
        for element in measure:
            divisions = int(element.findtext("divisions") or divisions)
            length = Fraction(int(element.findtext("duration") or 0), divisions)
            if element.tag == "backup":
                place -= length
            elif element.tag in ("forward", "note") and element.find("chord") is None:
                place += length
            for line in element.findall("direction-type/octave-shift"):
                later = Fraction(int(element.findtext("offset") or 0), divisions)
                shift = {"down": 1, "up": -1, "stop": 0}[line.get("type")]
                found.append((place + later, int(element.findtext("staff") or 1), shift))
        return sorted(found, key=lambda line: line[0])

    def _octave(self, lines: list[tuple[Fraction, int, int]], at: Fraction, staff: int) -> int:
        own = [shift for place, of, shift in lines if of == staff and place <= at]
        return own[-1] if own else self.octaves[staff]

    def _attributes(self, element: etree._Element) -> None:
        self.divisions = int(element.findtext("divisions") or self.divisions)
        if element.find("time") is not None:
            beats = int(element.findtext("time/beats"))
            self.length = Fraction(4 * beats, int(element.findtext("time/beat-type")))
        for clef in element.findall("clef"):
            line = int(clef.findtext("line") or 2)
            octaves = int(clef.findtext("clef-octave-change") or 0)
            self.clefs[int(clef.get("number") or 1)] = (clef.findtext("sign"), line, octaves)

    def _count(self, element: etree._Element, lowered: int) -> None:
        page = self.page
        if element.find("rest") is not None:
            page.rests += 1
            page.printed_rests += element.get("print-object") != "no"
            return
        page.notes += 1
        page.ties += any(tie.get("type") == "stop" for tie in element.findall("tie"))
        page.tuplets += element.find("time-modification") is not None
        step, octave = element.findtext("pitch/step"), element.findtext("pitch/octave")
        sign, line, octaves = self.clefs[int(element.findtext("staff") or 1)]
        reference, own = _LINES[sign]
        bottom = reference + 7 * (own + octaves + lowered) - 2 * (line - 1)
        above = _STEPS[step] + 7 * int(octave) - bottom
        page.ledgers += (-above if above < 0 else above - 8) // 2 > 3

    def _check(self, measure: etree._Element, voices, edge: bool) -> None:
        where = f"bar {measure.get('number')}"
        for (staff, voice), spans in voices.items():
            end = Fraction(0)
            for start, stop in sorted(spans):
                if start < end:
                    self.page.faults.append(f"{where}, staff {staff}: voice {voice} overlaps")
                end = max(end, stop)
            if end > self.length:
                self.page.faults.append(f"{where}, staff {staff}: voice {voice} is over-full")
        for staff in (1, 2):
            own = {voice: spans for (at, voice), spans in voices.items() if at == staff}
            if len(own) > 2:
                self.page.faults.append(f"{where}, staff {staff}: {len(own)} voices")
            full = max(
                (sum(b - a for a, b in spans) for spans in own.values()), default=Fraction(0)
            )
            if full < self.length and not edge:
                self.page.faults.append(f"{where}, staff {staff}: {full} of {self.length} quarters")
