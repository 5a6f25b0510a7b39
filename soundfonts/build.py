"""Make the bundled bank, music21-lstm.sf3, from two banks that Debian packages.

The piano (bank 0, program 0) is MuseScore General's Steinway, encoded as Vorbis and mended so that
no velocity and no key is silent. The other 127 programs of General MIDI and the standard drum kit
(bank 128, program 0) are FluidR3Mono's, their samples copied as they are. On Debian or Ubuntu::

    python soundfonts/build.py --debian

fetches both packages into a temporary folder (nothing is installed); anywhere else, give the files::

    python soundfonts/build.py --piano MuseScore_General_Full.sf2 --gm FluidR3Mono_GM.sf3

The sources are held to the SHA-256 sums in SHA256SUMS. The result is the same, byte for byte, for
the same versions of NumPy's int16, soundfile and its libvorbis; its sum is printed at the end.
The format is SoundFont 2.04's, with the Vorbis samples of MuseScore's SF3: such a sample's start
and end count bytes, its loop counts frames from its own start.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile

from music21_lstm.audio.ogg import set_serial
from music21_lstm.audio.riff import chunks

HERE = Path(__file__).parent
NAME = "music21-lstm"
SUMS = HERE / "SHA256SUMS"
MOST_BYTES = 32_000_000

PIANO_PACKAGE = "musescore-general-soundfont-lossless"
PIANO_FILE = "usr/share/sounds/sf2/MuseScore_General_Full.sf2"
GM_PACKAGE = "fluidr3mono-gm-soundfont"
GM_FILE = "usr/share/fluidr3mono-gm-soundfont/FluidR3Mono_GM.sf3"

VORBIS_COMPRESSION = 0.7
"""libsndfile's scale: 0 is the best and largest, 1 the smallest."""

KEY_RANGE, VELOCITY_RANGE, INSTRUMENT, SAMPLE = 43, 44, 41, 53  # generator numbers
LINKED, VORBIS, MONO = 0x0E, 0x10, 0x01  # bits of a sample's type

TABLES = {
    "phdr": struct.Struct("<20sHHHIII"),  # name, program, bank, first bag, library, genre, morphology
    "pbag": struct.Struct("<HH"),  # first generator, first modulator
    "pmod": struct.Struct("<HHhHH"),
    "pgen": struct.Struct("<HH"),  # operator, amount
    "inst": struct.Struct("<20sH"),  # name, first bag
    "ibag": struct.Struct("<HH"),
    "imod": struct.Struct("<HHhHH"),
    "igen": struct.Struct("<HH"),
    "shdr": struct.Struct("<20sIIIIIBbHH"),  # name, start, end, loop start, loop end, rate, pitch,
}  # correction, link, type

Row = tuple[Any, ...]
Zone = tuple[list[Row], list[Row]]
"""A zone's generators and modulators."""


@dataclass
class Bank:
    """A bank's tables, and its file for the samples."""

    file: BinaryIO
    samples_at: int
    tables: dict[str, list[Row]]

    @classmethod
    def read(cls, path: Path) -> Bank:
        """The bank in a file, which stays open."""
        file = path.open("rb")
        tables: dict[str, list[Row]] = {}
        samples_at = 0
        size = path.stat().st_size
        for group in chunks(file, 12, size):
            for chunk in chunks(file, group.start + 4, group.stop):
                name = chunk.name.decode("ascii")
                if name == "smpl":
                    samples_at = chunk.start
                elif name in TABLES:
                    file.seek(chunk.start)
                    tables[name] = list(TABLES[name].iter_unpack(file.read(chunk.size)))
        return cls(file, samples_at, tables)

    def presets(self) -> dict[tuple[int, int], int]:
        """Each preset's place in the table, by bank and program."""
        return {(row[2], row[1]): at for at, row in enumerate(self.tables["phdr"][:-1])}

    def zones(self, kind: str, first: int, stop: int) -> list[Zone]:
        """The zones of a preset (*kind* ``"p"``) or an instrument (``"i"``)."""
        bags, gens, mods = (self.tables[kind + name] for name in ("bag", "gen", "mod"))
        return [
            (gens[g:next_g], mods[m:next_m])
            for (g, m), (next_g, next_m) in zip(
                bags[first:stop], bags[first + 1 : stop + 1], strict=True
            )
        ]

    def sample(self, at: int) -> bytes:
        """A sample as it stands in the file: Ogg Vorbis, or 16-bit frames."""
        _, start, end, *_, kind = self.tables["shdr"][at]
        width = 1 if kind & VORBIS else 2
        self.file.seek(self.samples_at + width * start)
        return self.file.read(width * (end - start))


@dataclass
class Composite:
    """A new bank that presets are copied into, with the instruments and samples they need."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    samples: bytearray = field(default_factory=bytearray)

    def add(self, bank: Bank, wanted: Iterable[tuple[int, int]], *, mend: bool = False) -> None:
        """Copy the *wanted* presets, ``(bank, program)``, of *bank*; for *mend* see :func:`mended`.

        The instruments that the presets name, and then the samples that those name, get numbers
        that go on from what is here already, in the order in which they are first met.
        """
        presets, headers = bank.presets(), bank.tables["phdr"]
        rows = [headers[presets[key]] for key in wanted]
        parts = [bank.zones("p", row[3], headers[presets[row[2], row[1]] + 1][3]) for row in rows]
        instruments: dict[int, int] = {}
        for row, zones in zip(rows, mended(parts, VELOCITY_RANGE) if mend else parts, strict=True):
            self.tables["phdr"].append((*row[:3], len(self.tables["pbag"]), 0, 0, 0))
            self._zones("p", zones, instruments)
        table = bank.tables["inst"]
        parts = [bank.zones("i", table[old][1], table[old + 1][1]) for old in instruments]
        samples: dict[int, int] = {}
        for old, zones in zip(
            instruments, mended(parts, KEY_RANGE) if mend else parts, strict=True
        ):
            self.tables["inst"].append((table[old][0], len(self.tables["ibag"])))
            self._zones("i", zones, samples)
        self._samples(bank, samples)

    def _zones(self, kind: str, zones: list[Zone], numbers: dict[int, int]) -> None:
        link, base = (
            (INSTRUMENT, len(self.tables["inst"]))
            if kind == "p"
            else (SAMPLE, len(self.tables["shdr"]))
        )
        gens, mods = self.tables[kind + "gen"], self.tables[kind + "mod"]
        for generators, modulators in zones:
            self.tables[kind + "bag"].append((len(gens), len(mods)))
            for operator, amount in generators:
                if operator == link:
                    number = base + numbers.setdefault(amount, len(numbers))
                    gens.append((operator, number))
                else:
                    gens.append((operator, amount))
            mods += modulators

    def _samples(self, bank: Bank, numbers: dict[int, int]) -> None:
        base = len(self.tables["shdr"])
        for old in numbers:
            name, start, end, loop, loop_end, rate, pitch, cents, link, kind = bank.tables["shdr"][
                old
            ]
            data = bank.sample(old)
            if not kind & VORBIS:
                data = vorbis(data, rate)
                loop, loop_end, kind = loop - start, loop_end - start, kind | VORBIS
            if kind & LINKED and link in numbers:
                link = base + numbers[link]
            else:  # The other side of the pair is used nowhere, and is left behind.
                link, kind = 0, MONO | VORBIS
            start = len(self.samples)
            self.samples += data
            end = len(self.samples)
            self.tables["shdr"].append(
                (name, start, end, loop, loop_end, rate, pitch, cents, link, kind)
            )

    def finish(self, info: dict[str, bytes]) -> bytes:
        """The whole file."""
        tables = {name: list(rows) for name, rows in self.tables.items()}
        tables["phdr"].append((b"EOP", 0, 0, len(tables["pbag"]), 0, 0, 0))
        tables["inst"].append((b"EOI", len(tables["ibag"])))
        for kind in "pi":
            tables[kind + "bag"].append((len(tables[kind + "gen"]), len(tables[kind + "mod"])))
            tables[kind + "gen"].append((0, 0))
            tables[kind + "mod"].append((0, 0, 0, 0, 0))
        tables["shdr"].append((b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0))
        packed = {
            name: b"".join(TABLES[name].pack(*row) for row in rows) for name, rows in tables.items()
        }
        body = b"sfbk" + boxed("LIST", b"INFO" + boxes(info))
        body += boxed("LIST", b"sdta" + boxes({"smpl": bytes(self.samples)}))
        body += boxed("LIST", b"pdta" + boxes(packed))
        return boxed("RIFF", body)


def boxed(name: str, data: bytes) -> bytes:
    """*data* as a RIFF chunk, padded to an even size."""
    return name.encode("ascii") + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def boxes(parts: dict[str, bytes]) -> bytes:
    """Chunks one after the other."""
    return b"".join(boxed(name, data) for name, data in parts.items())


def vorbis(frames: bytes, rate: int) -> bytes:
    """16-bit mono *frames* as Ogg Vorbis, the same bytes each time."""
    stream = io.BytesIO()
    with soundfile.SoundFile(
        stream,
        "w",
        samplerate=rate,
        channels=1,
        format="OGG",
        subtype="VORBIS",
        compression_level=VORBIS_COMPRESSION,
    ) as target:
        samples = np.frombuffer(frames, "<i2")
        # libvorbis overflows its stack when it is given a long sample in one piece.
        for start in range(0, len(samples), 1 << 14):
            target.write(samples[start : start + (1 << 14)])
    set_serial(stream, 0)
    return stream.getvalue()


def mended(parts: list[list[Zone]], operator: int) -> list[list[Zone]]:
    """The zones of presets or instruments, the outermost of their ranges widened to 0 and 127.

    The piano's velocities start at 3, so that what is played softer is silent, and its keys end
    where a piano's do. It is built of several instruments side by side, whose inner borders stay.
    """
    generators = [pair for zones in parts for pairs, _ in zones for pair in pairs]
    limits = [(amount & 0xFF, amount >> 8) for op, amount in generators if op == operator]
    lowest, highest = min(low for low, _ in limits), max(high for _, high in limits)

    def widened(op: int, amount: int) -> Row:
        if op != operator:
            return op, amount
        low, high = amount & 0xFF, amount >> 8
        return op, (0 if low == lowest else low) | (127 if high == highest else high) << 8

    return [[([widened(*pair) for pair in pairs], mods) for pairs, mods in zones] for zones in parts]


def text(value: str) -> bytes:
    """A text of the INFO list: UTF-8, ended by one or two zero bytes so that its size is even."""
    data = value.encode("utf-8") + b"\0"
    return data + b"\0" * (len(data) & 1)


def info() -> dict[str, bytes]:
    """What the bank says of itself; the comment is both licences in full."""
    licences = "\n\n".join(
        path.read_text("utf-8") for path in sorted((HERE / "LICENSES").glob("*.txt"))
    )
    return {
        "ifil": struct.pack("<HH", 3, 1),
        "isng": text("EMU8000"),
        "INAM": text(NAME),
        "IENG": text("S. Christian Collins (piano); Michael Cowgill, Frank Wen and others (the rest)"),
        "ICOP": text("MIT; (c) Frank Wen, Michael Cowgill, S. Christian Collins and others, see ICMT"),
        "ICMT": text(licences),
        "ISFT": text("music21-lstm soundfonts/build.py"),
    }


def build(piano: Path, gm: Path) -> bytes:
    """The composite bank, from MuseScore General and FluidR3Mono."""
    composite = Composite()
    composite.add(Bank.read(piano), [(0, 0)], mend=True)
    composite.add(Bank.read(gm), [*((0, program) for program in range(1, 128)), (128, 0)])
    return composite.finish(info())


def fetch(package: str, name: str, folder: Path) -> Path:
    """The file *name* of a Debian package, unpacked into *folder*; nothing is installed."""
    subprocess.run(["apt-get", "download", package], cwd=folder, check=True)  # noqa: S607
    (archive,) = folder.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)  # noqa: S607
    return folder / name


def checked(path: Path, sums: dict[str, str]) -> Path:
    """*path*, if its SHA-256 is the one that SHA256SUMS gives for a file of this name."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if sums.get(path.name, found) != found:
        sys.exit(f"{path}: its SHA-256 is {found}; {SUMS.name} has {sums[path.name]}")
    print(f"{found}  {path.name}")
    return path


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the bundled soundfont.")
    parser.add_argument("--piano", type=Path, help="MuseScore_General_Full.sf2")
    parser.add_argument("--gm", type=Path, help="FluidR3Mono_GM.sf3")
    parser.add_argument("--debian", action="store_true", help="fetch both from Debian's packages")
    parser.add_argument("-o", "--output", type=Path, default=HERE / f"{NAME}.sf3")
    options = parser.parse_args()
    if not options.debian and not (options.piano and options.gm):
        parser.error("give --piano and --gm, or --debian")
    sums = dict(reversed(line.split()) for line in SUMS.read_text("ascii").splitlines())
    with tempfile.TemporaryDirectory() as folder:
        piano = options.piano or fetch(PIANO_PACKAGE, PIANO_FILE, Path(folder))
        gm = options.gm or fetch(GM_PACKAGE, GM_FILE, Path(folder))
        data = build(checked(piano, sums), checked(gm, sums))
    if len(data) > MOST_BYTES:
        sys.exit(f"the bank is {len(data):,} bytes; {MOST_BYTES:,} is the most that a wheel may carry")
    options.output.write_bytes(data)
    print(f"{hashlib.sha256(data).hexdigest()}  {options.output.name}  ({len(data):,} bytes)")


if __name__ == "__main__":
    main()
