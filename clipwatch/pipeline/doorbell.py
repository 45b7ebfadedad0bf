"""A bell for whoever waits for work. What the work is stands in the store, never in the bell."""

import asyncio

from clipwatch.model import Clock


class Doorbell:
    """One waiter, any number of ringers; rings that nobody waited for are not lost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float | None) -> None:
        """Return at the next ring, or after so many seconds; None waits for the ring alone."""
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self._rung.wait())]
        if seconds is not None:
            waits.append(asyncio.create_task(self._sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        self._rung.clear()

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
