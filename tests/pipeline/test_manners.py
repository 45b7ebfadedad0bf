"""How far the queue keeps out of the owner's way: a real server, time turned by hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from clipwatch.hours import Hours
from clipwatch.model import Ask, Priority
from clipwatch.pipeline.attention import SHARER_REFUSED
from clipwatch.pipeline.courtesy import Manners
from clipwatch.store.sqlite import SqliteStore
from tests.clock import ManualClock
from tests.pipeline.asking import Rig, Server, asking
from tests.servers import FakeGeneric
from tests.servers.a1111 import FakeA1111
from tests.servers.comfyui import FakeComfyui
from tests.waiting import eventually

GRACE = 30


@pytest.fixture
async def comfyui() -> AsyncIterator[FakeComfyui]:
    async with FakeComfyui() as server:
        yield server


@pytest.fixture
async def studio(
    store: SqliteStore, clock: ManualClock, comfyui: FakeComfyui, tmp_path: Path
) -> AsyncIterator[Rig]:
    """ComfyUI, and manners as they are without any settings."""
    server = Server(comfyui.url, "studio", kind="comfyui")
    async with asking(store, clock, tmp_path / "i", server, manners=Manners()) as rig:
        yield rig


def waits_for(rig: Rig, name: str = "studio") -> str:
    return str(rig.interrogations.states()[name]["waits_for"])


async def test_nothing_of_the_backlog_is_sent_in_gaps_that_are_shorter_than_the_grace(
    studio: Rig, comfyui: FakeComfyui
) -> None:
    """The rule of a server that renders all day: not one picture delays the next render."""
    for _ in range(3):
        await studio.add(priority=Priority.BACKLOG)
    studio.start()
    for gap in (1, 5, 10, 20, GRACE - 3):
        comfyui.rendering = True
        await studio.pass_time(20)
        comfyui.rendering = False
        await studio.pass_time(gap)
    comfyui.rendering = True
    await studio.pass_time(20)
    assert comfyui.calls == []
    assert waits_for(studio) == "studio renders for its owner"


async def test_the_backlog_begins_within_a_minute_of_idleness(
    studio: Rig, comfyui: FakeComfyui
) -> None:
    comfyui.rendering = True
    await studio.add(priority=Priority.BACKLOG)
    studio.start()
    await studio.pass_time(20)
    comfyui.rendering = False
    await studio.pass_time(GRACE - 3)
    assert waits_for(studio) == "studio has not been idle for 30 s yet"
    assert studio.interrogations.states([Priority.NEW])["studio"]["waits_for"] is None
    assert comfyui.calls == []
    await studio.pass_time(10)
    assert await studio.done()
    assert studio.metrics.yielded_seconds._value.get() == pytest.approx(20 + GRACE, abs=5)


async def test_it_stops_within_one_picture_of_the_next_render(
    studio: Rig, comfyui: FakeComfyui
) -> None:
    for _ in range(4):
        await studio.add(priority=Priority.BACKLOG)
    comfyui.holding = True
    studio.start()
    await studio.pass_time_meanwhile(GRACE + 4)
    await comfyui.received(1)
    comfyui.rendering = True
    await studio.pass_time_meanwhile(4)
    await comfyui.release()
    await studio.pass_time(120)
    assert len(comfyui.calls) <= 2


async def test_an_image_that_arrives_needs_no_grace(studio: Rig, comfyui: FakeComfyui) -> None:
    await studio.add(priority=Priority.BACKLOG)
    comfyui.rendering = True
    studio.start()
    await studio.pass_time(10)
    arrived = await studio.add(priority=Priority.NEW)
    comfyui.rendering = False
    await studio.pass_time(4)
    assert await studio.prompt(arrived) is not None
    assert len(comfyui.calls) == 1


async def test_nor_does_one_that_somebody_asks_for(studio: Rig, comfyui: FakeComfyui) -> None:
    await studio.add(priority=Priority.BACKLOG)
    studio.start()
    await studio.pass_time(4)
    asked = await studio.add(priority=None)
    assert (await studio.interrogations.ask(asked, Ask())).prompt.text
    assert len(comfyui.calls) == 1


async def test_a_server_that_cannot_tell_gets_the_backlog_at_once(
    store: SqliteStore, clock: ManualClock, tmp_path: Path
) -> None:
    async with FakeGeneric() as server:
        one = Server(server.url, kind="generic")
        async with asking(store, clock, tmp_path / "i", one, manners=Manners()) as rig:
            await rig.add(priority=Priority.BACKLOG)
            rig.start()
            await rig.pass_time(2)
            assert await rig.done()


async def test_the_backlog_keeps_to_its_hours(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    """The clock is set at 08:53."""
    manners = Manners(grace_secs=0, hours=Hours.parse("09:00-10:00"))
    async with asking(store, clock, tmp_path / "i", Server(server.url), manners=manners) as rig:
        backlog = await rig.add(priority=Priority.BACKLOG)
        arrived = await rig.add(priority=Priority.NEW)
        rig.start()
        await rig.pass_time(300, step=30)
        assert await rig.prompt(arrived) is not None
        assert await rig.prompt(backlog) is None
        assert waits_for(rig, "default") == "the hour is outside 09:00-10:00"
        await rig.pass_time(240, step=30)
        assert await rig.prompt(backlog) is not None


async def test_a_rate_is_kept_to_and_who_asks_is_not_held_to_it(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> None:
    manners = Manners(grace_secs=0, per_minute=6)
    async with asking(store, clock, tmp_path / "i", Server(server.url), manners=manners) as rig:
        for _ in range(30):
            await rig.add()
        rig.start()
        await rig.pass_time(61)
        assert len(server.calls) == 7
        assert waits_for(rig, "default") == "the rate limit of 6 pictures a minute"
        await rig.interrogations.ask(rig.added[0], Ask())
        assert len(server.calls) == 8


async def test_a_server_on_the_same_card_is_waited_for(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, comfyui: FakeComfyui, tmp_path: Path
) -> None:
    tagger = Server(server.url, "tagger", yields_to=(comfyui.url,))
    async with asking(store, clock, tmp_path / "i", tagger) as rig:
        comfyui.rendering = True
        await rig.add()
        rig.start()
        await rig.pass_time(20)
        assert server.calls == []
        assert waits_for(rig, "tagger") == f"127.0.0.1:{comfyui.port} renders for its owner"
        comfyui.rendering = False
        await rig.pass_time(4)
        assert await rig.done()
        assert comfyui.calls == []


async def test_one_that_is_down_holds_nobody_up_until_it_is_there(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, comfyui: FakeComfyui, tmp_path: Path
) -> None:
    await comfyui.stop()
    tagger = Server(server.url, "tagger", yields_to=(comfyui.url,))
    async with asking(store, clock, tmp_path / "i", tagger) as rig:
        await rig.add()
        rig.start()
        await rig.pass_time(2)
        assert await rig.done()
        await comfyui.start()
        comfyui.rendering = True
        await rig.pass_time(10)
        await rig.add()
        await rig.pass_time(10)
        assert len(server.calls) == 1


async def test_one_that_refuses_to_tell_what_it_does_is_named_once(
    store: SqliteStore,
    clock: ManualClock,
    server: FakeA1111,
    tmp_path: Path,
) -> None:
    async with FakeA1111(auth=("lena", "secret")) as guarded:
        tagger = Server(server.url, "tagger", yields_to=(guarded.url,))
        async with asking(store, clock, tmp_path / "i", tagger) as rig:
            await rig.add()
            with capture_logs() as logged:
                rig.start()
                await rig.pass_time(30)
            assert await rig.done()
    (told,) = (entry for entry in logged if entry["event"] == SHARER_REFUSED)
    assert guarded.url in told["error"] and told["hint"]


async def test_an_idle_server_is_told_once_to_free_its_memory_after_the_last_picture(
    store: SqliteStore, clock: ManualClock, comfyui: FakeComfyui, tmp_path: Path
) -> None:
    manners = Manners(grace_secs=0, unload=True)
    server = Server(comfyui.url, "studio", kind="comfyui")
    async with asking(store, clock, tmp_path / "i", server, manners=manners) as rig:
        rig.start()
        await rig.pass_time(120, step=20)
        assert freed(comfyui) == 0
        for _ in range(3):
            await rig.add()
        await eventually(lambda: freed(comfyui))
        assert len(comfyui.calls) == 3
        await rig.pass_time(300, step=20)
        assert freed(comfyui) == 1


async def test_nobody_frees_memory_unasked(studio: Rig, comfyui: FakeComfyui) -> None:
    await studio.add()
    studio.start()
    await eventually(studio.done)
    await studio.pass_time(120, step=20)
    assert freed(comfyui) == 0


def freed(comfyui: FakeComfyui) -> int:
    return sum(seen.path == "/free" for seen in comfyui.seen)
