"""A file stripped of all that does not draw its picture: pure, on the file's bytes.

Text, profiles, animations and thumbnails never reach the decoder or the server. Pillow refuses a
picture for a large text chunk, warns of a broken animation or EXIF block, and obeys neither; none
of that says anything about the pixels. Formats: PNG (Third Edition), JPEG (ITU-T T.81, B.1.1.3),
TIFF 6.0 for the EXIF block.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
EXIF_MARK = b"Exif\0\0"

#: tRNS is the transparency of pictures without an alpha channel.
PNG_KEPT = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
#: APP0 and APP14 say how the colours are coded; the other APPn and COM draw nothing.
JPEG_DROPPED = frozenset((*range(0xE1, 0xEE), 0xEF, 0xFE))
JPEG_SCAN = 0xDA
JPEG_APP1 = 0xE1

ORIENTATION = 0x0112
UPRIGHT = 1


class Truncated(Exception):
    """The file ends before its picture does, or a part of it is damaged."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What draws a picture."""

    data: bytes  #: a whole file of the same format
    orientation: int = UPRIGHT  #: as EXIF counts, 1 to 8


def draw_png(data: bytes) -> Drawing:
    """The critical chunks of a PNG. Raises ``Truncated``, also where a checksum is wrong."""
    kept, exif = [PNG_SIGNATURE], b""
    for kind, chunk in _png_chunks(data):
        if kind in PNG_KEPT:
            kept.append(chunk)
        elif kind == b"eXIf":
            exif = chunk[8:-4]
    return Drawing(b"".join(kept), orientation(exif))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and whole bytes of each chunk, up to the end chunk."""
    at, view = len(PNG_SIGNATURE), memoryview(data)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        if kind in PNG_KEPT and zlib.crc32(view[at + 4 : end - 4]) != _uint32(data, end - 4):
            raise Truncated(f"its {kind.decode('latin-1')} chunk is damaged")
        yield kind, data[at:end]
        if kind == b"IEND":
            return
        at = end
    raise Truncated("its end is missing")


def draw_jpeg(data: bytes) -> Drawing:
    """A JPEG without application data and comments. Raises ``Truncated``."""
    kept, turned, at = [JPEG_START], UPRIGHT, 2
    while data[at : at + 1] == b"\xff":
        marker = data[at + 1] if at + 1 < len(data) else 0
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == JPEG_SCAN:
            if data.find(JPEG_END, at) < 0:
                raise Truncated("its end is missing")
            return Drawing(b"".join(kept) + data[at:], turned)
        end = at + 2 + _uint16(data, at + 2)
        segment = data[at:end]
        if marker == JPEG_APP1 and segment[4:10] == EXIF_MARK:
            turned = orientation(segment[10:])
        if marker not in JPEG_DROPPED:
            kept.append(segment)
        at = end
    raise Truncated("its picture is missing")


def orientation(exif: bytes) -> int:
    """How an EXIF block, with or without its mark, says to turn the picture; 1 where not."""
    tiff = exif.removeprefix(EXIF_MARK)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return UPRIGHT
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    if start + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(order + "H", tiff, start)
    last = min(count, (len(tiff) - start - 2) // 12)
    for entry in range(start + 2, start + 2 + 12 * last, 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
        if tag == ORIENTATION and kind == 3 and 1 <= value <= 8:
            return int(value)
    return UPRIGHT


def _uint16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def _uint32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
