"""A clock that is turned by hand."""

import asyncio
from datetime import UTC, datetime

START = 1_760_000_000_000_000
#: The same on a wall in Greenwich: Thursday, 2025-10-09, 08:53:20.
LOCAL = datetime.fromtimestamp(START / 1e6, UTC)


class ManualClock:
    """Stands still until ``advance``. ``sleep`` returns when it has been turned far enough."""

    def __init__(self, start: int = START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: dict[asyncio.Event, float] = {}

    def now(self) -> int:
        return self._start + round(self._elapsed * 1e6)

    def local_now(self) -> datetime:
        return datetime.fromtimestamp(self.now() / 1e6, UTC)

    def monotonic(self) -> float:
        return self._elapsed

    @property
    def sleeping(self) -> int:
        """How many wait for it to be turned."""
        return len(self._sleepers)

    @property
    def next_due(self) -> float:
        """In how many seconds the first of them wants to be woken."""
        return min(self._sleepers.values(), default=float("inf")) - self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            return
        due = asyncio.Event()
        self._sleepers[due] = self._elapsed + seconds
        try:
            await due.wait()
        finally:
            self._sleepers.pop(due, None)

    def advance(self, seconds: float) -> None:
        """Turn it on, and wake everybody whose time has come."""
        self._elapsed += seconds
        for due, when in sorted(self._sleepers.items(), key=lambda item: item[1]):
            if when <= self._elapsed:
                del self._sleepers[due]
                due.set()
