"""A clock that is turned by hand."""

import asyncio
import heapq
from itertools import count

START = 1_760_000_000_000_000


class ManualClock:
    """Stands still until ``advance``. ``sleep`` returns when it has been turned far enough."""

    def __init__(self, start: int = START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = count()
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._slept = asyncio.Event()

    def now(self) -> int:
        return self._start + round(self._elapsed * 1e6)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        due = asyncio.Event()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), due))
        self._slept.set()
        await due.wait()

    def advance(self, seconds: float) -> None:
        """Turn it on, and wake everybody whose time has come."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            heapq.heappop(self._sleepers)[2].set()

    async def run(self, seconds: float, step: float = 0.5) -> None:
        """Turn it on in steps, and let everybody work after each."""
        for _ in range(round(seconds / step)):
            self.advance(step)
            for _ in range(20):
                await asyncio.sleep(0)
