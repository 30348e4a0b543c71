"""The layout of the project: names at the top, directions of imports."""

from __future__ import annotations

import ast
import shutil
import subprocess
from pathlib import Path
from typing import Iterator, List

import pytest

from dreamlab.settings import PROJECT

TOP_LEVEL = {
    "app.py", "hunyuan_service.py", "requirements.txt", "README.md", "pyproject.toml",
    "benchmarks", "deploy", "dreamlab", "local_space", "sessions", "tests",
}  # fmt: skip
# A module imports from its own layer and from the layers before it.
LAYERS = (
    "errors", "clock", "background", "secrets", "fields", "models", "options", "settings", "logs",
    "metrics", "photos", "storage", "formats", "space", "webhooks", "generation",
    "hunyuan_service", "cluster", "routes", "web", "serving", "app",
)  # fmt: skip


def modules(*names: str) -> List[Path]:
    """Return the Python files with these names and below these folders, relative to the project."""
    found: List[Path] = []
    for name in names:
        path = PROJECT / name
        files = [path] if path.is_file() else sorted(path.rglob("*.py"))
        found += [file.relative_to(PROJECT) for file in files if "node_modules" not in file.parts]
    assert len(found) >= len(names)
    return found


def imports(module: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports anywhere in it."""
    for node in ast.walk(ast.parse((PROJECT / module).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(dotted_name: str) -> str:
    first, _, rest = dotted_name.partition(".")
    return rest.partition(".")[0] if first == "dreamlab" else first


@pytest.mark.skipif(
    shutil.which("git") is None or not (PROJECT / ".git").exists(), reason="no git repository"
)
def test_the_top_level_has_no_other_names() -> None:
    command = ["git", "ls-files"]
    files = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True)
    names = {file.partition("/")[0] for file in files.stdout.splitlines()}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL


def test_gradio_client_is_imported_for_the_connection_only() -> None:
    allowed = {Path("hunyuan_service.py"), *modules("dreamlab/space")}
    users = {
        module
        for module in modules("app.py", "hunyuan_service.py", "dreamlab", "deploy")
        for name in imports(module)
        if layer(name) == "gradio_client"
    }
    assert users and users <= allowed


def test_the_stand_in_imports_nothing_of_the_api() -> None:
    for module in modules("local_space"):
        for name in imports(module):
            assert name.partition(".")[0] not in ("dreamlab", "app", "hunyuan_service"), module


def test_imports_point_to_earlier_layers() -> None:
    for module in modules("app.py", "hunyuan_service.py", "dreamlab"):
        own = layer(".".join(module.with_suffix("").parts))
        if own == "__init__":
            continue
        for name in imports(module):
            if name.partition(".")[0] in ("dreamlab", "app", "hunyuan_service"):
                assert LAYERS.index(layer(name)) <= LAYERS.index(own), f"{module} imports {name}"
            elif layer(name) == "local_space":
                assert own == "app", f"{module} imports {name}"
