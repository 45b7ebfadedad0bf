"""A bell for whoever waits for work. What the work is stands in the store, never in the bell."""

import asyncio
import math

from clipwatch.model import Clock

_HARDLY_LATE = 0.001  #: seconds; the clock goes on between two who ask it


class Doorbell:
    """One waiter, any number of ringers; rings that nobody waited for are not lost."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()
        self._ends = math.inf  #: monotonic; when the waiting ends without a ring

    def ring(self) -> None:
        self._rung.set()

    def ring_by(self, due: float | None) -> None:
        """Ring where whoever waits would not be back by then (monotonic; None is never). Mostly
        they would, and a ring for nothing takes a tenth of a millisecond from what runs next."""
        if due is not None and due < self._ends - _HARDLY_LATE:
            self.ring()

    async def wait(self, seconds: float | None) -> None:
        """Return at the next ring, or after so many seconds; None waits for the ring alone."""
        self._ends = math.inf if seconds is None else self._clock.monotonic() + seconds
        alarm = None if seconds is None else asyncio.create_task(self._ring_after(seconds))
        try:
            await self._rung.wait()
        finally:
            if alarm is not None:
                alarm.cancel()
        self._rung.clear()

    async def _ring_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self.ring()
