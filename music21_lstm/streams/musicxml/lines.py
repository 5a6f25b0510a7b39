"""The text of a note and of a rest, from what they have."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["LINKS", "Head", "Value", "note_line", "rest_line", "whole_rest_line"]

LINKS = {
    "start": ("start",),
    "stop": ("stop",),
    "continue": ("stop", "start"),
    "let-ring": ("let-ring",),
}
"""The kinds of a tie, and the ends of ties that a note of each has."""

_TIED = {
    name: {
        kind: "".join(f'<{name} type="{link}"/>' for link in links)
        for kind, links in (*LINKS.items(), (None, ()))
    }
    for name in ("tie", "tied")
}


class Value(NamedTuple):
    """The length in divisions, the note's shape, and the ratio of its tuplet, all as elements.

    A grace note has no length, but *grace*.
    """

    length: str
    shape: str
    ratio: str
    grace: str = ""


class Head(NamedTuple):
    """What one note of a chord has: *name* (the pitch) and *accidental* as elements.

    *velocity* is MIDI's; *tie* one of ``LINKS``. A *hidden* one has no head; its tie sounds, but has
    no arc.
    """

    velocity: int | None
    hidden: bool
    name: str
    accidental: str
    tie: str | None
    stem: str | None


def note_line(
    head: Head, value: Value, voice: str, staff: str, beams: str, marks: str, *, first: bool
) -> str:
    """A note; *beams* and *marks* are those of its chord, which the *first* of it has."""
    velocity, hidden, name, accidental, tie, stem = head
    length, shape, ratio, grace = value
    arc = _TIED["tied"][None if hidden else tie]
    return (
        "<note"
        # The velocity as MusicXML's percentage of 90.
        + (f' dynamics="{velocity * 10 / 9:.2f}"' if velocity is not None else "")
        + (' print-object="no" print-spacing="yes">' if hidden else ">")
        + grace
        + ("" if first else "<chord/>")
        + f"{name}{length}{_TIED['tie'][tie]}{voice}{shape}{accidental}{ratio}"
        + (f"<stem>{stem}</stem>" if stem else "")
        + staff
        + (beams if first else "")
        + _notations(arc + (marks if first else ""))
        + "</note>"
    )


def _notations(inner: str) -> str:
    return f"<notations>{inner}</notations>" if inner else ""


def rest_line(value: Value, voice: str, staff: str, marks: str, *, hidden: bool) -> str:
    """A rest."""
    length, shape, ratio, _ = value
    return f"{_rest(hidden)}<rest/>{length}{voice}{shape}{ratio}{staff}{_notations(marks)}</note>"


def whole_rest_line(divisions: int, voice: str, staff: str, *, hidden: bool) -> str:
    """The rest of a whole bar."""
    length = f"<duration>{divisions}</duration>"
    return f'{_rest(hidden)}<rest measure="yes"/>{length}{voice}{staff}</note>'


def _rest(hidden: bool) -> str:
    return '<note print-object="no">' if hidden else "<note>"
