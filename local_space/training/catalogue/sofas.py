"""Armchairs, sofas and corner sofas: seats with cushions between arms before a back."""

from __future__ import annotations

from typing import List, NamedTuple

import numpy as np

from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, both, box, cushion, lathe, rod, shell, side_panel, tube

_STAND_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


class _Frame(NamedTuple):
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


def armchair(dice: Dice) -> Piece:
    style = dice.pick(
        "block", "block", "block", "rolled", "wing", "wooden", "tube", "barrel", "barrel"
    )
    frame = _frame(dice, dice.between(62, 108))
    if style == "wooden":
        return Piece("armchair", _wooden(dice, frame))
    if style == "tube":
        return Piece("armchair", _tubular(dice, frame))
    if style == "barrel":
        return Piece("armchair", _barrel(dice, frame))
    return Piece("armchair", _upholstered(dice, frame, 1, style))


def sofa(dice: Dice) -> Piece:
    frame = _frame(dice, dice.between(125, 260))
    seats = max(2, round((frame.width - 2 * frame.arm) / dice.between(55, 95)))
    style = dice.pick("block", "block", "block", "rolled", "wing", "wooden")
    if style == "wooden":
        return Piece("sofa", _wooden(dice, frame, seats))
    return Piece("sofa", _upholstered(dice, frame, seats, style))


def corner_sofa(dice: Dice) -> Piece:
    """An L: a sofa with a chaise longue, or with a second row of seats and its back."""
    frame = _frame(dice, dice.between(190, 300))._replace(lean=dice.between(0, 8))
    seats = dice.count(2, 4)
    parts = _upholstered(dice, frame, seats, "block", arms=False)
    reach = frame.depth + dice.between(40, 120)
    wide = dice.between(70, 110)
    x, z = frame.width / 2, -frame.depth / 2
    parts.append(
        box((x - wide, x), (frame.foot, frame.seat - 8), (z, z + reach), dice.between(0.5, 5))
    )
    parts.append(_seat_cushion(dice, (x - wide, x - 1), frame.seat, (z + frame.back, z + reach)))
    if dice.chance(0.5):
        parts.append(
            box(
                (x - frame.back, x),
                (frame.foot, frame.total - dice.between(0, 8)),
                (z, z + reach),
                dice.between(1, 6),
            )
        )
    elif dice.chance(0.5):
        parts.append(
            box(
                (x - frame.arm, x),
                (frame.foot, frame.rest),
                (z, z + reach * dice.between(0.4, 1.0)),
                dice.between(1, 6),
            )
        )
    if dice.chance(0.8):
        parts.append(
            box((-x, -x + frame.arm), (frame.foot, frame.rest), (z, -z), dice.between(1, 6))
        )
    return Piece("sofa", [part.mirrored() for part in parts] if dice.chance(0.5) else parts)


def _frame(dice: Dice, width: float) -> _Frame:
    seat = dice.between(36, 50)
    total = dice.between(66, 112) if width < 110 else dice.between(62, 98)
    return _Frame(
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


def _seat_cushion(dice: Dice, x: tuple, top: float, z: tuple, material: int = 3) -> Part:
    thick = dice.between(10, 20)
    if dice.chance(0.6):
        return box(x, (top - thick, top + 2), z, dice.between(1.5, 6), material)
    return cushion(x, (top - thick, top + 4), z, dice.between(5, 9), dice.between(2.5, 5), material)


def _upholstered(dice: Dice, f: _Frame, seats: int, style: str, arms: bool = True) -> List[Part]:
    x, z, soft = f.width / 2, f.depth / 2, dice.between(0.5, 6)
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
            _seat_cushion(dice, (a + gap, b - gap), f.seat, (-z + f.back * 0.7, z + proud - 2))
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


def _upholstered_back(dice: Dice, f: _Frame, inner: float, seats: int) -> List[Part]:
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
        thick, soft = dice.between(10, 22), dice.chance(0.5)
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


def _arms(dice: Dice, f: _Frame, style: str, soft: float) -> List[Part]:
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


def _wooden(dice: Dice, f: _Frame, seats: int = 1) -> List[Part]:
    """Cushions on an open wooden frame."""
    x, z, t = f.width / 2, f.depth / 2, dice.between(1.8, 3.5)
    arm = dice.between(4, 9)
    inner = x - arm
    rest = f.seat + dice.between(12, 24)
    front, rear = z - dice.between(0, 12), -z + dice.between(0, 16)
    splay = dice.between(0, 8)
    posts = both(
        rod((x - t, 0, front + splay * 0.5), (x - t, rest, front - splay), t, material=1),
        rod((x - t, 0, rear - splay), (x - t, rest, rear + splay), t, material=1),
        box((x - arm, x), (rest - 2, rest + 2), (-z, front + 2), 1, 1).turned(
            "x", dice.between(-2, 8)
        ),
    )
    rails = [
        box((-x + t, x - t), (f.seat - 16, f.seat - 10), (at - t, at + t), material=1)
        for at in (front - 2, rear + 2)
    ]
    rails += both(
        box((inner - 1, inner + 2), (f.seat - 16, f.seat - 10), (rear, front), material=1)
    )
    parts = [*posts, *rails]
    edges = np.linspace(-inner, inner, seats + 1)
    thick, lean = dice.between(8, 16), dice.between(8, 28)
    hinge = (0, f.seat, -z + 14)
    for a, b in zip(edges[:-1], edges[1:]):
        parts.append(
            box((a + 0.5, b - 0.5), (f.seat - thick, f.seat), (-z + 12, front + 2), 3, 3).turned(
                "x", dice.between(2, 7)
            )
        )
        pad = box((a + 0.5, b - 0.5), (f.seat - 4, f.total), (-z + 12, -z + 12 + thick), 3, 3)
        parts.append(pad.turned("x", -lean, hinge))
    slats = [
        box((at - 1.5, at + 1.5), (f.seat - 12, f.total - 5), (-z + 9, -z + 12), material=1)
        for at in np.linspace(-inner + 3, inner - 3, 4 * seats)
    ]
    return [*parts, *(slat.turned("x", -lean, hinge) for slat in slats)]


def _tubular(dice: Dice, f: _Frame) -> List[Part]:
    """Seat and back in a frame of bent tube, a cantilever or a loop."""
    x, z, r = f.width / 2 * 0.85, f.depth / 2, dice.between(1, 2)
    rest = f.seat + dice.between(14, 24)
    rear = -z + dice.between(0, 12)
    loop = [
        (x, rest, rear),
        (x, rest, z - 4),
        (x, rest - 5, z),
        (x, 5, z),
        (x, r, z - 5),
        (x, r, -z),
    ]
    if dice.chance(0.5):
        loop += [(x, rest, rear)]
    parts = both(*tube(loop, r, 1))
    for at in (-z, z - 5):
        parts.append(rod((-x, r, at), (x, r, at), r, material=1))
    thick, lean, tilt = dice.between(2, 12), dice.between(12, 32), dice.between(2, 12)
    soft = min(thick * 0.45, 3)
    parts.append(
        box((-x, x), (f.seat - thick, f.seat), (-z + 10, z - 2), soft, 0).turned("x", tilt)
    )
    parts.append(
        box((-x, x), (f.seat - 5, f.total), (-z + 10, -z + 10 + thick), soft, 0).turned(
            "x", -lean, (0, f.seat, -z + 12)
        )
    )
    if dice.chance(0.7):
        parts += both(box((x - 3, x + 3), (rest, rest + 3), (rear, z - 6), 1.4, 2))
    return parts


def _barrel(dice: Dice, f: _Frame) -> List[Part]:
    """Back and arms in one upholstered curve around a cushion."""
    x, z = f.width / 2, f.depth / 2
    thick = dice.between(5, 20)
    foot = dice.pick(0.0, f.foot, dice.between(12, 26))
    base = foot if dice.chance(0.7) else f.seat - 10
    reach = dice.between(90, 140)
    drop = max(0.0, f.total - f.rest) * dice.pick(0.0, 1.0, 1.0)
    round_plan = dice.pick(2.0, 2.5, 3.5, 6.0)
    wall = shell(
        (x, z),
        thick,
        (base, f.total),
        reach,
        drop,
        dice.between(-0.05, 0.25),
        dice.pick(1.0, 2.0, 4.0),
        round_plan,
    )
    flat = dice.pick(2.2, 3.0, 6.0)
    body = cushion(
        (-x + thick * 0.5, x - thick * 0.5), (base, f.seat + 6), (-z + thick * 0.5, z), flat, 8
    )
    pad = cushion(
        (-x + thick, x - thick),
        (f.seat - 10, f.seat + dice.between(2, 8)),
        (-z + thick, z + dice.between(-3, 5)),
        flat,
        3,
        3,
    )
    parts = [wall, body, pad]
    if dice.chance(0.3):
        parts.append(
            cushion(
                (-x * 0.6, x * 0.6),
                (f.seat, f.total - 4),
                (-z + thick * 0.6, -z + thick + 12),
                3,
                2.5,
                3,
            )
        )
    if foot > 0:
        stand = dice.pick("legs", "feet", "star", "pedestal")
        if stand == "legs":
            parts += legs.four_legs(
                dice, f.width * 0.75, f.depth * 0.75, base + 3, dice.between(2, 4)
            )
        elif stand == "feet":
            parts += legs.short_feet(dice, f.width * 0.75, f.depth * 0.75, base + 2)
        elif stand == "star":
            parts += legs.star(dice, base + 4, x * 0.7)
        else:
            parts.append(lathe([(0, x * 0.55), (3, x * 0.5), (4, 4), (base + 4, 4)], material=1))
    return parts
