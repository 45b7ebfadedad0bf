"""WebP: RIFF chunks of type, length and data, padded to even (RFC 9649)."""

from collections.abc import Iterator, Mapping
from functools import partial
from struct import Struct

from clipwatch.embedded.base import MAX_CHUNKS, MAX_TEXT, Content, RawMetadata, Text, Texts
from clipwatch.embedded.c2pa import summary as c2pa_summary
from clipwatch.embedded.exif import texts_at as exif_texts_at
from clipwatch.embedded.xmp import texts as xmp_texts

HEADER_SIZE = 12
CHUNK = Struct("<4sI")
LOSSY_SIZE = Struct("<HH")
PICTURES = (b"VP8X", b"VP8 ", b"VP8L")
FURTHER = (b"XMP ", b"C2PA")
TAIL = 64  # no coded picture and no EXIF block ends in that many zeros


def describe(content: Content) -> RawMetadata:
    """Size, EXIF texts, and whether all that RIFF announces is there. Raises ``Damaged``."""
    end = 8 + int.from_bytes(content.at(4, 4), "little")
    found = RawMetadata("webp", complete=end <= content.size and is_filled(content, end))
    further: dict[bytes, tuple[int, int]] = {}
    for kind, start, length in _chunks(content, min(end, content.size)):
        if kind in PICTURES and found.width is None:
            found.width, found.height = _dimensions(kind, content.at(start, min(length, 10)))
        elif kind == b"EXIF" and not found.texts:
            found.texts = exif_texts_at(content, start, length)
        elif kind in FURTHER:
            further.setdefault(kind, (start, length))
    if further:
        found.more = partial(_further_texts, content, further)
    return found


def _further_texts(content: Content, chunks: Mapping[bytes, tuple[int, int]]) -> Texts:
    """The properties of XMP, and what C2PA says. Raises ``Damaged``."""
    texts: dict[str, Text] = {}
    if place := chunks.get(b"XMP "):
        start, length = place
        texts.update(xmp_texts(content.at(start, min(length, MAX_TEXT + 1))))
    if place := chunks.get(b"C2PA"):
        texts["C2PA"] = Text("WebP C2PA", partial(c2pa_summary, content, *place))
    return texts


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


def is_filled(content: Content, end: int) -> bool:
    """Whether bytes were written up to here: a file that was allocated in advance has its full
    length from the start, in zeros."""
    start = max(end - TAIL, HEADER_SIZE)
    return any(content.at(start, end - start))
