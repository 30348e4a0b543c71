"""Makes schemathesis, which loads this module, send photos, and know what is said in words only."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import strategies

from support.api import image_bytes

PHOTOS = [image_bytes(kind=kind) for kind in ("JPEG", "PNG", "WEBP")]

schemathesis.openapi.format("binary", strategies.sampled_from(PHOTOS))


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: Any) -> None:
    """Add to the form's schema what generators of clients would make nothing of."""
    form = raw_schema["components"]["schemas"]["GenerationForm"]
    # Either field of the front will do. schemathesis, which leaves one of two out to send something
    # invalid, would not see that the other one is there.
    form["required"] = ["image"]
    del form["properties"]["front_image"]
    # The server under test sends no webhooks.
    del form["properties"]["webhook"]
    # A key belongs to one form, and who does not wait starts more than the server takes.
    generate = raw_schema["paths"]["/api/process_furniture_image/{session_id}"]["post"]
    del generate["parameters"]
    for switch in ("texture", "remove_background", "auto_size"):
        form["properties"][switch] = {"enum": ["true", "false"], "type": "string"}
