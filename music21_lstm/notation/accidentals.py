"""Which notes have their accidental printed: where it is needed, and where a reader would doubt."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Accidentals"]

_FIFTHS = "FCGDAEB"

_Line = tuple[str, int]


@dataclass(slots=True)
class Accidentals:
    """Which alteration holds for each line and space of a staff, as a reader knows it.

    A courtesy accidental cancels what the bar before altered on the same line, or this bar in
    another octave; once is enough.

    >>> known = Accidentals()
    >>> known.new_bar(0)
    >>> known.shown("F", 4, 1), known.shown("F", 4, 1), known.shown("F", 5, 0)
    (True, False, True)
    >>> known.new_bar(0)
    >>> known.shown("F", 4, 0), known.shown("F", 4, 0), known.shown("F", 5, 0)
    (True, False, False)
    """

    sharps: int = 0
    altered: dict[_Line, int] = field(default_factory=dict)
    before: dict[_Line, int] = field(default_factory=dict)
    known: set[_Line] = field(default_factory=set)

    def new_bar(self, sharps: int) -> None:
        """Forget what the last bar altered, but for what a reader may still have in mind."""
        self.sharps = sharps
        self.before = self.altered
        self.altered = {}
        self.known.clear()

    def shown(self, step: str, octave: int, alteration: int, *, tied: bool = False) -> bool:
        """Whether a note needs its accidental printed; from then on it holds to the bar line."""
        line = (step, octave)
        usual = self._in_key(step)
        if tied and line not in self.altered:
            if alteration != usual:
                self.before[line] = alteration
            return False
        needed = self.altered.get(line, usual) != alteration
        if needed:
            self.altered[line] = alteration
        courtesy = not needed and line not in self.known and self._doubted(line, alteration)
        self.known.add(line)
        return (needed or courtesy) and not tied

    def _in_key(self, step: str) -> int:
        place = _FIFTHS.index(step)
        return (self.sharps > place) - (-self.sharps > 6 - place)

    def _doubted(self, line: _Line, alteration: int) -> bool:
        """Whether a reader would wonder if an alteration seen elsewhere still holds."""
        step, octave = line
        near = (self.altered.get((step, octave + by), alteration) for by in (-2, -1, 1, 2))
        return self.before.get(line, alteration) != alteration or any(
            other != alteration for other in near
        )
