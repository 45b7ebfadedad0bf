"""Orders other than by time, sorted where little matches and walked where much does."""

import re
import sqlite3
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipwatch.query import Query, parse
from clipwatch.store.sqlite_orders import Ordered, by_added, by_path
from clipwatch.store.sqlite_schema import migrate
from tests.clock import LOCAL
from tests.store.test_sqlite_query import CORPUS, SHARED, Row, insert, insert_location

Order = Callable[[sqlite3.Connection, Query, int, int | None, int], Ordered]

ROOTS = (b"/a", b"/a-b", b"/a b")
PLACES = (b"z.png", b"x/1.png", b"x/2.png", b"x-y/1.png", b"x/y/1.png", b"x\xff/1.png", b"B.png")
ROWS = [
    Row(10 + number, "a cat" * (number % 3 > 0), path=path) for number, path in enumerate(PLACES)
]
TEXTS = ("", "cat", "-cat", "folder:x", "folder:/a/x", "folder:/a cat", "folder:/zzz", "is:missing")


@pytest.fixture(scope="module")
def library() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    for number, path in enumerate(ROOTS, 1):
        connection.execute("INSERT INTO root (root_id, path) VALUES (?, ?)", (number, path))
    for row in (*CORPUS, *ROWS):
        insert(connection, row)
    connection.execute("UPDATE location SET root_id = 3 WHERE seq = 12")
    insert_location(connection, 12, b"x/0.png", "present")
    insert_location(connection, 11, b"shown/9.png", "present")
    insert_location(connection, 13, b"x/gone.png", "missing")
    insert_location(connection, 7, b"x/gone.png", "missing")
    yield connection
    connection.close()


def listed(
    library: sqlite3.Connection, order: Order, text: str, limit: int, most: int
) -> list[int]:
    """All pages put together."""
    query, seqs, after = parse(text, LOCAL), list[int](), None
    while placed := order(library, query, limit, after, most)[0]:
        seqs += [seq for seq, _ in placed]
        after = placed[-1][1]
    return seqs


def added(library: sqlite3.Connection, text: str, seqs: list[int]) -> list[int]:
    ids = dict(library.execute("SELECT seq, image_id FROM image"))
    return sorted(seqs, key=lambda seq: bytes(ids[seq]), reverse=True)


def placed(library: sqlite3.Connection, text: str, seqs: list[int]) -> list[int]:
    """By the places of their files in the folder that is searched; of several the one that was
    added last counts."""
    folder = re.search(r"folder:(/\w+)?/?(\w*)", text)
    within = f"{folder[1] or '/[^/]+'}/{folder[2] or '.*'}/" if folder else "/"
    rows = library.execute(
        "SELECT seq, root.path, folder, name FROM location JOIN root USING (root_id)"
        " ORDER BY state = 'missing' DESC, location_id"
    )
    places = {
        seq: place
        for seq, *place in rows
        if re.match(within.encode(), b"/".join(place).replace(b"//", b"/"))
    }
    return sorted(seqs, key=lambda seq: places[seq])


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("most", [0, 100], ids=["walked", "sorted"])
@pytest.mark.parametrize(("order", "expected"), [(by_added, added), (by_path, placed)])
def test_pages_of_any_size_make_the_whole_list(
    library: sqlite3.Connection,
    text: str,
    most: int,
    order: Order,
    expected: Callable[[sqlite3.Connection, str, list[int]], list[int]],
) -> None:
    query = parse(text, LOCAL)
    every = [seq for seq, _ in by_added(library, query, 100, None, 100)[0]]
    assert len(set(every)) == len(every)
    for limit in (1, 2, 100):
        assert listed(library, order, text, limit, most) == expected(library, text, every)
    _, matches = order(library, query, 1, None, most)
    assert matches is None or min(matches, most + 1) == min(len(every), most + 1)


@pytest.mark.parametrize(
    ("order", "index"),
    [
        (by_added, "SEARCH image USING INDEX sqlite_autoindex_image_1 (image_id<?)"),
        (
            by_path,
            "SEARCH location USING INDEX location_place (root_id=? AND (folder,name,gone)>(?,?,?)",
        ),
    ],
)
def test_where_much_matches_an_index_is_walked_and_nothing_sorted(
    library: sqlite3.Connection, order: Order, index: str
) -> None:
    statements: list[str] = []
    library.set_trace_callback(statements.append)
    order(library, parse("cat OR folder:x", LOCAL), 5, None, 0)
    library.set_trace_callback(None)
    plan = library.execute(f"EXPLAIN QUERY PLAN {statements[-1]}").fetchall()
    top = [detail for _, parent, _, detail in plan if parent == 0]
    assert any(detail.startswith(index) for detail in top)
    assert not [detail for detail in top if "ORDER BY" in detail]


@settings(max_examples=100, deadline=None)
@given(position=st.integers(-(2**200), 2**200), most=st.sampled_from([0, 100]))
def test_a_position_that_somebody_made_up_is_one_like_any(position: int, most: int) -> None:
    for order in (by_added, by_path):
        seqs = [seq for seq, _ in order(SHARED, Query(None), 100, position, most)[0]]
        assert set(seqs) <= {row.seq for row in CORPUS}
