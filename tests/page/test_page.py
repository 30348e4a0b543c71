"""The page in a real browser, with the stand-in: from a photo to a model, and back to none."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any, Dict

import pytest
import requests
from PIL import Image

from support.api import DATA, wait_until
from support.browser import Browser
from support.visitor import DESKTOP, NARROW, PHONE, Visitor, is_flat, visit

# The aim for everything but the viewer, as it is sent: packed.
PAGE_BYTES = 40_000
PASTE = """
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


@pytest.mark.parametrize(
    ("device", "name"),
    ((DESKTOP, "desktop"), ({**PHONE, "color_scheme": "dark"}, "phone")),
    ids=("desktop", "phone"),
)
def test_the_whole_journey(browser: Browser, site: str, device: Dict[str, Any], name: str) -> None:
    with visit(browser, site, **device) as visitor:
        page = visitor.page
        visitor.shoot(f"{name}-1-start")
        visitor.choose("chair-front.png", "chair-back.png", "chair-left.png", "chair-right.png")
        assert page.locator(".filled").count() == 4
        page.fill("#caption", "a chair with arm rests")
        visitor.shoot(f"{name}-2-chosen")
        visitor.make()
        visitor.state("work")
        visitor.see_model("chair-front.glb")
        assert visitor.said("#name") == "Chair Front"
        facts = visitor.said("#facts")
        assert re.search(r"Made by\s+http://127", facts) and re.search(r"Seed\s+\d+", facts)
        assert re.search(r"Faces\s+[\d,]{4,}", facts) and re.search(r"Size\s+[\d.]+ [kM]B", facts)
        viewer = page.locator("model-viewer")
        assert viewer.evaluate("viewer => viewer.loaded")
        # The poster, too, is a picture: it must have gone.
        assert wait_until(lambda: bool(viewer.evaluate("viewer => viewer.modelIsVisible")))
        assert not is_flat(Image.open(io.BytesIO(viewer.screenshot())))
        page.wait_for_selector(".look img")
        visitor.shoot(f"{name}-3-result")

        model = requests.get(str(page.get_attribute("#download", "href")))
        assert model.content[:4] == b"glTF"
        page.reload()
        page.wait_for_selector(".look img")
        assert visitor.gallery() == ["chair-front.glb"]
        visitor.shoot(f"{name}-4-gallery")
        page.click(".look")
        visitor.see_model("chair-front.glb")
        assert "Seed" in visitor.said("#facts")

        page.click("li .icon")
        visitor.shoot(f"{name}-5-delete")
        page.click("#ask .danger")
        page.wait_for_selector("#none", state="visible")
        assert visitor.gallery() == []
        page.reload()
        page.wait_for_selector("#none", state="visible")


def test_many_models_are_listed_newest_first_and_deleted_at_once(
    browser: Browser, site: str
) -> None:
    with visit(browser, site, color_scheme="dark", **DESKTOP) as visitor:
        page = visitor.page
        page.uncheck("[name=texture]")
        for piece in ("stool", "desklamp"):
            visitor.choose(f"{piece}.jpg")
            visitor.make()
            visitor.see_model(f"{piece}.glb")
            page.wait_for_selector(f".look[data-model='{piece}.glb'] img")
        assert visitor.gallery() == ["desklamp.glb", "stool.glb"]
        visitor.shoot("gallery-dark")
        page.click("#clear")
        page.click("#ask button:not(.danger)")
        assert len(visitor.gallery()) == 2
        page.click("#clear")
        page.click("#ask .danger")
        page.wait_for_selector("#none", state="visible")
        assert visitor.gallery() == []
        visitor.state("empty")


def test_a_photo_can_be_dropped_on_a_side_and_pasted(browser: Browser, site: str) -> None:
    with visit(browser, site) as visitor:
        data = base64.b64encode((DATA / "chair.jpg").read_bytes()).decode()
        photo = ["chair.jpg", "image/jpeg", data]
        visitor.page.evaluate(PASTE, ["dragover", "body", *photo])
        assert visitor.page.locator("body.dragging").count() == 1
        visitor.page.evaluate(PASTE, ["drop", ".view.left label", *photo])
        assert visitor.page.locator("body.dragging").count() == 0
        visitor.page.evaluate(PASTE, ["paste", "body", *photo])
        filled = "views => views.map(({ dataset }) => dataset.side)"
        assert visitor.page.eval_on_selector_all(".filled", filled) == ["front", "left"]
        visitor.page.wait_for_selector(".front img[src^=blob]")
        visitor.page.click(".left .icon")
        assert visitor.page.eval_on_selector_all(".filled", filled) == ["front"]


def test_a_photo_that_the_browser_cannot_show_is_named(browser: Browser, site: str) -> None:
    heic = {"name": "IMG_0001.HEIC", "mimeType": "image/heic", "buffer": b"no browser reads this"}
    with visit(browser, site) as visitor:
        visitor.choose(heic)
        visitor.page.wait_for_selector(".front .unshown")
        assert "IMG_0001.HEIC" in visitor.said(".front .shot")


def test_a_photo_is_taken_with_the_camera_of_a_phone(browser: Browser, site: str) -> None:
    with visit(browser, site, **NARROW) as visitor:
        assert visitor.page.get_attribute("#camera", "capture") == "environment"
        visitor.page.set_input_files("#camera", str(DATA / "couch.jpg"))
        visitor.page.wait_for_selector(".front.filled")
        visitor.shoot("narrow-chosen")


@pytest.mark.parametrize("width", (320, 768, 3840))
def test_nothing_is_cut_off_at_any_width(browser: Browser, site: str, width: int) -> None:
    with visit(browser, site, viewport={"width": width, "height": width * 9 // 16}) as visitor:
        visitor.page.click("summary")
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width
        visitor.shoot(f"width-{width}")


def sizes(visitor: Visitor) -> Dict[str, int]:
    """The bytes of each file that the page consists of, its HTML as ''."""
    entries = visitor.page.evaluate(
        """performance.getEntries()
          .filter(({ entryType, name }) =>
            entryType === "navigation" || /static.*(js|css|svg)$/.test(name))
          .map(({ name, encodedBodySize }) => [name, encodedBodySize])"""
    )
    return {Path(name).name if "static" in name else "": size for name, size in entries}


def test_the_page_is_light_and_waits_for_no_viewer(browser: Browser, site: str) -> None:
    with visit(browser, site) as visitor:
        loaded = sizes(visitor)
        assert "model-viewer.min.js" not in loaded
        assert {"", "page.js", "style.css"} <= set(loaded)
        print(loaded, sum(loaded.values()))
        assert sum(loaded.values()) < PAGE_BYTES
        paints = "performance.getEntriesByType('paint').map(({ startTime }) => startTime)"
        assert wait_until(lambda: bool(visitor.page.evaluate(paints)))
        print("first paint after", visitor.page.evaluate(paints)[0], "ms")
