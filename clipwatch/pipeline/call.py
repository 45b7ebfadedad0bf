"""One call to a server, within the time that it may take."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from clipwatch.errors import BackendTimeout
from clipwatch.interrogators.base import Activity
from clipwatch.model import Caption, Clock
from clipwatch.pipeline.courtesy import POLL_SECS, Allowance


async def limited(
    caption: Coroutine[Any, Any, Caption],
    *,
    seconds: float,
    server: str,
    clock: Clock,
    glance: Callable[[], Awaitable[Activity]],
) -> Caption:
    """The caption, within so many seconds; while the server renders for its owner the clock stands.

    ``glance`` tells what it does. Raises ``InterrogatorError``, ``BackendTimeout`` among them.
    """
    allowance = Allowance(seconds)
    since = clock.monotonic()
    call = asyncio.create_task(caption)
    try:
        while not await _is_done(call, clock, min(POLL_SECS, allowance.left)):
            activity = await glance()
            now = clock.monotonic()
            allowance, since = allowance.after(now - since, activity), now
            if allowance.is_over:
                raise BackendTimeout(
                    f"{server} gave no answer within {seconds:g} s",
                    hint="raise CLIP_TIMEOUT_SECS if the server is slow, "
                    "or look at what it is doing",
                )
        return call.result()
    finally:
        call.cancel()


async def _is_done(call: "asyncio.Task[Caption]", clock: Clock, seconds: float) -> bool:
    async def sleep() -> None:
        await clock.sleep(seconds)

    nap = asyncio.create_task(sleep())
    try:
        await asyncio.wait({call, nap}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        nap.cancel()
    return call.done()
