"""The report of a model: what is in it, its errors, and the rules of each target."""

from __future__ import annotations

from typing import Any, Dict

import numpy as np
import pytest

from dreamlab.models.fitting import fit
from dreamlab.models.report import report
from dreamlab.models.size import Size
from dreamlab.models.targets import TARGETS
from support import gltf_files
from support.gltf_files import (
    Builder,
    no_number,
    picture,
    with_pictures,
    wrong_bounds,
    wrong_index,
)

KNOWN_TARGETS = [
    "khronos_mobile_ar",
    "khronos_room_planner",
    "google_scene_viewer",
    "apple_quick_look",
    "amazon",
    "google_merchant",
    "shopify",
]


def large(triangles: int, vertices: int = 3, spare_bytes: int = 0) -> bytes:
    """Return a file with so many triangles, vertices and further bytes, on the floor."""
    build = Builder()
    corners = np.zeros((vertices, 3), "f4")
    corners[-3:] = [[-1, 0, 0], [1, 0, 0], [0, 2, 0]]
    mesh = build.mesh(build.accessor(corners))
    indices = np.full(3 * triangles, vertices - 1, "u4")
    indices[:3] = [vertices - 3, vertices - 2, vertices - 1]
    build.tree["meshes"][mesh]["primitives"][0]["indices"] = build.accessor(indices)
    if spare_bytes:
        build.view(np.zeros(spare_bytes, "u1"))
    return build.build(build.node([build.node(mesh=mesh)]))


def broken(model: bytes, target: str) -> Dict[str, Any]:
    """Return the rules of a target that the model breaks, with the values."""
    (judged,) = (each for each in report(model)["targets"] if each["target"] == target)
    required = [rule for rule in judged["broken"] if rule["required"]]
    assert judged["passes"] == (not required)
    return {rule["rule"]: rule["value"] for rule in judged["broken"]}


def test_a_report_says_what_is_in_the_file() -> None:
    model = fit(with_pictures((64, 32), (100, 100)), Size(50, 90, 70))
    described = report(model)
    assert [judged["target"] for judged in described.pop("targets")] == KNOWN_TARGETS
    sizes = [len(picture(64, 32)), len(picture(100, 100))]
    assert described == {
        "bytes": len(model),
        "triangles": 22,
        "vertices": 66,
        "meshes": 1,
        "materials": 2,
        "textures": [
            {"width": 64, "height": 32, "bytes": sizes[0]},
            {"width": 100, "height": 100, "bytes": sizes[1]},
        ],
        "extents_m": {"width": 0.5, "height": 0.9, "depth": 0.7},
        "lowest_m": 0.0,
        "extensions": [],
        "errors": [],
    }


def test_every_rule_has_a_source() -> None:
    rules = [rule for rules in TARGETS.values() for rule in rules]
    assert all(rule.source.startswith("https://") for rule in rules)


@pytest.mark.parametrize("target", KNOWN_TARGETS)
def test_a_small_model_on_the_floor_suits_every_target(target: str) -> None:
    assert broken(fit(with_pictures((1024, 1024)), Size(height_cm=90)), target) == {}


@pytest.mark.parametrize(
    ("target", "limit"),
    (
        ("khronos_mobile_ar", 150_000),
        ("khronos_room_planner", 40_000),
        ("apple_quick_look", 100_000),
        ("amazon", 200_000),
    ),
)
def test_a_target_has_a_limit_of_triangles(target: str, limit: int) -> None:
    assert "triangles" not in broken(large(limit), target)
    assert broken(large(limit + 1), target)["triangles"] == limit + 1


@pytest.mark.parametrize(
    ("target", "megabytes"),
    (
        ("khronos_mobile_ar", 3),
        ("khronos_room_planner", 1),
        ("google_scene_viewer", 10),
        ("google_merchant", 15),
        ("shopify", 15),
    ),
)
def test_a_target_has_a_limit_of_bytes(target: str, megabytes: int) -> None:
    spare = megabytes * 1_000_000 - 2000
    passing, failing = large(1, 3, spare), large(1, 3, spare + 2000)
    assert len(passing) < megabytes * 1_000_000 < len(failing)
    judged = {each["target"]: each["passes"] for each in report(passing)["targets"]}
    assert judged[target]
    assert broken(failing, target)["bytes"] == len(failing)


def test_recommendations_are_said_and_break_nothing() -> None:
    assert broken(large(1, 30_001), "google_scene_viewer") == {"vertices": 30_001}
    assert list(broken(large(1, 3, 10_000_000), "google_merchant")) == ["bytes"]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    (
        ([(2048, 2048)], {"khronos_room_planner": {"largest_texture": 2048}}),
        (
            [(4096, 2048)],
            {
                "khronos_mobile_ar": {"largest_texture": 4096},
                "khronos_room_planner": {"largest_texture": 4096},
                "apple_quick_look": {"largest_texture": 4096},
                "amazon": {"textures_not_square": 1},
            },
        ),
        (
            [(1000, 1000)],
            {
                "khronos_mobile_ar": {"textures_not_power_of_two": 1},
                "khronos_room_planner": {"textures_not_power_of_two": 1},
                "amazon": {"textures_not_power_of_two": 1},
            },
        ),
        ([(8, 8)] * 2, {"apple_quick_look": {"texture_sets": 2}}),
        (
            [(8, 8)] * 11,
            {"apple_quick_look": {"texture_sets": 11}, "google_scene_viewer": {"materials": 11}},
        ),
    ),
    ids=str,
)
def test_targets_have_rules_for_textures(sizes: Any, expected: Dict[str, Any]) -> None:
    model = fit(with_pictures(*sizes), Size(height_cm=90))
    found = {target: broken(model, target) for target in KNOWN_TARGETS}
    assert {target: rules for target, rules in found.items() if rules} == expected


def test_a_model_below_the_floor_is_not_ready_for_ar() -> None:
    lowest = gltf_files.load(gltf_files.plain()).bounds[0][1]
    found = {target: broken(gltf_files.plain(), target) for target in KNOWN_TARGETS}
    off = {"off_floor_mm": pytest.approx(-lowest * 1000, abs=0.001)}
    assert {target: rules for target, rules in found.items() if rules} == {
        "khronos_mobile_ar": off,
        "apple_quick_look": off,
    }


def test_amazon_takes_only_what_is_on_its_list() -> None:
    model = with_pictures(
        (8, 8),
        extensionsUsed=["KHR_lights_punctual", "KHR_materials_clearcoat"],
        extensions={"KHR_lights_punctual": {"lights": [{"type": "point"}]}},
        cameras=[{"type": "perspective", "perspective": {"yfov": 1, "znear": 0.1}}],
        animations=[{}],
    )
    assert broken(model, "amazon") == {
        "lights": 1,
        "cameras": 1,
        "animations": 1,
        "extensions": ["KHR_lights_punctual", "KHR_materials_clearcoat"],
    }


def test_what_cannot_be_measured_does_not_pass() -> None:
    described = report(gltf_files.draco())
    assert (described["extents_m"], described["lowest_m"]) == (None, None)
    assert described["triangles"] == 22
    assert broken(gltf_files.draco(), "apple_quick_look") == {"off_floor_mm": None}


@pytest.mark.parametrize("model", (wrong_bounds(), wrong_index(), no_number()))
def test_errors_of_a_file_are_found(model: bytes) -> None:
    (error,) = report(model)["errors"]
    assert error.startswith("Accessor ")
    assert broken(model, "amazon")["errors"] == 1
