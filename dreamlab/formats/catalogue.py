"""The formats of a model, by the end of their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from dreamlab import fields
from dreamlab.errors import ModelNotFound
from dreamlab.models import glb
from dreamlab.models.query import ModelQuery

DEFAULT_SIDE = 512
_SIDE = {"side": fields.integer(64, 1024)}


class Format(NamedTuple):
    """A format: the end of its name, its content type, and its writer as `module:function`.

    Only the process that converts a model imports the writer. It makes the bytes of the model's
    parts, and a picture of their side in pixels too. A GLB needs none.
    """

    suffix: str
    mimetype: str
    writer: str = ""
    is_picture: bool = False


GLB = Format(glb.SUFFIX, glb.MIMETYPE)
_FORMATS = (
    GLB,
    Format(".usdz", "model/vnd.usdz+zip", "dreamlab.formats.usdz:write"),
    Format(".obj.zip", "application/zip", "dreamlab.formats.exports:obj_zip"),
    Format(".stl", "model/stl", "dreamlab.formats.exports:stl"),
    Format(".ply", "application/octet-stream", "dreamlab.formats.exports:ply"),
    Format(".png", "image/png", "dreamlab.formats.picture:png", is_picture=True),
    Format(".webp", "image/webp", "dreamlab.formats.picture:webp", is_picture=True),
)
BY_SUFFIX: Dict[str, Format] = {each.suffix: each for each in _FORMATS}


@dataclass(frozen=True)
class FormatQuery:
    """What is asked of a format: the model's query, and the side of a picture in pixels."""

    model: ModelQuery = ModelQuery()  # noqa: RUF009
    side: Optional[int] = None

    @classmethod
    def parse(cls, texts: Mapping[str, str], wanted: Format) -> FormatQuery:
        """Return the query of a request. Unknown fields are ignored. Raises InvalidOption."""
        query = ModelQuery.parse(texts)
        if not wanted.is_picture:
            return cls(query)
        return cls(query, fields.read(texts, _SIDE).get("side", DEFAULT_SIDE))

    def digest(self) -> str:
        """Return a short text that is the same for the same query."""
        return self.model.digest() + (f"-{self.side}" if self.side else "")


def split(name: str) -> Tuple[str, Format]:
    """Return the name of the model and the format that a file name means. Raises ModelNotFound."""
    for each in _FORMATS:
        if name.endswith(each.suffix):
            return name[: -len(each.suffix)] + glb.SUFFIX, each
    raise ModelNotFound
