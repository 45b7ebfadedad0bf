import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import Embedded, FileStat, LocationState, Observation, Outcome
from clipwatch.store import sqlite_record
from clipwatch.store.sqlite_roots import register_root
from clipwatch.store.sqlite_schema import migrate
from clipwatch.store.sqlite_strangers import strangers

PATHS = (b"a.png", b"b.png", b"in/a.png", b"in/b.png", b"new.png", b"in/new.png", b"other/a.png")
KEYS = (None, b"k" * 16, b"q" * 16, b"new" * 5)
SEEN = st.builds(
    lambda root, path, inode, key, content_hash: seen(root, path, inode, key, content_hash),
    st.integers(1, 2),
    st.sampled_from(PATHS),
    st.integers(0, 8) | st.just(1 << 63),
    st.sampled_from(KEYS) | st.binary(min_size=16, max_size=16),
    st.sampled_from((None, None, None, b"h" * 32)),
)


def seen(
    root: int, path: bytes, inode: int, key: bytes | None, content_hash: bytes | None = None
) -> Observation:
    return Observation(
        root,
        path,
        FileStat(1, inode, 100, 1_000),
        LocationState.PRESENT,
        embedded=Embedded(Outcome.NONE),
        quick_key=key,
        content_hash=content_hash,
    )


KNOWN = (
    seen(1, b"a.png", 1, b"k" * 16),
    seen(1, b"in/b.png", 2, b"K" * 16),
    seen(2, b"in/a.png", 1 << 63, None),
)


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        for root in (b"/one", b"/two"):
            register_root(connection, root)
        sqlite_record.record(connection, KNOWN, now=0, priority=None)
        yield connection


@given(st.lists(SEEN, max_size=6))
def test_strangers_share_nothing_with_a_row_or_with_another(
    connection: sqlite3.Connection, each: list[Observation]
) -> None:
    def is_stranger(number: int) -> bool:
        one, others = each[number], [*KNOWN, *each[:number], *each[number + 1 :]]
        return one.content_hash is None and not any(
            (one.root_id, one.path) == (other.root_id, other.path)
            or one.stat.inode == other.stat.inode
            or (one.quick_key is not None and one.quick_key == other.quick_key)
            for other in others
        )

    assert strangers(connection, each) == set(filter(is_stranger, range(len(each))))


def test_more_files_than_a_statement_takes_are_told_apart(connection: sqlite3.Connection) -> None:
    new = [seen(1, b"many/%d.png" % n, 100 + n, b"%16d" % n) for n in range(2_500)]
    assert strangers(connection, [*KNOWN, *new]) == set(range(3, 2_503))


def test_a_call_writes_new_files_and_known_ones(connection: sqlite3.Connection) -> None:
    new, again = seen(2, b"new.png", 50, b"n" * 16), seen(2, b"moved.png", 50, b"n" * 16)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as other:
        migrate(other)
        register_root(other, b"/one")
        register_root(other, b"/two")
        answers = sqlite_record.record(other, [*KNOWN, new], now=0, priority=None)
        told = sqlite_record.record(
            other, [KNOWN[0], again, seen(1, b"x", 51, None)], now=1, priority=None
        )
        rows = other.execute("SELECT count(*) FROM image").fetchone()
    assert [one.verdict for one in answers] == ["new"] * 4
    assert [one.verdict for one in told] == ["unchanged", "linked", "new"]
    assert told[1].image_id == answers[3].image_id
    assert rows == (5,)
