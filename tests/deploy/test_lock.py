"""The locks of deploy/ fit the requirements that they were made of."""

from __future__ import annotations

import re
from typing import Dict, List, NamedTuple

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


class Locked(NamedTuple):
    """One release in a lock, its hashes, and who asks for it."""

    pin: Requirement
    hashes: List[str]
    via: List[str]

    @property
    def version(self) -> str:
        (specifier,) = self.pin.specifier
        assert specifier.operator == "=="
        return specifier.version


def read_lock(name: str) -> List[Locked]:
    text = (PROJECT / name).read_text("utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.M)[1:]
    return [
        Locked(
            Requirement(entry.partition("\\")[0].strip()),
            re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry),
            re.findall(r"-r (\S+)", entry),
        )
        for entry in entries
    ]


def read_requirements(name: str) -> List[Requirement]:
    lines = (PROJECT / name).read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def applies(requirement: Requirement, image: Dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(image)


def versions(lock: str, image: Dict[str, str]) -> Dict[str, str]:
    locked = [each for each in read_lock(lock) if applies(each.pin, image)]
    return {canonicalize_name(each.pin.name): each.version for each in locked}


def fits(requirement: Requirement, found: Dict[str, str]) -> bool:
    version = found.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image["platform_machine"])
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_what_its_requirements_ask_for(lock: str, image: Dict[str, str]) -> None:
    found = versions(lock, image)
    unfit = [
        f"{name}: {requirement}"
        for name in LOCKS[lock]
        for requirement in read_requirements(name)
        if applies(requirement, image) and not fits(requirement, found)
    ]
    assert unfit == [], f"{lock}: make it anew, see deploy/README.md"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_nothing_that_was_removed_from_its_requirements(lock: str) -> None:
    named = {
        name: {canonicalize_name(each.name) for each in read_requirements(name)}
        for name in LOCKS[lock]
    }
    removed = [
        f"{name}: {each.pin.name}"
        for each in read_lock(lock)
        for name in each.via
        if canonicalize_name(each.pin.name) not in named[name]
    ]
    assert removed == [], f"{lock}: make it anew, see deploy/README.md"


@pytest.mark.parametrize("lock", LOCKS)
def test_each_release_in_a_lock_has_a_hash(lock: str) -> None:
    locked = read_lock(lock)
    assert locked and [each.pin.name for each in locked if not each.hashes] == []


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image["platform_machine"])
def test_both_locks_have_the_same_release_of_a_package(image: Dict[str, str]) -> None:
    api, stand_in = (versions(lock, image) for lock in LOCKS)
    both = api.keys() & stand_in.keys()
    assert both and {name: api[name] for name in both} == {name: stand_in[name] for name in both}


@pytest.mark.parametrize("lock", LOCKS)
def test_the_readme_has_the_command_that_makes_a_lock(lock: str) -> None:
    header = (PROJECT / lock).read_text("utf-8").splitlines()[1]
    readme = (PROJECT / "deploy" / "README.md").read_text("utf-8")
    assert header.lstrip("# ") in " ".join(readme.replace("\\\n", " ").split())
