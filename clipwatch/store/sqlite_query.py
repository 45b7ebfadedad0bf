"""A page of what a ``Query`` finds, in its order.

sqlite_selection  which images it wants, as SQL
sqlite_glance     those found soonest by looking at the newest images
sqlite_orders     orders other than by time
sqlite_relevance  the best of some
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from clipwatch.query import Query, Sort
from clipwatch.store.sqlite_fields import Sql
from clipwatch.store.sqlite_glance import Glance, first_that_fit
from clipwatch.store.sqlite_orders import by_added, by_path
from clipwatch.store.sqlite_relevance import best_first
from clipwatch.store.sqlite_selection import Selection, Wanted, selection, wanted
from clipwatch.store.sqlite_values import clamp, to_json

#: The newest that match, of which relevance picks the best.
CANDIDATES = 1_000

_OFFSET_BITS, _ID_BITS = 10, 128  # CANDIDATES fit, and an image_id
_KNOWN = """
SELECT seq FROM image WHERE seq IN (SELECT value FROM json_each(?)) AND image_id <= ?"""


@dataclass(frozen=True, slots=True)
class Found:
    """The ``seq`` of up to a page of images, and the position at which the next page begins."""

    seqs: list[int]
    position: int | None
    matches: int | None = None  #: on all pages, no further than they were to be counted


def page(
    connection: sqlite3.Connection,
    query: Query,
    limit: int,
    after: int | None = None,
    count_to: int = 0,
) -> Found:
    """Up to ``limit`` images in the order of the query; ``after`` is the position that the page
    before gave. Matches are counted up to ``count_to``, unless that would take long."""
    match query.sort:
        case Sort.RELEVANCE:
            return _most_relevant(connection, query, limit, after, count_to)
        case Sort.ADDED:
            placed, matches = by_added(connection, query, limit + 1, after)
        case Sort.PATH:
            placed, matches = by_path(connection, query, limit + 1, after)
        case _:
            # A cursor that somebody made up can hold any number.
            position = after and clamp(after)
            timed, matches = _by_time(connection, query, limit + 1, position, count_to)
            placed = [(seq, seq) for seq in timed]
    following = placed[limit - 1][1] if len(placed) > limit else None
    number = None if matches is None else min(matches, count_to)
    return Found([seq for seq, _ in placed[:limit]], following, number)


def _by_time(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None, count_to: int
) -> tuple[Sequence[int], int | None]:
    asked, order = wanted(connection, query), _Order(query.sort is Sort.OLDEST, after)
    if asked.is_long and after is None:  # a thousand cost no more than the first of them
        seqs = _listed(connection, asked, order, max(limit, count_to))
        return seqs, len(seqs)
    every = asked.selection(asked.operands)
    matches = len(every.first(connection, count_to)) if count_to and every.is_quick else None
    return _listed(connection, asked, order, limit), matches


def _listed(
    connection: sqlite3.Connection, asked: Wanted, order: "_Order", limit: int
) -> Sequence[int]:
    glance = Glance.of(asked)
    if glance is not None:
        candidates = order.statement(asked.selection(glance.narrow, order.bound))
        seen = first_that_fit(connection, _seqs(connection, candidates), glance, limit)
        if seen is not None:
            return seen
    statement = order.statement(asked.selection(asked.operands, order.bound), limit)
    return list(_seqs(connection, statement))


def _seqs(connection: sqlite3.Connection, statement: Sql) -> Iterator[int]:
    return (seq for (seq,) in connection.execute(statement.text, statement.values))


@dataclass(frozen=True, slots=True)
class _Order:
    """By time, from a position on."""

    is_upward: bool
    after: int | None

    @property
    def bound(self) -> Sql | None:
        if self.after is None:
            return None
        return Sql(f"image.seq {'>' if self.is_upward else '<'} ?", (self.after,), by_key=True)

    def statement(self, found: Selection, limit: int = -1) -> Sql:
        order = "ASC" if self.is_upward else "DESC"
        return Sql(f"{found.text} ORDER BY 1 {order} LIMIT ?", (*found.values, limit))


def page_statement(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None = None
) -> Sql:
    """The statement that yields a page by time from the indexes alone."""
    order = _Order(query.sort is Sort.OLDEST, after)
    return order.statement(selection(connection, query, order.bound), limit)


def _most_relevant(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None, count_to: int
) -> Found:
    """The best of the newest CANDIDATES that match.

    A position is the newest candidate's seq, the last image that was known at the first page, and
    how many of the best were shown: what arrives in between, old files too, changes nothing.
    """
    if after is None:
        top, shown, last = None, 0, _last_known(connection)
    else:
        top, shown = after >> _OFFSET_BITS + _ID_BITS, after % 2**_OFFSET_BITS
        last = (after >> _OFFSET_BITS) % 2**_ID_BITS
    newest = _candidates(connection, query, top, last)
    best = best_first(connection, query.root, newest)[shown : shown + limit]
    following = shown + len(best)
    matches = len(newest) if len(newest) < CANDIDATES else count_to
    if following >= len(newest):
        return Found(best, None, matches)
    return Found(best, (newest[0] << _ID_BITS | last) << _OFFSET_BITS | following, matches)


def _last_known(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute("SELECT max(image_id) FROM image").fetchone()
    return int.from_bytes(last or b"")


def _candidates(
    connection: sqlite3.Connection, query: Query, top: int | None, last: int
) -> list[int]:
    """The newest that match, from ``top`` on, and have ids up to ``last``."""
    query = replace(query, sort=Sort.NEWEST)
    found: list[int] = []
    after = None if top is None else top + 1
    while len(found) < CANDIDATES:
        newest = page(connection, query, CANDIDATES - len(found), after)
        known = connection.execute(_KNOWN, (to_json(newest.seqs), last.to_bytes(16)))
        found += sorted((seq for (seq,) in known), reverse=True)
        after = newest.position
        if after is None:
            break
    return found
