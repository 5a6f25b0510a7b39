"""A headless Chromium for the tests of what runs in a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

VARIABLE = "MUSIC21_LSTM_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --no-first-run --disable-quic --autoplay-policy=no-user-gesture-required"
)


def find(own: str = "") -> str | None:
    """The program: what the environment names, what the system has, or Playwright's *own*."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    return found or (own if own and Path(own).exists() else None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A running Chromium.

    Where there is none, the test says so and is left out; in CI, where there must be one, it fails.
    """
    with sync_playwright() as playwright:
        program = find(playwright.chromium.executable_path)
        if program is None:
            words = (
                "no Chromium: apt install chromium, or `playwright install chromium`, "
                f"or name one in {VARIABLE}"
            )
            if os.environ.get("CI"):
                pytest.fail(words)
            pytest.skip(words)
        running = playwright.chromium.launch(executable_path=program, args=_FLAGS.split())
        try:
            yield running
        finally:
            running.close()


def violations(page: Page) -> list[str]:
    """What axe-core finds against the page: rule, how bad, and where."""
    source = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    page.evaluate(source)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
