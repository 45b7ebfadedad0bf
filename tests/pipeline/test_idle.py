import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from clipwatch.model import Priority
from clipwatch.pipeline.idle import FULL_SECS, LOOK_SECS, PASS_SECS, IdlePass
from clipwatch.pipeline.thumbnail_folder import ThumbnailFolder
from clipwatch.pipeline.thumbnails import Thumbnails
from tests import pictures
from tests.clock import ManualClock
from tests.pipeline.conftest import Parts
from tests.waiting import eventually


class Others:
    """Whether somebody else has something to do."""

    busy = False

    async def are_quiet(self) -> bool:
        return not self.busy


@asynccontextmanager
async def idling(
    parts: Parts,
    clock: ManualClock,
    *,
    share: float = 1.0,
    limit: int = 10**6,
    others: Others | None = None,
) -> AsyncIterator[IdlePass]:
    folder = ThumbnailFolder(parts.folder.parent / "thumbnails", limit)
    thumbnails = Thumbnails(folder, parts.store, has_room=lambda: True)
    quiet = (others or Others()).are_quiet
    idle = IdlePass(parts.store, thumbnails, clock=clock, share=share, is_quiet=quiet)
    yield idle
    await idle.close()


async def add(parts: Parts, *names: str) -> None:
    """Finished images, each newer than the one before."""
    for name in names:
        path = parts.folder / name
        Image.new("RGB", (600, 300), (len(list(parts.folder.iterdir())), 9, 9)).save(path)
        at = 1_700_000_000 + len(list(parts.folder.iterdir()))
        os.utime(path, (at, at))
        _finished(parts, path)
    await parts.sweeper.sweep(parts.watched, priority=Priority.BACKLOG)


def _finished(parts: Parts, path: Path) -> None:
    now = parts.clock.monotonic()
    parts.scanner.tracker.hinted(os.fsencode(path), True, now)
    parts.scanner.tracker.due(now)


async def lacking(parts: Parts) -> list[bytes]:
    kept = await parts.store.newest(below=None, limit=100)
    return [one.location.path for one in kept if not (one.content_hash and one.has_pixel_key)]


async def test_every_image_gets_its_thumbnail_and_its_keys(
    parts: Parts, clock: ManualClock
) -> None:
    await add(parts, "a.png", "b.jpg", "c.webp")
    async with idling(parts, clock) as idle:
        assert len(await lacking(parts)) == 3
        await idle.go_through()
        assert await lacking(parts) == []
        assert (await idle.thumbnails.usage()).files == 3
        told = idle.progress()
        assert (told["passed"], told["thumbnails"], told["hashed"]) == (3, 3, 3)


async def test_a_pass_that_was_cut_off_goes_on_where_it_was(
    parts: Parts, clock: ManualClock
) -> None:
    await add(parts, *(f"{number}.png" for number in range(4)))
    async with idling(parts, clock, share=0.5) as idle:
        task = asyncio.create_task(idle.go_through())
        await eventually(lambda: idle.progress()["thumbnails"] >= 1 or _turn(clock))
        task.cancel()
        await asyncio.wait({task})
        done = idle.progress()["thumbnails"]
    async with idling(parts, clock) as again:
        await again.go_through()
        assert await lacking(parts) == []
        assert again.progress()["thumbnails"] <= 4 - done
        assert (await again.thumbnails.usage()).files == 4


def _turn(clock: ManualClock) -> bool:
    clock.advance(1.0)
    return False


async def test_it_waits_while_others_work(parts: Parts, clock: ManualClock) -> None:
    await add(parts, "a.png")
    others = Others()
    others.busy = True
    async with idling(parts, clock, others=others) as idle:
        task = asyncio.create_task(idle.run())
        await eventually(lambda: clock.sleeping == 1)
        assert idle.progress()["state"] == "waiting"
        assert len(await lacking(parts)) == 1
        others.busy = False
        clock.advance(LOOK_SECS)
        await eventually(lambda: idle.progress()["state"] == "idle")
        assert await lacking(parts) == []
        task.cancel()
        await asyncio.wait({task})


async def test_the_next_pass_takes_what_is_new_and_a_full_one_all(
    parts: Parts, clock: ManualClock
) -> None:
    await add(parts, "b.png", "c.png")
    async with idling(parts, clock) as idle:
        await idle.go_through()
        await add(parts, "d.png")
        await idle.go_through()
        assert idle.progress()["passed"] == 1
        clock.advance(FULL_SECS)
        await idle.go_through()
        assert idle.progress()["passed"] == 3


async def test_thumbnails_stop_short_of_the_limit_and_hashes_go_on(
    parts: Parts, clock: ManualClock
) -> None:
    await add(parts, "a.png", "b.png")
    async with idling(parts, clock, limit=0) as idle:
        await idle.go_through()
        assert idle.progress()["thumbnails"] == 0
        assert await lacking(parts) == []


async def test_what_is_kept_of_unknown_images_goes(parts: Parts, clock: ManualClock) -> None:
    await add(parts, "a.png", "b.png")
    async with idling(parts, clock) as idle:
        await idle.go_through()
        kept = await parts.store.newest(below=None, limit=1)
        await parts.store.forget(kept[0].image_id, clock.now())
        clock.advance(FULL_SECS)
        await idle.go_through()
        assert (await idle.thumbnails.usage()).files == 1


async def test_a_hostile_file_is_tried_once(parts: Parts, clock: ManualClock) -> None:
    path = parts.folder / "a.png"
    # All that is looked at when it is scanned is right; its pixels are no zlib stream.
    chunks = [pictures.chunk(b"IDAT", b"no pixels"), pictures.chunk(b"IEND", b"")]
    head = pictures.PNG_SIGNATURE + pictures.header_chunk(8, 6)
    path.write_bytes(b"".join([head, *chunks]))
    _finished(parts, path)
    await parts.sweeper.sweep(parts.watched, priority=Priority.BACKLOG)
    async with idling(parts, clock) as idle:
        await idle.go_through()
        (kept,) = await parts.store.newest(below=None, limit=1)
        assert idle.thumbnails.folder.contents() == {kept.content_hash}
        assert (await idle.thumbnails.usage()).files == 1
        assert idle.progress()["thumbnails"] == 0


@pytest.mark.parametrize("share", [0.1, 0.5])
async def test_it_rests_in_proportion_to_its_work(
    parts: Parts, clock: ManualClock, share: float
) -> None:
    async with idling(parts, clock, share=share) as idle:
        clock.advance(1.0)
        rest = asyncio.create_task(idle._rest(0.0))
        await eventually(lambda: clock.sleeping == 1)
        clock.advance(1 / share - 1.01)
        assert not rest.done()
        clock.advance(0.02)
        await rest


async def test_switched_off_it_does_nothing(parts: Parts, clock: ManualClock) -> None:
    await add(parts, "a.png")
    async with idling(parts, clock, share=0) as idle:
        await idle.run()
        assert idle.progress()["state"] == "off"
        assert len(await lacking(parts)) == 1


async def test_a_store_that_fails_is_told_and_asked_again(parts: Parts, clock: ManualClock) -> None:
    await parts.store.close()
    async with idling(parts, clock) as idle:
        task = asyncio.create_task(idle.run())
        for _ in range(2):
            await eventually(lambda: clock.sleeping == 1)
            clock.advance(PASS_SECS)
        assert not task.done()
        task.cancel()
        await asyncio.wait({task})
