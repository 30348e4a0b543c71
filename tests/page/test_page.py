"""The page in a real browser: generation, gallery and deletion."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Dict

import pytest
import requests
from PIL import Image

from support.api import DATA, wait_until
from support.browser import Browser
from support.browser_tab import DESKTOP, NARROW, PHONE, BrowserTab, is_flat, open_tab
from support.processes import StartServer

# The limit for all compressed files of the page except model-viewer.
MAX_PAGE_BYTES = 40_000
DISPATCH = """
async ([kind, selector, name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const given = new DataTransfer();
  given.items.add(new File([bytes], name, { type }));
  const init = { bubbles: true, cancelable: true };
  const event = kind === "paste"
    ? new ClipboardEvent(kind, { ...init, clipboardData: given })
    : new DragEvent(kind, { ...init, dataTransfer: given });
  document.querySelector(selector).dispatchEvent(event);
}
"""


def test_a_model_of_the_default_engine_is_drawn(
    browser: Browser, stand_in_url: str, start_server: StartServer
) -> None:
    server = start_server(HUNYUAN_SPACE_ID=stand_in_url)
    with open_tab(browser, server.url, draws_models=True) as tab:
        tab.choose_photos("chair-front.png")
        tab.generate()
        tab.wait_for_state("work")
        tab.wait_for_model("chair-front.glb")
        viewer = tab.page.locator("model-viewer")
        assert viewer.evaluate("viewer => viewer.loaded")
        # Before the model is visible, the screenshot shows the poster.
        assert wait_until(lambda: bool(viewer.evaluate("viewer => viewer.modelIsVisible")))
        assert not is_flat(Image.open(io.BytesIO(viewer.screenshot())))
        assert tab.axe_violations() == []
        tab.screenshot("result")


def test_a_model_is_generated_shown_and_deleted_on_a_phone(browser: Browser, site: str) -> None:
    with open_tab(browser, site, color_scheme="dark", **PHONE) as tab:
        page = tab.page
        tab.screenshot("phone-1-start")
        tab.choose_photos("chair-front.png", "chair-back.png", "chair-left.png", "chair-right.png")
        assert page.locator(".filled").count() == 4
        page.fill("#caption", "a chair with arm rests")
        tab.screenshot("phone-2-chosen")
        tab.generate()
        tab.wait_for_model("chair-front.glb")
        assert tab.text("#name") == "Chair Front"
        facts = tab.text("#facts")
        assert re.search(r"Made by\s+http://127", facts) and re.search(r"Seed\s+\d+", facts)
        assert re.search(r"Faces\s+[\d,]{3,}", facts) and re.search(r"Size\s+[\d.]+ [kM]B", facts)
        page.wait_for_selector(".look img")
        tab.screenshot("phone-3-result")

        model = requests.get(str(page.get_attribute("#download", "href")))
        assert model.content[:4] == b"glTF"
        page.reload()
        page.wait_for_selector(".look img")
        assert tab.listed_models() == ["chair-front.glb"]
        tab.screenshot("phone-4-gallery")
        page.click(".look")
        tab.wait_for_model("chair-front.glb")
        assert "Seed" in tab.text("#facts")

        page.click("li .icon")
        tab.screenshot("phone-5-delete")
        page.click("#ask .danger")
        page.wait_for_selector("#none", state="visible")
        assert tab.listed_models() == []
        page.reload()
        page.wait_for_selector("#none", state="visible")


def test_models_are_listed_newest_first_and_deleted_together(browser: Browser, site: str) -> None:
    with open_tab(browser, site, color_scheme="dark", **DESKTOP) as tab:
        page = tab.page
        page.uncheck("[name=texture]")
        for piece in ("stool", "desklamp"):
            tab.choose_photos(f"{piece}.jpg")
            tab.generate()
            tab.wait_for_model(f"{piece}.glb")
            page.wait_for_selector(f".look[data-model='{piece}.glb'] img")
        assert tab.listed_models() == ["desklamp.glb", "stool.glb"]
        tab.screenshot("gallery-dark")
        page.click("#clear")
        page.click("#ask button:not(.danger)")
        assert len(tab.listed_models()) == 2
        page.click("#clear")
        page.click("#ask .danger")
        page.wait_for_selector("#none", state="visible")
        assert tab.listed_models() == []
        tab.wait_for_state("empty")


def test_a_photo_can_be_dropped_on_a_view_and_pasted(browser: Browser, site: str) -> None:
    with open_tab(browser, site) as tab:
        data = base64.b64encode((DATA / "chair.jpg").read_bytes()).decode()
        photo = ["chair.jpg", "image/jpeg", data]
        tab.page.evaluate(DISPATCH, ["dragover", "body", *photo])
        assert tab.page.locator("body.dragging").count() == 1
        tab.page.evaluate(DISPATCH, ["drop", ".view.left label", *photo])
        assert tab.page.locator("body.dragging").count() == 0
        tab.page.evaluate(DISPATCH, ["paste", "body", *photo])
        filled = "views => views.map(({ dataset }) => dataset.side)"
        assert tab.page.eval_on_selector_all(".filled", filled) == ["front", "left"]
        tab.page.wait_for_selector(".front img[src^=blob]")
        tab.page.click(".left .icon")
        assert tab.page.eval_on_selector_all(".filled", filled) == ["front"]


def test_a_photo_that_the_browser_cannot_show_is_listed_by_its_name(
    browser: Browser, site: str
) -> None:
    heic = {"name": "IMG_0001.HEIC", "mimeType": "image/heic", "buffer": b"no browser reads this"}
    with open_tab(browser, site) as tab:
        tab.choose_photos(heic)
        tab.page.wait_for_selector(".front .unshown")
        assert "IMG_0001.HEIC" in tab.text(".front .shot")


def test_a_phone_can_take_the_photo_with_its_camera(browser: Browser, site: str) -> None:
    with open_tab(browser, site, **NARROW) as tab:
        assert tab.page.get_attribute("#camera", "capture") == "environment"
        tab.page.set_input_files("#camera", str(DATA / "couch.jpg"))
        tab.page.wait_for_selector(".front.filled")
        tab.screenshot("narrow-chosen")


@pytest.mark.parametrize("width", (320, 768, 3840))
def test_the_page_needs_no_horizontal_scrolling(browser: Browser, site: str, width: int) -> None:
    with open_tab(browser, site, viewport={"width": width, "height": width * 9 // 16}) as tab:
        tab.page.click("summary")
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        tab.screenshot(f"width-{width}")


def file_sizes(tab: BrowserTab) -> Dict[str, int]:
    """Return the size in bytes of each file of the page. The HTML has the name ''."""
    entries = tab.page.evaluate(
        """performance.getEntries()
          .filter(({ entryType, name }) =>
            entryType === "navigation" || /static.*(js|css|svg)$/.test(name))
          .map(({ name, encodedBodySize }) => [name, encodedBodySize])"""
    )
    return {Path(name).name if "static" in name else "": size for name, size in entries}


def test_the_page_is_small_and_loads_without_model_viewer(browser: Browser, site: str) -> None:
    with open_tab(browser, site) as tab:
        sizes = file_sizes(tab)
        assert "model-viewer.min.js" not in sizes
        assert {"", "page.js", "style.css"} <= set(sizes)
        print(sizes, sum(sizes.values()))
        assert sum(sizes.values()) < MAX_PAGE_BYTES
        paints = "performance.getEntriesByType('paint').map(({ startTime }) => startTime)"
        assert wait_until(lambda: bool(tab.page.evaluate(paints)))
        print("first paint after", tab.page.evaluate(paints)[0], "ms")
