"""Storage with open parts: irregular shelves, half doors, stands with an open middle; trunks."""

from __future__ import annotations

from typing import List, Tuple

import numpy as np

from local_space.training.boards import side_panel
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.catalogue.side_chairs import slender_legs
from local_space.training.catalogue.tables import fronts
from local_space.training.parts import Part, Span, both, box, rod

Cell = Tuple[Span, Span]


def irregular_shelf(dice: Dice) -> Piece:
    """Compartments of unequal size, all open or some with doors, with or without a back."""
    width, height, depth = dice.between(50, 180), dice.between(60, 215), dice.between(22, 42)
    x, z, t = width / 2, depth / 2, dice.between(1.4, 3.5)
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


def half_door_cabinet(dice: Dice) -> Piece:
    """Doors or drawers in one half, open compartments in the other."""
    width, height, depth = dice.between(55, 140), dice.between(110, 215), dice.between(30, 48)
    x, z, t = width / 2, depth / 2, dice.between(1.6, 3)
    foot, share = dice.pick(0.0, dice.between(3, 16)), dice.between(0.3, 0.6)
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
    rows, columns = dice.pick(1, 1, 3), max(1, round((shut[0][1] - shut[0][0]) / 48))
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


def media_unit(dice: Dice) -> Piece:
    """A low unit: closed blocks left and right, an open middle with a board."""
    width, height, depth = dice.between(100, 220), dice.between(34, 66), dice.between(34, 50)
    x, z, t = width / 2, depth / 2, dice.between(1.6, 3.5)
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
    x, z, t = width / 2 - 3, depth / 2 - 2, dice.between(1.3, 2.5)
    parts = both(*(box((x - t, x), (0, foot + 1), (at, at + t), material=1) for at in (-z, z - t)))
    low = dice.pick(0.0, foot - t)
    parts += both(box((x - t, x), (low, low + t), (-z, z), material=1))
    return parts + [box((-x, x), (low, low + t), (at, at + t), material=1) for at in (-z, z - t)]
