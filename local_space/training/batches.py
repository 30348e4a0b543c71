"""The training set in a device's memory, and random batches of it, each picture changed anew."""

from __future__ import annotations

import time
from typing import Dict, Set

import numpy as np
import torch
from torch.nn import functional as F

from local_space.recognition import SIDE
from local_space.training import dataset, masks
from local_space.training.dataset import PICTURES_PER_CHUNK, SHAPES_PER_CHUNK
from local_space.training.shapes import POINTS

# The first chunks are held out: nothing is learned from them.
_HELD_OUT = 6
# With so many further ones the training begins.
_FIRST = 6
# Pixels around the silhouette in which the room is shown; in place of 0, everywhere.
_REACHES = (0, 2, 4)


class Pictures:
    """Pictures and points in memory; those that are made meanwhile join them."""

    def __init__(self, plan: dataset.Plan, device: torch.device) -> None:
        self._plan, self._device = plan, device
        self._seen: Set[int] = set()
        with np.load(plan.library) as arrays:
            real = {name: arrays[name] for name in ("kind", "points", "occupied")}
        self._real = len(real["kind"])
        pictures = plan.chunks * PICTURES_PER_CHUNK
        shapes = self._real + plan.chunks * SHAPES_PER_CHUNK
        self._rows = {
            "colours": torch.empty(pictures, 3, SIDE, SIDE, dtype=torch.uint8, device=device),
            "mask": torch.empty(pictures, 1, SIDE, SIDE, dtype=torch.uint8, device=device),
            "camera": torch.empty(pictures, 6, device=device),
            "half": torch.empty(pictures, 3, device=device),
            "shape": torch.empty(pictures, dtype=torch.long, device=device),
            "points": torch.empty(shapes, POINTS, 3, dtype=torch.float16, device=device),
            "occupied": torch.empty(shapes, POINTS, dtype=torch.bool, device=device),
            "kind": torch.empty(shapes, dtype=torch.long, device=device),
        }
        for name, values in real.items():
            self._rows[name][: self._real] = torch.from_numpy(values)

    def __len__(self) -> int:
        return len(self._seen) * PICTURES_PER_CHUNK

    def wait(self) -> None:
        """Wait for as many pictures as the training begins with."""
        need = range(min(self._plan.chunks, _HELD_OUT + _FIRST))
        while not all(self._plan.chunk(number).exists() for number in need):
            time.sleep(1)
        self.read()

    def read(self) -> None:
        """Look for pictures that have been made meanwhile."""
        for number in range(self._plan.chunks):
            if number not in self._seen and self._plan.chunk(number).exists():
                with np.load(self._plan.chunk(number)) as arrays:
                    self._add(dict(arrays))
                self._seen.add(number)

    def _add(self, chunk: Dict[str, np.ndarray]) -> None:
        of_shapes = self._real + len(self._seen) * SHAPES_PER_CHUNK
        procedural = chunk["shape"] < SHAPES_PER_CHUNK
        chunk["shape"] += np.where(procedural, of_shapes, -SHAPES_PER_CHUNK)
        chunk["colours"] = chunk["colours"].transpose(0, 3, 1, 2)
        chunk["mask"] = chunk["mask"][:, None]
        chunk["camera"][:, 3:] /= SIDE
        for name, values in chunk.items():
            first = of_shapes if name in ("points", "occupied", "kind") else len(self)
            self._rows[name][first : first + len(values)] = torch.from_numpy(values)

    def batch(self, size: int, points: int, held_out: bool = False) -> Dict[str, torch.Tensor]:
        """Pictures of masks with faults, and points: what the losses compare."""
        held = min(_HELD_OUT, len(self._seen) // 2) * PICTURES_PER_CHUNK
        low, high = (0, held) if held_out else (held, len(self))
        index = torch.randint(low, high, (size,), device=self._device)
        of = {name: self._rows[name][index] for name in ("colours", "mask", "camera", "half")}
        shape = self._rows["shape"][index]
        colours, mask = of["colours"].float() / 255, of["mask"].float() / 255
        mask = masks.damaged(mask, colours)
        chosen = torch.randint(0, POINTS, (size, points), device=self._device)
        told = {
            "image": torch.cat([_jittered(colours), mask], 1),
            "camera": of["camera"],
            "half": of["half"],
            "points": self._rows["points"][shape[:, None], chosen].float(),
            "occupied": self._rows["occupied"][shape[:, None], chosen].float(),
            "kind": self._rows["kind"][shape],
        }
        return _moved(_mirrored(told))


def _jittered(colours: torch.Tensor) -> torch.Tensor:
    n, device = len(colours), colours.device
    order = torch.rand(n, 3, device=device).argsort(1)
    kept = torch.rand(n, 1, device=device) < 0.7
    order = torch.where(kept, torch.arange(3, device=device), order)
    colours = colours.gather(1, order[:, :, None, None].expand_as(colours))
    gray = colours.mean(1, keepdim=True)
    share, factor, step = torch.rand(3, n, 1, 1, 1, device=device)
    colours = gray + (colours - gray) * share * 1.3
    return (colours * (0.8 + factor * 0.4) + step * 0.16 - 0.08).clamp(0, 1)


def _mirrored(batch: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Every second one, by chance, left for right."""
    flip = torch.rand(len(batch["kind"]), device=batch["image"].device) < 0.5
    camera, points = batch["camera"].clone(), batch["points"].clone()
    camera[:, 0] = torch.where(flip, -camera[:, 0], camera[:, 0])
    camera[:, 4] = torch.where(flip, 1 - camera[:, 4], camera[:, 4])
    points[..., 0] = torch.where(flip[:, None], -points[..., 0], points[..., 0])
    image = torch.where(flip[:, None, None, None], batch["image"].flip(3), batch["image"])
    return {**batch, "image": image, "camera": camera, "points": points}


def _moved(batch: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
    """Crops as of masks with faults, larger or smaller and off the middle; the room is hidden."""
    n, device = len(batch["kind"]), batch["image"].device
    some = (torch.rand(n, device=device) < 0.4).float()
    zoom = 1 + some * (torch.rand(n, device=device) * 0.32 - 0.22)
    shift = some[:, None] * (torch.rand(n, 2, device=device) - 0.5) * 0.1
    matrix = torch.zeros(n, 2, 3, device=device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / zoom
    matrix[:, :, 2] = -2 * shift / zoom[:, None]
    grid = F.affine_grid(matrix, list(batch["image"].shape), align_corners=False)
    image = F.grid_sample(batch["image"], grid, align_corners=False, padding_mode="border")
    camera = batch["camera"].clone()
    camera[:, 3] *= zoom
    camera[:, 4:] = (camera[:, 4:] - 0.5) * zoom[:, None] + 0.5 + shift
    mask = image[:, 3:]
    reach = torch.randint(0, len(_REACHES), (n, 1, 1, 1), device=device)
    shown = torch.ones_like(mask)
    for number, wide in enumerate(_REACHES):
        if wide:
            near = F.max_pool2d((mask > 0.5).float(), 2 * wide + 1, 1, wide)
            shown = torch.where(reach == number, near, shown)
    return {**batch, "image": torch.cat([image[:, :3] * shown, mask], 1), "camera": camera}
