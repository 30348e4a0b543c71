"""What the default engine makes of the photos that more than one test looks at."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

import pytest
from gradio_client import Client, handle_file

from support.api import DATA, PIECES
from support.spaces import output_path

SEED = 99


class Outputs(NamedTuple):
    """The outputs of /shape_generation."""

    mesh: str
    stats: Dict[str, Any]
    seed: int


@pytest.fixture(scope="session")
def engine(stand_in_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("downloads")
    return Client(stand_in_url, verbose=False, download_files=str(folder))


@pytest.fixture(scope="session")
def of_rooms(engine: Client) -> Dict[str, Outputs]:
    """What becomes of the photos in rooms, by piece."""
    made = {}
    for piece in PIECES:
        mesh, _, stats, seed = engine.predict(
            image=handle_file(str(DATA / f"{piece}.jpg")),
            seed=SEED,
            randomize_seed=False,
            api_name="/shape_generation",
        )
        made[piece] = Outputs(output_path(mesh), stats, seed)
    return made
