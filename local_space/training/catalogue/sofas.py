"""Sofas and corner sofas."""

from __future__ import annotations

from local_space.training.catalogue.armchairs import wooden
from local_space.training.catalogue.dice import Dice, Piece
from local_space.training.catalogue.upholstery import frame_of, seat_cushion, upholstered
from local_space.training.parts import box


def sofa(dice: Dice) -> Piece:
    frame = frame_of(dice, dice.between(125, 260))
    seats = max(2, round((frame.width - 2 * frame.arm) / dice.between(55, 95)))
    style = dice.pick("block", "block", "block", "rolled", "wing", "wooden")
    if style == "wooden":
        return Piece("sofa", wooden(dice, frame, seats))
    return Piece("sofa", upholstered(dice, frame, seats, style))


def corner_sofa(dice: Dice) -> Piece:
    """An L: a sofa with a chaise longue, or with a second row of seats and its back."""
    frame = frame_of(dice, dice.between(190, 300))._replace(lean=dice.between(0, 8))
    seats = dice.count(2, 4)
    parts = upholstered(dice, frame, seats, "block", arms=False)
    reach = frame.depth + dice.between(40, 120)
    wide = dice.between(70, 110)
    x, z = frame.width / 2, -frame.depth / 2
    parts.append(
        box((x - wide, x), (frame.foot, frame.seat - 8), (z, z + reach), dice.between(0.5, 5))
    )
    parts.append(seat_cushion(dice, (x - wide, x - 1), frame.seat, (z + frame.back, z + reach)))
    if dice.chance(0.5):
        parts.append(
            box(
                (x - frame.back, x),
                (frame.foot, frame.total - dice.between(0, 8)),
                (z, z + reach),
                dice.between(1, 6),
            )
        )
    elif dice.chance(0.5):
        parts.append(
            box(
                (x - frame.arm, x),
                (frame.foot, frame.rest),
                (z, z + reach * dice.between(0.4, 1.0)),
                dice.between(1, 6),
            )
        )
    if dice.chance(0.8):
        parts.append(
            box((-x, -x + frame.arm), (frame.foot, frame.rest), (z, -z), dice.between(1, 6))
        )
    return Piece("sofa", [part.mirrored() for part in parts] if dice.chance(0.5) else parts)
