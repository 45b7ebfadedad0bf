import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from clipwatch.errors import StartError
from clipwatch.store.sqlite_schema import MIGRATIONS, migrate, require_current


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        yield opened


def plan(connection: sqlite3.Connection, sql: str) -> str:
    return " / ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}"))


def test_migrating_twice_changes_nothing(connection: sqlite3.Connection) -> None:
    migrate(connection)
    before = list(connection.iterdump())
    migrate(connection)
    assert list(connection.iterdump()) == before
    require_current(connection)


def test_a_step_that_fails_leaves_the_version_before_it(connection: sqlite3.Connection) -> None:
    steps = ("CREATE TABLE one (x)", "CREATE TABLE two (x); CREATE TABLE one (x)")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, steps)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("one",)]
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert not connection.in_transaction


def test_a_newer_database_is_refused(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StartError) as refused:
        migrate(connection)
    assert refused.value.exit_code == 78


def test_an_older_database_is_not_read_from(connection: sqlite3.Connection) -> None:
    with pytest.raises(StartError, match="needs"):
        require_current(connection)


def test_what_is_asked_often_sorts_nothing(connection: sqlite3.Connection) -> None:
    migrate(connection)
    newest = plan(connection, "SELECT seq FROM image WHERE missing = 0 ORDER BY seq DESC LIMIT 9")
    assert newest == "SCAN image USING INDEX image_shown"
    claim = plan(
        connection,
        "SELECT id FROM job INDEXED BY job_next WHERE state = 'ready' AND held = 0"
        " AND run_at <= 1 ORDER BY crashes > 0, priority, seq DESC LIMIT 1",
    )
    assert claim == "SCAN job USING INDEX job_next"
