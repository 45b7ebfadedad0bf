"""Thumbnails of images: from disk where one is kept, else made from the file and kept."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

import structlog

from clipwatch.errors import StoreError, Unshowable
from clipwatch.model import FileKeys, Image, Location
from clipwatch.pipeline.present import open_present
from clipwatch.pipeline.thumbnail import make_thumbnail
from clipwatch.pipeline.thumbnail_folder import Key, ThumbnailFolder, Usage
from clipwatch.pipeline.twins import LARGEST
from clipwatch.store.base import Store
from clipwatch.watching.listing import content_hash, file_stat

KEEPING_FAILED = "keeping.failed"

#: Pixels of the longer side where nobody says otherwise: what the gallery asks for, and idle
#: time makes.
USUAL_SIZE = 320
#: Decoding is heavy on memory (a picture of 80 megapixels takes 320 MB), so few run at once.
DECODERS = 2
#: Hashes that one question to the store names.
ASKED_AT_ONCE = 1000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A WebP, and the BLAKE3 of the file that it shows; None of one too large to be hashed."""

    body: bytes
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Made:
    """What a file gave: a thumbnail or the reason why it has none, and what its bytes are."""

    keys: FileKeys
    body: bytes
    trouble: Unshowable | None = None


class Thumbnails:
    """Gives thumbnails. Without room on the disk (``has_room``) they are made and not kept."""

    def __init__(
        self, folder: ThumbnailFolder, store: Store, *, has_room: Callable[[], bool]
    ) -> None:
        self.folder = folder
        self.has_room = has_room
        self._store = store
        self._decoders = asyncio.Semaphore(DECODERS)

    async def get(self, image: Image, size: int) -> Thumbnail:
        """A WebP whose longer side is at most ``size`` pixels.

        Raises ``Conflict`` where there is no file to read, and its kind ``Unshowable`` where it
        holds no picture.
        """
        if image.content_hash is not None:
            key = Key(image.content_hash, size)
            kept = await asyncio.to_thread(self.folder.read, key)
            if kept is not None:
                return Thumbnail(kept, key.content)
        async with self._decoders:
            made = await asyncio.to_thread(self.make, image.location, size)
        if image.content_hash is None and made.keys.content_hash is not None:
            await self._note(made.keys)
        if made.trouble is not None:
            raise made.trouble
        return Thumbnail(made.body, made.keys.content_hash)

    def make(self, location: Location, size: int) -> Made:
        """Decode the file here and now, unless something is kept of its content: blocks. What that
        is, its bytes say, which may be newer than what is known of the file.

        Raises ``Conflict`` where there is no file to read.
        """
        with open_present(location) as file:
            keys = _keys(file, location)
            key = None if keys.content_hash is None else Key(keys.content_hash, size)
            kept = key and self._kept(key, keys)
            if kept:
                return kept
            made = _decoded(file, keys, size)
            if file_stat(os.fstat(file.fileno())) != keys.stat:  # neither the old nor the new one
                return replace(made, keys=replace(keys, content_hash=None))
        if key:
            self._keep(key, made)
        return made

    def _kept(self, key: Key, keys: FileKeys) -> Made | None:
        try:
            body = self.folder.read(key)
        except Unshowable as error:
            return Made(keys, b"", error)
        return None if body is None else Made(keys, body)

    def _keep(self, key: Key, made: Made) -> None:
        if not self.has_room():
            return
        try:
            if made.trouble is None:
                self.folder.write(key, made.body)
            else:
                self.folder.write_reason(key, made.trouble.message)
        except OSError as error:
            log.warning(KEEPING_FAILED, reason=error.strerror, path=error.filename)

    async def _note(self, keys: FileKeys) -> None:
        """So that the next time nothing has to be read but what is kept."""
        if not self.has_room():
            return
        try:
            await self._store.set_keys([keys])
        except StoreError as error:
            log.warning(KEEPING_FAILED, reason=error.message, path=keys.path)

    async def drop_unknown(self) -> None:
        """Remove what is kept of contents that no image has any more."""
        kept = sorted(await asyncio.to_thread(self.folder.contents))
        for start in range(0, len(kept), ASKED_AT_ONCE):
            unknown = await self._store.unknown_contents(kept[start : start + ASKED_AT_ONCE])
            await asyncio.to_thread(self.folder.drop, unknown)

    async def usage(self) -> Usage:
        return await asyncio.to_thread(self.folder.usage)


def _keys(file: BinaryIO, location: Location) -> FileKeys:
    stat = file_stat(os.fstat(file.fileno()))
    content = content_hash(file.fileno()) if stat.size <= LARGEST else None
    return FileKeys(location.absolute, stat, content)


def _decoded(file: BinaryIO, keys: FileKeys, size: int) -> Made:
    try:
        return Made(keys, make_thumbnail(file, size))
    except Unshowable as error:
        return Made(keys, b"", error)
