"""Chairs of wood, metal and cloth, and benches."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import panel, shell, slab
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, both, box, cushion, lathe, rod, tube


def chair(dice: Dice) -> Piece:
    """A chair: seat, base, back, now and then arms."""
    width, depth = dice.between(38, 54), dice.between(38, 54)
    seat, total = dice.between(40, 50), dice.between(74, 112)
    thick = dice.between(2, 4.5)
    base = dice.pick("legs", "legs", "legs", "legs", "pedestal", "star", "sled")
    parts = _seat(dice, width, depth, seat)
    under = seat - 2
    if base == "legs":
        parts += legs.four_legs(dice, width, depth, under, thick)
        if dice.chance(0.35):
            parts += legs.stretchers(dice, width, depth, seat * dice.between(0.25, 0.6), thick)
        if dice.chance(0.4):
            apron = dice.between(4, 8)
            parts.append(
                box(
                    (-width / 2 + 1, width / 2 - 1),
                    (under - apron, under),
                    (-depth / 2 + 1, depth / 2 - 1),
                    material=1,
                )
            )
    elif base == "pedestal":
        parts += legs.pedestal(dice, under, width * 0.5)
    elif base == "star":
        parts += legs.star(dice, under, width * dice.between(0.5, 0.65))
    else:
        parts += legs.sled(dice, width * 0.95, depth * 0.95, under)
    lean = dice.between(3, 18)
    hinge = (0, seat, -depth / 2 + thick / 2)
    parts += [
        part.turned("x", -lean, hinge) for part in _back(dice, width, depth, seat, total, thick)
    ]
    if dice.chance(0.3):
        parts += _thin_arms(dice, width, depth, seat, thick)
    return Piece("chair", parts)


def _seat(dice: Dice, width: float, depth: float, seat: float) -> List[Part]:
    style = dice.pick("board", "board", "cushion", "round", "waisted", "slats", "upholstered")
    x, z = width / 2, depth / 2
    thick = dice.between(1.5, 4.5)
    if style == "board":
        return [box((-x, x), (seat - thick, seat), (-z, z), dice.between(0, thick / 2))]
    if style == "upholstered":
        return [box((-x, x), (seat - dice.between(4, 9), seat + 2), (-z, z), dice.between(1, 3), 3)]
    if style == "cushion":
        pad = cushion((-x, x), (seat - 2, seat + dice.between(3, 7)), (-z, z), 5, 3, 3)
        return [box((-x, x), (seat - thick, seat), (-z, z)), pad]
    if style == "round":
        return [lathe([(seat - thick, x), (seat, x)], oval=depth / width)]
    if style == "slats":
        edges = np.linspace(-z, z, dice.count(4, 8) + 1)
        boards = [box((-x, x), (seat - 2, seat), (a, b - 1)) for a, b in zip(edges[:-1], edges[1:])]
        return [*boards, *both(box((x - 3, x), (seat - 4, seat - 2), (-z, z)))]
    turn = np.linspace(0, 2 * np.pi, 25)[:-1]
    sharp = dice.between(2.5, 5)
    r = (np.abs(np.cos(turn)) ** sharp + np.abs(np.sin(turn)) ** sharp) ** (-1 / sharp)
    back = 1 - dice.between(0, 0.25) * (1 - np.sin(turn)) / 2
    outline = np.column_stack([x * r * np.cos(turn) * back, z * r * np.sin(turn)])
    return [slab(outline, (seat - thick, seat + dice.between(0, 3)), dice.pick(0, 3))]


def _back(
    dice: Dice, width: float, depth: float, seat: float, total: float, thick: float
) -> List[Part]:
    """An upright back; its hinge turns it later."""
    x, z = width / 2 - thick / 2, -depth / 2 + thick / 2
    low = seat + dice.pick(0.0, 0.0, dice.between(4, 18))
    posts = both(rod((x, seat - 4, z), (x, total, z), thick / 2, material=1))
    if dice.chance(0.5):
        posts = both(
            box(
                (x - thick / 2, x + thick / 2),
                (seat - 4, total),
                (z - thick / 2, z + thick / 2),
                material=1,
            )
        )
    style = dice.pick(
        "slab", "slab", "ladder", "spindles", "curved", "oval", "frame", "pad", "arch"
    )
    t = dice.between(0.8, 2)
    if style == "slab":
        return [
            box((-width / 2, width / 2), (low, total), (z - t, z + t), dice.between(0, t)),
            *(posts if low > seat else []),
        ]
    if style == "pad":
        pad = cushion(
            (-width / 2, width / 2), (z - dice.between(2, 6), z + 3), (low - total, low), 5, 3, 3
        )
        return [pad.changed(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), (0, low, 0)), *posts]
    if style == "ladder":
        edges = np.linspace(low + 6, total, dice.count(2, 5) + 1)
        share = dice.between(0.3, 0.8)
        rungs = [
            box((-x, x), (b - (b - a) * share, b), (z - t / 2, z + t / 2))
            for a, b in zip(edges[:-1], edges[1:])
        ]
        return [*posts, *rungs]
    if style == "spindles":
        rail = dice.between(3, 9)
        bars = [
            rod((a, seat, z), (a, total - rail, z), t * 0.8)
            for a in np.linspace(-x, x, dice.count(4, 9))
        ]
        return [
            *bars,
            box((-width / 2, width / 2), (total - rail, total), (z - t, z + t), dice.between(0, t)),
            *(posts if dice.chance(0.5) else []),
        ]
    if style == "curved":
        return [
            shell(
                (width / 2, depth * dice.between(0.15, 0.5)),
                2 * t,
                (low, total),
                90,
                dice.between(0, 0.4) * (total - low),
            ).moved(z=z + depth * 0.2),
            *posts,
        ]
    if style == "oval":
        middle, tall = (low + total) / 2 + 4, (total - low) / 2 - 4
        turn = np.linspace(0, 2 * np.pi, 21)[:-1]
        outline = np.column_stack([np.cos(turn) * width * 0.45, np.sin(turn) * tall + middle])
        hold = both(rod((width * 0.25, seat, z), (width * 0.3, middle, z), t))
        return [panel(outline, (z - t, z + t), dice.pick(0, 3)), *hold]
    if style == "arch":
        turn = np.linspace(0, np.pi, 13)
        high = (total - seat) * dice.between(0.3, 0.6)
        arch = [(np.cos(a) * x, total - high + np.sin(a) * high, z) for a in turn]
        bow = tube([(x, seat, z), *arch, (-x, seat, z)], thick * 0.4, 1)
        fill = dice.pick("inner", "spindles", "none")
        if fill == "inner":
            inner = [
                (p[0] * 0.6, seat + (p[1] - seat) * 0.75, z)
                for p in [(x, seat, z), *arch, (-x, seat, z)]
            ]
            bow += tube(inner, thick * 0.35, 1)
        elif fill == "spindles":
            for share in np.linspace(-0.75, 0.75, dice.count(3, 7)):
                bow.append(
                    rod(
                        (x * share, seat, z),
                        (x * share, total - high + high * np.sqrt(1 - share**2), z),
                        t * 0.6,
                    )
                )
        return bow
    outer = [box((-x, x), (h - 2, h), (z - t, z + t), material=1) for h in (low + 6, total)]
    filler = box((-x, x), (low + 5, total - 1), (z - 0.6, z + 0.6), material=3)
    return [*posts, *outer, *([filler] if dice.chance(0.7) else [])]


def _thin_arms(dice: Dice, width: float, depth: float, seat: float, thick: float) -> List[Part]:
    x, height = width / 2 + dice.between(-1, 3), seat + dice.between(16, 26)
    front, t = depth / 2 - dice.between(0, 12), thick * dice.between(0.4, 0.6)
    rest = box((x - 2 * t, x + 2 * t), (height - t, height + t), (-depth / 2, front), t * 0.7, 1)
    post = rod((x, seat - 3, front - 2), (x, height, front - 2), t, material=1)
    return both(rest, post)


def bench(dice: Dice) -> Piece:
    """A bench with or without back, of boards, on legs or side boards."""
    width, depth, seat = dice.between(90, 180), dice.between(30, 60), dice.between(38, 50)
    x, z = width / 2, depth / 2
    thick = dice.between(2, 6)
    parts: List[Part] = []
    edges = np.linspace(-z, z, dice.pick(1, 1, 3, 5) + 1)
    for a, b in zip(edges[:-1], edges[1:]):
        parts.append(box((-x, x), (seat - thick, seat), (a, b - (1.0 if len(edges) > 2 else 0))))
    if dice.chance(0.5):
        parts += legs.four_legs(
            dice, width * dice.between(0.8, 1), depth, seat - thick / 2, dice.between(3, 8)
        )
    else:
        inset = dice.between(0, 25)
        parts += both(
            box((x - inset - thick, x - inset), (0, seat - thick / 2), (-z, z), material=1)
        )
    if dice.chance(0.25):
        parts.append(cushion((-x, x), (seat - 1, seat + 6), (-z, z), 6, 3, 3))
    if dice.chance(0.45):
        total, lean = seat + dice.between(28, 55), dice.between(0, 15)
        boards = np.linspace(seat + 6, total, dice.count(1, 4) + 1)
        back = [box((-x, x), (a, b - 3), (-z, -z + 2.5)) for a, b in zip(boards[:-1], boards[1:])]
        back += both(box((x - 8, x - 3), (seat - 4, total - 3), (-z - 2, -z), material=1))
        parts += [part.turned("x", -lean, (0, seat, -z)) for part in back]
        if dice.chance(0.5):
            parts += both(
                box((x - 5, x), (seat + 18, seat + 22), (-z, z), 1, 1),
                box((x - 5, x), (0, seat + 18), (z - 6, z), 0, 1),
            )
    return Piece("other", parts)
