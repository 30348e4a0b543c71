"""Beds, bunk beds, cots."""

from __future__ import annotations

from typing import List, Tuple

import numpy as np

from local_space.training.boards import panel
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, both, box, cushion, lathe, rod


def bed(dice: Dice) -> Piece:
    """Frame, mattress, cover, pillows; a headboard at the back, now and then a footboard."""
    width, length = dice.between(80, 200), dice.between(185, 225)
    x, z, t = width / 2, length / 2, dice.between(2, 8)
    top, foot = dice.between(28, 65), dice.between(0, 26)
    thick = dice.between(12, 26)
    parts = [
        box((-x, x), (foot, max(foot + 4, top - thick * 0.7)), (-z, z), dice.between(0, 3), 1),
        box(
            (-x + 3, x - 3),
            (top - thick, top),
            (-z + 3, z - dice.between(1, 4)),
            dice.between(2, 6),
            3,
        ),
    ]
    if foot > 3:
        parts += (
            legs.four_legs(dice, width, length, foot + 3, dice.between(4, 10))
            if dice.chance(0.7)
            else legs.short_feet(dice, width, length, foot + 2)
        )
    head = top + dice.between(20, 75)
    if dice.chance(0.92):
        parts += board(dice, x + dice.pick(0.0, 0.0, dice.between(0, 12)), head, (-z - t, -z))
    if dice.chance(0.4):
        parts += board(dice, x, top + dice.between(0, 35), (z, z + t))
    parts += _bedding(dice, x, top, z)
    return Piece("bed", parts)


def board(dice: Dice, x: float, top: float, z: Tuple[float, float]) -> List[Part]:
    """A head- or footboard: solid, upholstered, arched, or of bars between posts."""
    style = dice.pick("solid", "solid", "padded", "arched", "bars", "bars")
    t = (z[1] - z[0]) / 2
    middle = (z[0] + z[1]) / 2
    low = dice.pick(0.0, 0.0, dice.between(5, 25))
    posts = both(box((x - 2 * t, x), (0, top * dice.between(0.95, 1.05)), z, material=1))
    if dice.chance(0.3):
        posts = both(
            lathe(
                [(0, t), (top * 0.9, t), (top * 0.92, t * 0.5), (top, t * 1.3), (top + 2 * t, 0.3)],
                (x - t, middle),
                material=1,
            )
        )
    if style == "solid":
        return [
            box(
                (-x, x),
                (low, top),
                (middle - t * 0.6, middle + t * 0.6),
                dice.between(0, t * 0.6),
                1,
            ),
            *(posts if low else []),
        ]
    if style == "padded":
        return [box((-x, x), (low, top), z, t * 0.9, dice.pick(1, 3))]
    if style == "arched":
        turn = np.linspace(0, np.pi, 15)
        rise = dice.between(8, 30)
        outline = np.column_stack([np.cos(turn) * x, top - rise + np.sin(turn) * rise])
        outline = np.concatenate([[[x, low]], outline, [[-x, low]]])
        return [panel(outline, (middle - t * 0.6, middle + t * 0.6), 1), *posts]
    rails = [
        box(
            (-x, x), (at, at + dice.between(2, 8)), (middle - t * 0.6, middle + t * 0.6), material=1
        )
        for at in (top * 0.45, top - 6)
    ]
    r = dice.between(0.8, 2.5)
    bars = [
        rod((a, top * 0.45, middle), (a, top - 3, middle), r, material=1)
        for a in np.linspace(-x + 6, x - 6, dice.count(4, 14))
    ]
    return [*posts, *rails, *bars]


def _bedding(dice: Dice, x: float, top: float, z: float) -> List[Part]:
    parts: List[Part] = []
    if dice.chance(0.75):
        rows, wide = dice.count(1, 2), min(70.0, x * 0.95 if x > 60 else 2 * x - 10)
        for row in range(rows):
            for side in (-1, 1) if x > 60 else (0,):
                a, b = side * x * 0.48, -z + 24 + row * 14
                pillow = cushion(
                    (a - wide / 2, a + wide / 2),
                    (top - 5, top + dice.between(7, 14)),
                    (b - 20, b + 20),
                    4,
                    2,
                    3,
                )
                parts.append(
                    pillow.turned("x", -dice.between(0, 50) if rows > 1 else -dice.between(0, 15))
                )
    if dice.chance(0.7):
        hang, head = dice.between(0, 25), -z + dice.between(10, 90)
        out = dice.pick(-2.0, 2.0, 4.0)
        parts.append(
            box(
                (-x - out, x + out),
                (max(3, top - hang), top + dice.between(1, 6)),
                (head, z + out * 0.5),
                dice.between(1, 4),
                0,
            )
        )
    return parts


def bunk_bed(dice: Dice) -> Piece:
    width, length, height = dice.between(80, 120), dice.between(170, 215), dice.between(140, 185)
    x, z, t = width / 2, length / 2, dice.between(2.5, 4.5)
    parts = [
        box((a, a + 2 * t), (0, height), (b, b + 2 * t), material=1)
        for a in (-x, x - 2 * t)
        for b in (-z, z - 2 * t)
    ]
    low, high = dice.between(22, 40), height * dice.between(0.58, 0.72)
    for level in (low, high):
        parts.append(
            box((-x + t, x - t), (level - 3, level + dice.between(8, 16)), (-z + t, z - t), 2, 3)
        )
        parts += both(box((x - t, x), (level - 9, level + 5), (-z, z), material=1))
        ends = dice.pick("solid", "bars")
        for b in (-z + t * 0.5, z - t * 1.5):
            top = level + dice.between(25, 38)
            if ends == "solid":
                parts.append(box((-x, x), (level - 6, top), (b, b + t), material=1))
            else:
                parts += [
                    box((-x, x), (h, h + t * 1.5), (b, b + t), material=1) for h in (level - 6, top)
                ]
                parts += [
                    rod((a, level - 6, b), (a, top, b), 1.2, material=1)
                    for a in np.linspace(-x + 8, x - 8, 7)
                ]
        parts.append(
            cushion((-x * 0.6, x * 0.6), (level + 8, level + 20), (-z + 6, -z + 44), 4, 2, 4)
        )
    rail = high + dice.between(20, 34)
    parts += both(box((x - t, x), (rail, rail + 2 * t), (-z, z * dice.between(0.2, 1)), material=1))
    at = z * dice.between(0.3, 0.75)
    rungs = np.arange(low, high + 20, dice.between(22, 32))
    ladder = [box((x, x + t), (0, high + 25), (at + s, at + s + t), material=1) for s in (0, 38)]
    ladder += [box((x, x + t), (h, h + 3), (at, at + 40), material=1) for h in rungs]
    # Along the room, as bunk beds are shown: the long side is the front.
    parts += ladder
    if dice.chance(0.5):
        turn = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])
        parts = [part.changed(turn, (0, 0, 0)) for part in parts]
    return Piece("bed", parts)


def cot(dice: Dice) -> Piece:
    """A child's bed with bars around."""
    width, length, height = dice.between(60, 80), dice.between(110, 150), dice.between(70, 110)
    x, z, t = width / 2, length / 2, 2.0
    low = dice.between(15, 35)
    parts = [box((-x + 2, x - 2), (low, low + 14), (-z + 2, z - 2), 2, 3)]
    parts += [
        box((a, a + 2 * t), (0, height), (b, b + 2 * t), material=1)
        for a in (-x, x - 2 * t)
        for b in (-z, z - 2 * t)
    ]
    for level in (low - 3, height - 6):
        parts += both(box((x - 2 * t, x), (level, level + 5), (-z, z), material=1))
        parts += [box((-x, x), (level, level + 5), (b, b + t), material=1) for b in (-z, z - t)]
    parts += both(
        *(
            rod((x - t, low, a), (x - t, height - 3, a), 1.0, material=1)
            for a in np.linspace(-z + 8, z - 8, dice.count(8, 14))
        )
    )
    for b in (-z + t / 2, z - t / 2):
        parts += [
            rod((a, low, b), (a, height - 3, b), 1.0, material=1)
            for a in np.linspace(-x + 8, x - 8, dice.count(4, 7))
        ]
    return Piece("bed", parts)
