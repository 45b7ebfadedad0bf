"""The only file I/O of this package: which container is it, is it whole, what does it carry?

Small first read, then exact reads of what is wanted. Pixels are never decoded.
"""

import os
from collections.abc import Callable, Mapping

from clipwatch.embedded.base import MAX_READ, Content, Damaged, RawMetadata
from clipwatch.embedded.gif import SIGNATURES as GIF
from clipwatch.embedded.gif import describe as describe_gif
from clipwatch.embedded.heif import brand as heif_brand
from clipwatch.embedded.heif import describe as describe_heif
from clipwatch.embedded.jpeg import SIGNATURE as JPEG
from clipwatch.embedded.jpeg import describe as describe_jpeg
from clipwatch.embedded.jxl import CODESTREAM as JXL_CODESTREAM
from clipwatch.embedded.jxl import CONTAINER as JXL_CONTAINER
from clipwatch.embedded.jxl import describe as describe_jxl
from clipwatch.embedded.png import SIGNATURE as PNG
from clipwatch.embedded.png import describe as describe_png
from clipwatch.embedded.webp import describe as describe_webp

FIRST_READ = 4096  # measured: larger ones cost more than the second read that they save
ENDS = 64 * 1024  #: bytes at both ends of a file that a scan reads at once, for its keys as well
NO_IMAGE = "not a PNG, JPEG, WebP, AVIF, HEIC, JXL or GIF image"

FORMATS: Mapping[str, Callable[[Content], RawMetadata]] = {
    "png": describe_png,
    "jpeg": describe_jpeg,
    "webp": describe_webp,
    "avif": describe_heif,
    "heic": describe_heif,
    "jxl": describe_jxl,
    "gif": describe_gif,
}
SIGNATURES = (PNG, JPEG, JXL_CONTAINER, *GIF)


class File:
    """A file's bytes through ``pread``, within a budget.

    ``head`` is read at once; with ``ends`` that many bytes of it, and of the ``tail``.
    """

    __slots__ = ("_fd", "_left", "_tail_start", "head", "size", "tail")

    def __init__(self, fd: int, size: int, budget: int = MAX_READ, *, ends: int = 0) -> None:
        """Raises ``OSError``."""
        self._fd = fd
        self._left = budget
        self._tail_start = max(size - ends, 0)
        self.size = size
        self.head = os.pread(fd, min(ends or FIRST_READ, size), 0)
        self.tail = os.pread(fd, ends, self._tail_start) if ends else b""

    def allow(self, budget: int) -> None:
        """From now on so many bytes may be read."""
        self._left = budget

    def at(self, offset: int, length: int) -> bytes:
        end = offset + length
        if end <= len(self.head):
            return self.head[offset:end]
        if offset >= self._tail_start:  # also beyond the end, by any number that a file can name
            return self.tail[offset - self._tail_start : end - self._tail_start]
        self._left -= length
        if self._left < 0:
            raise Damaged("more than 16 MiB would have to be read for its text")
        return os.pread(self._fd, length, offset)


def sniff(head: bytes) -> str | None:
    """The format that a file's first 12 bytes show, one of ``FORMATS``, or None.

    AVIF and HEIC are told apart by up to 256 bytes where the first twelve are those of both.
    """
    if head.startswith(PNG):
        return "png"
    if head.startswith(JPEG):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(GIF):
        return "gif"
    if head.startswith((JXL_CONTAINER, JXL_CODESTREAM)):
        return "jxl"
    return heif_brand(head)


def look(fd: int, size: int) -> RawMetadata:
    """Walk the container; its texts are read when asked for, while the file is still open.

    Raises ``OSError``.
    """
    return describe(File(fd, size))


def describe(file: File) -> RawMetadata:
    """``look`` at a file of which the first bytes were read."""
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
    if any(signature.startswith(head) for signature in SIGNATURES):
        return True
    if head[4:8] == b"ftyp"[: len(head[4:8])] and head.startswith(b"\0\0\0"):
        return len(head) < int.from_bytes(head[:4])
    return b"RIFF".startswith(head[:4]) and b"WEBP".startswith(head[8:])
