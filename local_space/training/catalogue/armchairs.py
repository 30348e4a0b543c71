"""Armchairs: upholstered ones, and cushions in a wooden frame, a bent tube or a round wall."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import shell
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.catalogue.upholstery import Frame, frame_of, upholstered
from local_space.training.parts import Part, both, box, cushion, lathe, rod, tube


def armchair(dice: Dice) -> Piece:
    style = dice.pick(
        "block", "block", "block", "rolled", "wing", "wooden", "tube", "barrel", "barrel"
    )
    frame = frame_of(dice, dice.between(62, 108))
    if style == "wooden":
        return Piece("armchair", wooden(dice, frame))
    if style == "tube":
        return Piece("armchair", _tubular(dice, frame))
    if style == "barrel":
        return Piece("armchair", _barrel(dice, frame))
    return Piece("armchair", upholstered(dice, frame, 1, style))


def wooden(dice: Dice, f: Frame, seats: int = 1) -> List[Part]:
    """Cushions on an open wooden frame."""
    x, z = f.width / 2, f.depth / 2
    t = dice.between(1.8, 3.5)
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


def _tubular(dice: Dice, f: Frame) -> List[Part]:
    """Seat and back in a frame of bent tube, a cantilever or a loop."""
    x, z = f.width / 2 * 0.85, f.depth / 2
    r = dice.between(1, 2)
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


def _barrel(dice: Dice, f: Frame) -> List[Part]:
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
