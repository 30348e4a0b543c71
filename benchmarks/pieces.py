"""The pieces that `benchmarks/furniture.py` measures: their photos, truths and classes."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

VIEWS = {
    "front": ("front",),
    "front+left": ("front", "left"),
    "four views": ("front", "back", "left", "right"),
}
PHOTO = "photo"

# What each piece of ../shared/corners is. Where two words fit, both count as right.
CLASSES = {
    "chair": "antiqueChair osakaChair cafe_set_mota_chair kitchenChair designChair",
    "armchair": "modernArmchair armchair1 armchair2 rattanArmchair designChair puff",
    "sofa": "L_shaped_sofa sofa2 cornerSofa sofa3 mid-century-sofa leather_sofa",
    "bed": "bed2 bunkBed bed1",
    "table": "lbDesk tableWithTablecloth cafe_set_mota_table coffeeTable officeTable "
    "kids_wooden_desk round-table",
    "cabinet": "bedsideTable2 highCabinet largeFridge chest dresserWithDrawers tvStand wardrobe "
    "filing-cabinet wardrobe1 shelves",
    "shelf": "shelves bookcase",
    "lamp": "lamp2 pedestal-vase-lamp table_lamp",
    "stool": "stool2 bar-stool",
    "other": "largeFridge puff",
}


class Piece(NamedTuple):
    name: str
    half: str  # A or B: methods are chosen on A and confirmed on B
    truth: Optional[Path]
    cases: Dict[str, Dict[str, Path]]  # photos by view


def read(folder: Path, photo: str) -> List[Piece]:
    """The pieces of a folder, sorted by name: folders with a truth, and photos without one."""
    truths = sorted(folder.glob("*/truth.glb"))
    found = [
        Piece(truth.parent.name, "AB"[index % 2], truth, _cases(truth.parent, photo))
        for index, truth in enumerate(truths)
    ]
    for path in sorted(folder.iterdir()):
        if path.suffix in (".jpg", ".png"):
            found.append(Piece(path.stem, "", None, {PHOTO: {"front": path}}))
    return found


def true_classes(name: str) -> Tuple[str, ...]:
    """The classes that are right for a piece; none where nobody has said what it is."""
    short = name.split("__")[-1]
    return tuple(key for key, names in CLASSES.items() if short in names.split())


def _cases(folder: Path, photo: str) -> Dict[str, Dict[str, Path]]:
    cases = {
        case: {view: folder / f"{view}.png" for view in views} for case, views in VIEWS.items()
    }
    cases[PHOTO] = {"front": folder / photo}
    return {case: it for case, it in cases.items() if all(path.exists() for path in it.values())}
