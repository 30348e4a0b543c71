"""`python -m benchmarks.result_picture`: draws the README's picture, benchmarks/result.jpg.

Photos of tests/data, and the models that the stand-in makes of them, from five sides.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from gradio_client import Client, handle_file

from benchmarks import contact_sheet, measures
from local_space.launcher import StandIn

PROJECT = Path(__file__).resolve().parent.parent
PHOTOS = ("couch.jpg", "bookcase.jpg", "chair.jpg")


def main() -> None:
    stand_in = StandIn()
    try:
        with tempfile.TemporaryDirectory() as downloads:
            url = stand_in.url(timeout_s=120)
            client = Client(url, verbose=False, download_files=downloads)
            rows = [_row(client, PROJECT / "tests" / "data" / name) for name in PHOTOS]
            contact_sheet.sheet(rows).save(PROJECT / "benchmarks" / "result.jpg", quality=85)
    finally:
        stand_in.stop()


def _row(client: Client, photo: Path) -> contact_sheet.Row:
    answer = client.predict(image=handle_file(str(photo)), api_name="/generation_all")
    file = answer[1]
    path = file["value"] if isinstance(file, dict) else file
    return contact_sheet.Row(f"{photo.name}: {answer[3]['class']}", photo, measures.load(path))


if __name__ == "__main__":
    main()
