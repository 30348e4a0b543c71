"""Models as a generation saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Optional

from dreamlab.storage.session import Session


def save(
    session: Session, draft: Path, upload: str, record: Optional[Mapping[str, Any]] = None
) -> str:
    """Make a draft the model of an upload. Return its name."""
    name = session.reserve(upload)
    session.stage(draft, name, record)
    session.publish(name)
    return name
