"""The stand-in on the port of the environment. It also measures the peak memory of each stage."""

from __future__ import annotations

import os
import sys
from typing import Dict

from benchmarks import resident
from local_space import server
from local_space.__main__ import main


class _StageTimerAndMemory(server.StageTimer):
    def __init__(self) -> None:
        super().__init__()
        self._peaks_mb: Dict[str, float] = {}
        resident.reset_peak("self")

    def end_stage(self, stage: str) -> None:
        super().end_stage(stage)
        self._peaks_mb[f"{stage}, MB"] = resident.peak_mb("self")
        resident.reset_peak("self")

    def seconds(self) -> Dict[str, float]:
        return {**super().seconds(), **self._peaks_mb}


if __name__ == "__main__":
    server.StageTimer = _StageTimerAndMemory  # type: ignore[misc]
    sys.argv += ["--port", os.environ["PORT"]]
    main()
