"""The locks of deploy/ fit the requirements that they were made of."""

from __future__ import annotations

from typing import Dict, List

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dreamlab.settings import PROJECT

LOCKS = {
    "deploy/requirements.lock": ("requirements.txt", "deploy/requirements.txt"),
    "deploy/local_space.lock": ("local_space/requirements.txt",),
}
# The image's Python, on the machines that it can be built for.
IMAGES = [
    {"python_version": "3.13", "sys_platform": "linux", "platform_machine": machine}
    for machine in ("x86_64", "aarch64")
]


def read(name: str, image: Dict[str, str]) -> List[Requirement]:
    """Return the requirements in a file that apply to an image."""
    lines = (PROJECT / name).read_text("utf-8").splitlines()
    found = [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]
    return [each for each in found if each.marker is None or each.marker.evaluate(image)]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_what_its_requirements_ask_for(lock: str) -> None:
    unfit = []
    for image in IMAGES:
        locked = {canonicalize_name(pin.name): str(pin.specifier)[2:] for pin in read(lock, image)}
        for name in LOCKS[lock]:
            for requirement in read(name, image):
                version = locked.get(canonicalize_name(requirement.name), "")
                if not (version and requirement.specifier.contains(version, prereleases=True)):
                    unfit.append(f"{name}: {requirement}")
    assert unfit == [], f"{lock}: make it anew, see deploy/README.md"
