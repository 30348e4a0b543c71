"""Peaks of resident memory (Linux, proc(5)). Imports nothing that would itself need memory."""

from __future__ import annotations

from pathlib import Path


def peak_mb(pid: int) -> float:
    """Return the largest resident size in MB since the start."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
