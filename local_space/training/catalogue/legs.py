"""What pieces stand on: four legs, a pedestal, a star, sleds, blocks, a plinth."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.catalogue.dice import Dice
from local_space.training.parts import Part, ball, both, box, lathe, rod, tapered, tube


def four_legs(
    dice: Dice, width: float, depth: float, top: float, thick: float, material: int = 1
) -> List[Part]:
    """Straight, splayed, turned or bent legs under a (width, depth) rectangle, the middle at 0."""
    style = dice.pick(
        "square", "square", "tapered", "round", "splayed", "splayed", "turned", "bent"
    )
    half, deep = width / 2 - thick / 2, depth / 2 - thick / 2
    foot = thick * (dice.between(0.5, 0.8) if style in ("tapered", "splayed") else 1.0)
    out = dice.between(0.04, 0.16) * top if style == "splayed" else 0.0
    inset = dice.between(0.0, 0.12) * width if style == "splayed" else 0.0
    parts: List[Part] = []
    for z in (-1, 1):
        head = np.array([half - inset, top, z * (deep - inset)])
        toe = np.array([half - inset + out, 0.0, z * (deep - inset + out)])
        if style == "turned":
            r = thick / 2
            profile = [(0.0, r * 0.6), (top * 0.08, r * 0.9), (top * 0.3, r * 0.6)]
            profile += [(top * 0.55, r * 1.1), (top * 0.7, r * 0.8), (top, r * 1.1)]
            parts += both(lathe(profile, (head[0], head[2]), material=material))
        elif style == "bent":
            bow = dice.between(0.03, 0.1) * top
            points = [head, head + np.array([bow * 0.7, -top * 0.35, bow * z * 0.7])]
            points += [
                toe + np.array([-bow * 0.4, top * 0.25, -bow * z * 0.4]),
                toe + np.array([bow * 0.5, 0, bow * z * 0.5]),
            ]
            parts += both(*tube(points, thick / 2, material))
        elif style == "round" or (style == "splayed" and dice.chance(0.5)):
            parts += both(rod(toe, head, foot / 2, thick / 2, material))
        else:
            parts += both(tapered((toe, foot, foot), (head, thick, thick), material))
    return parts


def stretchers(
    dice: Dice, width: float, depth: float, height: float, thick: float, material: int = 1
) -> List[Part]:
    """Bars between legs: at the sides, and across or in front."""
    half, deep, t = width / 2 - thick, depth / 2 - thick, thick * 0.4
    parts = both(
        box((half - t, half + t), (height - t, height + t), (-deep, deep), material=material)
    )
    if dice.chance(0.5):
        parts.append(box((-half, half), (height - t, height + t), (-t, t), material=material))
    else:
        for z in (-deep, deep):
            h = height + dice.between(-0.1, 0.2) * height
            parts.append(box((-half, half), (h - t, h + t), (z - t, z + t), material=material))
    return parts


def pedestal(dice: Dice, top: float, reach: float, material: int = 1) -> List[Part]:
    """A column on a round or square foot."""
    column, foot = dice.between(0.06, 0.22) * reach + 1.0, reach * dice.between(0.6, 1.0)
    thick = dice.between(1.0, 4.0)
    if dice.chance(0.25):
        base = box((-foot, foot), (0, thick), (-foot, foot), dice.between(0, 1), material)
        return [base, lathe([(0, column), (top, column)], material=material)]
    style = dice.pick("plain", "trumpet", "turned")
    if style == "trumpet":
        levels = np.linspace(0, 1, 9)
        radii = column + (foot - column) * (1 - levels) ** dice.between(4, 9)
        spread = dice.between(0, 0.5) * (foot - column)
        radii = radii + spread * levels ** dice.between(6, 12)
        return [lathe(list(zip(levels * top, radii)), material=material)]
    if style == "turned":
        c = column * 1.3
        profile = [(0, foot), (thick, foot), (thick * 2, c), (top * 0.3, c * 1.6)]
        profile += [(top * 0.5, c * 0.8), (top * 0.8, c * 1.3), (top, c)]
        return [lathe(profile, material=material)]
    return [
        lathe([(0, foot), (thick, foot * 0.97), (thick, column), (top, column)], material=material)
    ]


def star(dice: Dice, top: float, reach: float, material: int = 1) -> List[Part]:
    """A column on four or five spokes, with castors now and then."""
    spokes = dice.pick(4, 5, 5, 3)
    level = dice.between(3, 9)
    thick, wheel = dice.between(1.2, 2.5), dice.between(2, 3.5)
    castors = dice.chance(0.6)
    first = dice.between(0, 360)
    parts = [rod((0, level, 0), (0, top, 0), dice.between(1.5, 3.5), material=material)]
    for k in range(spokes):
        a = np.radians(first + 360 * k / spokes)
        end = np.array([np.cos(a) * reach, wheel * 2 if castors else thick, np.sin(a) * reach])
        parts.append(rod((0, level + 2, 0), end, thick * 1.4, thick, material))
        if castors:
            parts.append(ball((end[0], wheel, end[2]), wheel, 2))
    return parts


def sled(dice: Dice, width: float, depth: float, top: float, material: int = 1) -> List[Part]:
    """A bent tube at either side that lies on the floor; a cantilever lacks its back legs."""
    r = dice.between(0.8, 1.8)
    half, deep = width / 2, depth / 2
    if dice.chance(0.5):
        loop = [(half, top, deep), (half, r, deep), (half, r, -deep)]
        parts = both(*tube(loop, r, material))
        return [*parts, rod((-half, r, -deep), (half, r, -deep), r, material=material)]
    loop = [(half, top, deep), (half, r, deep * 1.05), (half, r, -deep), (half, top, -deep)]
    parts = both(*tube(loop, r, material))
    if dice.chance(0.4):
        parts.append(rod((-half, r, -deep), (half, r, -deep), r, material=material))
    return parts


def short_feet(
    dice: Dice, width: float, depth: float, height: float, material: int = 2
) -> List[Part]:
    """Feet of a sofa or a cabinet, the middle at 0."""
    if height <= 0:
        return []
    style = dice.pick("block", "cone", "plinth", "ball")
    inset = dice.between(1, 8)
    x, z = width / 2 - inset, depth / 2 - inset
    if style == "plinth":
        return [box((-x, x), (0, height), (-z, z - dice.between(0, 5)), material=material)]
    r = dice.between(1.5, 4.5)
    parts: List[Part] = []
    for side in (-z + r, z - r):
        at = (x - r, side)
        if style == "block":
            parts += both(
                box((at[0] - r, at[0] + r), (0, height), (side - r, side + r), material=material)
            )
        elif style == "cone":
            parts += both(lathe([(0, r * 0.6), (height, r)], at, material=material))
        else:
            parts += both(
                lathe(
                    [(0, r * 0.5), (height / 2, r * 1.1), (height, r * 0.6)], at, material=material
                )
            )
    return parts
