"""Learns the network's weights: two processes of one thread that average their gradients.

The rate rises, stays, and falls over the last part («WSD»: Hu et al., «MiniCPM», 2024), so that a
run can be made longer. What is kept is the moving average of the weights.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np
import torch
import torch.distributed as dist
from torch.nn import functional as F

from local_space.recognition import SIDE
from local_space.training import dataset, masks, network

_BATCH, _POINTS = 24, 512
_RATE, _WARM_UP, _FALL = 1.5e-3, 150, 0.35
_AVERAGE = 0.998
_SAVE_EVERY_S, _LOG_EVERY, _READ_EVERY = 180, 50, 500
_HELD_OUT = 500
# Degrees, degrees, share, share, share of the side: how wrong the pose is that the decoder gets.
_NOISE = {
    "around": 2.0,
    "above": 1.2,
    "nearness": 0.1,
    "scale": 0.008,
    "middle": 0.003,
    "half": 0.015,
}


class Set:
    """The pictures and points in memory, and random batches of them."""

    def __init__(self, plan: dataset.Plan) -> None:
        shapes = dataset.read_shapes(plan)
        self._points, self._occupied, self._kind = (
            shapes[k] for k in ("points", "occupied", "kind")
        )
        self._plan = plan
        self.read()

    def read(self) -> None:
        """Look for pictures that have been made meanwhile."""
        self._pictures = dataset.read_pictures(self._plan)

    def __len__(self) -> int:
        return len(self._pictures["shape"])

    def batch(self, rng: np.random.Generator, held_out: bool = False) -> Dict[str, torch.Tensor]:
        low, high = (0, _HELD_OUT) if held_out else (_HELD_OUT, len(self))
        rows: Dict[str, List[Any]] = {}
        for index in rng.integers(low, high, _BATCH):
            for name, value in self._sample(int(index), rng).items():
                rows.setdefault(name, []).append(value)
        tensors = {name: torch.from_numpy(np.stack(values)) for name, values in rows.items()}
        return _moved(tensors, rng)

    def _sample(self, index: int, rng: np.random.Generator) -> Dict[str, np.ndarray]:
        of = {name: values[index] for name, values in self._pictures.items()}
        colours = of["colours"].astype(np.float32) / 255
        mask = of["mask"].astype(np.float32) / 255
        camera = of["camera"].astype(np.float32)
        camera[3:] /= SIDE
        mask = masks.damaged(mask, colours, rng).astype(np.float32)
        colours = _jittered(colours, rng)
        shape = of["shape"]
        chosen = rng.integers(0, self._points.shape[1], _POINTS)
        points = self._points[shape][chosen].astype(np.float32)
        if rng.random() < 0.5:
            colours, mask = colours[:, ::-1], mask[:, ::-1]
            camera[0], camera[4] = -camera[0], 1 - camera[4]
            points[:, 0] *= -1
        return {
            "image": np.concatenate([colours, mask[..., None]], -1)
            .transpose(2, 0, 1)
            .astype(np.float32),
            "camera": camera,
            "half": of["half"].astype(np.float32),
            "points": points,
            "occupied": self._occupied[shape][chosen].astype(np.float32),
            "kind": np.int64(self._kind[shape]),
            "reach": np.int64(rng.choice([2, 4, 97])),
        }


def _jittered(colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.3:
        colours = colours[..., rng.permutation(3)]
    gray = colours.mean(2, keepdims=True)
    colours = gray + (colours - gray) * rng.uniform(0, 1.3)
    colours = colours * rng.uniform(0.8, 1.2) + rng.uniform(-0.08, 0.08)
    return colours.clip(0, 1)


def _moved(batch: Dict[str, torch.Tensor], rng: np.random.Generator) -> Dict[str, torch.Tensor]:
    """Crops as of masks with faults, larger or smaller and off the middle; the room is hidden."""
    n = len(batch["kind"])
    some = torch.from_numpy((rng.random(n) < 0.4).astype(np.float32))
    zoom = 1 + some * torch.from_numpy(rng.uniform(-0.22, 0.1, n).astype(np.float32))
    shift = some[:, None] * torch.from_numpy(rng.uniform(-0.05, 0.05, (n, 2)).astype(np.float32))
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / zoom
    matrix[:, :, 2] = -2 * shift / zoom[:, None]
    grid = F.affine_grid(matrix, list(batch["image"].shape), align_corners=False)
    image = F.grid_sample(batch["image"], grid, align_corners=False, padding_mode="border")
    camera = batch["camera"].clone()
    camera[:, 3] *= zoom
    camera[:, 4:] = (camera[:, 4:] - 0.5) * zoom[:, None] + 0.5 + shift
    mask = image[:, 3:]
    shown = torch.ones_like(mask)
    for reach in (2, 4):
        wide = F.max_pool2d((mask > 0.5).float(), 2 * reach + 1, 1, reach)
        shown = torch.where((batch["reach"] == reach)[:, None, None, None], wide, shown)
    return {**batch, "image": torch.cat([image[:, :3] * shown, mask], 1), "camera": camera}


def losses(
    net: network.Network, batch: Dict[str, torch.Tensor]
) -> Tuple[torch.Tensor, Dict[str, float]]:
    """The sum to be made small, and figures to be logged."""
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        features, whole, answers = net.encoder(image)
    features, whole, answers = features.float(), whole.float(), answers.float()
    camera, half = batch["camera"], batch["half"]
    noisy, noisy_half = _with_noise(camera, half)
    inputs = network.point_features(
        batch["points"], noisy_half, noisy, features, batch["image"][:, 3:]
    )
    told = network.pose(noisy[:, 0], noisy[:, 1], noisy[:, 2], noisy_half)
    with torch.autocast("cpu", torch.bfloat16):
        logits = net.decoder(inputs, whole, told)
    logits = logits.float()
    occupied = batch["occupied"]
    found = network.heads(answers)
    bins = torch.arange(network.ANGLES) * (360 / network.ANGLES) - 180
    away = (bins[None] - camera[:, :1] + 180) % 360 - 180
    target = torch.softmax(-(away**2) / (2 * 6.0**2), 1)
    parts = {
        "occupancy": 3 * F.binary_cross_entropy_with_logits(logits, occupied),
        "angle": -0.25 * (target * F.log_softmax(found["angles"], 1)).sum(1).mean(),
        "above": F.smooth_l1_loss(found["above"] / 10, camera[:, 1] / 10),
        "nearness": F.smooth_l1_loss(torch.log(found["nearness"]), torch.log(camera[:, 2])),
        "scale": 4 * F.smooth_l1_loss(torch.log(found["scale"]), torch.log(camera[:, 3])),
        "middle": 20 * F.smooth_l1_loss(found["middle"], camera[:, 4:]),
        "half": 4 * F.smooth_l1_loss(found["log_half"], torch.log(half)),
        "kind": 0.15 * F.cross_entropy(found["kinds"], batch["kind"]),
    }
    with torch.no_grad():
        made = logits > 0
        both = (made & (occupied > 0.5)).sum().item()
        figures = {name: part.item() for name, part in parts.items()}
        figures["iou"] = both / max(1, (made | (occupied > 0.5)).sum().item())
        best = bins[found["angles"].argmax(1)]
        wrong = ((best - camera[:, 0] + 180) % 360 - 180).abs()
        figures["angle right"] = (wrong < 15).float().mean().item()
        figures["kind right"] = (found["kinds"].argmax(1) == batch["kind"]).float().mean().item()
    return sum(parts.values()), figures


def _with_noise(camera: torch.Tensor, half: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    noise = torch.randn(len(camera), 9)
    camera = camera.clone()
    camera[:, 0] += noise[:, 0] * _NOISE["around"]
    camera[:, 1] += noise[:, 1] * _NOISE["above"]
    camera[:, 2] *= torch.exp(noise[:, 2] * _NOISE["nearness"])
    camera[:, 3] *= torch.exp(noise[:, 3] * _NOISE["scale"])
    camera[:, 4:] += noise[:, 4:6] * _NOISE["middle"]
    return camera, half * torch.exp(noise[:, 6:] * _NOISE["half"])


def _rate(step: int, steps: int) -> float:
    return _RATE * min(1.0, (step + 1) / _WARM_UP, max(0.01, (steps - step) / (_FALL * steps)))


def train(plan: dataset.Plan, steps: int, rank: int, processes: int, port: int) -> None:
    """Go on from the last checkpoint, if any, to `steps`."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=processes)
    torch.manual_seed(plan.seed)
    net = network.Network().to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=0.02)
    path = plan.folder / "checkpoint.pt"
    first = 0
    if path.exists():
        kept = torch.load(path)
        net.load_state_dict(kept["net"])
        average.load_state_dict(kept["average"])
        optimizer.load_state_dict(kept["optimizer"])
        first = kept["step"]
    data = Set(plan)
    rng = np.random.default_rng([plan.seed, rank, first])
    torch.manual_seed(plan.seed * 1000 + rank + first)
    saved = logged = time.time()
    total: Dict[str, float] = {}
    for step in range(first, steps):
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, steps)
        net.train()
        loss, figures = losses(net, data.batch(rng))
        optimizer.zero_grad()
        loss.backward()
        _average_gradients(net, processes)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        _follow(average, net, min(_AVERAGE, (step + 1) / (step + 10)))
        for name, value in figures.items():
            total[name] = total.get(name, 0.0) + value / _LOG_EVERY
        if (step + 1) % _READ_EVERY == 0:
            data.read()
        if rank == 0 and (step + 1) % _LOG_EVERY == 0:
            now = time.time()
            print(_line(step + 1, (now - logged) / _LOG_EVERY, len(data), total), flush=True)
            if (step + 1) % (20 * _LOG_EVERY) == 0:
                print(
                    "held out:",
                    _line(step + 1, 0.0, _HELD_OUT, _held_out(average, data)),
                    flush=True,
                )
            total, logged = {}, now
        elif (step + 1) % _LOG_EVERY == 0:
            total = {}
        if rank == 0 and (time.time() - saved > _SAVE_EVERY_S or step + 1 == steps):
            saved = time.time()
            _save(path, net, average, optimizer, step + 1)
    dist.barrier()
    dist.destroy_process_group()


def _average_gradients(net: torch.nn.Module, processes: int) -> None:
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    flat /= processes
    for gradient, values in zip(gradients, flat.split([g.numel() for g in gradients])):
        gradient.copy_(values.view_as(gradient))


@torch.no_grad()
def _follow(average: torch.nn.Module, net: torch.nn.Module, keep: float) -> None:
    mine, theirs = average.state_dict(), net.state_dict()
    floats = [name for name, value in mine.items() if value.is_floating_point()]
    torch._foreach_lerp_([mine[n] for n in floats], [theirs[n] for n in floats], 1 - keep)


@torch.no_grad()
def _held_out(average: network.Network, data: Set) -> Dict[str, float]:
    rng = np.random.default_rng(0)
    found = [losses(average, data.batch(rng, held_out=True))[1] for _ in range(8)]
    return {name: float(np.mean([figures[name] for figures in found])) for name in found[0]}


def _save(
    path: Path,
    net: torch.nn.Module,
    average: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
) -> None:
    part = path.with_suffix(".part")
    states = {"net": net.state_dict(), "average": average.state_dict()}
    torch.save({**states, "optimizer": optimizer.state_dict(), "step": step}, part)
    part.replace(path)


def _line(step: int, seconds: float, pictures: int, figures: Dict[str, float]) -> str:
    values = " ".join(f"{name} {value:.3f}" for name, value in figures.items())
    return f"step {step} ({seconds:.2f} s, {pictures} pictures): {values}"
