"""Damage that no viewer minds does not refuse a photo, and metadata never reaches the generator."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Callable, Dict

import pytest
from PIL import Image

from dreamlab import photos
from support.api import encoded, image_bytes
from support.image_files import (
    ASCII,
    LONG,
    ORIENTATION_6,
    SHORT,
    chunk,
    copy,
    exif,
    png,
    read,
    with_chunk,
    with_segment,
)  # fmt: skip

photos._register_openers()
SECRET = b"48.137N 11.575E"

# Data whose orientation can be read in spite of the rest, and data that says none.
TURNED = {
    "sound": exif([ORIENTATION_6]),
    "little endian": exif([(0x0112, SHORT, 1, b"\6\0\0\0")], order="<"),
    "orientation as a long": exif([(0x0112, LONG, 1, b"\0\0\0\6")]),
    "resolution unit as text": exif([ORIENTATION_6, (0x0128, ASCII, 3, b"in\0\0")]),
    "a resolution of 1/0": exif([ORIENTATION_6, (0x011A, 5, 1, struct.pack(">I", 38))])
    + struct.pack(">II", 1, 0),
    "a resolution outside": exif([ORIENTATION_6, (0x011A, 5, 1, b"\xff\xff\xff\xff")]),
    "GPS in itself": exif([ORIENTATION_6, (0x8825, LONG, 1, b"\0\0\0\x08")]),
    "GPS as a text": exif([ORIENTATION_6, (0x8825, ASCII, 4, b"here")]),
    "a pointer outside": exif([ORIENTATION_6, (0x8769, LONG, 1, b"\xff\xff\xff\xff")]),
    "a loop": exif([ORIENTATION_6], following=8),
    "an unknown type": exif([ORIENTATION_6, (0x010F, 99, 1, b"abcd")]),
    "a count of 4 GB": exif([ORIENTATION_6, (0x010F, ASCII, 0xFFFFFFFF, b"abcd")]),
    "too many entries": exif([ORIENTATION_6]).replace(b"\x08\0\1", b"\x08\xff\xff"),
}
NOT_TURNED = {
    "nothing": b"",
    "no header": b"http://ns.adobe.com/xap/1.0/ garbage",
    "half a header": b"MM",
    "a directory outside": b"MM\0*\xff\xff\xff\xff",
    "cut": exif([ORIENTATION_6])[:14],
    "orientation 0": exif([(0x0112, SHORT, 1, bytes(4))]),
    "orientation 9": exif([(0x0112, SHORT, 1, b"\0\x09\0\0")]),
    "orientation as text": exif([(0x0112, ASCII, 4, b"left")]),
}


def raw_profile(data: bytes) -> bytes:
    """Return EXIF as ImageMagick writes it into the text of a PNG."""
    return b"\nexif\n%8d\n" % len(data) + data.hex().encode() + b"\n"


CONTAINERS: Dict[str, Callable[[bytes], bytes]] = {
    "JPEG": lambda data: with_segment(image_bytes(kind="JPEG"), 0xE1, b"Exif\0\0" + data),
    "PNG": lambda data: with_chunk(image_bytes(), b"eXIf", data),
    "PNG, behind the pixels": lambda data: with_chunk(image_bytes(), b"eXIf", data, True),
    "PNG, text": lambda data: with_chunk(
        image_bytes(), b"tEXt", b"Raw profile type exif\0" + raw_profile(b"Exif\0\0" + data)
    ),
    "PNG, packed text": lambda data: with_chunk(
        image_bytes(), b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw_profile(data))
    ),
    "PNG, international text": lambda data: with_chunk(
        image_bytes(), b"iTXt", b"Raw profile type exif\0\0\0\0\0" + raw_profile(data)
    ),
    "WebP": lambda data: image_bytes(kind="WEBP", exif=b"Exif\0\0" + data),
    "WebP, lossless": lambda data: image_bytes(kind="WEBP", lossless=True, exif=data or b"\0"),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_exif_is_read_as_far_as_it_can_be(kind: str) -> None:
    for name, data in TURNED.items():
        assert copy(CONTAINERS[kind](data)).size == (48, 64), name
    for name, data in NOT_TURNED.items():
        assert copy(CONTAINERS[kind](data)).size == (64, 48), name


@pytest.mark.parametrize("kind", ("HEIF", "AVIF"))
def test_exif_of_heic_and_avif_neither_turns_nor_refuses(kind: str) -> None:
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow cannot write {kind}")
    original = exif([(0x010E, ASCII, 200, b"\0\0\0\x1a")]) + b"Q" * 200
    content = image_bytes(kind=kind, exif=b"Exif\0\0" + original)
    assert b"Q" * 200 in content
    for name, data in {**TURNED, **NOT_TURNED}.items():
        assert copy(content.replace(original, data.ljust(len(original), b"\0"))).size == (64, 48), (
            name
        )


@pytest.mark.parametrize("kind", ("HEIF", "AVIF"))
def test_the_rotation_of_heic_and_avif_is_applied(kind: str) -> None:
    if kind not in Image.SAVE or (
        kind == "AVIF" and Image.SAVE[kind].__module__.startswith("pillow_heif")
    ):
        pytest.skip(f"this Pillow writes no {kind} with a rotation")
    assert copy(image_bytes(kind=kind, exif=b"Exif\0\0" + exif([ORIENTATION_6]))).size == (48, 64)


def test_a_webp_that_is_cut_is_refused_but_may_have_more_bytes() -> None:
    content = image_bytes(kind="WEBP", exif=b"Exif\0\0" + exif([ORIENTATION_6]))
    assert copy(content + SECRET).size == (48, 64)
    for end in (-1, content.index(b"EXIF"), len(content) // 2):
        with pytest.raises(photos.UnsupportedImage):
            read(content[:end])


@pytest.mark.parametrize("text", (b"", b"\nexif\n", b"\nexif\n 4\nzz", b"\nexif\n 9\n458", b"\xff"))
def test_damaged_text_of_a_png_is_ignored(text: bytes) -> None:
    for name in (b"tEXt", b"zTXt", b"iTXt", b"iCCP"):
        for body in (
            b"Raw profile type exif\0\0" + text,
            text,
            b"XML:com.adobe.xmp\0\1\0\0\0" + text,
        ):
            assert copy(with_chunk(image_bytes(), name, body)).size == (64, 48)


def test_large_packed_text_of_a_png_is_ignored() -> None:
    packed = zlib.compress(bytes(30 << 20))
    for name, body in (
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed),
        (b"zTXt", b"Comment\0\0" + packed),
        (b"zTXt", b"Raw profile type exif\0\0" + packed),
        (b"iCCP", b"profile\0\0" + packed),
    ):
        for is_late in (False, True):
            assert copy(with_chunk(image_bytes(), name, body, is_late)).size == (64, 48)
    many = with_chunk(image_bytes(), b"tEXt", b"Comment\0" + bytes(1 << 20))
    for _ in range(30):
        many = with_chunk(many, b"tEXt", b"Comment\0" + bytes(1 << 20))
    assert copy(many).size == (64, 48)


def textured(kind: str, **save: object) -> bytes:
    picture = Image.merge("RGB", [Image.effect_noise((200, 120), 40) for _ in "RGB"])
    return encoded(picture.convert("CMYK") if save.pop("cmyk", False) else picture, kind, **save)


@pytest.mark.parametrize(
    "save", ({}, {"progressive": True}, {"cmyk": True}, {"optimize": True, "subsampling": 0})
)
def test_a_jpeg_that_is_cut_is_refused_but_may_have_more_bytes(save: Dict[str, object]) -> None:
    content = textured("JPEG", **save)
    for more in (b"\xff", bytes(50), b"more text", content):
        assert read(content + more) == read(content)
    for missing in (2, 3, 4, 8, 60, 700, len(content) // 2, len(content) - 400):
        with pytest.raises(photos.UnsupportedImage):
            read(content[:-missing])


def test_no_cut_of_a_progressive_jpeg_is_taken_for_a_whole_one() -> None:
    content = image_bytes((64, 48), "JPEG", progressive=True)
    for missing in range(2, len(content)):
        with pytest.raises(photos.UnsupportedImage):
            read(content[:-missing])


def test_a_png_is_whole_if_all_its_rows_are_there() -> None:
    content = textured("PNG")
    for missing in (1, 8, 12, 13, 16):
        assert copy(content[:-missing]).size == (200, 120)
    for missing in (60, 700, len(content) // 2):
        with pytest.raises(photos.UnsupportedImage):
            read(content[:-missing])


def hidden_text() -> Dict[str, bytes]:
    """Return small images with a text in all the places where nobody sees it."""
    jpeg, small = image_bytes(kind="JPEG"), image_bytes()
    pixels = zlib.compress(bytes(13 * 4))
    return {
        "JPEG, behind the end": jpeg + SECRET,
        "JPEG, a second one behind it": jpeg + with_segment(jpeg, 0xFE, SECRET),
        "JPEG, comment": with_segment(jpeg, 0xFE, SECRET),
        "JPEG, thumbnail": with_segment(jpeg, 0xE0, b"JFXX\0\x10" + SECRET),
        "JPEG, thumbnail of JFIF": jpeg[:4] + struct.pack(">H", 16 + 15) + jpeg[6:18]
        + b"\1\5" + SECRET + jpeg[20:],
        "JPEG, maker's segment": with_segment(jpeg, 0xEC, b"Ducky" + SECRET),
        "JPEG, long Adobe segment": with_segment(jpeg, 0xEE, b"Adobe\0\x64\0\0\0\0\1" + SECRET),
        "JPEG, between segments": jpeg[:20] + SECRET + jpeg[20:],
        "JPEG, EXIF": with_segment(jpeg, 0xE1, b"Exif\0\0" + exif([]) + SECRET),
        "PNG, behind the end": small + SECRET,
        "PNG, in the end": small[:-12] + chunk(b"IEND", SECRET),
        "PNG, behind the pixels": with_chunk(small, b"tEXt", b"Place\0" + SECRET, True),
        "PNG, private chunk": with_chunk(small, b"plAc", SECRET),
        "PNG, long chunk of numbers": with_chunk(small, b"pHYs", SECRET),
        "PNG, background": with_chunk(small, b"bKGD", SECRET),
        "PNG, palette of no use": with_chunk(small, b"PLTE", SECRET),
        "PNG, behind the stream": png(
            (4, 4), 8, 2, bytes(13 * 4)
        ).replace(chunk(b"IDAT", pixels), chunk(b"IDAT", pixels + SECRET)),
        "PNG, rows below the picture": png((4, 4), 8, 2, bytes(13 * 4) + b"\0" * 13),
        "PNG, further stream": png((4, 4), 8, 2, bytes(13 * 4)).replace(
            chunk(b"IEND", b""), chunk(b"IDAT", SECRET) + chunk(b"IEND", b"")
        ),
        "PNG, repeated numbers": with_chunk(
            with_chunk(small, b"gAMA", bytes(4)), b"gAMA", SECRET[:4]
        ),
    }  # fmt: skip


@pytest.mark.parametrize("place", hidden_text())
def test_the_generator_gets_pixels_and_nothing_else(place: str) -> None:
    photo = read(hidden_text()[place])
    assert SECRET not in photo.content and SECRET[:4] not in photo.content
    assert Image.open(io.BytesIO(photo.content)).getexif() == {}


def test_an_orientation_in_xmp_is_ignored_as_browsers_do() -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
    for content in (
        with_segment(image_bytes(kind="JPEG"), 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp),
        with_chunk(image_bytes(), b"iTXt", text),
        image_bytes(kind="WEBP", xmp=xmp),
        image_bytes(kind="TIFF", tiffinfo={700: xmp}),
    ):
        assert xmp in content
        assert copy(content).size == (64, 48)


def test_a_wrong_checksum_of_metadata_does_not_refuse_a_png() -> None:
    turned = with_chunk(image_bytes(), b"eXIf", exif([ORIENTATION_6]))
    for name in (b"eXIf", b"tEXt", b"iCCP", b"gAMA"):
        content = with_chunk(turned, name, b"name\0\0")
        checksum = content.index(name + b"name") + 10
        assert copy(content[:checksum] + bytes(4) + content[checksum + 4 :]).size == (48, 64)
