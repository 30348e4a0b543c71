"""Batches on the GPU: pictures in memory, damaged masks, jittered colours."""
from __future__ import annotations
import math
import torch
from torch.nn import functional as F

SIDE = 96


def dilated(x):
    return torch.maximum(F.max_pool2d(x, (3, 1), 1, (1, 0)), F.max_pool2d(x, (1, 3), 1, (0, 1)))


def eroded(x):
    return 1 - dilated(1 - x)


def times(x, work, count, most):
    """work applied count[i] times to x[i]."""
    for k in range(most):
        x = torch.where((count > k)[:, None, None, None], work(x), x)
    return x


def some(n, share, device):
    return torch.rand(n, device=device) < share


def ints(n, low, high, device):
    return torch.randint(low, high, (n,), device=device)


def uniform(n, low, high, device):
    return torch.rand(n, device=device) * (high - low) + low


def seeds(inside):
    return torch.multinomial(inside.flatten(1) + 1e-9, 1)[:, 0]


def without_a_colour(inside, colours):
    n = len(inside)
    at = seeds(inside)
    flat = colours.flatten(2)
    own = flat[torch.arange(n, device=at.device), :, at]
    difference = (colours - own[:, :, None, None]).abs().amax(1, keepdim=True)
    similar = inside * (difference < uniform(n, 0.03, 0.12, at.device)[:, None, None, None])
    region = F.one_hot(at, SIDE * SIDE).view(n, 1, SIDE, SIDE).to(inside.dtype)
    for _ in range(40):
        region = dilated(region) * similar
    small = region.sum((1, 2, 3)) < 0.45 * inside.sum((1, 2, 3))
    return torch.where(small[:, None, None, None], inside * (1 - region), inside)


def grid(device):
    line = torch.arange(SIDE, device=device, dtype=torch.float32)
    return line[None, None, :, None], line[None, None, None, :]


def bounds(inside):
    line = torch.arange(SIDE, device=inside.device, dtype=torch.float32)
    rows, columns = inside.amax((1, 3)) > 0.5, inside.amax((1, 2)) > 0.5
    def ends(there):
        return torch.where(there, line, 1e9).amin(1), torch.where(there, line, -1e9).amax(1)
    return (*ends(rows), *ends(columns))


def shadowed(inside):
    n, device = len(inside), inside.device
    top, bottom, left, right = bounds(inside)
    wide = right - left
    y, x = grid(device)
    u = lambda low, high: uniform(n, low, high, device)
    centre = left - 0.1 * wide + u(0, 1) * 1.2 * wide
    across, down = wide * u(0.1, 0.35) + 1e-3, wide * u(0.03, 0.12)
    row = bottom - u(0, 0.15) * (bottom - top)
    w = lambda v: v[:, None, None, None]
    ellipse = ((x - w(centre)) / w(across)) ** 2 + ((y - w(row)) / (w(down) + 1)) ** 2 < 1
    return torch.maximum(inside, ellipse.to(inside.dtype))


def cut(inside):
    n, device = len(inside), inside.device
    angle = uniform(n, 0, 2 * math.pi, device)[:, None, None, None]
    y, x = grid(device)
    along = (torch.cos(angle) * x + torch.sin(angle) * y)
    order = torch.where(inside > 0.5, along, 1e9).flatten(1).sort(1).values
    count = inside.flatten(1).sum(1)
    at = (count * uniform(n, 0.88, 0.98, device)).long().clamp(max=SIDE * SIDE - 1)
    limit = order.gather(1, at[:, None])[:, :, None, None]
    return inside * (along < limit)


def blurred(x, sigma):
    n = len(x)
    taps = torch.arange(-3, 4, device=x.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (taps[None] / sigma[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True))[:, None]
    y = F.pad(x.transpose(0, 1), (3, 3, 3, 3), mode="replicate")
    y = F.conv2d(y, kernel[:, :, None], groups=n)
    return F.conv2d(y, kernel[:, :, :, None], groups=n).transpose(0, 1)


def damaged(mask, colours):
    """mask (n, 1, h, w), colours (n, 3, h, w)"""
    n, device = len(mask), mask.device
    inside = (mask > uniform(n, 0.25, 0.75, device)[:, None, None, None]).to(mask.dtype)
    before = inside
    opening = ints(n, 1, 3, device) * some(n, 0.15, device)
    inside = times(times(inside, eroded, opening, 2), dilated, opening, 2)
    closing = ints(n, 1, 6, device) * some(n, 0.25, device)
    inside = times(times(inside, dilated, closing, 5), eroded, closing, 5)
    def on(share, work, *more):
        nonlocal inside
        chosen = (some(n, share, device) & (inside.sum((1, 2, 3)) > 4)).nonzero()[:, 0]
        if len(chosen):
            inside = inside.index_copy(0, chosen, work(inside[chosen], *(m[chosen] for m in more)))
    on(0.15, without_a_colour, colours)
    on(0.15, shadowed)
    on(0.06, cut)
    kind = torch.rand(n, device=device)[:, None, None, None]
    inside = torch.where(kind < 0.15, dilated(inside), torch.where(kind < 0.27, eroded(inside), inside))
    lost = inside.sum((1, 2, 3)) < 0.3 * before.sum((1, 2, 3))
    inside = torch.where(lost[:, None, None, None], before, inside)
    inside = blurred(inside, uniform(n, 0.3, 1.0, device))
    whole = some(n, 0.35, device) | (before.sum((1, 2, 3)) < 4)
    return torch.where(whole[:, None, None, None], mask, inside)


def jittered(colours):
    n, device = len(colours), colours.device
    order = torch.rand(n, 3, device=device).argsort(1)
    plain = torch.arange(3, device=device).expand(n, 3)
    order = torch.where(some(n, 0.3, device)[:, None], order, plain)
    colours = colours.gather(1, order[:, :, None, None].expand_as(colours))
    gray = colours.mean(1, keepdim=True)
    w = lambda low, high: uniform(n, low, high, device)[:, None, None, None]
    colours = gray + (colours - gray) * w(0, 1.3)
    return (colours * w(0.8, 1.2) + w(-0.08, 0.08)).clamp(0, 1)


def moved(image, camera):
    n, device = len(image), image.device
    chosen = some(n, 0.4, device).float()
    zoom = 1 + chosen * uniform(n, -0.22, 0.1, device)
    shift = chosen[:, None] * (torch.rand(n, 2, device=device) - 0.5) * 0.1
    matrix = torch.zeros(n, 2, 3, device=device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = 1 / zoom
    matrix[:, :, 2] = -2 * shift / zoom[:, None]
    where = F.affine_grid(matrix, list(image.shape), align_corners=False)
    image = F.grid_sample(image, where, align_corners=False, padding_mode="border")
    camera = camera.clone()
    camera[:, 3] *= zoom
    camera[:, 4:] = (camera[:, 4:] - 0.5) * zoom[:, None] + 0.5 + shift
    mask = image[:, 3:]
    reach = torch.randint(0, 3, (n,), device=device)[:, None, None, None]
    shown = torch.ones_like(mask)
    for k, wide in enumerate((2, 4)):
        found = F.max_pool2d((mask > 0.5).float(), 2 * wide + 1, 1, wide)
        shown = torch.where(reach == k, found, shown)
    return torch.cat([image[:, :3] * shown, mask], 1), camera
