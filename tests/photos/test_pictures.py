"""Which picture of a file with several is used, and files of which none is the photo: RAW."""

from __future__ import annotations

import struct
from typing import Any, Dict, List, Sequence, Tuple

import pytest
from PIL import Image

from dreamlab import photos
from support.api import encoded, image_bytes
from support.image_files import ORIENTATION_6, copy, exif, read, with_segment

photos._register_openers()
RED, BLUE = (254, 0, 0), (0, 0, 254)


def colour(content: bytes) -> Any:
    return copy(content).convert("RGB").resize((1, 1)).getpixel((0, 0))


def heic(primary: int, *sizes: Tuple[int, int]) -> bytes:
    """Return a HEIC file whose primary picture is red. The others are blue."""
    pictures = [
        Image.new("RGB", size, "red" if number == primary else "blue")
        for number, size in enumerate(sizes)
    ]
    return encoded(
        pictures[0], "HEIF", save_all=True, append_images=pictures[1:], primary_index=primary
    )


@pytest.mark.parametrize("primary", (0, 1, 2))
def test_the_primary_picture_of_a_heic_file_is_used(primary: int) -> None:
    sizes = ((64, 48), (96, 64), (80, 80))
    content = heic(primary, *sizes)
    assert copy(content).size == sizes[primary]
    assert colour(content) == pytest.approx(RED, abs=6)


def test_the_limit_of_pixels_is_for_the_picture_that_is_used() -> None:
    assert read(heic(1, (400, 400), (64, 48)), max_megapixels=0.01)
    assert read(heic(0, (64, 48), (400, 400)), max_megapixels=0.01)
    with pytest.raises(photos.ImageTooLarge):
        read(heic(1, (64, 48), (400, 400)), max_megapixels=0.01)
    large, small = Image.new("RGB", (400, 400), "blue"), Image.new("RGB", (64, 48), "red")
    for kind in ("TIFF", "MPO"):
        several = encoded(small, kind, save_all=True, append_images=[large])
        assert colour(several) == pytest.approx(RED, abs=6)
        assert read(several, max_megapixels=0.01)
        with pytest.raises(photos.ImageTooLarge):
            read(encoded(large, kind, save_all=True, append_images=[small]), max_megapixels=0.01)


def test_damaged_notes_about_further_pictures_do_not_refuse_a_jpeg() -> None:
    for notes in (b"", b"MM\0*", b"II*\0\x08\0\0\0\xff\xff", exif([(0xB001, 2, 4, b"many")])):
        content = with_segment(image_bytes(kind="JPEG"), 0xE2, b"MPF\0" + notes)
        assert copy(content).size == (64, 48)


Value = Tuple[int, int, Sequence[int]]
_FORMATS = {1: "B", 3: "H", 4: "I"}


class Tiff:
    """Writes a TIFF file of grey pictures without compression, page by page."""

    def __init__(self, order: str = "<", magic: bytes = b"") -> None:
        self.order = order
        self.content = bytearray(magic or (b"II*\0" if order == "<" else b"MM\0*"))
        self.content += bytes(4)
        self.link = 4

    def add(self, size: Tuple[int, int], level: int, below: bool = False, **more: Value) -> int:
        """Add a picture, as a page or for use below one. `more` has tags such as t254."""
        at = len(self.content)
        self.content += bytes([level]) * (size[0] * size[1])
        tags: Dict[int, Value] = {
            256: (256, 4, [size[0]]), 257: (257, 4, [size[1]]), 258: (258, 3, [8]),
            259: (259, 3, [1]), 262: (262, 3, [1]), 273: (273, 4, [at]), 277: (277, 3, [1]),
            278: (278, 4, [size[1]]), 279: (279, 4, [size[0] * size[1]]),
        }  # fmt: skip
        tags.update({int(name[1:]): value for name, value in more.items()})
        directory = struct.pack(self.order + "H", len(tags))
        for tag in sorted(tags):
            _, kind, values = tags[tag]
            packed = struct.pack(f"{self.order}{len(values)}{_FORMATS[kind]}", *values)
            if len(packed) > 4:
                packed, stored = struct.pack(self.order + "I", len(self.content)), packed
                self.content += stored
            head = struct.pack(self.order + "HHI", tag, kind, len(values))
            directory += head + packed.ljust(4, b"\0")
        place = len(self.content)
        if not below:
            struct.pack_into(self.order + "I", self.content, self.link, place)
            self.link = place + len(directory)
        self.content += directory + bytes(4)
        return place


def raw_files() -> Dict[str, bytes]:
    """Return small files with the structure of RAW files, the thumbnail first."""
    files = {}
    for order in "<>":
        nef = Tiff(order)
        sensor = nef.add((300, 200), 9, True, t262=(0, 3, [32803]), t259=(0, 3, [34713]))
        jpeg = nef.add((200, 100), 9, True, t254=(0, 4, [1]))
        nef.add((16, 12), 200, t254=(0, 4, [1]), t330=(0, 4, [jpeg, sensor]))
        files[f"NEF {order}"] = bytes(nef.content)
        dng = Tiff(order)
        dng.add((16, 12), 200, t50706=(0, 1, [1, 4, 0, 0]), t254=(0, 4, [1]))
        files[f"DNG {order}"] = bytes(dng.content)
        arw = Tiff(order)
        sensor = arw.add((300, 200), 9, True, t259=(0, 3, [32767]))
        arw.add((16, 12), 200, t254=(0, 4, [1]), t330=(0, 4, [sensor]))
        files[f"ARW {order}"] = bytes(arw.content)
    linear = Tiff()
    linear.add((16, 12), 200, t262=(0, 3, [34892]))
    files["linear"] = bytes(linear.content)
    unknown = Tiff()
    whole = unknown.add((300, 200), 9, True)
    unknown.add((16, 12), 200, t254=(0, 4, [1]), t330=(0, 4, [whole]))
    files["a thumbnail above the whole picture"] = bytes(unknown.content)
    pef = Tiff(">")
    pef.add((300, 200), 9, t259=(0, 3, [65535]), t262=(0, 3, [32803]))
    files["PEF"] = bytes(pef.content)
    cut = Tiff()
    cut.add((16, 12), 200, t254=(0, 4, [1]), t330=(0, 4, [9_000_000]))
    files["a thumbnail above a picture that is cut off"] = bytes(cut.content)
    cr2 = Tiff()
    cr2.content += b"CR\2\0" + bytes(4)
    cr2.add((16, 12), 200)
    files["CR2"] = bytes(cr2.content)
    for name, magic in (("RW2", b"IIU\0"), ("ORF", b"IIRO"), ("ORF 2", b"IIRS")):
        other = Tiff(magic=magic)
        other.add((16, 12), 200)
        files[name] = bytes(other.content)
    files["RAF"] = b"FUJIFILMCCD-RAW 0201FF383501" + bytes(200) + image_bytes(kind="JPEG")
    files["CR3"] = b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(200)
    files["CRW"] = b"II\x1a\0\0\0HEAPCCDR\2\0\1\0" + bytes(200)
    files["MRW"] = b"\0MRM" + bytes(200)
    files["X3F"] = b"FOVb" + bytes(200)
    return files


@pytest.mark.parametrize("name", raw_files())
def test_a_raw_file_is_refused_with_a_sentence_that_says_so(name: str) -> None:
    with pytest.raises(photos.UnsupportedImage, match=r"^image is a RAW file"):
        read(raw_files()[name])


def plain_files() -> List[bytes]:
    """Return TIFF files with features that RAW files have too. The right picture has 30 pixels."""
    pyramid = Tiff()
    reduced = pyramid.add((10, 5), 9, True, t254=(0, 4, [1]))
    pyramid.add((30, 15), 200, t330=(0, 4, [reduced]))
    thumbnail_first = Tiff(">")
    thumbnail_first.add((10, 5), 9, t254=(0, 4, [1]))
    thumbnail_first.add((30, 15), 200)
    loop = Tiff()
    loop.add((30, 15), 200, t330=(0, 4, [8]))
    struct.pack_into("<I", loop.content, loop.link, struct.unpack_from("<I", loop.content, 4)[0])
    return [bytes(tiff.content) for tiff in (pyramid, thumbnail_first, loop)]


def test_a_plain_tiff_is_accepted() -> None:
    for content in plain_files():
        copied = copy(content)
        assert copied.size == (30, 15)
        assert copied.getpixel((5, 5)) == (200, 200, 200)
    for mode in ("RGB", "RGBA", "L", "CMYK", "P", "1"):
        picture = Image.new("RGB", (64, 48), "white").convert(mode)
        for compression in (None, "tiff_lzw", "tiff_adobe_deflate"):
            assert copy(encoded(picture, "TIFF", compression=compression)).size == (64, 48)


@pytest.mark.parametrize("compression", (None, "tiff_lzw", "jpeg"))
def test_the_orientation_of_a_tiff_is_applied_once(compression: str) -> None:
    data = Image.Exif()
    data.load(exif([ORIENTATION_6]))
    content = image_bytes((64, 48), "TIFF", exif=data, compression=compression)
    assert copy(content).size == (48, 64)


def test_damaged_metadata_of_a_tiff_is_ignored() -> None:
    for tags in (
        {"t34665": (0, 4, [8])},
        {"t34665": (0, 4, [0xFFFFFFFF])},
        {"t34853": (0, 3, [1, 2, 3])},
        {"t296": (0, 1, [9, 9, 9, 9, 9]), "t282": (0, 4, [1])},
        {"t700": (0, 1, [255] * 9), "t305": (0, 4, [7])},
    ):
        tiff = Tiff()
        tiff.add((30, 15), 200, **tags)  # type: ignore[arg-type]
        assert copy(bytes(tiff.content)).size == (30, 15), tags
