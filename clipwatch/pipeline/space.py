"""Room on the database's disk: work pauses before it is full, and goes on by itself.

Below ``low`` no job is taken: what answers would be stored in is running out. Below ``SCARCE``
nothing is recorded that the next comparison of disk and store finds again; answers that were paid
for, and jobs that end, are still written.
"""

import asyncio
from collections.abc import Callable
from enum import IntEnum

import structlog

from clipwatch.model import Clock
from clipwatch.store.care import StoreCare

DISK_FILLED = "disk.filled"
DISK_FREED = "disk.freed"

SCARCE_BYTES = 50 * 1024 * 1024
LOOK_SECS = 5.0
#: A level is left again with this much more room than it is entered, lest it come and go.
_MARGIN = 1.1

log = structlog.get_logger()


class Room(IntEnum):
    """How much there is."""

    SCARCE = 0
    LOW = 1
    OK = 2


#: What each level keeps from being done.
KEPT_BACK = {
    Room.LOW: "no image is interrogated, for room for answers runs out",
    Room.SCARCE: "no image is recorded or interrogated",
}
HINT = "free some space; clipwatch goes on by itself"


def room_of(free: int, before: Room, low: int, scarce: int) -> Room:
    """What this many free bytes mean, where ``before`` was the case."""
    for level, bound in ((Room.SCARCE, scarce), (Room.LOW, max(low, scarce))):
        if free < bound * (_MARGIN if before <= level else 1):
            return level
    return Room.OK


async def at_once() -> None:
    """Where nobody looks at the disk there is always room."""


class Space:
    """Looks at the disk now and then. ``free_bytes`` is asked in a thread."""

    def __init__(
        self,
        care: StoreCare,
        *,
        clock: Clock,
        free_bytes: Callable[[], int],
        low_bytes: int,
    ) -> None:
        self.room = Room.OK
        self.free = 0  #: at the last look
        self._care = care
        self._clock = clock
        self._free_bytes = free_bytes
        self._low_bytes = low_bytes
        self._may_record = asyncio.Event()
        self._may_record.set()

    def may_claim(self) -> bool:
        """Whether jobs may be taken."""
        return self.room is Room.OK

    async def to_record(self) -> None:
        """Return once there is room to record what was seen."""
        await self._may_record.wait()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_SECS)

    async def look(self) -> None:
        """Look once, and let everybody know."""
        self.free = await asyncio.to_thread(self._free_bytes)
        before = self.room
        self.room = room_of(self.free, before, self._low_bytes, SCARCE_BYTES)
        if self.room is Room.OK:
            await asyncio.to_thread(self._care.renew_ballast)
        if self.room is before:
            return
        told = {"free_bytes": self.free, "room": self.room.name.lower()}
        if self.room < before:
            log.warning(DISK_FILLED, **told, hint=HINT)
        else:
            log.info(DISK_FREED, **told)
        if self.room is Room.SCARCE:
            self._may_record.clear()
        else:
            self._may_record.set()
