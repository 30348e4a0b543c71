"""How large a piece of furniture probably is, from its class and its proportions.

A photo has no scale. Each class has kinds with usual sizes in centimetres, whose spread is told by
the ranges. Of all kinds and all scales, the guess is the likeliest: heights of seats and tables
hardly vary and decide, widths of sofas vary a lot and do not.

The ranges hold about two thirds of the pieces of each kind in the catalogue of the Debian package
`sweethome3d-furniture`, which gives widths, depths and heights; the pieces of the validation set
are left out. Kinds marked «estimate» have fewer than three pieces there, and their ranges are ours.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Sequence, Tuple

import numpy as np

Range = Tuple[float, float]


class Kind(NamedTuple):
    """The usual sizes in centimetres, from and to, feet and head boards included."""

    width: Range
    height: Range
    depth: Range


KINDS: Dict[str, Tuple[Kind, ...]] = {
    "chair": (Kind((42, 60), (76, 98), (44, 66)),),
    "armchair": (Kind((59, 97), (70, 98), (61, 85)),),
    "sofa": (
        Kind((143, 223), (77, 87), (72, 105)),
        Kind((220, 320), (72, 95), (150, 230)),  # round a corner: estimate
    ),
    "bed": (
        Kind((90, 105), (65, 90), (197, 210)),  # single
        Kind((131, 202), (76, 116), (205, 228)),  # double
        Kind((95, 130), (150, 192), (200, 259)),  # bunk: estimate
    ),
    "table": (
        Kind((112, 186), (72, 77), (60, 117)),  # to dine or to work at
        Kind((60, 110), (70, 77), (60, 110)),  # the same for two, or round: estimate
        Kind((89, 143), (40, 53), (45, 75)),  # before a sofa
        Kind((40, 66), (45, 65), (40, 60)),  # beside one: estimate
    ),
    "cabinet": (
        Kind((40, 60), (45, 60), (35, 55)),  # beside a bed
        Kind((75, 160), (75, 105), (40, 55)),  # chest of drawers, sideboard: estimate
        Kind((120, 200), (40, 60), (35, 50)),  # below a television: estimate
        Kind((107, 200), (207, 236), (38, 68)),  # wardrobe
        Kind((38, 48), (65, 135), (45, 65)),  # for files: estimate
        Kind((44, 97), (83, 93), (59, 70)),  # below a worktop
        Kind((55, 90), (121, 205), (40, 75)),  # tall and narrow, fridge: estimate
    ),
    "shelf": (
        Kind((44, 101), (175, 221), (34, 42)),
        Kind((60, 120), (75, 120), (25, 40)),  # low: estimate
    ),
    "lamp": (
        Kind((21, 33), (40, 66), (21, 33)),  # on a table
        Kind((25, 60), (135, 185), (25, 60)),  # on the floor: estimate
        Kind((40, 80), (30, 90), (40, 80)),  # from the ceiling: estimate
    ),
    "stool": (
        Kind((32, 50), (42, 50), (32, 50)),  # estimate
        Kind((34, 52), (62, 82), (34, 52)),  # at a bar: estimate
        Kind((38, 55), (85, 110), (40, 55)),  # at a bar, with a back: estimate
    ),
}
# A range holds two thirds of the pieces (plus and minus one standard deviation).
_LEAST_SPREAD = 0.03


def size_guess_cm(name: str, extents: Sequence[float]) -> Dict[str, int]:
    """The width, height and depth of a piece of class `name` whose extents x, y, z are in any unit.

    A class without usual sizes is guessed as whatever kind of all classes fits best.
    """
    kinds = KINDS.get(name) or tuple(kind for kinds in KINDS.values() for kind in kinds)
    bounds = np.log(np.array(kinds, dtype=float))  # (kinds, axes, from and to)
    middle = bounds.mean(2) - np.log(np.maximum(np.asarray(extents, dtype=float), 1e-6))
    spread = np.maximum((bounds[..., 1] - bounds[..., 0]) / 2, _LEAST_SPREAD)
    # The likeliest logarithm of the scale for each kind, and how likely it then is.
    scale = (middle / spread**2).sum(1) / (1 / spread**2).sum(1)
    unlikely = ((middle - scale[:, None]) ** 2 / spread**2).sum(1) / 2 + np.log(spread).sum(1)
    factor = float(np.exp(scale[unlikely.argmin()]))
    return {
        axis: max(1, round(factor * float(extent)))
        for axis, extent in zip(("width", "height", "depth"), extents)
    }
