"""What tags, completion, facets and figures cost, against counting when asked.

The library is synthetic (``benchmarks.library``). The rival is how infinite-image-browsing lists
tags: a table of images and their tags, grouped and sorted for every question. It is made from the
same images.
"""

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import library, report
from clipwatch.query import parse
from clipwatch.store import sqlite_counts, sqlite_facets, sqlite_statistics
from clipwatch.store.sqlite_tags import spelled

IMAGES = 100_000
TOP = 50
RUNS = 11
NOW = datetime.fromtimestamp(library.NOW / 1e6, UTC)
_RIVAL = """
CREATE TEMP TABLE term (term_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TEMP TABLE has (seq INTEGER, term_id INTEGER, PRIMARY KEY (seq, term_id)) WITHOUT ROWID;
CREATE INDEX temp.has_term ON has (term_id);"""
_GROUPED = f"""
SELECT name, n FROM (SELECT term_id, count(*) AS n FROM has GROUP BY term_id ORDER BY n DESC
LIMIT {TOP}) JOIN term USING (term_id)"""


def main() -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory(prefix="clipwatch-") as work:
        path = Path(work, "library.db")
        library.build(path, IMAGES)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            _show(connection)


def _show(connection: sqlite3.Connection) -> None:
    links = _make_rival(connection)
    grouped = _median(lambda: connection.execute(_GROUPED).fetchall())
    top = _median(lambda: sqlite_counts.top_tags(connection, "", TOP))
    report.show(
        f"Counting in {IMAGES:,} images, in the store, median of {RUNS}",
        [f"the rival's table has {links:,} rows; its time grows with them, a counter's does not"],
        [
            (
                f"{grouped / top:,.0f} x",
                f"GROUP BY for the top {TOP} tags ({grouped:,.0f} ms); goal, in a million: 1,000",
            ),
            (f"{top:.2f} ms", f"the top {TOP} tags"),
            *((f"{_median(work):.2f} ms", what) for what, work in _questions(connection)),
        ],
    )


def _questions(connection: sqlite3.Connection) -> Iterator[tuple[str, Callable[[], object]]]:
    for begin in ("k", "ka", "kam", "castle"):
        yield (
            f"tags of which a word begins with {begin}",
            partial(sqlite_counts.tags_like, connection, begin, 12),
        )
    for field, part in (("model", "5"), ("lora", "3"), ("lora", "absent")):
        yield (
            f"values of {field} with {part} in them",
            partial(sqlite_counts.top_values, connection, field, part, 12),
        )
    for text in ("", "dragon", "girl castle", "absentword"):
        yield f"facets of {text or 'everything'}", partial(_facets, connection, text)
    yield (
        "all figures, of which months grow with the images",
        partial(sqlite_statistics.statistics, connection, NOW),
    )


def _facets(connection: sqlite3.Connection, text: str) -> object:
    return sqlite_facets.facets(connection, parse(text, NOW), NOW)


def _make_rival(connection: sqlite3.Connection) -> int:
    connection.executescript(_RIVAL)
    connection.execute("BEGIN")
    numbers: dict[str, int] = {}
    rows = connection.execute("SELECT seq, tokens FROM image_tags ORDER BY seq").fetchall()
    for seq, tokens in rows:
        names = set(spelled(tokens, None, without=""))
        found = [(seq, numbers.setdefault(name, len(numbers))) for name in sorted(names)]
        connection.executemany("INSERT OR IGNORE INTO has VALUES (?, ?)", found)
    connection.executemany("INSERT INTO term (name, term_id) VALUES (?, ?)", numbers.items())
    connection.execute("COMMIT")
    (links,) = connection.execute("SELECT count(*) FROM has").fetchone()
    return int(links)


def _median(work: Callable[[], object]) -> float:
    """Milliseconds; the first run warms SQLite's cache."""
    work()
    samples = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        samples.append((time.perf_counter() - began) * 1000)
    return statistics.median(samples)


if __name__ == "__main__":
    main()
