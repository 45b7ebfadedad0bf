"""Bytes as an open file, because the readers take a descriptor."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from clipwatch import embedded
from clipwatch.embedded import container
from clipwatch.embedded.base import RawMetadata
from clipwatch.model import Embedded


@contextmanager
def opened(data: bytes) -> Iterator[tuple[int, int]]:
    """Descriptor and size of a file in memory with these bytes."""
    fd = os.memfd_create("picture")
    try:
        os.write(fd, data)
        yield fd, len(data)
    finally:
        os.close(fd)


def read(data: bytes) -> Embedded:
    with opened(data) as (fd, size):
        return embedded.read(fd, size)


def look(data: bytes) -> RawMetadata:
    with opened(data) as (fd, size):
        return container.look(fd, size)


def load(data: bytes, name: str) -> str:
    """The text with this name, which is read while the file is open."""
    with opened(data) as (fd, size):
        raw = container.look(fd, size)
        return (raw.texts.get(name) or raw.more()[name]).load()


def is_complete(data: bytes) -> bool:
    with opened(data) as (fd, size):
        return container.is_complete(fd, size)
