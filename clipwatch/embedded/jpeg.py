"""JPEG: segments of marker, length and data up to the coded picture (ITU-T T.81, annex B)."""

from collections.abc import Iterator
from struct import Struct

from clipwatch.embedded import exif
from clipwatch.embedded.base import MAX_CHUNKS, Content, Damaged, RawMetadata, Text

SIGNATURE = b"\xff\xd8\xff"
END = b"\xff\xd9"
APP1, START_OF_SCAN, END_OF_IMAGE = 0xE1, 0xDA, 0xD9
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15 without DHT, JPG, DAC
BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without length and data
SEGMENT = Struct(">BBH")
DIMENSIONS = Struct(">HH")
MAX_PADDING = 65536


def describe(content: Content) -> RawMetadata:
    """Size, EXIF texts, and whether EOI is there. Raises ``Damaged``."""
    found = RawMetadata("jpeg", complete=False)
    texts: dict[str, Text] = {}
    for marker, start, length in _segments(content):
        if marker == START_OF_SCAN:
            found.complete = _has_end(content, start + length)
        elif marker in FRAMES and length >= 5:
            found.height, found.width = DIMENSIONS.unpack(content.at(start + 1, 4))
        elif marker == APP1 and content.at(start, 6) == b"Exif\0\0":
            texts = {**exif.texts(content.at(start, length)), **texts}
    found.texts = texts
    return found


def _segments(content: Content) -> Iterator[tuple[int, int, int]]:
    """Marker, offset of the data and its length, up to the first scan or the file's end."""
    offset = 2
    for _ in range(MAX_CHUNKS):
        head = content.at(offset, SEGMENT.size)
        if len(head) < SEGMENT.size or not any(head[1:]):
            return
        prefix, marker, length = SEGMENT.unpack(head)
        if prefix != 0xFF or marker == END_OF_IMAGE:
            raise Damaged(f"no picture data: what stands at byte {offset} is no JPEG segment")
        if marker == 0xFF or marker in BARE:
            offset += 1 if marker == 0xFF else 2
            continue
        if length < 2 or offset + 2 + length > content.size:
            return
        yield marker, offset + 4, length - 2
        if marker == START_OF_SCAN:
            return
        offset += 2 + length


def _has_end(content: Content, scan: int) -> bool:
    """EOI behind the start of the scan (a thumbnail in EXIF has one too), then at most zeros."""
    if content.at(max(content.size - 2, scan), 2) == END:
        return True
    start = max(content.size - MAX_PADDING, scan)
    return content.at(start, content.size - start).rstrip(b"\0").endswith(END)
