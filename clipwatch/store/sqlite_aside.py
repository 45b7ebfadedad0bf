"""Long work on the database beside the writer: on a connection of its own that cannot write, in a
thread of its own that gives way to every other, and that ends when nobody waits any more.

Such a connection neither checkpoints nor makes files: see ``clipwatch.store.sqlite``.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from clipwatch.store.sqlite_writer import Work, translated

T = TypeVar("T")

_NICEST = 19
_STEPS = 10_000
_PRAGMAS = """
PRAGMA busy_timeout = 5000;
PRAGMA temp_store = MEMORY;
PRAGMA trusted_schema = OFF;
PRAGMA mmap_size = 0;
"""


def open_aside(path: Path) -> sqlite3.Connection:
    """A connection that only reads. Raises ``sqlite3.Error``."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.executescript(_PRAGMAS)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


async def aside(path: Path, work: Work[T]) -> T:
    """What ``work`` does with such a connection. When cancelled, its statement is interrupted and
    its thread has ended. Raises ``StoreError`` for what SQLite does, and what ``work`` raises."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    try:
        connection = open_aside(path)
    except sqlite3.Error as error:
        raise translated(error) from error

    ended = threading.Event()
    # interrupt() ends the statement that runs; this ends every one that follows.
    connection.set_progress_handler(ended.is_set, _STEPS)

    def run() -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICEST)
        loop.call_soon_threadsafe(_outcome(connection, work, done))

    thread = threading.Thread(target=run, name="store-aside")
    with closing(connection):
        thread.start()
        try:
            return await asyncio.shield(done)
        finally:
            ended.set()
            connection.interrupt()
            thread.join()
            done.cancel()


def _outcome(
    connection: sqlite3.Connection, work: Work[T], done: "asyncio.Future[T]"
) -> Callable[[], None]:
    """Do the work; what tells the loop how it ended."""
    try:
        answer = work(connection)
    except sqlite3.Error as error:
        trouble: BaseException = translated(error)
        trouble.__cause__ = error
    except Exception as error:
        trouble = error
    else:
        return lambda: None if done.cancelled() else done.set_result(answer)
    return lambda: None if done.cancelled() else done.set_exception(trouble)
