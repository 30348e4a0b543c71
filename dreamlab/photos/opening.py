"""Opens uploaded files with Pillow, which refuses or misjudges some that show a good picture."""

from __future__ import annotations

import io
import re
import struct
import zlib
from contextlib import suppress
from typing import Any

from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

# Pillow's name of each accepted kind, with its file suffixes, the usual one first.
SUFFIXES = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif"),
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "TIFF": (".tiff", ".tif"),
    "GIF": (".gif",),
}

_SUBFILE_TYPE, _PHOTOMETRIC, _SUB_DIRECTORIES, _DNG_VERSION = 254, 262, 330, 50706
# A value of the first, for a reduced copy of another picture.
_REDUCED = 1
# Values of the second, for a colour filter array, and of a linear raw image.
_RAW_PHOTOMETRICS = (32803, 34892)
# RAW files that are no TIFF, or one with a mark of its own: Canon, Fujifilm, Olympus, Panasonic,
# Minolta, Sigma.
_RAW_MARKS = (
    (0, b"FUJIFILMCCD-RAW"), (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"), (0, b"IIU\0"),
    (0, b"\0MRM"), (0, b"FOVb"), (4, b"ftypcrx "), (6, b"HEAPCCDR"), (6, b"HEAPJPGM"),
    (8, b"CR\2"), (8, b"IIII"), (8, b"MMMM"),
)  # fmt: skip

_PNG_EXIF_TEXT = b"Raw profile type exif\0"
# Where a PNG has its bits per sample.
_PNG_DEPTH = 24
# An entry for EXIF in the list of items of a HEIC or AVIF file.
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{3}.{4}|\x03.{3}.{6}))Exif", re.DOTALL)


def is_raw(data: bytes) -> bool:
    """Return whether a file is a camera's RAW file. Pillow may take its thumbnail for the photo."""
    if any(data.startswith(mark, at) for at, mark in _RAW_MARKS):
        return True
    if data[:2] not in (b"II", b"MM"):
        return False
    # A TIFF begins as EXIF does.
    tags = Image.Exif()
    with suppress(Exception):
        tags.load(data)
    is_thumbnail = bool(tags.get(_SUBFILE_TYPE, 0) & _REDUCED)
    return (
        _DNG_VERSION in tags
        or tags.get(_PHOTOMETRIC) in _RAW_PHOTOMETRICS
        or (is_thumbnail and _SUB_DIRECTORIES in tags)
    )


def open_image(data: bytes) -> Image.Image:
    """Open an image of an accepted kind. Its transparent colour has 8 bits per sample."""
    if data.startswith(b"\xff\xd8\xff"):
        # Without Pillow's search for the further pictures that phones add, which may be damaged.
        image: Image.Image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    else:
        if data.startswith(b"\x89PNG"):
            data = _without_texts(data)
        elif data[4:8] == b"ftyp":
            # Their rotation is in a property of the item. Pillow refuses an AVIF with damaged EXIF.
            data = _EXIF_ITEM.sub(rb"\1free", data)
        kinds = [kind for kind in SUFFIXES if kind in Image.OPEN]
        image = Image.open(io.BytesIO(data), formats=kinds)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        _seek_whole_page(image)
    elif isinstance(image, PngImagePlugin.PngImageFile) and "transparency" in image.info:
        image.info["transparency"] = _in_8_bits(image, data[_PNG_DEPTH])
    # Pillow looks for an orientation there, browsers do not.
    image.info.pop("xmp", None)
    return image


def orientation(image: Image.Image) -> Any:
    """Return the EXIF orientation to apply to a loaded image, 1 if it cannot be read.

    Pillow applies the one of a TIFF itself, and the decoder of HEIC the rotation of the file.
    """
    with suppress(Exception):
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    return 1


def _without_texts(png: bytes) -> bytes:
    """Return a PNG without metadata but its EXIF and colour profile, whose checksums are right.

    Pillow refuses a whole file for a text of megabytes, and for a wrong checksum of metadata.
    """
    kept, at = [png[:8]], 8
    while at + 8 <= len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        end = at + 12 + length
        body = png[at + 8 : end - 4]
        # Behind its name, a sound profile has the number of its compression, which is 0.
        is_profile = name == b"iCCP" and body.partition(b"\0")[2].startswith(b"\0")
        is_known = name in (b"tRNS", b"eXIf") or body.startswith(_PNG_EXIF_TEXT) or is_profile
        # The names of the parts that a decoder needs are in upper case.
        if name[:1].isupper():
            kept.append(png[at:end])
        elif is_known and end <= len(png):
            kept.append(png[at : end - 4] + struct.pack(">I", zlib.crc32(name + body)))
        at = end
    return b"".join(kept)


def _in_8_bits(png: PngImagePlugin.PngImageFile, depth: int) -> Any:
    """Return the transparent colour as Pillow scales it, which gives it as it is in the file."""
    key = png.info["transparency"]
    if png.mode == "1":
        return 255 if key else 0
    if png.mode in ("L", "I;16"):
        white = (1 << depth) - 1
        return (key * 255 + white // 2) // white
    # Of 16 bits, Pillow takes the upper half.
    return tuple(level >> max(0, depth - 8) for level in key) if png.mode == "RGB" else key


def _seek_whole_page(image: TiffImagePlugin.TiffImageFile) -> None:
    """Go to the first page that is no reduced copy of another one."""
    with suppress(EOFError):
        while image.tag_v2.get(_SUBFILE_TYPE, 0) & _REDUCED:
            image.seek(image.tell() + 1)
        return
    image.seek(0)
