"""Damages silhouettes as a segmentation network does: the shape is learned in spite of it.

All work on a batch at once, on its device: masks (n, 1, h, w) from 0 to 1, each with own faults.
"""

from __future__ import annotations

import math
from typing import Callable, Tuple

import torch
from torch.nn import functional as F

# The share of the masks that get no fault.
_WHOLE = 0.35
# Of what is left of a silhouette, at least: else it stays as it was.
_LEAST = 0.3
# Steps in which a region of one colour grows from a pixel.
_GROWTH = 40


def damaged(mask: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """`mask` with faults: lost parts, filled gaps, shadows, soft edges. `colours` (n, 3, h, w)."""
    n = len(mask)
    before = inside = (mask > _each(mask, 0.25, 0.75)).to(mask.dtype)
    opening = _counts(mask, 1, 3) * _some(mask, 0.15)
    inside = _repeated(_dilated, _repeated(_eroded, inside, opening), opening)
    closing = _counts(mask, 1, 6) * _some(mask, 0.25)
    inside = _repeated(_eroded, _repeated(_dilated, inside, closing), closing)
    inside = torch.where(_any(inside), inside, before)
    inside = _on_some(0.15, inside, lambda part, at: _without_a_colour(part, colours[at]))
    inside = _on_some(0.15, inside, lambda part, _: torch.maximum(part, _shadow(part)))
    inside = _on_some(0.06, inside, lambda part, _: _cut(part))
    kind = torch.rand(n, 1, 1, 1, device=mask.device)
    inside = torch.where(kind < 0.15, _dilated(inside), inside)
    inside = torch.where((kind >= 0.15) & (kind < 0.27), _eroded(inside), inside)
    lost = _area(inside) < _LEAST * _area(before)
    inside = _blurred(torch.where(lost, before, inside), _each(mask, 0.3, 1.0))
    return torch.where(_some(mask, _WHOLE)[:, None, None, None] | ~_any(before), mask, inside)


def _some(like: torch.Tensor, share: float) -> torch.Tensor:
    return torch.rand(len(like), device=like.device) < share


def _each(like: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """A number for each of a batch, (n, 1, 1, 1)."""
    return torch.rand(len(like), 1, 1, 1, device=like.device) * (high - low) + low


def _counts(like: torch.Tensor, low: int, high: int) -> torch.Tensor:
    return torch.randint(low, high, (len(like),), device=like.device)


def _area(inside: torch.Tensor) -> torch.Tensor:
    return inside.sum((1, 2, 3), keepdim=True)


def _any(inside: torch.Tensor) -> torch.Tensor:
    return _area(inside) > 0


def _dilated(x: torch.Tensor) -> torch.Tensor:
    """By a pixel up, down and to the sides."""
    return torch.maximum(F.max_pool2d(x, (3, 1), 1, (1, 0)), F.max_pool2d(x, (1, 3), 1, (0, 1)))


def _eroded(x: torch.Tensor) -> torch.Tensor:
    return 1 - _dilated(1 - x)


def _repeated(
    work: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, counts: torch.Tensor
) -> torch.Tensor:
    """`work` done `counts[i]` times to x[i]."""
    for done in range(int(counts.max())):
        x = torch.where((counts > done)[:, None, None, None], work(x), x)
    return x


def _on_some(
    share: float,
    inside: torch.Tensor,
    work: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> torch.Tensor:
    at = (_some(inside, share) & _any(inside).flatten()).nonzero()[:, 0]
    return inside.index_copy(0, at, work(inside[at], at)) if len(at) else inside


def _without_a_colour(inside: torch.Tensor, colours: torch.Tensor) -> torch.Tensor:
    """One connected region of similar colour is taken for the room's."""
    at = torch.multinomial(inside.flatten(1), 1)
    own = colours.flatten(2).gather(2, at[:, None].expand(-1, 3, -1))[..., None]
    difference = (colours - own).abs().amax(1, keepdim=True)
    similar = inside * (difference < _each(inside, 0.03, 0.12))
    region = torch.zeros_like(inside).flatten(1).scatter(1, at, 1.0).view_as(inside)
    for _ in range(_GROWTH):
        region = _dilated(region) * similar
    small = _area(region) < 0.45 * _area(inside)
    return torch.where(small, inside * (1 - region), inside)


def _places(inside: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """The row and the column of each pixel, to be broadcast."""
    rows, columns = (torch.arange(n, device=inside.device).float() for n in inside.shape[2:])
    return rows[None, None, :, None], columns[None, None, None, :]


def _ends(at: torch.Tensor, inside: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    """The least and the largest value of `at` inside, (n, 1, 1, 1) each."""
    there = inside > 0.5
    low = torch.where(there, at, torch.inf).amin((1, 2, 3), keepdim=True)
    return low, torch.where(there, at, -torch.inf).amax((1, 2, 3), keepdim=True)


def _shadow(inside: torch.Tensor) -> torch.Tensor:
    """An ellipse at the foot of the piece."""
    row, column = _places(inside)
    (top, bottom), (left, right) = _ends(row, inside), _ends(column, inside)
    wide = right - left
    middle = left + wide * _each(inside, -0.1, 1.1)
    across, down = wide * _each(inside, 0.1, 0.35) + 1e-3, wide * _each(inside, 0.03, 0.12) + 1
    foot = bottom - (bottom - top) * _each(inside, 0, 0.15)
    return (((column - middle) / across) ** 2 + ((row - foot) / down) ** 2 < 1).to(inside.dtype)


def _cut(inside: torch.Tensor) -> torch.Tensor:
    """What lies outside a line near the silhouette's edge is lost."""
    row, column = _places(inside)
    angle = _each(inside, 0, 2 * math.pi)
    along = torch.cos(angle) * column + torch.sin(angle) * row
    low, high = _ends(along, inside)
    return inside * (along < low + (high - low) * _each(inside, 0.85, 0.98))


def _blurred(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Each by a Gaussian of its own `sigma` (n, 1, 1, 1), in pixels."""
    n = len(x)
    taps = torch.arange(-3, 4, device=x.device).float()
    kernel = torch.exp(-0.5 * (taps / sigma) ** 2)
    kernel = kernel / kernel.sum(3, keepdim=True)
    y = F.pad(x.transpose(0, 1), (3, 3, 3, 3), mode="replicate")
    y = F.conv2d(y, kernel, groups=n)
    return F.conv2d(y, kernel.transpose(2, 3), groups=n).transpose(0, 1)
