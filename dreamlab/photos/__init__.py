"""Validates uploaded photos and encodes the picture that is sent to the generator.

The picture is upright, in sRGB and at most MAX_SIDE pixels on its longer side. It is always encoded
anew, so it has pixels and nothing else of the file.
"""

from __future__ import annotations

import io
import logging
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Tuple

from PIL import ExifTags, Image, ImageOps, PngImagePlugin

from dreamlab.errors import DreamLabError, ImageTooLarge, UnsupportedImage
from dreamlab.photos import pixels
from dreamlab.photos.opening import SUFFIXES, is_raw, open_image, orientation

MAX_SIDE = 2048
JPEG_QUALITY = 95

log = logging.getLogger(__name__)

# Pillow refuses a PNG whose colour profile unpacks to more.
_MAX_PNG_PROFILE = 32 << 20
# Decoding takes several bytes per pixel: few at a time bound the memory.
_decoding = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Photo:
    """A checked image. `content` is the picture for the generator, a file that ends in `suffix`.

    `suffixes` are those of the uploaded file's kind, the usual one first. `is_cut_out` tells that
    the generator finds the object's silhouette in the alpha channel.
    """

    suffixes: Tuple[str, ...]
    is_cut_out: bool
    content: bytes
    suffix: str


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


@lru_cache(maxsize=None)
def _register_openers() -> None:
    """Add HEIC to Pillow, and AVIF where Pillow does not read it itself (before 11.3)."""
    import pillow_heif

    # Our own limit is exact. Pillow's warns at one pixel count and refuses at twice that.
    Image.MAX_IMAGE_PIXELS = None
    PngImagePlugin.MAX_TEXT_CHUNK = _MAX_PNG_PROFILE
    # Damaged metadata does not matter, and each file could add lines of its own to the log.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    Image.init()
    pillow_heif.register_heif_opener(thumbnails=False)
    if "AVIF" not in Image.OPEN:
        pillow_heif.register_avif_opener(thumbnails=False)  # type: ignore[attr-defined]


def _read(data: bytes, field: str, max_megapixels: float) -> Photo:
    if is_raw(data):
        raise UnsupportedImage(
            f"{field} is a RAW file of a camera, which is no picture yet. "
            "Export the photo as JPEG or HEIC."
        )
    with open_image(data) as image:
        _check_size(image, field, max_megapixels)
        if image.format == "JPEG":
            # The decoder scales by 1/2, 1/4 or 1/8 at no cost, never below the size asked for.
            image.draft("RGB", pixels.bounded(image.size, MAX_SIDE))
        image.load()
        # Decoders of HEIC correct the size that the header says.
        _check_size(image, field, max_megapixels)
        small = pixels.to_srgb(pixels.simplified(image, MAX_SIDE), image.info.get("icc_profile"))
        turn = orientation(image)
    if small.mode == "RGBA":
        small = pixels.settle_transparency(small)
    small.info.clear()
    small.getexif()[ExifTags.Base.Orientation] = turn
    return _encoded(ImageOps.exif_transpose(small), SUFFIXES[image.format or ""])


def _check_size(image: Image.Image, field: str, max_megapixels: float) -> None:
    megapixels = image.width * image.height / 1e6
    if megapixels > max_megapixels:
        raise ImageTooLarge(
            f"{field} has {megapixels:.1f} megapixels; at most {max_megapixels:g} are accepted."
        )


def _encoded(picture: Image.Image, suffixes: Tuple[str, ...]) -> Photo:
    content = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(content, "PNG")
        return Photo(suffixes, True, content.getvalue(), ".png")
    picture.save(content, "JPEG", quality=JPEG_QUALITY, subsampling="4:4:4")
    return Photo(suffixes, False, content.getvalue(), ".jpg")
