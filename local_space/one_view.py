"""What a piece of furniture looks like from the side, guessed from its front.

A silhouette says nothing about depth, so this is knowledge of furniture: depths of what is sold
(Panero and Zelnik, «Human Dimension & Interior Space», 1979), things on a single stem are turned on
a lathe, legs stand in front and at the back, a back rest is at the back.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

import numpy as np

from local_space.outlines import resized, run_counts, symmetry

# Depth by width: of seats, of tall boxes, of wide things (never more than by height), of the rest.
_SEAT, _BOX, _WIDE, _MOST, _OTHER = 1.0, 0.42, 0.42, 1.0, 0.5
# A box on legs, no wider than high: bedside tables, rather than chests of drawers.
_BOX_ON_LEGS = 0.8
# A tenth of the height on a stem narrower than this share of the width: made on a lathe.
_STEM_WIDTH, _STEM_HEIGHT = 0.3, 0.1
_MIN_SYMMETRY = 0.85
# Legs: rows of several runs up to a row that this share of the width fills.
_SEAT_FILL, _MIN_LEGS, _RAIL = 0.6, 0.2, 0.035
# Nobody sits on what is this low and thin: a rail.
_LOW_SEAT, _THIN_SEAT = 0.35, 0.08
# So many thin boards and nothing else, down to the floor: a shelf.
_BOARDS, _LOWEST_BOARD = 3, 0.15
_WIDE_FROM, _BOX_FILL = 1.25, 0.85
# As straight above its legs, and as wide by its height: a box, no seat and back.
_STRAIGHT, _BOX_WIDTH = 0.98, 0.65
# Tops of tables and stools are thinner, of the height.
_THICK_TOP = 0.3
# A back rest's thickness and the depth to which it leans forward at the seat, of the whole depth.
_REST, _LEAN = 0.14, 0.1
_SEAT_THICKNESS = 0.08
_MIN_REST = 0.15
# A leg is thinner than this, of the width.
_LEG = 0.2
# Whoever stands right before a thing sees it touch the floor along this share of its width; the
# lowest rows that count as the floor, of the height.
_FLOOR_WIDTH, _FLOOR = 0.45, 0.03
# The guess is finer than the grid, so that what leans has no stairs.
_FINER = 3


class Side(NamedTuple):
    """A guessed side view: `silhouette` (h, w) bool with the front at its right edge."""

    silhouette: np.ndarray
    layers: int  # its width in cells of the grid
    round: bool


def guess_side(front: np.ndarray, rows: int, columns: int) -> Optional[Side]:
    """The side of the object with this cropped silhouette, for a grid of `rows` by `columns`.

    None for a photo from a corner of the room: its silhouette is no front view.
    """
    shape = resized(front, rows, columns)
    if is_on_a_stem(shape):
        return Side(front | front[:, ::-1], columns, True)
    if not _is_from_the_front(shape):
        return None
    shape = resized(front, rows * _FINER, columns * _FINER)
    height = len(shape)
    legs = _leg_rows(shape)
    seat, rest = height - legs, _rest_rows(shape, legs)
    layers = max(2, round(_depth(shape, legs / height, rest > 0) / _FINER))
    side = np.ones((height, layers * _FINER), bool)
    if legs >= _MIN_LEGS * height:
        side[seat:] = _standing(shape[seat:], side.shape[1])
    if rest:
        side[:rest] = False
        _add_rest(side, shape, rest)
    return Side(side, layers, False)


def _is_from_the_front(shape: np.ndarray) -> bool:
    floor = np.flatnonzero(shape[-max(1, round(_FLOOR * len(shape))) :].any(0))
    return bool(floor[-1] - floor[0] > _FLOOR_WIDTH * shape.shape[1])


def is_on_a_stem(shape: np.ndarray) -> bool:
    """Whether one upright stem carries it all: lamps, pedestal tables, vases."""
    rows, columns = shape.shape
    single = run_counts(shape) == 1
    stem = single & (shape.sum(1) < _STEM_WIDTH * columns)
    return bool(
        single.mean() > 0.9 and stem.sum() > _STEM_HEIGHT * rows and symmetry(shape) > _MIN_SYMMETRY
    )


def _rest_rows(shape: np.ndarray, legs: int) -> int:
    """How many rows from the top down show a back rest alone; 0 where there is none."""
    height, width = shape.shape
    if legs < _MIN_LEGS * height or width >= _WIDE_FROM * height:
        return 0
    seat = height - legs
    rest = _top_of_seat(shape, seat)
    is_box = width > _BOX_WIDTH * height and shape[:seat].mean() > _STRAIGHT
    return 0 if is_box or rest <= _MIN_REST * height else rest


def _top_of_seat(shape: np.ndarray, seat: int) -> int:
    """The row where the seat above row `seat` ends: it narrows there, or is as thick as most."""
    most = round(_SEAT_THICKNESS * len(shape))
    narrow = shape[:seat].sum(1) < _SEAT_FILL * shape.shape[1]
    above = narrow[::-1][:most]
    return seat - (int(above.argmax()) if above.any() else most)


def _leg_rows(shape: np.ndarray) -> int:
    """How many rows from the floor up are legs: below the lowest full part that is no rail.

    A shelf has none.
    """
    full = (run_counts(shape) == 1) & (shape.sum(1) > _SEAT_FILL * shape.shape[1])
    edges = np.flatnonzero(np.diff(np.pad(full, 1).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    if not starts.size:
        return 0
    thickness, low = (ends - starts) / len(shape), 1 - ends / len(shape)
    thick = (thickness > _RAIL) & ((low > _LOW_SEAT) | (thickness > _THIN_SEAT))
    if not thick.any() and len(ends) >= _BOARDS and low[-1] < _LOWEST_BOARD:
        return 0
    lowest = ends[thick][-1] if thick.any() else ends[0]
    below = shape[lowest:]
    if not len(below) or np.median(_widest_runs(below)) > _LEG * shape.shape[1]:
        return 0
    return len(below)


def _widest_runs(shape: np.ndarray) -> np.ndarray:
    """The width of the widest run of each row, (rows,) int."""
    length = np.zeros(len(shape), int)
    widest = length.copy()
    for column in shape.T:
        length = np.where(column, length + 1, 0)
        widest = np.maximum(widest, length)
    return widest


def _depth(shape: np.ndarray, legs: float, has_rest: bool) -> float:
    rows, columns = shape.shape
    aspect = columns / rows
    if aspect > _WIDE_FROM:
        return min(_WIDE * columns, _MOST * rows)
    if has_rest or legs > 1 - _THICK_TOP:
        return _SEAT * columns
    if legs > _MIN_LEGS and aspect < 1:
        return _BOX_ON_LEGS * columns
    return _BOX * columns if shape.mean() > _BOX_FILL else _OTHER * columns


def _standing(legs: np.ndarray, layers: int) -> np.ndarray:
    """Legs seen from the side: as thick as they look from the front, at both ends."""
    widths = legs.sum(1) / np.maximum(1, run_counts(legs))
    thick = int(np.clip(np.median(widths), 2, layers // 4 + 1))
    side = np.zeros((len(legs), layers), bool)
    side[:, :thick] = side[:, -thick:] = True
    return side


def _add_rest(side: np.ndarray, shape: np.ndarray, seat: int) -> None:
    """A back rest that leans, and arm rests where the silhouette is wider than the rest."""
    layers = side.shape[1]
    lean = np.round(np.linspace(0, _LEAN * layers, seat)).astype(int)
    for row in range(seat):
        side[row, lean[row] : lean[row] + max(2, round(_REST * layers))] = True
    arms = arm_rows(shape, seat)
    if arms is not None:
        side[arms:seat, : round(0.9 * layers)] = True


def arm_rows(shape: np.ndarray, seat: int) -> Optional[int]:
    """The row at which arm rests begin: where what is above the seat becomes wider; None: none."""
    widths = shape[:seat].sum(1)
    upper = np.median(widths[: max(1, seat // 2)])
    wide = np.flatnonzero(widths > 1.12 * upper)
    wide = wide[wide > seat // 4]
    return int(wide[0]) if wide.size else None
