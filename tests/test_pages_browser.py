"""The page in a browser: it plays, the cursor follows, nothing is fetched, everybody can use it."""

from __future__ import annotations

import pytest
from music21 import corpus

import music21_lstm as ml
from music21_lstm.pages import Piece, improvised, page
from tests.browser import launched, violations
from tests.test_pages import EVIL, C, data_of

SECONDS = "document.getElementById('audio').currentTime"


@pytest.fixture(scope="module")
def browser():
    with launched() as running:
        yield running


@pytest.fixture(scope="module")
def made():
    """A gallery: an improvisation on two measures, looked at by its model, and one of an evil title."""
    primer = corpus.parse("bach/bwv66.6").measures(0, 2)
    [piece] = improvised(ml.load("chorale"), primer, measures=3, seed=7, command="music21-lstm …")
    return page([piece, Piece(C, title=EVIL, composer=EVIL)])


@pytest.fixture(scope="module")
def address(made, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    made.write(path)
    return path.as_uri()


@pytest.fixture
def opened(browser, address):
    """The page, of which every request, error and dialog is noted down."""
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.noted = []
    tab.on("request", lambda request: tab.noted.append(request.url))
    tab.on("pageerror", lambda error: tab.noted.append(f"error: {error}"))
    tab.on("dialog", lambda dialog: (tab.noted.append("dialog"), dialog.dismiss()))
    tab.goto(address)
    yield tab
    outside = [each for each in tab.noted if not each.startswith((address, "blob:", "data:"))]
    assert outside == []
    tab.close()


def until(tab, true):
    """Wait until the expression *true* is; not in the page, whose policy lets nothing be evaluated."""
    for _ in range(400):
        if tab.evaluate(true):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(true)


def seek(tab, seconds):
    tab.evaluate(f"{SECONDS} = {seconds}")
    until(tab, f"!document.getElementById('audio').seeking && {SECONDS} >= {seconds} - 0.01")
    tab.wait_for_timeout(100)


def test_it_plays_and_both_cursors_move(opened):
    def places():
        box = opened.locator("#needle").bounding_box()
        line = opened.locator("#roll .needle").get_attribute("transform")
        return box["x"], line

    before = places()
    opened.keyboard.press("Space")
    until(opened, f"{SECONDS} > 0.5")
    after = places()
    assert after[0] > before[0]
    assert after[1] != before[1]
    assert opened.locator("#play").get_attribute("aria-label") == "Pause"
    opened.keyboard.press("Space")
    assert opened.evaluate("document.getElementById('audio').paused")


def test_what_sounds_is_lit_in_the_score_and_in_the_roll(opened, made):
    notes = data_of(made.html)["pieces"][0]["notes"]
    for time in (0.05, 2.1, 4.4):
        seek(opened, time)
        expected = {str(n) for n, (on, off, *_) in enumerate(notes) if on <= time < off}
        assert expected
        for where in ("#score", "#roll"):
            lit = opened.locator(f"{where} .on").evaluate_all(
                "all => all.flatMap(each => each.dataset.n.split(' '))"
            )
            assert set(lit) == expected, (where, time)


def test_a_click_on_a_note_or_a_bar_seeks_there(opened, made):
    notes = data_of(made.html)["pieces"][0]["notes"]
    for where in ("#score .notehead", "#roll rect"):
        target = "[data-n='9'] .notehead" if "score" in where else "rect[data-n='9']"
        opened.locator(f"{where.split()[0]} {target}").first.click()
        assert opened.evaluate(SECONDS) == pytest.approx(notes[9][0], abs=0.02)
        seek(opened, 0)
    bar = opened.locator(".bar").nth(2)
    bar.click(position={"x": 3, "y": 3})
    assert bar.get_attribute("aria-label").startswith("Bar 2, ")
    assert opened.evaluate(SECONDS) > 2


def test_the_keyboard_walks_over_bars_and_chooses_them(opened):
    opened.locator(".bar[tabindex='0']").focus()
    for _ in range(2):
        opened.keyboard.press("ArrowRight")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert opened.evaluate(focused).startswith("Bar 2,")
    opened.keyboard.press("Shift+ArrowRight")
    assert opened.inner_text("#selected") == "Bars 2 to 3 are chosen."
    opened.locator("#loop").click()
    assert opened.locator("#loop").get_attribute("aria-pressed") == "true"
    assert opened.locator(".bar[tabindex='0']").count() == 1


def test_half_the_tempo_keeps_the_pitch(opened):
    opened.locator("#tempo").fill("50")
    assert opened.evaluate("document.getElementById('audio').playbackRate") == 0.5
    assert opened.evaluate("document.getElementById('audio').preservesPitch")
    assert opened.inner_text("#tempo-now") == "50 %"


def test_the_downloads_are_the_files_byte_for_byte(opened, made):
    links = opened.locator("a.file")
    names = []
    for place in range(links.count()):
        with opened.expect_download() as waiting:
            links.nth(place).click()
        download = waiting.value
        names.append(download.suggested_filename)
        with open(download.path(), "rb") as file:  # noqa: PTH123
            assert file.read() == made.files[0][download.suggested_filename]
    assert names == list(made.files[0])


def test_primer_and_continuation_and_surprise_are_told_apart(opened):
    assert opened.locator(".bar.primer").count() == 3
    opened.get_by_role("button", name="Origin").click()
    tone = "n => getComputedStyle(document.querySelector(`#score [data-n='${n}']`)).color"
    assert opened.evaluate(tone, 0) != opened.evaluate(
        tone, opened.locator("#roll rect.n").count() - 1
    )
    opened.get_by_role("button", name="Surprise").click()
    tones = {opened.evaluate(tone, n) for n in range(8)}
    assert len(tones) > 3
    assert "nats" in opened.inner_text("#legend")


def test_an_evil_title_is_shown_as_text(opened):
    opened.locator("#gallery button").nth(1).click()
    assert opened.locator("#about-body dd").first.inner_text().startswith("</script><script>")
    assert opened.evaluate("window.hacked") is None
    assert opened.locator("img").count() == 0


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_axe_finds_nothing(browser, address, width, colours):
    tab = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=colours)
    tab.goto(address)
    assert violations(tab) == []
    # On a telephone nothing sticks out to the side.
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_a_quiz_counts_what_was_right_once_it_is_asked(browser, tmp_path):
    human, machine = Piece(C, title="Anna"), Piece(C.transposed(2), title="Net", preset="chorale")
    page([human, machine], quiz=True).write(tmp_path / "quiz.html")
    tab = browser.new_page()
    tab.goto((tmp_path / "quiz.html").as_uri())
    assert tab.locator("#about").is_hidden()
    assert "Anna" not in tab.inner_text("body")
    assert violations(tab) == []
    for place in range(2):
        tab.locator("#gallery button").nth(place).click()
        tab.get_by_label("a model").check()
    tab.get_by_role("button", name="Show the answers").click()
    assert tab.inner_text("#verdict") == "1 of 2 are right."
    assert sorted(tab.inner_text("#gallery").split()).count("right") == 1
    assert violations(tab) == []
    tab.close()


def test_in_a_notebooks_frame_it_plays_too(browser, made):
    tab = browser.new_page()
    tab.set_content(made._repr_html_())
    frame = tab.frame_locator("iframe")
    frame.locator("#play").click()
    frame.locator("#clock", has_text="0:01").wait_for(timeout=20_000)
    tab.close()


def test_without_motion_the_needle_steps(browser, address):
    tab = browser.new_page(reduced_motion="reduce")
    tab.goto(address)
    places = set()
    for time in (0.1, 0.2, 0.25):
        seek(tab, time)
        places.add(tab.locator("#needle").bounding_box()["x"])
    assert len(places) == 1
    tab.close()


def test_a_passage_that_stands_in_the_training_set_has_its_bracket_and_its_colour(
    browser, tmp_path
):
    whole = page(corpus.parse("bach/bwv66.6").measures(0, 4), preset="chorale")
    whole.write(tmp_path / "copied.html")
    [run, *_] = data_of(whole.html)["pieces"][0]["open"]["judged"]["copied"]
    tab = browser.new_page(viewport={"width": 1280, "height": 800})
    tab.goto((tmp_path / "copied.html").as_uri())
    bracket = tab.locator("#roll path.copy").first
    bracket.wait_for()
    box = bracket.bounding_box()
    notes = [tab.locator(f'#roll [data-n="{n}"]').bounding_box() for n in run["notes"]]
    assert box["width"] > 20
    assert box["x"] == pytest.approx(min(note["x"] for note in notes), abs=6)
    drawn = bracket.evaluate("e => getComputedStyle(e).stroke")
    assert drawn not in ("none", "rgba(0, 0, 0, 0)")
    title = bracket.locator("title").text_content()
    assert title == f"{len(run['notes'])} notes as in {run['piece']}"
    tab.get_by_text("Origin", exact=True).click()
    tab.get_by_text("stands in the training set", exact=True).wait_for()
    colors = "n => getComputedStyle(document.querySelector(`#roll [data-n='${n}']`)).fill"
    assert len({tab.evaluate(colors, n) for n in run["notes"]}) == 1
    tab.close()
