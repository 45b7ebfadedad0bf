"""Thumbnails as they are kept on disk: a file each, oldest used first out when there are too many.

    thumbnails/3f/3f93…0b-320.webp     BLAKE3 of the image's file, size; its mtime is its last use
    thumbnails/3f/3f93…0b.unshowable   why a file with this content cannot be shown

All images with the same content share what is kept of it, whatever becomes of their rows, and it
is never out of date. A file comes into place whole or not at all; one that a power cut tore is not
believed. All of it blocks: call it in threads, of which several may work at once.
"""

import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clipwatch.errors import Unshowable

#: So much of the limit is left by an eviction, so that the next one is not due at once.
KEPT = 0.9
WEBP = ".webp"
UNSHOWABLE = ".unshowable"
_PART = ".part"
_OURS = re.compile(r"[0-9a-f]{64}(-\d+\.webp|\.unshowable)")


@dataclass(frozen=True, slots=True)
class Key:
    """One thumbnail."""

    content: bytes  #: BLAKE3 of the file
    size: int  #: pixels of the longer side

    @property
    def name(self) -> str:
        return f"{self.content.hex()}-{self.size}{WEBP}"

    @property
    def reason_name(self) -> str:
        return f"{self.content.hex()}{UNSHOWABLE}"


@dataclass(frozen=True, slots=True)
class Usage:
    """What the folder holds."""

    files: int
    bytes: int


class ThumbnailFolder:
    """Thumbnails of at most ``limit`` bytes together below ``path``, which is made when needed.

    Methods that write raise ``OSError``.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.limit = limit
        self._path = path
        self._usage: Usage | None = None
        self._lock = threading.Lock()

    def read(self, key: Key) -> bytes | None:
        """A thumbnail that is kept, which counts as its use; None where none is.

        Raises ``Unshowable`` where it is known that none can be made.
        """
        path = self._group(key.content) / key.name
        body = _content(path)
        if body is not None and _is_whole(body):
            with suppress(OSError):
                os.utime(path)
            return body
        reason = _content(self._group(key.content) / key.reason_name)
        if reason:
            raise Unshowable(reason.decode(errors="replace"))
        return None

    def holds(self, key: Key) -> bool:
        """Whether it is kept, or is known to be impossible."""
        group = self._group(key.content)
        return (group / key.name).exists() or (group / key.reason_name).exists()

    def write(self, key: Key, body: bytes) -> None:
        self._put(key.content, key.name, body)

    def write_reason(self, key: Key, reason: str) -> None:
        """Remember why the content cannot be shown, in any size."""
        self._put(key.content, key.reason_name, reason.encode())

    def drop(self, contents: Iterable[bytes]) -> None:
        """Remove all that is kept of these contents."""
        with self._lock:
            for content in contents:
                self._remove(_ours(self._group(content).glob(f"{content.hex()}*")))

    def contents(self) -> set[bytes]:
        """The contents of which anything is kept."""
        return {bytes.fromhex(path.name[:64]) for path in self._files()}

    def usage(self) -> Usage:
        """How much is kept; the folder is looked through once."""
        with self._lock:
            return self._measured()

    def _measured(self) -> Usage:
        if self._usage is None:
            sizes = [_size(path) for path in self._files()]
            self._usage = Usage(len(sizes), sum(sizes))
        return self._usage

    def _group(self, content: bytes) -> Path:
        return self._path / content.hex()[:2]

    def _files(self) -> Iterator[Path]:
        return _ours(self._path.glob("[0-9a-f][0-9a-f]/*"))

    def _put(self, content: bytes, name: str, body: bytes) -> None:
        group = self._group(content)
        if len(body) > self.limit:
            return
        group.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = group / f"{name}.{threading.get_ident()}{_PART}"
        try:
            unfinished.write_bytes(body)
            with self._lock:
                usage, before = self._measured(), _size(group / name)
                files = usage.files + (not before)
                self._usage = Usage(files, usage.bytes - before + len(body))
                os.replace(unfinished, group / name)
                if self._usage.bytes > self.limit:
                    self._evict()
        finally:
            unfinished.unlink(missing_ok=True)

    def _evict(self) -> None:
        """Remove what was not used for longest, until there is room again; somebody may have
        removed some by hand."""
        self._usage = None
        by_use = sorted((_used_at(path), path) for path in self._files())
        for path in self._path.glob(f"*/*{_PART}"):  # of a process that was killed
            if by_use and _used_at(path) < by_use[0][0]:
                path.unlink(missing_ok=True)
        for _, path in by_use:
            if self._measured().bytes <= self.limit * KEPT:
                break
            self._remove([path])

    def _remove(self, paths: Iterable[Path]) -> None:
        for path in paths:
            usage, size = self._measured(), _size(path)
            path.unlink(missing_ok=True)
            self._usage = Usage(max(usage.files - 1, 0), max(usage.bytes - size, 0))


def _ours(paths: Iterable[Path]) -> Iterator[Path]:
    return (path for path in paths if _OURS.fullmatch(path.name))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _is_whole(body: bytes) -> bool:
    """Whether a WebP is as long as it says (RFC 9649, 2.4)."""
    return body[:4] == b"RIFF" and int.from_bytes(body[4:8], "little") + 8 == len(body)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _used_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
