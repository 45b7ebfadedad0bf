"""The only file I/O of this package: which container is it, is it whole, what does it carry?

Small first read, then exact reads of what is wanted. Pixels are never decoded.
"""

import os
from collections.abc import Callable, Mapping

from clipwatch.embedded import jpeg, png, webp
from clipwatch.embedded.base import MAX_READ, Content, Damaged, RawMetadata

FIRST_READ = 4096  # measured: larger ones cost more than the second read that they save
NO_IMAGE = "not a PNG, JPEG or WebP image"

FORMATS: Mapping[str, Callable[[Content], RawMetadata]] = {
    "png": png.describe,
    "jpeg": jpeg.describe,
    "webp": webp.describe,
}


class File:
    """A file's bytes through ``pread``, within the budget of ``MAX_READ``."""

    __slots__ = ("_fd", "_left", "head", "size")

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._left = MAX_READ
        self.size = size
        self.head = os.pread(fd, min(FIRST_READ, size), 0)

    def at(self, offset: int, length: int) -> bytes:
        end = offset + length
        if end <= len(self.head):
            return self.head[offset:end]
        self._left -= length
        if self._left < 0:
            raise Damaged("more than 16 MiB would have to be read for its text")
        return os.pread(self._fd, length, offset)


def sniff(head: bytes) -> str | None:
    """The format that a file's first 12 bytes show: ``png``, ``jpeg``, ``webp`` or None."""
    if head.startswith(png.SIGNATURE):
        return "png"
    if head.startswith(jpeg.SIGNATURE):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return None


def look(fd: int, size: int) -> RawMetadata:
    """Walk the container; its texts are read when asked for, while the file is still open.

    Raises ``OSError``.
    """
    file = File(fd, size)
    kind = sniff(file.head)
    if kind is None:
        return _no_image(file.head)
    try:
        return FORMATS[kind](file)
    except Damaged as damage:
        return RawMetadata(kind, damage=str(damage))


def is_complete(fd: int, size: int) -> bool:
    """Whether the end of the image has arrived. Raises ``OSError``.

    What is no image at all counts as complete: waiting would not make it one.
    """
    return look(fd, size).complete


def _no_image(head: bytes) -> RawMetadata:
    if _may_become_image(head):
        return RawMetadata(None, complete=False)
    return RawMetadata(None, damage=NO_IMAGE)


def _may_become_image(head: bytes) -> bool:
    """Too short to tell, or zeros where a file that was allocated in advance will be written."""
    head = head.rstrip(b"\0")
    if png.SIGNATURE.startswith(head) or jpeg.SIGNATURE.startswith(head):
        return True
    return b"RIFF".startswith(head[:4]) and b"WEBP".startswith(head[8:])
