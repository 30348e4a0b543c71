"""Colours a mesh with the photo, projected straight through from the front."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from local_space.segmentation import View

_MAX_SIDE = 1024


def paint(view: View) -> Image.Image:
    """The texture that the mesh's `uv` refers to: the object's bounding box in the front view.

    Pixels of the background take the colour of the object's nearest one, so that none shines
    through at the outline.
    """
    rows = np.flatnonzero(view.silhouette.any(1))
    columns = np.flatnonzero(view.silhouette.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # The outermost pixels are a mixture with the background.
    core = ndimage.binary_erosion(view.silhouette, iterations=2)
    core = core if core.any() else view.silhouette
    nearest = ndimage.distance_transform_edt(
        ~core[box], return_distances=False, return_indices=True
    )
    texture = Image.fromarray(view.colours[box][tuple(nearest)])
    texture.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.LANCZOS)
    return texture
