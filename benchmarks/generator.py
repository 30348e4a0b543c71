"""`python -m benchmarks.generator PORT SECONDS GLB`: a Gradio server whose jobs sleep."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from benchmarks import servers  # noqa: F401  (it adds tests/ to sys.path)

from support import spaces  # isort: skip


def main(port: int, seconds: float, mesh: str) -> None:
    def shape(image: Any = None) -> Any:
        time.sleep(seconds)
        return spaces.answer(mesh)

    with spaces.space(shape, port=port):
        print("ready", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
