"""The structure of image files: what in them is pixels, and what is not.

A walk over the whole file decides, not what a decoder happens to report. Damage outside the pixels
is skipped.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import Dict, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

Colour = Union[int, Tuple[int, ...]]
Parts = List[Union[bytes, memoryview]]

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
# Numbers about the pixels, with their lengths: gamma, primaries, rendering intent, aspect.
_PNG_NUMBERS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9}
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
# Samples per pixel, by colour type.
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # fmt: skip # noqa: E501
_EXIF_TEXTS = (b"Raw profile type exif", b"Raw profile type APP1")
# Larger profiles and texts are ignored. Colour profiles of printers have up to 3 MB.
_MAX_INFLATED = 8 << 20

# A marker of a JPEG that is neither a stuffed byte of a scan nor one of its restart markers.
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
_JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Also tables, scans, the number of lines, the interval of restarts.
_JPEG_PIXELS = _JPEG_FRAMES | {0xC4, 0xCC, _SOS, 0xDB, 0xDC, 0xDD}
# The headers that say how colours are encoded, and their lengths. A longer one has a thumbnail.
_JPEG_HEADERS = ((_APP0, 14), (_APP14, 12))
JPEG_END = b"\xff\xd9"

_WEBP_PIXELS = (b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP")

# An entry for EXIF in the list of items of a HEIC or AVIF file.
_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{3}.{4}|\x03.{3}.{6}))Exif", re.DOTALL)


class Content(NamedTuple):
    """What a file contains. `pixels` is a file of the same kind that has nothing else.

    `is_clean` tells that the file itself is proved to have nothing else. Without `has_end`, it is a
    JPEG without its end marker, whose last pixels may be missing. `transparent_colour` has 8 bits,
    and is the one of a PNG without a palette.
    """

    pixels: bytes
    is_clean: bool = False
    has_end: bool = True
    exif: Sequence[bytes] = ()
    profile: bytes = b""
    bit_depth: int = 8
    transparent_colour: Optional[Colour] = None


def read(data: bytes) -> Content:
    """Return what a file contains."""
    if data.startswith(b"\xff\xd8\xff"):
        return _read_jpeg(data)
    if data.startswith(_PNG):
        return _read_png(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _read_webp(data)
    if data[4:8] == b"ftyp":
        # Their rotation is in a property of the item. Pillow refuses an AVIF with damaged EXIF.
        return Content(_EXIF_ITEM.sub(rb"\1free", data))
    return Content(data)


def _read_jpeg(data: bytes) -> Content:
    view = memoryview(data)
    kept: Parts = [view[:2]]
    exif: List[bytes] = []
    profile: List[bytes] = []
    missing_bits: Dict[Tuple[int, int], int] = {}
    is_clean, has_end, components, at = True, False, 0, 2
    while not has_end:
        found = _JPEG_MARKER.search(data, at)
        if found is None:
            break
        is_clean &= found.start() == at
        kind, start = data[found.start() + 1], found.end()
        length = int.from_bytes(data[start : start + 2], "big")
        if kind in (0x01, _SOI, _EOI) or (length < 2 and start + 2 <= len(data)):
            has_end, at = kind == _EOI, start
            is_clean &= has_end
            continue
        at = start + length
        if at > len(data) or length < 2:
            break
        body = view[start + 2 : at]
        if kind == _SOS:
            following = _JPEG_MARKER.search(data, at)
            at = following.start() if following else len(data)
            is_clean &= _add_scan(missing_bits, body)
        elif kind in _JPEG_FRAMES:
            is_clean &= components == 0
            components = body[5] if len(body) > 5 else 0
        elif kind == _APP1 and bytes(body[:5]) == b"Exif\0":
            exif.append(bytes(body))
        elif kind == _APP2 and bytes(body[:12]) == b"ICC_PROFILE\0":
            profile.append(bytes(body[12:]))
        if kind in _JPEG_PIXELS or _is_colour_header(kind, body):
            kept.append(view[found.start() : at])
        is_clean &= kind in _JPEG_PIXELS or (kind, len(body)) in _JPEG_HEADERS
    if is_clean and has_end and at == len(data):
        return Content(data, True)
    pixels = b"".join(kept)
    if has_end:
        pixels += JPEG_END
    elif len(missing_bits) == 64 * components and not any(missing_bits.values()):
        # The first half of the end marker may be there.
        pixels = pixels.rstrip(b"\xff")
    else:
        # Decoders refuse it without an end.
        has_end = True
    # Two bytes before each part of a profile have its number and the number of parts.
    icc = b"".join(part[2:] for part in sorted(profile))
    return Content(pixels, False, has_end, exif, icc)


def _add_scan(missing_bits: Dict[Tuple[int, int], int], header: memoryview) -> bool:
    """Note which bits of which coefficients a scan leaves out. Return whether it adds any.

    A sequential JPEG has one scan for each component, a progressive one has several.
    """
    count = header[0] if header else 0
    if len(header) != 4 + 2 * count:
        return False
    first, last, low_bit = header[-3], min(header[-2], 63), header[-1] & 15
    adds = True
    for component in header[1 : 1 + 2 * count : 2]:
        for coefficient in range(first, last + 1):
            adds &= missing_bits.get((component, coefficient), 16) > low_bit
            missing_bits[component, coefficient] = low_bit
    return adds


def _is_colour_header(kind: int, body: memoryview) -> bool:
    """Return whether a segment says how the colours are encoded."""
    return (kind, bytes(body[:5])) in ((_APP0, b"JFIF\0"), (_APP14, b"Adobe"))


def _read_png(data: bytes) -> Content:
    view = memoryview(data)
    kept: Parts = [view[:8]]
    pixels: List[memoryview] = []
    exif: List[bytes] = []
    profile, header, transparency, at = b"", b"", b"", 8
    seen: Set[bytes] = set()
    is_clean, has_end = True, False
    while not has_end and at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        body, end = view[at + 8 : at + 8 + length], at + 12 + length
        is_clean &= name == b"IDAT" or name not in seen
        if name == b"IDAT":
            pixels.append(body)
        elif name == b"IHDR":
            header = header or bytes(body)
        elif name == b"IEND":
            has_end = True
        elif name == b"eXIf":
            exif.append(bytes(body))
        elif name in (b"tEXt", b"zTXt", b"iTXt"):
            exif += _exif_of_text(name, bytes(body))
        elif name == b"iCCP" and not profile:
            profile = _inflated(bytes(body).partition(b"\0")[2][1:])
        late = bool(pixels) and name in (b"PLTE", b"tRNS")
        sound = end <= len(data) and (name != b"tRNS" or _has_checksum(view, at, length))
        if name in _PNG_PIXELS and not late and name not in (seen - {b"IDAT"}):
            if sound:
                kept.append(view[at:end])
                transparency = bytes(body) if name == b"tRNS" else transparency
            elif name == b"IDAT":
                kept.append(_chunk(name, body))
        is_clean &= sound and not late and name != b"tRNS"
        is_clean &= name in _PNG_PIXELS or _PNG_NUMBERS.get(name) == length
        seen.add(name)
        at = end
    bit_depth, colour_type = (header[8], header[9]) if len(header) == 13 else (8, 2)
    is_clean = (
        is_clean
        and kept[-1] == _PNG_END
        and at == len(data)
        and (b"PLTE" in seen) == (colour_type == 3)
        and _has_exactly(pixels, header)
    )
    if is_clean:
        return Content(data, True)
    if not has_end:
        kept.append(_PNG_END)
    colour = _transparent_colour(transparency, bit_depth) if colour_type in (0, 2) else None
    return Content(b"".join(kept), False, True, exif, profile, bit_depth, colour)


def _transparent_colour(body: bytes, bit_depth: int) -> Optional[Colour]:
    """Return the grey level or the colour in a tRNS chunk, as the decoder scales it to 8 bits."""
    levels = [int.from_bytes(body[at : at + 2], "big") for at in range(0, len(body), 2)]
    if len(levels) == 1:
        white = (1 << bit_depth) - 1
        return (levels[0] * 255 + white // 2) // white
    # The decoder takes the upper half of 16 bits.
    return tuple(level >> max(0, bit_depth - 8) for level in levels) if len(levels) == 3 else None


def _chunk(name: bytes, body: Union[bytes, memoryview]) -> bytes:
    content = name + bytes(body)
    return struct.pack(">I", len(body)) + content + struct.pack(">I", zlib.crc32(content))


def _has_checksum(view: memoryview, at: int, length: int) -> bool:
    checksum = int.from_bytes(view[at + 8 + length : at + 12 + length], "big")
    return zlib.crc32(view[at + 4 : at + 8 + length]) == checksum


def _has_exactly(parts: Sequence[memoryview], header: bytes) -> bool:
    """Return whether the compressed `parts` have the pixels that a PNG's header says, no more."""
    if len(header) != 13 or header[9] not in _PNG_SAMPLES:
        return False
    width, height, depth, colour_type, _, _, interlace = struct.unpack(">IIBBBBB", header)
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    expected = 0
    for x, y, step_x, step_y in passes:
        columns, rows = (width - x + step_x - 1) // step_x, (height - y + step_y - 1) // step_y
        if columns > 0 and rows > 0:
            expected += rows * (1 + (columns * depth * _PNG_SAMPLES[colour_type] + 7) // 8)
    inflater, total = zlib.decompressobj(), 0
    try:
        for part in parts:
            for at in range(0, len(part), 1 << 16):
                if inflater.eof:
                    return False
                total += len(inflater.decompress(part[at : at + (1 << 16)], expected - total + 1))
                if total > expected or inflater.unconsumed_tail:
                    return False
    except zlib.error:
        return False
    return inflater.eof and not inflater.unused_data and total == expected


def _exif_of_text(name: bytes, body: bytes) -> List[bytes]:
    """Return the EXIF in a PNG's text, where ImageMagick writes it in hexadecimal digits."""
    keyword, _, text = body.partition(b"\0")
    if keyword not in _EXIF_TEXTS:
        return []
    if name == b"zTXt":
        text = _inflated(text[1:])
    elif name == b"iTXt":
        is_packed, text = text[:1] == b"\1", text[2:].split(b"\0", 2)[-1]
        text = _inflated(text) if is_packed else text
    # The first lines have the kind of the profile and its length.
    digits = b"".join(text.strip().split(b"\n")[2:])
    try:
        return [bytes.fromhex(digits.decode("ascii"))]
    except ValueError:
        return []


def _inflated(packed: bytes) -> bytes:
    """Return unpacked data, nothing if it is damaged or too large."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(packed, _MAX_INFLATED)
    except zlib.error:
        return b""
    return content if inflater.eof else b""


def _read_webp(data: bytes) -> Content:
    kept = io.BytesIO()
    exif: List[bytes] = []
    at = 12
    while at + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if name == b"EXIF":
            exif.append(data[at + 8 : at + 8 + length])
        elif name == b"VP8X" and length >= 10:
            # Two of its bits announce EXIF and XMP.
            kept.write(data[at : at + 8] + bytes([data[at + 8] & ~0x0C]) + data[at + 9 : end])
        elif name in _WEBP_PIXELS:
            kept.write(data[at:end])
        at = end
    chunks = kept.getvalue()
    size = struct.pack("<I", len(chunks) + 4)
    return Content(b"RIFF" + size + b"WEBP" + chunks, exif=exif)
