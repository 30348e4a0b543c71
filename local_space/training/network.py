"""The network: a picture to class, camera, proportions, and an occupancy of points in the box.

A residual encoder (He et al., «Deep Residual Learning», CVPR 2016) with a feature pyramid (Lin et
al., CVPR 2017). The decoder samples features where a point and its mirror image project («PIFu»,
Saito et al., ICCV 2019) and is modulated by the whole picture («FiLM», Perez et al., AAAI 2018).
"""

from __future__ import annotations

from typing import Callable, Dict, Tuple

import torch
from torch import nn
from torch.nn import functional as F

from local_space.recognition import CLASSES

# Bins of the angle around the piece.
ANGLES = 36
# Channels of the encoder's levels, from the largest to the smallest.
_WIDTHS = (32, 64, 128, 192, 256)
# Channels of the picture's features, which the decoder samples.
FEATURES = 48
# What the whole picture becomes.
WHOLE = 256
# Width of the decoder.
HIDDEN = 128
# Residual blocks of the decoder.
BLOCKS = 2
# Waves of rising frequency that tell the decoder where in the box a point is.
_OCTAVES = 3
# Around (sine, cosine), above, nearness, the logarithms of the half sides.
_POSE = 7
# What the decoder is told of a point: see `point_features`.
_POINT = 2 * (FEATURES + 1) + 3 + 3 + 6 * _OCTAVES + 1
Sampler = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class Block(nn.Module):
    def __init__(self, before: int, after: int, step: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, step, 1, bias=False)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(after), nn.BatchNorm2d(after)])
        self.skip = nn.Conv2d(before, after, 1, step) if (step, before) != (1, after) else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norms[1](self.second(F.relu(self.norms[0](self.first(x)))))
        return F.relu(y + (x if self.skip is None else self.skip(x)))


def _convolution(before: int, after: int, side: int, step: int, margin: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(before, after, side, step, margin, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


class Encoder(nn.Module):
    """(b, 4, 96, 96), colours and mask from 0 to 1, to features, a whole and the heads' answers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(4, _WIDTHS[0], 7, 3, 2)
        levels = [_convolution(_WIDTHS[0], _WIDTHS[0], 3, 1, 1)]
        for before, after in zip(_WIDTHS[:-1], _WIDTHS[1:]):
            levels.append(nn.Sequential(Block(before, after, 2), Block(after, after)))
        self.levels = nn.ModuleList(levels)
        self.sideways = nn.ModuleList([nn.Conv2d(width, FEATURES, 1) for width in _WIDTHS])
        self.middle = nn.Conv2d(FEATURES, FEATURES, 3, 1, 1)
        self.last = nn.Conv2d(FEATURES, FEATURES, 1)
        self.whole = nn.Sequential(nn.Flatten(), nn.Linear(_WIDTHS[-1] * 4, WHOLE), nn.ReLU())
        self.heads = nn.Sequential(
            nn.Linear(WHOLE, WHOLE), nn.ReLU(), nn.Linear(WHOLE, ANGLES + 8 + len(CLASSES) + 1)
        )

    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        x = self.stem(x)
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        pyramid = self.sideways[-1](found[-1])
        for level, sideways in zip(found[-2::-1], list(self.sideways)[-2::-1]):
            if level is found[0]:  # the largest but one has seen most of what there is
                pyramid = F.relu(self.middle(pyramid))
            pyramid = F.interpolate(pyramid, scale_factor=2.0, mode="nearest") + sideways(level)
        whole = self.whole(found[-1].contiguous())
        return self.last(F.relu(pyramid)), whole, self.heads(whole)


class Decoder(nn.Module):
    """Point features (b, n, _POINT), a whole (b, WHOLE) and a pose (b, _POSE) to logits (b, n)."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(_POINT, HIDDEN)
        self.modulate = nn.Linear(WHOLE + _POSE, 2 * HIDDEN * (BLOCKS + 1))
        self.blocks = nn.ModuleList(
            [
                nn.ModuleList([nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, HIDDEN)])
                for _ in range(BLOCKS)
            ]
        )
        self.leave = nn.Linear(HIDDEN, 1)

    def forward(
        self, points: torch.Tensor, whole: torch.Tensor, pose: torch.Tensor
    ) -> torch.Tensor:
        by = self.modulate(torch.cat([whole, pose], 1)).view(-1, BLOCKS + 1, 2, 1, HIDDEN)
        x = self.enter(points) * (1 + by[:, 0, 0]) + by[:, 0, 1]
        for k, (first, second) in enumerate(self.blocks):
            y = first(F.relu(x)) * (1 + by[:, k + 1, 0]) + by[:, k + 1, 1]
            x = x + second(F.relu(y))
        return self.leave(F.relu(x))[..., 0]


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()


def heads(answers: torch.Tensor) -> Dict[str, torch.Tensor]:
    """The heads' answers by name; scale and middle are of the picture's side."""
    return {
        "angles": answers[:, :ANGLES],
        "above": answers[:, ANGLES] * 20 + 18,
        "nearness": torch.exp(answers[:, ANGLES + 1] - 1),
        "scale": torch.exp(answers[:, ANGLES + 2] * 0.5 - 0.3),
        "middle": answers[:, ANGLES + 3 : ANGLES + 5] * 0.1 + 0.5,
        "log_half": answers[:, ANGLES + 5 : ANGLES + 8] - 1.0,
        "kinds": answers[:, ANGLES + 8 :],
    }


def pose(
    around: torch.Tensor, above: torch.Tensor, nearness: torch.Tensor, half: torch.Tensor
) -> torch.Tensor:
    """What the decoder is told of camera (degrees) and proportions, (b, _POSE)."""
    turn = around * (torch.pi / 180)
    flat = [torch.sin(turn), torch.cos(turn), above / 20, nearness * 2]
    return torch.cat([torch.stack(flat, 1), torch.log(half) + 1], 1)


def sampled(image: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """An image (b, c, h, w) at points whose `u` and `v` (b, n, 1) go from 0 to 1, (b, n, c)."""
    grid = torch.cat([u, v], -1)[:, :, None] * 2 - 1
    found = F.grid_sample(image, grid, align_corners=False, padding_mode="border")
    return found[..., 0].transpose(1, 2)


def gathered(image: torch.Tensor, u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The same of one image by plain operations, for which ONNX Runtime needs less time."""
    height, width = image.shape[2:]
    pixels = image[0].reshape(image.shape[1], -1).transpose(0, 1)
    x, y = ((at * n - 0.5).clamp(0, n - 1) for at, n in ((u, width), (v, height)))
    left, top = x.floor(), y.floor()
    x, y = x - left, y - top
    found = 0.0
    for row, of_row in ((top, 1 - y), ((top + 1).clamp(max=height - 1), y)):
        for column, of_column in ((left, 1 - x), ((left + 1).clamp(max=width - 1), x)):
            at = (row * width + column)[..., 0].long()
            found = found + pixels[at] * (of_row * of_column)
    return found


def point_features(
    boxed: torch.Tensor,
    half: torch.Tensor,
    camera: torch.Tensor,
    features: torch.Tensor,
    mask: torch.Tensor,
    sample: Sampler = sampled,
) -> torch.Tensor:
    """Points (b, n, 3) in box coordinates to the decoder's input (b, n, _POINT).

    `camera` (b, 6) is around and above in degrees, nearness, scale and middle of the side.
    """
    points = boxed * half[:, None]
    turn, tilt = (camera[:, k] * (torch.pi / 180) for k in (0, 1))
    c, s, ct, st = (f(a) for a in (turn, tilt) for f in (torch.cos, torch.sin))
    axes = torch.stack([c, 0 * c, -s, -st * s, ct, -st * c, ct * s, st, ct * c], 1).view(-1, 3, 3)
    mirrored = axes * axes.new_tensor([-1.0, 1.0, 1.0])
    turned = (points @ torch.cat([axes, mirrored], 1).transpose(1, 2)).split(1, -1)
    nearness, scale, across, down = (camera[:, k, None, None] for k in range(2, 6))
    found = []
    for right, up, near in (turned[:3], turned[3:]):
        larger = scale / (1 - nearness * near)
        u, v = across + right * larger, down - up * larger
        found += [sample(image, u, v) for image in (features, mask)]
    waves = [f(boxed * (2**k * torch.pi)) for k in range(_OCTAVES) for f in (torch.sin, torch.cos)]
    return torch.cat([*found, boxed, points * 2, *waves, turned[2]], -1)
