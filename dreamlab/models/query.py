"""What is asked of a model: a size, an origin, fewer faces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Optional

from dreamlab import fields
from dreamlab.models import glb
from dreamlab.models.size import Size

_ANY_SIZE = Size()


@dataclass(frozen=True)
class ModelQuery:
    """The query of the routes of one model."""

    size: Size = _ANY_SIZE
    max_faces: Optional[int] = None

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> ModelQuery:
        """Return the query of a request. Unknown fields are ignored. Raises InvalidOption."""
        given = fields.read(texts, fields.MODEL)
        max_faces = given.pop("max_faces", None)
        return cls(Size(**given), max_faces)

    def changes(self, model: Path) -> bool:
        """Return whether the GLB at that path is not yet what is asked for.

        Reads only its JSON. Raises ModelUnsupported.
        """
        if self.size.is_given or self.max_faces is None:
            return self.size.is_given
        # A plain request does not need what this imports.
        from dreamlab.models import mesh, simplify

        with model.open("rb") as file, mesh.damage_is_unsupported():
            return not simplify.is_within(glb.check(file), self.max_faces)

    def digest(self) -> str:
        """Return a short text that is the same for the same query, for the name of a file."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def apply(self, content: bytes) -> bytes:
        """Return the GLB with all of this. Raises ModelUnsupported."""
        if self.max_faces is not None:
            from dreamlab.models.simplify import simplify

            content = simplify(content, self.max_faces)
        if self.size.is_given:
            from dreamlab.models.fitting import fit

            content = fit(content, self.size)
        return content
