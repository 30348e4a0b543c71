"""Files that cannot be given a size, and what a size does to a large one."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import numpy as np
import pytest

from dreamlab.errors import ModelUnsupported
from dreamlab.models.fitting import fit
from dreamlab.models.size import Size
from dreamlab.settings import PROJECT
from support import gltf_files
from support.gltf_files import LAYOUTS, Builder
from support.models import glb_bytes

HEIGHT = Size(height_cm=90)


def changed(**tree: Any) -> bytes:
    """Return the plain file with something else in its description."""
    build = Builder(**tree)
    node = build.node([build.node(mesh=build.shape())])
    return build.build(node)


def flat() -> bytes:
    build = Builder()
    mesh = build.mesh(build.accessor(np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1]], "f4")))
    return build.build(build.node([build.node(mesh=mesh)]))


@pytest.mark.parametrize(
    ("model", "reason"),
    (
        (gltf_files.draco(), "Draco"),
        (changed(extensionsRequired=["EXT_meshopt_compression"]), "meshoptimizer"),
        (changed(animations=[{}]), "animated"),
        (changed(skins=[{}]), "animated"),
        (gltf_files.quantised(), "POSITION is not stored as floats"),
        (gltf_files.sparse(), "stored as changes"),
        (gltf_files.strip(), "strips"),
        (gltf_files.external(), "not in the file itself"),
        (flat(), "flat: it has no height"),
        (glb_bytes(), "nothing in it"),
        (glb_bytes(scenes=[{"nodes": [0]}], nodes=[{"children": [0]}]), "no tree"),
        (b"", "does not fit"),
        (b"glTF" + bytes(16), "does not fit"),
    ),
    ids=str,
)
def test_what_cannot_be_measured_is_said(model: bytes, reason: str) -> None:
    with pytest.raises(ModelUnsupported, match=reason):
        fit(model, HEIGHT)


def test_a_flat_model_can_be_given_another_side() -> None:
    assert gltf_files.load(fit(flat(), Size(width_cm=50))).extents == pytest.approx([0.5, 0, 0.5])


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_description_that_does_not_fit_its_data_is_refused(layout: Any) -> None:
    model = layout()
    length = int.from_bytes(model[12:16], "little")
    tree, binary = json.loads(model[20 : 20 + length]), model[28 + length :]
    dice = random.Random(1)
    refused = 0
    for _ in range(100):
        wrong = json.loads(json.dumps(tree))
        spoil(wrong, dice)
        try:
            fit(glb_bytes(binary=binary, **wrong), HEIGHT)
        except ModelUnsupported:
            refused += 1
    assert refused > 10


def spoil(tree: Dict[str, Any], dice: random.Random) -> None:
    """Replace one value somewhere in the tree, or remove it."""
    holders = []

    def walk(node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            holders.append((node, key))
            if isinstance(value, (dict, list)):
                walk(value)

    walk(tree)
    holder, key = dice.choice(holders)
    if dice.random() < 0.3:
        del holder[key]
    else:
        holder[key] = dice.choice([-1, 0, 1, 7, 99, 1e9, 10**12, "x", None, True, [], {}, [[]]])


def test_cameras_and_lights_stay_where_they_were_beside_the_piece() -> None:
    build = Builder(cameras=[{"type": "perspective", "perspective": {"yfov": 1, "znear": 0.1}}])
    mesh = build.node(mesh=build.shape())
    camera = build.node(camera=0, name="camera", translation=[0, 3, 5])
    model = build.build(build.node([mesh, camera], rotation=gltf_files.QUARTER))
    low, high = gltf_files.load(model).bounds
    stand = np.array([low[0] + high[0], 2 * low[1], low[2] + high[2]]) / 2
    sized = fit(model, HEIGHT)
    nodes = json.loads(sized[20 : 20 + int.from_bytes(sized[12:16], "little")])["nodes"]
    assert set(nodes[camera]) == {"camera", "name", "matrix"}
    # The root turned the camera's place from 0, 3, 5.
    expected = (np.array([0, -5, 3]) - stand) * 0.9 / (high[1] - low[1])
    assert nodes[camera]["matrix"][12:15] == pytest.approx(expected.tolist(), rel=1e-5)
    assert [set(node) for node in nodes if "camera" not in node] == [{"mesh"}, {"children"}]


LARGE = """
import sys, time
from pathlib import Path
from dreamlab.models.fitting import fit
from dreamlab.models.size import Size
content = Path(sys.argv[1]).read_bytes()
def peak():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
before, start = peak(), time.process_time()
result = fit(content, Size(50, 90, 70))
print(time.process_time() - start, peak() - before + len(content) / 2**20, len(result) / 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from Linux's /proc")
def test_a_large_file_needs_half_a_second_and_three_times_its_size(tmp_path: Path) -> None:
    count = 900_000
    dice = np.random.default_rng(1)
    build = Builder()
    attributes = {
        "NORMAL": build.accessor(dice.random((count, 3), "f4")),
        "TEXCOORD_0": build.accessor(dice.random((count, 2), "f4")),
    }
    mesh = build.mesh(build.accessor(dice.random((count, 3), "f4")), **attributes)
    faces = dice.integers(0, count, 3 * 450_000, dtype="u4")
    # No vertex is without a face.
    faces[:count] = dice.permutation(count)
    build.tree["meshes"][mesh]["primitives"][0]["indices"] = build.accessor(faces)
    path = tmp_path / "large.glb"
    path.write_bytes(build.build(build.node([build.node(mesh=mesh)])))
    megabytes = path.stat().st_size / 2**20
    command = [sys.executable, "-c", LARGE, str(path)]
    # As serving.py sets it.
    environ = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(1 << 20), "OPENBLAS_NUM_THREADS": "1"}
    answer = subprocess.run(
        command, cwd=PROJECT, env=environ, capture_output=True, text=True, check=True
    )
    seconds, peak_mb, result_mb = map(float, answer.stdout.split())
    print(f"{megabytes:.0f} MB: {seconds:.2f} s, {peak_mb:.0f} MB")
    assert megabytes > 30 and result_mb == pytest.approx(megabytes, rel=0.01)
    assert seconds < 0.5
    assert peak_mb < 3 * megabytes
