"""The directories of TIFF, which EXIF and most RAW files of cameras have too.

This reader takes what it needs and skips what is damaged, so no file makes it fail.
"""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Sequence, Tuple

_SUBFILE_TYPE, _WIDTH, _PHOTOMETRIC, _ORIENTATION, _SUB_DIRECTORIES = 254, 256, 262, 274, 330
_DNG_VERSION = 50706
# Values of a colour filter array, and of a linear raw image.
_RAW_PHOTOMETRICS = (32803, 34892)
_COMPRESSION, _RAW_COMPRESSIONS = 259, (32767, 32769, 32770, 34713, 65000, 65535)
# The tags that say what the pixels are: size, bits, compression, strips, tiles, colours, profile.
_PIXEL_TAGS = {
    *range(254, 260), 262, 263, 266, 273, *range(277, 282), 284, *range(288, 294), 297, 301,
    317, 318, 319, 320, *range(322, 326), 332, 334, *range(338, 342), 343, *range(347, 352),
    *range(512, 522), *range(529, 533), 34675,
}  # fmt: skip
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4}
_MAX_DIRECTORIES, _MAX_ENTRIES = 100, 1000
# RAW files that are no TIFF, or one with a mark of its own: Canon, Fujifilm, Olympus, Panasonic,
# Minolta, Sigma.
_RAW_MARKS = (
    (0, b"FUJIFILMCCD-RAW"), (0, b"IIRO"), (0, b"IIRS"), (0, b"MMOR"), (0, b"IIU\0"),
    (0, b"\0MRM"), (0, b"FOVb"), (4, b"ftypcrx "), (6, b"HEAPCCDR"), (6, b"HEAPJPGM"),
    (8, b"CR\2"), (8, b"IIII"), (8, b"MMMM"),
)  # fmt: skip


class Entry(NamedTuple):
    """An entry of a directory: where it is, its tag and its first value, if that is a number."""

    at: int
    tag: int
    values: Sequence[int]


class Directory(NamedTuple):
    """A directory and whether it is one of the chain, which are a file's pages."""

    entries: Sequence[Entry]
    is_page: bool

    def value(self, tag: int) -> Optional[int]:
        """Return the first value of a tag, None without one."""
        for entry in self.entries:
            if entry.tag == tag and entry.values:
                return entry.values[0]
        return None

    @property
    def is_reduced(self) -> bool:
        """Whether the picture is a reduced copy of another one."""
        return bool((self.value(_SUBFILE_TYPE) or 0) & 1)


def orientation(exif: bytes) -> int:
    """Return the orientation, 1 to 8, that EXIF data or a TIFF file says. 1 if it says none."""
    while exif.startswith(b"Exif\0"):
        exif = exif[6:]
    pages = _pages(exif)
    value = pages[_first_whole(pages)].value(_ORIENTATION) if pages else None
    return value if value is not None and 1 <= value <= 8 else 1


def is_raw(data: bytes) -> bool:
    """Return whether a file is a camera's RAW file. Its first picture may be a thumbnail."""
    if any(data.startswith(mark, at) for at, mark in _RAW_MARKS):
        return True
    width = 0
    for directory in directories(data):
        width = width or directory.value(_WIDTH) or 0
        if (
            directory.value(_DNG_VERSION) is not None
            or directory.value(_PHOTOMETRIC) in _RAW_PHOTOMETRICS
            or directory.value(_COMPRESSION) in _RAW_COMPRESSIONS
            or (directory.is_page and directory.is_reduced and directory.value(_SUB_DIRECTORIES))
            or (not directory.is_page and (directory.value(_WIDTH) or 0) > width)
        ):
            return True
    return False


def first_whole_page(data: bytes) -> int:
    """Return the number of the first page that is no reduced copy of another one."""
    return _first_whole(_pages(data))


def _pages(data: bytes) -> List[Directory]:
    return [directory for directory in directories(data) if directory.is_page]


def _first_whole(pages: Sequence[Directory]) -> int:
    return next((number for number, page in enumerate(pages) if not page.is_reduced), 0)


def without_metadata(data: bytes) -> bytes:
    """Return a TIFF file in which the pages up to the one in use have no entries but of pixels."""
    pages = _pages(data)
    entries = [
        entry
        for page in pages[: _first_whole(pages) + 1]
        for entry in page.entries
        if entry.tag not in _PIXEL_TAGS
    ]
    if not entries:
        return data
    copy = bytearray(data)
    for entry in entries:
        # Every reader skips an entry of an unknown type.
        copy[entry.at + 2 : entry.at + 4] = b"\0\0"
    return bytes(copy)


def directories(data: bytes) -> Iterator[Directory]:
    """Yield the directories of a file: its chain, each one followed by those below it."""
    order = {b"II": "little", b"MM": "big"}.get(data[:2])
    if order is None or len(data) < 8:
        return
    is_big = _number(data, 2, 2, order) == 43
    if not is_big and _number(data, 2, 2, order) != 42:
        return
    start = _number(data, 8, 8, order) if is_big else _number(data, 4, 4, order)
    waiting: List[Tuple[int, bool]] = [(start, True)]
    seen = {0}
    while waiting and len(seen) <= _MAX_DIRECTORIES:
        at, is_page = waiting.pop(0)
        if at in seen or at >= len(data):
            continue
        seen.add(at)
        entries, following = _entries(data, at, order, is_big)
        yield Directory(entries, is_page)
        for entry in entries:
            if entry.tag == _SUB_DIRECTORIES:
                waiting += [(value, False) for value in entry.values]
        waiting.append((following, is_page))


def _entries(data: bytes, at: int, order: str, is_big: bool) -> Tuple[List[Entry], int]:
    """Return the entries of the directory at this place, and the place of the next one."""
    head, size, pointer = (8, 20, 8) if is_big else (2, 12, 4)
    count = _number(data, at, head, order)
    entries = []
    for place in range(at + head, at + head + min(count, _MAX_ENTRIES) * size, size):
        if place + size > len(data):
            break
        tag, kind = _number(data, place, 2, order), _number(data, place + 2, 2, order)
        values = _values(data, place + 4, _SIZES.get(kind, 0), order, pointer)
        entries.append(Entry(place, tag, values))
    return entries, _number(data, at + head + count * size, pointer, order)


def _values(data: bytes, at: int, size: int, order: str, pointer: int) -> List[int]:
    """Return the whole numbers of an entry whose count is at this place, few of them."""
    if not size:
        return []
    count = max(1, min(_number(data, at, pointer, order), _MAX_DIRECTORIES))
    place = at + pointer
    if count * size > pointer:
        place = _number(data, place, pointer, order)
    return [
        _number(data, place + number * size, size, order)
        for number in range(count)
        if place + (number + 1) * size <= len(data)
    ]


def _number(data: bytes, at: int, size: int, order: str) -> int:
    return int.from_bytes(data[at : at + size], order)  # type: ignore[arg-type]
