"""A back end that is away or ill: no attempt is spent on its absence, it is not stormed, and when
it is well again everything is done. Time is turned by hand, so that ten minutes take none."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from clipwatch.store.sqlite import SqliteStore, open_store
from tests.clock import ManualClock
from tests.faults.conftest import times
from tests.pipeline.asking import LIMIT, Rig, Server, asking
from tests.servers.a1111 import FakeA1111
from tests.servers.behaviour import Behaviour, Hang, drops, halves, says, says_text

IMAGES = times(long=200, short=20)
MINUTES = times(long=60, short=10)
AWAY_SECS = 20.0

away = says_text("<html>Bad Gateway</html>", status=502)

pytestmark = pytest.mark.timeout(240 + 4 * IMAGES + 20 * MINUTES)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
    store = await open_store(tmp_path / "state" / "clipwatch.db", clock)
    yield store
    await store.close()


@pytest.fixture
async def server() -> AsyncIterator[FakeA1111]:
    async with FakeA1111() as server:
        yield server


@pytest.fixture
async def rig(
    store: SqliteStore, clock: ManualClock, server: FakeA1111, tmp_path: Path
) -> AsyncIterator[Rig]:
    async with asking(store, clock, tmp_path / "images", Server(server.url)) as rig:
        for _ in range(IMAGES):
            await rig.add()
        yield rig


async def attempts(rig: Rig) -> int:
    return sum(job.attempts for job in await rig.store.jobs(limit=IMAGES))


async def all_done(rig: Rig) -> bool:
    return (await rig.store.counts()).get("prompts.clip_generated", 0) == IMAGES


async def until_done(rig: Rig, most: float = 900.0) -> None:
    """Let time pass until every image has its prompt; none may have been given up on."""
    last = rig.clock.monotonic() + most
    while not await all_done(rig):
        assert rig.clock.monotonic() < last, await rig.store.queue()
        await rig.pass_time(5, step=5)
    queue = await rig.store.queue()
    assert (queue.dead, queue.leased, sum(queue.ready.values())) == (0, 0, 0)


def is_no_storm(server: FakeA1111) -> bool:
    """Whether an ill server was asked now and then only: every five minutes in the end, each time
    what it does and then at most one picture; and five in a row before that was clear."""
    return len(server.seen) <= 30 + MINUTES


async def test_one_that_refuses_connections_is_waited_for(rig: Rig, server: FakeA1111) -> None:
    await server.stop()
    rig.start()
    await rig.pass_time(60 * MINUTES, step=5)
    assert await attempts(rig) == 0
    await server.start()
    await until_done(rig)
    assert len(server.calls) == IMAGES


async def test_one_that_goes_away_for_a_while_is_waited_for(rig: Rig, server: FakeA1111) -> None:
    rig.start()
    await server.received(IMAGES // 2)
    await server.stop()
    await rig.pass_time(60 * MINUTES, step=5)
    assert await attempts(rig) == 0  # whatever was in hand when it went
    await server.start()
    await until_done(rig)
    assert len(server.calls) <= IMAGES + 1  # the one in hand when it went


@pytest.mark.parametrize(
    "behaviour",
    [
        says(429, {}, headers={"Retry-After": "60"}),
        says(503, {}, headers={"Retry-After": "60"}),
        away,
    ],
    ids=["429", "503", "502"],
)
async def test_absence_that_is_told_costs_no_attempt(
    rig: Rig, server: FakeA1111, behaviour: Behaviour
) -> None:
    server.always = behaviour
    rig.start()
    await rig.pass_time(60 * MINUTES, step=5)
    assert await attempts(rig) == 0
    assert is_no_storm(server)
    server.always = None
    await until_done(rig)


async def test_one_that_hangs_is_waited_for(rig: Rig, server: FakeA1111) -> None:
    hang = Hang()
    server.always = hang
    rig.start()
    await hang.entered.wait()
    await rig.pass_time_meanwhile(60 * MINUTES)
    assert await attempts(rig) == 0
    assert len(server.calls) <= 10 + MINUTES
    server.always = None
    hang.release.set()
    await rig.pass_time_meanwhile(2 * LIMIT)
    await until_done(rig)


@pytest.mark.parametrize(
    "behaviour",
    [
        says(500, {"detail": "CUDA out of memory"}),
        says(200, {"caption": ""}),
        says(200, ["garbage"]),
        says_text('{"caption": "a red squ', content_type="application/json"),
        halves,
        drops,
    ],
    ids=["500", "empty", "another shape", "half a JSON", "half an answer", "no answer"],
)
async def test_one_that_is_ill_makes_no_image_given_up_on(
    rig: Rig, server: FakeA1111, behaviour: Behaviour
) -> None:
    server.always = behaviour
    rig.start()
    await rig.pass_time(60 * MINUTES, step=5)
    assert await attempts(rig) <= 5  # until the breaker opened
    assert is_no_storm(server)
    server.always = None
    await until_done(rig, most=3600.0)


async def test_one_that_comes_and_goes_is_used_while_it_is_there(
    rig: Rig, server: FakeA1111, clock: ManualClock
) -> None:
    """It answers once and is away for 20 seconds, again and again."""
    away_until = 0.0

    async def flap(request: web.Request) -> web.StreamResponse:
        nonlocal away_until
        if clock.monotonic() < away_until:
            return await away(request)
        away_until = clock.monotonic() + AWAY_SECS
        return await server.interrogate(request)

    server.always = flap
    rig.start()
    await until_done(rig, most=10 * AWAY_SECS * IMAGES)
    assert await attempts(rig) == 0
    # Between two answers it is asked when it has just gone, then 5 s, 15 s and 35 s later.
    assert len(server.calls) <= 4 * IMAGES
