"""Table lamps, floor lamps, hanging lamps."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, ball, box, lathe, rod, tapered, tube


def lamp(dice: Dice) -> Piece:
    """A shade on a foot: for a table or, on a high stem, for the floor."""
    floor = dice.chance(0.45)
    height = dice.between(130, 185) if floor else dice.between(28, 75)
    wide = dice.between(13, 30) if floor else height * dice.between(0.15, 0.42)
    tall = min(height * 0.6, wide * dice.between(0.7, 2.2))
    parts = _shade(dice, height, tall, wide)
    parts += _foot(dice, height - tall * 0.6, wide, floor)
    return Piece("lamp", parts)


def _shade(dice: Dice, height: float, tall: float, wide: float) -> List[Part]:
    style = dice.pick("cone", "cone", "drum", "ball", "square", "dome")
    low = height - tall
    if style == "ball":
        r = min(wide, tall / 2 + 4)
        return [ball((0, height - r, 0), r, 3)]
    if style == "dome":
        return [
            lathe(
                [
                    (low, wide),
                    (low + tall * 0.5, wide * 0.85),
                    (low + tall * 0.85, wide * 0.5),
                    (height, 1),
                ],
                material=3,
            )
        ]
    top = wide * (dice.between(0.35, 0.85) if style == "cone" else 1.0)
    if style == "square":
        top = wide * dice.between(0.5, 1.0)
        return [tapered(((0, low, 0), 2 * wide, 2 * wide), ((0, height, 0), 2 * top, 2 * top), 3)]
    return [lathe([(low, wide), (height, top)], material=3)]


def _foot(dice: Dice, top: float, wide: float, floor: bool) -> List[Part]:
    r, base = dice.between(0.6, 1.8), wide * dice.between(0.5, 1.0)
    style = (
        dice.pick("stem", "stem", "tripod") if floor else dice.pick("stem", "vase", "vase", "block")
    )
    flat = dice.between(1, 4)
    if style == "tripod":
        reach, first, split = (
            dice.between(18, 32),
            dice.between(0, 120),
            top * dice.between(0.5, 1.0),
        )
        parts = [rod((0, split * 0.9, 0), (0, top, 0), r * 1.3, material=1)]
        for k in range(3):
            a = np.radians(first + 120 * k)
            parts.append(
                rod((np.cos(a) * reach, 0, np.sin(a) * reach), (0, split, 0), r, material=1)
            )
        return parts
    plate = lathe([(0, base), (flat, base * dice.between(0.5, 1.0))], material=1)
    if dice.chance(0.3):
        plate = box((-base * 0.8, base * 0.8), (0, flat), (-base * 0.8, base * 0.8), material=1)
    if style == "stem":
        return [plate, rod((0, 0, 0), (0, top, 0), r if floor else max(0.5, r * 0.6), material=1)]
    body = top * dice.between(0.5, 0.95)
    if style == "block":
        half = base * dice.between(0.4, 0.9)
        return [
            box((-half, half), (0, body), (-half, half), dice.between(0, 1.5), 1),
            rod((0, 0, 0), (0, top, 0), 0.8, material=2),
        ]
    levels = np.linspace(0, 1, 8)
    radii = base * np.array([0.6, *(dice.between(0.25, 0.95) for _ in range(6)), 0.2])
    radii[1:-1] = (radii[:-2] + radii[1:-1] + radii[2:]) / 3
    return [
        plate,
        lathe(list(zip(levels * body, radii)), material=1),
        rod((0, 0, 0), (0, top, 0), 0.8, material=2),
    ]


def arc_lamp(dice: Dice) -> Piece:
    """A shade at the end of a bent or jointed arm."""
    scale = dice.between(1.0, 3.5)
    if dice.chance(0.5):
        turn = np.linspace(0, np.pi * dice.between(0.5, 0.75), 9)
        radius, rise = 25.0 * scale, dice.between(15, 40) * scale
        points = [
            (0, 0, 0),
            (0, rise, 0),
            *((0, rise + np.sin(a) * radius, (1 - np.cos(a)) * radius) for a in turn),
        ]
    else:
        a, b = dice.between(-15, 5) * scale, dice.between(5, 30) * scale
        points = [
            (0, 0, 0),
            (0, dice.between(14, 24) * scale, a),
            (0, dice.between(26, 42) * scale, a + b),
        ]
    parts: List[Part] = tube(points, 0.7 * scale, 1)
    end = np.array(points[-1])
    wide, tall = dice.between(5, 10) * scale, dice.between(6, 12) * scale
    shade = lathe([(-tall, wide), (-tall * 0.4, wide * 0.7), (0, wide * 0.25)], material=3).turned(
        "x", -dice.between(0, 50), (0, 0, 0)
    )
    parts.append(shade.moved(*(end + np.array([0, tall * 0.2, 0]))))
    parts.append(
        lathe(
            [(0, dice.between(7, 12) * scale), (dice.between(1, 3) * scale, 6 * scale)], material=1
        )
    )
    return Piece("lamp", parts)


def hanging_lamp(dice: Dice) -> Piece:
    """A lamp on a cord: a shade, or arms with a bulb each."""
    height = dice.between(50, 120)
    parts = [
        rod((0, height * 0.3, 0), (0, height, 0), dice.between(0.4, 1.2), material=1),
        lathe([(height - 4, 5), (height, 4)], material=1),
    ]
    if dice.chance(0.5):
        return Piece(
            "lamp", parts + _shade(dice, height * 0.45, height * 0.45, dice.between(10, 28))
        )
    arms, reach, first = dice.count(3, 8), dice.between(20, 38), dice.between(0, 90)
    parts.append(ball((0, height * 0.25, 0), dice.between(2, 5), 1))
    for k in range(arms):
        a = np.radians(first + 360 * k / arms)
        end = np.array([np.cos(a) * reach, height * 0.25, np.sin(a) * reach])
        middle = end * [0.5, 0.0, 0.5] + [0, height * 0.1, 0]
        parts += tube([(0, height * 0.25, 0), middle, end], 1.0, 1)
        bulb = [
            (height * 0.25 - 2, 3.5),
            (height * 0.25, 1.5),
            (height * 0.42, 2.5),
            (height * 0.5, 0.5),
        ]
        parts.append(lathe(bulb, (end[0], end[2]), material=3))
    return Piece("lamp", parts)
