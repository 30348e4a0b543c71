"""Makes schemathesis, which loads this module, send photos where the schema says bytes."""

from __future__ import annotations

from pathlib import Path

import schemathesis
from hypothesis import strategies

PHOTOS = sorted((Path(__file__).resolve().parent.parent / "data").glob("chair*"))

schemathesis.openapi.format(
    "binary", strategies.sampled_from([photo.read_bytes() for photo in PHOTOS])
)
