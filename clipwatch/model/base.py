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
    return UUID(bytes=new_id_bytes(now))


def new_id_bytes(now: int) -> bytes:
    """The bytes of a ``new_id``, for those who do not need the object: making it takes longer."""
    milliseconds = max(now // 1000, 0) & (1 << 48) - 1
    random = bytearray(os.urandom(10))
    random[0] = 0x70 | random[0] & 0x0F
    random[2] = 0x80 | random[2] & 0x3F
    return milliseconds.to_bytes(6, "big") + random


def ordered_id(now: int, order: int) -> UUID:
    """A ``new_id`` that among others of its millisecond sorts by ``order``, which lies above -2**62
    and below 2**62; it is random by 11 bits alone, so the order is to be unique."""
    milliseconds = max(now // 1000, 0) & (1 << 48) - 1
    rest = (order + (1 << 62)) << 11 | int.from_bytes(os.urandom(2)) >> 5
    high, low = rest >> 62 & (1 << 12) - 1, rest & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low)
