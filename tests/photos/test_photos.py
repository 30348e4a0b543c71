"""Which uploads are accepted as images, and the copies that are sent to the generator."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dreamlab import photos
from support.api import DATA, encoded, image_bytes
from support.image_files import copy, read


@pytest.mark.parametrize(
    ("kind", "suffix"),
    (
        ("JPEG", ".jpg"),
        ("PNG", ".png"),
        ("WEBP", ".webp"),
        ("HEIF", ".heic"),
        ("AVIF", ".avif"),
        ("BMP", ".bmp"),
        ("TIFF", ".tiff"),
        ("GIF", ".gif"),
    ),
)
def test_each_accepted_format_is_recognized_by_its_bytes(kind: str, suffix: str) -> None:
    photos._register_openers()
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow cannot write {kind}")
    content = image_bytes(kind=kind)
    assert read(content).suffixes[0] == suffix
    assert copy(content).size == (64, 48)


@pytest.mark.parametrize("kind", ("JPEG", "PNG"))
def test_a_photo_that_needs_no_change_keeps_its_colours(kind: str) -> None:
    with Image.open(DATA / "armchair.jpg") as photo:
        photo.paste((220, 20, 30), (100, 100, 200, 200))
        content = encoded(photo, kind, **({"quality": 95} if kind == "JPEG" else {}))
    sent = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), int)
    difference = np.abs(np.asarray(copy(content)) - sent)
    assert difference.mean() < 0.5
    assert np.percentile(difference, 99.9) <= 6


def test_a_large_photo_is_scaled_down() -> None:
    assert copy(image_bytes((5000, 1000), "JPEG")).size == (2048, 410)
    assert copy(image_bytes((10, 3000), "PNG")).size == (7, 2048)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    image = Image.new("RGB", (40, 20), "white")
    image.paste((0, 0, 0), (0, 0, 20, 10))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = copy(encoded(image, "JPEG", exif=exif, quality=95))
    # The corner of the first row and column of the stored image, according to EXIF 2.3.
    dark = {
        2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1),
    }[orientation]  # fmt: skip
    assert upright.size == ((40, 20) if orientation < 5 else (20, 40))
    width, height = upright.size
    for x in (0, 1):
        for y in (0, 1):
            level = upright.convert("L").getpixel(
                (width // 4 + x * width // 2, height // 4 + y * height // 2)
            )
            assert (level < 128) == ((x, y) == dark)


def test_metadata_is_removed() -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    for content in (
        image_bytes(kind="JPEG", exif=exif),
        image_bytes(kind="PNG", exif=exif),
        image_bytes(kind="JPEG", comment=b"at home"),
        image_bytes(kind="WEBP", exif=exif),
    ):
        assert b"at home" in content
        assert not copy(content).getexif()
        assert b"at home" not in read(content).content


def test_transparency_is_kept() -> None:
    image = Image.new("RGBA", (30, 30), (200, 10, 10, 0))
    image.paste((200, 10, 10, 255), (10, 10, 20, 20))
    copied = copy(encoded(image, "WEBP", lossless=True))
    assert copied.mode == "RGBA"
    assert [copied.getpixel(at)[3] for at in ((0, 0), (15, 15))] == [0, 255]
    with_palette = encoded(image.convert("RGB").quantize(4), "GIF", transparency=0)
    assert copy(with_palette).mode == "RGBA"


def test_other_colour_modes_become_rgb() -> None:
    for mode, kind in (("CMYK", "JPEG"), ("I;16", "PNG"), ("L", "TIFF"), ("1", "TIFF")):
        assert copy(image_bytes(mode="L" if mode == "1" else mode, kind=kind)).mode == "RGB"
    grey = Image.new("I;16", (4, 4), 257 * 100)
    assert copy(encoded(grey, "PNG")).getpixel((0, 0)) == pytest.approx((100, 100, 100), abs=2)


def test_the_first_frame_of_an_animation_is_used() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        animation = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert copy(animation).convert("RGB").getpixel((8, 8)) == pytest.approx((254, 0, 0), abs=6)


def test_a_jpeg_with_several_images_from_a_phone_is_a_jpeg() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    mpo = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert read(mpo).suffixes == (".jpg", ".jpeg")
    assert copy(mpo).size == (16, 16)


def test_the_limit_of_megapixels_is_exact() -> None:
    content = image_bytes((100, 100))
    assert photos.read(io.BytesIO(content), "image", 0.01)
    with pytest.raises(photos.ImageTooLarge):
        photos.read(io.BytesIO(content), "image", 0.0099)
