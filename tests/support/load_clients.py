"""64 clients that generate one model after another: `load_clients.py URL SESSION SECONDS PHOTO`.

It prints the count of each status, and of the refusals that took over a second or lack Retry-After.
A refused client tries again after one second, which is sooner than Retry-After says.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Counter as Counts

import requests


def main() -> None:
    url, session_id, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    target = f"{url}/api/process_furniture_image/{session_id}"
    end = time.monotonic() + seconds
    counts: Counts[str] = Counter(late=0, without_retry_after=0)
    lock = threading.Lock()
    photo = Path(sys.argv[4]).read_bytes()

    def client() -> None:
        with requests.Session() as http:
            while time.monotonic() < end:
                started = time.monotonic()
                answer = http.post(target, files={"image": ("a.png", photo)}, timeout=120)
                with lock:
                    counts[str(answer.status_code)] += 1
                if answer.status_code == 503:
                    counts["late"] += time.monotonic() - started > 1
                    counts["without_retry_after"] += "Retry-After" not in answer.headers
                    time.sleep(1)

    threads = [threading.Thread(target=client) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*(f"{key}={value}" for key, value in counts.items()))


if __name__ == "__main__":
    main()
