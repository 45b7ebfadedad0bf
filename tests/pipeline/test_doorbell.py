import asyncio

from clipwatch.pipeline.doorbell import Doorbell
from tests.clock import ManualClock
from tests.waiting import eventually


async def test_a_ring_ends_the_waiting(clock: ManualClock) -> None:
    bell = Doorbell(clock)
    waiting = asyncio.create_task(bell.wait(60.0))
    await eventually(lambda: clock.sleeping)
    bell.ring()
    await waiting
    assert clock.monotonic() == 0.0


async def test_a_ring_that_nobody_waited_for_is_not_lost(clock: ManualClock) -> None:
    bell = Doorbell(clock)
    bell.ring()
    bell.ring()
    await bell.wait(None)
    waiting = asyncio.create_task(bell.wait(60.0))
    await eventually(lambda: clock.sleeping)
    assert not waiting.done()
    clock.advance(60.0)
    await waiting


async def test_who_is_back_in_time_is_not_rung_for(clock: ManualClock) -> None:
    bell = Doorbell(clock)
    waiting = asyncio.create_task(bell.wait(5.0))
    await eventually(lambda: clock.sleeping)
    bell.ring_by(None)
    bell.ring_by(5.0)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring_by(4.9)
    await waiting
    for_ever = asyncio.create_task(bell.wait(None))
    await asyncio.sleep(0)
    bell.ring_by(1e9)
    await for_ever


async def test_without_a_ring_it_takes_the_time_given(clock: ManualClock) -> None:
    bell = Doorbell(clock)
    waiting = asyncio.create_task(bell.wait(5.0))
    await eventually(lambda: clock.sleeping)
    clock.advance(4.9)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(0.2)
    await waiting


async def test_time_that_is_over_is_not_waited_for(clock: ManualClock) -> None:
    await Doorbell(clock).wait(-1.0)


async def test_whoever_stops_waiting_leaves_nothing_behind(clock: ManualClock) -> None:
    waiting = asyncio.create_task(Doorbell(clock).wait(60.0))
    await eventually(lambda: clock.sleeping)
    waiting.cancel()
    await asyncio.wait({waiting})
    await eventually(lambda: not clock.sleeping)
