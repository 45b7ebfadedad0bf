"""What the worker does while the store is in trouble."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from clipwatch.errors import StoreFull
from clipwatch.model import Job
from clipwatch.pipeline.endings import ANSWER_LOST, STORE_FAILED
from clipwatch.store.sqlite import SqliteStore
from tests.clock import ManualClock
from tests.pipeline.asking import Rig, Server, asking
from tests.servers.a1111 import FakeA1111
from tests.servers.behaviour import says
from tests.waiting import eventually


async def limit_pages(store: SqliteStore, pages: int) -> None:
    """As a disk with room for so many; SQLite takes the present size for less."""
    await store._write(lambda it: it.execute(f"PRAGMA max_page_count = {pages}").fetchone())


async def test_an_answer_that_the_store_has_no_room_for_is_kept(
    rig: Rig, store: SqliteStore, server: FakeA1111
) -> None:
    server.always = says(200, {"caption": ", ".join(f"word {n}" for n in range(1500))})
    image_id = await rig.add()
    await limit_pages(store, 1)
    with capture_logs() as logs:
        rig.start()
        await eventually(lambda: any(line["event"] == STORE_FAILED for line in logs))
    await limit_pages(store, 1_000_000)
    rig.clock.advance(5)
    await eventually(rig.done)
    assert await rig.prompt(image_id) is not None
    assert len(server.calls) == 1


class Failing:
    """A store of which some methods fail."""

    def __init__(self, store: SqliteStore, *methods: str) -> None:
        self.methods = set(methods)
        self.failures = 0
        self._store = store

    def __getattr__(self, name: str) -> object:
        return self._fail if name in self.methods else getattr(self._store, name)

    async def _fail(self, *_: object, **__: object) -> None:
        self.failures += 1
        raise StoreFull("The disk that holds the database is full.")


async def test_a_daemon_whose_store_is_full_ends_all_the_same(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    failing = Failing(store, "finish", "release")
    async with asking(store, clock, tmp_path / "i", Server(server.url), seen_as=failing) as rig:
        await rig.add()
        rig.start()
        assert rig.running is not None
        await eventually(lambda: failing.failures)
        with capture_logs() as logs:
            rig.running.cancel()
            await asyncio.wait({rig.running}, timeout=60.0)
        assert rig.running.done()
        assert [line["event"] for line in logs].count(ANSWER_LOST) == 1
        assert await store.recover(clock.now()) == 1


async def test_an_answer_is_stored_at_the_end_where_there_is_room_by_then(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    failing = Failing(store, "finish")
    async with asking(store, clock, tmp_path / "i", Server(server.url), seen_as=failing) as rig:
        await rig.add()
        rig.start()
        assert rig.running is not None
        await eventually(lambda: failing.failures)
        failing.methods.clear()
        rig.running.cancel()
        await asyncio.wait({rig.running}, timeout=60.0)
        assert await rig.done()
        assert await store.recover(clock.now()) == 0


async def test_a_job_is_given_back_where_the_store_fails_in_between(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    failing = Failing(store, "image")
    async with asking(store, clock, tmp_path / "i", Server(server.url), seen_as=failing) as rig:
        await rig.add()
        rig.start()
        await eventually(lambda: failing.failures)
        failing.methods.clear()
        await rig.pass_time(15)
        assert await rig.done()
        assert server.calls != []


async def test_the_server_has_its_next_picture_while_answers_wait_for_the_store(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    failing = Failing(store, "finish")
    async with asking(store, clock, tmp_path / "i", Server(server.url), seen_as=failing) as rig:
        for _ in range(6):
            await rig.add()
        rig.start()
        await eventually(lambda: failing.failures == 3)
        assert len(server.calls) == 3  # one for each hand: answers do not heap up
        failing.methods.clear()
        rig.clock.advance(5)
        await eventually(rig.done)
        assert len(server.calls) == 6


class Forgetting:
    """A store in which the image of the first job is forgotten just before one method is called;
    ``rings`` first, so that the job is looked at once more before its picture is sent."""

    def __init__(self, store: SqliteStore, method: str) -> None:
        self.gone: UUID | None = None
        self.rings: Callable[[], None] = lambda: None
        self._is_first = True
        self._store: Any = store
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def image(self, image_id: UUID) -> object:
        await self._perhaps_forget("image", image_id)
        return await self._store.image(image_id)

    async def recognise(self, job: Job, **more: Any) -> object:
        self.rings()
        await self._perhaps_forget("recognise", job.image_id)
        return await self._store.recognise(job, **more)

    async def job(self, job_id: UUID) -> object:
        if self._is_first:
            known = await self._store.job(job_id)
            await self._perhaps_forget("job", known.image_id)
        return await self._store.job(job_id)

    async def finish(self, job: Job, caption: object, **more: Any) -> object:
        await self._perhaps_forget("finish", job.image_id)
        return await self._store.finish(job, caption, **more)

    async def _perhaps_forget(self, method: str, image_id: UUID) -> None:
        if method == self._method and self._is_first:
            self._is_first = False
            await self._store.forget(image_id, 0)
            self.gone = image_id


@pytest.mark.parametrize("method", ["image", "recognise", "job", "finish"])
async def test_an_image_that_is_forgotten_meanwhile_stops_nothing(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path, method: str
) -> None:
    forgetting = Forgetting(store, method)
    async with asking(store, clock, tmp_path / "i", Server(server.url), seen_as=forgetting) as rig:
        forgetting.rings = rig.interrogations.wake
        for _ in range(2):
            await rig.add()
        rig.start()
        await eventually(lambda: forgetting.gone)
        assert forgetting.gone is not None
        rig.added.remove(forgetting.gone)
        await eventually(rig.done)
        assert rig.running is not None
        assert not rig.running.done()
