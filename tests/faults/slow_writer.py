"""Programs that take their time: ``python -m tests.faults.slow_writer WAY PATH WIDTH SECONDS``.

Each writes one image of this width, without a prompt, in about so many seconds. All of them leave
it alone in the middle for longer than clipwatch takes a file to be quiet.
"""

import mmap
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import pictures

A_SECOND = 1000  #: bytes
PAUSE_SECS = 4.0  #: twice the quiet period


def image(width: int, size: int) -> bytes:
    """A PNG of about this size: most of it is a private chunk before the pixels."""
    return pictures.png([pictures.chunk(b"prVt", os.urandom(size))], width=width)


def pieces(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each with its offset, as time goes by."""
    middle = len(data) // 2 // A_SECOND * A_SECOND
    for at in range(0, len(data), A_SECOND):
        yield at, data[at : at + A_SECOND]
        time.sleep(PAUSE_SECS if at == middle else 1.0)


def slow(path: Path, data: bytes) -> None:
    """1 kB a second."""
    with path.open("wb", buffering=0) as file:
        for _, piece in pieces(data):
            file.write(piece)


def preallocating(path: Path, data: bytes) -> None:
    """The file has its size from the start."""
    with path.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, len(data))
        for _, piece in pieces(data):
            file.write(piece)


def backwards(path: Path, data: bytes) -> None:
    """The end of the image is there long before its middle."""
    with path.open("wb", buffering=0) as file:
        file.truncate(len(data))
        for at, piece in reversed(list(pieces_at_once(data))):
            file.seek(at)
            file.write(piece)
            time.sleep(0.5)


def pieces_at_once(data: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(data), A_SECOND):
        yield at, data[at : at + A_SECOND]


def mapped(path: Path, data: bytes) -> None:
    """Written through memory, without a call that anybody could hear of."""
    with path.open("w+b", buffering=0) as file:
        file.truncate(len(data))
        with mmap.mmap(file.fileno(), len(data)) as memory:
            for at, piece in pieces(data):
                memory[at : at + len(piece)] = piece


def linked(path: Path, data: bytes) -> None:
    """Made under a name outside the root, which then gets a second one inside."""
    outside = path.parent.parent / path.name
    slow(outside, data)
    os.link(outside, path)


def nameless(path: Path, data: bytes) -> None:
    """Has no name at all before it is finished."""
    handle = os.open(path.parent, os.O_TMPFILE | os.O_RDWR)
    with open(handle, "wb", buffering=0) as file:
        for _, piece in pieces(data):
            file.write(piece)
        os.link(f"/proc/self/fd/{handle}", path, src_dir_fd=0, follow_symlinks=True)


def renamed(path: Path, data: bytes) -> None:
    """Written under another image's name, and renamed in place."""
    unfinished = path.with_name(f"unfinished-{path.name}")
    slow(unfinished, data)
    unfinished.rename(path)


def renamed_meanwhile(path: Path, data: bytes) -> None:
    """Gets its name while it is being written."""
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb", buffering=0) as file:
        for at, piece in pieces(data):
            if at and unfinished.exists():
                unfinished.rename(path)
            file.write(piece)


def closing(path: Path, data: bytes) -> None:
    """Opened and closed again for every piece, as a copy over a bad line that is resumed."""
    for _, piece in pieces(data):
        with path.open("ab", buffering=0) as file:
            file.write(piece)


WAYS: dict[str, Callable[[Path, bytes], None]] = {
    way.__name__: way
    for way in (
        *(slow, preallocating, backwards, mapped, linked, nameless),
        *(renamed, renamed_meanwhile, closing),
    )
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), image(int(sys.argv[3]), int(sys.argv[4]) * A_SECOND))
