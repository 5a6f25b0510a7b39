"""Making what was ordered, in a process of its own that can be stopped."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from music21_lstm.errors import FileError, Music21LstmError
from music21_lstm.studio.order import Order

if TYPE_CHECKING:
    from music21_lstm.encoding.performance import Performance
    from music21_lstm.generation import Generator
    from music21_lstm.pages import Piece

__all__ = ["STAGES", "Made", "work"]

STAGES = ("waiting", "reading", "improvising", "engraving the score, rendering the sound", "done")

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: the identifier of the files, and what a fill of it has to know."""

    title: str
    preset: str
    seed: int
    notes: int


def work(pipe: Connection, folder: str) -> None:
    """Make one order after the other, as ``(identifier, order, earlier title)`` come in by *pipe*.

    Answers are ``("stage", text)``, and at the end ``("done", Made)`` or ``("failed", line)``.
    """
    while True:
        try:
            name, order, before = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            made = _make(name, order, before, Path(folder), lambda text: pipe.send(("stage", text)))
        except Music21LstmError as error:
            pipe.send(("failed", " ".join(str(error).split())))
        except Exception as error:
            # Whatever an upload provokes: the next order is made all the same.
            logging.getLogger(__name__).exception("an order failed")
            pipe.send(
                ("failed", f"this is a fault of the program: {type(error).__name__}: {error}")
            )
        else:
            pipe.send(("done", made))


@lru_cache(maxsize=4)
def _generator(preset: str) -> Generator:
    from music21_lstm.generation import load

    return load(preset)


def _make(name: str, order: Order, before: str, folder: Path, tell: Tell) -> Made:
    from music21_lstm.pages import page
    from music21_lstm.pipeline import read, write

    tell(STAGES[1])
    generator = _generator(order.preset)
    piece = (
        _improvised(generator, order, tell)
        if order.fill is None
        else _filled(generator, order, before, folder, tell)
    )
    tell(STAGES[3])
    page(piece, selectable=True).write(folder / f"{name}.html")
    write(piece.source, folder / f"{name}.notetext")
    return Made(piece.title, order.preset, piece.seed or 0, len(read(piece.source).notes))


def _improvised(generator: Generator, order: Order, tell: Tell) -> Piece:
    from music21_lstm.pages import improvised

    primer = _primer(order)
    tell(STAGES[2])
    options: Any = {order.unit: order.amount, "temperature": order.temperature, "seed": order.seed}
    options |= {"key": order.key, "density": order.density}
    given = {name: _plain(value) for name, value in options.items() if value is not None}
    [piece] = improvised(generator, primer, **given)
    named = {"primer": order.corpus or order.name} if primer else {}
    if order.measures and primer:
        named["primer_measures"] = "{}-{}".format(*order.measures)
    told = {**named, **piece.options}
    return replace(
        piece, options=told, command=_command("generate", order.preset, piece.seed, told)
    )


_ANEW = re.compile(r"(.+), bars? ([0-9, -]+) anew")
"""A title of a piece of which bars were written anew."""


def _plain(value: Any) -> Any:
    """8.0 as 8."""
    return int(value) if isinstance(value, float) and value == int(value) else value


def _filled(generator: Generator, order: Order, before: str, folder: Path, tell: Tell) -> Piece:
    from music21_lstm.pages import Piece
    from music21_lstm.pipeline import read

    fill = order.fill
    if fill is None:
        raise Music21LstmError("no bars were chosen; choose some in the score")
    old = read(folder / f"{fill.of}.notetext")
    tell(STAGES[2])
    found = generator.fill(
        old, fill.first, fill.last, temperature=order.temperature, seed=order.seed
    )
    measures, seed = f"{fill.first}-{fill.last}", found.editorial["fill"].seed
    options: Mapping[str, object] = {"measures": measures, "temperature": order.temperature}
    return Piece(
        read(found),
        title=_anew(before, fill.first, fill.last),
        composer="music21-lstm",
        preset=order.preset,
        seed=seed,
        options=options,
        command=_command("fill old.mid", order.preset, seed, {**options, "candidates": 1}),
        judge=generator,
    )


def _anew(before: str, first: int, last: int) -> str:
    """The title of a piece called *before* in which more bars were written anew.

    >>> _anew("piano 7", 2, 3), _anew("piano 7, bars 2-3 anew", 5, 5)
    ('piano 7, bars 2-3 anew', 'piano 7, bars 2-3, 5 anew')
    """
    base, earlier = before, ""
    if told := _ANEW.fullmatch(before):
        base, earlier = told[1], f"{told[2]}, "
    now = f"{first}-{last}" if last > first else str(first)
    several = "s" if earlier or last > first else ""
    return f"{base}, bar{several} {earlier}{now} anew"


def _command(verb: str, preset: str, seed: int | None, options: Mapping[str, object]) -> str:
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    asked = shlex.join([f"--preset={preset}", *words, f"--seed={seed}", "-o", "new.mid"])
    return f"music21-lstm {verb} {asked}"


def _primer(order: Order) -> Performance | None:
    """What is to be continued."""
    from music21_lstm.pipeline import read, score_from
    from music21_lstm.streams.decode import engraved_stream

    if order.upload:
        source: Any = _uploaded(order)
    elif order.corpus:
        source = score_from(order.corpus)
    else:
        return None
    if order.measures is None:
        return read(source)
    score = engraved_stream(source) if not hasattr(source, "measures") else source
    score = score.measures(*order.measures)
    if not score.recurse().notes:
        raise FileError("the primer has no notes in these measures; choose others")
    return read(score)


def _uploaded(order: Order) -> Any:
    from music21_lstm.encoding.midi import is_midi
    from music21_lstm.pipeline import read
    from music21_lstm.streams.reading import MIDI_SUFFIXES, is_musicxml, score_of

    name, data = order.name.lower(), order.upload
    if is_musicxml(data) or name.endswith((".musicxml", ".xml")):
        return score_of(data)
    if name.endswith(MIDI_SUFFIXES) and not is_midi(data):
        raise FileError("the file is no MIDI file, though its name says so; get a sound copy")
    return read(data)
