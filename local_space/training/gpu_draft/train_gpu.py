from __future__ import annotations
import argparse, copy, glob, multiprocessing as mp, os, sys, time, threading
START = time.time()
os.environ["OMP_NUM_THREADS"] = "1"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import numpy as np

SHAPES, PICTURES, KEPT = 24, 240, 8192
LIB_POINTS = 6144


def work(rank, folder, seed, until):
    import numpy as np
    os.nice(5)
    from local_space.recognition import CLASSES
    from local_space.training import renderer, shapes
    kinds = (*CLASSES, "nothing")
    z = np.load(os.path.join(HERE, "library.npz"))
    lib = {n: np.split(z[n], np.cumsum(z["counts"][:, c])[:-1]) for n, c in (("vertices", 0), ("faces", 1), ("material", 1))}
    count = len(z["kind"])
    chunk = 0
    while time.time() < until:
        first = (seed * 1000 + rank) * 1_000_000 + chunk * SHAPES
        made = []
        for i in range(SHAPES):
            try:
                made.append(shapes.procedural(first + i))
            except Exception as error:
                print("shape", first + i, error, flush=True)
        rng = np.random.default_rng([seed, rank, chunk])
        rows = {n: [] for n in ("colours", "mask", "camera", "half", "shape")}
        for _ in range(PICTURES if chunk else 120):
            if rng.random() < 0.25:
                index = int(rng.integers(count))
                v, f, m = (lib[n][index] for n in ("vertices", "faces", "material"))
            else:
                k = int(rng.integers(len(made)))
                index = 1_000_000 + k
                v, f, m = made[k].vertices, made[k].faces, made[k].material
            v = v * rng.uniform(0.85, 1.15, 3)
            v = (v / np.ptp(v, axis=0).max()).astype(np.float32)
            p = renderer.render(v, f, m, rng)
            rows["colours"].append(p.colours)
            rows["mask"].append(p.mask)
            rows["camera"].append([*p.camera[:4], *p.camera.centre])
            rows["half"].append(np.ptp(v, axis=0) / 2)
            rows["shape"].append(index)
        out = {n: np.array(x) for n, x in rows.items()}
        out["points"] = np.array([s.points[:KEPT] for s in made])
        out["occupied"] = np.array([s.occupied[:KEPT] for s in made])
        out["kind"] = np.array([kinds.index(s.kind) for s in made], np.int64)
        path = os.path.join(folder, f"{chunk:04}-{rank:02}")
        with open(path + ".part", "wb") as file:
            np.savez(file, **out)
        os.replace(path + ".part", path + ".npz")
        chunk += 1


class Set:
    def __init__(self, device, pictures, shapes_):
        import torch
        self.device = device
        self.colours = torch.empty(pictures, 3, 96, 96, dtype=torch.uint8, device=device)
        self.mask = torch.empty(pictures, 1, 96, 96, dtype=torch.uint8, device=device)
        self.camera = torch.empty(pictures, 6, device=device)
        self.half = torch.empty(pictures, 3, device=device)
        self.shape = torch.empty(pictures, dtype=torch.long, device=device)
        self.points = torch.empty(shapes_, KEPT, 3, dtype=torch.float16, device=device)
        self.occupied = torch.empty(shapes_, KEPT, dtype=torch.bool, device=device)
        self.kind = torch.empty(shapes_, dtype=torch.long, device=device)
        z = np.load(os.path.join(HERE, "library.npz"))
        n = len(z["kind"])
        bits = np.unpackbits(z["occupied"], axis=1)[:, :LIB_POINTS].astype(bool)
        # the library has fewer points: repeat some
        order = np.arange(KEPT) % LIB_POINTS
        self.points[:n] = torch.from_numpy(z["points"][:, order])
        self.occupied[:n] = torch.from_numpy(bits[:, order])
        self.kind[:n] = torch.from_numpy(z["kind"].astype(np.int64))
        self.n, self.m = 0, n
        self.held = 0

    def add(self, path):
        import torch
        z = np.load(path)
        p, s = len(z["shape"]), len(z["kind"])
        if self.n + p > len(self.shape) or self.m + s > len(self.kind):
            return False
        t = lambda a: torch.from_numpy(a).to(self.device)
        a, b = slice(self.n, self.n + p), slice(self.m, self.m + s)
        camera = z["camera"].astype(np.float32)
        camera[:, 3:] /= 96
        self.colours[a] = t(z["colours"]).permute(0, 3, 1, 2)
        self.mask[a] = t(z["mask"])[:, None]
        self.camera[a], self.half[a] = t(camera), t(z["half"].astype(np.float32))
        index = z["shape"]
        self.shape[a] = t(np.where(index >= 1_000_000, index - 1_000_000 + self.m, index))
        self.points[b], self.occupied[b], self.kind[b] = t(z["points"]), t(z["occupied"]), t(z["kind"])
        self.n, self.m = self.n + p, self.m + s
        return True

    def batch(self, size, count, held=False):
        import torch
        import augment
        low, high = (0, self.held) if held else (self.held, self.n)
        i = torch.randint(low, high, (size,), device=self.device)
        colours = self.colours[i].float() / 255
        mask = self.mask[i].float() / 255
        camera, half, shape = self.camera[i].clone(), self.half[i], self.shape[i]
        mask = augment.damaged(mask, colours)
        colours = augment.jittered(colours)
        chosen = torch.randint(0, KEPT, (size, count), device=self.device)
        points = self.points[shape[:, None], chosen].float()
        occupied = self.occupied[shape[:, None], chosen].float()
        flip = torch.rand(size, device=self.device) < 0.5
        w = flip[:, None, None, None]
        colours = torch.where(w, colours.flip(3), colours)
        mask = torch.where(w, mask.flip(3), mask)
        camera[:, 0] = torch.where(flip, -camera[:, 0], camera[:, 0])
        camera[:, 4] = torch.where(flip, 1 - camera[:, 4], camera[:, 4])
        points[..., 0] = torch.where(flip[:, None], -points[..., 0], points[..., 0])
        image, camera = augment.moved(torch.cat([colours, mask], 1), camera)
        return dict(image=image, camera=camera, half=half, points=points, occupied=occupied, kind=self.kind[shape])


def losses(net, batch, device):
    import torch
    from torch.nn import functional as F
    from local_space.training import network
    kind = device.type
    image = batch["image"].contiguous(memory_format=torch.channels_last)
    with torch.autocast(kind, torch.bfloat16):
        features, whole, answers = net.encoder(image)
    features, whole, answers = features.float(), whole.float(), answers.float()
    camera, half = batch["camera"], batch["half"]
    noise = torch.randn(len(camera), 9, device=device)
    noisy = camera.clone()
    noisy[:, 0] += noise[:, 0] * 2.0
    noisy[:, 1] += noise[:, 1] * 1.2
    noisy[:, 2] *= torch.exp(noise[:, 2] * 0.1)
    noisy[:, 3] *= torch.exp(noise[:, 3] * 0.008)
    noisy[:, 4:] += noise[:, 4:6] * 0.003
    noisy_half = half * torch.exp(noise[:, 6:] * 0.015)
    inputs = network.point_features(batch["points"], noisy_half, noisy, features, batch["image"][:, 3:])
    told = network.pose(noisy[:, 0], noisy[:, 1], noisy[:, 2], noisy_half)
    with torch.autocast(kind, torch.bfloat16):
        logits = net.decoder(inputs, whole, told)
    logits = logits.float()
    occupied = batch["occupied"]
    found = network.heads(answers)
    is_piece = (batch["kind"] < answers.shape[1] - network.ANGLES - 9).float()
    # What is no furniture teaches its class alone.
    mean = lambda values: (values * is_piece).sum() / is_piece.sum().clamp(min=1)
    bins = torch.arange(network.ANGLES, device=device) * (360 / network.ANGLES) - 180
    away = (bins[None] - camera[:, :1] + 180) % 360 - 180
    target = torch.softmax(-(away**2) / (2 * 6.0**2), 1)
    smooth = lambda a, b: F.smooth_l1_loss(a, b, reduction="none")
    parts = {
        "occupancy": 3 * mean(F.binary_cross_entropy_with_logits(logits, occupied, reduction="none").mean(1)),
        "angle": -0.25 * mean((target * F.log_softmax(found["angles"], 1)).sum(1)),
        "above": mean(smooth(found["above"] / 10, camera[:, 1] / 10)),
        "nearness": mean(smooth(torch.log(found["nearness"]), torch.log(camera[:, 2]))),
        "scale": 4 * mean(smooth(torch.log(found["scale"]), torch.log(camera[:, 3]))),
        "middle": 20 * mean(smooth(found["middle"], camera[:, 4:]).mean(1)),
        "half": 4 * mean(smooth(found["log_half"], torch.log(half)).mean(1)),
        "kind": 0.15 * F.cross_entropy(found["kinds"], batch["kind"]),
    }
    figures = {name: part.detach() for name, part in parts.items()}
    with torch.no_grad():
        made = (logits > 0) & (is_piece[:, None] > 0)
        true = (occupied > 0.5) & (is_piece[:, None] > 0)
        figures["iou"] = (made & true).sum() / (made | true).sum()
        wrong = ((bins[found["angles"].argmax(1)] - camera[:, 0] + 180) % 360 - 180).abs()
        figures["angle right"] = mean((wrong < 15).float())
        figures["kind right"] = (found["kinds"].argmax(1) == batch["kind"]).float().mean()
    return sum(parts.values()), figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--workers", type=int, default=15)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--points", type=int, default=512)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--fall", type=float, default=0.4)
    parser.add_argument("--first", type=int, default=4000)
    parser.add_argument("--pictures", type=int, default=200_000)
    parser.add_argument("--shapes", type=int, default=24_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", default=os.environ.get("OUT", "/tmp/out"))
    parser.add_argument("--folder", default="/dev/shm/made")
    parser.add_argument("--resume", default="")
    a = parser.parse_args()
    end = START + a.seconds
    os.makedirs(a.folder, exist_ok=True)
    os.makedirs(a.out, exist_ok=True)
    context = mp.get_context("spawn")
    workers = [context.Process(target=work, args=(r, a.folder, a.seed, end - 45), daemon=True) for r in range(a.workers)]
    for w in workers:
        w.start()
    import torch
    from local_space.training import network
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(a.seed)
    net = network.Network()
    kept = torch.load(a.resume or os.path.join(HERE, "start.pt"), map_location="cpu")
    mine = net.state_dict()
    for name, value in kept.items():
        if value.shape == mine[name].shape:
            mine[name].copy_(value)
        else:  # one class more
            print("padded", name, flush=True)
            mine[name][: len(value)].copy_(value)
            mine[name][len(value):] = 0
            if mine[name].dim() == 1:
                mine[name][len(value):] = -2.0
    net = net.to(device, memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), a.rate, weight_decay=0.02, fused=device.type == "cuda")
    data = Set(device, a.pictures, a.shapes)
    seen = set()

    def read(most=10**9):
        for path in sorted(glob.glob(os.path.join(a.folder, "*.npz"))):
            if path in seen or most <= 0:
                continue
            seen.add(path)
            most -= 1
            if data.add(path):
                os.remove(path)

    while data.n < a.first and time.time() < end - 60:
        time.sleep(0.5)
        read()
    # The first pictures are kept aside, with their shapes.
    data.held = min(data.n // 2, 1500)
    print(f"{time.time() - START:.0f} s: {data.n} pictures, {data.m} shapes", flush=True)
    began = time.time()
    length = end - 15 - began
    step, logged, saved, total = 0, time.time(), time.time(), {}
    params = list(net.parameters())
    floats = [n for n, v in average.state_dict().items() if v.is_floating_point()]
    theirs = net.state_dict()
    ours = average.state_dict()

    def line(figures):
        return " ".join(f"{n} {float(v):.3f}" for n, v in figures.items())

    def held_out():
        with torch.no_grad():
            state = torch.random.get_rng_state(), (torch.cuda.get_rng_state() if device.type == "cuda" else None)
            torch.manual_seed(0)
            found = [losses(average, data.batch(min(512, a.batch), 512, held=True), device)[1] for _ in range(6)]
            torch.random.set_rng_state(state[0])
            if state[1] is not None:
                torch.cuda.set_rng_state(state[1])
        return {n: sum(f[n] for f in found) / len(found) for n in found[0]}

    def save():
        path = os.path.join(a.out, "weights.pt")
        torch.save({n: (v.half() if v.is_floating_point() else v).cpu() for n, v in average.state_dict().items()}, path + ".part")
        os.replace(path + ".part", path)

    print("held out:", line(held_out()), flush=True)
    while time.time() < end - 15:
        part = (time.time() - began) / length
        rate = a.rate * min(1.0, (step + 1) / 200, max(0.005, (1 - part) / a.fall))
        for group in optimizer.param_groups:
            group["lr"] = rate
        net.train()
        loss, figures = losses(net, data.batch(a.batch, a.points), device)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 2.0)
        optimizer.step()
        keep = min(0.999, (step + 1) / (step + 10))
        torch._foreach_lerp_([ours[n] for n in floats], [theirs[n] for n in floats], 1 - keep)
        step += 1
        for n, v in figures.items():
            total[n] = total.get(n, 0) + v
        if step % 20 == 0:
            read(2)
        if time.time() - logged > 20 and step > 1:
            now = time.time()
            k = total.pop("steps", None) or step - getattr(main, "last", 0)
            print(f"{now - START:.0f} s step {step} ({(now - logged) / k * 1000:.0f} ms) {data.n} pictures rate {rate:.5f}:", line({n: v / k for n, v in total.items()}), flush=True)
            main.last, total, logged = step, {}, now
            if now - saved > 55:
                save()
                print("held out:", line(held_out()), flush=True)
                saved = time.time()
    save()
    print("held out:", line(held_out()), flush=True)
    print(f"end {time.time() - START:.0f} s, {step} steps, {data.n} pictures, {data.m} shapes", flush=True)
    for w in workers:
        w.terminate()
    os._exit(0)


if __name__ == "__main__":
    main()
