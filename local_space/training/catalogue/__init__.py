"""Procedural pieces of furniture, each a union of simple parts with random proportions."""

from __future__ import annotations

from local_space.training.catalogue import (
    armchairs,
    beds,
    chairs,
    lamps,
    no_furniture,
    shells,
    side_chairs,
    sofas,
    soft_seats,
    stools,
    storage,
    tables,
    tube_chairs,
)
from local_space.training.catalogue.dice import Dice, Piece

# How often each is made. What is hard to shape (armchairs, sofas, chairs) comes more often.
_SHARES = {
    chairs.chair: 12,
    shells.tub_chair: 6,
    shells.moulded_chair: 8,
    stools.stool: 6,
    stools.pouf: 4,
    chairs.bench: 3,
    armchairs.armchair: 12,
    sofas.sofa: 10,
    sofas.corner_sofa: 4,
    tables.table: 11,
    tables.table_with_cloth: 2,
    tables.desk: 6,
    storage.cabinet: 12,
    storage.tv_stand: 3,
    storage.shelf: 7,
    beds.bed: 7,
    beds.bunk_bed: 2,
    beds.cot: 1,
    lamps.lamp: 5,
    lamps.arc_lamp: 2,
    lamps.hanging_lamp: 2,
    side_chairs.side_chair: 7,
    side_chairs.ladder_back: 4,
    side_chairs.medallion_chair: 4,
    side_chairs.rocking_chair: 2,
    tube_chairs.cantilever_chair: 4,
    tube_chairs.sling_chair: 3,
    tube_chairs.rattan_chair: 4,
    tube_chairs.bar_chair: 4,
    tube_chairs.office_chair: 4,
    soft_seats.wing_chair: 5,
    soft_seats.chesterfield: 3,
    soft_seats.curved_sofa: 3,
    soft_seats.settee: 4,
    soft_seats.chaise: 2,
    soft_seats.bean_bag: 2,
    tables.rim_leg_table: 5,
    tables.frame_table: 4,
    tables.office_table: 3,
    tables.side_table: 2,
    tables.draped_table: 2,
    tables.flared_table: 4,
    storage.irregular_shelf: 4,
    storage.half_door_cabinet: 3,
    storage.media_unit: 4,
    storage.sideboard: 4,
    storage.trunk: 2,
    beds.bedstead: 4,
    beds.upholstered_bed: 3,
    beds.platform_bed: 2,
    beds.loft_bed: 2,
    lamps.turned_lamp: 3,
    lamps.stem_lamp: 3,
    lamps.globe_lamp: 1,
    lamps.chandelier: 2,
    no_furniture.animal: 5,
    no_furniture.person: 4,
    no_furniture.vessel: 4,
    no_furniture.vehicle: 3,
    no_furniture.plant: 3,
    no_furniture.heap: 4,
    no_furniture.signs: 3,
    no_furniture.building: 2,
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
