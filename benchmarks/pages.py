"""Pages to look at: pages FOLDER [FILE ...] engraves MIDI files and generated music to PNG.

Without files: five pieces of each preset that is bundled. Of each piece at most two pages are drawn,
by verovio. What is still ugly on them is listed in docs/notation.md.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cairosvg
import verovio

import music21_lstm as ml
from music21_lstm.encoding import Performance
from music21_lstm.model import presets

PAGES = 2
PIECES = 5
LOOK = {
    "pageWidth": 2100,
    "pageHeight": 2970,
    "scale": 40,
    "footer": "none",
}


def draw(performance: Performance, name: str, folder: Path) -> list[Path]:
    """Engrave *performance* and draw its first pages into *folder*, as ``name-1.png`` and on."""
    toolkit = verovio.toolkit()
    toolkit.setOptions(LOOK)
    with tempfile.TemporaryDirectory() as temporary:
        score = Path(temporary) / "score.musicxml"
        ml.write(performance, score)
        if not toolkit.loadFile(str(score)):
            raise ValueError(f"{name}: verovio could not read the MusicXML file")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for number in range(1, min(PAGES, toolkit.getPageCount()) + 1):
        target = folder / f"{name}-{number}.png"
        svg = toolkit.renderToSVG(number)
        cairosvg.svg2png(bytestring=svg.encode(), write_to=str(target), background_color="white")
        drawn.append(target)
    return drawn


def generated() -> Iterator[tuple[str, Performance]]:
    """Five pieces of each bundled preset, seeds from 0, as long as the preset plays by itself."""
    for preset in presets.names():
        generator = ml.load(preset)
        for seed in range(PIECES):
            yield f"{preset}-{seed}", generator.perform(seed=seed)


def main() -> None:
    words = [Path(word) for word in sys.argv[1:] if word != "pages"]
    if not words:
        print("name a folder for the pictures: python -m benchmarks pages FOLDER [FILE ...]")
        return
    folder, files = words[0], words[1:]
    pieces = ((path.stem, ml.read(path)) for path in files) if files else generated()
    for name, performance in pieces:
        for path in draw(performance, name, folder):
            print(path)


if __name__ == "__main__":
    main()
