"""The coded picture data of a file, apart from all that is said beside it. Nothing is decoded.

Two files with one ``pixel_key`` show the same picture, whatever became of their metadata:

    PNG    IDAT, however it is cut into chunks, and what decodes it: IHDR, PLTE, tRNS
    JPEG   all up to EOI but comments and what applications add (APP14 tells colours, and counts)
    WebP   VP8, VP8L, ALPH and the frames of an animation

``pixel_hint`` costs two or three small reads and only nominates: files that differ in it are
different pictures or carry something behind their pixels, files that share it may be the same.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from struct import Struct
from struct import error as StructError

from xxhash import xxh3_64_intdigest, xxh3_128

from clipwatch.embedded.base import MAX_CHUNKS, Content, Damaged

PNG = b"\x89PNG\r\n\x1a\n"
#: Formats that have a pixel key.
KEYED = ("png", "jpeg", "webp")
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
PNG_CHUNK = Struct(">I4s")
PNG_PICTURE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
JPEG = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
JPEG_SEGMENT = Struct(">H")
EOI, SOS, APP14, COM = 0xD9, 0xDA, 0xEE, 0xFE
APPLICATIONS = range(0xE0, 0xF0)
START_OF_FRAME = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a length
#: What ends entropy-coded data: any marker but a restart; FF 00 is a byte of the data itself.
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
WEBP_CHUNK = Struct("<4sI")
WEBP_PICTURE = (b"VP8 ", b"VP8L", b"ALPH", b"ANMF")
#: Segments and chunks that are looked at for a hint; a picture comes early, or there is no hint.
MOST_STEPS = 64
TAIL = 34


def pixel_key(data: bytes) -> bytes | None:
    """xxh3-128 of a whole file's picture data; None for other formats, and where it is damaged."""
    if data.startswith(PNG):
        pieces = _png(data)
    elif data.startswith(JPEG):
        pieces = _jpeg(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        pieces = _webp(data)
    else:
        return None
    key, length = xxh3_128(), 0
    try:
        for piece in pieces:
            key.update(piece)
            length += len(piece)
    except (Damaged, IndexError, StructError):
        return None
    return key.digest() if length else None


def _png(data: bytes) -> Iterator[memoryview]:
    """PNG specification, third edition, section 5."""
    view, at = memoryview(data), len(PNG)
    for _ in range(MAX_CHUNKS):
        length, kind = PNG_CHUNK.unpack_from(data, at)
        body, at = at + PNG_CHUNK.size, at + PNG_CHUNK.size + length + 4
        if kind == b"IEND":
            return
        if at > len(data):
            break
        if kind in PNG_PICTURE:
            yield view[body : at - 4]
    raise Damaged("the PNG does not end")


def _jpeg(data: bytes) -> Iterator[memoryview]:
    """ITU T.81, annex B."""
    view, at = memoryview(data), len(JPEG)
    for _ in range(MAX_CHUNKS):
        if data[at] != 0xFF:
            raise Damaged("no marker where one must be")
        marker = data[at + 1]
        if marker == EOI:
            return
        if marker == 0xFF or marker in ALONE:  # a fill byte comes before its marker
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + JPEG_SEGMENT.unpack_from(data, at + 2)[0]
        if marker == SOS:
            found = MARKER.search(data, end)
            if found is None:
                break
            end = found.start()
        if marker == APP14 or (marker != COM and marker not in APPLICATIONS):
            yield view[at:end]
        at = end
    raise Damaged("the JPEG does not end")


def _webp(data: bytes) -> Iterator[memoryview]:
    """RFC 9649, 2.3."""
    view, at = memoryview(data), 12
    end = min(8 + int.from_bytes(data[4:8], "little"), len(data))
    for _ in range(MAX_CHUNKS):
        if at + WEBP_CHUNK.size > end:
            return
        kind, length = WEBP_CHUNK.unpack_from(data, at)
        body, at = at, at + WEBP_CHUNK.size + length
        if at > end:
            break
        if kind in WEBP_PICTURE:
            yield view[body:at]
        at += length % 2
    raise Damaged("a chunk of the WebP ends behind it")


# --- the hint --------------------------------------------------------------------------------


def pixel_hint(content: Content, kind: str | None, shape: tuple[int, int]) -> int | None:
    """A signed number of 64 bits for a file of this format and shape (width, height).

    None for other formats, and where it would take more than a few reads. Raises ``OSError``.
    """
    try:
        mark = MARKS[kind](content) if kind in MARKS else None
    except Damaged:
        return None
    if mark is None:
        return None
    return xxh3_64_intdigest(b"%d %d %b" % (*shape, mark)) - (1 << 63)


def _png_mark(content: Content) -> bytes | None:
    """The last four bytes of the pixels: zlib's checksum of all of them (RFC 1950)."""
    tail = content.at(max(content.size - 20, 0), 20)
    return tail[:4] if len(tail) == 20 and tail.endswith(PNG_END) else None


def _jpeg_mark(content: Content) -> bytes | None:
    """How much follows from the first frame on, and how it ends."""
    tail = content.at(max(content.size - TAIL, 0), TAIL)
    at = len(JPEG)
    for _ in range(MOST_STEPS if tail.endswith(JPEG_END) else 0):
        head = content.at(at, 4)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        if head[1] in START_OF_FRAME:
            return b"%d %b" % (content.size - at, tail)
        at += 2 + JPEG_SEGMENT.unpack_from(head, 2)[0]
    return None


def _webp_mark(content: Content) -> bytes | None:
    """The head of the first chunk that holds pixels: its length, and how they begin."""
    at = 12
    for _ in range(MOST_STEPS):
        head = content.at(at, WEBP_CHUNK.size + TAIL)
        if len(head) < WEBP_CHUNK.size:
            return None
        kind, length = WEBP_CHUNK.unpack_from(head)
        if kind in WEBP_PICTURE:
            return head
        at += WEBP_CHUNK.size + length + length % 2
    return None


MARKS: Mapping[str | None, Callable[[Content], bytes | None]] = {
    "png": _png_mark,
    "jpeg": _jpeg_mark,
    "webp": _webp_mark,
}
