"""The photos that the benchmarks send, made of one of the tests' furniture photos."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

CHAIR = Path(__file__).resolve().parent.parent / "tests" / "data" / "chair.jpg"
_ORIENTATION, _MODEL = 0x0112, 0x0110


def clean(side: int = 2048, quality: int = 84, grain: int = 30) -> bytes:
    """A JPEG that may go to a generator as it is: 1 MB by default."""
    return _encoded(_grainy(side, grain), quality)


def phone(side: int = 2048, quality: int = 84, grain: int = 30) -> bytes:
    """The same as phones write it: on its side, with EXIF."""
    image = _grainy(side, grain).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[_MODEL], exif[_ORIENTATION] = "phone", 6
    return _encoded(image, quality, exif=exif)


def _grainy(side: int, grain: int) -> Image.Image:
    """The chair with the noise of a sensor, which is most of what makes a photo's file large."""
    with Image.open(CHAIR) as image:
        large = image.convert("RGB").resize((side, side * image.height // image.width))
    if not grain:
        return large
    noise = Image.effect_noise(large.size, grain).convert("RGB")
    return Image.blend(large, noise, 0.3)


def _encoded(image: Image.Image, quality: int, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, **options)
    return file.getvalue()
