"""What makes a page hard to read, counted in a MusicXML file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from lxml import etree

__all__ = ["COUNTERS", "counters"]

COUNTERS = ("ties", "rests", "tuplets", "ledgers", "voices", "overlaps", "gaps")
_LOWEST = {"G": 4, "F": 3, "C": 0}
"""The step on the clef's own line."""
_CLEF_OCTAVE = {"G": 4, "F": 3, "C": 4}
_STEPS = "CDEFGAB"


def counters(path: Path) -> dict[str, float]:
    """Ties a struck note; printed rests, notes in tuplets and over three ledger lines a note head.

    ``voices`` is how many there are in a staff's bar, on average; ``overlaps`` in how many bars a
    voice overlaps itself or is longer than the bar, and ``gaps`` in how many one leaves a hole.
    """
    root = etree.parse(
        path, etree.XMLParser(no_network=True, load_dtd=False, huge_tree=True)
    ).getroot()
    count = _Count()
    for part in root.iter("part"):
        count.part(part)
    heads = max(1, count.notes + count.ties)
    shares = [number / heads for number in (count.rests, count.tuplets, count.ledgers)]
    shares = [count.ties / max(1, count.notes), *shares]
    return dict(
        zip(
            COUNTERS,
            [*shares, count.voices / max(1, count.staff_bars), count.overlaps, count.gaps],
            strict=True,
        )
    )


@dataclass(slots=True)
class _Count:
    """Counts over all parts, and the state of the part that is being read."""

    notes: int = 0
    ties: int = 0
    rests: int = 0
    tuplets: int = 0
    ledgers: int = 0
    voices: int = 0
    staff_bars: int = 0
    overlaps: int = 0
    gaps: int = 0
    divisions: int = 1
    full: Fraction = Fraction(4)
    clefs: dict[int, tuple[str, int, int]] = field(default_factory=dict)

    def part(self, part: etree._Element) -> None:
        """Count a part."""
        self.divisions, self.full, self.clefs = 1, Fraction(4), {}
        for number, measure in enumerate(part.iter("measure")):
            self.measure(measure, first=number == 0)

    def measure(self, measure: etree._Element, *, first: bool) -> None:
        """Count a measure; its voices are those of one staff and number."""
        place = Fraction(0)
        spans: dict[tuple[str, str], list[tuple[Fraction, Fraction]]] = defaultdict(list)
        for child in measure:
            if child.tag == "attributes":
                self.attributes(child)
            elif child.tag in ("backup", "forward"):
                moved = Fraction(int(child.findtext("duration")), self.divisions)
                place += moved if child.tag == "forward" else -moved
            elif child.tag == "note" and child.find("grace") is None:
                length = Fraction(int(child.findtext("duration")), self.divisions)
                if child.find("chord") is None:
                    voice = child.findtext("staff") or "1", child.findtext("voice") or "1"
                    spans[voice].append((place, place + length))
                    place += length
                self.note(child)
        self.spans(spans, first=first)

    def attributes(self, element: etree._Element) -> None:
        """Take up divisions, time and clefs."""
        self.divisions = int(element.findtext("divisions") or self.divisions)
        if element.findtext("time/beats"):
            beats = sum(map(int, element.findtext("time/beats").split("+")))
            self.full = Fraction(4 * beats, int(element.findtext("time/beat-type")))
        for clef in element.findall("clef"):
            self.clefs[int(clef.get("number") or 1)] = (
                clef.findtext("sign"),
                int(clef.findtext("line") or 2),
                int(clef.findtext("clef-octave-change") or 0),
            )

    def note(self, element: etree._Element) -> None:
        """Count a note, or a rest that is printed."""
        if element.find("rest") is not None:
            self.rests += element.get("print-object") != "no"
            return
        if "stop" in {tie.get("type") for tie in element.findall("tie")}:
            self.ties += 1
        else:
            self.notes += 1
        self.tuplets += element.find("time-modification") is not None
        self.ledgers += element.find("pitch") is not None and self.ledger_lines(element) > 3

    def ledger_lines(self, element: etree._Element) -> int:
        """How many ledger lines the note needs under its clef."""
        sign, line, octaves = self.clefs.get(int(element.findtext("staff") or 1), ("G", 2, 0))
        if sign not in _LOWEST:
            return 0
        bottom = _LOWEST[sign] + 7 * (_CLEF_OCTAVE[sign] + octaves) - 2 * (line - 1)
        height = (
            _STEPS.index(element.findtext("pitch/step"))
            + 7 * int(element.findtext("pitch/octave"))
            - bottom
        )
        return max(-height // 2, (height - 8) // 2, 0)

    def spans(
        self, spans: dict[tuple[str, str], list[tuple[Fraction, Fraction]]], *, first: bool
    ) -> None:
        """Count the voices of a measure, and those that overlap, overrun it or leave a hole."""
        self.voices += len(spans)
        self.staff_bars += len({staff for staff, _ in spans})
        longest = max((stop for voice in spans.values() for _, stop in voice), default=self.full)
        for voice in spans.values():
            voice.sort()
            clash = any(b[0] < a[1] for a, b in pairwise(voice))
            self.overlaps += clash or voice[-1][1] > self.full
            filled = sum((stop - start for start, stop in voice), Fraction(0))
            self.gaps += not first and filled < min(longest, self.full)
