"""Turns any decoded picture into 8-bit sRGB, with transparency only where it cuts something out."""

from __future__ import annotations

import io
import logging
from typing import Optional, Tuple

from PIL import Image, ImageCms

log = logging.getLogger(__name__)

# Pixels of less opacity are not seen. What their colours are is left to chance.
_HIDDEN = 16
# From here on, a pixel belongs to what is cut out.
_OPAQUE = 128
# The whole picture is never needed twice in memory. 16 million pixels have 64 MB.
_STRIP_PIXELS = 4_000_000
# The share of the frame's box, of each of its sides, and of the picture that is opaque.
_FRAME_FILL, _FRAME_SIDE, _FRAME_COVER = 0.95, 0.5, 0.85
# The share of the nearest pixels around a window that its shadow covers. A smooth edge covers less.
_SHADOW = 0.6

_MODE_OF_SPACE = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def bounded(size: Tuple[int, int], max_side: int) -> Tuple[int, int]:
    """Return the size that a picture has when its longer side is at most `max_side`."""
    scale = min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def simplified(image: Image.Image, max_side: int) -> Image.Image:
    """Return the picture as L, LA, RGB, RGBA or CMYK of 8 bits, at most `max_side` pixels long."""
    scale = _scale(image)
    factor = max(1, max(image.size) // max_side)
    rows = max(1, _STRIP_PIXELS // image.width // factor) * factor
    small: Optional[Image.Image] = None
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(image.height, top + rows)))
        strip = _to_simple_mode(_to_8_bit(strip, scale)).reduce(factor)
        if small is None:
            small = Image.new(strip.mode, (strip.width, -(-image.height // factor)))
        small.paste(strip, (0, top // factor))
    assert small is not None
    if max(small.size) > max_side:
        small = small.resize(bounded(image.size, max_side), Image.Resampling.LANCZOS)
    return small


def to_srgb(image: Image.Image, profile: Optional[bytes]) -> Image.Image:
    """Return a simplified picture as RGB or RGBA. A profile that does not fit is ignored."""
    has_alpha = image.mode in ("LA", "RGBA")
    colours = image.convert(image.mode[:-1]) if has_alpha else image
    rgb = _apply(profile, colours) if profile else None
    if rgb is None:
        rgb = colours.convert("RGB")
    if has_alpha:
        rgb.putalpha(image.getchannel("A"))
    return rgb


def settle_transparency(image: Image.Image) -> Image.Image:
    """Return an RGBA picture without its alpha channel, unless that cuts something out.

    Colours of transparent pixels become white, so that no server shows them that drops alpha.
    """
    alpha = image.getchannel("A")
    white = Image.new("RGB", image.size, "white")
    if not _is_cut_out(alpha):
        white.paste(image.convert("RGB"), mask=alpha)
        return white
    colours = image.convert("RGB")
    colours.paste(white, mask=alpha.point(lambda value: 255 if value < _HIDDEN else 0))
    colours.putalpha(alpha)
    return colours


def _is_cut_out(alpha: Image.Image) -> bool:
    """Return whether an alpha channel is a silhouette, not only the frame of a whole picture.

    A frame's inside is a rectangle, perhaps with round corners. It covers nearly the picture, or
    from edge to edge, or a window's soft shadow is around it.
    """
    opaque = alpha.point(lambda value: 255 if value >= _OPAQUE else 0)
    box = opaque.getbbox()
    if box is None:
        return True
    left, top, right, bottom = box
    sides = (
        (left, top, right, top + 1),
        (left, bottom - 1, right, bottom),
        (left, top, left + 1, bottom),
        (right - 1, top, right, bottom),
    )
    if min(_share(opaque, side, _OPAQUE) for side in sides) < _FRAME_SIDE:
        return True
    if _share(opaque, box, _OPAQUE) < _FRAME_FILL:
        return True
    width, height = alpha.size
    inside = (right - left) * (bottom - top)
    if inside >= _FRAME_COVER * width * height or right - left == width or bottom - top == height:
        return False
    reach = max(4, max(width, height) // 50)
    around = (
        max(0, left - reach), max(0, top - reach),
        min(width, right + reach), min(height, bottom + reach),
    )  # fmt: skip
    area = (around[2] - around[0]) * (around[3] - around[1])
    return _share(alpha, around, 1) * area - inside < _SHADOW * (area - inside)


def _share(channel: Image.Image, box: Tuple[int, int, int, int], least: int) -> float:
    counts = channel.crop(box).histogram()
    return sum(counts[least:]) / sum(counts)


def _to_simple_mode(image: Image.Image) -> Image.Image:
    if image.mode == "LAB":
        converted = ImageCms.profileToProfile(
            image, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        assert converted is not None
        return converted
    if image.mode == "CMYK":
        return image
    colours = "L" if image.mode in ("L", "LA", "La") else "RGB"
    mode = colours + ("A" if image.has_transparency_data else "")
    if image.mode == "La":
        image = image.convert("LA")
    return image if image.mode == mode else image.convert(mode)


def _to_8_bit(part: Image.Image, scale: Optional[float]) -> Image.Image:
    """Return a part of the picture in 8 bits. Pillow itself would clip grey of more bits."""
    if scale is not None:
        grey = part.convert("I") if part.mode.startswith("I;16") else part
        # Half a level more, since the conversion rounds down.
        return grey.convert("F").point(lambda value: value * scale + 0.5).convert("L")
    return part.convert("L") if part.mode == "1" else part


def _scale(image: Image.Image) -> Optional[float]:
    """Return the factor from grey of 16 or 32 bits, or of floating point, to 8 bits."""
    if image.mode.startswith("I;16"):
        return 255 / 65535
    if image.mode not in ("I", "F"):
        return None
    _, highest = image.getextrema()
    spans = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0, 2.0**31)
    for span in spans:
        # Light above white is clipped.
        if highest <= span * 1.5:  # type: ignore[operator]
            return 255 / span
    return 255 / spans[-1]


def _apply(profile: bytes, colours: Image.Image) -> Optional[Image.Image]:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _MODE_OF_SPACE.get(source.profile.xcolor_space.strip())
        if mode == "RGB" and colours.mode == "L":
            colours = colours.convert("RGB")
        if mode != colours.mode:
            log.info("ignored a colour profile for %s of a picture in %s", mode, colours.mode)
            return None
        return ImageCms.profileToProfile(
            colours, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError) as error:
        log.info("ignored a colour profile: %s", error)
        return None
