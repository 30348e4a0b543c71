"""Finds the piece of furniture in a photo: which pixels are it, and which are the room.

In this order: the picture's own transparency; U²-Net's small salient object model (Qin et al.,
«U²-Net», Pattern Recognition 106, 2020), where the package that carries it is installed; the
difference from the colour of the picture's border.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, Optional

import numpy as np
from PIL import Image
from scipy import ndimage

_MODEL_SIDE = 320
# What ImageNet's pictures average to, as the model was trained.
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
# Of the picture: less is noise, more is a picture without a background.
_MIN_SHARE, _MAX_SHARE = 0.002, 0.995
# Pieces of the silhouette smaller than this share of its largest one are specks.
_SPECK = 0.02
_MIN_CONFIDENCE = 0.5
_MIN_CONTRAST = 0.06


class NothingStandsOut(ValueError):
    """No object can be told from the background."""


class View(NamedTuple):
    """A cut-out: `colours` (h, w, 3) uint8 and `silhouette` (h, w) bool."""

    colours: np.ndarray
    silhouette: np.ndarray


def cut_out(picture: Image.Image, remove_background: bool = True) -> View:
    """The object in an RGBA picture. Raises NothingStandsOut."""
    pixels = np.asarray(picture.convert("RGBA"))
    colours, alpha = pixels[..., :3], pixels[..., 3]
    if alpha.min() < 128:
        silhouette = alpha >= 128
    else:
        share = _salience(colours) if remove_background else None
        if share is None:
            share = _difference_from_border(colours)
        silhouette = share >= 0.5
    silhouette = _without_specks(silhouette)
    if not _MIN_SHARE <= silhouette.mean() <= _MAX_SHARE:
        raise NothingStandsOut
    return View(colours, silhouette)


@lru_cache(maxsize=None)
def load() -> Optional[Any]:
    """The segmentation network, None where its package does not exist for this Python."""
    try:
        import onnxruntime
        import rembg
    except ImportError:
        return None
    from pathlib import Path

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(Path(rembg.__file__).with_name("u2netp.onnx")),
        options,
        providers=["CPUExecutionProvider"],
    )


def _salience(colours: np.ndarray) -> Optional[np.ndarray]:
    """How much each pixel belongs to the object, (h, w) from 0 to 1; None without the network."""
    network = load()
    if network is None:
        return None
    height, width = colours.shape[:2]
    small = Image.fromarray(colours).resize((_MODEL_SIDE, _MODEL_SIDE), Image.Resampling.LANCZOS)
    scaled = np.asarray(small, dtype=np.float32) / max(1, np.asarray(small).max())
    batch = ((scaled - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)
    salience = network.run(None, {network.get_inputs()[0].name: batch})[0][0, 0]
    low, high = float(salience.min()), float(salience.max())
    if high < _MIN_CONFIDENCE:
        raise NothingStandsOut
    stretched = Image.fromarray((salience - low) / (high - low))
    return np.asarray(stretched.resize((width, height), Image.Resampling.BICUBIC))


def _difference_from_border(colours: np.ndarray) -> np.ndarray:
    """Whether each pixel differs from the border, (h, w) 0 or 1, split by Otsu's threshold."""
    from skimage.color import rgb2lab
    from skimage.filters import threshold_otsu

    lab = rgb2lab(colours)
    edge = max(1, min(lab.shape[:2]) // 50)
    frame = np.ones(lab.shape[:2], bool)
    frame[edge:-edge, edge:-edge] = False
    distance = np.linalg.norm(lab - np.median(lab[frame], axis=0), axis=2)
    if distance.max() < 100 * _MIN_CONTRAST:
        raise NothingStandsOut
    return ndimage.binary_fill_holes(distance > threshold_otsu(distance)).astype(np.float32)


def _without_specks(silhouette: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(silhouette, structure=np.ones((3, 3)))
    if count < 2:
        return silhouette
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= _SPECK * sizes.max())[labels]
