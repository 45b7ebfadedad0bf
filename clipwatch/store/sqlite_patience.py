"""How long a search may take, and that those which take long keep nobody else waiting."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import TypeVar

from clipwatch.errors import SearchTooSlow
from clipwatch.store.sqlite_writer import Work

T = TypeVar("T")

SEARCH_SECS = 2.0
#: What takes no longer is a short search, as nearly all are.
SHORT_SECS = 0.1
#: SQLite's steps between two looks at the clock: some 100 microseconds.
_STEPS = 5_000


class Patience:
    """Cuts searches off that take more than ``seconds`` by ``monotonic``.

    The clock is looked at between SQLite's own steps. One of full text's may take longer than one
    of the others, so an end can come some tenths of a second late.
    """

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic = monotonic
        self._seconds = seconds
        self._long = asyncio.Semaphore(1)

    async def search(self, read: Callable[[Work[T]], Awaitable[T]], work: Work[T]) -> T:
        """What ``read`` gives for ``work``. Raises ``SearchTooSlow``.

        A search that is not a short one is begun anew when no other such runs: at most one of the
        connections that read is taken by them. It waits for that no longer than it may run.
        """
        try:
            return await read(self.limited(work, SHORT_SECS))
        except SearchTooSlow:
            pass
        try:
            async with asyncio.timeout(self._seconds):
                await self._long.acquire()
        except TimeoutError as error:
            raise self._too_slow() from error
        try:
            return await read(self.limited(work, self._seconds))
        finally:
            self._long.release()

    def limited(self, work: Work[T], seconds: float) -> Work[T]:
        """``work`` with an end. It then raises ``SearchTooSlow``."""

        def run(connection: sqlite3.Connection) -> T:
            deadline = self._monotonic() + seconds
            connection.set_progress_handler(lambda: self._monotonic() > deadline, _STEPS)
            try:
                return work(connection)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                raise self._too_slow() from error
            finally:
                connection.set_progress_handler(None, 0)

        return run

    def _too_slow(self) -> SearchTooSlow:
        return SearchTooSlow(
            f"The search took longer than {self._seconds:g} s, and was cut off.",
            hint="Add a word, a tag or a date that few images have, or leave out parts of paths.",
        )
