"""Stools, bar stools and poufs."""

from __future__ import annotations

import numpy as np

from local_space.training.boards import shell
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import box, cushion, lathe


def stool(dice: Dice) -> Piece:
    """A stool or a bar stool, round or square, on legs, a column or a star."""
    tall = dice.chance(0.5)
    seat = dice.between(58, 82) if tall else dice.between(36, 52)
    size, thick = dice.between(28, 44), dice.between(2, 4)
    deep = size * dice.pick(1.0, 1.0, dice.between(0.7, 1.0))
    pad = dice.between(2, 9)
    if dice.chance(0.6):
        r = size / 2
        edge = dice.between(0, 0.4) * pad
        parts = [
            lathe(
                [(seat - pad, r * 0.92), (seat - edge, r), (seat, r * 0.93)],
                oval=deep / size,
                material=dice.pick(0, 3),
            )
        ]
    else:
        parts = [
            box(
                (-size / 2, size / 2),
                (seat - pad, seat),
                (-deep / 2, deep / 2),
                dice.between(0, pad / 2),
                dice.pick(0, 3),
            )
        ]
    base = dice.pick("legs", "legs", "legs", "pedestal", "star", "sled")
    wide = size * dice.between(0.7, 1.0)
    if base == "legs":
        parts += legs.four_legs(dice, wide, wide * deep / size, seat - pad / 2, thick)
        for level in np.linspace(0.25, 0.6, dice.count(0, 2)):
            parts += legs.stretchers(
                dice, wide * 1.05, wide * 1.05 * deep / size, seat * level, thick
            )
    elif base == "pedestal":
        parts += legs.pedestal(dice, seat - pad / 2, size * 0.5)
        if tall and dice.chance(0.4):
            parts.append(lathe([(seat * 0.3, size * 0.4), (seat * 0.33, size * 0.4)], material=1))
    elif base == "star":
        parts += legs.star(dice, seat - pad / 2, size * 0.6)
    else:
        parts += legs.sled(dice, wide, wide, seat - pad / 2)
    if tall and dice.chance(0.45):
        high = seat + dice.between(12, 34)
        back = shell(
            (size / 2, deep / 2),
            dice.between(1.5, 4),
            (seat - 2, high),
            dice.between(50, 110),
            dice.between(0, 0.8) * (high - seat),
            dice.between(-0.05, 0.3),
        )
        parts.append(back)
    return Piece("stool", parts)


def pouf(dice: Dice) -> Piece:
    """A pouf, a beanbag or an upholstered cube."""
    size, height = dice.between(38, 90), dice.between(30, 60)
    style = dice.pick("ball", "drum", "cube", "bag")
    if style == "ball":
        return Piece(
            "stool",
            [
                cushion(
                    (-size / 2, size / 2),
                    (0, height),
                    (-size / 2, size / 2),
                    2,
                    dice.between(2, 3.5),
                )
            ],
        )
    if style == "drum":
        r = size / 2
        e = dice.between(0.5, 5)
        return Piece("stool", [lathe([(0, r - e), (e, r), (height - e, r), (height, r - e)])])
    if style == "cube":
        half = size / 2
        foot = dice.pick(0.0, dice.between(3, 14))
        parts = [box((-half, half), (foot, height), (-half, half), dice.between(0.5, 6))]
        return Piece("stool", parts + legs.short_feet(dice, size, size, foot + 1))
    r = size / 2
    turn = dice.between(0.5, 0.8)
    low = lathe(
        [
            (0, r * 0.8),
            (height * 0.15, r),
            (height * 0.5, r * 0.9),
            (height * 0.8, r * turn),
            (height, r * 0.25),
        ]
    )
    back = cushion(
        (-r * 0.8, r * 0.8),
        (height * 0.3, height * dice.between(1.0, 1.5)),
        (-r, r * 0.2),
        2.2,
        2.2,
    )
    return Piece("stool", [low, back])
