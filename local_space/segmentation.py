"""Finds the piece of furniture in a photo: which pixels are it, and which are the room.

In this order: the picture's own transparency; U²-Net's small salient object model (Qin et al.,
«U²-Net», Pattern Recognition 106, 2020), where the package that carries it is installed, first on
the whole picture, then on what it found there; the difference from the colours of the border.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image, ImageOps
from scipy import ndimage

# What a view is reduced to: a grid cell is some five pixels then, and a page of the atlas is full.
_LONGEST_SIDE = 1024
_MODEL_SIDE = 320
# Around what the first look found, of its size, so that the second sees parts that were missed.
_SECOND_LOOK = 0.25
# What ImageNet's pictures average to, as the model was trained.
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
# Of the picture: less is noise, more is a picture without a background.
_MIN_SHARE, _MAX_SHARE = 0.002, 0.995
# Pieces of the silhouette smaller than this share of its largest one are specks.
_SPECK = 0.02
_MIN_CONFIDENCE = 0.5
# Both looks must agree this far, and no more than this share of the object may be doubtful.
_MIN_AGREEMENT, _MAX_DOUBT = 0.3, 0.45
_DOUBTFUL = (0.2, 0.8)
# An object that fills this share of the picture's border is no object.
_MAX_OF_BORDER = 0.5
_MIN_CONTRAST = 0.06
# Colours that a room's border may have: walls, floor, skirting.
_BORDER_COLOURS = 4
# A border that differs more than this from its main colours (Lab) is clutter.
_MAX_SPREAD = 12.0


class NothingStandsOut(ValueError):
    """No object can be told from the background."""


class View(NamedTuple):
    """A cut-out: `colours` (h, w, 3) uint8 and `silhouette` (h, w) bool."""

    colours: np.ndarray
    silhouette: np.ndarray


def cut_out(picture: Image.Image, remove_background: bool = True) -> View:
    """The object in a picture. Raises NothingStandsOut, also where it is not sure."""
    # A JPEG is read at half or a quarter of its size where that is enough, in less time.
    picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode != "RGBA":  # else it would be copied
        picture = picture.convert("RGBA")
    picture = picture.reduce(max(1, max(picture.size) // _LONGEST_SIDE))
    if max(picture.size) > _LONGEST_SIDE:
        scale = _LONGEST_SIDE / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BOX)
    pixels = np.asarray(picture)
    colours, alpha = pixels[..., :3], pixels[..., 3]
    if alpha.min() < 128:
        silhouette = alpha >= 128
    else:
        share = _salience(colours) if remove_background else None
        if share is None:
            share = _difference_from_border(colours)
        silhouette = share >= 0.5
        if _share_of_border(silhouette) > _MAX_OF_BORDER:
            raise NothingStandsOut
    silhouette = _without_specks(silhouette)
    if not _MIN_SHARE <= silhouette.mean() <= _MAX_SHARE:
        raise NothingStandsOut
    return View(colours, silhouette)


@lru_cache(maxsize=None)
def load() -> Optional[Any]:
    """The segmentation network, None where its package does not exist for this Python."""
    # Only its file of weights is wanted: the package itself loads 100 MB of what is not used here.
    carrier = find_spec("rembg")
    if carrier is None or carrier.origin is None:
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # What it plans for all layers at once is 200 MB more than they need one after the other.
    options.enable_mem_pattern = False
    # Threads that wait in a loop take the CPU from those that they wait for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(Path(carrier.origin).with_name("u2netp.onnx")),
        options,
        providers=["CPUExecutionProvider"],
    )


def _salience(colours: np.ndarray) -> Optional[np.ndarray]:
    """How much each pixel belongs to the object, (h, w) from 0 to 1; None without the network."""
    if load() is None:
        return None
    first = _look(colours)
    found = first >= 0.5
    if not found.any():
        raise NothingStandsOut
    window = _around(found)
    second = np.zeros_like(first)
    second[window] = _look(colours[window], keep_memory=False)
    now = second >= 0.5
    low, high = _DOUBTFUL
    doubtful = (second > low) & (second < high)
    agreed = (found & now).sum() / (found | now).sum()
    if agreed < _MIN_AGREEMENT or doubtful.sum() > _MAX_DOUBT * now.sum():
        raise NothingStandsOut
    return second


def _look(colours: np.ndarray, keep_memory: bool = True) -> np.ndarray:
    """The network's answer for one picture, (h, w) from 0 to 1. Raises NothingStandsOut."""
    import onnxruntime

    network = load()
    assert network is not None
    options = onnxruntime.RunOptions()
    if not keep_memory:
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    height, width = colours.shape[:2]
    small = Image.fromarray(colours).resize((_MODEL_SIDE, _MODEL_SIDE), Image.Resampling.LANCZOS)
    scaled = np.asarray(small, dtype=np.float32) / max(1, np.asarray(small).max())
    batch = ((scaled - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)
    salience = network.run(None, {network.get_inputs()[0].name: batch}, options)[0][0, 0]
    low, high = float(salience.min()), float(salience.max())
    if high < _MIN_CONFIDENCE:
        raise NothingStandsOut
    stretched = Image.fromarray((salience - low) / (high - low))
    return np.asarray(stretched.resize((width, height), Image.Resampling.BICUBIC))


def _around(found: np.ndarray) -> Tuple[slice, slice]:
    """The bounding box of what was found, with a margin."""
    window = []
    for axis in (1, 0):
        used = np.flatnonzero(found.any(axis))
        margin = int(_SECOND_LOOK * (used[-1] - used[0]))
        window.append(slice(max(0, used[0] - margin), used[-1] + margin + 1))
    return window[0], window[1]


def _share_of_border(silhouette: np.ndarray) -> float:
    top, bottom = silhouette[0], silhouette[-1]
    return float(np.concatenate([top, bottom, silhouette[:, 0], silhouette[:, -1]]).mean())


def _difference_from_border(colours: np.ndarray) -> np.ndarray:
    """Whether each pixel differs from the border's colours, (h, w) 0 or 1, by Otsu's threshold."""
    from skimage.color import rgb2lab
    from skimage.filters import threshold_otsu

    lab = rgb2lab(colours).astype(np.float32)
    edge = max(1, min(lab.shape[:2]) // 50)
    frame = np.ones(lab.shape[:2], bool)
    frame[edge:-edge, edge:-edge] = False
    distance = np.full(lab.shape[:2], np.inf, np.float32)
    for colour in _main_colours(lab[frame]):
        distance = np.minimum(distance, np.linalg.norm(lab - colour, axis=2))
    if distance[frame].mean() > _MAX_SPREAD or distance.max() < 100 * _MIN_CONTRAST:
        raise NothingStandsOut
    return ndimage.binary_fill_holes(distance > threshold_otsu(distance)).astype(np.float32)


def _main_colours(samples: np.ndarray) -> np.ndarray:
    """Up to _BORDER_COLOURS means of (n, 3) Lab colours (k-means, Lloyd 1982)."""
    from scipy.cluster.vq import kmeans

    few = samples[:: max(1, len(samples) // 2000)]
    start = few[np.linspace(0, len(few) - 1, _BORDER_COLOURS).astype(int)].astype(float)
    means, _ = kmeans(few.astype(float), start)
    return np.asarray(means)


def _without_specks(silhouette: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(silhouette, structure=np.ones((3, 3)))
    if count < 2:
        return silhouette
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= _SPECK * sizes.max())[labels]
