"""Which bytes are images, and what the generator gets of them."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageCms

from dreamlab import photos
from support.api import picture


def read(content: bytes) -> photos.Photo:
    return photos.read(io.BytesIO(content), "image", 50)


def copy(content: bytes) -> Image.Image:
    photo = read(content)
    assert photo.copy is not None
    made = Image.open(io.BytesIO(photo.copy))
    assert {"JPEG": ".jpg", "PNG": ".png"}[made.format or ""] == photo.copy_suffix
    assert read(photo.copy).copy is None, "a copy is clean itself"
    return made


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
def test_each_accepted_kind_is_known_by_its_bytes(kind: str, suffix: str) -> None:
    photos._register_openers()
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow cannot write {kind}")
    content = picture(kind=kind)
    assert read(content).suffixes[0] == suffix
    if kind in ("JPEG", "PNG"):
        assert read(content).copy is None
    else:
        assert copy(content).size == (64, 48)


@pytest.mark.parametrize("kind", ("JPEG", "PNG"))
def test_a_clean_upload_goes_on_unchanged(kind: str) -> None:
    assert read(picture((2048, 100), kind)).copy is None


def test_a_large_one_is_scaled_down() -> None:
    assert copy(picture((5000, 1000), "JPEG")).size == (2048, 410)
    assert copy(picture((10, 3000), "PNG")).size == (7, 2048)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    image = Image.new("RGB", (40, 20), "white")
    image.paste((0, 0, 0), (0, 0, 20, 10))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=95)
    upright = copy(file.getvalue())
    # Where EXIF 2.3 says that the first row and column of the stored picture are.
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


def test_metadata_is_left_out() -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    for content in (
        picture(kind="JPEG", exif=exif),
        picture(kind="PNG", exif=exif),
        picture(kind="JPEG", comment=b"at home"),
        picture(kind="WEBP", exif=exif),
    ):
        assert b"at home" in content
        made = copy(content)
        assert not made.getexif()
        assert b"at home" not in (read(content).copy or b"")


def test_transparency_is_kept() -> None:
    file = io.BytesIO()
    image = Image.new("RGBA", (30, 30), (200, 10, 10, 0))
    image.paste((200, 10, 10, 255), (10, 10, 20, 20))
    image.save(file, "WEBP", lossless=True)
    made = copy(file.getvalue())
    assert made.mode == "RGBA"
    assert [made.getpixel(at)[3] for at in ((0, 0), (15, 15))] == [0, 255]
    palette = io.BytesIO()
    image.convert("RGB").quantize(4).save(palette, "GIF", transparency=0)
    assert copy(palette.getvalue()).mode == "RGBA"


def test_unusual_colours_become_plain_ones() -> None:
    for mode, kind in (("CMYK", "JPEG"), ("I;16", "PNG"), ("L", "TIFF"), ("1", "TIFF")):
        assert copy(picture(mode="L" if mode == "1" else mode, kind=kind)).mode == "RGB"
    grey = Image.new("I;16", (4, 4), 257 * 100)
    file = io.BytesIO()
    grey.save(file, "PNG")
    assert copy(file.getvalue()).getpixel((0, 0)) == pytest.approx((100, 100, 100), abs=2)


def test_a_colour_profile_is_applied() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    assert copy(picture(kind="JPEG", icc_profile=profile.tobytes())).mode == "RGB"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.new("RGB", (8, 8), (200, 100, 50))
    file = io.BytesIO()
    image.save(file, "PNG", icc_profile=srgb.tobytes())
    assert copy(file.getvalue()).getpixel((4, 4)) == pytest.approx((200, 100, 50), abs=3)


def test_the_first_frame_of_a_film_is_taken() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:])
        made = copy(file.getvalue()).convert("RGB")
        assert made.getpixel((8, 8)) == pytest.approx((254, 0, 0), abs=6)


def test_a_phones_jpeg_with_further_pictures_in_it_is_a_jpeg() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "MPO", save_all=True, append_images=frames[1:])
    assert read(file.getvalue()).suffixes == (".jpg", ".jpeg")
    assert copy(file.getvalue()).size == (16, 16)


def test_the_limit_is_exact() -> None:
    content = picture((100, 100))
    assert photos.read(io.BytesIO(content), "image", 0.01)
    with pytest.raises(photos.ImageTooLarge):
        photos.read(io.BytesIO(content), "image", 0.0099)
