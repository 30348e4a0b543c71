"""What the app knows of a client behind deploy/nginx.conf: alone, and behind another proxy."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Dict, Tuple
from urllib.parse import urlsplit

import pytest

from support.models import glb_bytes
from support.needs import need
from support.nginx import nginx_for
from support.processes import StartServer

# What a client makes up.
FORGED = {
    "X-Forwarded-For": "9.9.9.9, 8.8.8.8",
    "X-Forwarded-Proto": "https, https",
    "X-Forwarded-Host": "evil.example, evil.example",
    "X-Forwarded-Prefix": "/evil, /evil",
}


def get(url: str, client: str) -> Tuple[int, Dict[str, Any]]:
    """Return the answer to a client with an address of 127.0.0.0/8."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=20, source_address=(client, 0))
    connection.request("GET", parts.path, headers=FORGED)
    answer = connection.getresponse()
    found = json.load(answer)
    connection.close()
    return answer.status, found


@pytest.mark.parametrize("proxies", (0, 1, 2))
def test_a_client_has_its_own_address_and_the_url_is_the_one_it_asked(
    tmp_path: Path, start_server: StartServer, proxies: int
) -> None:
    need(shutil.which("nginx") is not None, "nginx")
    server = start_server(
        HUNYUAN_SPACE_ID="http://127.0.0.1:9",
        RATE_LIMIT="1 per hour",
        TRUSTED_PROXIES=str(proxies),
    )
    with ExitStack() as ends:
        url = server.url
        for number in range(proxies):
            folder = tmp_path / f"nginx-{number}"
            folder.mkdir()
            port = urlsplit(url).port or 0
            is_inner = number < proxies - 1
            front_ends = {5001: port, 5002: port}
            url = ends.enter_context(nginx_for(folder, front_ends, is_behind_another=is_inner))
        status, session = get(url + "/api/generate_session_id", "127.0.0.2")
        assert status == 200
        assert get(url + "/api/generate_session_id", "127.0.0.2")[0] == 429
        assert get(url + "/api/generate_session_id", "127.0.0.3")[0] == 200
        models = server.sessions / session["session_id"] / "models"
        (models / "chair.glb").write_bytes(glb_bytes())
        path = f"/sessions/{session['session_id']}/models"
        listed = get(f"{url}/api{path}", "127.0.0.2")[1]["models"]
        assert [model["model_url"] for model in listed] == [f"{url}{path}/chair.glb"]
