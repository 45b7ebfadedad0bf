"""A page of what a ``Query`` finds, in its order.

sqlite_selection  which images it wants, as SQL
sqlite_glance     those found soonest by looking at the newest images
sqlite_orders     orders other than by time
sqlite_relevance  the best of some
"""

import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from clipwatch.query import Query, Sort
from clipwatch.store.sqlite_fields import Sql
from clipwatch.store.sqlite_glance import Glance, first_that_fit
from clipwatch.store.sqlite_orders import by_added, by_path
from clipwatch.store.sqlite_relevance import Place, best_first
from clipwatch.store.sqlite_selection import Selection, Wanted, selection, wanted
from clipwatch.store.sqlite_values import clamp, to_json

#: The newest that match, of which relevance picks the best.
CANDIDATES = 1_000

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
    """The best of the newest CANDIDATES that match, as they were at the first page: what arrives
    later, old files too, changes nothing."""
    place = None if after is None else Place.at(after)
    last_id = _last_known(connection) if place is None else place.last_id
    newest = _candidates(connection, query, last_id, place)
    scale = None if place is None else place.scale
    best, scale = best_first(connection, query.root, newest, scale)
    left = [each for each in best if place is None or each < place.shown]
    shown = left[:limit]
    seqs = [seq for _, seq in shown]
    matches = len(newest) if len(newest) < CANDIDATES else count_to
    if len(left) <= limit:
        return Found(seqs, None, matches)
    top, bottom = (newest[0], newest[-1]) if place is None else (place.top, place.bottom)
    return Found(seqs, Place(top, bottom, last_id, shown[-1], scale).number, matches)


def _last_known(connection: sqlite3.Connection) -> bytes:
    (last,) = connection.execute("SELECT max(image_id) FROM image").fetchone()
    return last or bytes(16)


def _candidates(
    connection: sqlite3.Connection, query: Query, last_id: bytes, place: Place | None
) -> list[int]:
    """The newest that match, and have ids up to ``last_id``: some CANDIDATES, or all between the
    ends of a place, among which some may match only by now."""
    query = replace(query, sort=Sort.NEWEST)
    after, bottom, most = None, -math.inf, CANDIDATES
    if place is not None:
        after, bottom, most = clamp(place.top + 1), place.bottom, 2 * CANDIDATES
    found: list[int] = []
    while len(found) < most:
        newest = page(connection, query, most - len(found), after)
        known = connection.execute(_KNOWN, (to_json(newest.seqs), last_id))
        found += sorted((seq for (seq,) in known if seq >= bottom), reverse=True)
        after = newest.position
        if after is None or after < bottom:
            break
    return found
