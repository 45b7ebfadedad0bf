"""Figures about everything, each had without looking at every image.

Values and tags have counters; months are spans of the narrow index of images that are there;
answers have counters, too, by a trigger on ``prompt``.
"""

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from clipwatch.counts import BackendCount, RootCount, Statistics, ValueCount
from clipwatch.model import LocationState
from clipwatch.query import month_at
from clipwatch.store import sqlite_counts

#: Fields of a search that are told.
FIELDS = ("type", "has", "model", "lora", "sampler", "scheduler", "generator", "format", "rating")
#: Values of a field, and terms, that are told.
TOP = 50

_MISSING = "SELECT count(*) FROM image WHERE missing = 1"
_NEWEST = "SELECT max(seq) FROM image INDEXED BY image_shown WHERE missing = 0 AND seq < ?"
_BETWEEN = """
SELECT count(*) FROM image INDEXED BY image_shown WHERE missing = 0 AND seq >= ? AND seq < ?"""
_BACKENDS = """
SELECT backend, kind, model, number, duration_ms FROM answer_count
ORDER BY number DESC, backend, model"""
_FILES = "SELECT count(*) FROM location WHERE root_id = ?"
_ODD_FILES = """
SELECT state, count(*) FROM location INDEXED BY location_odd
WHERE state <> 'present' AND root_id = ? GROUP BY state"""


def statistics(connection: sqlite3.Connection, now: datetime) -> Statistics:
    """The figures, months going by the zone of ``now``."""
    (missing,) = connection.execute(_MISSING).fetchone()
    (images,) = connection.execute("SELECT count(*) FROM image").fetchone()
    return Statistics(
        images=images - missing,
        missing=missing,
        fields={name: sqlite_counts.top_values(connection, name, "", TOP) for name in FIELDS},
        months=list(_months(connection, now)),
        terms=sqlite_counts.top_tags(connection, "", TOP),
        backends=[BackendCount(*row) for row in connection.execute(_BACKENDS)],
    )


def _months(connection: sqlite3.Connection, now: datetime) -> Iterator[ValueCount]:
    """Every month that has images, from the newest on; times that no calendar has are left out."""
    end = 2**63 - 1
    while (newest := connection.execute(_NEWEST, (end,)).fetchone()[0]) is not None:
        month = month_at(newest, now)
        if month is None:
            end = newest
            continue
        (number,) = connection.execute(_BETWEEN, (month.start, month.end)).fetchone()
        yield ValueCount(month.name, number)
        end = month.start


def root_counts(connection: sqlite3.Connection) -> list[RootCount]:
    """Every root, with its files counted by state.

    SQLite counts a whole table in no time and a part of it row by row, so the first root, which is
    mostly the only one, has what the others leave.
    """
    roots = connection.execute("SELECT root_id, path, imported_at FROM root ORDER BY path")
    known = roots.fetchall()
    if not known:
        return []
    first, *others = known
    files = {root_id: _number(connection, _FILES, root_id) for root_id, *_ in others}
    files[first[0]] = _number(connection, "SELECT count(*) FROM location") - sum(files.values())
    return [
        RootCount(path, imported_at, _states(connection, root_id, files[root_id]))
        for root_id, path, imported_at in known
    ]


def _number(connection: sqlite3.Connection, statement: str, *values: int) -> int:
    number: int = connection.execute(statement, values).fetchone()[0]
    return number


def _states(connection: sqlite3.Connection, root_id: int, files: int) -> dict[str, int]:
    odd = dict(connection.execute(_ODD_FILES, (root_id,)))
    states = {LocationState.PRESENT.value: files - sum(odd.values()), **odd}
    return {state: number for state, number in states.items() if number}
