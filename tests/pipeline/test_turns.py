"""Who has a slot next."""

import asyncio
from contextlib import ExitStack

from clipwatch.pipeline.turns import Turns


async def test_slots_are_had_in_the_order_of_the_queue() -> None:
    turns, order = Turns(1), list[int]()

    async def take(number: int) -> None:
        with turns.queued() as turn:
            await turn
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(take(number) for number in range(4)))
    assert order == [0, 1, 2, 3]


async def test_no_more_have_one_than_there_are() -> None:
    turns = Turns(2)
    with ExitStack() as all_of_them:
        places = [all_of_them.enter_context(turns.queued()) for _ in range(3)]
        assert [asyncio.ensure_future(place).done() for place in places] == [True, True, False]


async def test_who_has_left_is_passed_over_and_keeps_no_slot() -> None:
    turns = Turns(1)
    with turns.queued() as first:
        await first
        with turns.queued():
            pass

        async def wait() -> None:
            with turns.queued() as turn:
                await turn

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
    with turns.queued() as last:
        await asyncio.wait_for(asyncio.ensure_future(last), 60)


async def test_a_slot_that_one_has_is_neither_waited_for_nor_given_back() -> None:
    turns = Turns(1)
    with turns.queued() as mine:
        await mine
        with turns.queued(has_slot=True) as same:
            await same
        with turns.queued() as other:
            assert not asyncio.ensure_future(other).done()
