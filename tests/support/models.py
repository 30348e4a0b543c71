"""Small models, and how a generation saves one."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, Mapping, Optional

from dreamlab.storage.session import Session


def glb_bytes(name: str = "tiny", binary: bytes = b"", **tree: Any) -> bytes:
    """Return a GLB with a `tree`, by default one without a mesh, and a binary chunk if any."""
    tree = {"asset": {"version": "2.0"}, "scenes": [{"name": name}], **tree}
    chunk = json.dumps(tree).encode()
    chunk += b" " * (-len(chunk) % 4)
    chunk = struct.pack("<II", len(chunk), 0x4E4F534A) + chunk
    if binary:
        chunk += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunk)) + chunk


def save(
    session: Session, draft: Path, upload: str, record: Optional[Mapping[str, Any]] = None
) -> str:
    """Make a draft the model of an upload. Return its name."""
    name = session.reserve(upload)
    session.stage(draft, name, record)
    session.publish(name)
    return name
