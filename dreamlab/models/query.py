"""What is asked of a model: a size, an origin, fewer faces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Mapping, Optional

from dreamlab import fields
from dreamlab.models.size import Size, fit

_ANY_SIZE = Size()


@dataclass(frozen=True)
class ModelQuery:
    """The query of the routes of one model. A plain one asks for nothing."""

    size: Size = _ANY_SIZE
    max_faces: Optional[int] = None

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> ModelQuery:
        """Return the query of a request. Unknown fields are ignored. Raises InvalidOption."""
        given = fields.read(texts, fields.MODEL)
        max_faces = given.pop("max_faces", None)
        return cls(Size(**given), max_faces)

    @property
    def is_plain(self) -> bool:
        """Whether the saved file is what is asked for."""
        return self == ModelQuery()

    def digest(self) -> str:
        """Return a short text that is the same for the same query, for the name of a file."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def apply(self, glb: bytes) -> bytes:
        """Return the GLB with all of this. Raises ModelUnsupported."""
        if self.max_faces is not None:
            # A plain request does not need what this imports.
            from dreamlab.models.simplify import simplify

            glb = simplify(glb, self.max_faces)
        return fit(glb, self.size) if self.size.is_given else glb
