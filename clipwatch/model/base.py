"""Time and ids, as everything else has them."""

import os
from datetime import datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """Time, passed in so that tests can turn it by hand."""

    def now(self) -> int:
        """Wall clock in microseconds since the epoch."""

    def local_now(self) -> datetime:
        """The same, where the user is: with a time zone."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Return once this many seconds have passed."""


def new_id(now: int) -> UUID:
    """A UUIDv7 (RFC 9562, 5.7) for the moment ``now``, so that ids sort by the time of making."""
    milliseconds = max(now // 1000, 0) & (1 << 48) - 1
    random = int.from_bytes(os.urandom(10), "big")
    high, low = random >> 68, random & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
