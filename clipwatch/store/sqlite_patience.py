"""How long a search may take."""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from clipwatch.errors import SearchTooSlow
from clipwatch.store.sqlite_writer import Work

T = TypeVar("T")

SEARCH_SECS = 2.0
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

    def limited(self, work: Work[T]) -> Work[T]:
        """``work`` with an end. It then raises ``SearchTooSlow``."""

        def run(connection: sqlite3.Connection) -> T:
            deadline = self._monotonic() + self._seconds
            connection.set_progress_handler(lambda: self._monotonic() > deadline, _STEPS)
            try:
                return work(connection)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                    raise
                raise SearchTooSlow(
                    f"The search took longer than {self._seconds:g} s, and was cut off.",
                    hint="Add a word, a tag or a date that few images have, or leave out parts "
                    "of paths.",
                ) from error
            finally:
                connection.set_progress_handler(None, 0)

        return run
