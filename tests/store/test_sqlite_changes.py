"""The ordered log: what is kept, and who is told that something is not."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from clipwatch.errors import ChangesForgotten
from clipwatch.store import sqlite_changes
from clipwatch.store.sqlite_changes import IMAGE_ADDED, KEPT, Entry
from clipwatch.store.sqlite_schema import migrate


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        migrate(made)
        yield made


def test_only_so_many_are_kept(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO change VALUES (1, 0, 'x', NULL, '{}'), (?, 0, 'x', NULL, '{}')", (KEPT,)
    )
    sqlite_changes.write(connection, 5, [Entry(IMAGE_ADDED, None, {})])
    assert [each.seq for each in sqlite_changes.since(connection, KEPT - 1, 9)] == [KEPT, KEPT + 1]
    with pytest.raises(ChangesForgotten, match="no longer kept") as gone:
        sqlite_changes.since(connection, KEPT - 2, 9)
    assert gone.value.oldest == KEPT
    assert str(KEPT) in gone.value.hint


def test_a_number_that_was_never_given_out_is_no_end(connection: sqlite3.Connection) -> None:
    assert sqlite_changes.since(connection, 0, 9) == []
    with pytest.raises(ChangesForgotten, match="another database"):
        sqlite_changes.since(connection, 1, 9)
    sqlite_changes.write(connection, 5, [Entry(IMAGE_ADDED, None, {})])
    assert sqlite_changes.since(connection, 1, 9) == []
