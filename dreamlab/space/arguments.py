"""The arguments of a job: what a server's endpoint takes of the views and options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Mapping, Sequence

from dreamlab.space.connection import file_argument
from dreamlab.space.options import Options


def arguments_of(
    parameters: Sequence[Mapping[str, Any]], views: Mapping[str, Path], options: Options
) -> Dict[str, Any]:
    """Return the arguments for an endpoint with these parameters, and no others."""
    files = {side: file_argument(path) for side, path in views.items()}
    wanted: Dict[str, Any] = {f"mv_image_{side}": file for side, file in files.items()}
    wanted.update(
        # A multi-view deployment reads only the mv_ ones, a single-view one only this.
        image=files["front"],
        caption=options.caption,
        steps=options.steps,
        guidance_scale=options.guidance_scale,
        seed=options.seed,
        randomize_seed=False,
        octree_resolution=options.octree_resolution,
        check_box_rembg=options.remove_background,
    )
    arguments = {}
    for parameter in parameters:
        name = parameter["parameter_name"]
        if wanted.get(name) is not None or not parameter.get("parameter_has_default"):
            arguments[name] = wanted.get(name)
    return arguments
