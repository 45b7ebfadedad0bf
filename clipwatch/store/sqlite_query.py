"""A page of what a ``Query`` finds, in its order.

sqlite_selection  which images it wants, as SQL
sqlite_orders     orders other than by time
"""

import sqlite3
from dataclasses import dataclass, replace

from clipwatch.query import Node, Query, Sort
from clipwatch.store.sqlite_fields import Sql
from clipwatch.store.sqlite_match import highlights
from clipwatch.store.sqlite_orders import by_added, by_path
from clipwatch.store.sqlite_selection import selection
from clipwatch.store.sqlite_values import clamp, to_json

#: The newest that match, of which relevance picks the best.
CANDIDATES = 1_000

# bm25's weights of prompt, generated, manual, negative, tags, facts.
_RANK = "bm25(fts, 1.0, 0.5, 2.0, 0.1, 0.0, 0.0)"
_OFFSET_BITS = 10  # CANDIDATES fit


@dataclass(frozen=True, slots=True)
class Found:
    """The ``seq`` of up to a page of images, and the position at which the next page begins."""

    seqs: list[int]
    position: int | None


def page(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None = None
) -> Found:
    """Up to ``limit`` images in the order of the query; ``after`` is the position that the page
    before gave."""
    match query.sort:
        case Sort.RELEVANCE:
            # A cursor that somebody made up can hold any number.
            return _most_relevant(connection, query, limit, after and clamp(after))
        case Sort.ADDED:
            placed = by_added(connection, query, limit + 1, after)
        case Sort.PATH:
            placed = by_path(connection, query, limit + 1, after)
        case _:
            timed = page_statement(connection, query, limit + 1, after and clamp(after))
            placed = [(seq, seq) for (seq,) in connection.execute(timed.text, timed.values)]
    position = placed[limit - 1][1] if len(placed) > limit else None
    return Found([seq for seq, _ in placed[:limit]], position)


def page_statement(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None = None
) -> Sql:
    """The statement behind ``page``, by time."""
    is_upward = query.sort is Sort.OLDEST
    beyond = f"image.seq {'>' if is_upward else '<'} ?"
    bound = None if after is None else Sql(beyond, (after,), by_key=True)
    found = selection(connection, query, bound)
    order = "ASC" if is_upward else "DESC"
    return Sql(f"{found.text} ORDER BY 1 {order} LIMIT ?", (*found.values, limit))


def count(connection: sqlite3.Connection, query: Query, at_most: int) -> int | None:
    """How many images match, counted no further than to ``at_most``; None where counting could
    take long."""
    found = selection(connection, query)
    return len(found.first(connection, at_most)) if found.is_quick else None


def _most_relevant(
    connection: sqlite3.Connection, query: Query, limit: int, after: int | None
) -> Found:
    """The best of the newest CANDIDATES that match.

    A position is the newest candidate's seq, so that images that arrive change nothing, and how
    many of the best were shown.
    """
    top, shown = (None, 0) if after is None else (after >> _OFFSET_BITS, after % 2**_OFFSET_BITS)
    below = None if top is None else top + 1
    newest = page(connection, replace(query, sort=Sort.NEWEST), CANDIDATES, below).seqs
    best = _ranked(connection, query.root, newest)[shown : shown + limit]
    following = shown + len(best)
    is_end = following >= len(newest)
    return Found(best, None if is_end else newest[0] << _OFFSET_BITS | following)


def _ranked(connection: sqlite3.Connection, root: Node | None, seqs: list[int]) -> list[int]:
    words = " OR ".join(dict.fromkeys(highlights(root)))
    if not words or not seqs:
        return seqs
    text = f"""SELECT rowid, {_RANK} FROM fts WHERE fts MATCH ? AND rowid <= ? AND rowid >= ?
      AND +rowid IN (SELECT value FROM json_each(?))"""
    values = (words, seqs[0], seqs[-1], to_json(seqs))
    rank = dict(connection.execute(text, values).fetchall())
    return sorted(seqs, key=lambda seq: (rank.get(seq, 0.0), -seq))
