"""Make the bundled bank, music21-lstm.sf3, from two banks that Debian packages.

The piano (bank 0, program 0) is MuseScore General's Steinway, encoded as Vorbis and mended so that
no velocity and no key is silent. The other 127 programs of General MIDI and the standard drum kit
(bank 128, program 0) are FluidR3Mono's, their samples copied as they are. On Debian or Ubuntu::

    python soundfonts/build.py --debian

fetches both packages into a temporary folder (nothing is installed); elsewhere, give the files::

    python soundfonts/build.py --piano MuseScore_General_Full.sf2 --gm FluidR3Mono_GM.sf3

The sources are held to the SHA-256 sums in SHA256SUMS. The result is the same, byte for byte, for
the same libvorbis (soundfile 0.14 brings 1.3.7); its sum is printed at the end. The format is
SoundFont 2.04's, with the Vorbis samples of MuseScore's SF3: such a sample's start and end count
bytes, its loop counts frames from its own start.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from music21_lstm.audio.ogg import set_serial
from music21_lstm.audio.riff import chunks
from music21_lstm.files import write_bytes

HERE = Path(__file__).parent
NAME = "music21-lstm"
SUMS = HERE / "SHA256SUMS"
MOST_BYTES = 32_000_000

PIANO_PACKAGE = "musescore-general-soundfont-lossless"
PIANO_FILE = "usr/share/sounds/sf2/MuseScore_General_Full.sf2"
GM_PACKAGE = "fluidr3mono-gm-soundfont"
GM_FILE = "usr/share/fluidr3mono-gm-soundfont/FluidR3Mono_GM.sf3"

VORBIS_COMPRESSION = 0.5
"""libsndfile's scale: 0 is the best and largest, 1 the smallest."""

KEY_RANGE, VELOCITY_RANGE, ATTENUATION, INSTRUMENT, SAMPLE = 43, 44, 48, 41, 53  # generators
LINKED, VORBIS, MONO = 0x0E, 0x10, 0x01  # bits of a sample's type

PIANO_KEYS = (12, 108)
PIANO_VELOCITIES = (3, 127)
"""What the piano answers to as it comes: the outermost keys and velocities of its zones."""

PEAK = 0.97
"""The peak of the piano's samples before they are encoded; see :meth:`Piano.encoded`."""

TABLES = {
    "phdr": struct.Struct(
        "<20sHHHIII"
    ),  # name, program, bank, first bag, library, genre, morphology
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


@dataclass(eq=False)
class Bank:
    """A bank's tables, and its file for the samples."""

    file: BinaryIO
    samples_at: int
    tables: dict[str, list[Row]]

    @classmethod
    def read(cls, path: Path) -> Self:
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

    def preset_zones(self, at: int) -> list[Zone]:
        """The zones of the preset at a place of the table."""
        headers = self.tables["phdr"]
        return self._zones("p", headers[at][3], headers[at + 1][3])

    def instrument_zones(self, at: int) -> list[Zone]:
        """The zones of the instrument at a place of the table."""
        names = self.tables["inst"]
        return self._zones("i", names[at][1], names[at + 1][1])

    def sample(self, at: int) -> tuple[bytes, Row]:
        """A sample as it stands in the file (Ogg Vorbis, or 16-bit frames), and its header."""
        header = self.tables["shdr"][at]
        _, start, end, *_, kind = header
        width = 1 if kind & VORBIS else 2
        self.file.seek(self.samples_at + width * start)
        return self.file.read(width * (end - start)), header

    def _zones(self, kind: str, first: int, stop: int) -> list[Zone]:
        bags, gens, mods = (self.tables[kind + name] for name in ("bag", "gen", "mod"))
        return [
            (gens[g:next_g], mods[m:next_m])
            for (g, m), (next_g, next_m) in zip(
                bags[first:stop], bags[first + 1 : stop + 1], strict=True
            )
        ]


class Piano(Bank):
    """MuseScore General's piano, encoded, and mended so that no velocity and no key is silent."""

    def preset_zones(self, at: int) -> list[Zone]:
        """The zones, down to the softest velocity."""
        return widened(super().preset_zones(at), VELOCITY_RANGE, PIANO_VELOCITIES)

    def instrument_zones(self, at: int) -> list[Zone]:
        """The zones, from the lowest to the highest key, at the level that the samples had."""
        zones = widened(super().instrument_zones(at), KEY_RANGE, PIANO_KEYS)
        common: int = dict[int, int](zones[0][0]).get(ATTENUATION, 0)
        return [(self._levelled(generators, common), mods) for generators, mods in zones]

    def _levelled(self, generators: list[Row], common: int) -> list[Row]:
        """A zone's generators, its own or the *common* attenuation raised by the sample's."""
        own = dict[int, int](generators)
        if SAMPLE not in own:
            return generators
        sample = own.pop(SAMPLE)  # which must stand last, as the ranges must first
        own[ATTENUATION] = own.get(ATTENUATION, common) + self.encoded(sample)[1]
        return [*own.items(), (SAMPLE, sample)]

    def sample(self, at: int) -> tuple[bytes, Row]:
        """The sample as Ogg Vorbis, with the header that belongs to it."""
        name, start, _, loop, loop_end, *middle, kind = self.tables["shdr"][at]
        data = self.encoded(at)[0]
        return data, (name, 0, len(data), loop - start, loop_end - start, *middle, kind | VORBIS)

    @cache  # noqa: B019 - the one piano lives as long as the script
    def encoded(self, at: int) -> tuple[bytes, int]:
        """The sample as Ogg Vorbis, and the attenuation that gives it back its level.

        FluidSynth 2.5 brings each Vorbis sample to full scale when it decodes it (2.3.1 does not),
        which would make the softly recorded keys stick out by up to 4 dB. So the samples are near
        full scale from the start, and it makes no difference. The attenuation is reckoned from the
        peak after decoding; its unit is 0.04 dB in every synthesizer that follows the EMU
        hardware, FluidSynth among them.
        """
        frames, header = super().sample(at)
        sound = np.frombuffer(frames, "<i2") / 32768
        scale = PEAK / np.abs(sound).max()
        data = vorbis((sound * scale).astype(np.float32), header[5])
        decoded, _ = soundfile.read(io.BytesIO(data), dtype="float32")
        gain = scale / float(np.abs(decoded).max())
        return data, round(25 * 20 * math.log10(gain))


@dataclass
class Composite:
    """A new bank that presets are copied into, with the instruments and samples they need."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    samples: bytearray = field(default_factory=bytearray)

    def add(self, bank: Bank, wanted: Iterable[tuple[int, int]]) -> None:
        """Copy the *wanted* presets, ``(bank, program)``, of *bank*.

        The instruments that the presets name, and then the samples that those name, get numbers
        that go on from what is here already, in the order in which they are first met.
        """
        presets = bank.presets()
        instruments: dict[int, int] = {}
        samples: dict[int, int] = {}
        for at in map(presets.__getitem__, wanted):
            header = bank.tables["phdr"][at]
            self.tables["phdr"].append((*header[:3], len(self.tables["pbag"]), 0, 0, 0))
            base = len(self.tables["inst"])
            self._zones("p", bank.preset_zones(at), INSTRUMENT, base, instruments)
        for at in instruments:
            self.tables["inst"].append((bank.tables["inst"][at][0], len(self.tables["ibag"])))
            base = len(self.tables["shdr"])
            self._zones("i", bank.instrument_zones(at), SAMPLE, base, samples)
        base = len(self.tables["shdr"])
        for at in samples:
            self._sample(*bank.sample(at), base, samples)

    def _zones(
        self, kind: str, zones: list[Zone], operator: int, base: int, numbers: dict[int, int]
    ) -> None:
        """Append *zones*; what they name by *operator* is numbered anew, from *base* on."""
        bags, gens, mods = (self.tables[kind + name] for name in ("bag", "gen", "mod"))
        for generators, modulators in zones:
            bags.append((len(gens), len(mods)))
            for op, amount in generators:
                if op == operator:
                    gens.append((op, base + numbers.setdefault(amount, len(numbers))))
                else:
                    gens.append((op, amount))
            mods += modulators

    def _sample(self, data: bytes, header: Row, base: int, numbers: dict[int, int]) -> None:
        name, _, _, *middle, link, kind = header
        if kind & LINKED and link in numbers:
            link = base + numbers[link]
        else:  # The other side of the pair is used nowhere, and is left behind.
            link, kind = 0, MONO | VORBIS
        start = len(self.samples)
        self.samples += data
        self.tables["shdr"].append((name, start, len(self.samples), *middle, link, kind))

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


def vorbis(sound: NDArray[np.float32], rate: int) -> bytes:
    """A mono *sound* as Ogg Vorbis, the same bytes each time."""
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
        # libvorbis overflows its stack when it is given a long sample in one piece.
        for start in range(0, len(sound), 1 << 14):
            target.write(sound[start : start + (1 << 14)])
    set_serial(stream, 0)
    return stream.getvalue()


def widened(zones: list[Zone], operator: int, limits: tuple[int, int]) -> list[Zone]:
    """*zones*, their ranges (of keys or velocities) that end at *limits* widened to 0 and 127."""

    def wide(op: int, amount: int) -> Row:
        if op != operator:
            return op, amount
        low, high = amount & 0xFF, amount >> 8
        return op, (0 if low == limits[0] else low) | (127 if high == limits[1] else high) << 8

    return [([wide(*row) for row in generators], modulators) for generators, modulators in zones]


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
        "IENG": text(
            "S. Christian Collins (piano); Michael Cowgill, Frank Wen and others (the rest)"
        ),
        "ICOP": text(
            "MIT; (c) Frank Wen, Michael Cowgill, S. Christian Collins and others, see ICMT"
        ),
        "ICMT": text(licences),
        "ISFT": text("music21-lstm soundfonts/build.py"),
    }


def build(piano: Path, gm: Path) -> bytes:
    """The composite bank, from MuseScore General and FluidR3Mono."""
    composite = Composite()
    composite.add(Piano.read(piano), [(0, 0)])
    composite.add(Bank.read(gm), [*((0, program) for program in range(1, 128)), (128, 0)])
    return composite.finish(info())


def fetch(package: str, name: str, folder: Path) -> Path:
    """The file *name* of a Debian package, unpacked into *folder*; nothing is installed."""
    try:
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)  # noqa: S607
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{package} cannot be fetched ({error}); give the files with --piano and --gm")
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
    sums = {name: found for found, name in map(str.split, SUMS.read_text("ascii").splitlines())}
    with tempfile.TemporaryDirectory() as folder:
        piano = options.piano or fetch(PIANO_PACKAGE, PIANO_FILE, Path(folder))
        gm = options.gm or fetch(GM_PACKAGE, GM_FILE, Path(folder))
        data = build(checked(piano, sums), checked(gm, sums))
    if len(data) > MOST_BYTES:
        sys.exit(
            f"the bank is {len(data):,} bytes; {MOST_BYTES:,} is the most that a wheel may carry"
        )
    write_bytes(options.output, data)
    found = hashlib.sha256(data).hexdigest()
    print(f"{found}  {options.output.name}")
    same = "the same as" if found == sums.get(f"{NAME}.sf3") else "NOT the same as"
    print(f"{len(data):,} bytes, {same} the bank in {SUMS.name}")


if __name__ == "__main__":
    main()
