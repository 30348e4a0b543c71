"""Tables, desks, dressing tables, tables with a cloth."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import slab
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, Span, both, box, lathe, rod, tapered


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


def desk(dice: Dice) -> Piece:
    """A desk: a top between drawer blocks, side boards or legs, with a modesty panel or shelves."""
    width, depth, height = dice.between(90, 200), dice.between(45, 90), dice.between(68, 80)
    x, z, t = width / 2, depth / 2, dice.between(1.5, 4)
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


def fronts(dice: Dice, x: Span, y: Span, z: float, rows: int, columns: int) -> List[Part]:
    """Drawers or doors before the plane z, with their handles."""
    parts: List[Part] = []
    proud, gap = dice.pick(0.3, 1.2, 2.0), dice.between(0.4, 2.0)
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
                parts.append(cushion_knob(a, b, z + proud, dice.between(1, 2.2)))
            elif handle == "bar":
                long = min(high - low, right - left) * dice.between(0.2, 0.4)
                dx, dy = (0.8, long) if upright else (long, 0.8)
                parts.append(
                    box(
                        (a - dx, a + dx), (b - dy, b + dy), (z + proud, z + proud + 2.5), material=2
                    )
                )
    return parts


def cushion_knob(x: float, y: float, z: float, radius: float) -> Part:
    return rod((x, y, z), (x, y, z + 2 * radius), radius, material=2)


def _top(dice: Dice, shape: str, width: float, depth: float, y: Span) -> Part:
    if shape == "round":
        return lathe([(y[0], width / 2 * dice.between(0.95, 1.0)), (y[1], width / 2)])
    if shape == "rectangle":
        return box((-width / 2, width / 2), y, (-depth / 2, depth / 2))
    turn = np.linspace(0, 2 * np.pi, 33)[:-1]
    sharp = 2.0 if shape == "oval" else dice.between(3, 9)
    r = (np.abs(np.cos(turn)) ** sharp + np.abs(np.sin(turn)) ** sharp) ** (-1 / sharp)
    return slab(np.column_stack([width / 2 * r * np.cos(turn), depth / 2 * r * np.sin(turn)]), y)


def _base(dice: Dice, base: str, width: float, depth: float, top: float) -> List[Part]:
    x, z, t = width / 2, depth / 2, dice.between(1.5, 5)
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
