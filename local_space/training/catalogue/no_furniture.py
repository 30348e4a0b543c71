"""Things that are no furniture: the network learns to say so."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.recognition import NOTHING
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, ball, box, cushion, lathe, rod, tube


def animal(dice: Dice) -> Piece:
    """Four legs, a body, a head with ears and a tail; it stands, sits or lies."""
    long, wide = dice.between(30, 70), dice.between(10, 26)
    legs = dice.pick(dice.between(4, 10), dice.between(15, 45))
    tilt = dice.pick(0.0, 0.0, dice.between(25, 60))
    x = (-wide / 2, wide / 2)
    y = (legs, legs + wide * dice.between(0.8, 1.4))
    z = (0, long)
    body = cushion(x, y, z, 2.2, 2.2)
    neck = (0, y[1] * 0.9, long * 0.92)
    at = (0, y[1] + dice.between(0, 18), long + dice.between(0, 14))
    head = dice.between(6, 13)
    upper = [body, rod(neck, at, wide * dice.between(0.2, 0.4)), ball(at, head)]
    nose = (at[0], at[1] - head * 0.3, at[2] + head)
    upper.append(ball(nose, head * dice.between(0.3, 0.6)))
    for side in (-1, 1):
        ear = (side * head * 0.6, at[1] + head * 0.7, at[2])
        tip = (side * head * dice.between(0.7, 1.4), at[1] + head * dice.between(0.8, 2.2), at[2])
        upper.append(rod(ear, tip, head * 0.35, 0.4))
    parts = [part.turned("x", -tilt, (0, legs, 0)) for part in upper]
    radius = dice.between(1.5, 4)
    for side in (-1, 1):
        for along in (0.12, 0.85):
            foot = (side * wide * 0.35 + dice.between(-3, 3), 0, along * long + dice.between(-8, 8))
            parts.append(rod(foot, (side * wide * 0.3, legs + 4, along * long), radius))
    if dice.chance(0.7):
        bend = [(0.0, y[1] * 0.8, 3)]
        for _ in range(3):
            last = bend[-1]
            bend.append((last[0] + dice.between(-6, 6), last[1] + dice.between(-6, 9), last[2] - 8))
        parts += tube(bend, dice.between(1, 2.5))
    return _turned(dice, parts)


def person(dice: Dice) -> Piece:
    """Somebody who stands or sits, or head and shoulders alone."""
    shoulder, head = dice.between(17, 25), dice.between(9, 12)
    low, hip = dice.pick((90, 0), (90, 0), (45, 0), (110, 1))
    parts = [
        cushion((-shoulder, shoulder), (low, 148), (-12, 12), 2.5, 3.0),
        rod((0, 140, 0), (0, 158, 0), 6),
        cushion((-head, head), (152, 152 + 2.6 * head), (-head, head * 1.2), 2.2, 2.2, 1),
    ]
    for side in (-1, 1):
        out = side * (shoulder + dice.between(0, 18))
        elbow = (out, dice.between(105, 125), dice.between(-8, 15))
        hand = (side * dice.between(5, 40), dice.between(85, 150), dice.between(0, 35))
        parts += tube([(side * shoulder * 0.9, 140, 0), elbow, hand], dice.between(4, 6))
        if not hip:
            knee = (side * dice.between(8, 16), dice.between(45, 52), dice.between(-5, 40))
            foot = (knee[0] + dice.between(-4, 4), 2, knee[2] + dice.between(-15, 10))
            parts += tube([(side * 9, low + 4, 0), knee, foot], dice.between(6, 8.5), 2)
    return _turned(dice, parts)


def vessel(dice: Dice) -> Piece:
    """A cup, a bowl, a bottle or a jug, some with a saucer."""
    tall, radius = dice.between(6, 32), dice.between(3, 9)
    rings = [(0.0, radius * dice.between(0.4, 1.0))]
    for k in range(1, 6):
        rings.append((tall * k / 5, radius * dice.between(0.35, 1.2)))
    parts = [lathe(rings)]
    if dice.chance(0.6):
        reach = radius * dice.between(1.3, 2.0)
        handle = [(radius * 0.7, tall * 0.8, 0), (reach, tall * 0.75, 0), (reach, tall * 0.35, 0)]
        parts += tube([*handle, (radius * 0.6, tall * 0.2, 0)], dice.between(0.4, 1.2))
    if dice.chance(0.4):
        parts.append(lathe([(-1, radius), (0, radius * dice.between(1.5, 2.4))], material=1))
    return _turned(dice, parts)


def vehicle(dice: Dice) -> Piece:
    """A car, a van, a motorcycle's or bicycle's wheels and frame."""
    long, wide, tall = dice.between(300, 520), dice.between(40, 190), dice.between(60, 110)
    wheel = dice.between(28, 45)
    parts = []
    if wide > 90:
        parts.append(box((-wide / 2, wide / 2), (20, tall), (0, long), dice.between(5, 18)))
        cabin = (long * dice.between(0.05, 0.3), long * dice.between(0.65, 0.98))
        parts.append(box((-wide * 0.44, wide * 0.44), (tall - 5, tall * 1.7), cabin, 15, 1))
    else:
        saddle, head = (0, tall, long * 0.35), (0, tall * 1.1, long * 0.7)
        frame = [(0, wheel, 0), saddle, head, (0, wheel, long)]
        parts += tube(frame, dice.between(3, 16))
        parts += tube([(-30, tall * 1.4, long * 0.72), (30, tall * 1.4, long * 0.72)], 3)
    for along in (0.18, 0.82):
        for side in (-1, 1):
            at, z = side * max(wide / 2, 4), along * long
            parts.append(rod((at - 6, wheel, z), (at + 6, wheel, z), wheel, 0, 2))
    return _turned(dice, parts)


def plant(dice: Dice) -> Piece:
    """Leaves and stems, with or without a pot."""
    parts = [lathe([(0, dice.between(6, 12)), (dice.between(10, 25), dice.between(9, 16))])]
    if dice.chance(0.4):
        parts = []
    for _ in range(dice.count(8, 30)):
        top = np.array([dice.between(-35, 35), dice.between(25, 95), dice.between(-35, 35)])
        parts.append(rod((0, 12, 0), top, 0.6, material=1))
        size = dice.between(3, 14)
        leaf = cushion((-size, size), (-1.2, 1.2), (-size / 2, size / 2), 2, 2, 1)
        leaf = leaf.turned("z", dice.between(-70, 70)).turned("y", dice.between(0, 360))
        parts.append(leaf.moved(*top))
    return Piece(NOTHING, parts)


def heap(dice: Dice) -> Piece:
    """Rounded lumps one on the other: a stone, a shoe, a fruit, a toy, a bag."""
    parts = []
    for _ in range(dice.count(2, 7)):
        half = [dice.between(6, 30) for _ in range(3)]
        x, y, z = ((-h, h) for h in half)
        flat, puffy = dice.between(2, 4), dice.between(2, 4)
        lump = cushion(x, y, z, flat, puffy, dice.count(0, 3))
        lump = lump.turned("x", dice.between(0, 180)).turned("y", dice.between(0, 180))
        parts.append(lump.moved(*(dice.between(-25, 25) for _ in range(3))))
    return Piece(NOTHING, parts)


def signs(dice: Dice) -> Piece:
    """Letters and shapes in a plane, as on a page or a screen."""
    parts: List[Part] = []
    rows = dice.count(1, 7)
    size = dice.between(4, 9)
    for row in range(rows):
        at = -dice.between(20, 60)
        while at < 50:
            wide = dice.between(1, 14)
            tall = size * dice.between(0.4, 0.9)
            x, y = (at, at + wide), (row * size, row * size + tall)
            sign = box(x, y, (0, 1.5), 0.0, dice.count(0, 2))
            parts.append(sign.turned("z", dice.between(-9, 9)))
            at += wide + dice.between(0.5, 9)
    return Piece(NOTHING, parts)


def building(dice: Dice) -> Piece:
    """A house, a tower or a rocket."""
    if dice.chance(0.4):
        tall, radius = dice.between(60, 200), dice.between(6, 30)
        rings = [(0, radius), (tall * 0.7, radius * dice.between(0.5, 1.1)), (tall, 0.5)]
        fin = box((-radius * 1.8, radius * 1.8), (0, tall * 0.2), (-1, 1), 0.0, 1)
        fins = [fin.turned("y", turn, (0, 0, 0)) for turn in (0, 90)]
        return _turned(dice, [lathe(rings), *(fins if dice.chance(0.6) else [])])
    wide, deep, tall = dice.between(40, 120), dice.between(40, 120), dice.between(30, 160)
    parts = [box((-wide / 2, wide / 2), (0, tall), (-deep / 2, deep / 2))]
    roof = box((-wide / 2, wide / 2), (0, wide * 0.7), (-deep * 0.55, deep * 0.55), 0.0, 1)
    parts.append(roof.turned("z", 45).moved(0, tall - wide * 0.35))
    for _ in range(dice.count(0, 3)):
        at, size = dice.between(-wide, wide), dice.between(10, 30)
        parts.append(box((at, at + size), (0, dice.between(15, tall * 1.3)), (-size, size), 0.0, 2))
    return _turned(dice, parts)


def _turned(dice: Dice, parts: List[Part]) -> Piece:
    angle = dice.between(0, 360)
    return Piece(NOTHING, [part.turned("y", angle, (0, 0, 0)) for part in parts])
