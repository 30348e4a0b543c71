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
import time
from pathlib import Path
from types import FrameType
from typing import Callable, Optional

from local_space.launcher import READY

# How often the end of stdin is looked for on Windows.
_PEEK_S = 0.2
# How often the removal of the temporary files is tried, and the pause between two attempts.
_REMOVE_ATTEMPTS = 10
_REMOVE_PAUSE_S = 0.1


def main() -> None:
    arguments = _arguments()
    files = Path(tempfile.mkdtemp(prefix="local_space-"))
    # All temporary files are in one folder, which is removed at the end.
    tempfile.tempdir = str(files)
    # Gradio reads the first one when it is imported, the other one when it is launched.
    os.environ["GRADIO_TEMP_DIR"] = str(files)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

    def stop(signum: int = 0, frame: Optional[FrameType] = None) -> None:
        _remove(files)
        os._exit(0)

    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        # nohup ignores SIGHUP. A shell ignores SIGINT for what it runs in the background, but who
        # sends it means it.
        if number and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, stop)
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
    while True:
        # Windows delivers Ctrl-C only to a thread that does not wait for ever.
        time.sleep(1)


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
    _wait_for_end_of_stdin()
    stop()


if sys.platform == "win32":
    import ctypes
    import msvcrt

    def _wait_for_end_of_stdin() -> None:
        # While a thread reads a pipe, all else that touches it waits, such as `import numpy`.
        pipe = ctypes.c_void_p(msvcrt.get_osfhandle(sys.stdin.fileno()))
        while ctypes.windll.kernel32.PeekNamedPipe(pipe, None, 0, None, None, None):
            time.sleep(_PEEK_S)

else:

    def _wait_for_end_of_stdin() -> None:
        sys.stdin.read()


def _remove(folder: Path) -> None:
    """Remove the folder, into which a job may still write."""
    for _ in range(_REMOVE_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_REMOVE_PAUSE_S)


if __name__ == "__main__":
    main()
