"""The photos that the benchmarks send, made from a furniture photo of the tests."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

CHAIR = Path(__file__).resolve().parent.parent / "tests" / "data" / "chair.jpg"
_ORIENTATION, _MODEL = 0x0112, 0x0110


def clean(side: int = 2048, quality: int = 84, grain: int = 30) -> bytes:
    """Return a JPEG of about 1 MB by default without metadata."""
    return _encode(_noisy(side, grain), quality)


def phone(side: int = 2048, quality: int = 84, grain: int = 30) -> bytes:
    """Return the same photo as phones write it: rotated, with EXIF data."""
    image = _noisy(side, grain).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[_MODEL], exif[_ORIENTATION] = "phone", 6
    return _encode(image, quality, exif=exif)


def _noisy(side: int, grain: int) -> Image.Image:
    """Return the chair with sensor noise, which makes up most of the size of a photo's file."""
    with Image.open(CHAIR) as image:
        large = image.convert("RGB").resize((side, side * image.height // image.width))
    if not grain:
        return large
    noise = Image.effect_noise(large.size, grain).convert("RGB")
    return Image.blend(large, noise, 0.3)


def _encode(image: Image.Image, quality: int, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, **options)
    return file.getvalue()
