"""The page while a generation runs: progress, leaving, a busy server, an ended session."""

from __future__ import annotations

from typing import Any

import requests

from support.api import wait_until
from support.browser import Browser
from support.browser_tab import PHONE, BrowserTab, error_text, open_tab
from support.processes import Server
from support.spaces import HeldSpace


def start_held_generation(tab: BrowserTab, held_space: HeldSpace) -> None:
    """Start a generation that reports progress and then waits until it is released."""
    held_space.release.clear()
    tab.page.uncheck("[name=texture]")
    tab.choose_photos("stool.jpg")
    tab.generate()
    tab.page.wait_for_selector("#bar[value]")


def test_a_model_is_listed_after_the_user_cancels_or_leaves(
    browser: Browser, held_space: HeldSpace, held_server: Server
) -> None:
    # The held generator's model has no mesh, so the server makes no picture of it.
    with open_tab(browser, held_server.url, expect_failed_requests=True) as tab:
        start_held_generation(tab, held_space)
        assert tab.text("#doing") == "Shaping it" == tab.page.text_content("#live")
        tab.screenshot("progress")
        tab.page.click("#cancel")
        tab.wait_for_state("empty")
        assert "We stopped waiting" in tab.text("#note")
        tab.screenshot("cancelled")
        assert tab.listed_models() == []
        held_space.release.set()
        tab.page.wait_for_selector(".look[data-model='stool.glb']")
        assert not tab.text("#note")

        start_held_generation(tab, held_space)
        tab.page.reload()
        tab.page.wait_for_selector("#note:not(:empty)")
        assert "under way when you left" in tab.text("#note")
        held_space.release.set()
        tab.page.wait_for_selector(".look[data-model='stool-2.glb']")


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


def test_a_lost_connection_is_reported(
    browser: Browser, held_space: HeldSpace, held_server: Server
) -> None:
    with open_tab(browser, held_server.url, expect_failed_requests=True) as tab:
        start_held_generation(tab, held_space)
        held_server.kill()
        tab.page.wait_for_selector("#note:not(:empty)")
        assert "connection was lost" in tab.text("#note")
