"""Thumbnails of images: from disk where one is kept, else made from the file and kept."""

import asyncio
from collections.abc import Callable
from functools import partial
from uuid import UUID

import structlog

from clipwatch.errors import Unshowable
from clipwatch.model import Image, Location
from clipwatch.pipeline.present import open_present
from clipwatch.pipeline.thumbnail import make_thumbnail
from clipwatch.pipeline.thumbnail_folder import Key, ThumbnailFolder, Usage
from clipwatch.store.base import Store

KEEPING_FAILED = "keeping.failed"

#: Pixels of the longer side where nobody says otherwise: what the gallery asks for, and idle
#: time makes.
USUAL_SIZE = 320
#: Decoding is heavy on memory (a picture of 80 megapixels takes 320 MB), so few run at once.
DECODERS = 2
#: Ids that one question to the store names.
ASKED_AT_ONCE = 1000

log = structlog.get_logger()


class Thumbnails:
    """Gives thumbnails. Without room on the disk (``has_room``) they are made and not kept."""

    def __init__(self, folder: ThumbnailFolder, *, has_room: Callable[[], bool]) -> None:
        self.folder = folder
        self.has_room = has_room
        self._decoders = asyncio.Semaphore(DECODERS)

    async def get(self, image: Image, size: int) -> bytes:
        """A WebP whose longer side is at most ``size`` pixels.

        Raises ``Conflict`` where there is no file to read, and its kind ``Unshowable`` where it
        holds no picture.
        """
        key = Key(image.image_id, image.revision, size)
        kept = await asyncio.to_thread(self.folder.read, key)
        if kept is not None:
            return kept
        async with self._decoders:
            return await asyncio.to_thread(self.make, key, image.location)

    def make(self, key: Key, location: Location) -> bytes:
        """The same, decoding here and now: blocks."""
        kept = self.folder.read(key)  # whoever asked for the same may have come first
        if kept is not None:
            return kept
        with open_present(location) as file:
            try:
                body = make_thumbnail(file, key.size)
            except Unshowable as error:
                self._keep(partial(self.folder.write_reason, key, error.message))
                raise
        self._keep(partial(self.folder.write, key, body))
        return body

    def _keep(self, write: Callable[[], None]) -> None:
        if not self.has_room():
            return
        try:
            write()
        except OSError as error:
            log.warning(KEEPING_FAILED, reason=error.strerror, path=error.filename)

    async def drop(self, image_id: UUID) -> None:
        """Remove what is kept of an image that was forgotten."""
        await asyncio.to_thread(self.folder.drop, [image_id])

    async def drop_unknown(self, store: Store) -> None:
        """Remove what is kept of images that the store has no more."""
        kept = sorted(await asyncio.to_thread(self.folder.image_ids))
        for start in range(0, len(kept), ASKED_AT_ONCE):
            unknown = await store.unknown(kept[start : start + ASKED_AT_ONCE])
            await asyncio.to_thread(self.folder.drop, unknown)

    async def usage(self) -> Usage:
        return await asyncio.to_thread(self.folder.usage)
