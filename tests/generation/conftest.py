from __future__ import annotations

from pathlib import Path

import pytest

from support.api import image_bytes


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(image_bytes())
    return path
