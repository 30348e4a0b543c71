"""Lamps for the table, the floor and the ceiling: under shades, of globes, with several arms."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, Span, ball, box, lathe, rod, tapered, tube


def lamp(dice: Dice) -> Piece:
    """A shade on a foot: for a table or, on a high stem, for the floor."""
    floor = dice.chance(0.45)
    height = dice.between(130, 185) if floor else dice.between(28, 75)
    wide = dice.between(13, 30) if floor else height * dice.between(0.15, 0.42)
    tall = min(height * 0.6, wide * dice.between(0.7, 2.2))
    parts = _shade(dice, height, tall, wide)
    parts += _foot(dice, height - tall * 0.6, wide, floor)
    return Piece("lamp", parts)


def turned_lamp(dice: Dice) -> Piece:
    """A shade above a vase, a stack of balls or a turned column."""
    body, wide = dice.between(16, 48), dice.between(5, 16)
    floor = dice.chance(0.2)
    if floor:
        body, wide = dice.between(95, 125), dice.between(4, 9)
    neck, thin = body + dice.between(3, 9), dice.between(0.8, 1.4)
    parts: List[Part] = [rod((0, body * 0.5, 0), (0, neck + 6, 0), thin, material=2)]
    style = dice.pick("vase", "vase", "balls", "column")
    if style == "balls":
        number = dice.count(2, 4) if not floor else dice.count(6, 9)
        r = body / (2 * number)
        parts += [ball((0, r * (2 * k + 1), 0), r * 1.06, 1) for k in range(number)]
        parts.append(lathe([(0, r * 0.95), (2, r * 0.8)], material=1))
    else:
        parts.append(lathe(_turned(dice, body, wide, style == "column" or floor), material=1))
    tall = dice.between(16, 32) * (1.3 if floor else 1)
    low_r = max(wide * 1.15, tall * dice.between(0.55, 0.95))
    parts.append(_round_shade(dice, neck - dice.between(0, 3), tall, low_r))
    return Piece("lamp", parts)


def stem_lamp(dice: Dice) -> Piece:
    """A thin stem or a tripod under a cone or a drum; for the table or the floor."""
    floor = dice.chance(0.6)
    height = dice.between(125, 175) if floor else dice.between(35, 65)
    tall = height * (dice.between(0.14, 0.25) if floor else dice.between(0.25, 0.45))
    wide = tall * dice.between(0.45, 0.95)
    stem = dice.between(0.7, 1.4)
    low = height - tall
    parts = [_round_shade(dice, low, tall, wide)]
    reach = wide * dice.between(0.6, 1.1)
    if dice.chance(0.45):
        split = low * dice.pick(dice.between(0.25, 0.6), 1.0)
        first, bow = dice.between(0, 120), dice.between(0, 0.25)
        parts.append(rod((0, split - 3, 0), (0, low + tall * 0.5, 0), stem * 1.5, material=1))
        out = reach * (1.3 if split > low * 0.8 else 0.9)
        for angle in np.radians(first + 120 * np.arange(3)):
            way = np.array([np.cos(angle), 0, np.sin(angle)])
            knee = way * out * (0.5 - bow) + [0, split * (0.5 - bow), 0]
            parts += tube([way * out + [0, stem, 0], knee, (0, split, 0)], stem, 1)
        return Piece("lamp", parts)
    flat = dice.between(1.3, 3)
    profile = [(0, reach), (flat, reach * dice.between(0.85, 1)), (flat + 1, stem * 2)]
    parts.append(lathe([*profile, (flat + 4, stem)], material=1))
    parts.append(rod((0, 0, 0), (0, low + tall * 0.5, 0), stem, material=1))
    return Piece("lamp", parts)


def globe_lamp(dice: Dice) -> Piece:
    """One globe on a foot, or several on a branching stem."""
    count = dice.pick(1, 1, 2, 3, 5)
    floor = count > 1 or dice.chance(0.3)
    r = dice.between(6, 12) if count > 1 else dice.between(9, 19)
    height = dice.between(110, 170) if floor else r * dice.between(1.5, 4)
    stem, foot = dice.between(0.8, 1.4), max(r * dice.between(0.5, 0.95), 12 if floor else 5)
    parts = [lathe([(0, foot), (dice.between(1.3, 3), foot * 0.9), (4, stem)], material=1)]
    parts.append(rod((0, 0, 0), (0, height - r * 0.9, 0), stem, material=1))
    parts.append(ball((0, height, 0), r, 3))
    first = dice.between(0, 360)
    for k in range(count - 1):
        angle, level = np.radians(first + 137 * k), height * (0.85 - 0.5 * k / count)
        way = np.array([np.cos(angle), 0, np.sin(angle)]) * r * dice.between(1.2, 2)
        end = way + np.array([0, level, 0])
        small = r * dice.between(0.6, 1)
        parts += tube([(0, level - r, 0), way * 0.7 + [0, level - r, 0], end], stem * 0.8, 1)
        parts.append(ball(end, small, 3))
    return Piece("lamp", parts)


def arc_lamp(dice: Dice) -> Piece:
    """A shade at the end of a bent or jointed arm."""
    scale = dice.between(1.0, 3.5)
    if dice.chance(0.5):
        turn = np.linspace(0, np.pi * dice.between(0.5, 0.75), 9)
        radius = 25.0 * scale
        rise = dice.between(15, 40) * scale
        points = [
            (0, 0, 0),
            (0, rise, 0),
            *((0, rise + np.sin(a) * radius, (1 - np.cos(a)) * radius) for a in turn),
        ]
    else:
        a, b = dice.between(-15, 5) * scale, dice.between(5, 30) * scale
        points = [
            (0, 0, 0),
            (0, dice.between(14, 24) * scale, a),
            (0, dice.between(26, 42) * scale, a + b),
        ]
    parts: List[Part] = tube(points, 0.7 * scale, 1)
    end = np.array(points[-1])
    wide, tall = dice.between(5, 10) * scale, dice.between(6, 12) * scale
    shade = lathe([(-tall, wide), (-tall * 0.4, wide * 0.7), (0, wide * 0.25)], material=3).turned(
        "x", -dice.between(0, 50), (0, 0, 0)
    )
    parts.append(shade.moved(*(end + np.array([0, tall * 0.2, 0]))))
    parts.append(
        lathe(
            [(0, dice.between(7, 12) * scale), (dice.between(1, 3) * scale, 6 * scale)], material=1
        )
    )
    return Piece("lamp", parts)


def hanging_lamp(dice: Dice) -> Piece:
    """A lamp on a cord: a shade, or arms with a bulb each."""
    height = dice.between(50, 120)
    parts = [
        rod((0, height * 0.3, 0), (0, height, 0), dice.between(0.4, 1.2), material=1),
        lathe([(height - 4, 5), (height, 4)], material=1),
    ]
    if dice.chance(0.5):
        return Piece(
            "lamp", parts + _shade(dice, height * 0.45, height * 0.45, dice.between(10, 28))
        )
    arms = dice.count(3, 8)
    reach = dice.between(20, 38)
    first = dice.between(0, 90)
    parts.append(ball((0, height * 0.25, 0), dice.between(2, 5), 1))
    for k in range(arms):
        a = np.radians(first + 360 * k / arms)
        end = np.array([np.cos(a) * reach, height * 0.25, np.sin(a) * reach])
        middle = end * [0.5, 0.0, 0.5] + [0, height * 0.1, 0]
        parts += tube([(0, height * 0.25, 0), middle, end], 1.0, 1)
        bulb = [
            (height * 0.25 - 2, 3.5),
            (height * 0.25, 1.5),
            (height * 0.42, 2.5),
            (height * 0.5, 0.5),
        ]
        parts.append(lathe(bulb, (end[0], end[2]), material=3))
    return Piece("lamp", parts)


def chandelier(dice: Dice) -> Piece:
    """Curved arms around a turned stem, each with a candle, a small shade or a globe."""
    arms = dice.count(3, 8)
    reach = dice.between(22, 42)
    drop = dice.between(18, 60)
    first, thin = dice.between(0, 90), dice.between(0.7, 1.2)
    sag, lift, r = dice.between(4, 14), dice.between(2, 10), dice.between(2, 5)
    body = [
        (-sag - 6, r * 0.4),
        (-sag - 2, r),
        (0, r * 0.5),
        (6, r * 0.9),
        (14, r * 0.5),
        (18, 0.8),
    ]
    parts = [lathe(body, material=1), rod((0, 15, 0), (0, 18 + drop, 0), 0.8, material=1)]
    parts.append(lathe([(15 + drop, 5.5), (18 + drop, 4)], material=1))
    style = dice.pick("candle", "shade", "globe", "cup")
    down = dice.chance(0.3)
    for k in range(arms):
        angle = np.radians(first + 360 * k / arms)
        way = np.array([np.cos(angle), 0, np.sin(angle)])
        bow = [(0.0, 4.0), (0.25, -sag * 0.4), (0.55, -sag), (0.85, -sag * 0.6), (1.0, lift)]
        if down:
            bow = [(0.0, 4.0), (0.3, sag), (0.6, sag * 1.2), (0.9, sag * 0.7), (1.0, 0.0)]
        parts += tube([way * reach * a + [0, b, 0] for a, b in bow], thin, 1)
        end, at = bow[-1][1], (way[0] * reach, way[2] * reach)
        if style == "globe":
            parts.append(ball((at[0], end + (-4 if down else 4), at[1]), 5.5, 3))
        elif style == "candle" and not down:
            parts.append(
                lathe([(end, 3), (end + 1.5, 3), (end + 1.6, 1.2), (end + 10, 1)], at, material=3)
            )
        elif style == "cup" or down:
            cup = [(end - 8, 6), (end, 1.5)] if down else [(end - 0.5, 1.5), (end + 8, 6)]
            parts.append(lathe(cup, at, material=3))
        else:
            parts.append(rod((at[0], end, at[1]), (at[0], end + 6, at[1]), 0.8))
            parts.append(lathe([(end + 4, 6), (end + 13, 3)], at, material=3))
    return Piece("lamp", parts)


def _shade(dice: Dice, height: float, tall: float, wide: float) -> List[Part]:
    """A cone, a drum, a ball, a dome or a square shade, `tall` below `height`."""
    style = dice.pick("cone", "cone", "drum", "ball", "square", "dome")
    low = height - tall
    if style == "ball":
        r = min(wide, tall / 2 + 4)
        return [ball((0, height - r, 0), r, 3)]
    if style == "dome":
        return [
            lathe(
                [
                    (low, wide),
                    (low + tall * 0.5, wide * 0.85),
                    (low + tall * 0.85, wide * 0.5),
                    (height, 1),
                ],
                material=3,
            )
        ]
    top = wide * (dice.between(0.35, 0.85) if style == "cone" else 1.0)
    if style == "square":
        top = wide * dice.between(0.5, 1.0)
        return [tapered(((0, low, 0), 2 * wide, 2 * wide), ((0, height, 0), 2 * top, 2 * top), 3)]
    return [lathe([(low, wide), (height, top)], material=3)]


def _round_shade(dice: Dice, low: float, tall: float, wide: float) -> Part:
    """A cone, a drum, a bell or a pleated shade, `tall` above `low`."""
    style = dice.pick("cone", "cone", "drum", "bell", "empire")
    top = wide * dice.between(0.4, 0.8)
    if style == "drum":
        top = wide * dice.between(0.9, 1.0)
    profile = [(low, wide), (low + tall, top)]
    if style == "bell":
        bend = wide + (top - wide) * np.linspace(0, 1, 7) ** dice.between(0.4, 0.7)
        profile = list(zip(low + tall * np.linspace(0, 1, 7), bend))
    folds = (dice.count(12, 20), 0.05) if dice.chance(0.15) else (0, 0.0)
    return lathe(profile, ripples=folds, material=3)


def _foot(dice: Dice, top: float, wide: float, floor: bool) -> List[Part]:
    r, base = dice.between(0.6, 1.8), wide * dice.between(0.5, 1.0)
    style = (
        dice.pick("stem", "stem", "tripod") if floor else dice.pick("stem", "vase", "vase", "block")
    )
    flat = dice.between(1, 4)
    if style == "tripod":
        reach, first, split = (
            dice.between(18, 32),
            dice.between(0, 120),
            top * dice.between(0.5, 1.0),
        )
        parts = [rod((0, split * 0.9, 0), (0, top, 0), r * 1.3, material=1)]
        for k in range(3):
            a = np.radians(first + 120 * k)
            parts.append(
                rod((np.cos(a) * reach, 0, np.sin(a) * reach), (0, split, 0), r, material=1)
            )
        return parts
    plate = lathe([(0, base), (flat, base * dice.between(0.5, 1.0))], material=1)
    if dice.chance(0.3):
        plate = box((-base * 0.8, base * 0.8), (0, flat), (-base * 0.8, base * 0.8), material=1)
    if style == "stem":
        return [plate, rod((0, 0, 0), (0, top, 0), r if floor else max(0.5, r * 0.6), material=1)]
    body = top * dice.between(0.5, 0.95)
    if style == "block":
        half = base * dice.between(0.4, 0.9)
        return [
            box((-half, half), (0, body), (-half, half), dice.between(0, 1.5), 1),
            rod((0, 0, 0), (0, top, 0), 0.8, material=2),
        ]
    levels = np.linspace(0, 1, 8)
    radii = base * np.array([0.6, *(dice.between(0.25, 0.95) for _ in range(6)), 0.2])
    radii[1:-1] = (radii[:-2] + radii[1:-1] + radii[2:]) / 3
    return [
        plate,
        lathe(list(zip(levels * body, radii)), material=1),
        rod((0, 0, 0), (0, top, 0), 0.8, material=2),
    ]


def _turned(dice: Dice, body: float, wide: float, slim: bool) -> List[Span]:
    """(height, radius) pairs: a smooth random curve through few radii, on a foot."""
    number = dice.count(5, 8) if slim else dice.count(3, 5)
    knots = np.array([dice.between(0.25, 1.0) for _ in range(number)])
    knots[dice.count(1, number - 2)] = 1.0
    knots[-1] = dice.between(0.15, 0.4)
    knots[0] = max(knots[0], 0.8 if slim else 0.45)
    at = np.linspace(0, number - 1, 22)
    i = np.minimum(at.astype(int), number - 2)
    ease = (1 - np.cos(np.pi * (at - i))) / 2
    radii = np.maximum(wide * (knots[i] * (1 - ease) + knots[i + 1] * ease), 1.0)
    return list(zip(np.linspace(0, body, 22), radii))
