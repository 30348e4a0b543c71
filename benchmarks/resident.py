"""Peaks of resident memory (Linux, proc(5)). Imports nothing that would itself need memory."""

from __future__ import annotations

from pathlib import Path
from typing import Union

Pid = Union[int, str]  # or "self"


def peak_mb(pid: Pid) -> float:
    """Return the largest resident size in MB since the start or the last reset."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def reset_peak(pid: Pid) -> None:
    """Reset the peak to the current resident size (clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
