"""Large photos are made smaller before the page sends them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Dict, List

import pytest
from PIL import Image

from support.browser import Browser
from support.browser_tab import BrowserTab, open_tab
from support.processes import Server

ORIENTATION = 0x0112


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 60).convert("RGB")


def cut_out() -> Image.Image:
    image = noise(2100, 1050).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 2100, 400))
    return image


def turned() -> bytes:
    """Return a wide photo that its EXIF turns upright. Its left side, the top then, is black."""
    image = noise(3000, 1500)
    image.paste((0, 0, 0), (0, 0, 500, 1500))
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return encode(image, "JPEG", exif=exif)


def send(browser: Browser, server: Server, **photo: Any) -> Path:
    """Send the photo with the page and return the upload that the server has kept."""
    with open_tab(browser, server.url, expect_failed_requests=True) as tab:
        tab.page.uncheck("[name=texture]")
        tab.choose_photos(photo)
        tab.generate()
        tab.wait_for_state("result")
        (upload,) = uploads(tab, server)
    return upload


def uploads(tab: BrowserTab, server: Server) -> List[Path]:
    return sorted((server.sessions / tab.session_id() / "uploads").glob("*.*"))


def test_a_large_photo_is_sent_small_and_upright(browser: Browser, quick_server: Server) -> None:
    content = turned()
    upload = send(browser, quick_server, name="IMG_1.jpeg", mimeType="image/jpeg", buffer=content)
    image = Image.open(upload)
    assert (upload.name, image.size) == ("IMG_1.jpg", (1024, 2048))
    assert ORIENTATION not in image.getexif()
    assert upload.stat().st_size < 0.6 * len(content)
    # What was the left side is above.
    assert image.convert("L").resize((1, 6), Image.Resampling.BOX).getpixel((0, 0)) < 20  # type: ignore[operator]


def test_what_is_cut_out_stays_cut_out(browser: Browser, quick_server: Server) -> None:
    content = encode(cut_out(), "PNG")
    upload = send(browser, quick_server, name="chair.png", mimeType="image/png", buffer=content)
    image = Image.open(upload)
    assert (upload.name, image.size, image.mode) == ("chair.webp", (2048, 1024), "RGBA")
    assert image.getchannel("A").getextrema() == (0, 255)
    assert upload.stat().st_size < len(content)


WHOLE: Dict[str, Any] = {
    # A PNG of one colour is smaller than any JPEG of it.
    "larger": ("plain.png", "image/png", encode(Image.new("L", (2500, 2500)), "PNG")),
    # Chromium cannot decode TIFF, nor most browsers HEIC.
    "unknown": ("scan.tif", "image/tiff", encode(noise(2500, 600), "TIFF")),
    "small": ("chair.png", "image/png", encode(noise(600, 600), "PNG")),
}


@pytest.mark.parametrize("photo", WHOLE.values(), ids=WHOLE)
def test_other_photos_are_sent_whole(browser: Browser, quick_server: Server, photo: Any) -> None:
    name, kind, content = photo
    upload = send(browser, quick_server, name=name, mimeType=kind, buffer=content)
    assert (upload.name, upload.read_bytes()) == (name, content)


COUNT_PHOTOS = """
window.decoded = [];
window.urls = new Set();
const { createImageBitmap } = window, { createObjectURL, revokeObjectURL } = URL;
window.createImageBitmap = (...given) =>
  createImageBitmap(...given).finally(() => given[0].name && decoded.push(given[0].name));
URL.createObjectURL = (file) => {
  const url = createObjectURL(file);
  urls.add(url);
  return url;
};
URL.revokeObjectURL = (url) => {
  urls.delete(url);
  revokeObjectURL(url);
};
"""


def test_a_photo_is_made_smaller_once_when_it_is_chosen_and_leaves_no_url(
    browser: Browser, quick_server: Server
) -> None:
    photo = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": encode(noise(2600, 1300), "JPEG")}
    with open_tab(browser, quick_server.url, expect_failed_requests=True) as tab:
        tab.page.evaluate(COUNT_PHOTOS)
        tab.page.uncheck("[name=texture]")
        tab.choose_photos(photo)
        tab.page.wait_for_function("() => decoded.length === 1")
        for _ in range(2):
            tab.generate()
            tab.wait_for_state("result")
            # That of the preview in the form is left.
            tab.page.wait_for_function("() => urls.size === 1")
        assert tab.page.evaluate("decoded") == ["a.jpg"]
        sizes = {Image.open(file).size for file in uploads(tab, quick_server)}
    assert sizes == {(2048, 1024)}
