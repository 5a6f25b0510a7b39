"""The studio: what it takes and what it refuses, in words; and in a browser, from form to page."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import corpus

import music21_lstm as ml
from music21_lstm.errors import GenerationError
from music21_lstm.studio.guard import Guard
from music21_lstm.studio.order import Order, order_of
from music21_lstm.studio.workshop import Workshop
from tests.browser import launched, violations
from tests.test_pages import data_of

SMALL = {"preset": "chorale", "unit": "notes", "amount": 8, "seed": 3}


class Client:
    """Speaks to a running studio as a browser would."""

    def __init__(self, address):
        self.address = address
        self.host = address.removeprefix("http://")

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, timeout=60)
        own = {"Origin": self.address} if method == "POST" else {}
        own |= {name.title(): value for name, value in headers.items()}
        connection.request(method, path, body, {k: v for k, v in own.items() if v is not None})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def order(self, **data):
        return self.ask("POST", "/pieces", json.dumps({**SMALL, **data}))

    def finished(self, name):
        for _ in range(3000):
            told = json.loads(self.ask("GET", f"/pieces/{name}")[1])
            if told["state"] in ("done", "failed"):
                return told
            time.sleep(0.1)
        raise AssertionError(told)


@pytest.fixture(scope="module")
def studio():
    """A studio that runs as a user would run it, on a free port."""
    command = [sys.executable, "-m", "music21_lstm", "studio", "--port", "0", "--no-open"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        line = running.stderr.readline()
        yield Client(re.search(r"http://127\.0\.0\.1:\d+", line)[0])
    finally:
        running.terminate()
        running.wait(20)


def test_two_users_at_once_get_each_their_own(studio):
    def user(seed):
        status, answer = studio.order(seed=seed)
        assert status == 202
        return studio.finished(json.loads(answer)["name"]), json.loads(answer)["name"]

    with ThreadPoolExecutor(2) as pool:
        (one, first), (two, second) = pool.map(user, [3, 4])
    assert (one["state"], two["state"]) == ("done", "done")
    assert (one["seed"], two["seed"]) == (3, 4)
    assert first != second
    assert "seed 3" in studio.ask("GET", f"/pieces/{first}/page")[1]
    assert "seed 4" in studio.ask("GET", f"/pieces/{second}/page")[1]


def test_an_upload_of_200_megabytes_is_refused_in_words(studio):
    megabyte = b"x" * 1_000_000
    status, text = studio.ask(
        "POST", "/pieces", (megabyte for _ in range(200)), content_length="200000000"
    )
    assert (status, text) == (413, "The request is larger than 6 MB; send a smaller file.")


def test_a_request_that_never_ends_is_refused_in_words():
    async def app(*_):
        raise AssertionError

    said = []

    async def send(message):
        said.append(message)

    async def receive():
        if not said:
            said.append({"type": "begun"})
            return {"type": "http.request", "body": b"{", "more_body": True}
        return await asyncio.Future()

    headers = [(b"host", b"127.0.0.1:1"), (b"origin", b"http://127.0.0.1:1")]
    scope = {"type": "http", "method": "POST", "headers": headers}
    asyncio.run(Guard(app, 1, patience=0.05)(scope, receive, send))
    assert said[1]["status"] == 408
    assert said[2]["body"] == b"The request took longer than 0.05 seconds to arrive; send it again."


def test_a_wrong_host_is_refused_in_words(studio):
    status, text = studio.ask("GET", "/", host="evil.example:80")
    assert status == 403
    assert "The studio is not at 'evil.example:80'" in text


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null"])
def test_a_request_from_another_page_is_refused_in_words(studio, origin):
    status, text = studio.ask("POST", "/pieces", json.dumps(SMALL), origin=origin)
    assert status == 403
    assert "Only the studio's own page" in text


def test_a_corrupt_midi_file_is_refused_in_words(studio):
    upload = base64.b64encode(b"MThd\0\0\0\6\0\1").decode()
    status, answer = studio.order(upload=upload, name="broken.mid")
    assert status == 202
    told = studio.finished(json.loads(answer)["name"])
    assert told["state"] == "failed"
    assert "MIDI" in told["error"]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"preset": "/etc"}, "choose one of"),
        ({"corpus": "../../etc/passwd"}, "give its name, as bach/bwv66.6"),
        ({"corpus": "/etc/passwd"}, "give its name"),
        ({"amount": 100_000}, "give a whole number from 1 to 5000"),
        ({"temperature": "warm"}, "give a number from 0 to 2"),
        ({"upload": "AAAA", "name": "a.exe"}, "is not read here"),
        ({"upload": "%%%%", "name": "a.mid"}, "came damaged"),
        ({"corpus": "bach/bwv66.6", "measures": "a"}, "give one number or two"),
        ({"fill": {"of": "nothing", "first": 1, "last": 2}}, "not here any more"),
        ({"fill": {"of": "nothing", "first": 3, "last": 2}}, "choose the bars"),
    ],
)
def test_what_cannot_be_made_is_refused_in_words(studio, order, words):
    status, answer = studio.order(**order)
    assert status == 400
    assert words in json.loads(answer)["error"]


def test_what_is_no_form_is_refused(studio):
    for body in ("[1]", "{", "\xff"):
        assert studio.ask("POST", "/pieces", body.encode("latin-1"))[0] == 400
    assert studio.ask("GET", "/pieces/unknown")[0] == 404
    assert studio.ask("GET", "/pieces/..%2f..%2fetc%2fpasswd/page")[0] == 404


@given(
    st.dictionaries(
        st.sampled_from(["preset", "unit", "amount", "corpus", "upload", "name", "seed", "fill"]),
        st.none() | st.integers() | st.text() | st.floats() | st.lists(st.text()),
    )
)
def test_whatever_is_sent_becomes_an_order_or_a_refusal(data):
    try:
        order = order_of({"preset": "chorale", **data})
    except GenerationError as error:
        assert "\n" not in str(error)
    else:
        assert 0 < order.amount <= 5000
        assert ".." not in order.corpus


def test_a_workshop_that_closes_lets_its_thread_and_its_process_end(tmp_path):
    workshop = Workshop(tmp_path)
    jobs = [workshop.submit(Order("chorale", amount=100)) for _ in range(2)]
    while jobs[0].state == "waiting":
        time.sleep(0.01)
    workshop.close()
    assert not workshop.at_work
    assert jobs[1].state == "waiting"


def test_a_full_queue_and_a_piece_that_takes_too_long_are_refused_in_words(tmp_path):
    workshop = Workshop(tmp_path, time_limit=0.01, longest_queue=1)
    jobs = [workshop.submit(Order("chorale"))]

    def overfull():
        for _ in range(50):
            jobs.append(workshop.submit(Order("chorale")))

    with pytest.raises(GenerationError, match="1 pieces are waiting already"):
        overfull()
    for _ in range(600):
        if jobs[0].state == "failed":
            break
        time.sleep(0.1)
    workshop.close()
    assert not workshop.at_work
    assert "took longer than 0 s and was given up" in jobs[0].error


def test_from_the_form_to_the_page_and_bars_written_anew(studio):
    with launched() as browser:
        tab = browser.new_page(viewport={"width": 1280, "height": 860})
        requests = []
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(studio.address)
        assert violations(tab) == []
        tab.fill("#amount", "3")
        tab.fill("#seed", "5")
        tab.click("#generate")
        tab.locator("#status", has_text="seed 5").wait_for(timeout=300_000)
        piece = tab.frame_locator("#frame")
        piece.locator("#play").click()
        piece.locator("#clock", has_text="0:01").wait_for(timeout=20_000)
        piece.locator("#choosing").click()
        piece.locator(".bar").nth(1).click(position={"x": 3, "y": 3})
        tab.locator("#fill-words", has_text="Bar 2 is chosen").wait_for()
        tab.click("#fill-go")
        tab.locator("#status", has_text=re.compile("^Done")).wait_for(timeout=300_000)
        assert "bar 2 anew" in tab.locator("#history li").first.inner_text()
        assert tab.locator("#history li").count() == 2
        tab.emulate_media(color_scheme="dark")
        tab.set_viewport_size({"width": 390, "height": 844})
        tab.reload()
        tab.locator("#history button").last.click()
        piece.locator("#score .note").first.wait_for()
        # It is scrolled to smoothly: that takes a moment.
        place = "document.getElementById('frame').getBoundingClientRect().top < innerHeight / 7"
        for _ in range(300):
            if tab.evaluate(place):
                break
            tab.wait_for_timeout(100)
        assert tab.evaluate(place)
        assert violations(tab) == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        outside = [
            each for each in requests if not each.startswith((studio.address, "blob:", "data:"))
        ]
        assert outside == []


def test_a_primer_from_a_file_is_continued_in_the_key_and_density_asked_for(studio, tmp_path):
    path = tmp_path / "Début n° 1.mid"
    primer = ml.read(corpus.parse("bach/bwv66.6").measures(0, 2))
    ml.write(primer, path)
    with launched() as browser:
        tab = browser.new_page()
        tab.goto(studio.address)
        tab.get_by_label("a file").check()
        tab.set_input_files("#file", path)
        tab.select_option("#preset", "chorale")
        tab.fill("#measures", "0-1")
        tab.fill("#amount", "2")
        tab.select_option("#key", "f# minor")
        tab.fill("#density", "6")
        tab.fill("#seed", "4")
        tab.click("#generate")
        tab.locator("#status", has_text="seed 4").wait_for(timeout=300_000)
        about = tab.frame_locator("#frame").locator("#about")
        words = about.inner_text()
        assert path.name in words
        assert "f# minor" in words
        assert re.search(r"density\D+6", words)
        assert "'--key=f# minor' --density=6" in words
        tab.frame_locator("#frame").locator("#score .note").first.wait_for()
        [piece] = data_of(tab.frames[1].content())["pieces"]
    heard = [note for note in primer.notes if note.onset < 5 * primer.resolution]
    assert piece["open"]["primer"] == len(heard)
    assert [note[2] for note in piece["notes"][: len(heard)]] == [note.pitch for note in heard]
    assert len(piece["notes"]) > len(heard)


def test_a_corrupt_file_chosen_in_the_form_is_refused_in_words(studio, tmp_path):
    (tmp_path / "broken.mid").write_bytes(b"MThd\0\0\0\6\0\1")
    with launched() as browser:
        tab = browser.new_page()
        tab.goto(studio.address)
        tab.get_by_label("a file").check()
        tab.click("#generate")
        tab.locator("#status.bad", has_text="Choose a file first.").wait_for()
        tab.set_input_files("#file", tmp_path / "broken.mid")
        tab.click("#generate")
        tab.locator("#status.bad", has_text="truncated").wait_for(timeout=300_000)
        assert tab.locator("#frame").is_hidden()


def test_a_taken_port_is_one_line(studio):
    port = studio.host.partition(":")[2]
    command = [sys.executable, "-m", "music21_lstm", "studio", "--port", port, "--no-open"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"port {port} cannot be had" in done.stderr
    assert len(done.stderr.splitlines()) == 1
