"""Segments the piece of furniture in a photo from its background.

The first of these methods that applies is used:

1. The transparency of the picture, unless it is only a frame: round corners, a window's shadow.
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
# Pixels a side of what the network reads. It was trained with 320; fewer show where the object is.
_FIRST_SIDE, _SIDE = 192, 320
# The network's graph takes any size. Only its declared input is 320: the bytes of this number in
# ONNX's TensorShapeProto, and those of a name for any number.
_FIXED_SIZE, _ANY_SIZE = b"\x08\xc0\x02", b"\x12\x01h"
# The margin of the second pass around the object, relative to the object's size. The object may
# have parts that the first pass missed.
_SECOND_PASS_MARGIN = 0.25
# Mean and standard deviation of ImageNet's pictures, with which the model was trained.
_MEAN, _DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
# The silhouette's share of the picture. Below it is noise; above it the picture has no background.
_MIN_SHARE, _MAX_SHARE = 0.002, 0.995
# Parts of the silhouette that are smaller than this share of its largest part are noise.
_MIN_PART_SHARE = 0.02
# The third pass looks at the lowest tenth of the object and below, as far as legs may be long.
# These, the gap between the object and its legs, and the blur of what the object is painted over
# with count in the object's longer side.
_LOWEST, _LEG, _LEG_GAP, _BLUR = 0.1, 0.8, 0.025, 0.1
# What the first pass says of legs that the second pass loses: 0.09 and 0.18 on two of the 42 pieces
# of the benchmark, at most 0.0002 on the others.
_FAINT = 0.02
# What belongs to the object: from 0.5 on, gaps between thin parts are filled more often.
_SALIENT = 0.7
# The intersection over union that both passes must reach.
_MIN_AGREEMENT = 0.3
# Values between these are uncertain. At most this share of the object may be uncertain.
_UNCERTAIN, _MAX_UNCERTAIN_SHARE = (0.2, 0.8), 0.45
# A silhouette that covers more than this share of the picture's border is background.
_MAX_BORDER_SHARE = 0.5
_MIN_CONTRAST, _MIN_CONFIDENCE = 0.06, 0.5
# From this alpha on, a pixel belongs to what is cut out.
_OPAQUE = 128
# The opaque share of a frame's box, of each of its sides, and of the picture. The share of
# the nearest pixels around a window that its shadow covers; a smooth edge covers less.
_FRAME_FILL, _FRAME_SIDE, _FRAME_COVER, _SHADOW = 0.95, 0.5, 0.85, 0.6
# The number of main colours of a room at the border: walls, floor, skirting board.
_BORDER_COLOURS = 4
# If the border's mean distance from its main colours (in Lab) is larger, the room is cluttered.
_MAX_SPREAD = 12.0


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
    if _is_cut_out(alpha):
        silhouette = alpha >= _OPAQUE
    else:
        colours = _on_white(colours, alpha)
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


def _is_cut_out(alpha: np.ndarray) -> bool:
    """Return whether an alpha channel is a silhouette.

    It is a frame if the opaque part is a rectangle, perhaps with round corners, that covers nearly
    the picture, or goes from edge to edge, or has a soft shadow around it.
    """
    opaque = alpha >= _OPAQUE
    if not opaque.any():
        return True
    rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
    window = opaque[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    sides = (window[0], window[-1], window[:, 0], window[:, -1])
    if min(side.mean() for side in sides) < _FRAME_SIDE or window.mean() < _FRAME_FILL:
        return True
    spans = window.shape[0] == alpha.shape[0] or window.shape[1] == alpha.shape[1]
    if spans or window.size >= _FRAME_COVER * alpha.size:
        return False
    reach = max(4, max(alpha.shape) // 50)
    near = alpha[
        max(0, rows[0] - reach) : rows[-1] + 1 + reach,
        max(0, columns[0] - reach) : columns[-1] + 1 + reach,
    ]
    return bool((near > 0).sum() - window.size < _SHADOW * (near.size - window.size))


def _on_white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    opacity = alpha[..., None].astype(np.uint16)
    return ((colours * opacity + 255 * (255 - opacity)) // 255).astype(np.uint8)


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
    window = _bounding_box(first)
    second_map = np.zeros_like(first_map)
    second_map[window] = _run_network(colours[window])
    second = second_map >= 0.5
    uncertain = (second_map > _UNCERTAIN[0]) & (second_map < _UNCERTAIN[1])
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
    rows, columns = _used(silhouette, 1), _used(silhouette, 0)
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


def _used(silhouette: np.ndarray, axis: int) -> slice:
    """Return the rows (axis 1) or columns (axis 0) from the first to the last with a pixel."""
    used = np.flatnonzero(silhouette.any(axis))
    return slice(int(used[0]), int(used[-1]) + 1)


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


def _bounding_box(silhouette: np.ndarray) -> Tuple[slice, slice]:
    """Return the bounding box of a silhouette as slices, with the margin of the second pass."""
    window = []
    for axis in (1, 0):
        used = _used(silhouette, axis)
        margin = int(_SECOND_PASS_MARGIN * (used.stop - used.start - 1))
        window.append(slice(max(0, used.start - margin), used.stop + margin))
    return window[0], window[1]


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
    if distance[frame].mean() > _MAX_SPREAD or distance.max() < 100 * _MIN_CONTRAST:
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
