"""Which transparency cuts out an object, and what a generator sees that drops it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from dreamlab import photos
from dreamlab.options import Options
from dreamlab.space.outputs import GeneratedModel
from local_space import segmentation
from support.api import DATA, encoded, image_bytes, post, post_form
from support.fake_service import FakeService
from support.image_files import copy, read

photos._register_openers()
SIZE = (160, 120)
NOISE = Image.merge("RGB", [Image.effect_noise(SIZE, 90) for _ in "RGB"])
PIECE, WHITE = (120, 70, 30), (255, 255, 255)


def with_alpha(alpha: Image.Image, seen: Tuple[int, ...] = PIECE) -> Image.Image:
    """Return a picture that is `seen` where it is visible, with noise where it is not."""
    picture = Image.new("RGB", alpha.size, seen)
    picture.paste(NOISE.resize(alpha.size), mask=alpha.point(lambda value: 255 * (value == 0)))
    picture.putalpha(alpha)
    return picture


def mask(shape: str, *boxes: Tuple[int, int, int, int], **how: Any) -> Image.Image:
    alpha = Image.new("L", SIZE)
    for box in boxes:
        getattr(ImageDraw.Draw(alpha), shape)(box, fill=255, **how)
    return alpha


def frame(size: Tuple[int, int], inside: Tuple[int, int, int, int], radius: int) -> Image.Image:
    """Return the alpha of a window at 2 times the resolution, with a soft shadow around it."""
    window = Image.new("L", size)
    ImageDraw.Draw(window).rounded_rectangle(inside, radius, fill=255)
    shadow = ImageChops.offset(window, 0, 8).filter(ImageFilter.GaussianBlur(12))
    return ImageChops.lighter(window, shadow.point(lambda value: value * 0.45))


def feathered() -> Image.Image:
    return mask("rectangle", (8, 8, 151, 111)).filter(ImageFilter.GaussianBlur(4))


def speckled() -> Image.Image:
    alpha = Image.new("L", SIZE, 255)
    for x in range(0, 160, 7):
        alpha.putpixel((x, (x * 31) % 120), 0)
    return alpha


FRAMES: Dict[str, Image.Image] = {
    "round corners": mask("rounded_rectangle", (0, 0, 159, 119), radius=12),
    "rounder corners": mask("rounded_rectangle", (0, 0, 159, 119), radius=28),
    "one pixel around": mask("rectangle", (1, 1, 158, 118)),
    "a margin": mask("rectangle", (4, 4, 155, 115)),
    "bars above and below": mask("rectangle", (0, 25, 159, 94)),
    "bars at the sides": mask("rectangle", (40, 0, 119, 119)),
    "the shadow of a window": frame(SIZE, (24, 18, 135, 95), 6),
    "a small shadow on a large ground": frame((480, 360), (90, 60, 389, 259), 8),
    "a shadow to one side": ImageChops.lighter(
        mask("rectangle", (30, 20, 119, 89)),
        mask("rectangle", (34, 28, 130, 100))
        .filter(ImageFilter.GaussianBlur(5))
        .point(lambda value: value // 3),
    ),
    "a soft edge": feathered(),
    "a few holes": speckled(),
    "nearly opaque": Image.new("L", SIZE, 250),
    "half transparent": Image.new("L", SIZE, 130),
    "opaque": Image.new("L", SIZE, 255),
}
SILHOUETTES: Dict[str, Image.Image] = {
    "a block": mask("rectangle", (50, 30, 110, 90)),
    "a large block": mask("rectangle", (20, 15, 140, 105)),
    "a block with smooth edges": mask("rectangle", (50, 30, 110, 90)).filter(
        ImageFilter.GaussianBlur(0.7)
    ),
    "a round table": mask("ellipse", (0, 0, 159, 119)),
    "a cabinet on feet": mask(
        "rectangle", (0, 0, 159, 114), (0, 114, 8, 119), (151, 114, 159, 119)
    ),
    "a table": mask("rectangle", (0, 0, 159, 20), (0, 0, 9, 119), (150, 0, 159, 119)),
    "a shelf": mask("rectangle", *((0, y, 159, y + 5) for y in range(0, 119, 23)), (0, 0, 5, 119),
                    (154, 0, 159, 119)),
    "a leaning board": mask("rectangle", (20, 5, 139, 114)).rotate(4),
    "two pieces": mask("rectangle", (5, 20, 60, 100), (90, 20, 150, 100)),
    "a soft silhouette": mask("ellipse", (30, 20, 130, 100)).filter(ImageFilter.GaussianBlur(5)),
    "a block with a shadow on the floor": ImageChops.lighter(
        mask("rectangle", (50, 30, 110, 90)),
        mask("ellipse", (45, 85, 130, 105)).point(lambda value: value // 3),
    ),
}  # fmt: skip


def silhouette(name: str) -> np.ndarray:
    return np.asarray(SILHOUETTES[name]) >= 128


@pytest.mark.parametrize(
    ("name", "kind"),
    (*((name, "PNG") for name in FRAMES), ("round corners", "WEBP"), ("round corners", "TIFF")),
)
def test_a_frame_is_no_cut_out(name: str, kind: str) -> None:
    save = {"lossless": True} if kind == "WEBP" else {}
    picture = with_alpha(FRAMES[name])
    copied = copy(encoded(picture, kind, **save))
    assert copied.mode == "RGB"
    on_white = Image.new("RGBA", picture.size, WHITE)
    on_white.alpha_composite(picture)
    difference = ImageChops.difference(copied, on_white.convert("RGB"))
    assert np.asarray(difference).mean() < 4, "what is transparent is white"


@pytest.mark.parametrize(
    ("name", "kind"),
    (*((name, "PNG") for name in SILHOUETTES), ("a table", "WEBP"), ("a table", "TIFF")),
)
def test_a_silhouette_is_a_cut_out(name: str, kind: str) -> None:
    save = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    pixels = np.asarray(copy(encoded(with_alpha(SILHOUETTES[name]), kind, **save)))
    assert pixels.shape[2] == 4
    assert (pixels[..., 3] == np.asarray(SILHOUETTES[name])).all()
    hidden = pixels[..., 3] < 16
    assert hidden.any() and (pixels[hidden][:, :3] == 255).all()
    assert (pixels[silhouette(name)][:, :3] == PIECE).all()


def test_hidden_colours_stay_hidden_in_a_picture_that_is_scaled() -> None:
    alpha = mask("ellipse", (30, 20, 130, 100)).resize((2080, 1560))
    pixels = np.asarray(copy(encoded(with_alpha(alpha), "PNG", compress_level=1)))
    assert pixels.shape == (1536, 2048, 4)
    assert (pixels[pixels[..., 3] < 16][:, :3] == 255).all()
    assert np.abs(pixels[pixels[..., 3] > 200][:, :3].astype(int) - PIECE).max() < 8


def test_a_cut_out_whose_hidden_colours_are_white_keeps_each_pixel() -> None:
    content = encoded(with_alpha(SILHOUETTES["a table"]), "PNG")
    photo = read(content)
    assert photo.is_cut_out
    assert read(photo.content).content == photo.content


def test_nothing_is_seen_of_a_picture_that_is_transparent_all_over() -> None:
    copied = copy(encoded(with_alpha(Image.new("L", SIZE)), "PNG"))
    assert copied.convert("RGB").getextrema() == ((255, 255),) * 3


@pytest.mark.parametrize("name", SILHOUETTES)
def test_the_stand_in_takes_a_silhouette(name: str) -> None:
    view = segmentation.cut_out(with_alpha(SILHOUETTES[name]))
    assert (view.silhouette == silhouette(name)).all()


@pytest.mark.parametrize("name", FRAMES)
def test_the_stand_in_looks_for_the_piece_inside_a_frame(name: str) -> None:
    picture = with_alpha(FRAMES[name], WHITE)
    left, top = picture.width // 2 - 20, picture.height // 2 - 25
    picture.paste(PIECE, (left, top, left + 40, top + 50))
    view = segmentation.cut_out(copy(encoded(picture, "PNG")), remove_background=False)
    expected = np.zeros(picture.size[::-1], bool)
    expected[top : top + 50, left : left + 40] = True
    assert (view.silhouette == expected).all()


class WatchedService(FakeService):
    """Keeps of each generation whether the generator was to remove the background."""

    def __init__(self) -> None:
        super().__init__()
        self.removed: List[Optional[bool]] = []

    def generate(self, views: Any, options: Options, *more: Any, **how: Any) -> GeneratedModel:
        self.removed.append(options.remove_background)
        return super().generate(views, options, *more, **how)


@pytest.fixture
def service() -> WatchedService:
    return WatchedService()


@pytest.fixture
def removes(client: FlaskClient, session_id: str, service: WatchedService) -> Callable[..., Any]:
    """Return a function that posts a form and tells whether the generator was to cut out."""

    def removes(photo: bytes, **fields: Any) -> Optional[bool]:
        assert post(client, session_id, photo, "photo", **fields).status_code == 200
        return service.removed[-1]

    return removes


def test_the_generator_keeps_what_a_photo_cuts_out(
    removes: Any, client: FlaskClient, session_id: str, service: WatchedService
) -> None:
    cut_out = encoded(with_alpha(SILHOUETTES["a table"]), "PNG")
    framed = encoded(with_alpha(FRAMES["round corners"]), "PNG")
    assert removes(cut_out) is False
    assert removes((DATA / "chair-front.png").read_bytes()) is False
    assert removes(framed) is True
    assert removes(image_bytes()) is True
    # An upload that is used again.
    assert post_form(client, session_id, upload="photo.png").status_code == 200
    assert service.removed[-1] is False


def test_the_form_decides_about_the_background_if_it_says_so(removes: Any) -> None:
    cut_out = encoded(with_alpha(SILHOUETTES["a table"]), "PNG")
    assert removes(cut_out, remove_background="true") is True
    assert removes(cut_out, remove_background="false") is False
    assert removes(image_bytes(), remove_background="false") is False
    assert removes(cut_out, remove_background="") is False


def test_the_background_is_removed_unless_all_views_are_cut_out(removes: Any) -> None:
    cut_out = encoded(with_alpha(SILHOUETTES["a table"]), "PNG")
    views: List[Tuple[bytes, bytes, bool]] = [
        (cut_out, cut_out, False),
        (cut_out, image_bytes(), True),
        (image_bytes(), cut_out, True),
    ]
    for front, back, is_removed in views:
        assert removes(front, back_image=(back, "back.png")) is is_removed
