"""Chairs of thin tubes, bars and columns: cantilevers, slings, rattan, bar and office chairs."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import shell
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.catalogue.side_chairs import curved_back, slender_legs
from local_space.training.parts import Point, both, box, cushion, lathe, rod, tube


def cantilever_chair(dice: Dice) -> Piece:
    """A tube lies on the floor, rises at the front, carries the seat and rises as the back."""
    width, depth = dice.between(42, 58), dice.between(42, 54)
    seat, total = dice.between(42, 47), dice.between(76, 100)
    x, z = width / 2, depth / 2
    r = dice.between(0.9, 1.4)
    lean, dip = dice.between(4, 16), dice.between(0, 4)
    front = z + dice.between(0, 5)
    side: List[Point] = [(x, r, -z * dice.between(0.8, 1.1)), (x, r, front - 4), (x, 4, front)]
    side += [(x, seat - 4, front), (x, seat - 0.5, front - 4), (x, seat - dip, -z + 3)]
    side += [(x, seat - dip + 4, -z), (x, total, -z - lean)]
    parts = both(*tube(side, r, 1))
    parts.append(rod(side[0] * np.array([-1, 1, 1]), side[0], r, material=1))
    thick = dice.between(1.3, 2.5) if dice.chance(0.6) else dice.between(3, 6)
    tilt = float(np.degrees(np.arctan2(dip, depth)))
    middle, half, soft = seat - dip / 2, thick / 2, thick * 0.4
    level = (middle - half, middle + half)
    pad = box((-x, x), level, (-z + 2, front - 3), soft, dice.pick(0, 3))
    parts.append(pad.turned("x", -tilt))
    low = seat + dice.between(6, 22)
    back = box(
        (-x, x), (low, total + 0.5), (-z - thick / 2, -z + thick / 2), thick * 0.4, pad.material
    )
    angle = float(np.degrees(np.arctan2(lean, total - seat + dip - 4)))
    parts.append(back.turned("x", -angle, (0, seat - dip + 4, -z)))
    armed = dice.chance(0.4)
    if armed:
        rest = seat + dice.between(17, 23)
        behind = -z - np.tan(np.radians(angle)) * (rest - seat + dip - 4)
        arm: List[Point] = [
            (x, seat - 4, front),
            (x + 1, rest - 3, front - 2),
            (x + 1, rest, front - 5),
        ]
        parts += both(*tube([*arm, (x + 1, rest, 0), (x, rest, behind)], r, 1))
    return Piece("armchair" if armed and width > 52 else "chair", parts)


def sling_chair(dice: Dice) -> Piece:
    """Canvas or leather between two frames of thin tube that run from front foot to back foot."""
    width, depth = dice.between(56, 80), dice.between(58, 78)
    seat, total = dice.between(34, 44), dice.between(68, 88)
    x, z = width / 2, depth / 2
    r = dice.between(0.9, 1.5)
    rest = seat + dice.between(14, 22)
    bend = dice.between(2, 8)
    side: List[Point] = [(x, 0, z), (x, rest - bend, z), (x, rest, z - bend)]
    side += [
        (x, rest, -z * 0.6 + bend),
        (x, rest - bend, -z * 0.6),
        (x, 0, -z * dice.between(0.6, 1)),
    ]
    if dice.chance(0.5):
        side[0], side[-1] = (x, r, z), (x, r, side[-1][2])
        side.append(side[0])
    parts = both(*tube(side, r, 1))
    drop, lean = dice.between(4, 12), dice.between(12, 28)
    thick = dice.between(1.3, 2.5) if dice.chance(0.7) else dice.between(5, 10)
    hinge = (0, seat - drop, -z * 0.6)
    tilt = float(np.degrees(np.arctan2(drop, 1.55 * z)))
    cloth = dice.pick(0, 3)
    pad = box((-x, x), (seat - drop, seat - drop + thick), (-z * 0.6, z * 0.95), thick * 0.4, cloth)
    parts.append(pad.turned("x", -tilt, hinge))
    back = box((-x, x), (seat - drop, total), (-z * 0.6, -z * 0.6 + thick), thick * 0.4, cloth)
    bars = both(rod((x - r, seat - drop, -z * 0.6), (x - r, total, -z * 0.6), r, material=1))
    parts += [part.turned("x", -lean, hinge) for part in (back, *bars)]
    parts.append(rod((-x, seat - drop, -z * 0.6), (x, seat - drop, -z * 0.6), r, material=1))
    if dice.chance(0.6):
        parts += both(box((x - 2.5, x + 2.5), (rest, rest + 2), (-z * 0.5, z * 0.8), 0.9, 2))
    return Piece("armchair", parts)


def rattan_chair(dice: Dice) -> Piece:
    """A round seat within a fence of bars; its rim falls from the back to the arms."""
    width, depth = dice.between(52, 78), dice.between(50, 72)
    seat, total = dice.between(36, 44), dice.between(68, 100)
    rest, reach = seat + dice.between(12, 24), dice.between(95, 130)
    flare = dice.between(0, 0.25)
    bars = dice.count(9, 19)
    rim_r, bar_r = dice.between(1.2, 2), dice.between(0.7, 1.0)
    angles = np.radians(np.linspace(-reach, reach, bars))
    fall = np.abs(np.linspace(-1, 1, bars)) ** dice.between(1.2, 3)
    tops = total - (total - rest) * fall

    def around(scale: float, height: np.ndarray) -> np.ndarray:
        x, z = np.sin(angles) * width / 2, -np.cos(angles) * depth / 2
        return np.column_stack([x * scale, height, z * scale])

    low = around(0.94, np.full(bars, seat - 4.0))
    high = around(0.94 + flare, tops)
    parts = [rod(a, b, bar_r, material=1) for a, b in zip(low, high)]
    parts += tube(list(high), rim_r, 1)
    if dice.chance(0.5):
        share = dice.between(0.3, 0.7)
        parts += tube(list(low + share * (high - low)), bar_r, 1)
    x, z = width / 2, depth / 2
    parts.append(lathe([(seat - 6, x * 0.97), (seat - 2, x)], oval=depth / width, material=1))
    pad = (seat - 3, seat + dice.between(3, 10))
    parts.append(cushion((-x * 0.9, x * 0.9), pad, (-z * 0.9, z * 0.95), 2.2, 3, 3))
    if dice.chance(0.3):
        parts.append(
            lathe([(0, x * dice.between(0.7, 1)), (seat - 4, x * 0.6)], oval=depth / width)
        )
    else:
        parts += slender_legs(dice, width * 0.85, depth * 0.85, seat - 3)
    return Piece("armchair", parts)


def bar_chair(dice: Dice) -> Piece:
    """A bucket seat at the height of a counter, on a column or on thin legs."""
    width, depth, seat = dice.between(38, 54), dice.between(38, 50), dice.between(58, 82)
    x, z = width / 2, depth / 2
    back = dice.between(12, 42)
    reach = dice.between(70, 125)
    wall = shell(
        (x, z), dice.between(1.5, 4.5), (seat - 5, seat + back), reach,
        back * dice.between(0.2, 0.95), dice.between(0, 0.2), dice.pick(1.5, 2.0, 4.0),
        dice.pick(2.0, 2.5, 3.5),
    )  # fmt: skip
    pad = cushion(
        (-x, x), (seat - 7, seat + 2), (-z, z + 2), dice.pick(2.2, 3, 4), 4, dice.pick(0, 3)
    )
    parts = [wall, pad]
    if dice.chance(0.6):
        foot, column, hold = (
            dice.between(18, 24),
            dice.between(1.8, 3.5),
            seat * dice.between(0.3, 0.4),
        )
        profile = [(0, foot), (1.3, foot * 0.97), (dice.between(2, 6), column * 1.4), (9, column)]
        parts.append(lathe([*profile, (seat - 6, column)], material=1))
        if dice.chance(0.7):
            turn = np.linspace(0, 2 * np.pi, 17)
            ring = [(np.cos(a) * foot * 0.75, hold, np.sin(a) * foot * 0.75 + 3) for a in turn]
            parts += tube(ring, 0.9, 1)
            parts += [rod((0, hold, 0), ring[k], 0.9, material=1) for k in (2, 6)]
    else:
        parts += slender_legs(dice, width * 0.8, depth * 0.8, seat - 4, bars=0.9)
    return Piece("stool", parts)


def office_chair(dice: Dice) -> Piece:
    """A seat on a star, a curved back on a bar, arms of T or loop shape."""
    width, depth = dice.between(46, 56), dice.between(44, 54)
    seat, low = dice.between(44, 54), dice.between(4, 16)
    total = seat + dice.between(38, 78)
    x, z = width / 2, depth / 2
    parts = legs.star(dice, seat - 5, width * dice.between(0.55, 0.68))
    parts.append(cushion((-x, x), (seat - dice.between(6, 10), seat + 2), (-z, z), 5, 4, 3))
    back = curved_back(dice, width * dice.between(0.8, 1.0), (seat + low, total), -z - 2)
    back.append(rod((0, seat - 6, -z + 4), (0, seat + low + 10, -z - 2), 2.2, material=1))
    if dice.chance(0.3):
        back += both(rod((6, total - 4, -z - 1), (6, total + 8, -z), 0.9, material=1))
        back.append(box((-14, 14), (total + 4, total + 18), (-z - 3, -z + 3), 2.5, 3))
    lean = dice.between(2, 14)
    parts += [part.turned("x", -lean, (0, seat, -z)) for part in back]
    if dice.chance(0.75):
        rest, out = seat + dice.between(16, 25), x + dice.between(2, 5)
        if dice.chance(0.5):
            hold = tube([(x - 6, seat - 4, 0), (out, seat - 4, 0), (out, rest, 0)], 1.5, 1)
        else:
            loop: List[Point] = [
                (x - 6, seat - 3, z * 0.5),
                (out, seat, z * 0.5),
                (out, rest, z * 0.4),
            ]
            hold = tube([*loop, (out, rest, -z * 0.7), (x - 4, seat - 3, -z * 0.7)], 1.4, 1)
        pad = box((out - 3.5, out + 3.5), (rest - 1, rest + 2), (-z * 0.7, z * 0.6), 1.3, 2)
        parts += both(*hold, pad)
    return Piece("chair", parts)
