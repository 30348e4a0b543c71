"""Writes the results of a benchmark into the README, as Markdown tables."""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Sequence

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"


class Report(NamedTuple):
    """A result: tables, of which the first row is the head, and notes."""

    tables: Sequence[Sequence[Sequence[Any]]]
    notes: Sequence[str]


class Skipped(Exception):
    """A benchmark cannot run on this machine. The message says why."""


def write(name: str, report: Report) -> None:
    """Print a benchmark's tables and write them into the README."""
    parts = [_markdown(table) for table in report.tables]
    notes = "\n".join(f"- {note}" for note in report.notes)
    text = "\n\n".join([*parts, notes])
    update_readme(name, f"Measured {time.strftime('%Y-%m-%d')}.\n\n{text}")
    print(text + "\n", flush=True)


def update_readme(name: str, text: str) -> None:
    """Replace the text between the README's two markers of that name."""
    readme = README.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.S)
    if not section.search(readme):
        raise ValueError(f"{README} has no markers for {name}")
    README.write_text(
        section.sub(lambda found: f"{begin}\n\n{text}\n\n{end}", readme), encoding="utf-8"
    )


def describe_machine() -> str:
    """Return one paragraph about the machine and the versions of the main packages."""
    names = ("flask", "waitress", "gradio", "gradio_client", "pillow")
    info = Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    model = re.search(r"model name\s*: (.*)", info)
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model.group(1) if model else platform.machine()}), "
        f"{memory_gb:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in names)
        + f"; commit {_commit()}, load before the run {os.getloadavg()[0]:.1f}."
    )


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True
    )
    return found.stdout.strip() or "unknown"


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the ratio of the medians of two interleaved series."""
    return statistics.median(ours) / statistics.median(theirs)


def _markdown(table: Sequence[Sequence[Any]]) -> str:
    head, *rows = [[str(cell) for cell in row] for row in table]
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)
