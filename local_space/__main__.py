"""`python -m local_space [--port 7860]`: a Hunyuan3D-like Gradio server to develop against."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from types import FrameType
from typing import Optional

from local_space import memory
from local_space.launcher import READY


def main() -> None:
    memory.share_one_heap()
    arguments = _arguments()
    files = Path(tempfile.mkdtemp(prefix="local_space-"))
    # Gradio reads both when it is imported or launched.
    os.environ["GRADIO_TEMP_DIR"] = str(files)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

    def end(signum: int = 0, frame: Optional[FrameType] = None) -> None:
        shutil.rmtree(files, ignore_errors=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if arguments.end_with_stdin:
        threading.Thread(target=_wait_for_end_of_stdin, args=(end,), daemon=True).start()

    from local_space import segmentation
    from local_space.server import build

    segmentation.load()
    _, url, _ = build().launch(
        server_name=arguments.host,
        server_port=arguments.port or _free_port(arguments.host),
        quiet=True,
        show_error=True,
        prevent_thread_lock=True,
    )
    print(READY + url.rstrip("/"), flush=True)
    threading.Event().wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local_space", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860, help="0 takes any free one")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when stdin is closed")
    return parser.parse_args()


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_end_of_stdin(end: object) -> None:
    sys.stdin.read()
    end()  # type: ignore[operator]


if __name__ == "__main__":
    main()
