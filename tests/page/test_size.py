"""A model on the page in its real size: measured, changed, downloaded, and where it can be used."""

from __future__ import annotations

import struct
from typing import Any, Dict, List

import pytest
import requests

from support.api import wait_until
from support.browser import Browser
from support.browser_tab import PHONE, BrowserTab, open_tab
from support.spaces import SIZE_GUESS_CM

# What the bytes of each form begin with.
MAGIC = {
    "glb": b"glTF",
    "usdz": b"PK",
    "obj.zip": b"PK",
    "stl": b"",
    "ply": b"ply",
    "png": b"\x89PNG",
    "webp": b"RIFF",
}
RECORD_SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) shifts += value;
}).observe({ type: "layout-shift", buffered: true });
"""


def make_stool(tab: BrowserTab) -> None:
    tab.page.uncheck("[name=texture]")
    tab.choose_photos("stool.jpg")
    tab.generate()
    tab.wait_for_model("stool.glb")


def records(tab: BrowserTab, site: str) -> List[Dict[str, Any]]:
    answer = requests.get(f"{site}/api/sessions/{tab.session_id()}/models", timeout=10)
    found: List[Dict[str, Any]] = answer.json()["models"]
    return found


def resize(tab: BrowserTab, number: str) -> None:
    """Change the size of the model that is shown."""
    tab.page.fill("#result-size input", number)
    tab.page.keyboard.press("Tab")


def shown_height_m(tab: BrowserTab) -> float:
    return float(tab.page.evaluate("document.querySelector('model-viewer').getDimensions().y"))


def wait_for_number(tab: BrowserTab, number: str) -> None:
    """Wait until the line along the model's height has this number."""
    line = f".dimensions [data-side=height]:text-is('{number}')"
    tab.page.wait_for_selector(line, state="attached")


def test_the_guessed_size_is_shown_and_another_one_is_drawn(browser: Browser, site: str) -> None:
    with open_tab(browser, site, draws_models=True) as tab:
        page = tab.page
        make_stool(tab)
        guess = float(page.input_value("#result-size input"))
        assert guess == SIZE_GUESS_CM["height"]
        assert page.input_value("#size input") == ""
        wait_for_number(tab, f"{guess:g} cm")
        assert shown_height_m(tab) == pytest.approx(guess / 100, abs=1e-4)
        viewer = page.locator("model-viewer")
        assert viewer.get_attribute("ar-scale") == "fixed"
        assert str(viewer.get_attribute("ios-src")).endswith(f"/stool.usdz?height_cm={guess:g}")

        resize(tab, "127")
        wait_for_number(tab, "127 cm")
        assert shown_height_m(tab) == pytest.approx(1.27, abs=1e-4)
        assert "127 cm" in tab.text("#facts")
        assert str(viewer.get_attribute("ios-src")).endswith("height_cm=127")
        page.select_option("#result-size [aria-label=Unit]", "in")
        wait_for_number(tab, "50 in")
        assert shown_height_m(tab) == pytest.approx(1.27, abs=1e-4)
        page.select_option("#result-size [aria-label=Side]", "width")
        width_in = float(page.input_value("#result-size input"))
        lines = page.locator(".dimensions [data-side=width]").text_content()
        assert lines == f"{width_in:g} in" != "50 in"
        tab.screenshot("size-in-inches")


def test_a_chosen_size_is_kept_and_that_of_the_next_try(browser: Browser, site: str) -> None:
    with open_tab(browser, site) as tab:
        page = tab.page
        make_stool(tab)
        resize(tab, "127")
        assert page.input_value("#size input") == "127"
        tab.generate()
        tab.wait_for_model("stool-2.glb")
        assert records(tab, site)[1]["size_cm"]["height"] == pytest.approx(127, abs=0.01)
        assert "?" not in str(page.get_attribute("model-viewer", "src"))
        page.reload()
        page.click(".look[data-model='stool.glb']")
        tab.wait_for_model("stool.glb")
        assert "127 cm" in tab.text("#facts")

        # The size of one piece says nothing about the next one.
        resize(tab, "40")
        assert page.input_value("#size input") == "40"
        tab.choose_photos("chair.jpg")
        assert page.input_value("#size input") == ""


def test_a_size_that_nothing_has_is_not_shown(browser: Browser, site: str) -> None:
    with open_tab(browser, site) as tab:
        make_stool(tab)
        source = tab.page.get_attribute("model-viewer", "src")
        for number in ("0", "-5", "10001"):
            resize(tab, number)
            assert tab.page.locator("#result-size input:invalid").count() == 1
            assert tab.page.get_attribute("model-viewer", "src") == source
        tab.page.fill("#size input", "20000")
        tab.generate()
        assert tab.page.evaluate("document.activeElement.matches('#size input')")


def test_every_form_can_be_downloaded_in_the_chosen_size_with_the_keyboard(
    browser: Browser, site: str
) -> None:
    with open_tab(browser, site) as tab:
        page = tab.page
        make_stool(tab)
        resize(tab, "60")
        page.wait_for_selector("#download[href$='height_cm=60']", state="attached")
        page.focus("#forms summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "download"
        tab.screenshot("download-menu")
        links = page.eval_on_selector_all(
            "#forms a", "links => links.map((link) => [link.dataset.form, link.href])"
        )
        contents = {form: requests.get(url).content for form, url in links}
        assert contents.keys() == MAGIC.keys()
        for form, content in contents.items():
            assert content.startswith(MAGIC[form]), form
        assert stl_height_mm(contents["stl"]) == pytest.approx(600, abs=0.1)
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == "stool.glb"
        assert page.locator("#forms[open]").count() == 0
        page.keyboard.press("Shift+Tab")
        page.focus("#forms summary")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        assert page.locator("#forms[open]").count() == 0
        assert page.evaluate("document.activeElement.localName") == "summary"


def stl_height_mm(content: bytes) -> float:
    heights = [
        corner[1]
        for facet in struct.iter_unpack("<12fH", content[84:])
        for corner in (facet[3:6], facet[6:9], facet[9:12])
    ]
    return float(max(heights) - min(heights))


def test_the_report_says_what_a_model_is_ready_for(browser: Browser, site: str) -> None:
    with open_tab(browser, site, **PHONE) as tab:
        tab.page.evaluate(RECORD_SHIFTS)
        make_stool(tab)
        tab.page.wait_for_selector("#report .ready")
        rows = tab.page.locator("#report tr").all_inner_texts()
        assert [row.split() for row in rows] == [
            ["AR", "Ready"],
            ["Room", "planners", "Ready"],
            ["Shops", "Ready"],
        ]
        tab.page.check("[name=texture]")
        tab.generate()
        tab.wait_for_model("stool-2.glb")
        tab.page.wait_for_selector("#report .unready")
        assert "Amazon: textures should be square." in tab.text("#report")
        # A model that is taken out of the list does not move what is read.
        assert tab.page.evaluate("shifts") < 0.05
        tab.screenshot("report-phone")


def test_pictures_come_from_the_server_and_an_icon_where_it_makes_none(
    browser: Browser, site: str
) -> None:
    with open_tab(browser, site, expect_failed_requests=True) as tab:
        make_stool(tab)
        picture = tab.page.locator(".look img")
        assert wait_until(lambda: picture.evaluate("image => image.naturalWidth") == 512)
        assert picture.get_attribute("loading") == "lazy"
        assert picture.evaluate("image => image.src").endswith("/stool.webp")
        tab.context.route("**/stool.webp", lambda route: route.fulfill(status=501, json={}))
        tab.page.reload()
        tab.page.wait_for_selector(".look svg")
        assert tab.page.locator(".look img").count() == 0
