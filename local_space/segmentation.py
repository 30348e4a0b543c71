"""Segments the piece of furniture in a photo from its background.

The first of these methods that applies is used:

1. The transparency of the picture: what is transparent is not the piece. The API sends no alpha
   channel that is only the frame of a whole picture (`settle_transparency` in
   dreamlab/photos/pixels.py decides that).
2. The small U²-Net model for salient object detection (Qin et al., «U²-Net», Pattern Recognition
   106, 2020), if its weights are there. A first pass reads the whole picture, a second pass only
   the region of the object that the first one found. A top or a seat may stand out so much that
   its legs are lost: where the first pass saw something below, a third pass looks for them.
3. The difference from the colours of the picture's border.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps
from scipy import ndimage

from local_space import weights

# Larger photos are reduced to this many pixels. A grid cell then has about five of them, and one
# view fills a page of the texture atlas.
_LONGEST_SIDE = 1024
# From this alpha on, a pixel belongs to what is cut out.
_OPAQUE = 128

# Pixels a side of what the network reads: it was trained with these.
_SIDE = 320
# Of the first pass, which shows only where the object is.
_FIRST_SIDE = 192
# The network's graph takes any size. Only its declared input is _SIDE: this number in ONNX's
# TensorShapeProto is replaced by a name for any number.
_FIXED_SIZE = b"\x08\xc0\x02"
_ANY_SIZE = b"\x12\x01h"
# Mean of the colours of ImageNet's pictures, with which the network was trained.
_MEAN = np.array([0.485, 0.456, 0.406])
# And their standard deviation.
_DEVIATION = np.array([0.229, 0.224, 0.225])
# Where the network is nowhere as sure as this, nothing stands out.
_MIN_CONFIDENCE = 0.5
# What belongs to the object: from 0.5 on, gaps between thin parts are filled more often.
_SALIENT = 0.7

# The margin of the second pass around the object, relative to the object's size. The object may
# have parts that the first pass missed.
_SECOND_PASS_MARGIN = 0.25
# The intersection over union that both passes must reach.
_MIN_AGREEMENT = 0.3
# Salience between these is neither the object nor the background for sure.
_SURELY_BACKGROUND = 0.2
_SURELY_OBJECT = 0.8
# At most this share of the object may be uncertain.
_MAX_UNCERTAIN_SHARE = 0.45

# What the first pass says of legs that the second pass loses: 0.09 and 0.18 on two of the 42 pieces
# of the benchmark, at most 0.0002 on the others.
_FAINT = 0.02
# The third pass looks at this share of the object, at its lower end, and below.
_LOWEST = 0.1
# How far below the object legs may reach, in its longer side.
_LEG = 0.8
# The gap that may be between the object and its legs, in its longer side.
_LEG_GAP = 0.025
# The blur of what the object is painted over with, in its longer side.
_BLUR = 0.1

# A smaller share of the picture is noise.
_MIN_SHARE = 0.002
# A picture of which the silhouette takes more has no background.
_MAX_SHARE = 0.995
# Parts of the silhouette that are smaller than this share of its largest part are noise.
_MIN_PART_SHARE = 0.02
# A silhouette that covers more than this share of the picture's border is background.
_MAX_BORDER_SHARE = 0.5

# Without the network: the number of main colours of a room at the border: walls, floor, skirting.
_BORDER_COLOURS = 4
# If the border's mean distance from its main colours (in Lab) is larger, the room is cluttered.
_MAX_SPREAD = 12.0
# What is nowhere further from these colours (in Lab) than this is empty.
_MIN_CONTRAST = 6.0

Box = Tuple[slice, slice]


class NothingStandsOut(ValueError):
    """The object cannot be distinguished from the background."""


class View(NamedTuple):
    """A segmented photo: `colours` (h, w, 3) uint8 and `silhouette` (h, w) bool."""

    colours: np.ndarray
    silhouette: np.ndarray


def cut_out(picture: Image.Image, remove_background: bool = True) -> View:
    """Segment the object in a picture. Raises NothingStandsOut, also if the result is uncertain."""
    # The JPEG decoder can scale by 1/2 or 1/4, which takes less time than decoding at full size.
    picture.draft("RGB", (_LONGEST_SIDE, _LONGEST_SIDE))
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode != "RGBA":  # convert() would copy it
        picture = picture.convert("RGBA")
    picture = picture.reduce(max(1, max(picture.size) // _LONGEST_SIDE))
    if max(picture.size) > _LONGEST_SIDE:
        scale = _LONGEST_SIDE / max(picture.size)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BOX)
    pixels = np.asarray(picture)
    colours, alpha = pixels[..., :3], pixels[..., 3]
    if alpha.min() < _OPAQUE:
        silhouette = alpha >= _OPAQUE
    else:
        salience = _salience(colours) if remove_background else None
        if salience is None:
            salience = _difference_from_border(colours)
        silhouette = salience >= _SALIENT
        if _border_share(silhouette) > _MAX_BORDER_SHARE:
            raise NothingStandsOut
    silhouette = _without_noise(silhouette)
    if not _MIN_SHARE <= silhouette.mean() <= _MAX_SHARE:
        raise NothingStandsOut
    return View(colours, silhouette)


def bounding_box(silhouette: np.ndarray) -> Box:
    """The rows and the columns from the first to the last that a silhouette has a pixel in."""
    rows, columns = (np.flatnonzero(silhouette.any(axis)).tolist() for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


@lru_cache(maxsize=None)
def load() -> Optional[Any]:
    """Return the segmentation network, None without its weights."""
    model = weights.load()
    if model is None:
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # With memory patterns, all layers' buffers are allocated at once: 200 MB more.
    options.enable_mem_pattern = False
    # Spinning threads take CPU time from the threads that they wait for.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if hasattr(os, "sched_getaffinity"):  # else it takes cores that are not for this process
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
    model = model.replace(_FIXED_SIZE, _ANY_SIZE)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _salience(colours: np.ndarray) -> Optional[np.ndarray]:
    """Return the object's salience map, (h, w) from 0 to 1, None without the network.

    Raises NothingStandsOut.
    """
    if load() is None:
        return None
    first_map = _run_network(colours, _FIRST_SIDE)
    first = first_map >= 0.5
    if not first.any():
        raise NothingStandsOut
    window = _second_window(first)
    second_map = np.zeros_like(first_map)
    second_map[window] = _run_network(colours[window])
    second = second_map >= 0.5
    uncertain = (second_map > _SURELY_BACKGROUND) & (second_map < _SURELY_OBJECT)
    agreement = (first & second).sum() / (first | second).sum()
    if agreement < _MIN_AGREEMENT or uncertain.sum() > _MAX_UNCERTAIN_SHARE * second.sum():
        raise NothingStandsOut
    return np.maximum(second_map, _legs(colours, first_map, second_map >= _SALIENT))


def _legs(colours: np.ndarray, first_map: np.ndarray, silhouette: np.ndarray) -> np.ndarray:
    """Return the legs of an object that its silhouette lacks, (h, w) bool.

    The object is painted over with what is around it, so that only its legs stand out.
    """
    legs = np.zeros_like(silhouette)
    if not silhouette.any():
        return legs
    rows, columns = bounding_box(silhouette)
    side = max(rows.stop - rows.start, columns.stop - columns.start)
    margin, gap = int(_SECOND_PASS_MARGIN * side), max(1, round(_LEG_GAP * side))
    end = rows.stop + int(_LEG * side)
    across = slice(max(0, columns.start - margin), columns.stop + margin)
    if not (first_map[rows.stop + margin // 3 : end, across] > _FAINT).any():
        return legs
    around = slice(max(0, rows.start - margin), end), across
    lowest = slice(rows.stop - int(_LOWEST * (rows.stop - rows.start)), end), across
    hidden = ndimage.binary_dilation(silhouette[around], iterations=gap)
    painted = _painted_over(colours[around], hidden, _BLUR * side)
    try:
        found = _run_network(painted[lowest[0].start - around[0].start :])
    except NothingStandsOut:
        return legs
    legs[lowest] = found >= _SALIENT
    # This closes the gaps, else the legs would be noise.
    legs[lowest] |= ndimage.binary_closing(silhouette | legs, iterations=gap)[lowest]
    parts, _ = ndimage.label(silhouette | legs, structure=np.ones((3, 3)))
    return legs & np.isin(parts, parts[silhouette])


def _painted_over(colours: np.ndarray, hidden: np.ndarray, blur: float) -> np.ndarray:
    """Return a picture whose hidden pixels are like the nearest ones around them, blurred."""
    if hidden.all():
        return colours
    nearest = ndimage.distance_transform_edt(hidden, return_distances=False, return_indices=True)
    smooth = Image.fromarray(colours[tuple(nearest)]).filter(ImageFilter.GaussianBlur(blur))
    return np.where(hidden[..., None], np.asarray(smooth), colours)


def _run_network(colours: np.ndarray, side: int = _SIDE) -> np.ndarray:
    """Return the salience map (h, w), 0 to 1, of a picture that the network reads at `side` pixels.

    Raises NothingStandsOut.
    """
    network = load()
    assert network is not None
    height, width = colours.shape[:2]
    small = np.asarray(Image.fromarray(colours).resize((side, side), Image.Resampling.LANCZOS))
    scaled = small.astype(np.float32) / max(1, small.max())
    batch = ((scaled - _MEAN) / _DEVIATION).transpose(2, 0, 1)[None].astype(np.float32)
    salience = network.run(None, {network.get_inputs()[0].name: batch})[0][0, 0]
    low, high = float(salience.min()), float(salience.max())
    if high < _MIN_CONFIDENCE:
        raise NothingStandsOut
    stretched = Image.fromarray((salience - low) / (high - low))
    return np.asarray(stretched.resize((width, height), Image.Resampling.BICUBIC))


def _second_window(silhouette: np.ndarray) -> Box:
    """Return the bounding box of a silhouette with the margin of the second pass."""
    rows, columns = bounding_box(silhouette)
    return _widened(rows), _widened(columns)


def _widened(used: slice) -> slice:
    margin = int(_SECOND_PASS_MARGIN * (used.stop - used.start - 1))
    return slice(max(0, used.start - margin), used.stop + margin)


def _border_share(silhouette: np.ndarray) -> float:
    """Return the share of the picture's border that the silhouette covers."""
    top, bottom = silhouette[0], silhouette[-1]
    return float(np.concatenate([top, bottom, silhouette[:, 0], silhouette[:, -1]]).mean())


def _difference_from_border(colours: np.ndarray) -> np.ndarray:
    """Return where the colours differ from those of the border, (h, w) 0 or 1.

    The threshold is Otsu's (IEEE Transactions on Systems, Man and Cybernetics 9, 1979). Raises
    NothingStandsOut.
    """
    from skimage.color import rgb2lab
    from skimage.filters import threshold_otsu

    lab = rgb2lab(colours).astype(np.float32)
    edge = max(1, min(lab.shape[:2]) // 50)
    frame = np.ones(lab.shape[:2], bool)
    frame[edge:-edge, edge:-edge] = False
    distance = np.full(lab.shape[:2], np.inf, np.float32)
    for colour in _main_colours(lab[frame]):
        distance = np.minimum(distance, np.linalg.norm(lab - colour, axis=2))
    if distance[frame].mean() > _MAX_SPREAD or distance.max() < _MIN_CONTRAST:
        raise NothingStandsOut
    return ndimage.binary_fill_holes(distance > threshold_otsu(distance)).astype(np.float32)


def _main_colours(samples: np.ndarray) -> np.ndarray:
    """Return up to _BORDER_COLOURS means of (n, 3) Lab colours, by k-means (Lloyd 1982)."""
    from scipy.cluster.vq import kmeans

    subset = samples[:: max(1, len(samples) // 2000)]
    start = subset[np.linspace(0, len(subset) - 1, _BORDER_COLOURS).astype(int)].astype(float)
    means, _ = kmeans(subset.astype(float), start)
    return np.asarray(means)


def _without_noise(silhouette: np.ndarray) -> np.ndarray:
    """Return the silhouette without its small parts."""
    labels, count = ndimage.label(silhouette, structure=np.ones((3, 3)))
    if count < 2:
        return silhouette
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= _MIN_PART_SHARE * sizes.max())[labels]
