"""What the page says when something goes wrong. Each error is a real one."""

from __future__ import annotations

import time
from typing import Any, Iterator

import gradio as gr
import pytest

from support.api import image_bytes
from support.browser import Browser
from support.browser_tab import PHONE, error_text, open_tab
from support.processes import Server, StartServer
from support.spaces import answer, free_port, space

QUOTA = "You have exceeded your GPU quota (60s requested vs. 12s left). Try again in 2:05:11"
SPACE_ERRORS = {
    "no legs": "The chair has no legs",
    "quota": QUOTA,
    "nothing": "Nothing stands out from the background of the front view.",
    "no GPU": "No GPU is currently available for you after 60s",
}


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose Space fails in the way that the caption asks for."""
    folder = tmp_path_factory.mktemp("failing")
    html = folder / "white_mesh.glb"
    html.write_text("<html>Internal error</html>")

    def shape(image=None, caption=""):
        if caption == "slow":
            time.sleep(4)
        if caption in SPACE_ERRORS:
            raise gr.Error(SPACE_ERRORS[caption])
        return answer(html)

    with space(shape) as url:
        server = Server(
            folder,
            HUNYUAN_SPACE_ID=url,
            GENERATION_TIMEOUT_S="3",
            MAX_UPLOAD_MB="0.5",
            MAX_IMAGE_MEGAPIXELS="1",
        )
        yield server.url
        server.kill()


@pytest.mark.parametrize(
    ("caption", "phrases"),
    (
        ("no legs", ("did not work out", "The chair has no legs", "Try again", "another photo")),
        ("HTML", ("did not work out", "no valid GLB", "Try again", "another photo")),
        ("nothing", ("No piece of furniture stands out", "from a corner", "another photo")),
        ("quota", ("allowance is used up", "Try again in 2:05:11")),
        ("no GPU", ("Everybody", "Try again")),
        ("slow", ("took too long", "without texture", "Try again")),
    ),
)
def test_a_generation_that_fails_is_explained(
    browser: Browser, failing: str, caption: str, phrases: Any
) -> None:
    with open_tab(browser, failing, **PHONE) as tab:
        tab.page.uncheck("[name=texture]")
        tab.page.fill("#caption", caption)
        tab.choose_photos("chair.jpg")
        tab.generate()
        text = error_text(tab, phrases[0], caption.replace(" ", "-"))
        assert all(phrase in text for phrase in phrases), text
        assert tab.page.locator(".front.filled").count() == 1


def test_a_generator_without_textures_is_explained(browser: Browser, failing: str) -> None:
    with open_tab(browser, failing, **PHONE) as tab:
        tab.choose_photos("chair.jpg")
        tab.generate()
        assert "Switch the texture off" in error_text(tab, "makes no textures", "no-texture")


def test_a_missing_photo_and_a_text_file_are_refused(browser: Browser, failing: str) -> None:
    note = {"name": "chair.jpg", "mimeType": "image/jpeg", "buffer": b"Dear shop,"}
    with open_tab(browser, failing, expect_failed_requests=True, color_scheme="dark") as tab:
        tab.generate()
        error_text(tab, "front view is missing", "no-photo")
        tab.choose_photos(note)
        tab.wait_for_state("empty")
        tab.generate()
        assert "Try again" not in error_text(tab, "not a photo we can read", "not-an-image")
        tab.page.click("#other")
        assert tab.page.evaluate("document.activeElement.id") == "front"


def test_a_photo_over_a_limit_is_refused_by_the_page_or_by_the_server(
    browser: Browser, failing: str
) -> None:
    too_many_bytes = {"name": "big.jpg", "mimeType": "image/jpeg", "buffer": b"\0" * 600_000}
    too_many_pixels = {
        "name": "wide.png",
        "mimeType": "image/png",
        "buffer": image_bytes((1200, 1000)),
    }
    with open_tab(browser, failing, expect_failed_requests=True) as tab:
        tab.choose_photos(too_many_bytes)
        tab.generate()
        assert "You chose 600 kB; 0.5 MB is" in error_text(tab, "too large", "too-large")
        assert tab.failed_requests == []
        tab.choose_photos(too_many_pixels)
        tab.wait_for_state("empty")
        tab.generate()
        assert "1.2 megapixels" in error_text(tab, "too large", "too-many-pixels")


def test_an_invalid_option_gets_the_focus(browser: Browser, failing: str) -> None:
    with open_tab(browser, failing) as tab:
        tab.choose_photos("chair.jpg")
        tab.page.evaluate("document.querySelector('#steps').value = 500")
        tab.generate()
        assert tab.page.evaluate("document.activeElement.id") == "steps"
        assert tab.page.locator("#advanced[open]").count() == 1


def test_an_unreachable_generator_and_server_are_told_apart(
    browser: Browser, start_server: StartServer
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=f"http://127.0.0.1:{free_port()}")
    with open_tab(browser, server.url, expect_failed_requests=True) as tab:
        tab.choose_photos("chair.jpg")
        tab.generate()
        error_text(tab, "generator is away", "unavailable")
        server.kill()
        tab.page.click("#again")
        error_text(tab, "does not answer", "unreachable")


def test_a_browser_that_goes_offline_keeps_the_form(browser: Browser, site: str) -> None:
    with open_tab(browser, site, expect_failed_requests=True, **PHONE) as tab:
        tab.page.uncheck("[name=texture]")
        tab.choose_photos("stool.jpg")
        tab.page.wait_for_selector(".front img[src]")
        tab.page.wait_for_load_state("networkidle")
        tab.context.set_offline(True)
        tab.page.wait_for_selector("#offline", state="visible")
        tab.generate()
        error_text(tab, "You are offline", "offline")
        tab.context.set_offline(False)
        tab.page.wait_for_selector("#offline", state="hidden")
        tab.page.click("#again")
        tab.wait_for_model("stool.glb")


def test_the_api_key_is_asked_for_and_kept_in_the_tab_only(
    browser: Browser, quick_space: str, start_server: StartServer
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=quick_space, API_KEY="open sesame")
    with open_tab(browser, server.url, expect_failed_requests=True) as tab:
        page = tab.page
        page.uncheck("[name=texture]")
        tab.choose_photos("stool.jpg")
        tab.generate()
        page.fill("#key", "let me in")
        tab.screenshot("key")
        page.keyboard.press("Enter")
        page.wait_for_selector("#key-hint:text('not right')")
        page.keyboard.press("Escape")
        error_text(tab, "key is needed", "no-key")
        page.click("#again")
        page.fill("#key", "open sesame")
        page.keyboard.press("Enter")
        tab.wait_for_state("result")
        assert "sesame" not in page.evaluate("JSON.stringify(localStorage)")


def test_what_a_model_lacks_is_said_beside_it(browser: Browser, site: str) -> None:
    with open_tab(browser, site, **PHONE) as tab:
        tab.page.fill("#caption", "white")
        tab.choose_photos("stool.jpg")
        tab.generate()
        tab.wait_for_model("stool.glb")
        tab.page.wait_for_selector("#note:not([hidden])")
        assert "could not make a texture" in tab.text("#note")
        tab.screenshot("no-texture-made")
