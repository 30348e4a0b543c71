"""Contact sheets: of every piece a row with its photo and the coloured model from five sides."""

from __future__ import annotations

from pathlib import Path
from typing import List, NamedTuple, Optional

import trimesh
from PIL import Image, ImageDraw

from benchmarks import rendering

# Degrees turned about the height and seen from above: front at an angle, front, side, back at an
# angle, from high up.
_SIDES = ((-35, 20), (0, 0), (-90, 0), (145, 20), (-25, 60))
_SIZE, _CAPTION, _ROWS = 250, 16, 7
_GROUND = (236, 236, 236)


class Row(NamedTuple):
    caption: str
    photo: Path
    model: Optional[trimesh.Trimesh]  # None where the engine refused


def save(rows: List[Row], folder: Path) -> None:
    """Write `rows` to `folder`/sheet-1.png and so on, seven rows on each."""
    folder.mkdir(parents=True, exist_ok=True)
    for page, start in enumerate(range(0, len(rows), _ROWS), 1):
        sheet(rows[start : start + _ROWS]).save(folder / f"sheet-{page}.png")


def sheet(rows: List[Row]) -> Image.Image:
    """`rows` below each other."""
    drawn = [_row(row) for row in rows]
    whole = Image.new("RGB", (drawn[0].width, sum(row.height for row in drawn)), _GROUND)
    for index, picture in enumerate(drawn):
        whole.paste(picture, (0, index * picture.height))
    return whole


def _row(row: Row) -> Image.Image:
    picture = Image.new("RGB", (_SIZE * (1 + len(_SIDES)), _SIZE + _CAPTION), _GROUND)
    photo = Image.open(row.photo).convert("RGBA")
    photo.thumbnail((_SIZE, _SIZE))
    picture.paste(photo, ((_SIZE - photo.width) // 2, (_SIZE - photo.height) // 2), photo)
    for column, side in enumerate(_SIDES, 1) if row.model is not None else ():
        drawn = rendering.lit(row.model, rendering.turned(*side), 2 * _SIZE)
        small = Image.fromarray(drawn).resize((_SIZE, _SIZE), Image.Resampling.BOX)
        picture.paste(small, (column * _SIZE, 0))
    ImageDraw.Draw(picture).text((4, _SIZE + 2), row.caption, fill=(0, 0, 0))
    return picture
