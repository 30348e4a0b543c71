"""Sends mutated images or mutated requests to the app, with the fuzzer atheris.

`python tests/support/fuzz.py images -max_total_time=600`, or `requests` instead of `images`.
libFuzzer reads the further arguments. It needs `pip install atheris`. It reports each input that is
neither accepted nor refused with an error of the API.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Callable, List

import atheris

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]

with atheris.instrument_imports(include=["dreamlab", "werkzeug", "flask", "PIL"]):
    from app import create_app
    from dreamlab import photos

from dreamlab.settings import Settings  # noqa: E402
from support.api import image_bytes  # noqa: E402

KINDS = ("JPEG", "PNG", "WEBP", "HEIF", "AVIF", "BMP", "TIFF", "GIF")
REFUSALS = {400, 404, 413, 415, 422, 503}


def read_image(data: bytes) -> None:
    try:
        photo = photos.read(io.BytesIO(data), "image", 1)
    except (photos.UnsupportedImage, photos.ImageTooLarge):
        return
    again = photos.read(io.BytesIO(photo.content), "image", 5)
    assert (again.suffix, again.is_cut_out) == (photo.suffix, photo.is_cut_out)


def make_request(folder: str) -> Callable[[bytes], None]:
    # Nothing listens on port 9, so an accepted request is soon answered with 503.
    app = create_app(Settings(engine="http://127.0.0.1:9", sessions_dir=Path(folder)))
    client = app.test_client()
    session_id = client.get("/api/generate_session_id").json["session_id"]

    def request(data: bytes) -> None:
        answer = client.post(
            f"/api/process_furniture_image/{session_id}",
            data=data,
            content_type="multipart/form-data; boundary=x",
        )
        assert answer.status_code in REFUSALS and answer.json["code"], answer.status

    return request


def seeds(target: str) -> List[bytes]:
    photos._register_openers()
    images = [image_bytes((24, 16), kind) for kind in KINDS]
    if target == "images":
        return images
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    seed = b'\r\n--x\r\nContent-Disposition: form-data; name="seed"\r\n\r\n1\r\n--x--\r\n'
    return [head + images[1] + seed, head + seed, b"--x--"]


def main() -> None:
    target = sys.argv.pop(1)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, seed in enumerate(seeds(target)):
            (corpus / str(number)).write_bytes(seed)
        run = read_image if target == "images" else make_request(f"{folder}/sessions")
        atheris.Setup([*sys.argv, str(corpus)], run)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
