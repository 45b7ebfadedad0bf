"""The machine's own time."""

import asyncio
import time


class SystemClock:
    """``clipwatch.model.Clock`` for real."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
