"""What is prepared ahead, in what order it is sent, and what becomes of it when it is not."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from clipwatch.model import Ask, Image, JobState, Priority
from clipwatch.store.sqlite import SqliteStore
from tests import pictures
from tests.clock import ManualClock
from tests.pipeline.asking import Rig, Server, asking
from tests.servers.a1111 import FakeA1111
from tests.servers.behaviour import Hang, says
from tests.waiting import eventually


async def leased(rig: Rig) -> int:
    return (await rig.store.queue()).leased


async def in_flight_and_one_ahead(rig: Rig, server: FakeA1111) -> Hang:
    """The server hangs at the newest image's picture, and the next one is prepared."""
    hang = Hang()
    server.script.append(hang)
    rig.start()
    await hang.entered.wait()
    await eventually(lambda: prepared(rig))
    return hang


async def prepared(rig: Rig) -> bool:
    """Whether two pictures are in hand, and both are made."""
    in_hand = rig.interrogations.states()["default"]["in_hand"]
    return (await leased(rig), in_hand, rig.counted.looked_up) == (2, 2, 2)


def widths(server: FakeA1111) -> list[int]:
    """The images in the order in which they arrived there, by number."""
    return [call.image.width - 8 for call in server.calls]


async def test_one_picture_is_prepared_ahead_and_never_more(rig: Rig, server: FakeA1111) -> None:
    for _ in range(5):
        await rig.add()
    hang = await in_flight_and_one_ahead(rig, server)
    rig.interrogations.wake()
    assert len(server.calls) == 1
    assert await leased(rig) == 2
    hang.release.set()
    await eventually(rig.done)
    assert server.most_in_hand == 1


async def test_as_many_pictures_are_in_flight_as_the_back_end_has_slots(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    hangs = [Hang(says(200, {"caption": "late"})) for _ in range(3)]
    server.script.extend(hangs)
    async with asking(store, clock, tmp_path / "i", Server(server.url, limit=3)) as rig:
        for _ in range(6):
            await rig.add()
        rig.start()
        for hang in hangs:
            await hang.entered.wait()
        await eventually(lambda: leased(rig))
        assert len(server.calls) == 3
        for hang in hangs:
            hang.release.set()
        await eventually(rig.done)
    assert len(server.calls) == 6


class Ringing:
    """A store at which the bell rings while a picture is prepared, once everybody else waits."""

    def __init__(self, store: SqliteStore, clock: ManualClock) -> None:
        self._store = store
        self._clock = clock
        self.ring: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def image(self, image_id: UUID) -> Image:
        await eventually(self._somebody_waits)
        self.ring()
        await eventually(self._somebody_waits)
        return await self._store.image(image_id)

    async def _somebody_waits(self) -> bool:
        return bool(self._clock.sleeping)


async def test_a_prepared_picture_does_not_wait_for_those_who_wait_for_work(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    """However many they are. Here the clock stands still."""
    ringing, settings = Ringing(store, clock), Server(server.url, limit=3)
    async with asking(store, clock, tmp_path / "i", settings, seen_as=ringing) as rig:
        ringing.ring = rig.interrogations.wake
        rig.start()
        await rig.idle()
        await rig.add()
        await eventually(rig.done)


@pytest.mark.parametrize("priority", [Priority.INTERACTIVE, Priority.NEW])
async def test_what_is_more_pressing_overtakes_a_prepared_picture_of_the_backlog(
    rig: Rig, server: FakeA1111, priority: Priority
) -> None:
    for _ in range(3):
        await rig.add(priority=Priority.BACKLOG)
    hang = await in_flight_and_one_ahead(rig, server)
    pressing = await rig.add(priority=None)
    await rig.store.enqueue(pressing, Ask(), priority, rig.clock.now())
    rig.interrogations.wake()
    hang.release.set()
    await eventually(rig.done)
    assert widths(server)[:2] == [2, 3]
    assert {job.attempts for job in await rig.store.jobs()} == {0}


async def test_a_prepared_picture_that_somebody_asks_for_now_is_sent_next(
    rig: Rig, server: FakeA1111
) -> None:
    """And is not held to what the backlog is held to any more."""
    for _ in range(3):
        await rig.add(priority=Priority.BACKLOG)
    hang = await in_flight_and_one_ahead(rig, server)
    asks = asyncio.create_task(rig.interrogations.ask(rig.added[1], Ask()))
    await eventually(lambda: rig.counted.enqueued)
    hang.release.set()
    assert (await asks).prompt.text == server.captions["clip"]
    assert widths(server)[:2] == [2, 1]


async def test_a_prepared_picture_is_not_sent_once_the_queue_is_paused(
    rig: Rig, server: FakeA1111
) -> None:
    for _ in range(3):
        await rig.add()
    hang = await in_flight_and_one_ahead(rig, server)
    await rig.store.pause(True)
    rig.interrogations.wake()
    hang.release.set()
    await rig.pass_time(120)
    assert await rig.states() == [JobState.READY, JobState.READY, JobState.DONE]
    assert len(server.calls) == 1
    await rig.store.pause(False)
    rig.interrogations.wake()
    await eventually(rig.done)
    assert len(server.calls) == 3


async def test_a_prepared_picture_of_a_content_that_is_gone_is_not_sent(
    rig: Rig, server: FakeA1111
) -> None:
    await rig.add()
    await rig.add()
    hang = await in_flight_and_one_ahead(rig, server)
    rig.path(0).write_bytes(pictures.png(width=300))
    os.utime(rig.path(0), (9, 9))
    await rig.store.record([rig.sighting(0)], now=rig.clock.now(), priority=Priority.NEW)
    rig.interrogations.wake()
    hang.release.set()
    await eventually(rig.done)
    assert [call.image.width for call in server.calls] == [9, 300]


async def test_a_prepared_picture_waits_for_a_render_that_begins_meanwhile(
    rig: Rig, server: FakeA1111
) -> None:
    for _ in range(3):
        await rig.add()
    hang = await in_flight_and_one_ahead(rig, server)
    server.rendering = True
    await rig.pass_time_meanwhile(10)
    hang.release.set()
    await rig.pass_time(60)
    assert len(server.calls) == 1
    server.rendering = False
    await rig.pass_time(4)
    assert await rig.done()


async def test_a_prepared_picture_is_not_sent_after_one_that_failed_with_the_server(
    rig: Rig, server: FakeA1111
) -> None:
    """A server that goes away has cost one call, not two."""
    for _ in range(3):
        await rig.add()
    hang = await in_flight_and_one_ahead(rig, server)
    hang.then = says(503, {"detail": "busy"})
    hang.release.set()
    await eventually(lambda: not_in_hand(rig))
    assert len(server.calls) == 1
    assert {job.attempts for job in await rig.store.jobs()} == {0}


async def not_in_hand(rig: Rig) -> bool:
    return not await leased(rig)


async def test_all_jobs_in_hand_are_given_back_when_cancelled(rig: Rig, server: FakeA1111) -> None:
    for _ in range(3):
        await rig.add()
    await in_flight_and_one_ahead(rig, server)
    assert rig.running is not None
    rig.running.cancel()
    await asyncio.wait({rig.running})
    jobs = await rig.store.jobs()
    assert {(job.state, job.attempts, job.crashes) for job in jobs} == {(JobState.READY, 0, 0)}


async def test_draining_puts_back_what_is_prepared(rig: Rig, server: FakeA1111) -> None:
    for _ in range(3):
        await rig.add()
    hang = await in_flight_and_one_ahead(rig, server)
    draining = asyncio.create_task(rig.interrogations.drain(20.0))
    hang.release.set()
    await draining
    assert rig.running is not None
    assert rig.running.done()
    assert await rig.states() == [JobState.READY, JobState.READY, JobState.DONE]
    assert len(server.calls) == 1


async def test_a_server_that_flaps_is_not_stormed(rig: Rig, server: FakeA1111) -> None:
    """Up for a second in every twenty, failing all that it is sent."""
    server.always = says(503, {"detail": "loading"})
    for _ in range(10):
        await rig.add()
    rig.start()
    for _ in range(30):
        await rig.pass_time(1)
        await server.stop()
        await rig.pass_time(19)
        await server.start()
    assert len(server.calls) <= 12
    assert {(job.state, job.attempts) for job in await rig.store.jobs()} == {(JobState.READY, 0)}


async def test_of_two_idle_servers_each_gets_one_of_two_pictures(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    """None is prepared ahead for a busy server while another one is idle."""
    hangs = Hang(), Hang()
    async with FakeA1111() as other:
        server.script.append(hangs[0])
        other.script.append(hangs[1])
        both = Server(server.url, "first"), Server(other.url, "second")
        async with asking(store, clock, tmp_path / "images", *both) as rig:
            rig.start()
            await rig.idle()
            for _ in range(2):
                await rig.add()
            for hang in hangs:
                await hang.entered.wait()
            for hang in hangs:
                hang.release.set()
            await eventually(rig.done)
        assert (len(server.calls), len(other.calls)) == (1, 1)
