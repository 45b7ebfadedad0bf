"""The machine's own time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta, tzinfo


class LocalZone(tzinfo):
    """The machine's time zone, with its rules for summer."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        known = datetime.now(UTC) if moment is None else moment
        return known.replace(tzinfo=None).astimezone().utcoffset() or timedelta()

    def dst(self, moment: datetime | None) -> None:
        return None

    def tzname(self, moment: datetime | None) -> None:
        return None


class SystemClock:
    """``clipwatch.model.Clock`` for real."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def local_now(self) -> datetime:
        here = datetime.fromtimestamp(self.now() / 1e6, UTC).astimezone()
        return here.replace(tzinfo=LocalZone())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def local_time(now: int) -> datetime:
    """What the clock on the wall shows at a time of ``Clock.now``, in the machine's own zone."""
    return datetime.fromtimestamp(now / 1e6, UTC).astimezone()
