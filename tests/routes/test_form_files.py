"""Photos of a form whose parts lack a file name, have a strange one, or are empty."""

from __future__ import annotations

from typing import Tuple

import pytest

from support.api import image_bytes
from support.forms import PHOTO, kept, part, refusal, send_parts
from support.processes import Server

MB = 1 << 20
NOISE = image_bytes((1000, 700), "BMP")


@pytest.mark.parametrize(
    "headers",
    (
        (),
        ("Content-Type: image/png",),
        ("Content-Type: application/octet-stream", "Content-Transfer-Encoding: binary"),
        ("Content-Type: text/plain; charset=utf-8",),
        ("Content-Length: 12",),
    ),
    ids=("no header", "its type", "binary", "text", "a wrong length"),
)
def test_a_part_without_a_file_name_is_a_photo(
    quick_server: Server, headers: Tuple[str, ...]
) -> None:
    answer = send_parts(
        quick_server, part('name="image"', PHOTO, *headers), part('name="seed"', b"7")
    )
    assert (answer.status_code, answer.json()["filename"]) == (200, "image.png")
    assert kept(quick_server, answer) == [PHOTO]


def test_all_views_come_without_a_file_name_and_are_kept_byte_for_byte(
    quick_server: Server,
) -> None:
    kinds = ("JPEG", "WEBP", "GIF", "TIFF")
    views = [image_bytes((300, 200), kind) for kind in kinds]
    fields = ("front_image", "back_image", "left_image", "right_image")
    parts = [part(f"name={field}", view) for field, view in zip(fields, views)]
    answer = send_parts(quick_server, *parts)
    assert (answer.status_code, kept(quick_server, answer)) == (200, sorted(views))


def test_a_photo_without_a_file_name_is_larger_than_a_text_may_be(quick_server: Server) -> None:
    assert len(NOISE) > 2_000_000
    answer = send_parts(quick_server, part('name="image"', NOISE), part('name="left_image"', NOISE))
    assert (answer.status_code, kept(quick_server, answer)) == (200, [NOISE, NOISE])
    too_much = NOISE * 21
    answer = send_parts(quick_server, part('name="image"', too_much))
    assert refusal(answer) == (413, "upload_too_large")
    text = part('name="caption"', b"a" * MB)
    answer = send_parts(quick_server, part('name="image"', PHOTO), text)
    assert refusal(answer) == (413, "upload_too_large")


@pytest.mark.parametrize("word", (b"", b"undefined", "Stühl".encode()))
def test_a_word_in_place_of_a_photo_is_none(quick_server: Server, word: bytes) -> None:
    answer = send_parts(quick_server, part('name="image"', PHOTO), part('name="back_image"', word))
    assert (answer.status_code, kept(quick_server, answer)) == (200, [PHOTO])
    answer = send_parts(quick_server, part('name="image"', word), part('name="front_image"', PHOTO))
    assert (answer.status_code, kept(quick_server, answer)) == (200, [PHOTO])
    assert refusal(send_parts(quick_server, part('name="image"', word))) == (400, "missing_image")


def test_a_damaged_photo_without_a_file_name_is_none_of_our_kinds(quick_server: Server) -> None:
    for content in (bytes(range(256)) * 9, PHOTO[:50], b"\0\0\0\0"):
        answer = send_parts(quick_server, part('name="image"', content))
        assert refusal(answer) == (415, "unsupported_image")


@pytest.mark.parametrize(
    ("field", "name"),
    (
        ("back_image", ""),
        ("left_image", "C:\\back.png"),
        ("right_image", "\u3042.heic"),
        ("back_image", ".."),
    ),
)
def test_an_empty_optional_view_is_no_view(quick_server: Server, field: str, name: str) -> None:
    empty = part(f'name="{field}"; filename="{name}"', b"", "Content-Type: image/jpeg")
    answer = send_parts(quick_server, part('name="image"; filename="a.png"'), empty)
    assert (answer.status_code, kept(quick_server, answer)) == (200, [PHOTO])


def test_the_first_part_of_a_field_that_has_a_photo_counts(quick_server: Server) -> None:
    empty = part('name="image"; filename="first.png"', b"")
    other = part('name="image"; filename="third.png"', image_bytes((90, 90)))
    answer = send_parts(quick_server, empty, part('name="image"; filename="second.png"'), other)
    assert (answer.json()["filename"], kept(quick_server, answer)) == ("second.png", [PHOTO])
    assert refusal(send_parts(quick_server, empty, empty)) == (400, "missing_image")


NAMES = {
    "Latin-1": ('filename="Stühle für Zoë.png"'.encode("latin-1"), "Sthle_fr_Zo.png"),
    "Windows-1252": ('filename="“chair” – 5 €.png"'.encode("cp1252"), "chair_5.png"),
    "GBK": ('filename="椅子.png"'.encode("gbk"), None),
    # The second byte of each of these characters is a backslash.
    "Shift-JIS with backslashes": ('filename="表ソ能.png"'.encode("shift-jis"), None),
    "a backslash before the quote": ('filename="図表"'.encode("shift-jis"), "image.png"),
    "UTF-16": (b'filename="' + "chair.png".encode("utf-16") + b'"', None),
    "no encoding": (b'filename="\xff\xfe\x80 chair.png"', "chair.png"),
    "UTF-8": ('filename="Stühle.png"'.encode(), "Stuhle.png"),
    "RFC 5987": (b"filename*=UTF-8''St%C3%BChle%201.png", "Stuhle_1.png"),
    "RFC 5987, Latin-1": (b"filename*=iso-8859-1'de'St%FChle.png", "Stuhle.png"),
    "RFC 5987 after a plain one": (b"filename=\"a.png\"; filename*=UTF-8''b.png", "b.png"),
    "RFC 5987, malformed": (b"filename*=UTF-8''%C3%28%.png", None),
    "RFC 2047": (b'filename="=?UTF-8?B?5qSF5a2QLnBuZw==?="', None),
    "quotes, escaped": (b'filename="my \\"best\\" chair.png"', "my_best_chair.png"),
    "quotes, as browsers do": (b'filename="my %22best%22 chair.png"', "my_best_chair.png"),
    "quotes, as they are": (b'filename="my "best" chair.png"', None),
    "no quotes": (b"filename=chair.png", "chair.png"),
    "a path of Windows": (b'filename="C:\\fakepath\\chair.png"', None),
    "a semicolon": (b'filename="a;b.png"', "ab.png"),
    "without its end": (b'filename="chair.png', "image.png"),
    "nothing": (b"filename", "image.png"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_is_kept_under_a_safe_name_whatever_its_own(
    quick_server: Server, name: str
) -> None:
    given, expected = NAMES[name]
    back = part('name="back_image"; filename="back.png"', image_bytes((50, 60)))
    answer = send_parts(quick_server, part(b'name="image"; ' + given), back)
    assert answer.status_code == 200, answer.text
    assert kept(quick_server, answer) == sorted([PHOTO, image_bytes((50, 60))])
    filename = answer.json()["filename"]
    stem, _, suffix = filename.rpartition(".")
    assert suffix == "png" and stem.strip("._-") and stem.replace(".", "_").isascii()
    assert all(c.isalnum() or c in "._-" for c in stem), filename
    assert expected in (None, filename)


def test_lines_that_end_with_a_line_feed_alone_are_read(quick_server: Server) -> None:
    # No byte of a photo may look like the end of the line before a boundary.
    photo = image_bytes((64, 64), "JPEG")
    answer = send_parts(quick_server, part('name="image"', photo, end=b"\n"), end=b"\n")
    assert (answer.status_code, kept(quick_server, answer)) == (200, [photo])
