"""The outputs of a job: the files of the model, its seed, and what the generator did not read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

from dreamlab import fields
from dreamlab.errors import GenerationFailed
from dreamlab.models import glb
from dreamlab.models.size import SIDES
from dreamlab.space.description import Description


def model_paths(outputs: Sequence[Any]) -> List[str]:
    """Return the server's paths of the GLBs among `outputs`, the textured ones first."""
    paths: List[str] = []
    for output in outputs:
        # A file is a path, a description with a path, or an update with one of these as its value.
        while isinstance(output, dict):
            output = output["path"] if "path" in output else output.get("value")
        if isinstance(output, str) and output.lower().endswith(glb.SUFFIX):
            paths.append(output)
    if not paths:
        raise GenerationFailed("The generator sent no GLB.")
    # The last one, where no name tells.
    paths.reverse()
    return sorted(paths, key=lambda path: "textured" not in re.split(r"[\\/]", path)[-1].lower())


def seed_of(outputs: Sequence[Any], sent: Optional[int]) -> Optional[int]:
    """Return the seed that the generator says that it used, else the one that was sent."""
    last = outputs[-1]
    if isinstance(last, dict):
        last = last.get("value")
    if isinstance(last, (int, float)) and not isinstance(last, bool):
        return int(last)
    return sent


def size_guess_of(outputs: Sequence[Any]) -> Optional[Dict[str, float]]:
    """Return the width, height and depth that the generator guesses, None where it does not."""
    for output in outputs:
        guess = output.get("size_guess_cm") if isinstance(output, dict) else None
        if isinstance(guess, dict) and all(fields.is_size(guess.get(side)) for side in SIDES):
            return {side: guess[side] for side in SIDES}
    return None


def unread_views(
    description: Description, endpoint: str, views: Mapping[str, Path], outputs: Sequence[Any]
) -> List[str]:
    """Return the further views that the generator's description or answer says it did not read."""
    read = {side for side in views if description.has_visible_input(endpoint, f"mv_image_{side}")}
    for output in outputs:
        params = output.get("params") if isinstance(output, dict) else None
        told = params.get("views") if isinstance(params, dict) else None
        if isinstance(told, list):
            read &= set(told)
    return [side for side in views if side != "front" and side not in read]
