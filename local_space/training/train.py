"""Learns the network's weights, on a GPU where there is one.

The rate rises, stays, and falls over the last part («WSD»: Hu et al., «MiniCPM», 2024), so that a
run can be made longer. What is kept is the moving average of the weights.
"""

from __future__ import annotations

import copy
import os
import time
from pathlib import Path
from typing import Any, Dict, Tuple

import torch
from torch.nn import functional as F

from local_space.recognition import CLASSES
from local_space.training import dataset, network
from local_space.training.batches import Pictures

# Pictures a step on a GPU.
_BATCH = 512
# Pictures a step on a CPU.
_SMALL_BATCH = 48
# Points of each picture.
_POINTS = 512
# The largest learning rate.
_RATE = 1.5e-3
# Steps in which the rate rises to this.
_WARM_UP = 150
# The last part of the time, in which it falls.
_FALL = 0.5
# The share of it that is left in the end.
_LEAST_RATE = 0.005
# What the moving average keeps in a step.
_AVERAGE = 0.999
_SAVE_EVERY_S = 60
_LOG_EVERY_S = 20
# Steps after which pictures that were made meanwhile are read.
_READ_EVERY = 100
_HELD_OUT_BATCHES = 8
# Degrees, degrees, share, share, share of the side: how wrong the pose is that the decoder gets.
_NOISE = {
    "around": 2.0,
    "above": 1.2,
    "nearness": 0.1,
    "scale": 0.008,
    "middle": 0.003,
    "half": 0.015,
}

Figures = Dict[str, torch.Tensor]


def losses(net: network.Network, batch: Dict[str, torch.Tensor]) -> Tuple[torch.Tensor, Figures]:
    """The sum to be made small, and figures to be logged."""
    device = batch["image"].device
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16):
        features, whole, answers = net.encoder(image)
    features, whole, answers = features.float(), whole.float(), answers.float()
    camera, half = batch["camera"], batch["half"]
    noisy, noisy_half = _with_noise(camera, half)
    inputs = network.point_features(
        batch["points"], noisy_half, noisy, features, batch["image"][:, 3:]
    )
    told = network.pose(noisy[:, 0], noisy[:, 1], noisy[:, 2], noisy_half)
    with torch.autocast(device.type, torch.bfloat16):
        logits = net.decoder(inputs, whole, told)
    logits = logits.float()
    occupied, found = batch["occupied"], network.heads(answers)
    # What is no furniture teaches its class alone.
    is_piece = (batch["kind"] < len(CLASSES)).float()
    bins = torch.arange(network.ANGLES, device=device) * (360 / network.ANGLES) - 180
    away = (bins[None] - camera[:, :1] + 180) % 360 - 180
    target = torch.softmax(-(away**2) / (2 * 6.0**2), 1)

    def mean(values: torch.Tensor) -> torch.Tensor:
        return (values * is_piece).sum() / is_piece.sum().clamp(min=1)

    def apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return F.smooth_l1_loss(one, other, reduction="none")

    outside = F.binary_cross_entropy_with_logits(logits, occupied, reduction="none")
    parts = {
        "occupancy": 3 * mean(outside.mean(1)),
        "angle": -0.25 * mean((target * F.log_softmax(found["angles"], 1)).sum(1)),
        "above": mean(apart(found["above"] / 10, camera[:, 1] / 10)),
        "nearness": mean(apart(torch.log(found["nearness"]), torch.log(camera[:, 2]))),
        "scale": 4 * mean(apart(torch.log(found["scale"]), torch.log(camera[:, 3]))),
        "middle": 20 * mean(apart(found["middle"], camera[:, 4:]).mean(1)),
        "half": 4 * mean(apart(found["log_half"], torch.log(half)).mean(1)),
        "kind": 0.15 * F.cross_entropy(found["kinds"], batch["kind"]),
    }
    with torch.no_grad():
        figures = {name: part.detach() for name, part in parts.items()}
        made = (logits > 0) & (is_piece[:, None] > 0)
        true = (occupied > 0.5) & (is_piece[:, None] > 0)
        figures["iou"] = (made & true).sum() / (made | true).sum().clamp(min=1)
        best = bins[found["angles"].argmax(1)]
        wrong = ((best - camera[:, 0] + 180) % 360 - 180).abs()
        figures["angle right"] = mean((wrong < 15).float())
        figures["kind right"] = (found["kinds"].argmax(1) == batch["kind"]).float().mean()
    return torch.stack(list(parts.values())).sum(), figures


def _with_noise(camera: torch.Tensor, half: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
    noise = torch.randn(len(camera), 9, device=camera.device)
    camera = camera.clone()
    camera[:, 0] += noise[:, 0] * _NOISE["around"]
    camera[:, 1] += noise[:, 1] * _NOISE["above"]
    camera[:, 2] *= torch.exp(noise[:, 2] * _NOISE["nearness"])
    camera[:, 3] *= torch.exp(noise[:, 3] * _NOISE["scale"])
    camera[:, 4:] += noise[:, 4:6] * _NOISE["middle"]
    return camera, half * torch.exp(noise[:, 6:] * _NOISE["half"])


def _rate(step: int, part: float) -> float:
    """The rate at a step, and at this part of the time, 0 to 1."""
    return _RATE * min(1.0, (step + 1) / _WARM_UP, max(_LEAST_RATE, (1 - part) / _FALL))


def train(plan: dataset.Plan, minutes: float) -> None:
    """Go on from the last checkpoint, if any, until `minutes` have been spent in all."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(os.cpu_count() or 1)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    size = _BATCH if device.type == "cuda" else _SMALL_BATCH
    torch.manual_seed(plan.seed)
    net = network.Network().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(net.parameters(), _RATE, weight_decay=0.02)
    average = copy.deepcopy(net).eval()
    path = plan.folder / "checkpoint.pt"
    step, spent = 0, 0.0
    if path.exists():
        kept = torch.load(path, map_location=device)
        net.load_state_dict(kept["net"])
        average.load_state_dict(kept["average"])
        optimizer.load_state_dict(kept["optimizer"])
        step, spent = kept["step"], kept["spent"]
        torch.manual_seed(plan.seed + step)
    pictures = Pictures(plan, device)
    pictures.wait()
    saved = logged = last = time.monotonic()
    total: Figures = {}
    count = 0
    while spent < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, spent / (minutes * 60))
        net.train()
        loss, figures = losses(net, pictures.batch(size, _POINTS))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimizer.step()
        step, count = step + 1, count + 1
        _follow(average, net, min(_AVERAGE, step / (step + 9)))
        total = {name: total.get(name, 0) + value for name, value in figures.items()}
        if step % _READ_EVERY == 0:
            pictures.read()
        now = time.monotonic()
        spent, last = spent + now - last, now
        if now - logged > _LOG_EVERY_S:
            head = f"step {step}, {spent:.0f} s ({(now - logged) / count:.3f} s a step)"
            print(f"{head}, {len(pictures)} pictures: {_line(total, count)}", flush=True)
            total, count, logged = {}, 0, now
        if now - saved > _SAVE_EVERY_S or spent >= minutes * 60:
            _save(path, net, average, optimizer, step, spent)
            print(f"held out: {_line(*_held_out(average, pictures, size))}", flush=True)
            saved = now


@torch.no_grad()
def _follow(average: torch.nn.Module, net: torch.nn.Module, keep: float) -> None:
    mine, theirs = average.state_dict(), net.state_dict()
    floats = [name for name, value in mine.items() if value.is_floating_point()]
    torch._foreach_lerp_([mine[n] for n in floats], [theirs[n] for n in floats], 1 - keep)


@torch.no_grad()
def _held_out(average: network.Network, pictures: Pictures, size: int) -> Tuple[Figures, int]:
    total: Figures = {}
    for _ in range(_HELD_OUT_BATCHES):
        _, figures = losses(average, pictures.batch(size, _POINTS, held_out=True))
        total = {name: total.get(name, 0) + value for name, value in figures.items()}
    return total, _HELD_OUT_BATCHES


def _save(
    path: Path,
    net: torch.nn.Module,
    average: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    spent: float,
) -> None:
    part = path.with_suffix(".part")
    states: Dict[str, Any] = {"net": net.state_dict(), "average": average.state_dict()}
    states["optimizer"] = optimizer.state_dict()
    torch.save({**states, "step": step, "spent": spent}, part)
    part.replace(path)


def _line(total: Figures, count: int) -> str:
    return " ".join(f"{name} {float(value) / count:.3f}" for name, value in total.items())
