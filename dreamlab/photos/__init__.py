"""Validates uploaded photos and prepares the copy that is sent to the generator.

The copy is upright, at most MAX_SIDE pixels on its longer side, and free of metadata.
"""

from __future__ import annotations

import io
import logging
import random
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Optional, Tuple

from PIL import Image, ImageChops

from dreamlab.errors import DreamLabError, ImageTooLarge, UnsupportedImage
from dreamlab.photos import containers, pixels, tiff

MAX_SIDE = 2048
JPEG_QUALITY = 95

log = logging.getLogger(__name__)

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
# The modes in which these kinds may go on unchanged.
_PLAIN_MODES = {"JPEG": ("RGB", "L"), "PNG": ("RGB", "RGBA", "L", "P")}
# A JPEG without an end marker gets each of these. Pixels that it lacks then differ: a decoder takes
# missing bits for zeros, and the other ends begin with other bits.
_ENDS = (
    containers.JPEG_END,
    b"\xfe" + bytes(random.Random(0).choices(range(255), k=512)) + containers.JPEG_END,
    b"\xaa" + bytes(random.Random(1).choices(range(255), k=512)) + containers.JPEG_END,
)

# Decoding takes several bytes per pixel: few at a time bound the memory.
_decoding = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Photo:
    """A checked image. `copy` is for the generator; it is None where the file itself is clean.

    `is_cut_out` tells that the generator finds the object's silhouette in the alpha channel.
    """

    suffixes: Tuple[str, ...]
    copy: Optional[bytes] = None
    copy_suffix: str = ""
    is_cut_out: bool = False


def read(file: IO[bytes], field: str, max_megapixels: float) -> Photo:
    """Check `file` (seekable) and prepare it for the generator. Errors name the form's `field`.

    The pixel count in the header is checked first, so a decompression bomb is never decoded. Then
    every pixel of the picture is decoded: of the primary one of HEIC and AVIF, the first one of
    other kinds. Raises UnsupportedImage or ImageTooLarge.
    """
    _register_openers()
    file.seek(0)
    with _decoding:
        try:
            return _read(file.read(), field, max_megapixels)
        except DreamLabError:
            raise
        except Exception as error:
            # Pillow's decoders raise almost any exception on unexpected bytes.
            log.info("refused an image: %s: %s", type(error).__name__, error)
            raise UnsupportedImage(
                f"{field} is no image that can be read: JPEG, PNG, WebP, HEIC, AVIF, BMP, "
                "TIFF and GIF are accepted, undamaged."
            ) from error
        finally:
            file.seek(0)


def _read(data: bytes, field: str, max_megapixels: float) -> Photo:
    if tiff.is_raw(data):
        raise UnsupportedImage(
            f"{field} is a RAW file of a camera, which is no picture yet. "
            "Export the photo as JPEG or HEIC."
        )
    content = containers.read(data)
    ends = (b"",) if content.has_end else _ENDS
    decoded = []
    for end in ends:
        with _open(content.pixels + end) as image:
            _check_size(image, field, max_megapixels)
            is_small = max(image.size) <= MAX_SIDE
            if image.format == "JPEG" and not is_small:
                # The decoder scales by 1/2, 1/4 or 1/8 at no cost, never below the size asked for.
                image.draft("RGB", pixels.bounded(image.size, MAX_SIDE))
            image.load()
            # Decoders of HEIC correct the size that the header says.
            _check_size(image, field, max_megapixels)
            decoded.append(image)
    if any(ImageChops.difference(decoded[0], other).getbbox() for other in decoded[1:]):
        raise OSError("the file is cut: pixels are missing")
    return _prepare(decoded[0], content, data, is_small)


@lru_cache(maxsize=None)
def _register_openers() -> None:
    """Add HEIC to Pillow, and AVIF where Pillow does not read it itself (before 11.3)."""
    import pillow_heif

    # Our own limit is exact. Pillow's warns at one pixel count and refuses at twice that.
    Image.MAX_IMAGE_PIXELS = None
    Image.init()
    pillow_heif.register_heif_opener(thumbnails=False)
    if "AVIF" not in Image.OPEN:
        pillow_heif.register_avif_opener(thumbnails=False)  # type: ignore[attr-defined]


def _check_size(image: Image.Image, field: str, max_megapixels: float) -> None:
    megapixels = image.width * image.height / 1e6
    if megapixels > max_megapixels:
        raise ImageTooLarge(
            f"{field} has {megapixels:.1f} megapixels; at most {max_megapixels:g} are accepted."
        )


def _open(data: bytes) -> Image.Image:
    """Open an image of an accepted kind. The decoder sees no metadata that it could refuse."""
    if data[:2] in (b"II", b"MM"):
        data = tiff.without_metadata(data)
    image = Image.open(io.BytesIO(data), formats=[kind for kind in SUFFIXES if kind in Image.OPEN])
    if image.format == "TIFF":
        image.seek(tiff.first_whole_page(data))
    return image


def _prepare(image: Image.Image, content: containers.Content, data: bytes, is_small: bool) -> Photo:
    suffixes = SUFFIXES[image.format or ""]
    may_go_on = (
        content.is_clean and is_small and image.mode in _PLAIN_MODES.get(image.format or "", ())
    )
    if may_go_on and image.mode != "RGBA":
        return Photo(suffixes)
    small = pixels.simplified(image, MAX_SIDE, content.bit_depth, content.transparent_colour)
    small = pixels.to_srgb(small, content.profile or image.info.get("icc_profile"))
    if small.mode == "RGBA":
        small = pixels.settle_transparency(small)
    is_cut_out = small.mode == "RGBA"
    if may_go_on and is_cut_out and small.tobytes() == image.tobytes():
        return Photo(suffixes, is_cut_out=True)
    small = pixels.upright(small, _orientation(image, content, data))
    small.info.clear()
    copy = io.BytesIO()
    if is_cut_out:
        small.save(copy, "PNG")
        return Photo(suffixes, copy.getvalue(), ".png", True)
    small.save(copy, "JPEG", quality=JPEG_QUALITY)
    return Photo(suffixes, copy.getvalue(), ".jpg")


def _orientation(image: Image.Image, content: containers.Content, data: bytes) -> int:
    """Return the orientation to apply. The decoder of HEIC has applied the rotation of the file."""
    if image.format == "TIFF":
        return tiff.orientation(data)
    exif = content.exif or [image.info.get("exif") or b""]
    return next((found for found in map(tiff.orientation, exif) if found != 1), 1)
