"""The forms of a model, by the end of their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from dreamlab import fields
from dreamlab.errors import ModelNotFound
from dreamlab.models import glb
from dreamlab.models.query import ModelQuery

DEFAULT_SIDE = 512
_SIDE = {"side": fields.integer(64, 1024)}


class Form(NamedTuple):
    """A form: the end of its name, its content type, and whether it is a picture."""

    suffix: str
    mimetype: str
    is_picture: bool = False


GLB = Form(glb.SUFFIX, glb.MIMETYPE)
_FORMS = (
    GLB,
    Form(".usdz", "model/vnd.usdz+zip"),
    Form(".obj.zip", "application/zip"),
    Form(".stl", "model/stl"),
    Form(".ply", "application/octet-stream"),
    Form(".png", "image/png", is_picture=True),
    Form(".webp", "image/webp", is_picture=True),
)
BY_SUFFIX: Dict[str, Form] = {form.suffix: form for form in _FORMS}


@dataclass(frozen=True)
class FormQuery:
    """What is asked of a form: the model's query, and the side of a picture in pixels."""

    model: ModelQuery = ModelQuery()  # noqa: RUF009
    side: Optional[int] = None

    @classmethod
    def parse(cls, texts: Mapping[str, str], form: Form) -> FormQuery:
        """Return the query of a request. Unknown fields are ignored. Raises InvalidOption."""
        query = ModelQuery.parse(texts)
        if not form.is_picture:
            return cls(query)
        return cls(query, fields.read(texts, _SIDE).get("side", DEFAULT_SIDE))

    def digest(self) -> str:
        """Return a short text that is the same for the same query."""
        return self.model.digest() + (f"-{self.side}" if self.side else "")


def split(name: str) -> Tuple[str, Form]:
    """Return the name of the model and the form that a file name means. Raises ModelNotFound."""
    for form in _FORMS:
        if name.endswith(form.suffix):
            return name[: -len(form.suffix)] + glb.SUFFIX, form
    raise ModelNotFound
