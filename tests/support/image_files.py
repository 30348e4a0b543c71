"""Image files built by hand, with what an encoder does not write, and what becomes of them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Sequence, Tuple

from PIL import Image

from dreamlab import photos

Entry = Tuple[int, int, int, bytes]
SHORT, LONG, ASCII = 3, 4, 2
ORIENTATION_6: Entry = (0x0112, SHORT, 1, b"\0\6\0\0")


def read(content: bytes, max_megapixels: float = 64) -> photos.Photo:
    return photos.read(io.BytesIO(content), "image", max_megapixels)


def copy(content: bytes) -> Image.Image:
    """Return the picture for the generator."""
    photo = read(content)
    picture = Image.open(io.BytesIO(photo.content))
    assert {"JPEG": ".jpg", "PNG": ".png"}[picture.format or ""] == photo.suffix
    assert picture.mode == ("RGBA" if photo.is_cut_out else "RGB")
    assert not picture.getexif()
    return picture


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    checksum = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def png(size: Tuple[int, int], depth: int, colour_type: int, rows: bytes, *chunks: bytes) -> bytes:
    """Return a PNG of `rows` that are not filtered, with `chunks` before its pixels."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return head + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def with_chunk(content: bytes, name: bytes, body: bytes, is_late: bool = False) -> bytes:
    """Add a chunk to a PNG, before its pixels or behind them."""
    at = len(content) - 12 if is_late else 33
    return content[:at] + chunk(name, body) + content[at:]


def with_segment(content: bytes, marker: int, body: bytes) -> bytes:
    """Add a segment to a JPEG, as its first one."""
    head = struct.pack(">BBH", 0xFF, marker, len(body) + 2)
    return content[:2] + head + body + content[2:]


def exif(entries: Sequence[Entry], following: int = 0, order: str = ">") -> bytes:
    """Return EXIF data with one directory. An entry is tag, type, count and four bytes."""
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", 8)
    directory = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        directory += struct.pack(order + "HHI", tag, kind, count) + value
    return head + directory + struct.pack(order + "I", following)
