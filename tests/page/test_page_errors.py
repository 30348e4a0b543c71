"""What the page says when something goes wrong, each error made for real."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import gradio as gr
import pytest
import requests

from dreamlab.web import page
from support.api import picture, wait_until
from support.browser import Browser
from support.processes import PROJECT, Server
from support.spaces import answer, free_port, space, tiny_glb
from support.visitor import PHONE, Visitor, visit

QUOTA = "You have exceeded your GPU quota (60s requested vs. 12s left). Try again in 2:05:11"
WRONG = {
    "no legs": "The chair has no legs",
    "quota": QUOTA,
    "no GPU": "No GPU is currently available for you after 60s",
}


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose Space fails in the way that the caption asks for."""
    html = Path(tempfile.mkdtemp()) / "white_mesh.glb"
    html.write_text("<html>Internal error</html>")

    def shape(image=None, caption=""):
        if caption == "slow":
            time.sleep(4)
        if caption in WRONG:
            raise gr.Error(WRONG[caption])
        return answer(str(html))

    with space(shape) as url:
        server = Server(
            tmp_path_factory.mktemp("failing"),
            HUNYUAN_SPACE_ID=url,
            GENERATION_TIMEOUT_S="3",
            MAX_UPLOAD_MB="0.5",
            MAX_IMAGE_MEGAPIXELS="1",
        )
        yield server.url
        server.kill()
    shutil.rmtree(html.parent)


class Gate:
    """A server whose Space tells of its progress, then holds each job until `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.server: Server

    def hold(self, visitor: Visitor, photo: str = "stool.jpg") -> None:
        """Let a visitor's job get as far as it comes."""
        self.go.clear()
        visitor.page.uncheck("[name=texture]")
        visitor.choose(photo)
        visitor.make()
        visitor.page.wait_for_selector("#bar[value]")


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    held = Gate()
    folder = Path(tempfile.mkdtemp())
    mesh = tiny_glb(folder / "white_mesh.glb")

    def shape(image=None, progress=gr.Progress()):  # noqa: B008
        progress(0.4, desc="shape")
        held.go.wait(30)
        return answer(str(mesh))

    with space(shape) as url:
        sessions = tmp_path_factory.mktemp("gate")
        held.server = Server(sessions, HUNYUAN_SPACE_ID=url, MAX_GENERATIONS="1")
        yield held
        held.go.set()
        held.server.kill()
    shutil.rmtree(folder)


def trouble(visitor: Visitor, title: str, shot: str) -> str:
    """All that the page says of what is wrong, once its title is there, and has the focus."""
    visitor.page.wait_for_selector(f"#trouble:focus:has-text({title!r})")
    visitor.shoot(f"error-{shot}")
    return visitor.said(".problem")


@pytest.mark.parametrize(
    ("caption", "words"),
    (
        ("no legs", ("did not work out", "The chair has no legs", "Try again", "another photo")),
        ("HTML", ("did not work out", "no valid GLB", "Try again", "another photo")),
        ("quota", ("allowance is used up", "Try again in 2:05:11")),
        ("no GPU", ("Everybody", "Try again")),
        ("slow", ("took too long", "without texture", "Try again")),
    ),
)
def test_a_generation_that_fails_is_explained(
    browser: Browser, failing: str, caption: str, words: Any
) -> None:
    with visit(browser, failing, **PHONE) as visitor:
        visitor.page.uncheck("[name=texture]")
        visitor.page.fill("#caption", caption)
        visitor.choose("chair.jpg")
        visitor.make()
        said = trouble(visitor, words[0], caption.replace(" ", "-"))
        assert all(word in said for word in words), said
        assert visitor.page.locator(".front.filled").count() == 1


def test_what_is_no_photo_is_refused_kindly(browser: Browser, failing: str) -> None:
    note = {"name": "chair.jpg", "mimeType": "image/jpeg", "buffer": b"Dear shop,"}
    with visit(browser, failing, refusals=True, color_scheme="dark") as visitor:
        visitor.make()
        trouble(visitor, "front view is missing", "no-photo")
        visitor.choose(note)
        visitor.state("empty")
        visitor.make()
        assert "Try again" not in trouble(visitor, "not a photo we can read", "not-an-image")
        visitor.page.click("#other")
        assert visitor.page.evaluate("document.activeElement.id") == "front"


def test_what_is_too_large_is_refused_before_and_after_it_is_sent(
    browser: Browser, failing: str
) -> None:
    heavy = {"name": "big.jpg", "mimeType": "image/jpeg", "buffer": b"\0" * 600_000}
    wide = {"name": "wide.png", "mimeType": "image/png", "buffer": picture((1200, 1000))}
    with visit(browser, failing, refusals=True) as visitor:
        visitor.choose(heavy)
        visitor.make()
        assert "You chose 600 kB; 0.5 MB is" in trouble(visitor, "too large", "too-large")
        assert visitor.refusals == []
        visitor.choose(wide)
        visitor.state("empty")
        visitor.make()
        assert "1.2 megapixels" in trouble(visitor, "too large", "too-many-pixels")


def test_a_bad_option_is_shown_where_it_is(browser: Browser, failing: str) -> None:
    with visit(browser, failing) as visitor:
        visitor.choose("chair.jpg")
        visitor.page.evaluate("document.querySelector('#steps').value = 500")
        visitor.make()
        assert visitor.page.evaluate("document.activeElement.id") == "steps"
        assert visitor.page.locator("#advanced[open]").count() == 1


def test_a_generator_that_is_away_is_named(browser: Browser, tmp_path: Path) -> None:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=f"http://127.0.0.1:{free_port()}")
    try:
        with visit(browser, server.url, refusals=True) as visitor:
            visitor.choose("chair.jpg")
            visitor.make()
            trouble(visitor, "generator is away", "unavailable")
            server.kill()
            visitor.page.click("#again")
            trouble(visitor, "does not answer", "unreachable")
    finally:
        server.kill()


def test_offline_is_said_and_nothing_is_lost(browser: Browser, site: str) -> None:
    with visit(browser, site, refusals=True, **PHONE) as visitor:
        visitor.page.uncheck("[name=texture]")
        visitor.choose("stool.jpg")
        visitor.page.wait_for_selector(".front img[src]")
        visitor.page.wait_for_load_state("networkidle")
        visitor.context.set_offline(True)
        visitor.page.wait_for_selector("#offline", state="visible")
        visitor.make()
        trouble(visitor, "You are offline", "offline")
        visitor.context.set_offline(False)
        visitor.page.wait_for_selector("#offline", state="hidden")
        visitor.page.click("#again")
        visitor.see_model("stool.glb")


def test_who_stops_waiting_or_leaves_loses_nothing(browser: Browser, gate: Gate) -> None:
    with visit(browser, gate.server.url) as visitor:
        gate.hold(visitor)
        assert visitor.said("#doing") == "Shaping it" == visitor.page.text_content("#live")
        visitor.shoot("progress")
        visitor.page.click("#cancel")
        visitor.state("empty")
        assert "We stopped waiting" in visitor.said("#note")
        visitor.shoot("cancelled")
        assert visitor.gallery() == []
        gate.go.set()
        visitor.page.wait_for_selector(".look[data-model='stool.glb']")
        assert not visitor.said("#note")

        gate.hold(visitor)
        visitor.page.reload()
        visitor.page.wait_for_selector("#note:not(:empty)")
        assert "under way when you left" in visitor.said("#note")
        gate.go.set()
        visitor.page.wait_for_selector(".look[data-model='stool-2.glb']")


def test_a_full_house_asks_for_patience(browser: Browser, gate: Gate) -> None:
    with visit(browser, gate.server.url) as first:
        gate.hold(first)
        with visit(browser, gate.server.url, refusals=True, **PHONE) as second:
            second.choose("chair.jpg")
            second.make()
            assert "15 seconds" in trouble(second, "Everybody is making furniture", "busy")
        gate.go.set()
        first.state("result")


def test_a_session_that_ended_is_replaced_without_fuss(browser: Browser, gate: Gate) -> None:
    gate.go.set()
    with visit(browser, gate.server.url, refusals=True) as visitor:
        visitor.page.uncheck("[name=texture]")

        def make(before: str = "") -> str:
            """A model in another session than `before`."""
            visitor.choose("stool.jpg")
            visitor.make()
            assert wait_until(lambda: session() not in (None, before))
            visitor.state("result")
            assert visitor.gallery() == ["stool.glb"]
            return str(session())

        def session() -> Any:
            return visitor.page.evaluate("JSON.parse(localStorage.getItem('dreamlab.session'))")

        first = make()
        requests.delete(f"{gate.server.url}/api/sessions/{first}").raise_for_status()
        second = make(first)
        requests.delete(f"{gate.server.url}/api/sessions/{second}").raise_for_status()
        visitor.page.reload()
        visitor.page.uncheck("[name=texture]")
        visitor.page.wait_for_selector("#none", state="visible")
        make(second)


def test_a_key_is_asked_for_and_kept_for_the_tab_only(
    browser: Browser, tmp_path: Path, quick_space: str
) -> None:
    server = Server(tmp_path, HUNYUAN_SPACE_ID=quick_space, API_KEY="open sesame")
    try:
        with visit(browser, server.url, refusals=True) as visitor:
            page = visitor.page
            page.uncheck("[name=texture]")
            visitor.choose("stool.jpg")
            visitor.make()
            page.fill("#key", "let me in")
            visitor.shoot("key")
            page.keyboard.press("Enter")
            page.wait_for_selector("#key-hint:text('not right')")
            page.keyboard.press("Escape")
            trouble(visitor, "key is needed", "no-key")
            page.click("#again")
            page.fill("#key", "open sesame")
            page.keyboard.press("Enter")
            visitor.state("result")
            assert "sesame" not in page.evaluate("JSON.stringify(localStorage)")
    finally:
        server.kill()


def test_the_hosted_viewer_is_used_where_none_is_installed(
    browser: Browser, tmp_path: Path, stand_in_url: str
) -> None:
    project = tmp_path / "project"
    unwanted = shutil.ignore_patterns("node_modules", "tests", "sessions", ".*")
    shutil.copytree(PROJECT, project, ignore=unwanted)
    server = Server(tmp_path, project=project, HUNYUAN_SPACE_ID=stand_in_url)
    asked = []

    def host(route: Any) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            return route.abort()
        headers = {"Access-Control-Allow-Origin": "*"}
        return route.fulfill(path=page.INSTALLED_VIEWER, headers=headers)

    try:
        with visit(browser, server.url, refusals=True) as visitor:
            visitor.context.route("https://ajax.googleapis.com/**", host)
            visitor.page.uncheck("[name=texture]")
            with visitor.page.expect_event("requestfailed"):
                visitor.choose("stool.jpg")
            visitor.make()
            visitor.see_model("stool.glb")
    finally:
        server.kill()
    assert asked[-1].endswith("/model-viewer/4.4.0/model-viewer.min.js")


def test_without_any_viewer_the_model_can_still_be_had(browser: Browser, gate: Gate) -> None:
    gate.go.set()
    with visit(browser, gate.server.url, refusals=True) as visitor:
        visitor.context.route("**/model-viewer.min.js", lambda route: route.abort())
        visitor.page.uncheck("[name=texture]")
        visitor.choose("stool.jpg")
        visitor.make()
        visitor.page.wait_for_selector("#show p")
        assert "could not show this model" in visitor.said("#show")
        visitor.shoot("error-no-viewer")
        url = str(visitor.page.get_attribute("#download", "href"))
        assert requests.get(url).content[:4] == b"glTF"


# The last one of the gate's tests: its server does not survive it.
def test_a_lost_connection_is_said(browser: Browser, gate: Gate) -> None:
    with visit(browser, gate.server.url, refusals=True) as visitor:
        gate.hold(visitor)
        gate.server.kill()
        visitor.page.wait_for_selector("#note:not(:empty)")
        assert "connection was lost" in visitor.said("#note")
