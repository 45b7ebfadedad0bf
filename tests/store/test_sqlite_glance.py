import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipwatch.model import TagOrigin
from clipwatch.query import parse
from clipwatch.store import sqlite_fts
from clipwatch.store.sqlite_glance import LOOK, MOST
from clipwatch.store.sqlite_query import page, page_statement
from tests.clock import LOCAL
from tests.store.test_sqlite_query import Row, database, insert, insert_row

IMAGES = MOST + LOOK
#: Words that one image in so many has.
WORDS = {"common": 2, "seldom": 40, "scarce": 300}


def row(number: int, told: str, **more: Any) -> Row:
    return Row(100 + number, embedded=told, path=b"%d.png" % number, **more)


def numbered(number: int) -> Row:
    has = [f"{word}_{number}" for word, each in WORDS.items() if number % each == 0]
    tags = dict.fromkeys(has, TagOrigin.EMBEDDED)
    state = "missing" if number % 7 == 0 else "present"
    told = ", ".join(["girl", "夜空", *has])
    return row(number, told, tags=tags, parameters={"seed": number}, state=state)


@pytest.fixture(scope="module")
def many() -> Iterator[sqlite3.Connection]:
    connection = database()
    rows = [numbered(number) for number in range(IMAGES)]
    connection.execute("BEGIN")
    for one in rows:
        insert_row(connection, one)
    sqlite_fts.enter(connection, [one.seq for one in rows])
    yield connection
    connection.close()


SEARCHES = [
    *("com*", "sel*", "sca*", "zzz*", "夜", "girl co*", '"girl 夜空 com"*', "prompt:com*"),
    *("-com*", "sca*|sel*", "com* OR scarce_300", "-(com* -sel*)", "tag:com*", "seed:1*"),
    *(
        "created:1970 sel*",
        "com* has:prompt",
        "com* folder:2024",
        "com* is:queued",
        "com* path:0",
        "(com* path:0) OR scarce_300",
        "-(sel* path:1)",
        "is:missing com*",
        "negative:b*",
        "girl common_24 path:1",
        '"girl 夜空" -is:missing path:2 -common_24',
        "seldom_40|common_24 is:missing",
        "tag:common>0.5 girl path:3",
        "(girl path:1) path:2 has:prompt created:1970",
    ),
    *("com* sort:oldest", "sel* sort:oldest", "-com* sort:oldest"),
]


@pytest.mark.parametrize("text", SEARCHES)
@pytest.mark.parametrize("after", [None, 100 + IMAGES // 2])
def test_glances_find_what_the_index_finds(
    many: sqlite3.Connection, text: str, after: int | None
) -> None:
    query = parse(text, LOCAL)
    for limit in (1, 20, 2 * LOOK):
        statement = page_statement(many, query, limit, after)
        expected = [seq for (seq,) in many.execute(statement.text, statement.values)]
        assert page(many, query, limit, after).seqs == expected


@pytest.mark.parametrize(
    ("text", "merges"),
    [
        ("com*", False),
        ("sel*", False),
        ("sca*", True),
        ("com* tag:common>0.5", True),
        ("sca* path:11", False),
    ],
)
def test_words_are_put_together_only_where_few_images_fit(
    many: sqlite3.Connection, text: str, merges: bool
) -> None:
    asked: list[str] = []
    many.set_trace_callback(asked.append)
    page(many, parse(text, LOCAL), 5)
    many.set_trace_callback(None)
    assert any('" *' in statement for statement in asked) is merges


def test_words_in_few_images_are_not_asked_of_the_index(many: sqlite3.Connection) -> None:
    asked: list[str] = []
    many.set_trace_callback(asked.append)
    found = page(many, parse('"girl 夜空" -common_112 path:11', LOCAL), 50)
    many.set_trace_callback(None)
    assert found.seqs
    assert not any("MATCH" in statement for statement in asked)


PARTS = ["re", "red", "fox", "FÓX", "a1", "東京の", "_", ",", "(", "*"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=8).map(" ".join)
#: With a word at least: nothing is found by punctuation alone.
ASKED = st.tuples(TEXTS, st.sampled_from(PARTS[:6]), TEXTS).map(" ".join)


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, max_size=4), ASKED.map(str.strip), st.booleans())
def test_any_texts(texts: list[str], asked: str, negated: bool) -> None:
    connection = database()
    for number, text in enumerate(texts):
        insert(connection, row(number, text))
    quoted = '"' + asked + '"*'
    query = parse(f"-{quoted} OR zzz" if negated else quoted, LOCAL)
    statement = page_statement(connection, query, 100)
    expected = [seq for (seq,) in connection.execute(statement.text, statement.values)]
    assert page(connection, query, 100).seqs == expected
    connection.close()
