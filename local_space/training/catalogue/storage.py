"""Cabinets, wardrobes, fridges, shelves, TV stands, sideboards, trunks; closed and open."""

from __future__ import annotations

from typing import List, Tuple

import numpy as np

from local_space.training.boards import panel, side_panel
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.catalogue.side_chairs import slender_legs
from local_space.training.parts import Part, Span, both, box, rod

# From left to right, from the floor up.
Cell = Tuple[Span, Span]


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


def half_door_cabinet(dice: Dice) -> Piece:
    """Doors or drawers in one half, open compartments in the other."""
    width, height, depth = dice.between(55, 140), dice.between(110, 215), dice.between(30, 48)
    x, z = width / 2, depth / 2
    t = dice.between(1.6, 3)
    foot = dice.pick(0.0, dice.between(3, 16))
    share = dice.between(0.3, 0.6)
    parts = _carcass(x, z, (foot, height), t)
    parts.append(box((-x, x), (foot, height), (-z, -z + 1.3)))
    if dice.chance(0.75):
        middle = foot + share * (height - foot)
        shut: Cell = ((-x, x), (foot, middle))
        free: Cell = ((-x + t, x - t), (middle, height - t / 2))
        if dice.chance(0.15):
            shut, free = ((-x, x), (middle, height)), ((-x + t, x - t), (foot + t / 2, middle))
    else:
        shut, free = ((-x, x * 0.1), (foot, height)), ((x * 0.1, x - t), (foot + t, height - t))
    rows = dice.pick(1, 1, 3)
    columns = max(1, round((shut[0][1] - shut[0][0]) / 48))
    parts.append(box(*shut, (-z, z - 0.8)))
    parts += fronts(dice, *shut, z - 0.8, rows, columns)
    set_back = dice.pick(0.0, 0.0, dice.between(3, 10))
    for level in np.linspace(*free[1], dice.count(2, 5) + 1):
        parts.append(box(free[0], (level - t / 2, level + t / 2), (-z, z - set_back)))
    if width > 95 and dice.chance(0.6):
        parts.append(box((-t / 2, t / 2), free[1], (-z, z - set_back)))
    if foot:
        parts += legs.short_feet(dice, width, depth, foot + 1)
    return Piece(dice.pick("cabinet", "shelf"), parts)


def sideboard(dice: Dice) -> Piece:
    """A closed body with unequal fronts on thin legs."""
    width, depth = dice.between(90, 200), dice.between(34, 50)
    foot, tall = dice.between(12, 32), dice.between(38, 70)
    x, z = width / 2, depth / 2
    parts = [box((-x, x), (foot, foot + tall), (-z, z), dice.between(0, 1))]
    cuts = np.array([-x, *sorted(dice.between(-0.6, 0.6) * x for _ in range(dice.count(1, 3))), x])
    # Fronts narrower than 18 cm would be slits.
    cuts = cuts[np.append(np.diff(cuts) > 18, True)]
    cuts[0] = -x
    for a, b in zip(cuts[:-1], cuts[1:]):
        rows = dice.pick(1, 1, 2, 3, 4)
        parts += fronts(dice, (float(a), float(b)), (foot + 1, foot + tall - 1), z, rows, 1)
    if dice.chance(0.4):
        top = foot + tall
        parts.append(box((-x - 1.5, x + 1.5), (top - 0.5, top + 2), (-z, z + 2.5), material=1))
    return Piece("cabinet", parts + _stand(dice, width, depth, foot))


def tv_stand(dice: Dice) -> Piece:
    width, height, depth = dice.between(90, 220), dice.between(32, 65), dice.between(32, 55)
    return Piece(
        "cabinet", _with_open_part(dice, width, height, depth, dice.pick(0.0, dice.between(3, 18)))
    )


def media_unit(dice: Dice) -> Piece:
    """A low unit: closed blocks left and right, an open middle with a board."""
    width, height, depth = dice.between(100, 220), dice.between(34, 66), dice.between(34, 50)
    x, z = width / 2, depth / 2
    t = dice.between(1.6, 3.5)
    foot = dice.pick(0.0, dice.between(4, 20))
    parts = _carcass(x, z, (foot, height), t)
    inner = x * dice.between(0.25, 0.6)
    sides = dice.pick((1,), (1, -1), (1, -1))
    for side in sides:
        span = (inner, x) if side > 0 else (-x, -inner)
        parts.append(box(span, (foot, height), (-z, z - 0.6)))
        rows = dice.count(1, 3)
        parts += fronts(dice, span, (foot + 1, height - 1), z - 0.6, rows, 1)
    free = (-inner if -1 in sides else -x + t, inner)
    boards = dice.count(0, 2)
    for level in np.linspace(foot, height, boards + 2)[1:-1]:
        parts.append(box(free, (level - t / 2, level + t / 2), (-z, z - dice.between(0, 5))))
    if dice.chance(0.6):
        parts.append(box((-x, x), (foot, height), (-z, -z + 1.3)))
    return Piece("cabinet", parts + _stand(dice, width, depth, foot))


def trunk(dice: Dice) -> Piece:
    """A chest with a curved or flat lid, bands and a lock."""
    width, depth, height = dice.between(60, 125), dice.between(36, 60), dice.between(28, 45)
    x, z = width / 2, depth / 2
    foot, rise = dice.pick(0.0, 0.0, dice.between(3, 8)), dice.pick(0.0, dice.between(5, 22))
    parts = [box((-x, x), (foot, height), (-z, z), 0.3)]

    def lid(span: Span, out: float, material: int) -> Part:
        turn = np.linspace(0, np.pi, 13)
        arc = np.column_stack([np.cos(turn) * (z + out), height + np.sin(turn) * (rise + out)])
        return side_panel(
            np.concatenate([arc, [[-z - out, height - 5], [z + out, height - 5]]]), span, material
        )

    if rise:
        parts.append(lid((-x - 0.6, x + 0.6), 0.6, 0))
    else:
        parts.append(box((-x - 1, x + 1), (height - 4, height + 3), (-z - 1, z + 1), 1))
    for at in np.linspace(-x + 6, x - 6, dice.pick(0, 2, 2, 3)) if rise else ():
        parts.append(box((at - 2, at + 2), (foot, height), (-z - 1, z + 1.2), material=1))
        parts.append(lid((at - 2, at + 2), 1.4, 1))
    if dice.chance(0.6):
        parts.append(box((-4, 4), (height - 9, height + 1), (z - 1, z + 2), material=2))
    if dice.chance(0.5):
        parts += both(rod((x + 1, height - 10, -6), (x + 1, height - 10, 6), 1.4, material=2))
    if foot:
        parts += legs.short_feet(dice, width, depth, foot + 0.5)
    return Piece("cabinet", parts)


def shelf(dice: Dice) -> Piece:
    """A bookcase or shelf: open compartments, with or without a back, doors below, books."""
    width, height, depth = dice.between(35, 200), dice.between(60, 225), dice.between(20, 50)
    x, z = width / 2, depth / 2
    t = dice.between(1.5, 4)
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


def irregular_shelf(dice: Dice) -> Piece:
    """Compartments of unequal size, all open or some with doors, with or without a back."""
    width, height, depth = dice.between(50, 180), dice.between(60, 215), dice.between(22, 42)
    x, z = width / 2, depth / 2
    t = dice.between(1.4, 3.5)
    foot = dice.pick(0.0, 0.0, dice.between(4, 14))
    parts = _carcass(x, z, (foot, height), t)
    cells = _split(
        dice, ((-x + t / 2, x - t / 2), (foot + t / 2, height - t / 2)), dice.between(36, 75)
    )
    closed = dice.pick(0.0, 0.0, dice.between(0.1, 0.4))
    for cell in cells:
        parts += _walls(cell, z, t)
        if dice.chance(closed):
            parts += _closed(dice, cell, z)
    if dice.chance(0.55):
        parts.append(box((-x, x), (foot, height), (-z, -z + 1.3), material=dice.pick(0, 0, 1)))
    if foot:
        parts += legs.short_feet(dice, width, depth, foot + 1)
    return Piece("shelf", parts)


def fronts(dice: Dice, x: Span, y: Span, z: float, rows: int, columns: int) -> List[Part]:
    """Drawers or doors before the plane z, with their handles."""
    parts: List[Part] = []
    proud = dice.pick(0.3, 1.2, 2.0)
    gap = dice.between(0.4, 2.0)
    handle = dice.pick("none", "knob", "bar", "bar")
    xs, ys = np.linspace(x[0], x[1], columns + 1), np.linspace(y[0], y[1], rows + 1)
    material = dice.pick(0, 0, 1)
    for left, right in zip(xs[:-1], xs[1:]):
        for low, high in zip(ys[:-1], ys[1:]):
            parts.append(
                box(
                    (left + gap, right - gap),
                    (low + gap, high - gap),
                    (z - 0.5, z + proud),
                    material=material,
                )
            )
            a, b = (left + right) / 2, (low + high) / 2
            upright = high - low > 1.4 * (right - left)
            if upright:
                a = right - 5 if (left - x[0]) < 1 else left + 5
            if handle == "knob":
                parts.append(_knob(a, b, z + proud, dice.between(1, 2.2)))
            elif handle == "bar":
                long = min(high - low, right - left) * dice.between(0.2, 0.4)
                dx, dy = (0.8, long) if upright else (long, 0.8)
                parts.append(
                    box(
                        (a - dx, a + dx), (b - dy, b + dy), (z + proud, z + proud + 2.5), material=2
                    )
                )
    return parts


def _knob(x: float, y: float, z: float, radius: float) -> Part:
    return rod((x, y, z), (x, y, z + 2 * radius), radius, material=2)


def _with_open_part(
    dice: Dice, width: float, height: float, depth: float, foot: float
) -> List[Part]:
    """A body of boards, some of its compartments open, as of a TV stand."""
    x, z = width / 2, depth / 2
    t = dice.between(1.5, 3.5)
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


def _books(dice: Dice, x: float, ys: np.ndarray, z: float) -> List[Part]:
    parts: List[Part] = []
    for low, high in zip(ys[:-1], ys[1:]):
        at = -x
        end = x * dice.between(-0.5, 1)
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


def _carcass(x: float, z: float, y: Span, t: float) -> List[Part]:
    """Two sides, bottom and top."""
    parts = both(box((x - t, x), y, (-z, z)))
    return parts + [box((-x, x), (a, a + t), (-z, z)) for a in (y[0], y[1] - t)]


def _split(dice: Dice, cell: Cell, size: float) -> List[Cell]:
    """A cell cut at random, again and again, until none is much larger than `size`."""
    (a, b), (c, d) = cell
    if max(b - a, d - c) < size * dice.between(0.9, 1.4):
        return [cell]
    at = dice.between(0.32, 0.68)
    if (b - a) * dice.between(0.6, 1.6) > d - c:
        middle = a + at * (b - a)
        halves = [((a, middle), (c, d)), ((middle, b), (c, d))]
    else:
        middle = c + at * (d - c)
        halves = [((a, b), (c, middle)), ((a, b), (middle, d))]
    return [part for half in halves for part in _split(dice, half, size)]


def _walls(cell: Cell, z: float, t: float) -> List[Part]:
    """The boards at a cell's right and upper side."""
    (a, b), (c, d) = cell
    h = t / 2
    return [
        box((b - h, b + h), (c - h, d + h), (-z, z - 0.2)),
        box((a - h, b + h), (d - h, d + h), (-z, z - 0.2)),
    ]


def _closed(dice: Dice, cell: Cell, z: float) -> List[Part]:
    return [box(*cell, (-z, z - 1)), *fronts(dice, *cell, z - 1, 1, 1)]


def _stand(dice: Dice, width: float, depth: float, foot: float) -> List[Part]:
    """Thin legs, a frame of thin bars, or feet."""
    if not foot:
        return []
    style = dice.pick("thin", "thin", "frame", "feet")
    if style == "thin":
        return slender_legs(dice, width * 1.15, depth * 1.1, foot + 1)
    if style == "feet":
        return legs.short_feet(dice, width, depth, foot + 1)
    x, z = width / 2 - 3, depth / 2 - 2
    t = dice.between(1.3, 2.5)
    parts = both(*(box((x - t, x), (0, foot + 1), (at, at + t), material=1) for at in (-z, z - t)))
    low = dice.pick(0.0, foot - t)
    parts += both(box((x - t, x), (low, low + t), (-z, z), material=1))
    return parts + [box((-x, x), (low, low + t), (at, at + t), material=1) for at in (-z, z - t)]
