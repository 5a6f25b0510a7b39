"""The text of a performance: ``rs_480 0_no_60_80 480_nf_60_64``.

One table says what can be written: a mnemonic, the event it stands for, and its fields in order
(their ranges are the event's own). docs/notetext.md is the specification.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from music21_lstm.encoding.events import (
    MAX_RESOLUTION,
    ControlChange,
    Event,
    KeySignature,
    NoteOff,
    NoteOn,
    SetTempo,
    TimeSignature,
)
from music21_lstm.encoding.performance import DEFAULT_RESOLUTION, Performance
from music21_lstm.errors import EventError, NoteTextError
from music21_lstm.memory import growing

__all__ = ["MNEMONICS", "event_of", "performance_of", "text_of", "token_of"]


@dataclass(frozen=True, slots=True)
class Mnemonic:
    """One row of the grammar: how an event is spelled and read."""

    name: str
    event: type[Event]
    fields: tuple[str, ...]
    read: Callable[[int, list[str]], Event]
    spell: Callable[[Event], str]


def _note_on(delta: int, values: list[str]) -> Event:
    pitch, velocity = values
    if int(velocity):
        return NoteOn(delta, int(pitch), int(velocity))
    return NoteOff(delta, int(pitch), 0, as_note_on=True)


def _note_off(delta: int, values: list[str]) -> Event:
    pitch, velocity = values
    return NoteOff(delta, int(pitch), int(velocity))


def _whole_numbers(event: type[Event]) -> Callable[[int, list[str]], Event]:
    def read(delta: int, values: list[str]) -> Event:
        return event(delta, *map(int, values))  # type: ignore[arg-type]

    return read


def _key_signature(delta: int, values: list[str]) -> Event:
    sharps, mode = values
    return KeySignature(delta, int(sharps), mode)  # type: ignore[arg-type]


def _spell_note_off(event: NoteOff) -> str:
    if event.as_note_on and event.velocity == 0:
        return f"{event.delta}_no_{event.pitch}_0"
    return f"{event.delta}_nf_{event.pitch}_{event.velocity}"


# fmt: off
MNEMONICS: tuple[Mnemonic, ...] = (
    Mnemonic("no", NoteOn, ("pitch", "velocity"), _note_on,
             lambda e: f"{e.delta}_no_{e.pitch}_{e.velocity}"),                        # type: ignore[union-attr]
    Mnemonic("nf", NoteOff, ("pitch", "velocity"), _note_off,
             _spell_note_off),                                                         # type: ignore[arg-type]
    Mnemonic("cc", ControlChange, ("channel", "control", "value"), _whole_numbers(ControlChange),
             lambda e: f"{e.delta}_cc_{e.channel}_{e.control}_{e.value}"),             # type: ignore[union-attr]
    Mnemonic("st", SetTempo, ("bpm", "mpqn"), _whole_numbers(SetTempo),
             lambda e: f"{e.delta}_st_{e.bpm}_{e.mpqn}"),                              # type: ignore[union-attr]
    Mnemonic("ts", TimeSignature, ("numerator", "denominator"), _whole_numbers(TimeSignature),
             lambda e: f"{e.delta}_ts_{e.numerator}_{e.denominator}"),                 # type: ignore[union-attr]
    Mnemonic("ks", KeySignature, ("sharps", "mode"), _key_signature,
             lambda e: f"{e.delta}_ks_{e.sharps}_{e.mode}"),                           # type: ignore[union-attr]
)
# fmt: on

_ROWS = {row.name: row for row in MNEMONICS}
_READ = {row.name: row.read for row in MNEMONICS}
_SPELL: dict[type, Callable[[Event], str]] = {row.event: row.spell for row in MNEMONICS}
_KNOWN = ", ".join(row.name for row in MNEMONICS)
_NUMBER = re.compile(r"-?[0-9]{1,9}\Z")
"""Nine digits hold every range there is."""


def token_of(event: Event) -> str:
    """Spell *event* as one token; the inverse of :func:`event_of`.

    >>> token_of(NoteOff(13, 79, 64))
    '13_nf_79_64'
    """
    return _SPELL[event.__class__](event)


def event_of(token: str) -> Event:
    """Read one *token* as an event; the inverse of :func:`token_of`.

    Raises :class:`~music21_lstm.errors.NoteTextError` if the token is none.

    >>> event_of("13_nf_79_64")
    NoteOff(delta=13, pitch=79, velocity=64)
    """
    delta, _, rest = token.partition("_")
    kind, *values = rest.split("_")
    # A fast way for the many good tokens; the slow way finds out what is wrong with the few.
    # int() reads more than plain digits: '+5', ' 5' and digits of other scripts.
    plain = token.isascii() and token.isprintable()
    if plain and " " not in token and "+" not in token and "-0" not in token:
        try:
            return _READ[kind](int(delta), values)
        except (KeyError, ValueError):
            pass
    raise _explained(token, delta, kind, values)


def _explained(token: str, delta: str, kind: str, values: list[str]) -> NoteTextError:
    """What is wrong with a token, in one line."""
    where = f"token {_shown(token)}"
    if not kind:
        return NoteTextError(f"{where}: not an event; one looks like 0_no_60_80")
    row = _ROWS.get(kind)
    if kind == "rs" or delta == "rs":
        return NoteTextError(
            f"{where}: the resolution rs_… may stand only once, as the first token"
        )
    if row is None and not _NUMBER.match(delta):
        return NoteTextError(f"{where}: unknown event kind {_shown(delta)}; known kinds: {_KNOWN}")
    if row is None:
        return NoteTextError(f"{where}: unknown event kind {_shown(kind)}; known kinds: {_KNOWN}")
    if len(values) != len(row.fields):
        form = "_".join(["<delta>", kind, *(f"<{name}>" for name in row.fields)])
        return NoteTextError(f"{where}: {len(values)} values where {form} takes {len(row.fields)}")
    ranges = {name: (low, high) for name, low, high in row.event.RANGES}
    for name, text in zip(("delta", *row.fields), (delta, *values), strict=True):
        if name not in ranges:
            continue
        low, high = (0 if kind == "no" and name == "velocity" else ranges[name][0]), ranges[name][1]
        if not _NUMBER.match(text) or not low <= int(text) <= high:
            return NoteTextError(
                f"{where}: {name} is {_shown(text)}; it must be a whole number from {low} to {high}"
            )
    try:
        row.read(int(delta), values)
    except EventError as error:
        return NoteTextError(f"{where}: {error}")
    return NoteTextError(f"{where}: only plain digits and '-' are numbers here")


def _shown(text: str) -> str:
    """*text* quoted for a message, cut if it is long (binary data in disguise)."""
    return repr(text if len(text) <= 40 else text[:37] + "…")


def text_of(performance: Performance, *, header: bool = True, separator: str = "\n") -> str:
    """Write *performance* as notetext; the inverse of :func:`performance_of`.

    The header is ``rs_<resolution>``; tokens stand between *separator*, one a line by default.
    """
    tokens = [_SPELL[event.__class__](event) for event in performance.events]
    if header:
        tokens.insert(0, f"rs_{performance.resolution}")
    return separator.join(tokens) + "\n"


def performance_of(text: str, *, resolution: int = DEFAULT_RESOLUTION) -> Performance:
    """Read notetext; the inverse of :func:`text_of`.

    *resolution* is used where the text has no ``rs_`` header. A byte order mark is skipped; ``#``
    starts a comment that runs to the end of the line.

    Raises :class:`~music21_lstm.errors.NoteTextError` naming the line and the token.

    >>> performance_of("0_no_60_80 480_nf_60_64  # a C").resolution
    480
    """
    Performance(resolution)  # a wrong argument is an error also where the text has a header
    text = text.removeprefix("\ufeff")
    first = next(_tokens(text), None)
    found = _resolution_of(*first) if first and first[1].startswith("rs") else None
    plain = iter(text.split())
    stream = (token for _, token in _tokens(text)) if "#" in text else plain
    if found is not None:
        next(stream)
    try:
        with growing():
            events = [event_of(token) for token in stream]
    except NoteTextError:
        raise _located(text, found is not None) from None
    return Performance(found or resolution, events)


def _tokens(text: str) -> Iterator[tuple[int, str]]:
    """Each token with the number of its line, from 1; comments left out."""
    for number, line in enumerate(text.splitlines(), 1):
        for token in line.partition("#")[0].split():
            yield number, token


def _resolution_of(line: int, token: str) -> int:
    """The ticks per quarter of a header token."""
    value = token.removeprefix("rs_")
    if value == token or not _NUMBER.match(value) or not 1 <= int(value) <= MAX_RESOLUTION:
        raise NoteTextError(
            f"line {line}, token {_shown(token)}: a header is rs_<ticks per quarter>, "
            f"from rs_1 to rs_{MAX_RESOLUTION}"
        )
    return int(value)


def _located(text: str, header: bool) -> NoteTextError:
    """The error of the first bad token, with its line."""
    for place, (line, token) in enumerate(_tokens(text)):
        if header and place == 0:
            continue
        try:
            event_of(token)
        except NoteTextError as error:
            return NoteTextError(f"line {line}, {error}")
    raise AssertionError("a token failed that is good")  # pragma: no cover
