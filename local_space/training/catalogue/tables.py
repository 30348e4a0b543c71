"""Tables of all heights, on legs, columns, boards and frames, under cloths; desks."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import slab
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.catalogue.storage import fronts
from local_space.training.parts import Part, Span, both, box, lathe, rod, tapered, tube


def table(dice: Dice) -> Piece:
    """A dining, coffee or side table on legs, a column, trestles, side boards or a frame."""
    low = dice.chance(0.4)
    height = dice.between(28, 55) if low else dice.between(65, 80)
    width = dice.between(45, 140) if low else dice.between(60, 220)
    depth = min(width, dice.between(40, 100)) * dice.pick(1.0, 1.0, dice.between(0.6, 1.0))
    thick = dice.between(1.2, 6)
    base = dice.pick("legs", "legs", "legs", "pedestal", "trestle", "boards", "frame", "columns")
    shape = dice.pick("rectangle", "rectangle", "round", "oval", "rounded")
    if base in ("pedestal",) and dice.chance(0.8):
        shape, width = "round", min(width, 130)
    if shape == "round":
        depth = width = min(width, 150)
    parts = [_top(dice, shape, width, depth, (height - thick, height))]
    share = dice.between(0.62, 0.7) if shape in ("round", "oval") else dice.between(0.82, 1.0)
    parts += _base(dice, base, width * share, depth * share, height - thick * 0.5)
    if low and base in ("legs", "frame") and dice.chance(0.4):
        level = height * dice.between(0.15, 0.45)
        parts.append(
            _top(
                dice,
                shape if shape != "round" else "rectangle",
                width * share * 0.95,
                depth * share * 0.95,
                (level, level + 2),
            )
        )
    return Piece("table", parts)


def rim_leg_table(dice: Dice) -> Piece:
    """A round, oval or soft-cornered top on three or four thin legs near its rim."""
    low = dice.chance(0.6)
    height = dice.between(34, 58) if low else dice.between(70, 78)
    x = (dice.between(36, 110) if low else dice.between(75, 190)) / 2
    feet, sharp = dice.pick(3, 4, 4), dice.pick(2.0, 2.0, 2.0, 3.0, 6.0)
    z = x * (1.0 if feet == 3 else dice.pick(1.0, 1.0, dice.between(0.5, 0.9)))
    thick, inset = dice.between(1.3, 4), dice.between(0.62, 0.88)
    parts = [_plate(x, z, sharp, (height - thick, height))]
    splay = dice.pick(1.0, dice.between(1.0, 1.3))
    r = dice.between(0.9, 2.6)
    foot = max(0.7, r * dice.pick(1.0, dice.between(0.5, 0.9)))
    first = 90.0 if feet == 3 else 45.0
    level = dice.between(0.25, 0.6)
    heads = []
    for angle in np.radians(first + 360 / feet * np.arange(feet)):
        at = np.array([np.cos(angle) * x, 0, np.sin(angle) * z]) * inset
        parts.append(rod(at * splay, at + np.array([0, height - thick * 0.5, 0]), foot, r, 1))
        heads.append(at * (splay + level * (1 - splay)) + [0, level * height, 0])
    if dice.chance(0.35):
        share = inset * (splay + level * (1 - splay)) + 0.02
        tray = _plate(x * share, z * share, 2.0, (level * height - 1, level * height + 1))
        # A square of legs touches a round tray only at its rim.
        parts.append(tray)
    elif dice.chance(0.25):
        parts += [rod(a, (0, level * height, 0), 0.8, material=1) for a in heads]
    if dice.chance(0.2):
        rim = _plate(x, z, sharp, (height - dice.between(4, 9), height - thick * 0.5))
        parts.append(rim)
    return Piece("table", parts)


def frame_table(dice: Dice) -> Piece:
    """A plate in an open frame of thin bars, with a shelf, crossed sides or a bar below."""
    height, x = dice.between(36, 52), dice.between(40, 130) / 2
    z = min(x, dice.between(35, 75) / 2) * dice.pick(1.0, 1.0, 0.8)
    t = dice.between(1.3, 3)
    if dice.chance(0.2):
        height, x, z = dice.between(72, 80), dice.between(90, 150) / 2, dice.between(18, 24)
    over = dice.pick(-0.2, dice.between(0, 4))
    thick = dice.between(1.3, 4)
    parts = [box((-x - over, x + over), (height - thick, height), (-z - over, z + over))]
    top = height - thick + 0.2
    low = dice.pick(0.0, 0.0, dice.between(5, 15))
    for at in (-z, z - t):
        parts += both(box((x - t, x), (0, top), (at, at + t), material=1))
        parts.append(box((-x, x), (top - t, top), (at, at + t), material=1))
    parts += both(box((x - t, x), (top - t, top), (-z, z), material=1))
    style = dice.pick("shelf", "shelf", "cross", "ring", "plain")
    if style == "shelf":
        level = max(low, dice.between(0.1, 0.45) * height)
        parts.append(
            box((-x, x), (level, level + dice.between(1.3, 3)), (-z, z), 0, dice.pick(0, 2))
        )
    elif style == "cross":
        for front in (z - t, -z + t):
            feet, head = (x - t / 2, 0.7, front), (x - t / 2, top - 0.7, -front)
            parts += both(rod(feet, head, max(0.7, t * 0.4), material=1))
    elif style == "ring":
        parts += both(box((x - t, x), (low, low + t), (-z, z), material=1))
        for at in (-z, z - t):
            parts.append(box((-x, x), (low, low + t), (at, at + t), material=1))
    return Piece("table", parts)


def flared_table(dice: Dice) -> Piece:
    """A top on a column that flares into the floor and below the top, or on three bent feet."""
    low = dice.chance(0.4)
    height = dice.between(42, 60) if low else dice.between(70, 110)
    x = dice.between(38, 80) / 2 if low else dice.between(55, 150) / 2
    z = x * dice.pick(1.0, 1.0, dice.between(0.55, 0.9))
    thick = dice.between(1.3, 4)
    column = dice.between(1.5, 5)
    sharp = dice.pick(2.0, 2.0, 4.0)
    parts = [_plate(x, z, sharp, (height - thick, height))]
    top = height - thick * 0.5
    foot = x * dice.between(0.45, 0.8)
    if dice.chance(0.6):
        levels = np.linspace(0, 1, 12)
        radii = column + (foot - column) * (1 - levels) ** dice.between(3, 8)
        radii = radii + dice.pick(0.0, 0.4, 0.7) * (foot - column) * levels ** dice.between(5, 12)
        profile = [(0.0, foot), *zip(levels * (top - 1.2) + 1.2, radii)]
        return Piece("table", [*parts, lathe(profile, oval=z / x, material=1)])
    joint = height * dice.between(0.2, 0.4)
    parts.append(lathe(_turned(dice, column, joint - 4, top), material=1))
    thin = dice.between(1.2, 2.5)
    feet = dice.pick(3, 4)
    for angle in np.radians(90 + 360 / feet * np.arange(feet)):
        out = np.array([np.cos(angle), 0, np.sin(angle) * z / x])
        bow = [(0.0, joint), (0.35, joint * 1.02), (0.75, joint * 0.45), (1.0, thin)]
        parts += tube([out * foot * a + [0, b, 0] for a, b in bow], thin, 1)
    return Piece("table", parts)


def side_table(dice: Dice) -> Piece:
    """A small top on a column at one side, or two or three tables that fit below each other."""
    x, z, height = dice.between(36, 60) / 2, dice.between(30, 50) / 2, dice.between(45, 65)
    t, thick = dice.between(1.3, 2.5), dice.between(1.3, 3)
    if dice.chance(0.4):
        parts = [box((-x, x), (height - thick, height), (-z, z), 0.4)]
        at = -x + dice.between(0, 6)
        for b in dice.pick((0.0,), (-z * 0.7, z * 0.7 - t)):
            parts.append(box((at, at + t), (0, height - 0.3), (b, b + t), material=1))
            parts.append(box((at, x * 0.9), (0, t), (b, b + t), material=1))
        parts.append(box((at, at + t), (0, t), (-z * 0.9, z * 0.9), material=1))
        return Piece("table", parts)
    parts = []
    out = dice.between(0.2, 0.9) * z
    plain = dice.chance(0.5)
    for k in range(dice.count(2, 3)):
        # Each next one touches the legs of the one before from inside.
        wide, top, shift = x * 1.4 - k * t, height - k * (thick + t + 1), k * out
        parts.append(box((-wide, wide), (top - thick, top), (-z + shift, z + shift)))
        for b in (-z + shift, z + shift - t):
            parts += both(box((wide - t, wide), (0, top - 0.3), (b, b + t), material=1))
        parts += both(
            box((wide - t, wide), (top - thick - t, top - thick + 0.2), (-z + shift, z + shift))
        )
        if plain:
            parts += both(box((wide - t, wide), (0, t), (-z + shift, z + shift), material=1))
    return Piece("table", parts)


def office_table(dice: Dice) -> Piece:
    """A slim top on two feet with a thin column each, in the middle (T) or at the rear (C)."""
    height, x, z = dice.between(68, 78), dice.between(100, 200) / 2, dice.between(60, 90) / 2
    if dice.chance(0.2):
        height = dice.between(95, 125)
    thick, inset = dice.between(1.8, 3.5), x * dice.between(0.6, 0.92)
    wide, deep, flat = dice.between(1.5, 4), dice.between(2, 5), dice.between(2, 5)
    column = dice.pick(0.0, -z * dice.between(0.3, 0.75))
    reach = z * dice.between(0.8, 0.98)
    top = height - thick + 0.3
    corner = dice.pick("square", "soft")
    plate = box((-x, x), (height - thick, height), (-z, z))
    parts = [plate if corner == "square" else _plate(x, z, 9.0, (height - thick, height))]
    parts += both(
        box((inset - wide * 1.2, inset + wide * 1.2), (0, flat), (-reach, reach), 0.8, 1),
        box((inset - wide, inset + wide), (0, top), (column - deep, column + deep), 0, 1),
        box((inset - wide, inset + wide), (top - 3, top), (-z * 0.85, z * 0.85), 0, 1),
    )
    if dice.chance(0.6):
        level = dice.pick(top - 3, dice.between(0.2, 0.6) * top)
        bar = (column - 1, column + 1)
        parts.append(box((-inset, inset), (level - 3, level + 2), bar, material=1))
    if dice.chance(0.25):
        screen = box((-x * 0.9, x * 0.9), (height - 25, height), (column - 3, column - 1))
        parts.append(screen)
    if dice.chance(0.25):
        parts.append(
            box((-x, x), (height - 1, height + dice.between(20, 45)), (-z - 1, -z + 1), 0.5, 3)
        )
    return Piece("table", parts)


def desk(dice: Dice) -> Piece:
    """A desk: a top between drawer blocks, side boards or legs, with a modesty panel or shelves."""
    width, depth, height = dice.between(90, 200), dice.between(45, 90), dice.between(68, 80)
    x, z = width / 2, depth / 2
    t = dice.between(1.5, 4)
    overhang = dice.pick(0.0, dice.between(0, 6))
    parts = [box((-x, x), (height - t, height), (-z, z))]
    x, z = x - overhang, z - overhang / 2
    for side in (1, -1):
        support: List[Part] = []
        style = dice.pick("block", "board", "legs", "block")
        if style == "block":
            wide = min(dice.between(30, 55), width * 0.4)
            foot = dice.pick(0.0, dice.between(3, 30))
            support.append(box((x - wide, x), (foot, height - t), (-z, z)))
            support += fronts(dice, (x - wide, x), (foot, height - t), z, dice.count(2, 4), 1)
            if foot:
                support += [
                    box((a, a + 4), (0, foot), (b, b + 4), material=2)
                    for a in (x - wide, x - 4)
                    for b in (-z, z - 4)
                ]
        elif style == "board":
            support.append(box((x - t, x), (0, height - t), (-z, z)))
        else:
            r = dice.between(1.5, 4)
            support += [
                box((x - 2 * r, x), (0, height - t), (b - r, b + r), material=1)
                for b in (-z + r, z - r)
            ]
            if dice.chance(0.4):
                support.append(box((x - 2 * r, x), (0, 2 * r), (-z - 2, z + 2), material=1))
        parts += support if side > 0 else [part.mirrored() for part in support]
    if dice.chance(0.6):
        low = height * dice.between(0.1, 0.7)
        at = dice.between(-z, 0)
        parts.append(box((-x, x), (low, height - t), (at, at + 2)))
    if dice.chance(0.3):
        parts += fronts(
            dice, (-x * 0.5, x * 0.5), (height - t - 12, height - t), z - 1, 1, dice.count(1, 2)
        )
        parts.append(box((-x * 0.6, x * 0.6), (height - t - 12, height - t), (-z, z - 1)))
    if dice.chance(0.15):
        rise = dice.between(20, 50)
        parts += both(box((x - 2, x), (height, height + rise), (-z, -z + 25)))
        parts.append(box((-x, x), (height + rise - 2, height + rise), (-z, -z + 25)))
    return Piece("table", parts)


def table_with_cloth(dice: Dice) -> Piece:
    height, width = dice.between(55, 80), dice.between(60, 170)
    hang = height * dice.between(0.25, 1.0)
    if dice.chance(0.6):
        r = min(width, 120) / 2
        cloth = lathe(
            [(height - hang, r * dice.between(1.0, 1.15)), (height - 2, r * 1.01), (height, r)],
            ripples=(dice.count(6, 14), dice.between(0.02, 0.1)),
        )
        oval = 1.0
    else:
        oval = dice.between(0.5, 1.0)
        cloth = tapered(
            ((0, height - hang, 0), width * 1.06, width * oval * 1.06),
            ((0, height, 0), width, width * oval),
        )
    parts = [cloth]
    if hang < height - 5:
        parts += legs.four_legs(
            dice, width * 0.65, width * 0.65 * oval, height - 5, dice.between(3, 8)
        )
    return Piece("table", parts)


def draped_table(dice: Dice) -> Piece:
    """A round or oval table under a cloth that falls to the floor in folds, and a second one."""
    height, r = dice.between(62, 80), dice.between(35, 85)
    oval = dice.pick(1.0, 1.0, dice.between(0.55, 0.9))
    folds = dice.count(8, 20)
    wide, swing = r * dice.between(1.03, 1.25), dice.between(0.03, 0.09)
    rim, neck = (height - 1.5, r * 1.01), (height * 0.75, r * 1.01 + (wide - r) * 0.15)
    cloth = lathe([(0, wide), (height * 0.4, r + (wide - r) * 0.5), neck, rim, (height, r * 0.98)],
                  oval=oval, ripples=(folds, swing))  # fmt: skip
    parts = [cloth]
    if dice.chance(0.4):
        hang = height * dice.between(0.15, 0.4)
        profile = [(height - hang, wide * 1.02), (height - 1, r * 1.04), (height + 0.8, r)]
        parts.append(lathe(profile, oval=oval, ripples=(folds, swing * 0.7), material=1))
    return Piece("table", parts)


def _top(dice: Dice, shape: str, width: float, depth: float, y: Span) -> Part:
    if shape == "round":
        return lathe([(y[0], width / 2 * dice.between(0.95, 1.0)), (y[1], width / 2)])
    if shape == "rectangle":
        return box((-width / 2, width / 2), y, (-depth / 2, depth / 2))
    turn = np.linspace(0, 2 * np.pi, 33)[:-1]
    sharp = 2.0 if shape == "oval" else dice.between(3, 9)
    r = (np.abs(np.cos(turn)) ** sharp + np.abs(np.sin(turn)) ** sharp) ** (-1 / sharp)
    return slab(np.column_stack([width / 2 * r * np.cos(turn), depth / 2 * r * np.sin(turn)]), y)


def _plate(x: float, z: float, sharp: float, y: Span) -> Part:
    """A plate whose outline is a superellipse."""
    turn = np.linspace(0, 2 * np.pi, 41)[:-1]
    r = (np.abs(np.cos(turn)) ** sharp + np.abs(np.sin(turn)) ** sharp) ** (-1 / sharp)
    return slab(np.column_stack([x * r * np.cos(turn), z * r * np.sin(turn)]), y)


def _base(dice: Dice, base: str, width: float, depth: float, top: float) -> List[Part]:
    x, z = width / 2, depth / 2
    t = dice.between(1.5, 5)
    if base == "legs":
        thick = dice.between(2, 9)
        parts = legs.four_legs(dice, width, depth, top, thick)
        if dice.chance(0.5):
            apron = top - dice.between(5, 14)
            inner = thick * 0.8
            parts += [
                box((-x + inner, x - inner), (apron, top), (at - 1, at + 1), material=1)
                for at in (-z + inner, z - inner)
            ]
            parts += both(
                box(
                    (x - inner - 1, x - inner + 1),
                    (apron, top),
                    (-z + inner, z - inner),
                    material=1,
                )
            )
        if dice.chance(0.2):
            parts += legs.stretchers(dice, width, depth, top * dice.between(0.1, 0.3), thick)
        return parts
    if base == "pedestal":
        return (
            legs.pedestal(dice, top, min(x, z) * dice.between(0.5, 1.0))
            if dice.chance(0.7)
            else legs.star(dice, top, min(x, z) * 0.8)
        )
    if base == "trestle":
        inset, spread = dice.between(0.05, 0.25) * width, dice.between(0.3, 0.9) * z
        parts = both(
            *(
                rod((x - inset, 0, s * z * 0.9), (x - inset, top, s * spread * 0.3), t, material=1)
                for s in (1, -1)
            )
        )
        return [
            *parts,
            box(
                (-x + inset, x - inset), (top * 0.3, top * 0.3 + 2 * t), (-t / 2, t / 2), material=1
            ),
        ]
    if base == "boards":
        inset = dice.pick(0.0, dice.between(0, 0.2) * width)
        parts = both(box((x - inset - t, x - inset), (0, top), (-z, z)))
        if dice.chance(0.6):
            level = top * dice.between(0.2, 0.5)
            parts.append(box((-x + inset, x - inset), (level, level + 2), (-z, z)))
        return parts
    if base == "frame":
        parts = both(*(box((x - t, x), (0, top), (at, at + t), material=1) for at in (-z, z - t)))
        for level in (0.0, top - t):
            if level or dice.chance(0.6):
                parts += both(box((x - t, x), (level, level + t), (-z, z), material=1))
                if dice.chance(0.7):
                    parts += [
                        box((-x, x), (level, level + t), (at, at + t), material=1)
                        for at in (-z, z - t)
                    ]
        return parts
    foot = z * dice.between(0.5, 0.9)
    column = both(box((x * 0.7 - t, x * 0.7 + t), (0, top), (-t, t), material=1))
    return column + both(
        box((x * 0.7 - t, x * 0.7 + t), (0, 2 * t), (-foot, foot), dice.between(0, t), 1)
    )


def _turned(dice: Dice, radius: float, low: float, high: float) -> List[Span]:
    """A turned column's (height, radius) pairs."""
    levels = np.linspace(low, high, 11)
    radii = radius * np.array([1.2, 1.3, *(dice.between(0.6, 1.5) for _ in range(8)), 1.2])
    return list(zip(levels, radii))
