import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipwatch.model import Tag, TagOrigin
from clipwatch.query import Field, Query
from clipwatch.store import sqlite_fts, sqlite_tags
from clipwatch.store.sqlite_query import page
from clipwatch.store.sqlite_schema import migrate

NAMES = ("red hair", "red", "hair", "c++", "c", ":d", ";d", "红发", "红", "été", "ete", "e72", "")
TAGS = st.builds(
    Tag,
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(TagOrigin),
    st.sampled_from(["general", "lora"]),
    st.none() | st.floats(0, 1),
)


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    return connection


def add(connection: sqlite3.Connection, seq: int, *tags: Tag) -> None:
    connection.execute(
        "INSERT INTO image (seq, image_id, state, added_at) VALUES (?, ?, 'present', 0)",
        (seq, b"%16d" % seq),
    )
    for origin in TagOrigin:
        given = [tag for tag in tags if tag.origin is origin]
        sqlite_tags.add(connection, {seq: given}, origin)
    sqlite_fts.enter(connection, [seq])


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(database()) as connection:
        for seq, name in enumerate(NAMES):
            add(connection, seq, Tag(name))
        yield connection


def found(connection: sqlite3.Connection, field: Field) -> list[str]:
    return [NAMES[seq] for seq in page(connection, Query(field), 50).seqs]


@pytest.mark.parametrize("name", NAMES)
def test_a_tag_is_found_by_its_name_and_nothing_else(
    connection: sqlite3.Connection, name: str
) -> None:
    assert found(connection, Field("tag", name, 0)) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_a_tag_is_found_by_how_it_begins(connection: sqlite3.Connection, name: str) -> None:
    begin_so = {other for other in NAMES if other.startswith(name)}
    assert set(found(connection, Field("tag", name, 0, prefix=True))) == begin_so


@given(st.lists(TAGS, unique_by=lambda tag: (tag.name, tag.category, tag.origin)))
def test_tags_come_back_as_they_were_given(tags: list[Tag]) -> None:
    with closing(database()) as connection:
        add(connection, 1, *tags)
        in_order = sorted(tags, key=lambda tag: list(TagOrigin).index(tag.origin))
        assert sqlite_tags.of(connection, 1) == in_order
        for origin in TagOrigin:
            sqlite_tags.drop(connection, 1, origin)
        assert sqlite_tags.of(connection, 1) == []
        assert connection.execute("SELECT * FROM tag WHERE uses <> 0").fetchall() == []
