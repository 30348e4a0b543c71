from __future__ import annotations

import pytest

from support import solids


@pytest.fixture(scope="session")
def large() -> bytes:
    """A model with 1.4 million triangles, whose conversion takes more than a second."""
    return solids.ellipsoid(600)
