"""Validates uploaded photos and prepares the copy that is sent to the generator.

The copy is upright, at most MAX_SIDE pixels on its longer side, and free of metadata.
"""

from __future__ import annotations

import io
import logging
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Optional, Tuple

from PIL import Image, ImageCms, ImageOps

from dreamlab.errors import DreamLabError, ImageTooLarge, UnsupportedImage

MAX_SIDE = 2048
JPEG_QUALITY = 95

log = logging.getLogger(__name__)

# Pillow's name of each accepted kind, with its file suffixes, the usual one first. MPO is its name
# for a JPEG that contains further pictures, as many phones write.
_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg"),
    "MPO": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif"),
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "TIFF": (".tiff", ".tif"),
    "GIF": (".gif",),
}
_PLAIN_MODES = {"JPEG": ("RGB", "L"), "PNG": ("RGB", "RGBA", "L", "LA", "P")}
# Entries of Pillow's `info` that say nothing about the photographer.
_PLAIN_INFO = {
    "jfif",
    "jfif_version",
    "jfif_unit",
    "jfif_density",
    "dpi",
    "adobe",
    "adobe_transform",
    "progressive",
    "progression",
    "transparency",
    "gamma",
    "srgb",
    "chromaticity",
    "interlace",
    "aspect",
}
_EXIF_ORIENTATION = 0x0112

# Decoding takes several bytes per pixel: few at a time bound the memory.
_decoding = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Photo:
    """A checked image. `copy` is for the generator; it is None where the file itself is clean."""

    suffixes: Tuple[str, ...]
    copy: Optional[bytes] = None
    copy_suffix: str = ""


def read(file: IO[bytes], field: str, max_megapixels: float) -> Photo:
    """Check `file` (seekable) and prepare it for the generator. Errors name the form's `field`.

    The pixel count in the header is checked first, so a decompression bomb is never decoded. Then
    every pixel of the first frame is decoded. Raises UnsupportedImage or ImageTooLarge.
    """
    _register_openers()
    file.seek(0)
    with _decoding:
        try:
            with Image.open(
                file, formats=[kind for kind in _SUFFIXES if kind in Image.OPEN]
            ) as image:
                _check_size(image, field, max_megapixels)
                return _prepare(image)
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


def _prepare(image: Image.Image) -> Photo:
    kind = image.format or ""
    suffixes = _SUFFIXES[kind]
    if _is_clean(image):
        image.load()
        return Photo(suffixes)
    if kind in ("JPEG", "MPO") and max(image.size) > MAX_SIDE:
        # The JPEG decoder scales by 1/2, 1/4 or 1/8 at no cost, never below the size asked for.
        image.draft("RGB", _bounded(image.size))
    image.seek(0)
    image.load()
    small = _to_srgb(image)
    small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(small)
    assert upright is not None
    upright.info.clear()
    copy = io.BytesIO()
    if upright.mode == "RGBA":
        upright.save(copy, "PNG")
        return Photo(suffixes, copy.getvalue(), ".png")
    upright.save(copy, "JPEG", quality=JPEG_QUALITY)
    return Photo(suffixes, copy.getvalue(), ".jpg")


def _is_clean(image: Image.Image) -> bool:
    """Return whether the file needs no copy: it is upright, bounded and free of metadata."""
    return (
        image.mode in _PLAIN_MODES.get(image.format or "", ())
        and max(image.size) <= MAX_SIDE
        and set(image.info) <= _PLAIN_INFO
        and not getattr(image, "is_animated", False)
        and not image.getexif()
        and all(name in ("APP0", "APP14") for name, _ in getattr(image, "applist", ()))
    )


def _bounded(size: Tuple[int, int]) -> Tuple[int, int]:
    scale = MAX_SIDE / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _to_srgb(image: Image.Image) -> Image.Image:
    """Return the image as 8-bit RGB or RGBA in sRGB. It keeps its EXIF orientation."""
    exif = image.getexif()
    mode = "RGBA" if image.has_transparency_data else "RGB"
    profile = image.info.get("icc_profile")
    converted = None
    if profile and image.mode in ("RGB", "RGBA", "CMYK"):
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode=mode,
            )
        except (ImageCms.PyCMSError, OSError) as error:
            log.info("ignored a colour profile: %s", error)
    if converted is None:
        converted = _to_8_bit(image).convert(mode)
    converted.getexif()[_EXIF_ORIENTATION] = exif.get(_EXIF_ORIENTATION, 1)
    return converted


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale grey of 16 or 32 bits to 8 bits. Pillow itself would clip it."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value / 257).convert("L")
    if image.mode in ("I", "F"):
        _, highest = image.getextrema()
        span = 65535 if highest > 255 else 255  # type: ignore[operator]
        return image.convert("F").point(lambda value: value * (255 / span)).convert("L")
    return image
