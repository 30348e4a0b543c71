"""The page while a generation runs: progress, cancelling, leaving, failures, a lost connection."""

from __future__ import annotations

from typing import List

import requests

from support.api import image_bytes, wait_until
from support.browser import Browser
from support.browser_tab import PHONE, BrowserTab, error_text, open_tab
from support.held import SLOTS, Held
from support.processes import StartServer
from support.spaces import free_port

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


def start_held_generation(tab: BrowserTab) -> None:
    """Start a generation that reports progress and then waits until it is released."""
    tab.page.uncheck("[name=texture]")
    tab.choose_photos("stool.jpg")
    tab.generate()
    tab.page.wait_for_selector("#bar[value]")


def states(url: str, tab: BrowserTab) -> List[str]:
    """The states of all generations of the tab's session, the newest first."""
    answer = requests.get(f"{url}/api/sessions/{tab.session_id()}/generations", timeout=10)
    return [each["status"] for each in answer.json()["generations"]]


def test_cancel_ends_the_generation(browser: Browser, held: Held) -> None:
    with open_tab(browser, held.url) as tab:
        start_held_generation(tab)
        assert tab.text("#doing") == "Shaping it" == tab.page.text_content("#live")
        tab.screenshot("progress")
        tab.page.click("#cancel")
        tab.wait_for_state("empty")
        assert "Cancelled" in tab.text("#note")
        tab.screenshot("cancelled")
        assert states(held.url, tab) == ["cancelled"]
        tab.page.reload()
        tab.page.wait_for_selector("#none", state="visible")
        tab.wait_for_state("empty")
        assert tab.listed_models() == []


def test_a_reload_comes_back_to_the_progress(browser: Browser, held: Held) -> None:
    with open_tab(browser, held.url) as tab:
        start_held_generation(tab)
        tab.page.reload()
        tab.wait_for_state("work")
        tab.page.wait_for_selector("#bar[value]")
        assert tab.text("#doing") == "Shaping it"
        held.release.set()
        tab.wait_for_state("result")
        assert tab.listed_models() == ["stool.glb"]
        assert states(held.url, tab) == ["succeeded"]
        tab.page.reload()
        tab.page.wait_for_selector(".look")
        tab.wait_for_state("empty")


def test_several_generations_are_cards_with_bars(browser: Browser, held: Held) -> None:
    with open_tab(browser, held.url) as tab:
        start_held_generation(tab)
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
        assert states(held.url, tab).count("cancelled") == 1
        tab.page.click("#under-way [aria-label$='Show the progress of stool']")
        tab.page.wait_for_selector("#under-way [aria-label$='Show the progress of desk']")
        held.release.set()
        tab.wait_for_state("result")
        tab.page.wait_for_selector(".look[data-model='desk.glb']")
        assert tab.listed_models() == ["desk.glb", "stool.glb"]
        tab.page.wait_for_selector("#under-way li", state="detached")


def test_a_failure_meanwhile_is_shown_and_can_be_tried_again(browser: Browser, held: Held) -> None:
    held.errors.append("The chair has no legs")
    with open_tab(browser, held.url) as tab:
        tab.page.uncheck("[name=texture]")
        tab.choose_photos("stool.jpg")
        tab.generate()
        tab.page.wait_for_selector("#make:enabled")
        page = tab.page.url
        tab.page.goto("about:blank")
        held.release.set()
        tab.page.goto(page)
        assert "The chair has no legs" in error_text(tab, "did not work out", "meanwhile")
        tab.page.uncheck("[name=texture]")
        # The photo is the one that was uploaded before.
        tab.page.click("#again")
        tab.wait_for_state("result")
        assert tab.listed_models() == ["stool.glb"]
        assert states(held.url, tab) == ["succeeded", "failed"]


def test_a_card_that_failed_is_tried_again_with_its_own_photo(browser: Browser, held: Held) -> None:
    held.errors.append("The chair has no legs")
    with open_tab(browser, held.url) as tab:
        tab.page.uncheck("[name=texture]")
        for photo in ("stool.jpg", "desk.jpg"):
            tab.choose_photos(photo)
            tab.generate()
            tab.page.wait_for_selector("#make:enabled")
        held.release.set()
        tab.wait_for_state("result")
        assert "did not work out" in tab.text("#under-way")
        tab.screenshot("failed-card")
        tab.page.click("#under-way [aria-label$='Try stool again']")
        tab.page.wait_for_selector(".look[data-model='stool.glb']")
        assert states(held.url, tab) == ["succeeded", "succeeded", "failed"]
        tab.page.wait_for_selector("#under-way li", state="detached")


def test_a_lost_answer_makes_no_second_model(browser: Browser, held: Held) -> None:
    held.release.set()
    with open_tab(browser, held.url, expect_failed_requests=True) as tab:
        tab.page.evaluate(LOSE_AN_ANSWER)
        tab.page.uncheck("[name=texture]")
        tab.choose_photos("stool.jpg")
        tab.generate()
        assert "Try again" in error_text(tab, "does not answer", "lost")
        tab.page.click("#again")
        tab.wait_for_state("result")
        assert tab.page.evaluate("window.answers") == [202, 202]
        assert states(held.url, tab) == ["succeeded"]
        assert tab.listed_models() == ["stool.glb"]


def test_a_server_that_restarts_goes_on(
    browser: Browser, held: Held, start_server: StartServer
) -> None:
    port = str(free_port())
    settings = {"HUNYUAN_SPACE_ID": held.space, "PORT": port}
    first = start_server(**settings)
    with open_tab(browser, f"http://127.0.0.1:{port}", expect_failed_requests=True) as tab:
        start_held_generation(tab)
        first.kill()
        held.release.set()
        start_server(**settings)
        tab.wait_for_state("result")
        assert tab.listed_models() == ["stool.glb"]


def test_a_busy_server_asks_the_user_to_wait(browser: Browser, held: Held) -> None:
    session_id = held.server.session()
    for _ in range(SLOTS):
        assert held.server.post_async(session_id, image_bytes()).status_code == 202
    with open_tab(browser, held.url, expect_failed_requests=True, **PHONE) as tab:
        tab.choose_photos("chair.jpg")
        tab.generate()
        assert "15 seconds" in error_text(tab, "Everybody is making furniture", "busy")


def test_a_deleted_session_is_replaced_by_a_new_one(browser: Browser, held: Held) -> None:
    held.release.set()
    with open_tab(browser, held.url, expect_failed_requests=True) as tab:
        tab.page.uncheck("[name=texture]")

        def generate(before: str = "") -> str:
            """Generate a model in another session than `before` and return its id."""
            tab.choose_photos("stool.jpg")
            tab.generate()
            assert wait_until(lambda: tab.session_id() not in ("None", before))
            tab.wait_for_state("result")
            assert tab.listed_models() == ["stool.glb"]
            return tab.session_id()

        first = generate()
        requests.delete(f"{held.url}/api/sessions/{first}").raise_for_status()
        second = generate(first)
        requests.delete(f"{held.url}/api/sessions/{second}").raise_for_status()
        tab.page.reload()
        tab.page.uncheck("[name=texture]")
        tab.page.wait_for_selector("#none", state="visible")
        generate(second)
