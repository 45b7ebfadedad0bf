"""WebP: RIFF chunks of type, length and data, padded to even (RFC 9649)."""

from collections.abc import Iterator
from struct import Struct

from clipwatch.embedded import exif
from clipwatch.embedded.base import MAX_CHUNKS, Content, RawMetadata, Texts

HEADER_SIZE = 12
CHUNK = Struct("<4sI")
LOSSY_SIZE = Struct("<HH")
PICTURES = (b"VP8X", b"VP8 ", b"VP8L")
TAIL = 64  # no coded picture and no EXIF block ends in that many zeros


def describe(content: Content) -> RawMetadata:
    """Size, EXIF texts, and whether all that RIFF announces is there. Raises ``Damaged``."""
    end = 8 + int.from_bytes(content.at(4, 4), "little")
    width = height = None
    texts: Texts = {}
    for kind, start, length in _chunks(content, min(end, content.size)):
        if kind in PICTURES and width is None:
            width, height = _dimensions(kind, content.at(start, min(length, 10)))
        elif kind == b"EXIF" and not texts:
            texts = exif.texts(content.at(start, length))
    return RawMetadata(
        "webp", width, height, texts, complete=end <= content.size and _is_filled(content, end)
    )


def _chunks(content: Content, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset of the data and its length of every whole chunk."""
    offset = HEADER_SIZE
    for _ in range(MAX_CHUNKS):
        head = content.at(offset, CHUNK.size) if offset + CHUNK.size <= end else b""
        if len(head) < CHUNK.size or not any(head):
            return
        kind, length = CHUNK.unpack(head)
        if offset + CHUNK.size + length > end:
            return
        yield kind, offset + CHUNK.size, length
        offset += CHUNK.size + length + length % 2


def _dimensions(kind: bytes, data: bytes) -> tuple[int | None, int | None]:
    """Width and height as the canvas, the lossy key frame or the lossless header has them."""
    if kind == b"VP8X" and len(data) == 10:
        canvas = int.from_bytes(data[4:], "little")
        return (canvas & 0xFFFFFF) + 1, (canvas >> 24) + 1
    if kind == b"VP8 " and data[3:6] == b"\x9d\x01\x2a" and len(data) == 10:
        width, height = LOSSY_SIZE.unpack_from(data, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and data[:1] == b"\x2f" and len(data) >= 5:
        bits = int.from_bytes(data[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None, None


def _is_filled(content: Content, end: int) -> bool:
    """A file that was allocated in advance has its full length from the start, in zeros."""
    start = max(end - TAIL, HEADER_SIZE)
    return any(content.at(start, end - start))
