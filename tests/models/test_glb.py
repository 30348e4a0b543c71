"""GLB files as generators write them: what is changed is the node tree of a lone mesh, alone."""

from __future__ import annotations

import io
import json
import struct
from typing import Any, Dict, Tuple

import pytest

from dreamlab.models import glb
from support.models import glb_bytes

MESH = {"meshes": [{"primitives": [{"attributes": {}}]}]}
LONE: Dict[str, Dict[str, Any]] = {
    "a lone mesh": {"scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}]},
    "no default scene": {"scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}]},
    "the second scene": {
        "scene": 1,
        "scenes": [{"nodes": []}, {"nodes": [1]}],
        "nodes": [{}, {"mesh": 0}],
    },
    "two meshes": {"scenes": [{"nodes": [0, 1]}], "nodes": [{"mesh": 0}, {"mesh": 0}]},
    "a mesh with a child": {
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "children": [1], "scale": [2, 2, 2]}, {"name": "é"}],
    },
}
ROOTED: Dict[str, Dict[str, Any]] = {
    "a root": {"scenes": [{"nodes": [0]}], "nodes": [{"children": [1]}, {"mesh": 0}]},
    "no nodes": {"scenes": [{}]},
    "no scenes": {},
}


def parts(model: bytes) -> Tuple[Dict[str, Any], bytes]:
    """Return the JSON of a GLB, and the chunks after it. Check the lengths."""
    length, size = struct.unpack("<8xII", model[:16])
    assert length == len(model) and size % 4 == 0
    return json.loads(model[20 : 20 + size]), model[20 + size :]


def rooted(model: bytes) -> bytes:
    file = io.BytesIO(model)
    glb.add_root(file, glb.check(file))
    glb.check(file)
    return file.getvalue()


@pytest.mark.parametrize("tree", LONE.values(), ids=LONE)
@pytest.mark.parametrize("binary", (b"", bytes(range(256)) * 9000), ids=("no data", "2 MB"))
def test_a_mesh_without_a_root_gets_one(tree: Dict[str, Any], binary: bytes) -> None:
    model = glb_bytes(binary=binary, **MESH, **tree)
    before, data = parts(model)
    after, same_data = parts(rooted(model))
    assert same_data == data
    scene = after["scenes"][after.get("scene", 0)]
    (root,) = scene["nodes"]
    first = after["nodes"][after["nodes"][root]["children"][0]]
    assert "mesh" in first and "mesh" not in after["nodes"][root]
    # What is not the scene's own list, or the new node, is as before.
    top = before["scenes"][before.get("scene", 0)]["nodes"]
    assert after["nodes"].pop() == {"name": "world", "children": top}
    scene["nodes"] = top
    assert after == before


@pytest.mark.parametrize("tree", ROOTED.values(), ids=ROOTED)
def test_every_other_file_stays_byte_for_byte(tree: Dict[str, Any]) -> None:
    model = glb_bytes(binary=b"data", **{**MESH, **tree})
    assert rooted(model) == model


def test_a_description_that_gets_shorter_moves_the_data_forward() -> None:
    model = glb_bytes(**MESH, **LONE["a lone mesh"])
    tree, _ = parts(model)
    text = json.dumps(tree, indent=40).encode()
    text += b" " * (-len(text) % 4)
    data = bytes(range(256)) * 9000
    length = 20 + len(text) + 8 + len(data)
    wide = struct.pack("<4sIIII", b"glTF", 2, length, len(text), 0x4E4F534A) + text
    wide += struct.pack("<II", len(data), 0x004E4942) + data
    after, rest = parts(rooted(wide))
    assert rest[8:] == data and len(after["nodes"]) == 2


@pytest.mark.parametrize(
    "tree",
    (
        {"scenes": [{"nodes": [7]}], "nodes": [{"mesh": 0}]},
        {"scene": 3, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}]},
        {"scenes": [{"nodes": ["0"]}], "nodes": [{"mesh": 0}]},
        {"scenes": [4]},
        {"scenes": {"a": 1}},
        {"scenes": [{"nodes": [0]}], "nodes": {"0": {}}},
    ),
)
def test_a_scene_that_refers_to_nothing_is_invalid(tree: Dict[str, Any]) -> None:
    with pytest.raises(glb.InvalidGlb):
        rooted(glb_bytes(**tree))
