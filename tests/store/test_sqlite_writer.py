import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clipwatch.errors import NotFound, SearchTooSlow, StoreError
from clipwatch.store.sqlite_writer import T, Work, Writer, in_snapshot, in_transaction


class Database:
    """A real one, with the transactions that it has seen."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.statements: list[str] = []
        self.busy = asyncio.Event()
        connection.execute("CREATE TABLE number (value UNIQUE)")
        connection.set_trace_callback(self.statements.append)

    async def hop(self, work: Work[T]) -> T:
        answer = work(self.connection)
        self.busy.set()
        await asyncio.sleep(0)
        return answer

    def numbers(self) -> list[int]:
        rows = self.connection.execute("SELECT value FROM number ORDER BY value").fetchall()
        return [value for (value,) in rows]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as connection:
        yield Database(connection)


def adds(number: int) -> Work[int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO number VALUES (?)", (number,))
        return number

    return work


def fails(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO number VALUES (99)")
    raise NotFound("no such number")


async def test_what_arrives_together_is_one_transaction(database: Database) -> None:
    writer = Writer(database.hop)
    assert await asyncio.gather(*(writer.write(adds(n)) for n in range(50))) == list(range(50))
    assert database.statements.count("BEGIN IMMEDIATE") == 1
    assert database.numbers() == list(range(50))


async def test_what_arrives_during_a_commit_waits_for_the_next(database: Database) -> None:
    writer = Writer(database.hop)
    first = asyncio.create_task(writer.write(adds(1)))
    await database.busy.wait()
    await asyncio.gather(first, writer.write(adds(2)), writer.write(adds(3)))
    assert database.statements.count("BEGIN IMMEDIATE") == 2


async def test_one_that_fails_takes_no_other_with_it(database: Database) -> None:
    writer = Writer(database.hop)
    writes = [
        writer.write(adds(1)),
        writer.write(fails),
        writer.write(adds(1)),
        writer.write(adds(2)),
    ]
    one, failed, again, two = await asyncio.gather(*writes, return_exceptions=True)
    assert (one, two) == (1, 2)
    assert isinstance(failed, NotFound)
    assert isinstance(again, StoreError)
    assert isinstance(again.__cause__, sqlite3.IntegrityError)
    assert database.numbers() == [1, 2]


async def test_a_write_goes_on_when_its_caller_is_cancelled(database: Database) -> None:
    writer = Writer(database.hop)
    waiting = asyncio.create_task(writer.write(adds(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await writer.drain()
    assert database.numbers() == [1]


@pytest.mark.parametrize("run", [in_transaction, in_snapshot])
def test_a_failure_leaves_no_transaction_open(database: Database, run: object) -> None:
    assert callable(run)
    with pytest.raises(NotFound):
        run(database.connection, fails)
    assert not database.connection.in_transaction
    assert database.numbers() == []


@pytest.mark.parametrize("how", ["told", "cut off"])
def test_a_read_after_one_that_failed_sees_what_was_written_meanwhile(
    tmp_path: Path, how: str
) -> None:
    """Also while somebody keeps the error, and with it what the work had open."""

    def half_read(connection: sqlite3.Connection) -> None:
        values = (value for (value,) in connection.execute("SELECT value FROM number"))
        assert next(values) == 1
        if how == "told":
            raise NotFound("no more is wanted")
        connection.set_progress_handler(lambda: True, 1)
        try:
            connection.execute("SELECT count(*) FROM number AS a, number AS b").fetchall()
        finally:
            connection.set_progress_handler(None, 0)

    def cut_off(connection: sqlite3.Connection) -> None:
        try:
            half_read(connection)
        except sqlite3.OperationalError as error:
            raise SearchTooSlow("it takes too long") from error

    path = tmp_path / "x.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as writer,
        closing(sqlite3.connect(path, isolation_level=None)) as reader,
    ):
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE number (value)")
        writer.execute("INSERT INTO number VALUES (1), (2)")
        with pytest.raises((NotFound, SearchTooSlow)) as kept:
            in_snapshot(reader, cut_off)
        writer.execute("INSERT INTO number VALUES (3)")
        count = "SELECT count(*) FROM number"
        assert in_snapshot(reader, lambda it: it.execute(count).fetchone()) == (3,)
        assert kept.value.message
