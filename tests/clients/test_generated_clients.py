"""Clients that are generated from openapi.json do the whole journey (tests/clients/)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence

import pytest

from dreamlab.routes.operations import DESCRIPTION
from support import solids
from support.api import DATA
from support.needs import need
from support.processes import PROJECT, Server
from support.spaces import answer, space

MODEL = solids.ellipsoid(rings=4, is_textured=False)
CLIENTS = PROJECT / "tests" / "clients"
NODE_MODULES = PROJECT / "tests" / "node_modules"
COMPILER_OPTIONS = {
    "strict": True,
    "skipLibCheck": True,
    "target": "es2022",
    "lib": ["es2022", "dom", "dom.iterable"],
    "module": "nodenext",
    "types": [],
    "outDir": "compiled",
}


def need_npm_package(name: str) -> None:
    need(shutil.which("node") is not None, "node")
    need((NODE_MODULES / name).is_dir(), f"{name}: npm ci in tests/")


def run(command: Sequence[object], folder: Path, **environ: str) -> str:
    """Run a command in `folder` and return its output. Fail with it where the command does."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def npm_program(package: str, path: str) -> Sequence[object]:
    return ["node", NODE_MODULES / package / path]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose generator answers at once, but for what the caption `endless` asks."""
    folder = tmp_path_factory.mktemp("clients")
    mesh = folder / "white_mesh.glb"
    mesh.write_bytes(MODEL)
    stopped = threading.Event()

    def shape(image=None, caption=""):  # type: ignore[no-untyped-def]
        if caption == "endless":
            stopped.wait(60)
        return answer(mesh)

    with space(shape) as url:
        server = Server(folder, HUNYUAN_SPACE_ID=url)
        yield server
        server.kill()
        stopped.set()


@pytest.fixture
def journey() -> Dict[str, Any]:
    """What each client sees: two models of one upload, and a third one that is cancelled."""
    triangles = len(solids.load(MODEL, "glb").faces)
    return {
        "filenames": ["chair.jpg", "chair.jpg"],
        "models": ["chair.glb", "chair-2.glb"],
        "triangles": triangles,
        "uploads": ["chair.jpg"],
        "whole": True,
        "stl bytes": 84 + 50 * triangles,
        "cancelled": 202,
        "generations": ["cancelled", "succeeded", "succeeded"],
        "reason": "generation_cancelled",
        "deleted": 204,
        "error": "model_not_found",
        "end": "session_not_found",
    }


def test_redocly_finds_nothing(tmp_path: Path) -> None:
    need_npm_package("@redocly/cli")
    shutil.copy(DESCRIPTION, tmp_path)
    lint = [*npm_program("@redocly/cli", "bin/cli.js"), "lint", DESCRIPTION.name, "--format=json"]
    settings = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    output = run(lint, tmp_path, **settings)
    assert json.loads(output[output.index("{") : output.rindex("}") + 1])["problems"] == []


def test_the_client_of_openapi_python_client(
    tmp_path: Path, server: Server, journey: Dict[str, Any]
) -> None:
    need(find_spec("openapi_python_client") is not None, "openapi-python-client (Python 3.11)")
    generator = [sys.executable, "-m", "openapi_python_client", "generate"]
    run([*generator, "--path", DESCRIPTION, "--output-path", "generated"], tmp_path)
    program = [sys.executable, CLIENTS / "openapi_python_client.py", server.url]
    output = run([*program, DATA / "chair.jpg"], tmp_path, PYTHONPATH=str(tmp_path / "generated"))
    assert json.loads(output) == journey


def test_the_types_of_openapi_typescript_with_openapi_fetch(
    tmp_path: Path, server: Server, journey: Dict[str, Any]
) -> None:
    for name in ("openapi-typescript", "openapi-fetch", "typescript"):
        need_npm_package(name)
    generator = npm_program("openapi-typescript", "bin/cli.js")
    run([*generator, DESCRIPTION, "--output", "schema.ts"], tmp_path)
    shutil.copy(CLIENTS / "openapi-fetch.ts", tmp_path)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    compiler = {"compilerOptions": COMPILER_OPTIONS, "files": ["openapi-fetch.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(compiler))
    (tmp_path / "node_modules").symlink_to(NODE_MODULES, target_is_directory=True)
    run(npm_program("typescript", "bin/tsc"), tmp_path)
    program = [CLIENTS / "run.mjs", tmp_path / "compiled" / "openapi-fetch.js"]
    output = run(["node", *program, server.url, DATA / "chair.jpg"], tmp_path)
    assert json.loads(output) == journey
