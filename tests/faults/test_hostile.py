"""Decompression bombs, polyglots, malicious names and malformed bodies."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Dict, Tuple

import pytest
import requests
from PIL import Image

from dreamlab import photos
from support.api import DATA, encoded, files_below, image_bytes
from support.processes import Server

MB = 1 << 20
CHAIR = (DATA / "chair.jpg").read_bytes()


@pytest.fixture(scope="module")
def server(quick_server: Server) -> Server:
    """A server that has the memory that it needs for photos."""
    assert quick_server.post(quick_server.session(), CHAIR).status_code == 200
    return quick_server


def png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + crc

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def bombs() -> Dict[str, Tuple[bytes, int]]:
    """Return small files with many pixels, frames or bytes of text, and the expected status.

    The text is never unpacked, and of the frames only the first one.
    """
    photos._register_openers()
    black = Image.new("1", (20_000, 20_000))
    frames = [Image.new("P", (8, 8), number % 256) for number in range(10_000)]
    text = zlib.compress(bytes(200 * MB), 9)
    ztxt = b"zTXt" + b"a\0\0" + text
    chunk = struct.pack(">I", len(ztxt) - 4) + ztxt + struct.pack(">I", zlib.crc32(ztxt))
    small = image_bytes()
    return {
        "PNG of 400 MP": (png(20_000, 20_000, zlib.compress(bytes(2501 * 20_000), 9)), 413),
        "PNG with 200 MB of text": (small[:33] + chunk + small[33:], 200),
        "TIFF of 400 MP": (encoded(black, "TIFF", compression="group4"), 413),
        "WebP of 100 MP": (
            encoded(Image.new("L", (10_000, 10_000)), "WEBP", quality=1, method=0),
            413,
        ),
        "GIF of 10,000 frames": (
            encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], optimize=False),
            200,
        ),
    }


def test_a_decompression_bomb_is_refused_and_memory_is_bounded(server: Server) -> None:
    session_id = server.session()
    before = server.resident_mb()
    for name, (content, status) in bombs().items():
        answered = server.post(session_id, content, "bomb")
        assert answered.status_code == status, (name, answered.text)
        assert server.peak_mb() - before < 200, name
    assert server.resident_mb() - before < 50


def test_an_avif_that_declares_too_many_pixels_is_refused(server: Server) -> None:
    photos._register_openers()
    if "AVIF" not in Image.SAVE:
        pytest.skip("this Pillow writes no AVIF")
    small = encoded(Image.new("RGB", (64, 64)), "AVIF")
    at = small.index(b"ispe") + 8
    huge = small[:at] + struct.pack(">II", 60_000, 60_000) + small[at + 8 :]
    answered = server.post(server.session(), huge, "huge.avif")
    assert answered.status_code in (413, 415)


def test_a_polyglot_is_handled_as_an_image_only(server: Server, tmp_path: Path) -> None:
    script = b"<html><script>alert(1)</script></html>"
    polyglot = encoded(Image.open(io.BytesIO(CHAIR)), "JPEG", comment=script) + script
    answer = server.post(server.session(), polyglot, "page.html")
    assert (answer.status_code, answer.json()["filename"]) == (200, "page.jpg")
    # No route serves an upload, and the copy for the generator has pixels only.
    assert b"script" not in photos.read(io.BytesIO(polyglot), "image", 50).content
    base = f"{server.url}/sessions/{answer.json()['session_id']}"
    for path in ("/uploads/page.jpg", "/models/page.jpg", "/models/../uploads/page.jpg"):
        assert requests.get(base + path).status_code == 404


@pytest.mark.parametrize(
    "content",
    (
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
        b"P6\n9 9\n255\n" + bytes(243),
        b"%PDF-1.4\n",
    ),
    ids=("SVG", "SVG with an entity", "EPS", "PPM", "PDF"),
)
def test_formats_with_code_or_references_are_not_accepted(server: Server, content: bytes) -> None:
    refused = server.post(server.session(), content, "chair.jpg")
    assert (refused.status_code, refused.json()["code"]) == (415, "unsupported_image")


NAMES = (
    "../../../../tmp/evil.jpg",
    "/etc/passwd",
    "..\\..\\windows\\win.ini",
    "C:\\fakepath\\chair.jpg",
    "x" * 5000 + ".jpg",
    "CON",
    "NUL.jpg",
    "a\0b.jpg",
    "\u202egpj.exe",
    ".htaccess",
    ".tmp-0.jpg",
    "~root",
    "$(id).jpg",
    "a\r\nSet-Cookie: x=1.jpg",
    "-rf",
    "models/../../x.jpg",
)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:12]))
def test_a_malicious_name_stays_in_the_session_folder(server: Server, name: str) -> None:
    root = Path(server.sessions)
    session_id = server.session()
    others = {file for file in files_below(root) if not file.startswith(session_id)}
    body, content_type = requests.models.RequestEncodingMixin._encode_files(
        {"image": (name, CHAIR)}, {}
    )
    headers = {"Content-Type": content_type}
    url = server.upload_url(session_id)
    answer = requests.post(url, data=body, headers=headers, timeout=60)
    assert answer.status_code == 200
    stem = answer.json()["filename"].rpartition(".")[0]
    assert set(files_below(root)) - others == {
        f"{session_id}/uploads/{stem}.jpg",
        f"{session_id}/models/{stem}.glb",
    }
    assert len(stem) <= 100 and all(c.isalnum() or c in "._-" for c in stem)
    assert requests.get(answer.json()["model_url"]).status_code == 200


PART = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n1\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'


@pytest.mark.parametrize(
    ("kind", "body", "statuses"),
    (
        ("multipart/form-data", FILE + image_bytes() + b"\r\n--x--\r\n", (400,)),
        ("multipart/form-data; boundary=", FILE, (400,)),
        ("multipart/form-data; boundary=x", FILE + image_bytes(), (400, 422)),
        ("multipart/form-data; boundary=x", b"--x\r\nno header\r\n\r\n--x--", (400,)),
        ("multipart/form-data; boundary=x", b"\r\n" * 100_000, (400,)),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 100_000, (400, 413)),
        ("multipart/form-data; boundary=x", PART % b"f" * 100_000 + b"--x--", (413,)),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="image"\r\n'
            b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n1\r\n--y--\r\n--x--\r\n",
            (400,),
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="caption"\r\n\r\n'
            + b"c" * 5 * MB
            + b"\r\n--x--\r\n",
            (413,),
        ),
        ("application/x-www-form-urlencoded", b"image=" + b"%41" * 300_000, (400, 413)),
        ("application/json", b"[" * 100_000, (400,)),
        ("multipart/form-data; boundary=" + "b" * 60_000, b"--", (400,)),
    ),
    ids=(
        "no boundary",
        "empty boundary",
        "no end",
        "no header",
        "line ends",
        "headers without end",
        "100,000 fields",
        "nested",
        "a caption of 5 MB",
        "urlencoded",
        "JSON",
        "a long boundary",
    ),
)
def test_a_malformed_body_is_refused_in_json(
    server: Server, kind: str, body: bytes, statuses: Tuple[int, ...]
) -> None:
    before = server.resident_mb()
    refused = requests.post(
        server.upload_url(server.session()),
        data=body,
        headers={"Content-Type": kind},
        timeout=60,
    )
    assert refused.status_code in statuses
    assert refused.json()["error"] and refused.json()["code"]
    assert server.resident_mb() - before < 50


def test_the_connection_of_an_endless_body_is_closed(server: Server) -> None:
    before = server.resident_mb()
    sent = 0
    block = b"100000\r\n" + bytes(MB) + b"\r\n"
    with server.connect() as connection:
        head = (
            f"POST /api/process_furniture_image/{server.session()} HTTP/1.1\r\nHost: x\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        connection.sendall(head.encode())
        try:
            while sent < 1000 * MB:
                connection.sendall(block)
                sent += MB
        except OSError:
            pass
    # The server reads four times MAX_UPLOAD_MB. The buffers of the sockets hold more.
    assert sent < 200 * MB
    assert server.resident_mb() - before < 50
    assert server.health()["status"] == "ok"


def test_a_symbolic_link_in_a_session_is_not_followed(server: Server) -> None:
    session_id = server.session()
    folder = Path(server.sessions) / session_id
    (folder / "uploads" / "chair.jpg").symlink_to("/etc/hostname")
    answer = server.post(session_id, CHAIR)
    assert answer.json()["filename"] == "chair-2.jpg"
    assert (folder / "uploads" / "chair.jpg").is_symlink()
