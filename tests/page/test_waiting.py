"""The page while a generation runs: progress, cancelling, leaving, failures, a lost connection."""

from __future__ import annotations

import threading
from typing import Any, Iterator, List, Tuple

import gradio as gr
import pytest
import requests

from support.api import wait_until
from support.browser import Browser
from support.browser_tab import PHONE, BrowserTab, error_text, open_tab
from support.processes import Server, StartServer
from support.spaces import HeldSpace, answer, free_port, space

# The server's first answer to a form gets lost.
LOSE_AN_ANSWER = """
const fetchIt = window.fetch;
window.answers = [];
window.fetch = async (url, options) => {
  const answer = await fetchIt(url, options);
  if (!String(url).includes("process_furniture_image")) return answer;
  if (answers.push(answer.status) === 1) throw new TypeError("Failed to fetch");
  return answer;
};
null;"""


def start_held_generation(tab: BrowserTab, held_space: HeldSpace) -> None:
    """Start a generation that reports progress and then waits until it is released."""
    held_space.release.clear()
    tab.page.uncheck("[name=texture]")
    tab.choose_photos("stool.jpg")
    tab.generate()
    tab.page.wait_for_selector("#bar[value]")


def states(url: str, tab: BrowserTab) -> List[str]:
    """The states of all generations of the tab's session, the newest first."""
    session_id = tab.page.evaluate("JSON.parse(localStorage.getItem('dreamlab.session'))")
    answer = requests.get(f"{url}/api/sessions/{session_id}/generations", timeout=10)
    return [each["status"] for each in answer.json()["generations"]]


def test_cancel_ends_the_generation(
    browser: Browser, held_space: HeldSpace, held_server: Server
) -> None:
    with open_tab(browser, held_server.url) as tab:
        start_held_generation(tab, held_space)
        assert tab.text("#doing") == "Shaping it" == tab.page.text_content("#live")
        tab.screenshot("progress")
        tab.page.click("#cancel")
        tab.wait_for_state("empty")
        assert "Cancelled" in tab.text("#note")
        tab.screenshot("cancelled")
        assert states(held_server.url, tab) == ["cancelled"]
        tab.page.reload()
        tab.page.wait_for_selector("#none", state="visible")
        tab.wait_for_state("empty")
        assert tab.listed_models() == []


def test_a_reload_comes_back_to_the_progress(
    browser: Browser, held_space: HeldSpace, held_server: Server
) -> None:
    # The held generator's model has no mesh, so the server makes no picture of it.
    with open_tab(browser, held_server.url, expect_failed_requests=True) as tab:
        start_held_generation(tab, held_space)
        tab.page.reload()
        tab.wait_for_state("work")
        tab.page.wait_for_selector("#bar[value]")
        assert tab.text("#doing") == "Shaping it"
        held_space.release.set()
        tab.wait_for_state("result")
        assert tab.listed_models() == ["stool.glb"]
        assert states(held_server.url, tab) == ["succeeded"]
        tab.page.reload()
        tab.page.wait_for_selector(".look")
        tab.wait_for_state("empty")


def test_several_generations_are_cards_with_bars(
    browser: Browser, held_space: HeldSpace, start_server: StartServer
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=held_space.url, MAX_GENERATIONS="3")
    with open_tab(browser, server.url, expect_failed_requests=True) as tab:
        start_held_generation(tab, held_space)
        for photo in ("chair.jpg", "desk.jpg"):
            tab.choose_photos(photo)
            tab.generate()
            tab.page.wait_for_selector("#make:enabled")
        tab.page.wait_for_selector("#under-way li:nth-child(2)")
        for card in ("chair", "stool"):
            assert card in tab.text("#under-way").lower()
        tab.screenshot("cards")
        assert tab.axe_violations() == []
        tab.page.click("#under-way [aria-label='Cancel chair']")
        tab.page.wait_for_selector("#under-way li:nth-child(2)", state="detached")
        assert states(server.url, tab).count("cancelled") == 1
        tab.page.click("#under-way [aria-label$='Show the progress of stool']")
        tab.page.wait_for_selector("#under-way [aria-label$='Show the progress of desk']")
        held_space.release.set()
        tab.wait_for_state("result")
        tab.page.wait_for_selector(".look[data-model='desk.glb']")
        assert tab.listed_models() == ["desk.glb", "stool.glb"]
        assert tab.page.locator("#under-way li").count() == 0


@pytest.fixture
def failing_server(start_server: StartServer) -> Iterator[Tuple[Server, threading.Event]]:
    """A server whose first generation fails when the event is set; the others succeed."""
    release, calls = threading.Event(), []

    def shape(image: Any = None) -> Any:
        calls.append(image)
        if len(calls) == 1:
            release.wait(30)
            raise gr.Error("The chair has no legs")
        return answer()

    with space(shape) as url:
        yield start_server(HUNYUAN_SPACE_ID=url), release


def test_a_failure_meanwhile_is_shown_and_can_be_tried_again(
    browser: Browser, failing_server: Tuple[Server, threading.Event]
) -> None:
    server, release = failing_server
    with open_tab(browser, server.url, expect_failed_requests=True) as tab:
        tab.page.uncheck("[name=texture]")
        tab.choose_photos("stool.jpg")
        tab.generate()
        tab.page.wait_for_selector("#make:enabled")
        page = tab.page.url
        tab.page.goto("about:blank")
        release.set()
        tab.page.goto(page)
        assert "The chair has no legs" in error_text(tab, "did not work out", "meanwhile")
        tab.page.uncheck("[name=texture]")
        # The photo is the one that was uploaded before.
        tab.page.click("#again")
        tab.wait_for_state("result")
        assert tab.listed_models() == ["stool.glb"]
        assert states(server.url, tab) == ["succeeded", "failed"]


def test_a_card_that_failed_is_tried_again_with_its_own_photo(
    browser: Browser, failing_server: Tuple[Server, threading.Event]
) -> None:
    server, release = failing_server
    with open_tab(browser, server.url, expect_failed_requests=True) as tab:
        tab.page.uncheck("[name=texture]")
        for photo in ("stool.jpg", "desk.jpg"):
            tab.choose_photos(photo)
            tab.generate()
            tab.page.wait_for_selector("#make:enabled")
        release.set()
        tab.wait_for_state("result")
        assert "did not work out" in tab.text("#under-way")
        tab.screenshot("failed-card")
        tab.page.click("#under-way [aria-label$='Try stool again']")
        tab.page.wait_for_selector(".look[data-model='stool.glb']")
        assert states(server.url, tab) == ["succeeded", "succeeded", "failed"]
        assert tab.page.locator("#under-way li").count() == 0


def test_a_lost_answer_makes_no_second_model(
    browser: Browser, held_space: HeldSpace, held_server: Server
) -> None:
    held_space.release.set()
    with open_tab(browser, held_server.url, expect_failed_requests=True) as tab:
        tab.page.evaluate(LOSE_AN_ANSWER)
        tab.page.uncheck("[name=texture]")
        tab.choose_photos("stool.jpg")
        tab.generate()
        assert "Try again" in error_text(tab, "does not answer", "lost")
        tab.page.click("#again")
        tab.wait_for_state("result")
        assert tab.page.evaluate("window.answers") == [202, 202]
        assert states(held_server.url, tab) == ["succeeded"]
        assert tab.listed_models() == ["stool.glb"]


def test_a_server_that_restarts_goes_on(
    browser: Browser, held_space: HeldSpace, start_server: StartServer
) -> None:
    port = str(free_port())
    settings = {"HUNYUAN_SPACE_ID": held_space.url, "PORT": port}
    first = start_server(**settings)
    with open_tab(browser, f"http://127.0.0.1:{port}", expect_failed_requests=True) as tab:
        start_held_generation(tab, held_space)
        first.kill()
        held_space.release.set()
        start_server(**settings)
        tab.wait_for_state("result")
        assert tab.listed_models() == ["stool.glb"]


def test_a_busy_server_asks_the_user_to_wait(
    browser: Browser, held_space: HeldSpace, held_server: Server
) -> None:
    with open_tab(browser, held_server.url, expect_failed_requests=True) as first:
        start_held_generation(first, held_space)
        with open_tab(browser, held_server.url, expect_failed_requests=True, **PHONE) as second:
            second.choose_photos("chair.jpg")
            second.generate()
            assert "15 seconds" in error_text(second, "Everybody is making furniture", "busy")
        held_space.release.set()
        first.wait_for_state("result")


def test_a_deleted_session_is_replaced_by_a_new_one(
    browser: Browser, held_space: HeldSpace, held_server: Server
) -> None:
    held_space.release.set()
    with open_tab(browser, held_server.url, expect_failed_requests=True) as tab:
        tab.page.uncheck("[name=texture]")

        def generate(before: str = "") -> str:
            """Generate a model in another session than `before` and return its id."""
            tab.choose_photos("stool.jpg")
            tab.generate()
            assert wait_until(lambda: session() not in (None, before))
            tab.wait_for_state("result")
            assert tab.listed_models() == ["stool.glb"]
            return str(session())

        def session() -> Any:
            return tab.page.evaluate("JSON.parse(localStorage.getItem('dreamlab.session'))")

        first = generate()
        requests.delete(f"{held_server.url}/api/sessions/{first}").raise_for_status()
        second = generate(first)
        requests.delete(f"{held_server.url}/api/sessions/{second}").raise_for_status()
        tab.page.reload()
        tab.page.uncheck("[name=texture]")
        tab.page.wait_for_selector("#none", state="visible")
        generate(second)
