"""Cabinets, chests, dressers, wardrobes, fridges, shelves, bookcases, TV stands, bedside tables."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import panel
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.catalogue.tables import fronts
from local_space.training.parts import Part, both, box


def cabinet(dice: Dice) -> Piece:
    """A closed body with doors or drawers: low or high, a wardrobe, a fridge, a bedside table."""
    sort = dice.pick(
        "bedside", "low", "low", "chest", "wardrobe", "wardrobe", "fridge", "filing", "slim"
    )
    width, height, depth = {
        "bedside": (dice.between(32, 60), dice.between(38, 70), dice.between(30, 52)),
        "low": (dice.between(80, 200), dice.between(45, 95), dice.between(32, 60)),
        "chest": (dice.between(70, 170), dice.between(70, 125), dice.between(38, 60)),
        "wardrobe": (dice.between(70, 260), dice.between(165, 235), dice.between(45, 70)),
        "fridge": (dice.between(50, 100), dice.between(85, 190), dice.between(52, 80)),
        "filing": (dice.between(35, 60), dice.between(55, 140), dice.between(40, 70)),
        "slim": (dice.between(30, 60), dice.between(120, 210), dice.between(25, 50)),
    }[sort]
    foot = (
        dice.pick(0.0, 0.0, dice.between(3, 10), dice.between(8, 22))
        if sort != "fridge"
        else dice.between(0, 4)
    )
    x, z = width / 2, depth / 2
    rounding = dice.between(1, 4) if sort == "fridge" else dice.pick(0.0, 0.0, dice.between(0, 2))
    parts = [box((-x, x), (foot, height), (-z, z), rounding)]
    rows, columns = {
        "bedside": (dice.count(1, 3), 1),
        "low": (dice.count(1, 3), dice.count(2, 4)),
        "chest": (dice.count(3, 6), dice.count(1, 3)),
        "wardrobe": (1, dice.count(1, 5)),
        "fridge": (dice.count(1, 2), dice.pick(1, 1, 2)),
        "filing": (dice.count(2, 4), 1),
        "slim": (dice.count(1, 3), dice.count(1, 2)),
    }[sort]
    rim = dice.pick(0.0, dice.between(1, 5))
    parts += fronts(dice, (-x + rim, x - rim), (foot + rim, height - rim), z, rows, columns)
    if foot:
        if dice.chance(0.5):
            parts += legs.four_legs(dice, width, depth, foot + 2, dice.between(2.5, 7), 2)
        else:
            parts += legs.short_feet(dice, width, depth, foot + 1)
    if sort != "fridge" and dice.chance(0.4):
        out, thick = dice.between(0.5, 5), dice.between(1.5, 5)
        parts.append(
            box(
                (-x - out, x + out),
                (height, height + thick),
                (-z - 0.1, z + out),
                material=dice.pick(0, 1),
            )
        )
    if sort != "fridge" and dice.chance(0.15):
        turn = np.linspace(0, np.pi, 13)
        rise = dice.between(4, 14)
        outline = np.column_stack([np.cos(turn) * x * 0.98, height - 1 + np.sin(turn) * rise])
        parts.append(panel(outline, (-z, -z + 3)))
    if sort in ("bedside", "low") and dice.chance(0.25):
        parts = _with_open_part(dice, width, height, depth, foot)
    return Piece("cabinet", parts)


def _with_open_part(
    dice: Dice, width: float, height: float, depth: float, foot: float
) -> List[Part]:
    """A body of boards, some of its compartments open, as of a TV stand."""
    x, z, t = width / 2, depth / 2, dice.between(1.5, 3.5)
    parts = [box((-x, x), (a, a + t), (-z, z)) for a in (foot, height - t)]
    columns, rows = (dice.count(2, 4) if width > 75 else 1), dice.count(1, 3)
    xs, ys = np.linspace(-x, x - t, columns + 1), np.linspace(foot, height - t, rows + 1)
    parts += [box((a, a + t), (foot, height), (-z, z)) for a in xs]
    parts.append(box((-x, x), (foot, height), (-z, -z + 1)))
    closed = 0
    for i, a in enumerate(xs[:-1]):
        for j, b in enumerate(ys[:-1]):
            cell = (a, xs[i + 1] + t), (b, ys[j + 1] + t)
            parts.append(box(cell[0], (b, b + t), (-z, z)))
            if dice.chance(0.5) or (closed == 0 and i == columns - 1):
                closed += 1
                parts.append(box(*cell, (-z, z - 1)))
                parts += fronts(dice, *cell, z - 1, 1, 1)
    return parts + (legs.short_feet(dice, width, depth, foot + 1) if foot else [])


def tv_stand(dice: Dice) -> Piece:
    width, height, depth = dice.between(90, 220), dice.between(32, 65), dice.between(32, 55)
    return Piece(
        "cabinet", _with_open_part(dice, width, height, depth, dice.pick(0.0, dice.between(3, 18)))
    )


def shelf(dice: Dice) -> Piece:
    """A bookcase or shelf: open compartments, with or without a back, doors below, books."""
    width, height, depth = dice.between(35, 200), dice.between(60, 225), dice.between(20, 50)
    x, z, t = width / 2, depth / 2, dice.between(1.5, 4)
    foot = dice.pick(0.0, 0.0, dice.between(3, 12))
    rows, columns = (
        max(1, round((height - foot) / dice.between(24, 50))),
        max(1, round(width / dice.between(35, 90))),
    )
    sides = dice.pick("boards", "boards", "boards", "posts")
    ys = np.linspace(foot, height - t, rows + 1)
    if dice.chance(0.4):
        ys[1:-1] += np.array([dice.between(-0.25, 0.25) for _ in ys[1:-1]]) * (height - foot) / rows
    parts = [box((-x, x), (a, a + t), (-z, z)) for a in ys]
    if sides == "boards":
        parts += both(box((x - t, x), (0 if dice.chance(0.7) else foot, height), (-z, z)))
    else:
        parts += both(*(box((x - t, x), (0, height), (a, a + t), material=1) for a in (-z, z - t)))
    for a in np.linspace(-x, x - t, columns + 1)[1:-1]:
        for low, high in zip(ys[:-1], ys[1:]):
            if dice.chance(0.85):
                shift = dice.pick(0.0, 0.0, dice.between(-0.2, 0.2) * width / columns)
                parts.append(box((a + shift, a + shift + t), (low, high), (-z, z)))
    has_back = sides == "boards" and dice.chance(0.75)
    if has_back:
        parts.append(box((-x, x), (foot, height), (-z, -z + 1.2), material=dice.pick(0, 0, 1)))
    if dice.chance(0.3) and rows > 2:
        high = float(ys[dice.count(1, max(1, rows // 2))])
        parts.append(box((-x, x), (foot, high), (-z, z - 0.5)))
        parts += fronts(dice, (-x, x), (foot, high), z - 0.5, 1, max(1, round(width / 45)))
    if dice.chance(0.3):
        parts += _books(dice, x - t, ys, z)
    if foot and dice.chance(0.5):
        parts += legs.short_feet(dice, width, depth, foot + 1)
    elif foot:
        parts.append(box((-x, x), (0, foot), (-z, z - 3)))
    if dice.chance(0.2):
        parts.append(box((-x - 3, x + 3), (height, height + 4), (-z, z + 3)))
    return Piece("shelf", parts)


def _books(dice: Dice, x: float, ys: np.ndarray, z: float) -> List[Part]:
    parts: List[Part] = []
    for low, high in zip(ys[:-1], ys[1:]):
        at, end = -x, x * dice.between(-0.5, 1)
        while at < end:
            wide = dice.between(3, 14)
            tall = (high - low) * dice.between(0.5, 0.85)
            parts.append(
                box(
                    (at, at + wide - 0.4),
                    (low, low + tall),
                    (-z + 1, z - dice.between(1, 8)),
                    material=dice.count(2, 5),
                )
            )
            at += wide
    return parts
