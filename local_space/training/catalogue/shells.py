"""Chairs whose seat and back are curved: moulded boards, slings in a tube frame, buckets."""

from __future__ import annotations

from typing import List

import numpy as np

from local_space.training.boards import shell
from local_space.training.catalogue import legs
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.parts import Part, both, box, cushion, tube


def moulded_chair(dice: Dice) -> Piece:
    """Seat and back of bent boards, in one piece or with a gap, on legs, a column or tubes."""
    width, depth = dice.between(38, 62), dice.between(38, 58)
    seat, total = dice.between(36, 48), dice.between(68, 105)
    lean = (total - seat) * dice.between(0.12, 0.45)
    curve = _profile(dice, depth, seat, total, lean)
    gap = dice.chance(0.35)
    cut = len(curve) // 2 if gap else 0
    if gap:
        curve[cut - 1, 0] = curve[cut, 0]
    thick = dice.between(1.3, 3.5) if dice.chance(0.7) else dice.between(4, 9)
    waist, top = dice.between(0.7, 1.0), dice.between(0.65, 1.0)
    widths = width * np.interp(
        np.linspace(0, 1, len(curve)), [0, 0.25, 0.55, 1], [0.95, 1, waist, top]
    )
    parts = _bent_board(curve[: cut or None], widths[: cut or None], thick, 0)
    if gap:
        parts += _bent_board(curve[cut + 1 :], widths[cut + 1 :], thick, 0)
        parts += both(
            *tube(
                [(width * 0.2, seat - 2, curve[cut][0] + 1), (width * 0.2, *curve[cut + 2][::-1])],
                1.2,
                1,
            )
        )
    armed = dice.chance(0.3)
    if armed:
        parts += _loop_arms(dice, width, depth, seat, curve)
    under = seat - thick * 0.5
    base = dice.pick("legs", "legs", "legs", "pedestal", "star", "sled", "sled")
    if base == "legs":
        parts += legs.four_legs(dice, width * 0.85, depth * 0.9, under, dice.between(2, 4))
    elif base == "pedestal":
        parts += legs.pedestal(dice, under, width * dice.between(0.4, 0.5))
    elif base == "star":
        parts += legs.star(dice, under, width * dice.between(0.45, 0.6))
    else:
        parts += legs.sled(dice, width * 0.9, depth * dice.between(0.9, 1.1), under)
    return Piece("armchair" if armed and width > 54 else "chair", parts)


def _profile(dice: Dice, depth: float, seat: float, total: float, lean: float) -> np.ndarray:
    """(z, y) points of the middle line, from the front edge of the seat to the top of the back."""
    z = depth / 2
    dip = dice.between(0, 4)
    rear = -z + dice.between(0, 6)
    bend = dice.between(4, 14)
    return np.array(
        [
            (z, seat - dice.pick(0.0, dice.between(0, 4))),
            (z - 6, seat),
            (0, seat - dip),
            (rear + bend, seat - dip),
            (rear, seat + bend * 0.9),
            (rear - lean * 0.3, seat + (total - seat) * 0.45),
            (rear - lean * 0.65, seat + (total - seat) * 0.75),
            (rear - lean, total),
        ]
    )


def _bent_board(curve: np.ndarray, widths: np.ndarray, thick: float, material: int) -> List[Part]:
    """Straight pieces along (z, y) points; each has the mean width of its ends."""
    parts: List[Part] = []
    for a, b, wide in zip(curve[:-1], curve[1:], (widths[:-1] + widths[1:]) / 2):
        run, rise = a[0] - b[0], b[1] - a[1]
        half = float(np.hypot(run, rise)) / 2 + thick * 0.3
        z, y = (a + b) / 2
        board = box(
            (-wide / 2, wide / 2),
            (y - thick / 2, y + thick / 2),
            (z - half, z + half),
            thick * 0.4,
            material,
        )
        parts.append(board.turned("x", float(np.degrees(np.arctan2(rise, run)))))
    return parts


def _loop_arms(
    dice: Dice, width: float, depth: float, seat: float, curve: np.ndarray
) -> List[Part]:
    """A bent bar at either side, from the front of the seat to the back."""
    x, rest = width / 2 + dice.between(-1, 3), seat + dice.between(16, 24)
    front = depth / 2 - dice.between(2, 10)
    rear = float(curve[5][0])
    points = [
        (x, seat - 2, front - 3),
        (x, rest, front),
        (x, rest + 1, 0),
        (width * 0.4, rest + 4, rear),
    ]
    return both(*tube(points, dice.between(1, 2.2), 1))


def tub_chair(dice: Dice) -> Piece:
    """A bucket on legs, a column or a star; with its arms drawn up it counts as an armchair."""
    width, depth, seat = dice.between(42, 66), dice.between(42, 62), dice.between(36, 50)
    total, thick = dice.between(66, 105), dice.between(1.5, 6)
    reach = dice.between(60, 125)
    drop = 0.0
    drop = (total - seat) * dice.between(0.1, 0.95)
    parts = [
        shell(
            (width / 2, depth / 2), thick, (seat - 3, total), reach, drop,
            dice.between(-0.1, 0.35), dice.pick(1.0, 2.0, 4.0), dice.pick(2.0, 2.0, 3.0, 5.0),
        )
    ]  # fmt: skip
    x, z = width / 2 - 1, depth / 2 - 1
    parts.append(
        cushion(
            (-x, x),
            (seat - 8, seat + dice.between(1, 6)),
            (-z, z + dice.between(0, 6)),
            dice.pick(2.2, 3, 5),
            3,
            dice.pick(0, 3),
        )
    )
    under = seat - 5
    base = dice.pick("legs", "legs", "pedestal", "star", "sled")
    if base == "legs":
        parts += legs.four_legs(dice, width * 0.8, depth * 0.8, under, dice.between(1.5, 4))
    elif base == "pedestal":
        parts += legs.pedestal(dice, under, width * dice.between(0.35, 0.5))
    elif base == "star":
        parts += legs.star(dice, under, width * dice.between(0.4, 0.6))
    else:
        parts += legs.sled(dice, width * 0.85, depth * 0.85, under)
    armed = reach > 85 and drop < 0.75 * (total - seat)
    return Piece("armchair" if armed and width > 52 else "chair", parts)
