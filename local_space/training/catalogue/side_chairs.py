"""Side chairs with curved backs, ladders or medallions; rocking chairs."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import panel, shell, slab
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, Point, Span, ball, both, box, cushion, rod, tube


def side_chair(dice: Dice) -> Piece:
    """A shaped seat on four thin splayed legs, and a curved back in one piece."""
    width, depth = dice.between(38, 52), dice.between(38, 52)
    seat, total = dice.between(42, 48), dice.between(70, 92)
    parts = [_seat(dice, width, depth, seat), *slender_legs(dice, width, depth, seat - 1)]
    low = seat + dice.pick(-3.0, dice.between(4, 16))
    wide = width * dice.between(0.85, 1.05)
    back = curved_back(dice, wide, (low, total), -depth / 2)
    if low > seat:
        for x in dice.pick((0.3,), (0.3,), (0.15, 0.36)):
            # A post ends in the back: its radius around the back's middle is that of the wall.
            top = (x * wide, low + (total - low) * dice.between(0.3, 0.6), _wall(back, x * wide))
            start = (x * width, seat - 1.5, -depth * 0.4)
            back = [*back, *both(rod(start, top, dice.between(0.8, 1.4), material=1))]
    lean = dice.between(3, 16)
    parts += [part.turned("x", -lean, (0, seat, -depth / 2)) for part in back]
    return Piece("chair", parts)


def ladder_back(dice: Dice) -> Piece:
    """Tapered posts from the floor to the top, joined by few thin rails."""
    width, depth = dice.between(38, 50), dice.between(36, 48)
    seat, total = dice.between(42, 48), dice.between(80, 115)
    x, z = width / 2 - 2, depth / 2 - 2
    r = dice.between(1.2, 2.2)
    rake, lean = dice.between(0, 7), dice.between(2, 14)
    narrow = dice.between(0.8, 1.0)
    foot, bend = np.array([x * narrow, 0, -z - rake]), np.array([x * narrow, seat, -z])
    top = np.array([x * narrow * dice.between(0.9, 1.05), total, -z - lean])
    parts = both(
        rod(foot, bend, r * dice.between(0.6, 0.9), r, 1),
        ball(bend, r, 1),
        rod(bend, top, r, r * dice.between(0.5, 0.8), 1),
        rod((x, 0, z), (x, seat - 1, z), r * dice.between(0.6, 1), r, 1),
    )
    outline = [(x + 2, z + 2), (-x - 2, z + 2), (-x * narrow - 2, -z - 1), (x * narrow + 2, -z - 1)]
    parts.append(slab(np.array(outline), (seat - 2.5, seat), dice.pick(0, 3)))
    if dice.chance(0.4):
        parts.append(cushion((-x, x), (seat - 1, seat + 4), (-z, z), 5, 3, 3))
    tall, first = dice.between(2, 6), dice.between(0.2, 0.5)
    for share in np.linspace(first, 0.95, dice.count(2, 5)):
        at = bend + share * (top - bend)
        high = tall * (dice.between(1.2, 2) if share > 0.9 else 1)
        parts.append(
            box((-at[0], at[0]), (at[1] - high / 2, at[1] + high / 2), (at[2] - 0.7, at[2] + 0.7))
        )
    for level in dice.pick((), (0.35,), (0.25, 0.5)):
        at = foot + level * (bend - foot)
        parts += both(rod(at, (x, level * seat, z), r * 0.6, material=1))
        front = (level + 0.08) * seat
        parts.append(rod((-x, front, z), (x, front, z), r * 0.6, material=1))
    return Piece("chair", parts)


def medallion_chair(dice: Dice) -> Piece:
    """An upholstered oval or shield in a frame, on cabriole legs; now and then with open arms."""
    width, depth = dice.between(46, 66), dice.between(44, 58)
    seat, total = dice.between(40, 48), dice.between(88, 112)
    x, z = width / 2, depth / 2
    parts = [
        box((-x, x), (seat - 9, seat - 4), (-z, z), 1.5, 1),
        cushion((-x, x), (seat - 7, seat + dice.between(2, 6)), (-z, z), 6, 3, 3),
    ]
    for toe in (-1, 1):
        parts += both(*cabriole(dice, x - 3, toe * (z - 3), seat - 6, toe))
    low = seat + dice.between(3, 12)
    middle, tall = (low + total) / 2, (total - low) / 2
    wide = x * dice.between(0.7, 0.95)
    turn = np.linspace(0, 2 * np.pi, 25)
    sharp = dice.pick(2.0, 2.0, 2.6, 4.0)
    frame = dice.between(1.2, 2.5)
    r = (np.abs(np.cos(turn)) ** sharp + np.abs(np.sin(turn)) ** sharp) ** (-1 / sharp)
    waist = 1 - dice.pick(0.0, dice.between(0, 0.3)) * (1 - np.sin(turn)) / 2
    ring = np.column_stack([wide * r * np.cos(turn) * waist, middle + tall * r * np.sin(turn)])
    back = tube([(a, b, -z) for a, b in ring], frame, 1)
    back.append(panel(ring[:-1], (-z - 1, -z + dice.between(1, 3)), 3))
    back += both(rod((x * 0.5, seat - 7, -z + 1), (wide * 0.5, middle - tall * 0.8, -z), 1.8, 0, 1))
    lean = dice.between(5, 16)
    parts += [part.turned("x", -lean, (0, seat, -z)) for part in back]
    armed = dice.chance(0.45)
    if armed:
        rest = seat + dice.between(18, 25)
        behind = -z - np.tan(np.radians(lean)) * (rest - seat)
        curve: List[Point] = [(x - 2, seat - 6, z * 0.4), (x + 1, rest - 4, z * 0.5)]
        curve += [(x + 1, rest, z * 0.3), (x, rest + 1, -z * 0.4), (wide * 0.9, rest + 4, behind)]
        parts += both(*tube(curve, dice.between(1.2, 2), 1))
    return Piece("armchair" if armed else "chair", parts)


def rocking_chair(dice: Dice) -> Piece:
    """A chair with arms on two curved runners."""
    width, depth = dice.between(48, 64), dice.between(44, 56)
    seat, total = dice.between(38, 46), dice.between(92, 115)
    x, z = width / 2, depth / 2
    r = dice.between(1.2, 2)
    radius, long = dice.between(90, 160), depth * dice.between(0.75, 1.0)
    runner = [(x, radius - np.sqrt(radius**2 - a**2) + r, a) for a in np.linspace(-long, long, 11)]
    rise = radius - np.sqrt(radius**2 - z**2) + r
    rest = seat + dice.between(16, 24)
    parts = both(
        *tube(runner, r, 1),
        rod((x, rise, z * 0.9), (x, rest, z * 0.8), r, material=1),
        rod((x, rise, -z * 0.9), (x, seat + 2, -z), r, material=1),
        box((x - 3, x + 3), (rest - 1, rest + 1.5), (-z - 6, z), 1, 1),
    )
    parts.append(box((-x, x), (seat - 4, seat), (-z, z), 1, dice.pick(0, 3)))
    if dice.chance(0.4):
        parts.append(cushion((-x + 1, x - 1), (seat - 2, seat + 7), (-z, z), 5, 3, 3))
    back = both(rod((x, seat - 3, -z), (x, total, -z), r, material=1))
    style = dice.pick("bars", "bars", "rails", "board")
    rails = np.linspace(seat + 12, total - 3, dice.count(3, 6)) if style == "rails" else [total - 3]
    back += [box((-x, x), (h - 3, h + 3), (-z - 1, -z + 1), 0.5) for h in rails]
    if style == "bars":
        across = np.linspace(-x, x, dice.count(5, 9) + 2)[1:-1]
        back += [rod((a, seat - 2, -z), (a, total - 2, -z), 0.8) for a in across]
    elif style == "board":
        back.append(box((-x, x), (seat + 2, total - 2), (-z - 1, -z + dice.between(1, 6)), 0.8, 3))
    lean = dice.between(10, 22)
    parts += [part.turned("x", -lean, (0, seat, -z)) for part in back]
    return Piece("chair", parts)


def slender_legs(
    dice: Dice, width: float, depth: float, top: float, bars: float = 0.3
) -> List[Part]:
    """Four thin round legs that taper and splay, with bars between them by a chance of `bars`."""
    x, z = width * dice.between(0.3, 0.38), depth * dice.between(0.3, 0.38)
    out, rear = top * dice.between(0.03, 0.16), top * dice.between(0.03, 0.2)
    thick = dice.between(1.1, 1.8)
    thin = max(0.7, thick * dice.between(0.5, 1.0))
    front = rod((x + out, 0, z + out), (x, top, z), thin, thick, 1)
    behind = rod((x + out, 0, -z - rear), (x, top, -z), thin, thick, 1)
    parts = both(front, behind)
    if top > 25 and dice.chance(bars):
        low = dice.between(0.25, 0.6)
        at, level = x + out * (1 - low), low * top
        ends = (at, level, z + out * (1 - low)), (at, level, -z - rear * (1 - low))
        parts += both(rod(ends[0], ends[1], 0.8, material=1))
        if dice.chance(0.5):
            parts.append(rod((-at, low * top, 0), (at, low * top, 0), 0.8, material=1))
    return parts


def cabriole(dice: Dice, x: float, z: float, top: float, side: int) -> List[Part]:
    """A leg with an S-curve: a knee that bulges outwards, a thin ankle, a foot."""
    knee, ankle = dice.between(1, 4), dice.between(-2, 1)
    thick = dice.between(2, 3.2)
    outs = np.array([0.5, ankle, ankle * 0.5, knee * 0.8, knee, 0.0])
    levels = top * np.array([0.0, 0.12, 0.35, 0.7, 0.85, 1.0])
    radii = thick * np.array([0.75, 0.45, 0.5, 0.85, 1.05, 1.0])
    points = [np.array([x + o, h, z + o * side]) for o, h in zip(outs, levels)]
    parts: List[Part] = []
    for i in range(5):
        parts.append(rod(points[i], points[i + 1], radii[i], radii[i + 1], 1))
        if i:
            parts.append(ball(points[i], radii[i], 1))
    return parts


def curved_back(dice: Dice, wide: float, y: Span, z: float) -> List[Part]:
    """A bent board of constant thickness whose outer middle is at z."""
    radius = wide * dice.between(0.52, 1.3)
    reach = float(np.degrees(np.arcsin(wide / 2 / radius)))
    drop = dice.pick(0.0, dice.between(0.1, 0.6)) * (y[1] - y[0])
    thick = dice.between(1.2, 2) if dice.chance(0.6) else dice.between(3, 6)
    power, material = dice.pick(2.0, 3.0, 6.0), dice.pick(0, 0, 3)
    wall = shell((radius, radius), thick, y, reach, drop, 0.0, power, 2.0, material)
    return [wall.moved(z=z + radius)]


def _wall(back: List[Part], x: float) -> float:
    """The z of the middle of a curved back's wall at x."""
    vertices = back[0].vertices
    near = vertices[np.argsort(np.abs(vertices[:, 0] - x))[:8], 2]
    return float(near.mean())


def _seat(dice: Dice, width: float, depth: float, seat: float) -> Part:
    """A rounded board, or a soft one."""
    if dice.chance(0.3):
        soft = (seat - dice.between(4, 6), seat + dice.between(1, 3))
        x, z = (-width / 2, width / 2), (-depth / 2, depth / 2)
        return cushion(x, soft, z, dice.between(3, 6), dice.between(3, 6), 3)
    turn = np.linspace(0, 2 * np.pi, 33)[:-1]
    sharp = dice.between(2.2, 6)
    r = (np.abs(np.cos(turn)) ** sharp + np.abs(np.sin(turn)) ** sharp) ** (-1 / sharp)
    narrow = 1 - dice.between(0, 0.2) * (1 - np.sin(turn)) / 2
    outline = np.column_stack([r * np.cos(turn) * narrow * width, r * np.sin(turn) * depth]) / 2
    return slab(outline, (seat - dice.between(1.3, 3.5), seat), dice.pick(0, 0, 3))
