"""Turns at a server's slots, in the order of claims, and at choosing what is next."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager


class Turns:
    """A queue for the slots: a picture that is made quickly does not go ahead of one that is more
    pressing. A slot that becomes free is handed over at once, before anything else is done."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._queue: deque[asyncio.Future[None]] = deque()

    @contextmanager
    def queued(self, *, has_slot: bool = False) -> Iterator[Awaitable[None]]:
        """A place in the queue, or the slot that one has. Whoever awaits it has the slot then,
        until the end of the context."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if has_slot:
            place.set_result(None)
            yield place
            return
        self._queue.append(place)
        self._hand_over()
        try:
            yield place
        finally:
            if not place.cancel() and not place.cancelled():
                self._free += 1
            self._hand_over()

    def _hand_over(self) -> None:
        while self._free and self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                self._free -= 1


class Choosing:
    """The choice of a job, which is one hand's at a time. A hand may keep it while it waits for
    work, so one that has a job and has to choose once more goes before all that have none: its
    picture is ready. ``ring`` wakes the one that waits."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._lock = asyncio.Lock()
        self._again = 0  #: hands that want to choose once more

    @asynccontextmanager
    async def first(self) -> AsyncIterator[bool]:
        """For a hand that has no job: whether the choice is really its own now."""
        async with self._lock:
            yield not self._again

    @asynccontextmanager
    async def again(self) -> AsyncIterator[None]:
        """For a hand that has a job."""
        self._again += 1
        self._ring()
        try:
            async with self._lock:
                yield
        finally:
            self._again -= 1
