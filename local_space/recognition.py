"""Recognises a piece of furniture in a photo: its class, where it is seen from, its proportions.

The network is trained by `local_space.training`; its two graphs are in `shape.zip`: `recognition`
reads a picture, `occupancy` tells which points of the piece's box are inside it.
"""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any, List, NamedTuple, Tuple

import numpy as np
from PIL import Image
from scipy import ndimage

from local_space.camera import Camera
from local_space.segmentation import View, bounding_box

CLASSES = (
    "chair",
    "armchair",
    "sofa",
    "bed",
    "table",
    "cabinet",
    "shelf",
    "lamp",
    "stool",
    "other",
)
# What the network says of a picture without a piece of furniture, beside CLASSES.
NOTHING = "nothing"
# Pixels a side of the network's picture.
SIDE = 96
# The share of this that the silhouette's longer side fills.
FILL = 0.8
# How much of the room around the silhouette is shown, in pixels.
_REACH = 4
_WEIGHTS = Path(__file__).with_name("shape.zip")
# How many of the likeliest angles are tried, at most.
_MAX_ANGLES = 3
# Angles less likely than this share of the likeliest one are not tried.
_MIN_SHARE = 0.15
# Points that the network reads at once; more need more memory.
_POINTS_AT_ONCE = 4096


class Crop(NamedTuple):
    """The square of a photo that the network sees."""

    image: np.ndarray  # (4, SIDE, SIDE) float32: colours and mask, 0 to 1
    corner: Tuple[float, float]  # column and row of its upper left corner in the photo
    side: float  # in pixels of the photo


class Hypothesis(NamedTuple):
    """One answer to where the piece is seen from; the camera is in shares of the crop's side."""

    camera: Camera
    half: np.ndarray  # (3,) half sides, the longest 0.5
    probability: float


class Recognised(NamedTuple):
    """What the network says of one photo."""

    kinds: np.ndarray  # the probability of each of CLASSES, where it is furniture
    nothing: float  # the probability that it is no furniture
    hypotheses: List[Hypothesis]  # the likeliest first
    crop: Crop
    features: np.ndarray
    whole: np.ndarray

    @property
    def kind(self) -> str:
        return CLASSES[int(self.kinds.argmax())]

    @property
    def probability(self) -> float:
        return float(self.kinds.max())

    def logits(self, boxed: np.ndarray, hypothesis: Hypothesis) -> np.ndarray:
        """How sure it is that points (n, 3), -1 to 1 in the piece's box, are inside: over 0."""
        session = _sessions()[1]
        given = {
            "half": hypothesis.half[None].astype(np.float32),
            "camera": np.array([[*hypothesis.camera[:4], *hypothesis.camera.centre]], np.float32),
            "features": self.features,
            "mask": self.crop.image[None, 3:],
            "whole": self.whole,
        }
        found = [
            session.run(None, {**given, "points": part[None].astype(np.float32)})[0][0]
            for part in np.array_split(boxed, max(1, -(-len(boxed) // _POINTS_AT_ONCE)))
        ]
        return np.concatenate(found)

    def in_photo(self, camera: Camera) -> Camera:
        """A camera of the crop in pixels of the photo."""
        side, (column, row) = self.crop.side, self.crop.corner
        across, down = camera.centre
        return camera._replace(
            scale=camera.scale * side, centre=(column + across * side, row + down * side)
        )


@lru_cache(maxsize=None)
def _sessions() -> Tuple[Any, Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False
    recognition, occupancy = (
        onnxruntime.InferenceSession(
            stored(f"{name}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        for name in ("recognition", "occupancy")
    )
    return recognition, occupancy


def stored(name: str) -> bytes:
    """A file of what the training left."""
    with zipfile.ZipFile(_WEIGHTS) as archive:
        return archive.read(name)


def recognise(view: View) -> Recognised:
    """What stands in the photo."""
    crop = _crop(view)
    answers = _sessions()[0].run(None, {"image": crop.image[None]})
    features, whole, angles, kinds, seen, middle, log_half = answers
    above, nearness, scale = (float(value) for value in seen[0])
    centre = (float(middle[0, 0]), float(middle[0, 1]))
    half = np.exp(log_half[0].astype(float))
    half *= 0.5 / half.max()
    hypotheses = [
        Hypothesis(Camera(around, above, nearness, scale, centre), half, share)
        for around, share in _peaks(angles[0])
    ]
    # The softmax may leave nothing for furniture.
    of_furniture = kinds[0, : len(CLASSES)] + 1e-9
    of_furniture /= of_furniture.sum()
    nothing = float(kinds[0, len(CLASSES)])
    return Recognised(of_furniture, nothing, hypotheses, crop, features, whole)


def _crop(view: View) -> Crop:
    """The square around the silhouette; the room is shown near to the silhouette only."""
    rows, columns = bounding_box(view.silhouette)
    side = max(rows.stop - rows.start, columns.stop - columns.start) / FILL
    left = (columns.start + columns.stop - side) / 2
    top = (rows.start + rows.stop - side) / 2
    height, width = view.silhouette.shape
    outside = max(0, -left, -top, left + side - width, top + side - height)
    # The resampling of the square's edge needs pixels beyond it, too.
    margin = int(outside) + 2
    # Pixels outside the photo repeat its border.
    colours = np.pad(view.colours, ((margin, margin), (margin, margin), (0, 0)), "edge")
    mask = np.pad(view.silhouette.astype(np.uint8) * 255, margin)
    square = (left + margin, top + margin, left + margin + side, top + margin + side)
    small_colours, small_mask = (
        Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX, square)
        for pixels in (colours, mask)
    )
    share = np.asarray(small_mask, np.float32) / 255
    near = ndimage.maximum_filter(share > 0.5, 2 * _REACH + 1)
    shown = np.asarray(small_colours, np.float32) / 255 * near[..., None]
    image = np.concatenate([shown, share[..., None]], -1).transpose(2, 0, 1)
    return Crop(image, (left, top), side)


def _peaks(angles: np.ndarray) -> List[Tuple[float, float]]:
    """The likeliest angles in degrees, between the bins, and how likely each is."""
    count = len(angles)
    before, after = np.roll(angles, 1), np.roll(angles, -1)
    together = before + angles + after
    found = np.flatnonzero((angles >= before) & (angles > after))
    tops = found[np.argsort(-together[found])].tolist()
    tops = [t for t in tops if together[t] > _MIN_SHARE * together[tops[0]]][:_MAX_ANGLES]
    step = 360 / count
    return [
        (float(t * step - 180 + step * (after[t] - before[t]) / together[t]), float(together[t]))
        for t in tops
    ]
