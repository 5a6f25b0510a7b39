"""HTML around data: everything that comes from outside is escaped, and nothing can be fetched."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["asset", "document", "enclosed", "json_text", "policy"]

SCRIPTS = ("tools.js", "player.js", "score.js", "roll.js", "about.js", "quiz.js", "main.js")
"""The parts of the page's script, in order."""


def document(title: str, data: Mapping[str, Any], drawings: Mapping[str, Sequence[str]]) -> str:
    """The whole file: *data* for the script, and *drawings* (SVG) by the name of their template."""
    script = enclosed(*(asset(name) for name in SCRIPTS))
    templates = "\n".join(
        f'<template id="{html.escape(name)}">{"".join(pages)}</template>'
        for name, pages in drawings.items()
    )
    parts = {
        "{{policy}}": html.escape(policy(script)),
        "{{title}}": html.escape(title),
        "{{style}}": asset("page.css"),
        "{{templates}}": templates,
        "{{data}}": json_text(data),
        "{{script}}": script,
    }
    made = asset("page.html")
    before, *rest = made.split("{{")
    pieces = [before]
    for part in rest:
        # One pass, so that what is put in is never itself taken for a place to fill.
        name, _, after = part.partition("}}")
        pieces += [parts["{{" + name + "}}"], after]
    return "".join(pieces)


def json_text(data: Any) -> str:
    r"""*data* as JSON that may stand in a script element: no tag can begin or end in it.

    >>> json_text({"title": "</script>"})
    '{"title":"\\u003c/script>"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def policy(script: str, *, connect: str = "'none'", frame: str = "'none'") -> str:
    """The Content-Security-Policy: this one *script*, data of the page's own, and no request."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        f"img-src data:; media-src blob:; font-src data:; connect-src {connect}; "
        f"frame-src {frame}; base-uri 'none'; form-action 'none'"
    )


@cache
def asset(name: str, package: str = __package__) -> str:
    """A text file that comes with the package."""
    return (resources.files(package) / "assets" / name).read_text("utf-8")


def enclosed(*parts: str) -> str:
    """The *parts* of a script as one, which adds no name to the page."""
    return "(() => {\n" + '"use strict";\n' + "".join(parts) + "})();\n"
