"""Beds, with and without posts, upholstered and on platforms; bunk beds, loft beds, cots."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import panel
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, Span, ball, both, box, cushion, lathe, rod, tube


def bed(dice: Dice) -> Piece:
    """Frame, mattress, cover, pillows; a headboard at the back, now and then a footboard."""
    width, length = dice.between(80, 200), dice.between(185, 225)
    x, z = width / 2, length / 2
    t = dice.between(2, 8)
    top, foot = dice.between(28, 65), dice.between(0, 26)
    thick = dice.between(12, 26)
    parts = [
        box((-x, x), (foot, max(foot + 4, top - thick * 0.7)), (-z, z), dice.between(0, 3), 1),
        box(
            (-x + 3, x - 3),
            (top - thick, top),
            (-z + 3, z - dice.between(1, 4)),
            dice.between(2, 6),
            3,
        ),
    ]
    if foot > 3:
        parts += (
            legs.four_legs(dice, width, length, foot + 3, dice.between(4, 10))
            if dice.chance(0.7)
            else legs.short_feet(dice, width, length, foot + 2)
        )
    head = top + dice.between(20, 75)
    if dice.chance(0.92):
        parts += _board(dice, x + dice.pick(0.0, 0.0, dice.between(0, 12)), head, (-z - t, -z))
    if dice.chance(0.4):
        parts += _board(dice, x, top + dice.between(0, 35), (z, z + t))
    parts += _pillows_and_cover(dice, x, top, z)
    return Piece("bed", parts)


def bedstead(dice: Dice) -> Piece:
    """A headboard and a lower footboard of one kind: bars, an arch, or panels between posts."""
    x, z, top = dice.between(84, 190) / 2, dice.between(190, 215) / 2, dice.between(40, 62)
    head, foot = top + dice.between(35, 85), top + dice.between(5, 35)
    style = dice.pick("bars", "bars", "arch", "panel", "sleigh")
    r = dice.between(1.3, 3.5)
    parts = _mattress(dice, x - 2, top, (-z + 2, z - 2))
    rail = box((x - 2.5, x), (top - dice.between(20, 28), top - 10), (-z, z), 0, 1)
    parts += both(rail)
    parts.append(box((-x + 1, x - 1), (top - 20, top - 12), (-z, z), 0, 1))
    state = dice.rng.bit_generator.state
    parts += _end(dice, style, x, head, top - 18, r, -z, -1)
    # The same choices again: both ends are alike.
    dice.rng.bit_generator.state = state
    parts += _end(dice, style, x, foot, top - 18, r, z, 1)
    return Piece("bed", parts + _pillows_and_duvet(dice, x - 3, top, z - 3))


def upholstered_bed(dice: Dice) -> Piece:
    """A padded frame close to the floor, a padded headboard with seams or side wings."""
    x, z, top = dice.between(95, 200) / 2, dice.between(195, 220) / 2, dice.between(42, 62)
    low = dice.pick(0.0, dice.between(3, 14))
    rim = dice.between(4, 9)
    head = top + dice.between(35, 90)
    high, thick = top - dice.between(6, 16), dice.between(6, 14)
    parts = _mattress(dice, x - rim + 1, top, (-z, z - rim + 1))
    parts += both(box((x - rim, x), (low, high), (-z - 1, z), rim * 0.4, 1))
    parts.append(box((-x, x), (low, high), (z - rim, z), rim * 0.4, 1))
    parts.append(box((-x + 2, x - 2), (low + 3, high - 4), (-z, z - 3), 0, 1))
    wide = x + dice.pick(0.0, 0.0, dice.between(3, 14))
    front = -z + 1
    columns, rows = dice.pick((1, 1), (1, 1), (2, 1), (8, 1), (1, 4), (6, 3))
    parts.append(box((-wide, wide), (low, head), (front - thick, front - 2), 2, 1))
    xs, ys = np.linspace(-wide, wide, columns + 1), np.linspace(top - 14, head, rows + 1)
    for a, b in zip(xs[:-1], xs[1:]):
        for c, d in zip(ys[:-1], ys[1:]):
            parts.append(box((a, b), (c, d), (front - thick, front), min(2.5, thick * 0.4), 1))
    if dice.chance(0.25):
        side = (front - thick, front + dice.between(10, 22))
        parts += both(box((wide - 1, wide + 6), (low, head), side, 2, 1))
    parts += both(
        *(box((x - 10, x - 5), (0, low + 4), (at, at + 5), 0, 2) for at in (-z + 4, z - 10))
    )
    return Piece("bed", parts + _pillows_and_duvet(dice, x - rim, top, z - rim))


def platform_bed(dice: Dice) -> Piece:
    """A wide low board with a mattress, with or without a back board and small tables beside."""
    x, z, level = dice.between(90, 190) / 2, dice.between(195, 215) / 2, dice.between(16, 34)
    out, t = dice.between(0, 22), dice.between(3, 9)
    top = level + dice.between(14, 26)
    parts = [
        box((-x - out, x + out), (level - t, level), (-z, z + out * 0.7), dice.between(0, 1), 1)
    ]
    parts += _mattress(dice, x, top, (-z + 1, z - 1), top - level + 1)
    inset = dice.between(5, 25)
    if dice.chance(0.5):
        parts.append(box((-x + inset, x - inset), (0, level - 1), (-z + inset, z - inset), 0, 1))
    else:
        posts = (box((x - 8, x), (0, level - 1), (at, at + 8), 0, 1) for at in (-z + 2, z - 10))
        parts += both(*posts)
    if dice.chance(0.7):
        wide = x + out + dice.pick(0.0, 0.0, dice.between(30, 55))
        parts.append(
            box((-wide, wide), (level - t, top + dice.between(15, 50)), (-z - 4, -z + 0.5), 0, 1)
        )
        if wide > x + out + 25:
            parts += both(box((x + out, wide), (level, level + 4), (-z, -z + 38), 0, 1))
    return Piece("bed", parts + _pillows_and_duvet(dice, x, top, z))


def bunk_bed(dice: Dice) -> Piece:
    width, length, height = dice.between(80, 120), dice.between(170, 215), dice.between(140, 185)
    x, z = width / 2, length / 2
    t = dice.between(2.5, 4.5)
    parts = [
        box((a, a + 2 * t), (0, height), (b, b + 2 * t), material=1)
        for a in (-x, x - 2 * t)
        for b in (-z, z - 2 * t)
    ]
    low, high = dice.between(22, 40), height * dice.between(0.58, 0.72)
    for level in (low, high):
        parts.append(
            box((-x + t, x - t), (level - 3, level + dice.between(8, 16)), (-z + t, z - t), 2, 3)
        )
        parts += both(box((x - t, x), (level - 9, level + 5), (-z, z), material=1))
        ends = dice.pick("solid", "bars")
        for b in (-z + t * 0.5, z - t * 1.5):
            top = level + dice.between(25, 38)
            if ends == "solid":
                parts.append(box((-x, x), (level - 6, top), (b, b + t), material=1))
            else:
                parts += [
                    box((-x, x), (h, h + t * 1.5), (b, b + t), material=1) for h in (level - 6, top)
                ]
                parts += [
                    rod((a, level - 6, b), (a, top, b), 1.2, material=1)
                    for a in np.linspace(-x + 8, x - 8, 7)
                ]
        parts.append(
            cushion((-x * 0.6, x * 0.6), (level + 8, level + 20), (-z + 6, -z + 44), 4, 2, 4)
        )
    rail = high + dice.between(20, 34)
    parts += both(box((x - t, x), (rail, rail + 2 * t), (-z, z * dice.between(0.2, 1)), material=1))
    at = z * dice.between(0.3, 0.75)
    rungs = np.arange(low, high + 20, dice.between(22, 32))
    ladder = [box((x, x + t), (0, high + 25), (at + s, at + s + t), material=1) for s in (0, 38)]
    ladder += [box((x, x + t), (h, h + 3), (at, at + 40), material=1) for h in rungs]
    # Along the room, as bunk beds are shown: the long side is the front.
    parts += ladder
    if dice.chance(0.5):
        turn = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])
        parts = [part.changed(turn, (0, 0, 0)) for part in parts]
    return Piece("bed", parts)


def loft_bed(dice: Dice) -> Piece:
    """A high bed on posts with guard rails and a ladder; a bed, a desk or nothing below."""
    x, z, t = dice.between(85, 115) / 2, dice.between(180, 212) / 2, dice.between(2.5, 4)
    high, thick = dice.between(105, 145), dice.between(10, 16)
    total = high + dice.between(26, 42)
    parts = both(*(box((x - 2 * t, x), (0, total), (b, b + 2 * t), 0, 1) for b in (-z, z - 2 * t)))
    levels = [high] if dice.chance(0.35) else [dice.between(26, 42), high]
    for level in levels:
        parts.append(box((-x + 1, x - 1), (level - thick, level + 3), (-z + 1, z - 1), 2, 3))
        parts += both(box((x - t, x), (level - thick - 3, level - 1), (-z, z), 0, 1))
        parts += [
            box((-x, x), (level - thick - 3, level - 1), (b, b + t), 0, 1) for b in (-z, z - t)
        ]
        parts.append(cushion((-x * 0.7, x * 0.7), (level, level + 13), (-z + 5, -z + 45), 4, 2, 4))
    guards = np.linspace(high + 8, total - 3, dice.count(1, 3))
    gap = z - dice.between(45, 60)
    for at in guards:
        parts.append(box((-x, -x + t), (at, at + 5), (-z, z), 0, 1))
        parts.append(box((x - t, x), (at, at + 5), (-z, gap), 0, 1))
        parts += [box((-x, x), (at, at + 5), (b, b + t), 0, 1) for b in (-z, z - t)]
    parts.append(box((x - t, x), (high - thick, total), (gap - 4, gap), 0, 1))
    lean = dice.pick(0.0, 0.0, dice.between(8, 20))
    ladder = both(box((16, 16 + t), (0, high + 14), (0, t + 1), 0, 1))
    ladder += [box((-17, 17), (h, h + 3), (0, t + 1), 0, 1) for h in np.arange(18, high + 8, 26)]
    quarter = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    for part in ladder:
        upright = part.changed(quarter, (x - 0.5, 0, z - 26)).turned("z", lean, (x, high, 0))
        parts.append(upright)
    if levels == [high] and dice.chance(0.6):
        parts.append(box((-x, -x + 45), (70, 73), (-z + t, z - t), 0, 0))
    turn = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])
    if dice.chance(0.6):
        parts = [part.changed(turn, (0, 0, 0)) for part in parts]
    return Piece("bed", parts)


def cot(dice: Dice) -> Piece:
    """A child's bed with bars around."""
    width, length, height = dice.between(60, 80), dice.between(110, 150), dice.between(70, 110)
    x, z, t = width / 2, length / 2, 2.0
    low = dice.between(15, 35)
    parts = [box((-x + 2, x - 2), (low, low + 14), (-z + 2, z - 2), 2, 3)]
    parts += [
        box((a, a + 2 * t), (0, height), (b, b + 2 * t), material=1)
        for a in (-x, x - 2 * t)
        for b in (-z, z - 2 * t)
    ]
    for level in (low - 3, height - 6):
        parts += both(box((x - 2 * t, x), (level, level + 5), (-z, z), material=1))
        parts += [box((-x, x), (level, level + 5), (b, b + t), material=1) for b in (-z, z - t)]
    parts += both(
        *(
            rod((x - t, low, a), (x - t, height - 3, a), 1.0, material=1)
            for a in np.linspace(-z + 8, z - 8, dice.count(8, 14))
        )
    )
    for b in (-z + t / 2, z - t / 2):
        parts += [
            rod((a, low, b), (a, height - 3, b), 1.0, material=1)
            for a in np.linspace(-x + 8, x - 8, dice.count(4, 7))
        ]
    return Piece("bed", parts)


def _board(dice: Dice, x: float, top: float, z: Span) -> List[Part]:
    """A head- or footboard: solid, upholstered, arched, or of bars between posts."""
    style = dice.pick("solid", "solid", "padded", "arched", "bars", "bars")
    t = (z[1] - z[0]) / 2
    middle = (z[0] + z[1]) / 2
    low = dice.pick(0.0, 0.0, dice.between(5, 25))
    posts = both(box((x - 2 * t, x), (0, top * dice.between(0.95, 1.05)), z, material=1))
    if dice.chance(0.3):
        posts = both(
            lathe(
                [(0, t), (top * 0.9, t), (top * 0.92, t * 0.5), (top, t * 1.3), (top + 2 * t, 0.3)],
                (x - t, middle),
                material=1,
            )
        )
    if style == "solid":
        return [
            box(
                (-x, x),
                (low, top),
                (middle - t * 0.6, middle + t * 0.6),
                dice.between(0, t * 0.6),
                1,
            ),
            *(posts if low else []),
        ]
    if style == "padded":
        return [box((-x, x), (low, top), z, t * 0.9, dice.pick(1, 3))]
    if style == "arched":
        turn = np.linspace(0, np.pi, 15)
        rise = dice.between(8, 30)
        outline = np.column_stack([np.cos(turn) * x, top - rise + np.sin(turn) * rise])
        outline = np.concatenate([[[x, low]], outline, [[-x, low]]])
        return [panel(outline, (middle - t * 0.6, middle + t * 0.6), 1), *posts]
    rails = [
        box(
            (-x, x), (at, at + dice.between(2, 8)), (middle - t * 0.6, middle + t * 0.6), material=1
        )
        for at in (top * 0.45, top - 6)
    ]
    r = dice.between(0.8, 2.5)
    bars = [
        rod((a, top * 0.45, middle), (a, top - 3, middle), r, material=1)
        for a in np.linspace(-x + 6, x - 6, dice.count(4, 14))
    ]
    return [*posts, *rails, *bars]


def _end(
    dice: Dice, style: str, x: float, high: float, low: float, r: float, z: float, side: int
) -> List[Part]:
    """A head- or footboard at z; `side` is the way outwards."""
    if style == "sleigh":
        lean = dice.between(6, 16)
        board = box((-x, x), (0, high), (z - 2, z + 2), 0.5, 1)
        roll = rod((-x, high, z), (x, high, z), dice.between(3, 6), 0, 1)
        return [part.turned("x", side * lean, (0, low, z)) for part in (board, roll)]
    knob = dice.pick("none", "ball", "tip")
    posts = rod((x - r, 0, z), (x - r, high, z), r, 0, 1)
    parts = both(posts)
    if knob == "ball":
        parts += both(ball((x - r, high + r, z), r * dice.between(1.2, 1.8), 1))
    elif knob == "tip":
        tip = [(high - 1, r * 1.5), (high + 2, r * 1.5), (high + 3, r * 0.7), (high + 7, r * 1.2)]
        parts += both(lathe([*tip, (high + 10, 0.4)], (x - r, z), material=1))
    rise = dice.between(0.08, 0.3) * x if style == "arch" or dice.chance(0.3) else 0.0
    turn = np.linspace(0, np.pi, 15)
    arch = np.column_stack([np.cos(turn) * (x - r), high - 4 + np.sin(turn) * rise])
    if style == "panel":
        outline = np.concatenate([arch, [[-x + r, low], [x - r, low]]])
        return [*parts, panel(outline, (z - 1.2, z + 1.2), 1)]
    thin = max(0.8, r * dice.between(0.5, 0.8))
    parts += tube([(a, b, z) for a, b in arch], max(thin, 1.2), 1)
    parts.append(rod((-x + r, low, z), (x - r, low, z), max(thin, 1.2), 0, 1))
    across = np.linspace(-x + r, x - r, dice.count(5, 12) + 2)[1:-1]
    for a in across:
        top = float(np.interp(a, arch[::-1, 0], arch[::-1, 1]))
        parts.append(rod((a, low, z), (a, top, z), thin, 0, 1))
    return parts


def _mattress(dice: Dice, x: float, top: float, z: Span, thick: float = 20.0) -> List[Part]:
    return [box((-x, x), (top - thick, top), z, dice.between(3, 6), 3)]


def _pillows_and_cover(dice: Dice, x: float, top: float, z: float) -> List[Part]:
    """Pillows that stand or lie, and a flat cover; or one of both, or nothing."""
    parts: List[Part] = []
    if dice.chance(0.75):
        rows = dice.count(1, 2)
        wide = min(70.0, x * 0.95 if x > 60 else 2 * x - 10)
        for row in range(rows):
            for side in (-1, 1) if x > 60 else (0,):
                a, b = side * x * 0.48, -z + 24 + row * 14
                pillow = cushion(
                    (a - wide / 2, a + wide / 2),
                    (top - 5, top + dice.between(7, 14)),
                    (b - 20, b + 20),
                    4,
                    2,
                    3,
                )
                parts.append(
                    pillow.turned("x", -dice.between(0, 50) if rows > 1 else -dice.between(0, 15))
                )
    if dice.chance(0.7):
        hang, head = dice.between(0, 25), -z + dice.between(10, 90)
        out = dice.pick(-2.0, 2.0, 4.0)
        parts.append(
            box(
                (-x - out, x + out),
                (max(3, top - hang), top + dice.between(1, 6)),
                (head, z + out * 0.5),
                dice.between(1, 4),
                0,
            )
        )
    return parts


def _pillows_and_duvet(dice: Dice, x: float, top: float, z: float) -> List[Part]:
    """Pillows, and a duvet of flat overlapping bulges, folded back now and then."""
    parts: List[Part] = []
    places = (-x / 2, x / 2) if x > 60 else (0.0,)
    wide = min(38.0, x * (0.47 if x > 60 else 0.85))
    rows = dice.pick(1, 1, 2)
    lean = dice.pick(0.0, dice.between(10, 60))
    for row in range(rows):
        for at in places:
            b = -z + 24 + 16 * row
            rise = dice.between(9, 15)
            pillow = cushion(
                (at - wide, at + wide), (top - 4, top + rise), (b - 20, b + 20), 4, 2, 4
            )
            raised = pillow.turned("x", -lean, (0, top - 2, b + 18))
            parts.append(raised)
    if dice.chance(0.25):
        return parts
    start, out = -z + dice.between(45, 75), dice.between(1, 5)
    hang, rise = dice.between(2, 22), dice.between(3, 6)
    side = (-x - out, x + out)
    end = z + dice.between(-2, 1)
    parts.append(box(side, (top - hang, top + rise), (start, end), min(3.5, rise * 0.8), 0))
    for _ in range(dice.count(2, 6)):
        a, b = dice.between(-x, x) * 0.7, dice.between(start + 25, z - 30)
        wide, long = dice.between(20, 45), dice.between(20, 40)
        bulge = (top, top + rise + dice.between(1.5, 5))
        left, right = max(a - wide, -x), min(a + wide, x)
        parts.append(cushion((left, right), bulge, (b - long, min(b + long, end)), 2.3, 2))
    if dice.chance(0.4):
        fold = (top, top + rise + 4)
        parts.append(cushion(side, fold, (start - 3, start + dice.between(20, 40)), 8, 4, 4))
    return parts
