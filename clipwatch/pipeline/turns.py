"""Turns at a server's slots, in the order of claims."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager


@asynccontextmanager
async def in_turn(slots: asyncio.Semaphore, has_slot: bool) -> AsyncIterator[Awaitable[object]]:
    """A place in the queue for a slot: a picture that is made quickly does not go ahead of one that
    is more pressing. Whoever awaits it has the slot then, until the end of the context."""
    if has_slot:
        yield asyncio.sleep(0)
        return
    place = asyncio.create_task(slots.acquire())
    try:
        yield place
    finally:
        if place.done() and not place.cancelled():
            slots.release()
        else:
            place.cancel()
