"""What the places that show models ask of a file: a table of rules.

A glTF is in metres and has its y axis upwards, so there is no rule for that.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple, Union

# The smaller one of the two meanings of MB: what fits it fits the other one.
_MB = 1_000_000
# A model stands on the floor that is off it by at most so much.
_FLOOR_MM = 1

# Section 99 «Publishing Targets», and section 2 for the floor.
_KHRONOS = (
    "https://registry.khronos.org/3DCommerce/AssetCreation/specs/1.0/AssetCreationGuidelines.pdf"
)
# «3D model requirements».
_SCENE_VIEWER = "https://developers.google.com/ar/develop/scene-viewer"
# WWDC 2018, session 603; Apple said in https://developer.apple.com/forums/thread/693867 in 2021
# that this is still what it recommends.
_QUICK_LOOK = "https://developer.apple.com/videos/play/wwdc2018/603/"
# «3D model technical requirements».
_AMAZON = "https://sellercentral.amazon.com/help/hub/reference/external/G7RGSNQFZ2BAG7K3"
# «3D model link», minimum requirements.
_MERCHANT = "https://support.google.com/merchants/answer/13674896"
# Shopify itself shrinks a larger file.
_SHOPIFY = "https://help.shopify.com/en/manual/products/product-media/product-media-types"

_AMAZON_EXTENSIONS = (
    "KHR_draco_mesh_compression",
    "KHR_interactivity",
    "KHR_materials_clearcoat",
    "KHR_materials_ior",
    "KHR_materials_sheen",
    "KHR_materials_transmission",
    "KHR_materials_volume",
)

Limit = Union[int, Tuple[str, ...]]


class Rule(NamedTuple):
    """A rule: what is measured, the most that there may be of it, and who says so.

    A limit that is a tuple lists all that may be there. A target passes if only rules are broken
    that are not required, but recommended.
    """

    name: str
    limit: Limit
    source: str
    required: bool = True


TARGETS: Mapping[str, Sequence[Rule]] = {
    "khronos_mobile_ar": (
        Rule("triangles", 150_000, _KHRONOS),
        Rule("bytes", 3 * _MB, _KHRONOS),
        Rule("largest_texture", 2048, _KHRONOS),
        Rule("textures_not_power_of_two", 0, _KHRONOS),
        Rule("off_floor_mm", _FLOOR_MM, _KHRONOS),
    ),
    "khronos_room_planner": (
        Rule("triangles", 40_000, _KHRONOS),
        Rule("bytes", 1 * _MB, _KHRONOS),
        Rule("largest_texture", 1024, _KHRONOS),
        Rule("textures_not_power_of_two", 0, _KHRONOS),
    ),
    "google_scene_viewer": (
        Rule("vertices", 30_000, _SCENE_VIEWER, required=False),
        Rule("materials", 10, _SCENE_VIEWER),
        Rule("bytes", 10 * _MB, _SCENE_VIEWER),
    ),
    "apple_quick_look": (
        Rule("triangles", 100_000, _QUICK_LOOK),
        Rule("texture_sets", 1, _QUICK_LOOK),
        Rule("largest_texture", 2048, _QUICK_LOOK),
        Rule("off_floor_mm", _FLOOR_MM, _QUICK_LOOK),
    ),
    "amazon": (
        Rule("triangles", 200_000, _AMAZON),
        Rule("textures_not_square", 0, _AMAZON),
        Rule("textures_not_power_of_two", 0, _AMAZON),
        Rule("lights", 0, _AMAZON),
        Rule("cameras", 0, _AMAZON),
        Rule("animations", 0, _AMAZON),
        Rule("extensions", _AMAZON_EXTENSIONS, _AMAZON),
        Rule("errors", 0, _AMAZON),
    ),
    "google_merchant": (
        Rule("bytes", 15 * _MB, _MERCHANT),
        Rule("bytes", 10 * _MB, _MERCHANT, required=False),
    ),
    "shopify": (Rule("bytes", 15 * _MB, _SHOPIFY),),
}


def judge(measured: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Return for each target whether it passes, and the rules that it breaks."""
    judged = []
    for name, rules in TARGETS.items():
        broken = [rule for rule in rules if not _is_kept(rule, measured[rule.name])]
        judged.append(
            {
                "target": name,
                "passes": not any(rule.required for rule in broken),
                "broken": [_describe(rule, measured[rule.name]) for rule in broken],
            }
        )
    return judged


def _is_kept(rule: Rule, value: Any) -> bool:
    """Return whether a rule is kept. What cannot be measured breaks it."""
    if value is None:
        return False
    if isinstance(rule.limit, tuple):
        return set(value) <= set(rule.limit)
    return bool(value <= rule.limit)


def _describe(rule: Rule, value: Any) -> Dict[str, Any]:
    limit = list(rule.limit) if isinstance(rule.limit, tuple) else rule.limit
    return {
        "rule": rule.name,
        "limit": limit,
        "value": value,
        "required": rule.required,
        "source": rule.source,
    }
