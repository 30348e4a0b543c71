"""The textures of a model, as other formats and the renderer take them."""

from __future__ import annotations

import io
from typing import Tuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from dreamlab.errors import ModelUnsupported
from dreamlab.formats.parts import Part
from dreamlab.models.mesh import Array

_STEPS = np.arange(256) / 255
# What the bytes of sRGB are in linear light.
_LINEAR = np.where(_STEPS <= 0.04045, _STEPS / 12.92, ((_STEPS + 0.055) / 1.055) ** 2.4).astype(
    np.float32
)
_SUFFIXES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png"}


def jpeg_or_png(content: bytes) -> Tuple[str, bytes]:
    """Return the suffix and the bytes of an image: its own, or those of a PNG of it."""
    for magic, suffix in _SUFFIXES.items():
        if content.startswith(magic):
            return suffix, content
    file = io.BytesIO()
    Image.fromarray(pixels(content)).save(file, "PNG")
    return ".png", file.getvalue()


def pixels(content: bytes) -> Array:
    """Return an image as (height, width, 4) of bytes. Raises ModelUnsupported."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            return np.asarray(image.convert("RGBA"))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise ModelUnsupported("A texture of this model cannot be read.") from error


def sample(image: Array, uv: Array) -> Array:
    """Return the linear colours (n, 4) of an image at texture coordinates; it repeats itself."""
    height, width = image.shape[:2]
    column, row = (uv % 1).T.astype(np.float64)
    x, y = column * width - 0.5, row * height - 0.5
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    across, down = (x - left).astype(np.float32)[:, None], (y - top).astype(np.float32)[:, None]

    def at(rows: Array, columns: Array) -> Array:
        texels = image[rows % height, columns % width]
        return np.column_stack([_LINEAR[texels[:, :3]], texels[:, 3:] / np.float32(255)])

    upper = at(top, left) * (1 - across) + at(top, left + 1) * across
    lower = at(top + 1, left) * (1 - across) + at(top + 1, left + 1) * across
    mixed: Array = upper * (1 - down) + lower * down
    return mixed


def colours_of_vertices(part: Part) -> Array:
    """Return the linear colours (n, 4) of the vertices of a part."""
    colours = np.tile(np.asarray(part.material.colour, np.float32), (len(part.positions), 1))
    if part.material.texture is not None and part.uv is not None:
        colours *= sample(pixels(part.material.texture.content), part.uv)
    if part.colours is not None:
        colours *= part.colours
    return colours


def to_srgb(linear: Array) -> Array:
    """Return sRGB values, 0 to 1, of linear ones."""
    linear = np.clip(linear, 0, 1)
    curved = 1.055 * np.power(np.maximum(linear, 1e-6), 1 / 2.4) - 0.055
    srgb: Array = np.where(linear <= 0.0031308, 12.92 * linear, curved)
    return srgb


def to_bytes(linear: Array) -> Array:
    """Return colours (n, 4) as bytes: sRGB, and alpha as it is."""
    values = np.column_stack([to_srgb(linear[:, :3]), np.clip(linear[:, 3], 0, 1)])
    return np.round(values * 255).astype(np.uint8)
