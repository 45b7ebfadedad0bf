"""Boxes of length, type and data: ISO 14496-12, section 4.2, and what is built like it."""

from collections.abc import Iterator
from struct import Struct

from clipwatch.embedded.base import MAX_CHUNKS, Content

BOX = Struct(">I4s")
LARGE = 1  # the length stands behind the type, in 8 bytes
OPEN_ENDED = 0  # the box ends where the file does


def boxes(content: Content, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, offset of the data and its length, as long as whole boxes follow one another.

    After the last one, whether they fill the range exactly is for the caller to see.
    """
    for _ in range(MAX_CHUNKS):
        head = content.at(start, 16) if start + BOX.size <= end else b""
        if len(head) < BOX.size:
            return
        length, kind = BOX.unpack_from(head)
        size = BOX.size
        if length == LARGE:
            length, size = int.from_bytes(head[8:]), 16
        elif length == OPEN_ENDED and any(kind):
            length = end - start
        if length < size or start + length > end:
            return
        yield kind, start + size, length - size
        start += length
