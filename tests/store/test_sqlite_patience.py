import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from clipwatch.errors import SearchTooSlow
from clipwatch.store.sqlite_patience import Patience

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        yield made


def test_what_does_not_end_is_cut_off(connection: sqlite3.Connection) -> None:
    seconds = iter(range(1_000))
    patience = Patience(lambda: next(seconds), 2.0)
    with pytest.raises(SearchTooSlow) as caught:
        patience.limited(lambda it: it.execute(ENDLESS).fetchall(), 2.0)(connection)
    assert "2 s" in caught.value.message
    assert caught.value.hint
    assert next(seconds) < 10


def test_the_connection_is_as_before(connection: sqlite3.Connection) -> None:
    patience = Patience(iter([0.0, 9.0, 9.0]).__next__, 2.0)
    with pytest.raises(SearchTooSlow):
        patience.limited(lambda it: it.execute(ENDLESS).fetchall(), 2.0)(connection)
    some = f"{ENDLESS.partition(' SELECT max')[0]} SELECT i FROM n LIMIT 20000"
    assert len(connection.execute(some).fetchall()) == 20_000


def test_what_fails_otherwise_is_told_as_it_is(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        patience = Patience(lambda: 0.0, 2.0)
        patience.limited(lambda it: it.execute("SELECT * FROM x"), 2.0)(connection)
