"""Our checks of a model beside those of the Khronos validator from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List

from gradio_client import Client, handle_file

from dreamlab.models.fitting import fit
from dreamlab.models.report import report
from dreamlab.models.size import Size
from dreamlab.settings import PROJECT
from support import gltf_files
from support.api import DATA
from support.models import glb_bytes
from support.needs import need
from support.spaces import output_path


def khronos(folder: Path, models: Dict[str, bytes]) -> List[Dict[str, Any]]:
    """Return what the Khronos validator says of each model."""
    node = shutil.which("node")
    has_validator = (PROJECT / "tests/node_modules/gltf-validator").exists()
    need(node is not None and has_validator, "node, and npm ci in tests/")
    paths = []
    for number, model in enumerate(models.values()):
        paths.append(folder / f"{number}.glb")
        paths[-1].write_bytes(model)
    command = [str(node), str(PROJECT / "tests/support/validate_gltf.js"), *map(str, paths)]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    reports: List[Dict[str, Any]] = json.loads(output)
    return reports


def test_the_khronos_validator_says_the_same(tmp_path: Path) -> None:
    pieces = sorted((PROJECT / "tests/data/pieces").glob("*.glb"))
    models = {path.stem: path.read_bytes() for path in pieces}
    models.update({name: layout() for name, layout in gltf_files.LAYOUTS.items()})
    models.update(
        {f"{name}, fitted": fit(model, Size(50, 90, 70)) for name, model in models.items()}
    )
    models.update(
        {
            "draco": gltf_files.draco(),
            "bounds": gltf_files.wrong_bounds(),
            "index": gltf_files.wrong_index(),
            "number": gltf_files.no_number(),
            "pictures": gltf_files.with_pictures((64, 32), (100, 100)),
            "nothing": glb_bytes(),
        }
    )
    for (name, model), theirs in zip(models.items(), khronos(tmp_path, models)):
        ours = report(model)
        assert bool(ours["errors"]) == bool(theirs["numErrors"]), (name, theirs["messages"])
        info = theirs["info"]
        assert ours["triangles"] == info["totalTriangleCount"], name
        assert ours["vertices"] == info["totalVertexCount"], name
        assert ours["materials"] == info["materialCount"], name
        assert ours["extensions"] == sorted(info.get("extensionsUsed", [])), name
        pictures = [each["image"] for each in info.get("resources", []) if "image" in each]
        assert [(each["width"], each["height"]) for each in ours["textures"]] == [
            (each["width"], each["height"]) for each in pictures
        ], name
    assert sum(bool(report(model)["errors"]) for model in models.values()) >= 4


def test_the_khronos_validator_reports_nothing_of_the_default_engines_models(
    stand_in_url: str, tmp_path: Path
) -> None:
    client = Client(stand_in_url, verbose=False, download_files=str(tmp_path))
    sides = ("front", "back", "left", "right")
    of_room = {"image": "stool.jpg"}
    of_sides = {f"mv_image_{side}": f"chair-{side}.png" for side in sides}
    models = {}
    for name, views in (("one photo", of_room), ("four views", of_sides)):
        photos = {field: handle_file(str(DATA / photo)) for field, photo in views.items()}
        white, textured, *_ = client.predict(api_name="/generation_all", **photos)
        models[f"{name}, white"] = Path(output_path(white)).read_bytes()
        models[f"{name}, textured"] = Path(output_path(textured)).read_bytes()
    for name, theirs in zip(models, khronos(tmp_path, models)):
        assert (theirs["numErrors"], theirs["numWarnings"]) == (0, 0), (name, theirs)
