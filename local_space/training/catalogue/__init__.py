"""Procedural pieces of furniture, each a union of simple parts with random proportions."""

from __future__ import annotations

from local_space.training.catalogue import (
    armchairs,
    beds,
    chairs,
    lamps,
    shells,
    sofas,
    stools,
    storage,
    tables,
)
from local_space.training.catalogue.dice import Dice, Piece

# How often each is made. What is hard to shape (armchairs, sofas, chairs) comes more often.
_SHARES = {
    chairs.chair: 16,
    shells.tub_chair: 6,
    shells.moulded_chair: 8,
    stools.stool: 7,
    stools.pouf: 4,
    chairs.bench: 3,
    armchairs.armchair: 14,
    sofas.sofa: 10,
    sofas.corner_sofa: 4,
    tables.table: 14,
    tables.table_with_cloth: 2,
    tables.desk: 6,
    storage.cabinet: 14,
    storage.tv_stand: 3,
    storage.shelf: 8,
    beds.bed: 9,
    beds.bunk_bed: 3,
    beds.cot: 1,
    lamps.lamp: 7,
    lamps.arc_lamp: 2,
    lamps.hanging_lamp: 2,
}


def random_piece(seed: int) -> Piece:
    """The piece of a seed."""
    dice = Dice(seed)
    makers, shares = list(_SHARES), list(_SHARES.values())
    at = dice.between(0, sum(shares))
    for maker, share in zip(makers, shares):
        at -= share
        if at <= 0:
            return maker(dice)
    return makers[-1](dice)
