"""Peaks of resident memory (Linux, proc(5)); imports nothing that would count itself."""

from __future__ import annotations

from pathlib import Path
from typing import Union

Pid = Union[int, str]  # or "self"


def peak_mb(pid: Pid) -> float:
    """The largest resident size since the start or the last reset."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def reset_peak(pid: Pid) -> None:
    """Let the peak begin again at what is resident now (clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
