"""The outputs of a job: the files of the model, and what the generator says of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from dreamlab import fields
from dreamlab.errors import GenerationFailed
from dreamlab.models import glb
from dreamlab.models.size import SIDES
from dreamlab.options import Options
from dreamlab.space.description import Description

_NO_TEXTURE = "The generator could not make a texture: the model is white."


class GeneratedModel(NamedTuple):
    """What the generator says of a model. What it does not say is None."""

    seed: Optional[int]
    warnings: Tuple[str, ...] = ()
    lacks_texture: bool = False
    size_guess_cm: Optional[Dict[str, float]] = None


def describe_model(
    outputs: Sequence[Any],
    tree: Dict[str, Any],
    description: Description,
    endpoint: str,
    views: Mapping[str, Path],
    options: Options,
) -> GeneratedModel:
    """Return what the outputs of `endpoint` say of a model with the JSON `tree`."""
    lacks_texture = options.texture and not glb.is_coloured(tree)
    warnings = [_NO_TEXTURE] if lacks_texture else []
    unread = _unread_views(description, endpoint, views, outputs)
    if unread:
        warnings.append(f"The generator did not read these views: {', '.join(unread)}.")
    takes_seed = description.has_input(endpoint, "seed")
    seed = _seed_of(outputs, options.seed if takes_seed else None)
    return GeneratedModel(seed, tuple(warnings), lacks_texture, size_guess_of(outputs))


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


def _seed_of(outputs: Sequence[Any], sent: Optional[int]) -> Optional[int]:
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


def _unread_views(
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
