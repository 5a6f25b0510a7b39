"""The notebooks under examples/ are what comes of running them; they need no network and stay small."""

from __future__ import annotations

import json
import re

import pytest

from tests.browser import launched
from tests.notebooks import NOTEBOOKS, executed, pages, told

COMMITTED = {path.stem: json.loads(path.read_text("utf-8")) for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_running_a_notebook_gives_what_stands_in_it(path, tmp_path):
    again = executed(path, tmp_path)
    for (source, expected), (_, found) in zip(told(COMMITTED[path.stem]), told(again), strict=True):
        assert found == expected, source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_names_no_address_and_no_folder_of_a_machine(path):
    text = path.read_text("utf-8")
    assert len(text) < 1_000_000
    assert set(re.findall(r"https?://[\w./-]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"/(tmp|home|root|Users)/", text)


def test_there_are_three_and_each_shows_music():
    assert len(COMMITTED) == 3
    for notebook in COMMITTED.values():
        assert list(pages(notebook))


def test_what_generate_returns_plays_in_a_notebook_without_a_request():
    shown = next(pages(COMMITTED["first-steps"]))
    requests = []
    with launched() as browser:
        tab = browser.new_page(viewport={"width": 900, "height": 800})
        tab.on("request", lambda request: requests.append(request.url))
        tab.set_content(shown)
        frame = tab.frame_locator("iframe")
        frame.locator("#score .note").nth(50).wait_for(state="attached", timeout=20_000)
        assert frame.locator("#roll rect.n").count() > 50
        assert frame.locator(".bar.primer").count() == 3
        frame.locator("#play").click()
        frame.locator("#clock", has_text="0:01").wait_for(timeout=20_000)
    assert [each for each in requests if not each.startswith(("about:", "blob:", "data:"))] == []
