"""`python -m local_space [--port 7860]`: a Gradio server with the API of Hunyuan3D."""

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
from typing import Callable, Optional

from local_space import memory
from local_space.launcher import READY


def main() -> None:
    memory.use_one_arena()
    arguments = _arguments()
    files = Path(tempfile.mkdtemp(prefix="local_space-"))
    # Gradio reads the first one when it is imported, the other one when it is launched.
    os.environ["GRADIO_TEMP_DIR"] = str(files)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

    def stop(signum: int = 0, frame: Optional[FrameType] = None) -> None:
        shutil.rmtree(files, ignore_errors=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if arguments.end_with_stdin:
        threading.Thread(target=_stop_after_stdin, args=(stop,), daemon=True).start()

    from local_space import segmentation, weights

    weights.log_to_stderr()
    segmentation.load()
    # Gradio asks its own URL whether it is there. It may do so through no proxy, and it cannot even
    # be imported where a package for a SOCKS proxy is missing.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"
    from local_space.server import build

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
    parser.add_argument("--port", type=int, default=7860, help="0 chooses a free port")
    parser.add_argument("--end-with-stdin", action="store_true", help="stop when stdin is closed")
    return parser.parse_args()


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _stop_after_stdin(stop: Callable[[], None]) -> None:
    sys.stdin.read()
    stop()


if __name__ == "__main__":
    main()
