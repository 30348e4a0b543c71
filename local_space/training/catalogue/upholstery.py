"""Upholstered seats of armchairs and sofas: cushions between arms before a back."""

from __future__ import annotations

from typing import List, NamedTuple

import numpy as np

from local_space.training.boards import side_panel
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice
from local_space.training.parts import Part, Span, both, box, cushion, rod

_STAND_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


class Frame(NamedTuple):
    """Sizes that the parts of one seat share."""

    width: float  # between the outsides of the arms
    depth: float
    foot: float  # height of the feet
    seat: float
    arm: float  # width of an arm
    rest: float  # height of an arm
    total: float
    back: float  # thickness of the back
    lean: float  # degrees


def frame_of(dice: Dice, width: float) -> Frame:
    seat = dice.between(36, 50)
    total = dice.between(66, 112) if width < 110 else dice.between(62, 98)
    return Frame(
        width=width,
        depth=dice.between(68, 105),
        foot=dice.pick(0.0, dice.between(2, 8), dice.between(8, 20)),
        seat=seat,
        arm=dice.between(5, 15) if dice.chance(0.4) else dice.between(12, 30),
        rest=min(total, seat + dice.between(8, 28)),
        total=total,
        back=dice.between(8, 26),
        lean=dice.pick(0.0, dice.between(2, 20)),
    )


def seat_cushion(dice: Dice, x: Span, top: float, z: Span, material: int = 3) -> Part:
    thick = dice.between(10, 20)
    if dice.chance(0.6):
        return box(x, (top - thick, top + 2), z, dice.between(1.5, 6), material)
    return cushion(x, (top - thick, top + 4), z, dice.between(5, 9), dice.between(2.5, 5), material)


def upholstered(dice: Dice, f: Frame, seats: int, style: str, arms: bool = True) -> List[Part]:
    x, z = f.width / 2, f.depth / 2
    soft = dice.between(0.5, 6)
    inner = x - f.arm if arms else x
    proud = dice.between(0, 6)
    parts = [
        box(
            (-inner, inner),
            (f.foot, f.seat - 9),
            (-z + f.back / 2, z - dice.between(0, 3)),
            min(soft, 3),
        )
    ]
    parts += legs.short_feet(dice, f.width, f.depth, f.foot + (2 if f.foot else 0))
    loose = dice.chance(0.75)
    gap = dice.between(0, 1.5)
    edges = np.linspace(-inner, inner, (seats if loose else 1) + 1)
    for a, b in zip(edges[:-1], edges[1:]):
        parts.append(
            seat_cushion(dice, (a + gap, b - gap), f.seat, (-z + f.back * 0.7, z + proud - 2))
        )
    parts += _upholstered_back(dice, f, inner if style != "wing" else x, seats)
    if arms:
        parts += _arms(dice, f, style, soft)
    if dice.chance(0.25):
        for _ in range(dice.count(1, 3)):
            side = dice.between(17, 24)
            pillow = cushion((-side, side), (-7, 7), (-side, side), 4, 2, 4).changed(
                _STAND_UP, (0, 0, 0)
            )
            pillow = pillow.turned("x", -dice.between(5, 30)).turned("y", dice.between(-35, 35))
            parts.append(
                pillow.moved(
                    dice.between(-inner + 20, max(inner - 20, 21 - inner)),
                    f.seat + side,
                    -z + f.back + 10,
                )
            )
    return parts


def _upholstered_back(dice: Dice, f: Frame, inner: float, seats: int) -> List[Part]:
    z = -f.depth / 2
    hinge = (0, f.seat, z + f.back / 2)
    style = dice.pick("board", "board", "cushions", "cushions", "rolled", "arched")
    high = f.total if style not in ("cushions",) else f.total - dice.between(0, 14)
    outer = min(inner + dice.pick(0.0, f.arm), f.width / 2)
    parts = [box((-outer, outer), (f.foot, high), (z, z + f.back), dice.between(0.5, f.back / 2))]
    if style == "rolled":
        r = f.back * dice.between(0.45, 0.7)
        parts.append(rod((-outer, high - r, z + r), (outer, high - r, z + r), r))
    if style == "arched":
        rise = dice.between(5, 16)
        hump = cushion(
            (-outer, outer), (high - 2 * rise, high + rise), (z, z + f.back), 3, dice.between(2, 3)
        )
        parts.append(hump)
    if style == "cushions":
        edges = np.linspace(-inner, inner, seats + 1)
        thick = dice.between(10, 22)
        soft = dice.chance(0.5)
        top, lean = f.total + dice.between(-4, 6), dice.between(4, 16)
        for a, b in zip(edges[:-1], edges[1:]):
            span = (a + 0.5, b - 0.5)
            if soft:
                flat = cushion(
                    span,
                    (0, thick),
                    (-(top - f.seat), 0),
                    dice.between(4, 7),
                    dice.between(2, 4),
                    3,
                )
                pad = flat.changed(
                    np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), (0, f.seat, z + f.back - 2)
                )
            else:
                pad = box(
                    span,
                    (f.seat, top),
                    (z + f.back - 2, z + f.back - 2 + thick),
                    dice.between(2, 5),
                    3,
                )
            parts.append(pad.turned("x", -lean, (0, f.seat, z + f.back)))
    elif dice.chance(0.2):
        for a in np.linspace(-inner, inner, 2 * seats + 1)[1::2]:
            for b in (0.4, 0.75):
                at = (a, f.seat + b * (high - f.seat), z + f.back)
                parts.append(
                    cushion(
                        (a - 14, a + 14), (at[1] - 9, at[1] + 9), (at[2] - 4, at[2] + 4), 3, 2, 3
                    )
                )
    return [part.turned("x", -f.lean, hinge) for part in parts]


def _arms(dice: Dice, f: Frame, style: str, soft: float) -> List[Part]:
    x, z = f.width / 2, f.depth / 2
    front = z - dice.pick(0.0, dice.between(0, 14))
    if style == "rolled":
        r = f.arm * dice.between(0.5, 0.7)
        roll = rod((x - r, f.rest - r, -z + 2), (x - r, f.rest - r, front), r)
        wall = box(
            (x - f.arm * 0.85, x - f.arm * 0.15), (f.foot, f.rest - r), (-z + 2, front - 1), 1
        )
        return both(roll, wall)
    if style == "wing":
        high = f.total - dice.between(0, 12)
        wing = [(-z, f.seat), (-z, high), (-z + f.back + dice.between(8, 25), high - 4)]
        wing += [
            (-z + f.back + dice.between(10, 22), f.rest),
            (front, f.rest - 2),
            (front, f.seat - 5),
        ]
        outline = np.array(wing)
        plate = side_panel(outline, (x - f.arm * 0.6, x))
        rest = box((x - f.arm, x), (f.foot, f.rest), (-z + 1, front), soft)
        return both(plate, rest)
    slope = dice.pick(0.0, 0.0, dice.between(2, 9))
    arm = box(
        (x - f.arm, x),
        (f.foot * dice.pick(0, 1, 1), f.rest),
        (-z + dice.between(0, 4), front),
        min(soft, f.arm * 0.48),
        dice.pick(0, 0, 0, 1),
    )
    if slope:
        arm = arm.turned("x", slope, (0, f.rest, -z))
    if dice.chance(0.2):
        pad = box(
            (x - f.arm - 1, x + 1), (f.rest - 2, f.rest + 6), (-z + f.back, front + 1), 2.5, 3
        )
        return both(arm, pad)
    return both(arm)
