"""What is done while nothing else is to do: thumbnails, content hashes and pixel keys.

Images are gone through newest first. Each gets the keys by which its content is known again, and
the thumbnail that the gallery shows, until their folder is nearly full. What is there is passed
over, so a pass that was interrupted goes on where it was.

It stays out of the way: one thread of the lowest priority, that rests after each image for as long
as keeps it below ``share`` of a core, and waits while anything is imported or interrogated.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog

from clipwatch.embedded.pixels import KEYED
from clipwatch.errors import Conflict, StoreError
from clipwatch.model import Clock, FileKeys, Kept
from clipwatch.pipeline.thumbnail_folder import Key
from clipwatch.pipeline.thumbnails import USUAL_SIZE, Thumbnails
from clipwatch.pipeline.twins import keys_of
from clipwatch.store.base import Store

IDLE_FAILED = "idle.failed"

#: Images to one question of the store, and to one transaction of keys.
GROUP = 100
#: Seconds until it is seen whether the others are done.
LOOK_SECS = 5.0
#: Seconds from one pass to the next, which goes through what is newer than anything before it.
PASS_SECS = 60.0
#: Seconds between two passes through all images: for old ones that came since, and for failures.
FULL_SECS = 24 * 3600.0
#: So much of the folder's limit is filled; the rest is for what people look at.
FILLED = 0.8

T = TypeVar("T")

log = structlog.get_logger()


class IdlePass:
    """Runs until cancelled. ``is_quiet`` tells whether there is nothing else to do; ``share`` is
    the part of a core that it may use, 0 being none."""

    def __init__(
        self,
        store: Store,
        thumbnails: Thumbnails,
        *,
        clock: Clock,
        share: float,
        is_quiet: Callable[[], Awaitable[bool]],
    ) -> None:
        self.thumbnails = thumbnails
        self.state = "idle" if share else "off"
        self._store = store
        self._clock = clock
        self._share = share
        self._is_quiet = is_quiet
        self._made = self._hashed = self._passed = 0
        self._newest: int | None = None  #: seq of the newest image of all passes that ended
        self._next_full = clock.monotonic()
        self._thread = ThreadPoolExecutor(1, "idle", initializer=_lowest_priority)

    def progress(self) -> Mapping[str, Any]:
        """What it does, and has done since the start; ``passed`` is of the pass that runs."""
        return {
            "state": self.state,
            "passed": self._passed,
            "thumbnails": self._made,
            "hashed": self._hashed,
        }

    async def run(self) -> None:
        """Pass after pass; returns at once where it is switched off."""
        while self._share:
            try:
                await self.go_through()
            except StoreError as error:
                log.warning(IDLE_FAILED, error=error.message, hint=error.hint)
            self.state = "idle"
            await self._clock.sleep(PASS_SECS)

    async def close(self) -> None:
        """Let the image in hand end."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)

    async def go_through(self) -> None:
        """One pass: through all images when that is due, else through the newest ones."""
        began = self._clock.monotonic()
        is_full = began >= self._next_full
        down_to = None if is_full else self._newest
        below = newest = None
        self._passed = 0
        await self._until_quiet()
        if is_full:
            await self.thumbnails.drop_unknown()
        while group := await self._group(below, down_to):
            await self._do_all(group)
            newest, below = newest or group[0].seq, group[-1].seq
            self._passed += len(group)
        self._newest = newest or self._newest
        if is_full:
            self._next_full = began + FULL_SECS

    async def _group(self, below: int | None, down_to: int | None) -> Sequence[Kept]:
        began = self._clock.monotonic()
        group = await self._store.newest(below=below, limit=GROUP)
        await self._rest(began)
        return [image for image in group if down_to is None or image.seq > down_to]

    async def _do_all(self, group: Sequence[Kept]) -> None:
        """Keys go first: a thumbnail of a content that no image has yet would be taken for one that
        no image has any more."""
        hashed = await self._with_keys(group)
        if (await self.thumbnails.usage()).bytes < self.thumbnails.folder.limit * FILLED:
            for image in hashed:
                self._made += await self._run(partial(self._make_thumbnail, image))

    async def _with_keys(self, group: Sequence[Kept]) -> Sequence[Kept]:
        found: dict[int, FileKeys] = {}
        for image in group:
            keys = None if _has_keys(image) else await self._run(partial(_keys_of, image))
            if keys is not None:
                found[image.seq] = keys
        if found:
            await self._store.set_keys([*found.values()])
            self._hashed += len(found)
        return [_with_hash(image, found.get(image.seq)) for image in group]

    def _make_thumbnail(self, image: Kept) -> bool:
        if image.content_hash is None or not self.thumbnails.has_room():
            return False
        if self.thumbnails.folder.holds(Key(image.content_hash, USUAL_SIZE)):
            return False
        with suppress(Conflict):  # it is gone by now
            return self.thumbnails.make(image.location, USUAL_SIZE).trouble is None
        return False

    async def _run(self, work: Callable[[], T]) -> T:
        """In the thread, when it is quiet, with the rest that is due."""
        await self._until_quiet()
        began = self._clock.monotonic()
        result = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        await self._rest(began)
        return result

    async def _until_quiet(self) -> None:
        while not await self._is_quiet():
            self.state = "waiting"
            await self._clock.sleep(LOOK_SECS)
        self.state = "working"

    async def _rest(self, began: float) -> None:
        worked = self._clock.monotonic() - began
        await self._clock.sleep(worked * (1 / self._share - 1))


def _keys_of(image: Kept) -> FileKeys | None:
    return keys_of(
        image.location.absolute,
        image.location.stat,
        wants_hash=image.content_hash is None,
        wants_key=not image.has_pixel_key and image.format in KEYED,
    )


def _with_hash(image: Kept, keys: FileKeys | None) -> Kept:
    return replace(image, content_hash=image.content_hash or (keys.content_hash if keys else None))


def _has_keys(image: Kept) -> bool:
    return image.content_hash is not None and (image.has_pixel_key or image.format not in KEYED)


def _lowest_priority() -> None:
    """For the thread that calls: on Linux a thread has a niceness of its own."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
