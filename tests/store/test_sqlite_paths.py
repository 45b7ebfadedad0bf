import re
import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipwatch.store.sqlite_paths import matching
from clipwatch.store.sqlite_schema import migrate
from tests.store.test_sqlite_query import insert_location

NAMES = st.text("ab[.é", min_size=1, max_size=3)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PATTERNS = st.text("ab[.é/*?", max_size=8)


@pytest.fixture(scope="module")
def files() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("INSERT INTO root (root_id, path) VALUES (1, '/a/b'), (2, '/a/c')")
    yield connection
    connection.close()


def regular(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(each, re.escape(each)) for each in pattern), re.DOTALL)


@settings(max_examples=50, deadline=None)
@example(paths=["a/b", "a/é", "a"], pattern="*/a/?")
@example(paths=["a/b/a"], pattern="*" + "*a" * 9)
@example(paths=["a"], pattern="/a/b/a")
@example(paths=["aé", "aéb", "aè", "b/aé"], pattern="*/aé*")
@given(paths=st.lists(PATHS, max_size=6, unique=True), pattern=PATTERNS)
def test_what_fits_is_found(files: sqlite3.Connection, paths: list[str], pattern: str) -> None:
    files.execute("DELETE FROM location")
    for number, path in enumerate(paths):
        insert_location(files, number, path.encode(), "present")
    fits = regular(pattern)
    expected = {n for n, path in enumerate(paths) if fits.fullmatch(f"/a/b/{path}")}
    rows = files.execute(*matching(pattern)).fetchall()
    assert {seq for (seq,) in rows} == expected
