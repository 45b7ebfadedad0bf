"""One writer: what arrives together is committed together.

Every write is a function of the connection that can run again. A group of them is tried as one
transaction, which costs one flush to disk; where any of them fails, each is run once more in a
transaction of its own, so that it fails alone.
"""

import asyncio
import sqlite3
import traceback
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from clipwatch.errors import IndexDamaged, StoreDamaged, StoreError, StoreFull

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Hop(Protocol):
    """Runs a function of a connection, in the thread that the connection belongs to."""

    def __call__(self, work: Work[T]) -> Awaitable[T]: ...


class Writer:
    """Queues writes and commits them in groups, one group at a time."""

    def __init__(self, hop: Hop) -> None:
        self._hop = hop
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction, and return what it does once that is on disk.

        A caller that is cancelled stops waiting; the write takes place all the same.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        return await done

    async def drain(self) -> None:
        """Return when nothing waits to be written."""
        while self._committing is not None:
            await asyncio.shield(self._committing)

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._commit(group)
        finally:
            self._committing = None

    async def _commit(self, group: Sequence[tuple[Work[Any], asyncio.Future[Any]]]) -> None:
        def all_of_them(connection: sqlite3.Connection) -> list[Any]:
            return [work(connection) for work, _ in group]

        failure, answers = None, []
        try:
            answers = await self._hop(partial(in_transaction, work=all_of_them))
        except Exception as error:
            failure = error
        if failure is None:
            for (_, done), answer in zip(group, answers, strict=True):
                if not done.cancelled():
                    done.set_result(answer)
        elif len(group) == 1:
            if not group[0][1].cancelled():
                group[0][1].set_exception(failure)
        else:
            for one in group:
                await self._commit([one])


def in_transaction(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Run ``work`` and commit, or leave everything as it was. Raises what ``work`` raises, and
    ``StoreError`` or ``StoreFull`` for what SQLite does."""
    return _run(connection, "BEGIN IMMEDIATE", work)


def in_snapshot(connection: sqlite3.Connection, work: Work[T]) -> T:
    """Run ``work``, which only reads, on one state of the database. Raises like
    ``in_transaction``."""
    return _run(connection, "BEGIN", work)


def _run(connection: sqlite3.Connection, begin: str, work: Work[T]) -> T:
    try:
        connection.execute(begin)
        answer = work(connection)
        connection.execute("COMMIT")
        return answer
    except sqlite3.Error as error:
        _let_go(error)
        raise translated(error) from error
    except BaseException as error:
        _let_go(error)
        raise
    finally:
        # After some errors, a full disk among them, SQLite has rolled back by itself.
        if connection.in_transaction:
            connection.rollback()


def _let_go(error: BaseException | None) -> None:
    """Drop what the frames of work that failed still hold, for as long as the error is kept: with a
    cursor that has more rows the connection would stay where it is, and read what is old by then.
    """
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def translated(error: sqlite3.Error) -> StoreError:
    """SQLite's error as one of ours."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    if code in _FULL:
        return StoreFull(
            "The disk that holds the database is full.",
            hint="Free some space there; clipwatch goes on by itself.",
        )
    if code == sqlite3.SQLITE_CORRUPT_VTAB:
        return IndexDamaged(f"The full-text index is damaged: {error}.", hint="It is made anew.")
    if code & 0xFF in _DAMAGE:
        return StoreDamaged(
            f"The database is damaged: {error}.",
            hint="clipwatch salvages it when it starts the next time.",
        )
    if code & 0xFF == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"The disk that holds the database failed: {error} ({error.sqlite_errorname}).",
            hint="Look at the disk, its quota and the kernel's log; clipwatch tries again.",
        )
    return StoreError(f"The database failed: {error}.", hint="The log has the details.")
