"""Colours of the copy for the generator: 8 bits, sRGB, transparent where the file says so."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Tuple

import pytest
from PIL import Image, ImageCms

from dreamlab import photos
from support.api import encoded, image_bytes
from support.image_files import chunk, copy, png, with_chunk

photos._register_openers()


def tag_xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def tag_gamma(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def profile(space: bytes, **tags: bytes) -> bytes:
    """Return an ICC profile of a monitor, version 2.1."""
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += name.encode() + struct.pack(">II", start + len(data), len(tag))
        data += tag
    head = struct.pack(
        ">I4xI4s4s4s12x4s", start + len(data), 0x02100000, b"mntr", space, b"XYZ ", b"acsp"
    )
    head = head.ljust(68, b"\0") + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + data


WHITE = tag_xyz(0.9642, 1.0, 0.8249)
# Linear light: a level of 128 is far brighter in sRGB, 188.
GREY_LINEAR = profile(b"GRAY", wtpt=WHITE, kTRC=tag_gamma(1.0))
# The primaries of sRGB in another order: red is green, green is blue, blue is red.
SWAPPED = profile(
    b"RGB ", wtpt=WHITE,
    rXYZ=tag_xyz(0.3851, 0.7169, 0.0971), gXYZ=tag_xyz(0.1431, 0.0606, 0.7141),
    bXYZ=tag_xyz(0.4361, 0.2225, 0.0139),
    rTRC=tag_gamma(2.2), gTRC=tag_gamma(2.2), bTRC=tag_gamma(2.2),
)  # fmt: skip


def iccp(data: bytes) -> bytes:
    return chunk(b"iCCP", b"profile\0\0" + zlib.compress(data))


def block(mode: str, ground: Any, level: Any) -> Image.Image:
    """Return a picture of `ground` with a block of `level` in its middle."""
    # Pillow cannot paste levels of 16 bits.
    picture = Image.new("I" if mode == "I;16" else mode, (30, 30), ground)
    picture.paste(level, (8, 8, 22, 22))
    return picture.convert(mode)


def test_the_profile_of_a_palette_is_applied() -> None:
    for kind in ("PNG", "TIFF"):
        palette = block("RGB", "black", (200, 0, 0)).quantize(4)
        content = encoded(palette, kind, icc_profile=SWAPPED)
        assert copy(content).getpixel((15, 15)) == pytest.approx((0, 200, 0), abs=14)


def test_the_profile_of_a_grey_picture_is_applied() -> None:
    grey = block("L", 0, 128)
    for kind in ("PNG", "TIFF", "JPEG"):
        content = encoded(grey, kind, icc_profile=GREY_LINEAR)
        assert copy(content).getpixel((15, 15)) == pytest.approx((188, 188, 188), abs=4), kind
    deep = encoded(block("I;16", 0, 128 * 257), "PNG", icc_profile=GREY_LINEAR)
    assert copy(deep).getpixel((15, 15)) == pytest.approx((188, 188, 188), abs=4)
    bits = encoded(block("1", 0, 1), "PNG", icc_profile=GREY_LINEAR)
    assert copy(bits).getpixel((15, 15)) == pytest.approx((255, 255, 255), abs=4)


def test_a_profile_keeps_the_transparency() -> None:
    for kind in ("PNG", "WEBP", "TIFF"):
        picture = block("RGBA", (9, 9, 9, 0), (200, 0, 0, 255))
        save = {"lossless": True} if kind == "WEBP" else {}
        copied = copy(encoded(picture, kind, icc_profile=SWAPPED, **save))
        assert copied.getpixel((15, 15)) == pytest.approx((0, 200, 0, 255), abs=14)
        assert copied.getpixel((1, 1))[3] == 0
    grey = copy(encoded(block("LA", (9, 0), (128, 255)), "PNG", icc_profile=GREY_LINEAR))
    assert grey.getpixel((15, 15)) == pytest.approx((188, 188, 188, 255), abs=4)
    assert grey.getpixel((1, 1))[3] == 0


KEYED: Tuple[Tuple[Any, ...], ...] = (
    ("colour", block("RGB", (255, 0, 255), (200, 0, 0)), (255, 0, 255), SWAPPED, (0, 200, 0)),
    ("colour, no profile", block("RGB", (1, 2, 3), (200, 9, 9)), (1, 2, 3), b"", (200, 9, 9)),
    ("grey", block("L", 7, 128), 7, GREY_LINEAR, (188, 188, 188)),
    ("grey, no profile", block("L", 7, 128), 7, b"", (128, 128, 128)),
)


@pytest.mark.parametrize(("picture", "key", "icc", "expected"), [case[1:] for case in KEYED])
def test_a_transparent_colour_is_transparent(
    picture: Image.Image, key: Any, icc: bytes, expected: Tuple[int, ...]
) -> None:
    save = {"icc_profile": icc} if icc else {}
    copied = copy(encoded(picture, "PNG", transparency=key, **save))
    assert copied.getpixel((15, 15)) == pytest.approx((*expected, 255), abs=14)
    assert copied.getpixel((1, 1)) == (255, 255, 255, 0)


@pytest.mark.parametrize("icc", (b"", iccp(SWAPPED)), ids=("no profile", "profile"))
def test_a_palette_with_transparent_colours_is_transparent(icc: bytes) -> None:
    indices = b"".join(
        b"\0" + bytes(8 < x < 22 and 8 < y < 22 for x in range(30)) for y in range(30)
    )
    palette = chunk(b"PLTE", bytes((0, 0, 200, 200, 0, 0)))
    copied = copy(png((30, 30), 8, 3, indices, icc, palette, chunk(b"tRNS", b"\0")))
    expected = (0, 200, 0, 255) if icc else (200, 0, 0, 255)
    assert copied.getpixel((15, 15)) == pytest.approx(expected, abs=14)
    assert copied.getpixel((1, 1)) == (255, 255, 255, 0)


@pytest.mark.parametrize("depth", (1, 2, 4, 16))
def test_a_transparent_colour_of_another_depth_is_transparent(depth: int) -> None:
    key, grey = 200 if depth == 16 else 1, 0 if depth == 1 else (2**depth - 1) * 2 // 3

    def row(y: int) -> bytes:
        inside = range(8, 24) if 8 <= y < 24 else range(0)
        number = 0
        for x in range(32):
            number = number << depth | (grey if x in inside else key)
        return b"\0" + number.to_bytes(4 * depth, "big")

    rows = b"".join(map(row, range(32)))
    for icc in (b"", iccp(GREY_LINEAR)):
        content = png((32, 32), depth, 0, rows, icc, chunk(b"tRNS", struct.pack(">H", key)))
        copied = copy(content)
        level = grey * 255 / (2**depth - 1)
        expected = 255 * (level / 255) ** (1 / 2.2) if icc else level
        assert copied.getpixel((16, 16)) == pytest.approx((*[expected] * 3, 255), abs=6)
        assert copied.getpixel((1, 1)) == (255, 255, 255, 0)


def test_a_transparent_colour_of_16_bits_is_transparent() -> None:
    key, colour = struct.pack(">3H", 65535, 300, 65535), struct.pack(">3H", 51400, 2570, 2570)
    rows = b"".join(
        b"\0" + b"".join(colour if 8 < x < 22 and 8 < y < 22 else key for x in range(30))
        for y in range(30)
    )
    copied = copy(png((30, 30), 16, 2, rows, chunk(b"tRNS", key)))
    assert copied.getpixel((15, 15)) == pytest.approx((200, 10, 10, 255), abs=1)
    assert copied.getpixel((1, 1)) == (255, 255, 255, 0)


@pytest.mark.parametrize("white", (1.0, 255.0, 65535.0))
def test_floating_point_is_scaled_from_its_range(white: float) -> None:
    copied = copy(encoded(block("F", white, white * 0.4), "TIFF"))
    assert copied.getpixel((15, 15)) == pytest.approx((102, 102, 102), abs=2)
    assert copied.getpixel((1, 1)) == pytest.approx((255, 255, 255), abs=2)


def test_light_above_white_is_clipped() -> None:
    copied = copy(encoded(block("F", 1.2, 0.4), "TIFF"))
    assert copied.getpixel((15, 15)) == pytest.approx((102, 102, 102), abs=2)


@pytest.mark.parametrize("kind", ("PNG", "TIFF"))
@pytest.mark.parametrize("brightest", (65535, 20000, 250, 1))
def test_grey_of_16_bits_is_scaled_from_its_range(kind: str, brightest: int) -> None:
    copied = copy(encoded(block("I;16", brightest, brightest // 2), kind))
    assert copied.getpixel((1, 1)) == pytest.approx((brightest / 257,) * 3, abs=2)
    assert copied.getpixel((15, 15)) == pytest.approx((brightest / 514,) * 3, abs=2)


def bad_profiles() -> Tuple[bytes, ...]:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    cmyk = SWAPPED.replace(b"RGB XYZ ", b"CMYKXYZ ")
    return b"", b"no profile", SWAPPED[:100], SWAPPED[:200], bytes(3000), lab, cmyk, GREY_LINEAR


def test_a_profile_that_does_not_fit_is_ignored() -> None:
    picture = block("RGB", "white", (200, 100, 50))
    for bad in bad_profiles():
        for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
            save = {"quality": 95} if kind == "JPEG" else {}
            content = encoded(picture, kind, icc_profile=bad, **save)
            assert copy(content).getpixel((15, 15)) == pytest.approx((200, 100, 50), abs=9)
        for late in (False, True):
            name_only = with_chunk(image_bytes(), b"iCCP", bad, late)
            assert copy(name_only).size == (64, 48)


def test_a_profile_in_parts_is_applied() -> None:
    padded = SWAPPED + bytes(150_000)
    content = encoded(block("RGB", "black", (200, 0, 0)), "JPEG", icc_profile=padded, quality=95)
    assert content.count(b"ICC_PROFILE\0") > 2
    assert copy(content).getpixel((15, 15)) == pytest.approx((0, 200, 0), abs=14)


def test_lab_of_a_tiff_becomes_srgb() -> None:
    lab = ImageCms.profileToProfile(
        block("RGB", "white", (200, 100, 50)),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    assert copy(encoded(lab, "TIFF")).getpixel((15, 15)) == pytest.approx((200, 100, 50), abs=6)
