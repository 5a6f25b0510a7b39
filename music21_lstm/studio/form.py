"""The studio's own page: the form, the progress, the history, and a frame for what was made."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from music21_lstm.model import presets
from music21_lstm.pages.markup import asset, enclosed, json_text, policy
from music21_lstm.studio.order import LONGEST, UPLOAD_LIMIT, UPLOAD_SUFFIXES

__all__ = ["form_page"]


@cache
def form_page() -> tuple[str, str]:
    """The HTML, and the Content-Security-Policy that belongs to it."""
    pages = "music21_lstm.pages"
    script = enclosed(asset("tools.js", pages), asset("studio.js", __package__))
    parts = {
        "style": asset("page.css", pages) + asset("studio.css", __package__),
        "data": json_text(_facts()),
        "script": script,
    }
    html = asset("studio.html", __package__)
    for name, text in parts.items():
        html = html.replace("{{" + name + "}}", text, 1)
    return html, policy(script, connect="'self'", frame="'self'") + "; frame-ancestors 'none'"


def _facts() -> dict[str, Any]:
    return {
        "presets": [_preset(name) for name in presets.names()],
        "longest": dict(LONGEST),
        "uploadLimit": UPLOAD_LIMIT,
        "suffixes": list(UPLOAD_SUFFIXES),
    }


def _preset(name: str) -> dict[str, Any]:
    config = json.loads((presets.path(name) / "config.json").read_text("utf-8"))
    played = config.get("time_base") == "played"
    return {"name": name, "steering": bool(config.get("steering")), "played": played}
