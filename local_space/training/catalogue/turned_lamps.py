"""Lamps on turned feet, on tripods, with several arms, and of globes."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, Span, ball, lathe, rod, tube


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
        parts.append(lathe(_profile(dice, body, wide, style == "column" or floor), material=1))
    tall = dice.between(16, 32) * (1.3 if floor else 1)
    low_r = max(wide * 1.15, tall * dice.between(0.55, 0.95))
    parts.append(shade(dice, neck - dice.between(0, 3), tall, low_r))
    return Piece("lamp", parts)


def stem_lamp(dice: Dice) -> Piece:
    """A thin stem or a tripod under a cone or a drum; for the table or the floor."""
    floor = dice.chance(0.6)
    height = dice.between(125, 175) if floor else dice.between(35, 65)
    tall = height * (dice.between(0.14, 0.25) if floor else dice.between(0.25, 0.45))
    wide = tall * dice.between(0.45, 0.95)
    stem, low = dice.between(0.7, 1.4), height - tall
    parts = [shade(dice, low, tall, wide)]
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


def chandelier(dice: Dice) -> Piece:
    """Curved arms around a turned stem, each with a candle, a small shade or a globe."""
    arms, reach, drop = dice.count(3, 8), dice.between(22, 42), dice.between(18, 60)
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
    style, down = dice.pick("candle", "shade", "globe", "cup"), dice.chance(0.3)
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


def shade(dice: Dice, low: float, tall: float, wide: float) -> Part:
    """A cone, a drum, a bell or a pleated shade."""
    style, top = dice.pick("cone", "cone", "drum", "bell", "empire"), wide * dice.between(0.4, 0.8)
    if style == "drum":
        top = wide * dice.between(0.9, 1.0)
    profile = [(low, wide), (low + tall, top)]
    if style == "bell":
        bend = wide + (top - wide) * np.linspace(0, 1, 7) ** dice.between(0.4, 0.7)
        profile = list(zip(low + tall * np.linspace(0, 1, 7), bend))
    folds = (dice.count(12, 20), 0.05) if dice.chance(0.15) else (0, 0.0)
    return lathe(profile, ripples=folds, material=3)


def _profile(dice: Dice, body: float, wide: float, slim: bool) -> List[Span]:
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
