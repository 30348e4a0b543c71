"""Soft seats: wing chairs, Chesterfields, curved sofas, settees, chaises, bean bags."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import shell, side_panel
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.catalogue.side_chairs import cabriole, slender_legs
from local_space.training.parts import Part, both, box, cushion, lathe, rod


def wing_chair(dice: Dice) -> Piece:
    """A high back between wings that flow into rolled arms; the seat cushion lies between them."""
    width, depth = dice.between(66, 88), dice.between(70, 90)
    foot, seat, total = dice.between(10, 22), dice.between(42, 50), dice.between(95, 122)
    x, z = width / 2, depth / 2
    arm = dice.between(8, 14)
    rest = seat + dice.between(12, 20)
    inner = x - arm
    thick = dice.between(12, 18)
    front, deep = z - dice.between(4, 14), dice.between(16, 32)
    parts = [box((-x + 2, x - 2), (foot, seat - 10), (-z + 4, z - 1), 2)]
    pad = box((-inner + 0.6, inner - 0.6), (seat - 10, seat + 3), (-z + thick, z + 2), 4, 3)
    back = [box((-inner - 4, inner + 4), (foot + 4, total), (-z, -z + thick), thick * 0.4)]
    if dice.chance(0.5):
        hump = cushion((-inner - 4, inner + 4), (total - 12, total + 6), (-z, -z + thick), 4, 2.5)
        back.append(hump)
    bottom = total - dice.between(2, 10)
    edge = [(-z + 2, rest - 6), (-z + 2, bottom), (-z + thick + deep * 0.6, bottom - 3)]
    edge += [(-z + thick + deep, (rest + bottom) / 2), (-z + thick + deep * 0.7, rest - 6)]
    back += both(side_panel(np.array(edge), (inner - 1, x - arm * 0.2)))
    lean = dice.between(3, 12)
    parts += [pad, *(part.turned("x", -lean, (0, seat - 8, -z + thick / 2)) for part in back)]
    roll = arm * dice.between(0.5, 0.62)
    parts += both(
        box((inner, x - 1), (foot, rest - roll), (-z + 4, front), 1.5),
        rod((x - arm / 2, rest - roll, -z + 4), (x - arm / 2, rest - roll, front + 1), roll),
    )
    for side in (-1, 1):
        if dice.chance(0.3):
            parts += both(*cabriole(dice, x - 7, side * (z - 7), foot + 2, side))
        else:
            ends = (x - 6, 0, side * (z - 6)), (x - 8, foot + 2, side * (z - 8))
            parts += both(rod(*ends, dice.between(1.2, 2), 2.6, 1))
    return Piece("armchair", parts)


def chesterfield(dice: Dice) -> Piece:
    """Rolled arms as high as the rolled back, tufted; one to three seat cushions."""
    seats = dice.pick(1, 2, 2, 3, 3)
    width, depth = seats * dice.between(58, 72) + 40, dice.between(78, 98)
    foot, seat = dice.between(4, 12), dice.between(40, 47)
    total = seat + dice.between(22, 36)
    x, z = width / 2, depth / 2
    arm = dice.between(15, 22)
    r = arm * dice.between(0.42, 0.6)
    inner = x - arm
    parts = [box((-x + 3, x - 3), (foot, seat - 11), (-z + 3, z - 3), 2)]
    parts += legs.short_feet(dice, width - 6, depth - 6, foot + 1)
    edges = np.linspace(-inner, inner, seats + 1)
    for a, b in zip(edges[:-1], edges[1:]):
        parts.append(box((a + 0.5, b - 0.5), (seat - 12, seat + 2), (-z + arm, z), 4, 3))
    parts.append(box((-x + 3, x - 3), (foot, total - r), (-z + 2, -z + arm), 3))
    parts.append(rod((-x + arm * 0.4, total - r, -z + r), (x - arm * 0.4, total - r, -z + r), r))
    high = total - dice.pick(0.0, 0.0, dice.between(4, 14))
    parts += both(
        box((inner, x - 3), (foot, high - r), (-z + 3, z - 3), 2),
        rod((x - r, high - r, -z + r), (x - r, high - r, z - 2), r),
    )
    if dice.chance(0.6):
        for level in (0.3, 0.7):
            at = seat + level * (total - r - seat)
            across = np.linspace(-inner, inner, 3 * seats + 1 + (level < 0.5))
            for a, b in zip(across[:-1], across[1:]):
                tuft = (at - 8, at + 8), (-z + arm - 4, -z + arm + 3)
                parts.append(cushion((a, b), *tuft, 2.5, 2.5))
    return Piece("sofa" if seats > 1 else "armchair", parts)


def curved_sofa(dice: Dice) -> Piece:
    """A back of one round curve that becomes the arms, around a curved seat."""
    width, depth = dice.between(130, 230), dice.between(78, 105)
    foot = dice.pick(dice.between(3, 7), dice.between(10, 18))
    seat = dice.between(38, 46)
    total, thick = seat + dice.between(22, 42), dice.between(11, 20)
    x, z = width / 2, depth / 2
    sharp = dice.pick(2.0, 2.5, 3.0, 4.0)
    drop = dice.pick(0.0, dice.between(0.2, 0.7)) * (total - seat)
    wall = shell(
        (x, z), thick, (foot, total), dice.between(88, 112), drop, dice.between(0, 0.08),
        dice.pick(2.0, 4.0), sharp,
    )  # fmt: skip
    flat = max(2.4, sharp)
    body = cushion((-x + 3, x - 3), (foot, seat - 4), (-z + 3, z - 2), flat, 6)
    parts = [wall, body]
    seats = dice.count(1, 3)
    inner = x * (1 - thick / z * 0.9)
    edges = np.linspace(-inner, inner, seats + 1)
    for a, b in zip(edges[:-1], edges[1:]):
        span, top = (a + 0.5, b - 0.5), (seat - 11, seat + 4)
        depths = (-z + thick * 0.8, z + dice.between(0, 3))
        round_off = dice.between(3, 6) if seats == 1 else 8.0
        parts.append(cushion(span, top, depths, round_off, 6, 3))
    if dice.chance(0.4):
        parts += legs.short_feet(dice, width * 0.72, depth * 0.7, foot + 3)
    else:
        parts += slender_legs(dice, width * 0.85, depth * 0.85, foot + 5)
    return Piece("sofa", parts)


def settee(dice: Dice) -> Piece:
    """A slim bench seat with one cushion, a low back with a gap below, and exposed legs."""
    seats = dice.count(1, 3)
    width, depth = seats * dice.between(56, 66) + 12, dice.between(68, 84)
    seat, total = dice.between(38, 45), dice.between(70, 86)
    x, z = width / 2, depth / 2
    t = dice.between(1.4, 2.4)
    under, pad = seat - dice.between(10, 15), dice.between(8, 14)
    parts = [box((-x, x), (under, under + 4), (-z, z), 1, 1)]
    cuts = np.linspace(-x + 1, x - 1, (seats if dice.chance(0.6) else 1) + 1)
    lean = dice.between(8, 20)
    behind = -z + 3
    back: List[Part] = []
    high = seat + dice.pick(0.0, dice.between(2, 10))
    for a, b in zip(cuts[:-1], cuts[1:]):
        span = (a + 0.6, b - 0.6)
        parts.append(box(span, (under + 3, seat + 1), (-z + 4, z + 1), 3, 3))
        back.append(box(span, (high, total), (behind - 1, behind - 1 + pad), 3, 3))
    posts = np.linspace(-x + 6, x - 6, seats + 1)
    back += [rod((a, under + 1, behind), (a, total - 6, behind), t, material=1) for a in posts]
    parts += [part.turned("x", -lean, (0, under + 2, behind)) for part in back]
    parts += slender_legs(dice, width * 1.2, depth * 1.1, under + 2)
    if dice.chance(0.65):
        rest = seat + dice.between(12, 20)
        parts += both(
            rod((x, under + 2, z - 5), (x, rest, z - 7), t, material=1),
            rod((x, under + 2, -z + 8), (x, rest, -z + 4), t, material=1),
            box((x - 3, x + 3), (rest - 1, rest + 2), (-z - 4, z - 2), 1.2, 1),
            rod((x - 1.5, under + 2, z - 5), (x, under + 2, z - 5), t, material=1),
        )
    return Piece("sofa" if seats > 1 else "armchair", parts)


def chaise(dice: Dice) -> Piece:
    """A long seat with a raised end, and half a back along one side now and then."""
    width, depth = dice.between(140, 190), dice.between(60, 80)
    foot, seat = dice.between(8, 22), dice.between(36, 46)
    x, z = width / 2, depth / 2
    rise = dice.between(25, 45)
    parts = [
        box((-x, x), (foot, seat - 8), (-z, z), 2, dice.pick(0, 1)),
        box((-x + 1, x - 1), (seat - 9, seat + 3), (-z + 1, z - 1), dice.between(3, 5), 3),
    ]
    end = box((-x, -x + dice.between(9, 18)), (foot + 2, seat + rise), (-z, z), 4)
    parts.append(end.turned("z", dice.between(0, 18), (-x + 6, foot + 4, 0)))
    if dice.chance(0.5):
        r = dice.between(6, 10)
        parts.append(rod((-x + r + 14, seat + r, -z + 2), (-x + r + 14, seat + r, z - 2), r, 0, 3))
    if dice.chance(0.6):
        long, thick = width * dice.between(0.4, 0.95), dice.between(8, 15)
        back = box((-x, -x + long), (foot, seat + rise * 0.9), (-z, -z + thick), 3)
        parts.append(back)
    parts += slender_legs(dice, width * 1.2, depth * 1.1, foot + 3)
    return Piece("sofa", [part.mirrored() for part in parts] if dice.chance(0.5) else parts)


def bean_bag(dice: Dice) -> Piece:
    """A low slack puff whose rear part stands up as a back."""
    size, seat = dice.between(70, 105), dice.between(28, 42)
    total = seat + dice.between(22, 50)
    r = size / 2
    slack, thick = dice.between(0.85, 1.0), r * dice.between(0.8, 1.1)
    angle = np.linspace(0, np.pi, 13)
    # A drop that has settled: widest low down, its top closed.
    radii = r * np.clip(np.sin(angle * 0.94 + 0.18), 0.05, 1) ** dice.between(0.35, 0.6)
    levels = seat * (1 - np.cos(angle)) / 2
    low = lathe(list(zip(levels, radii)), oval=slack)
    wide = r * dice.between(0.75, 0.95)
    back = cushion((-wide, wide), (seat * 0.1, total), (-thick / 2, thick / 2), 2.5, 2.4)
    tilted = back.turned("x", -dice.between(4, 16)).moved(z=-r * slack + thick * 0.55)
    return Piece("armchair", [low, tilted])
